//! Things that open: both kinds are the browser's own and work without script.

use leptos::prelude::*;

use super::button::Kind;

/// A panel below a button: a form that needs a word before it is sent. It is a `<details>`, so it
/// opens without script and stays open, with what is typed in it, through every patch.
///
/// Panels with the same `group` close each other.
pub fn panel(
    kind: Kind,
    id: impl Into<String>,
    label: impl Into<String>,
    group: &'static str,
    content: impl IntoView,
) -> impl IntoView {
    let (id, label): (String, String) = (id.into(), label.into());
    let kind = match kind {
        Kind::Primary => Some("primary"),
        Kind::Stop => Some("stop"),
        Kind::Plain => None,
    };
    view! {
        <details class="panel" id=id name=group>
            <summary class="button" data-kind=kind>{label}</summary>
            <div class="panel__body">{content}</div>
        </details>
    }
}

/// A modal dialog, closed by Escape, by its button or by a form with `method="dialog"`. Something
/// on the page must open it: the island opens `#help` by `?`.
pub fn dialog(
    id: impl Into<String>,
    title: impl Into<String>,
    content: impl IntoView,
) -> impl IntoView {
    let (id, title): (String, String) = (id.into(), title.into());
    let heading = format!("{id}-title");
    let named_by = heading.clone();
    view! {
        <dialog class="dialog" id=id aria-labelledby=named_by>
            <div class="dialog__head">
                <h2 id=heading>{title}</h2>
                <form method="dialog">
                    <button class="button" aria-label="Close">"×"</button>
                </form>
            </div>
            {content}
        </dialog>
    }
}
