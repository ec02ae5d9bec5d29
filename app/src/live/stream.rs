//! The page's line to the server: one `EventSource`, told apart from silence.
//!
//! The browser reconnects by itself and names the last event it saw. When the server answers with
//! an error the browser gives up; then we try again, ever more slowly, from the version we have.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Document, EventSource, MessageEvent};

use super::{clock, clock::Clock, morph};

/// A connection that is back within this time was not worth a word, in milliseconds.
const GRACE: f64 = 2_000.0;
/// Waits between attempts after a refusal: from the first, doubled up to the last, in milliseconds.
const RETRY_FIRST: f64 = 1_000.0;
const RETRY_LAST: f64 = 30_000.0;
/// A hidden tab gives its connection back after this time: browsers allow six per host without
/// HTTP/2, and the seventh tab would never load. In milliseconds.
const HIDDEN: f64 = 60_000.0;

/// What the browser calls with a message.
type Heard = Closure<dyn FnMut(MessageEvent)>;

/// The line and what is known about it. Times are in milliseconds since the epoch.
pub(super) struct Stream {
    document: Document,
    clock: Clock,
    view: String,
    version: RefCell<String>,
    source: RefCell<Option<EventSource>>,
    heard: RefCell<Option<Heard>>,
    /// The server's own word on staleness; empty when it is live.
    stale: RefCell<String>,
    news: Cell<f64>,
    lost: Cell<Option<f64>>,
    hidden: Cell<Option<f64>>,
    wait: Cell<f64>,
    retry: Cell<f64>,
}

impl Stream {
    /// Opens the line for the page `view`, rendered from `version`.
    pub(super) fn open(
        document: Document,
        clock: Clock,
        view: String,
        version: String,
        now: f64,
    ) -> Rc<Self> {
        let stream = Rc::new(Self {
            document,
            clock,
            view,
            version: RefCell::new(version),
            source: RefCell::new(None),
            heard: RefCell::new(None),
            stale: RefCell::default(),
            news: Cell::new(now),
            lost: Cell::new(None),
            hidden: Cell::new(None),
            wait: Cell::new(RETRY_FIRST),
            retry: Cell::new(0.0),
        });
        let weak = Rc::downgrade(&stream);
        let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(stream) = weak.upgrade() {
                stream.hear(&event, js_sys::Date::now());
            }
        });
        stream.heard.replace(Some(heard));
        stream.connect();
        stream
    }

    fn connect(&self) {
        let view = String::from(js_sys::encode_uri_component(&self.view));
        let version = String::from(js_sys::encode_uri_component(&self.version.borrow()));
        let url = ["/events?view=", &view, "&version=", &version].concat();
        let Ok(source) = EventSource::new(&url) else { return };
        if let Some(heard) = &*self.heard.borrow() {
            for kind in ["patch", "stale", "reload", "open", "error"] {
                let _ =
                    source.add_event_listener_with_callback(kind, heard.as_ref().unchecked_ref());
            }
        }
        self.source.replace(Some(source));
    }

    fn hear(&self, event: &MessageEvent, now: f64) {
        let kind = event.type_();
        if kind == "error" {
            if self.lost.get().is_none() {
                self.lost.set(Some(now));
            }
            let wait = self.wait.get();
            self.retry.set(now + wait);
            self.wait.set((wait * 2.0).min(RETRY_LAST));
            return;
        }
        self.news.set(now);
        if self.lost.take().is_some() {
            self.indicate();
        }
        self.wait.set(RETRY_FIRST);
        if kind == "open" {
            return;
        }
        if !event.last_event_id().is_empty() {
            self.version.replace(event.last_event_id());
        }
        let data = event.data().as_string().unwrap_or_default();
        match kind.as_str() {
            "patch" => {
                let said = morph::patch(&self.document, &data);
                clock::tick(&self.document, self.clock, now);
                if let (false, Some(voice)) =
                    (said.is_empty(), self.document.get_element_by_id("announce"))
                {
                    voice.set_text_content(Some(&said.join(" ")));
                }
            }
            "stale" => {
                self.stale.replace(data);
                self.indicate();
            }
            _ => {
                if let Some(location) = self.document.location() {
                    let _ = location.reload();
                }
            }
        }
    }

    /// Once a second: says a lost line, tries again, and rests while nobody looks.
    pub(super) fn tick(&self, now: f64) {
        if !self.document.hidden() {
            self.hidden.set(None);
        } else if now
            - self.hidden.get().unwrap_or_else(|| {
                self.hidden.set(Some(now));
                now
            })
            > HIDDEN
        {
            if let Some(source) = self.source.take() {
                source.close();
            }
            return;
        }
        let is_closed = match &*self.source.borrow() {
            Some(source) => source.ready_state() == EventSource::CLOSED && now >= self.retry.get(),
            None => true,
        };
        if is_closed {
            self.connect();
        }
        if self.lost.get().is_some_and(|since| now - since >= GRACE) {
            self.indicate();
        }
    }

    /// Shows the state of the line: its own loss first, then the server's word, then "live".
    fn indicate(&self) {
        let stale = self.stale.borrow();
        let (state, words) = if self.lost.get().is_some() {
            let time = js_sys::Date::new(&self.news.get().into()).to_time_string();
            // `to_time_string` is "14:02:11 GMT+0100 (…)" by the language's definition.
            let time = time.substring(0, 8);
            ("lost", ["reconnecting, last news ", &String::from(time)].concat())
        } else {
            (if stale.is_empty() { "live" } else { "stale" }, stale.clone())
        };
        if let Some(body) = self.document.body() {
            let _ = match state {
                "live" => body.remove_attribute("data-stale"),
                _ => body.set_attribute("data-stale", state),
            };
        }
        if let Some(live) = self.document.get_element_by_id("live") {
            let words = match state {
                "live" => live.get_attribute("data-live").unwrap_or_default(),
                _ => words,
            };
            let _ = live.set_attribute("data-state", state);
            // Equal words are not written again: a status is read aloud each time it changes.
            if live.text_content().as_deref() != Some(words.as_str()) {
                live.set_text_content(Some(&words));
            }
        }
    }
}
