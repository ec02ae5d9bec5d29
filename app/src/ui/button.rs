//! Buttons: what they do is their form's business; whether they may, and why not, is said here.

use leptos::prelude::*;

/// How much a button asks for attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The one thing to do here.
    Primary,
    /// Stops or takes back something.
    Stop,
    Plain,
}

impl Kind {
    fn name(self) -> Option<&'static str> {
        match self {
            Kind::Primary => Some("primary"),
            Kind::Stop => Some("stop"),
            Kind::Plain => None,
        }
    }
}

/// Submits the form it stands in. With a refusal it stays reachable by keyboard, says why (in its
/// title and to screen readers) and submits nothing, with or without script.
///
/// `id` is unique on the page: the reason's element takes its name from it, and a patch finds the
/// button by it, so that the focus stays.
pub fn submit(
    kind: Kind,
    id: impl Into<String>,
    label: impl Into<String>,
    refused: Option<String>,
) -> impl IntoView {
    let (id, label): (String, String) = (id.into(), label.into());
    // `type` and `title` are the refusal's too: without one the button submits.
    let why = refused.is_some().then(|| format!("{id}-why"));
    view! {
        <button
            class="button"
            id=id
            type=refused.is_some().then_some("button")
            data-kind=kind.name()
            aria-disabled=refused.is_some().then_some("true")
            aria-describedby=why.clone()
            title=refused.clone()
        >
            {label}
        </button>
        {refused.map(|reason| view! { <span class="unseen" id=why>{reason}</span> })}
    }
}

/// A link that looks like a button, because it is the thing to do next.
pub fn link(kind: Kind, href: impl Into<String>, label: impl Into<String>) -> impl IntoView {
    let (href, label): (String, String) = (href.into(), label.into());
    view! { <a class="button" data-kind=kind.name() href=href>{label}</a> }
}
