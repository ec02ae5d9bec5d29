//! `/`: which version of which service is where.

use std::sync::Arc;

use domain::{ServiceName, board::Freshness, environment::Environment, rollout::Rollout};

/// The matrix of services and environments.
#[derive(Clone, Debug)]
pub struct EnvironmentsPage {
    /// The columns, in promotion order, each with how far its cluster is believed.
    pub environments: Vec<(Environment, Freshness)>,
    /// Sorted by name.
    pub services: Vec<ServiceRow>,
    /// What needs a person, most urgent first.
    pub attention: Vec<Arc<Rollout>>,
    /// The filter as typed.
    pub q: String,
}

/// One service across the environments.
#[derive(Clone, Debug)]
pub struct ServiceRow {
    pub service: ServiceName,
    /// In the order of the columns; a service may have several rollouts in one environment.
    pub cells: Vec<Vec<Arc<Rollout>>>,
}
