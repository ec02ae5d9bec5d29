//! `/connections`: what Signalbox is connected to, and how well.

use domain::{board::Cluster, environment::Environment};

/// The clusters, and what could not be read in them.
#[derive(Clone, Debug)]
pub struct ConnectionsPage {
    pub clusters: Vec<Cluster>,
    pub environments: Vec<Environment>,
}
