//! `/rollouts`: all of them, filtered, sorted and paged.

use std::collections::BTreeMap;

use domain::{
    ClusterName, EnvironmentName,
    board::Freshness,
    listing::{Listing, Query},
};

/// One page of the list.
#[derive(Clone, Debug)]
pub struct RolloutsPage {
    pub query: Query,
    pub listing: Listing,
    /// What the filter offers.
    pub environments: Vec<EnvironmentName>,
    /// How far each cluster is believed.
    pub freshness: BTreeMap<ClusterName, Freshness>,
    /// "the Rollout kind is not installed in …" and the like; shown above the list.
    pub notes: Vec<String>,
}
