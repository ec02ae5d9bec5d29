//! Tables: sorted by links, scrolled sideways by keyboard where they do not fit.

use leptos::prelude::*;

/// Which way a column is sorted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Descending,
}

/// A column's head.
#[derive(Clone, Debug, Default)]
pub struct Column {
    pub label: String,
    /// Numbers stand at the end, so that their digits line up.
    pub is_number: bool,
    /// Where a click sorts by this column, or turns its order around.
    pub sort_by: Option<String>,
    /// Set on the column the rows are sorted by.
    pub sorted: Option<Order>,
}

impl Column {
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }
}

/// A table with its head; `rows` are `<tr>`s, those of things that change with an `id` each.
/// `caption` names the table to those who do not see its surroundings.
pub fn table(
    caption: impl Into<String>,
    columns: Vec<Column>,
    rows: impl IntoView,
) -> impl IntoView {
    let caption: String = caption.into();
    let label = caption.clone();
    let heads: Vec<_> = columns.into_iter().map(head).collect();
    view! {
        <div class="table__scroll" role="region" tabindex="0" aria-label=label>
            <table class="table">
                <caption class="unseen">{caption}</caption>
                <thead><tr>{heads}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

fn head(column: Column) -> impl IntoView {
    let Column { label, is_number, sort_by, sorted } = column;
    let sorted = sorted.map(|order| match order {
        Order::Ascending => "ascending",
        Order::Descending => "descending",
    });
    let label = match sort_by {
        Some(href) => view! { <a href=href>{label}</a> }.into_any(),
        None => label.into_any(),
    };
    if is_number {
        view! { <th scope="col" class="num" aria-sort=sorted>{label}</th> }.into_any()
    } else {
        view! { <th scope="col" aria-sort=sorted>{label}</th> }.into_any()
    }
}
