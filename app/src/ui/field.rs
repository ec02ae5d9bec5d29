//! Things to type and choose in; each has a label that stays.

use leptos::prelude::*;

/// A filter: sent by Enter as part of its form, focused by `/`.
pub fn filter(name: &'static str, label: &'static str, value: impl Into<String>) -> impl IntoView {
    let value: String = value.into();
    view! {
        <input class="field" id=format!("field-{name}") name=name type="search" value=value
            placeholder=format!("{label}  /") aria-label=label autocomplete="off" data-filter="" />
    }
}

/// One of several values, each with its words. The label is read, not shown.
pub fn select(
    name: &'static str,
    label: &'static str,
    options: Vec<(String, String)>,
    chosen: &str,
) -> impl IntoView + use<> {
    let options: Vec<_> = options
        .into_iter()
        .map(|(value, words)| {
            let is_chosen = value == chosen;
            view! { <option value=value selected=is_chosen>{words}</option> }
        })
        .collect();
    view! { <select class="field" id=format!("field-{name}") name=name aria-label=label>{options}</select> }
}

/// A reason: a few sentences, kept for good. `id` is unique on the page, so that what is typed
/// survives a patch around it.
pub fn text_area(
    id: impl Into<String>,
    name: &'static str,
    label: impl Into<String>,
    hint: impl Into<String>,
    is_required: bool,
) -> impl IntoView {
    let (id, label, hint): (String, String, String) = (id.into(), label.into(), hint.into());
    let of = id.clone();
    view! {
        <label for=of>{label}</label>
        <textarea class="field" id=id name=name placeholder=hint required=is_required rows="3"></textarea>
    }
}
