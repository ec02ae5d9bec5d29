//! From page to page of a long list, by links.

use leptos::prelude::*;

/// Where one is and how to go on. `page` counts from 1; `href` gives a page's address. Nothing when
/// all fits on one page.
pub fn pager(page: usize, pages: usize, href: impl Fn(usize) -> String) -> impl IntoView {
    (pages > 1).then(|| {
        let link = |to: Option<usize>, words: &'static str, rel: &'static str| match to {
            Some(to) => view! { <a class="button" rel=rel href=href(to)>{words}</a> }.into_any(),
            None => view! { <span class="button" aria-disabled="true">{words}</span> }.into_any(),
        };
        let before = (page > 1).then(|| page - 1);
        let after = (page < pages).then_some(page + 1);
        view! {
            <nav class="pager" aria-label="Pages">
                {link(before, "Previous", "prev")}
                <span>{format!("Page {page} of {pages}")}</span>
                {link(after, "Next", "next")}
            </nav>
        }
    })
}
