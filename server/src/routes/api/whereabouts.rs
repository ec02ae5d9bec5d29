//! Who am I, and what is where.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State as Extract};
use domain::{
    EnvironmentName, ServiceName,
    actor::{ActorKind, Grant},
    board::{Board, Freshness},
    environment::Environment,
    rollout::{Rollout, RolloutKey},
    service::Version,
};
use serde::Serialize;

use super::Items;
use crate::{State, pages::sight, session::SignedIn};

/// `GET /me`: `{"kind": "person", "id": …, "name": …, "grants": [{"role": "viewer", "scope": …}]}`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Me {
    kind: ActorKind,
    id: String,
    name: String,
    grants: Vec<Grant>,
}

pub(super) async fn me(SignedIn(actor, ..): SignedIn) -> Json<Me> {
    Json(Me { kind: actor.kind, id: actor.id, name: actor.name, grants: actor.grants })
}

/// An item of `GET /environments`: the environment, how far its cluster is believed, and how many
/// rollouts are in it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place {
    #[serde(flatten)]
    environment: Environment,
    freshness: Freshness,
    rollouts: usize,
}

pub(super) async fn environments(
    Extract(state): Extract<State>,
    SignedIn(actor, ..): SignedIn,
) -> Json<Items<Place, ()>> {
    let board = state.board.newest().board;
    let items = sight::environments(&board, &actor)
        .map(|environment| Place {
            freshness: board.freshness(&environment.cluster),
            rollouts: board.rollouts.keys().filter(|k| k.environment == environment.name).count(),
            environment: environment.clone(),
        })
        .collect();
    Json(Items::all(items))
}

/// An item of `GET /services`: a service and its rollouts, environments in promotion order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service {
    service: ServiceName,
    rollouts: Vec<Running>,
}

/// A service in one environment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Running {
    #[serde(flatten)]
    key: RolloutKey,
    phase: domain::rollout::Phase,
    /// The version asked for.
    desired: Option<Version>,
    /// The version trusted so far.
    stable: Option<Version>,
}

pub(super) async fn services(
    Extract(state): Extract<State>,
    SignedIn(actor, ..): SignedIn,
) -> Json<Items<Service, ()>> {
    let board = state.board.newest().board;
    let order: Vec<EnvironmentName> =
        sight::environments(&board, &actor).map(|environment| environment.name.clone()).collect();
    Json(Items::all(by_service(&board, &order)))
}

fn by_service(board: &Board, order: &[EnvironmentName]) -> Vec<Service> {
    let mut services: BTreeMap<ServiceName, Vec<&Arc<Rollout>>> = BTreeMap::new();
    for name in order {
        for rollout in board.rollouts.values().filter(|r| r.key.environment == *name) {
            services.entry(rollout.service.clone()).or_default().push(rollout);
        }
    }
    services
        .into_iter()
        .map(|(service, rollouts)| Service {
            service,
            rollouts: rollouts.into_iter().map(|rollout| running(rollout)).collect(),
        })
        .collect()
}

fn running(rollout: &Rollout) -> Running {
    Running {
        key: rollout.key.clone(),
        phase: rollout.reading().phase,
        desired: rollout.desired_version(),
        stable: rollout.stable_version(),
    }
}
