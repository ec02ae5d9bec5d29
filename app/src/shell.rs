//! What surrounds every page, and the one way to render: as a document, as a region, as the parts
//! of it that change.

use domain::{actor::Actor, board::Freshness};
use jiff::Timestamp;
use leptos::prelude::*;

use crate::{
    components::{actor::signed_in, markup, since::staleness},
    pages::{
        audit::{self, AuditPage},
        connections::{self, ConnectionsPage},
        environments::{self, EnvironmentsPage},
        problem::{self, ProblemPage},
        rollout::{self, RolloutPage},
        rollouts::{self, RolloutsPage},
        sign_in::{self, SignInPage},
    },
    ui::{
        Tone,
        dialog::dialog,
        document::{announcer, head, live_indicator, skip_link, style_sheet, theme_switch},
        empty_state::notice,
        icon::{brand, sprite},
    },
};

/// Where the built files are, with their hashes, as paths on this server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assets {
    pub js: String,
    pub wasm: String,
    pub css: String,
    /// The rules of the first paint, as text: every document carries them.
    pub first: String,
}

/// Light or dark, if somebody chose; otherwise the browser's setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

/// What came of the form that was just sent, shown above the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub good: bool,
    pub sentence: String,
}

/// What every document needs besides its page.
#[derive(Clone, Debug)]
pub struct Frame {
    pub assets: Assets,
    pub theme: Option<Theme>,
    /// Nobody before sign-in.
    pub actor: Option<Actor>,
    /// Path and query of the page: what the live view is asked for by.
    pub view: String,
    /// Stamp of the board the page was rendered from; empty where nothing is live.
    pub version: String,
    /// The worst freshness of the clusters on the page.
    pub freshness: Freshness,
    pub outcome: Option<Outcome>,
    /// The server's time of rendering: what ages and countdowns are told from.
    pub now: Timestamp,
    /// How many times faster than ours that time runs; 1 but in a pretend world.
    pub speed: u32,
}

/// A page with everything it shows.
#[derive(Clone, Debug)]
pub enum Page {
    Environments(EnvironmentsPage),
    Rollouts(RolloutsPage),
    Rollout(Box<RolloutPage>),
    Connections(ConnectionsPage),
    Audit(AuditPage),
    SignIn(SignInPage),
    Problem(ProblemPage),
}

/// An element that is sent again: its id and its markup, the element itself included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    pub id: String,
    pub html: String,
}

/// The changing parts of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Equal as long as the same parts stand in the same order. When it changes, the whole region
    /// is sent instead of parts.
    pub shape: String,
    /// Ids never repeat and each stays with its subject.
    pub parts: Vec<Fragment>,
}

/// The pages of the navigation: address, name, and the key that goes there after `g`.
const PLACES: [(&str, &str, &str); 4] = [
    ("/", "Environments", "e"),
    ("/rollouts", "Rollouts", "r"),
    ("/audit", "Audit", "a"),
    ("/connections", "Connections", "c"),
];

/// The whole document, with `nonce` as leptos provides it.
pub fn document(page: &Page, frame: &Frame) -> String {
    let theme = match frame.theme {
        None => None,
        Some(Theme::Light) => Some("light"),
        Some(Theme::Dark) => Some("dark"),
    };
    let Assets { js, wasm, css, first } = &frame.assets;
    let is_live = !frame.version.is_empty();
    let stale = is_live.then(|| staleness(&frame.freshness)).flatten();
    let now = frame.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let speed = (frame.speed != 1).then_some(frame.speed);
    let (view, version) = (frame.view.clone(), frame.version.clone());
    let content = match &frame.actor {
        Some(actor) => view! {
            <div class="shell">
                {navigation(page, actor, theme, is_live, stale.clone())}
                <main id="main">{outcome(frame)}{region_of(page)}</main>
            </div>
        }
        .into_any(),
        None => view! { <main id="main" class="alone">{outcome(frame)}{region_of(page)}</main> }
            .into_any(),
    };
    let html = markup(view! {
        <html lang="en" data-theme-mode=theme>
            <head>{head(title(page), js, wasm, css, first)}</head>
            <body data-theme-mode=theme data-stale=stale.as_ref().map(|_| "stale") data-now=now data-speed=speed>
                {skip_link("#main")}
                {sprite()}
                {content}
                {announcer()}
                {help()}
                <crate::live::Live view version />
                {style_sheet(css)}
            </body>
        </html>
    });
    format!("<!DOCTYPE html>{html}")
}

