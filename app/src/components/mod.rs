//! Parts of pages that know the domain: from domain values to markup. A page and a fragment of it
//! are drawn by the same functions, so they cannot differ.

use leptos::prelude::*;

pub(crate) mod action_bar;
pub(crate) mod actor;
pub(crate) mod address;
pub(crate) mod attention;
pub(crate) mod conditions;
pub(crate) mod entries;
pub(crate) mod id;
pub(crate) mod phase_badge;
pub(crate) mod refusal;
pub(crate) mod revisions;
pub(crate) mod since;
pub(crate) mod step_track;
pub(crate) mod verdict;
pub(crate) mod version;

/// Renders. The markers leptos leaves between dynamic parts serve hydration alone; nothing but
/// islands is hydrated here, so they are dropped: they would cost bytes in every row.
pub(crate) fn markup(view: impl IntoView) -> String {
    view.to_html().replace("<!>", "")
}
