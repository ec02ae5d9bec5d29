//! `/`: services down, environments across.

use std::{collections::BTreeMap, sync::Arc};

use app::pages::environments::{EnvironmentsPage, ServiceRow};
use domain::{EnvironmentName, ServiceName, actor::Actor, board::Board, rollout::Rollout};

use super::sight;

/// So many services fill a page; more are found by the filter.
const SERVICES: usize = 100;
/// So many rollouts that need a person are shown; the list of rollouts shows all of them.
const ATTENTION: usize = 20;

pub(super) fn gather(board: &Board, actor: &Actor, q: &str) -> EnvironmentsPage {
    let environments: Vec<_> = sight::environments(board, actor)
        .map(|environment| (environment.clone(), board.freshness(&environment.cluster)))
        .collect();
    let column: BTreeMap<&EnvironmentName, usize> =
        environments.iter().enumerate().map(|(at, (e, _))| (&e.name, at)).collect();
    let words: Vec<String> = q.split_whitespace().map(str::to_lowercase).collect();
    let mut rows: BTreeMap<ServiceName, Vec<Vec<Arc<Rollout>>>> = BTreeMap::new();
    let mut attention: Vec<(u8, Arc<Rollout>)> = vec![];
    for rollout in board.rollouts.values() {
        let Some(&at) = column.get(&rollout.key.environment) else { continue };
        let service = rollout.service.as_str().to_lowercase();
        if !words.iter().all(|word| service.contains(word)) {
            continue;
        }
        rows.entry(rollout.service.clone()).or_insert_with(|| vec![vec![]; environments.len()])[at]
            .push(Arc::clone(rollout));
        if let Some(urgency) = rollout.attention() {
            attention.push((urgency, Arc::clone(rollout)));
        }
    }
    // The board's order is by key, so equal urgencies keep a steady order.
    attention.sort_by_key(|(urgency, _)| *urgency);
    EnvironmentsPage {
        environments,
        services: rows
            .into_iter()
            .take(SERVICES)
            .map(|(service, cells)| ServiceRow { service, cells })
            .collect(),
        attention: attention.into_iter().take(ATTENTION).map(|(_, rollout)| rollout).collect(),
        q: q.to_owned(),
    }
}
