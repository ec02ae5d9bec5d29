//! What people see and click, in a real browser.

use std::path::{Path, PathBuf};

use domain::{
    actor::Role,
    rollout::{Phase, Wait},
};

use crate::{
    browser::{self, Browser, Tab},
    world::{NEW, PATH, Story},
};

/// Where pictures of this run lie, for whoever wants to look.
fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/pictures");
    std::fs::create_dir_all(&folder).expect("the target folder takes pictures");
    folder
}

/// A browser at a desk, signed in with this role, before a healthy canary; nothing where there is no
/// browser.
async fn at_a_desk(role: Role) -> Option<(Browser, Story, Tab)> {
    let browser = browser::open().await?;
    let story = Story::sandbox().await;
    story.until("the first version is healthy", |r| r.reading().phase == Phase::Healthy).await;
    let tab = browser.tab().await.expect("a tab opens");
    tab.look(1440, false).await.expect("the window takes a size");
    sign_in(&tab, &story, role).await;
    Some((browser, story, tab))
}

/// Signs in through the provider's page, by clicking.
async fn sign_in(tab: &Tab, story: &Story, role: Role) {
    tab.go(&format!("{}/sign-in", story.url())).await.expect("the page opens");
    tab.click("main form button").await.expect("there is one button");
    let choice = format!("button[value={:?}]", role.word());
    tab.click(&choice).await.expect("the provider offers the role");
    tab.until("the first page", "document.querySelector('#region')").await.expect("signed in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_in_sees_the_weight_change_resumes_and_sees_the_result() {
    let Some((_browser, story, tab)) = at_a_desk(Role::Approver).await else { return };
    tab.go(&format!("{}{PATH}", story.url())).await.expect("the page opens");
    tab.until("the live line", "document.querySelector('#live').innerText.includes('Live')")
        .await
        .expect("the island runs");
    tab.value("window.marked = true").await.expect("a mark that a reload would remove");

    story.release(NEW).await;
    for weight in ["20 %", "40 %", "60 %"] {
        tab.until(
            weight,
            &format!("document.querySelector('#region').innerText.includes('{weight}')"),
        )
        .await
        .expect("the weight changes by itself");
    }
    story.until("it holds for a person", |r| matches!(r.wait(), Wait::Person { .. })).await;
    tab.until(
        "the sentence",
        "document.querySelector('#region').innerText.includes('for a person')",
    )
    .await
    .expect("the sentence follows");

    // A half-typed reason, its focus and its selection survive whatever arrives.
    tab.click("details:has(form[action$='/resume']) summary").await.expect("the form opens");
    let field = "form[action$='/resume'] [name=reason]";
    tab.type_into(field, "looks go").await.expect("typing works");
    tab.value(&format!("document.querySelector({field:?}).setSelectionRange(2, 5)"))
        .await
        .expect("a selection");
    story.annotate("signalbox.dev/story", "somebody else changed something").await;
    story.scale(6).await;
    tab.until(
        "the change of replicas",
        "document.querySelector('#region').innerText.match(/\\b6\\b/)",
    )
    .await
    .expect("the patch arrives");
    let kept = tab
        .value(&format!(
            "(() => {{ const f = document.querySelector({field:?}); return [document.activeElement === f, f.value, f.selectionStart, f.selectionEnd, !!f.closest('details').open].join() }})()"
        ))
        .await
        .expect("a value");
    assert_eq!(kept, "true,looks go,2,5,true");

    tab.value(&format!("document.querySelector({field:?}).setSelectionRange(8, 8)"))
        .await
        .expect("a caret");
    tab.type_into(field, "od").await.expect("typing goes on");
    tab.click("form[action$='/resume'] button").await.expect("the button is there");
    tab.until(
        "the outcome",
        "[...document.querySelectorAll('[role=status]')].some((status) => /resumed/i.test(status.innerText))",
    )
    .await
    .expect("the outcome is said");
    tab.until("healthy again", "document.querySelector('#region').innerText.includes('Healthy')")
        .await
        .expect("the page follows to the end");
    assert_eq!(tab.complaints(), Vec::<String>::new(), "the console is clean");
    let strangers: Vec<_> = tab
        .requests()
        .into_iter()
        .filter(|url| {
            !url.starts_with("http://127.0.0.1:")
                && !url.starts_with("about:")
                && !url.starts_with("data:")
        })
        .collect();
    assert_eq!(strangers, Vec::<String>::new(), "nothing is asked of another host");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_looked_at_on_a_phone_and_a_desk_light_and_dark() {
    let Some(browser) = browser::open().await else { return };
    let story = Story::sandbox().await;
    story.until("the first version is healthy", |r| r.reading().phase == Phase::Healthy).await;
    story.release(NEW).await;
    story.until("it holds for a person", |r| matches!(r.wait(), Wait::Person { .. })).await;
    let tab = browser.tab().await.expect("a tab opens");
    tab.look(1440, false).await.expect("the window takes a size");
    sign_in(&tab, &story, Role::Developer).await;
    for (name, path) in [
        ("environments", "/"),
        ("rollouts", "/rollouts"),
        ("rollout", PATH),
        ("connections", "/connections"),
        ("audit", "/audit"),
    ] {
        for (width, dark) in [(390, false), (390, true), (1440, false), (1440, true)] {
            tab.look(width, dark).await.expect("the window takes a size");
            tab.go(&format!("{}{path}", story.url())).await.expect("the page opens");
            tab.until("the page", "document.querySelector('#region')").await.expect("a page");
            let overflow = tab
                .value(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
                )
                .await
                .expect("a number");
            assert_eq!(overflow, 0, "{name} at {width} px does not scroll sideways");
            let mode = if dark { "dark" } else { "light" };
            tab.picture(&pictures().join(format!("{name}-{width}-{mode}.png")))
                .await
                .expect("a picture");
        }
    }
    assert_eq!(tab.complaints(), Vec::<String>::new(), "the console is clean");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_is_readable_after_one_request() {
    let Some((_browser, story, tab)) = at_a_desk(Role::Viewer).await else { return };
    tab.go(&format!("{}/rollouts", story.url())).await.expect("the page opens");
    let blocking = tab
        .value("performance.getEntriesByType('resource').filter((entry) => entry.renderBlockingStatus === 'blocking').map((entry) => entry.name).join()")
        .await
        .expect("a list");
    assert_eq!(blocking, "", "nothing besides the page itself blocks its first picture");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_lead_to_pages_and_a_chosen_theme_stays() {
    let Some((_browser, story, tab)) = at_a_desk(Role::Viewer).await else { return };
    for (keys, path) in [(["g", "r"], "/rollouts"), (["g", "c"], "/connections"), (["g", "e"], "/")]
    {
        tab.until("the island", "document.querySelector('#live, [data-go]')")
            .await
            .expect("a page");
        tab.until("the keys", "document.querySelector('#stream')?.dataset.awake !== undefined")
            .await
            .expect("the island listens");
        for key in keys {
            tab.press(key).await.expect("a key is pressed");
        }
        tab.until(path, &format!("location.pathname === '{path}'")).await.expect("one is there");
    }
    tab.click("[data-theme-choice=dark]").await.expect("the switch is there");
    tab.until("dark", "document.body.dataset.themeMode === 'dark'").await.expect("it is dark");
    tab.go(&format!("{}/audit", story.url())).await.expect("the page opens");
    let first = tab.value("document.documentElement.dataset.themeMode").await.expect("a value");
    assert_eq!(first, "dark", "the server renders what was chosen");
}
