//! What surrounds every page, and the one way to render: as a document, as a region, as the parts
//! of it that change.

use domain::{actor::Actor, board::Freshness};

use crate::pages::{
    audit::AuditPage, connections::ConnectionsPage, environments::EnvironmentsPage,
    problem::ProblemPage, rollout::RolloutPage, rollouts::RolloutsPage, sign_in::SignInPage,
};

/// Where the built files are, with their hashes, as paths on this server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assets {
    pub js: String,
    pub wasm: String,
    pub css: String,
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

/// The whole document, with `nonce` as leptos provides it.
pub fn document(_page: &Page, _frame: &Frame) -> String {
    String::new()
}

/// The part of the page inside `<main>`, as one fragment: sent when its shape changed.
pub fn region(_page: &Page, _frame: &Frame) -> Fragment {
    Fragment { id: "region".into(), html: String::new() }
}

/// The parts of the region that change by themselves.
pub fn live(_page: &Page) -> Live {
    Live { shape: String::new(), parts: vec![] }
}
