//! What is shown when a page cannot be: not found, not allowed, broken.

use leptos::prelude::*;

use crate::ui::button::{self, Kind};

/// A problem in words.
#[derive(Clone, Debug)]
pub struct ProblemPage {
    /// HTTP status.
    pub status: u16,
    pub title: String,
    /// What was expected and what to do.
    pub detail: String,
}

pub(crate) fn draw(page: &ProblemPage) -> AnyView {
    view! {
        <div class="card pad stack">
            <small>{format!("Problem {}", page.status)}</small>
            <h1>{page.title.clone()}</h1>
            <p>{page.detail.clone()}</p>
            <p>{button::link(Kind::Plain, "/", "Go to the environments")}</p>
        </div>
    }
    .into_any()
}
