//! The theme switch: system, light or dark.
//!
//! The choice is kept in a cookie, so that the server writes the attribute into the first byte and
//! nothing flashes, and in the browser's storage, from which a lost cookie is restored.

use web_sys::{Document, Element, HtmlDocument, Window, wasm_bindgen::JsCast};

const NAME: &str = "theme";
/// A year in seconds: a choice of this kind is not worth asking for again.
const COOKIE_END: &str = "; path=/; max-age=31536000; samesite=lax";

/// Restores a remembered choice the server did not know of, and marks the chosen button.
pub(super) fn start(window: &Window, document: &Document) {
    let rendered = document.document_element().and_then(|html| html.get_attribute(MODE));
    let kept = window.local_storage().ok().flatten().and_then(|store| store.get_item(NAME).ok()?);
    match (rendered, kept) {
        (None, Some(choice)) if choice != "system" => choose(window, document, &choice),
        (rendered, _) => mark(document, rendered.as_deref().unwrap_or("system")),
    }
}

const MODE: &str = "data-theme-mode";

/// Takes a choice: attributes on `<html>` and `<body>` (where company themes look), cookie, storage.
pub(super) fn choose(window: &Window, document: &Document, choice: &str) {
    let places = [document.document_element(), document.body().map(Element::from)];
    for place in places.into_iter().flatten() {
        let _ = if choice == "system" {
            place.remove_attribute(MODE)
        } else {
            place.set_attribute(MODE, choice)
        };
    }
    let cookies: &HtmlDocument = document.unchecked_ref();
    let _ = cookies.set_cookie(&[NAME, "=", choice, COOKIE_END].concat());
    if let Ok(Some(store)) = window.local_storage() {
        let _ = store.set_item(NAME, choice);
    }
    mark(document, choice);
}

fn mark(document: &Document, choice: &str) {
    let Ok(buttons) = document.query_selector_all("[data-theme-choice]") else { return };
    for index in 0..buttons.length() {
        if let Some(button) = buttons.get(index) {
            let button: &Element = button.unchecked_ref();
            let chosen = button.get_attribute("data-theme-choice").as_deref() == Some(choice);
            let _ = button.set_attribute("aria-pressed", if chosen { "true" } else { "false" });
        }
    }
}
