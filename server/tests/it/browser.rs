//! A headless Chromium for the stories people would click.
//!
//! Where no Chromium is found the caller says so and leaves the story out; with `CI=true` that is
//! a failure.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use chromiumoxide::{
    Browser as Chromium, BrowserConfig, Page,
    cdp::{
        browser_protocol::{
            emulation::{MediaFeature, SetDeviceMetricsOverrideParams},
            log, network,
            page::CaptureScreenshotFormat,
        },
        js_protocol::runtime,
    },
    page::ScreenshotParams,
};
use futures::StreamExt;
use tokio::task::JoinHandle;

/// How long a page may take to show what is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where Debian and others put it.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Where Chromium is, if it is anywhere on the path.
pub(crate) fn find() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "tests find tools on the path themselves")]
    let path = std::env::var("PATH").ok()?;
    NAMES
        .iter()
        .flat_map(|name| path.split(':').map(move |dir| Path::new(dir).join(name)))
        .find(|file| file.is_file())
}

/// Chromium, or `None` with one line that says the story is left out. Under CI a failure.
pub(crate) async fn open() -> Option<Browser> {
    let Some(path) = find() else {
        #[expect(clippy::disallowed_methods, reason = "the one switch between saying and failing")]
        let ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!ci, "no Chromium on the path: install Debian's package chromium");
        eprintln!("left out: no Chromium on the path (Debian's package chromium has it)");
        return None;
    };
    Some(Browser::launch(&path).await.expect("Chromium starts"))
}

/// A running browser with an empty profile; ends with the value.
pub(crate) struct Browser {
    chromium: Chromium,
    handler: JoinHandle<()>,
    _profile: tempfile::TempDir,
}

impl Browser {
    async fn launch(path: &Path) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let config = BrowserConfig::builder()
            .chrome_executable(path)
            .user_data_dir(profile.path())
            .no_sandbox()
            .new_headless_mode()
            .launch_timeout(Duration::from_secs(60))
            .viewport(None)
            // Nothing but the page under test is asked of the network.
            .args([
                "disable-gpu",
                "disable-quic",
                "no-first-run",
                "disable-background-networking",
                "disable-component-update",
                "disable-sync",
                "disable-default-apps",
            ])
            .build()
            .map_err(anyhow::Error::msg)?;
        let (chromium, mut events) = Chromium::launch(config).await.context("start Chromium")?;
        let handler = tokio::spawn(async move { while events.next().await.is_some() {} });
        Ok(Self { chromium, handler, _profile: profile })
    }

    /// A tab that writes down requests, console messages and errors from its first moment.
    pub(crate) async fn tab(&self) -> Result<Tab> {
        let page = self.chromium.new_page("about:blank").await?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        page.execute(network::EnableParams::default()).await?;
        page.enable_log().await?;
        page.enable_runtime().await?;
        let mut listeners = vec![];
        let mut requests = page.event_listener::<network::EventRequestWillBeSent>().await?;
        let mut console = page.event_listener::<runtime::EventConsoleApiCalled>().await?;
        let mut exceptions = page.event_listener::<runtime::EventExceptionThrown>().await?;
        let mut entries = page.event_listener::<log::EventEntryAdded>().await?;
        let to = Arc::clone(&seen);
        listeners.push(tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(event) = requests.next() => {
                        let url = event.request.url.clone();
                        to.lock().expect("no panic while held").requests.push(url);
                    }
                    Some(event) = console.next() => {
                        if matches!(event.r#type, runtime::ConsoleApiCalledType::Error | runtime::ConsoleApiCalledType::Warning) {
                            to.lock().expect("no panic while held").complaints.push(format!("console: {:?}", event.args));
                        }
                    }
                    Some(event) = exceptions.next() => {
                        to.lock().expect("no panic while held").complaints.push(thrown(&event.exception_details));
                    }
                    Some(event) = entries.next() => {
                        if matches!(event.entry.level, log::LogEntryLevel::Error | log::LogEntryLevel::Warning) {
                            to.lock().expect("no panic while held").complaints.push(format!("log: {} {:?}", event.entry.text, event.entry.url));
                        }
                    }
                    else => break,
                }
            }
        }));
        Ok(Tab { page, seen, listeners })
    }
}

