//! `/audit`: every act and every refusal, newest first.

use domain::audit::Entry;
use leptos::prelude::*;

use crate::{
    components::entries::entries,
    ui::{
        button::{self, Kind},
        empty_state::empty_state,
    },
};

/// One page of the log.
#[derive(Clone, Debug)]
pub struct AuditPage {
    pub entries: Vec<Entry>,
    /// Sequence number to go on from, if there are older entries.
    pub older: Option<i64>,
}

/// The log stands still while it is read: it has no live parts.
pub(crate) fn draw(page: &AuditPage) -> AnyView {
    let log = if page.entries.is_empty() {
        empty_state(
            "Nothing was done yet",
            "Whoever resumes or aborts a rollout, by page or by program, appears here with reason and outcome; so does whoever was refused.",
            None,
        )
        .into_any()
    } else {
        entries("Audit", &page.entries).into_any()
    };
    let older = page.older.map(|before| {
        let link = button::link(Kind::Plain, format!("/audit?before={before}"), "Older entries");
        view! { <nav class="pager" aria-label="Pages">{link}</nav> }
    });
    view! {
        <div class="head"><div>
            <h1>"Audit"</h1>
            <p>"Every act and every refusal, newest first. Times are UTC."</p>
        </div></div>
        <div class="card">{log}</div>
        {older}
    }
    .into_any()
}
