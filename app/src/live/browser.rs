//! Wires the island to the browser: one timer, one key listener, one click listener.

use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{
    Document, Element, HtmlDialogElement, HtmlElement, KeyboardEvent, MouseEvent, Window,
};

use super::{clock, clock::Clock, keys, stream::Stream, theme};

const SECOND: i32 = 1_000;
/// Where keys are for typing.
const TYPING: &str = "input,textarea,select,[contenteditable]";

/// Starts everything the island does; it runs as long as the page does.
pub(super) fn start() {
    let Some(window) = web_sys::window() else { return };
    let Some(document) = window.document() else { return };
    let Some(wanted) = document.get_element_by_id("stream") else { return };
    let view = wanted.get_attribute("data-view").unwrap_or_default();
    let version = wanted.get_attribute("data-version").unwrap_or_default();
    theme::start(&window, &document);
    listen(&window, &document);

    let now = js_sys::Date::now();
    let clock = Clock::read(&document, now);
    clock::tick(&document, clock, now);
    // A page without a version is not live.
    let stream =
        (!version.is_empty()).then(|| Stream::open(document.clone(), clock, view, version, now));
    let beat = Closure::<dyn FnMut()>::new(move || {
        let now = js_sys::Date::now();
        if let Some(stream) = &stream {
            stream.tick(now);
        }
        clock::tick(&document, clock, now);
    });
    let _ = window.set_interval_with_callback_and_timeout_and_arguments_0(
        beat.as_ref().unchecked_ref(),
        SECOND,
    );
    // Lives as long as the page.
    beat.forget();
    // Said for whoever drives a browser: from here on keys and switches answer.
    let _ = wanted.set_attribute("data-awake", "");
}

fn listen(window: &Window, document: &Document) {
    let mut keys = keys::Keys::default();
    let page = document.clone();
    let pressed = Closure::<dyn FnMut(KeyboardEvent)>::new(move |event: KeyboardEvent| {
        let typing = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .is_some_and(|target| target.matches(TYPING).unwrap_or(false));
        if typing || event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        if act(&page, keys.press(&event.key(), js_sys::Date::now())) {
            event.prevent_default();
        }
    });
    let _ = document.add_event_listener_with_callback("keydown", pressed.as_ref().unchecked_ref());
    pressed.forget();

    let (window, page) = (window.clone(), document.clone());
    let clicked = Closure::<dyn FnMut(MouseEvent)>::new(move |event: MouseEvent| {
        let choice = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .and_then(|target| target.closest("[data-theme-choice]").ok().flatten())
            .and_then(|button| button.get_attribute("data-theme-choice"));
        if let Some(choice) = choice {
            theme::choose(&window, &page, &choice);
        }
    });
    let _ = document.add_event_listener_with_callback("click", clicked.as_ref().unchecked_ref());
    clicked.forget();
}

/// Does what a key asked for; false when the page has nothing of the kind.
fn act(document: &Document, asked: keys::Asked) -> bool {
    let find = |selector: &str| -> Option<HtmlElement> {
        document.query_selector(selector).ok().flatten()?.dyn_into().ok()
    };
    match asked {
        keys::Asked::Nothing => false,
        keys::Asked::Filter => find("[data-filter]").map(|filter| filter.focus()).is_some(),
        keys::Asked::Help => find("dialog#help")
            .and_then(|help| help.dyn_into::<HtmlDialogElement>().ok())
            .is_some_and(|help| help.open() || help.show_modal().is_ok()),
        keys::Asked::Go(letter) => {
            find(&["[data-go=", letter.encode_utf8(&mut [0; 4]), "]"].concat())
                .map(|link| link.click())
                .is_some()
        }
    }
}
