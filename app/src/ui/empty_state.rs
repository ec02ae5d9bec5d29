//! What stands where there is nothing yet.

use leptos::prelude::*;

/// Says what would appear here, and what to do so that it does.
pub fn empty_state(
    title: impl Into<String>,
    text: impl Into<String>,
    action: Option<AnyView>,
) -> impl IntoView {
    let (title, text): (String, String) = (title.into(), text.into());
    view! {
        <div class="empty">
            <h2>{title}</h2>
            <p>{text}</p>
            {action}
        </div>
    }
}

/// A sentence above the page: what came of the form just sent, or what is wrong with what is shown.
pub fn notice(tone: super::Tone, text: impl Into<String>) -> impl IntoView {
    let text: String = text.into();
    view! { <p class="toast" role="status" data-tone=tone.name()>{text}</p> }
}