/// The part of the page inside `<main>`, as one fragment: sent when its shape changed.
pub fn region(page: &Page, _frame: &Frame) -> Fragment {
    Fragment { id: "region".into(), html: markup(region_of(page)) }
}

/// The parts of the region that change by themselves.
pub fn live(page: &Page) -> Live {
    match page {
        Page::Environments(page) => environments::live(page),
        Page::Rollouts(page) => rollouts::live(page),
        Page::Rollout(page) => rollout::live(page),
        Page::Connections(page) => connections::live(page),
        Page::Audit(_) | Page::SignIn(_) | Page::Problem(_) => {
            Live { shape: String::new(), parts: vec![] }
        }
    }
}

fn region_of(page: &Page) -> impl IntoView + use<> {
    let content = match page {
        Page::Environments(page) => environments::draw(page),
        Page::Rollouts(page) => rollouts::draw(page),
        Page::Rollout(page) => rollout::draw(page),
        Page::Connections(page) => connections::draw(page),
        Page::Audit(page) => audit::draw(page),
        Page::SignIn(page) => sign_in::draw(page),
        Page::Problem(page) => problem::draw(page),
    };
    view! { <div id="region">{content}</div> }
}

fn title(page: &Page) -> String {
    match page {
        Page::Environments(_) => "Environments".into(),
        Page::Rollouts(_) => "Rollouts".into(),
        Page::Rollout(page) => format!("{} in {}", page.rollout.key.name, page.environment.name),
        Page::Connections(_) => "Connections".into(),
        Page::Audit(_) => "Audit".into(),
        Page::SignIn(_) => "Sign in".into(),
        Page::Problem(page) => page.title.clone(),
    }
}

/// Which place of the navigation a page belongs to.
fn place(page: &Page) -> &'static str {
    match page {
        Page::Environments(_) => "/",
        Page::Rollouts(_) | Page::Rollout(_) => "/rollouts",
        Page::Connections(_) => "/connections",
        Page::Audit(_) => "/audit",
        Page::SignIn(_) | Page::Problem(_) => "",
    }
}

fn navigation(
    page: &Page,
    actor: &Actor,
    theme: Option<&str>,
    is_live: bool,
    stale: Option<String>,
) -> AnyView {
    let here = place(page);
    let links: Vec<_> = PLACES
        .into_iter()
        .map(|(address, name, key)| {
            let current = (address == here).then_some("page");
            view! { <a href=address aria-current=current data-go=key>{name}</a> }
        })
        .collect();
    let indicator = is_live.then(|| live_indicator("Live", stale));
    view! {
        <nav class="nav" aria-label="Main">
            <a class="nav__brand" href="/">{brand()}"Signalbox"</a>
            {links}
            <div class="nav__foot">{indicator}{theme_switch(theme)}{signed_in(actor)}</div>
        </nav>
    }
    .into_any()
}

fn outcome(frame: &Frame) -> Option<impl IntoView + use<>> {
    let Outcome { good, sentence } = frame.outcome.clone()?;
    Some(notice(if good { Tone::Positive } else { Tone::Negative }, sentence))
}

/// The keys, opened by `?`: of the pages there are.
fn help() -> impl IntoView {
    let go = PLACES.into_iter().map(|(_, name, key)| (format!("g {key}"), name));
    let rows: Vec<_> = go
        .chain([("/".to_owned(), "Filter"), ("?".to_owned(), "This help")])
        .map(|(key, what)| view! { <div><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div> })
        .collect();
    dialog("help", "Keys", view! { <dl class="facts">{rows}</dl> })
}

#[cfg(test)]
mod tests;
