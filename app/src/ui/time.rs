//! Times as markup. The text is the exact time, equal however often it is rendered; the island
//! turns it into an age or a countdown and keeps the exact one in the title.

use jiff::Timestamp;
use leptos::prelude::*;

/// The exact time in UTC, to the second: `2026-11-23 14:02:11 UTC`.
pub fn exact(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The exact time for people and machines, to the second: `2026-11-23 14:02:11Z`. A `<time>` with
/// such a text needs no `datetime`, which in a list of 100 rows is one byte in fifteen:
/// <https://html.spec.whatwg.org/#datetime-value>.
fn machine(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// When it happened: "12 min ago".
pub fn time_ago(at: Timestamp) -> impl IntoView {
    view! { <time data-ago="">{machine(at)}</time> }
}

/// How long it has lasted, for "paused for …": "12 min". Without script the sentence says since when,
/// so write it so that both read: "Paused since/for".
pub fn time_for(at: Timestamp) -> impl IntoView {
    view! { <time data-ago="for">{machine(at)}</time> }
}

/// When it will end: "in 1:42".
pub fn countdown(at: Timestamp) -> impl IntoView {
    view! { <time data-countdown="">{machine(at)}</time> }
}

/// An exact time that stays one: evidence, audit.
pub fn time_exact(at: Timestamp) -> impl IntoView {
    view! { <time datetime=machine(at)>{exact(at)}</time> }
}