/// An uncaught exception: what it says, and through which functions it came.
fn thrown(details: &runtime::ExceptionDetails) -> String {
    let what = details.exception.as_ref().and_then(|exception| exception.description.clone());
    let frames = details.stack_trace.as_ref().map(|trace| {
        trace.call_frames.iter().map(|frame| frame.function_name.as_str()).collect::<Vec<_>>()
    });
    format!("thrown: {} {} through {frames:?}", details.text, what.unwrap_or_default())
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.handler.abort();
        if let Some(child) = self.chromium.get_mut_child() {
            let _ = child.as_mut_inner().start_kill();
        }
    }
}

#[derive(Default)]
struct Seen {
    requests: Vec<String>,
    complaints: Vec<String>,
}

/// One tab.
pub(crate) struct Tab {
    page: Page,
    seen: Arc<Mutex<Seen>>,
    listeners: Vec<JoinHandle<()>>,
}

impl Drop for Tab {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.abort();
        }
    }
}

impl Tab {
    /// Goes to an address and waits until it is loaded.
    pub(crate) async fn go(&self, url: &str) -> Result<()> {
        self.page.goto(url).await.with_context(|| format!("go to {url}"))?;
        Ok(())
    }

    /// Width in pixels and the preferred colour scheme.
    pub(crate) async fn look(&self, width: i64, dark: bool) -> Result<()> {
        let height = if width < 700 { 844 } else { 900 };
        self.page
            .execute(SetDeviceMetricsOverrideParams::new(width, height, 1.0, width < 700))
            .await?;
        let scheme = if dark { "dark" } else { "light" };
        self.page
            .emulate_media_features(vec![MediaFeature::new("prefers-color-scheme", scheme)])
            .await?;
        Ok(())
    }

    /// The value of an expression.
    pub(crate) async fn value(&self, expression: &str) -> Result<serde_json::Value> {
        let result = self.page.evaluate_expression(expression).await?;
        Ok(result.value().cloned().unwrap_or(serde_json::Value::Null))
    }

    /// Waits until an expression is true; says what it was when patience ends.
    pub(crate) async fn until(&self, what: &str, expression: &str) -> Result<()> {
        let poll = format!(
            "new Promise((done) => {{ const end = Date.now() + {}; const look = () => {{ let ok = false; try {{ ok = !!({expression}) }} catch (_) {{}} if (ok || Date.now() > end) done(ok); else setTimeout(look, 25); }}; look(); }})",
            PATIENCE.as_millis()
        );
        // A navigation in between ends the evaluation; the next page is asked again.
        for _ in 0..4 {
            match self.value(&poll).await {
                Ok(serde_json::Value::Bool(true)) => return Ok(()),
                Ok(serde_json::Value::Bool(false)) => break,
                Ok(_) | Err(_) => continue,
            }
        }
        let text = self.value("document.body.innerText.slice(0, 2000)").await.unwrap_or_default();
        bail!("waited in vain for {what}: {expression}\nthe page says: {text}")
    }

    /// Clicks an element as a mouse would: it must be there and be hit.
    pub(crate) async fn click(&self, selector: &str) -> Result<()> {
        self.until(selector, &format!("document.querySelector({selector:?})")).await?;
        let element = self.page.find_element(selector).await?;
        element.scroll_into_view().await?;
        element.click().await.with_context(|| format!("click {selector}"))?;
        Ok(())
    }

    /// Types into a field.
    pub(crate) async fn type_into(&self, selector: &str, text: &str) -> Result<()> {
        self.click(selector).await?;
        self.page.find_element(selector).await?.type_str(text).await?;
        Ok(())
    }

    /// Presses keys on whatever has the focus.
    pub(crate) async fn press(&self, key: &str) -> Result<()> {
        self.page.find_element("body").await?.press_key(key).await?;
        Ok(())
    }

    /// Every address asked for so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().expect("no panic while held").requests.clone()
    }

    /// Errors and warnings of console, network and content security policy.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.seen.lock().expect("no panic while held").complaints.clone()
    }

    /// Saves what is seen, all of the page.
    pub(crate) async fn picture(&self, file: &Path) -> Result<()> {
        let params = ScreenshotParams::builder()
            .format(CaptureScreenshotFormat::Png)
            .full_page(true)
            .build();
        self.page.save_screenshot(params, file).await?;
        Ok(())
    }
}
