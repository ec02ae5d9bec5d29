//! The one island: it keeps a page that the server rendered alive.
//!
//! ```text
//! /events --patch--> morph   (changes only what changed; never what a person is doing)
//!         --stale--> the live indicator
//!         --reload-> a fresh page
//! clock   --1 s----> <time data-ago|data-countdown>
//! keys, theme        what lives in the browser alone
//! ```
//!
//! Everything a page says is in its markup before this code arrives; without it links, forms and
//! exact times still work. It is written to be small: strings and the browser's own functions, no
//! parsers and no state of its own beyond the stream.

#[cfg(feature = "hydrate")]
mod browser;
#[cfg(feature = "hydrate")]
mod clock;
#[cfg(any(feature = "hydrate", test))]
mod keys;
#[cfg(feature = "hydrate")]
mod morph;
#[cfg(feature = "hydrate")]
mod stream;
#[cfg(feature = "hydrate")]
mod theme;
#[cfg(any(feature = "hydrate", test))]
mod words;

use leptos::prelude::*;

/// Keeps the page alive. Once per page, anywhere in the body.
///
/// `view` is the page's own path and query, `version` the board's version the page was rendered
/// from; both go to `/events`, which answers with what changed since. They travel as attributes,
/// not as the island's props: those would bring a JSON parser along.
#[cfg(feature = "ssr")]
#[component]
pub fn Live(view: String, version: String) -> impl IntoView {
    view! { <div id="stream" data-view=view data-version=version><Stream /></div> }
}

/// The part of [`Live`] that runs in the browser.
#[island]
pub fn Stream() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    browser::start();
    // Waking looks for what was rendered. Nothing renders as a comment, and pages carry none.
    view! { <i hidden></i> }
}

/// Called by the page's start script once the module is there, before the islands wake.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
