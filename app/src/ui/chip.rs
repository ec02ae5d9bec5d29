//! Short facts in a pill.

use leptos::prelude::*;

use super::Tone;

/// A short fact: "1.8.4 → 1.9.0", "Good".
pub fn chip(tone: Tone, text: impl Into<String>) -> impl IntoView {
    let text: String = text.into();
    view! { <span class="chip" data-tone=tone.name()>{text}</span> }
}

/// How many of something wait, beside its name; `what` says it to those who do not see the place:
/// "2 wait for you".
pub fn badge(tone: Tone, count: usize, what: impl Into<String>) -> impl IntoView {
    let what: String = what.into();
    let title = what.clone();
    view! { <span class="chip" data-tone=tone.name() title=title>{count}<span class="unseen">" "{what}</span></span> }
}
