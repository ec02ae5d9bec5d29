//! Signalbox: the release control plane for Argo CD and Argo Rollouts.
//!
//! ```text
//! READ   cluster --watch--> board --views--> tabs
//! WRITE  form --routes--> actions: rule, audit begins, cluster, audit completes
//! ```
#![recursion_limit = "256"]

pub mod actions;
pub mod assets;
pub mod board;
pub mod clock;
pub mod config;
pub mod demo;
pub mod pages;
pub mod routes;
pub mod session;
pub mod store;
pub mod systems;
pub mod telemetry;
pub mod views;
mod watch;

mod start;

use std::{collections::BTreeMap, sync::Arc};

use domain::ClusterName;
use tokio::sync::watch as channel;

pub use start::{Running, start, start_on};

/// Everything a request can reach.
pub struct Signalbox {
    pub config: config::Config,
    pub clock: clock::Clock,
    pub board: board::BoardHub,
    pub store: store::Store,
    pub clusters: BTreeMap<ClusterName, kube::Client>,
    pub views: views::Views,
    /// `None` where no identity provider is configured: then only API tokens are let in.
    pub login: Option<systems::oidc::Login>,
    pub assets: app::Assets,
    /// What browsers call this server, without a slash at the end.
    pub public_url: String,
    /// True once the server shuts down: streams end.
    pub closing: channel::Sender<bool>,
}

/// What handlers are given.
pub type State = Arc<Signalbox>;
