//! `/rollouts`: one page of the list.

use app::pages::rollouts::RolloutsPage;
use domain::{
    actor::Actor,
    board::{Board, Cluster, KindState},
    listing::{self, Query},
};

use super::sight;

pub(super) fn gather(board: &Board, actor: &Actor, query: &Query) -> RolloutsPage {
    let clusters = sight::clusters(board, actor);
    RolloutsPage {
        query: query.clone(),
        listing: listing::list(board, actor, query),
        environments: sight::environments(board, actor).map(|e| e.name.clone()).collect(),
        freshness: clusters.iter().map(|c| (c.name.clone(), c.freshness())).collect(),
        notes: clusters.iter().flat_map(notes).collect(),
    }
}

/// What is missing from the list, and why.
fn notes(cluster: &Cluster) -> Vec<String> {
    let name = &cluster.name;
    let mut notes = vec![];
    match cluster.kinds.get("Rollout") {
        Some(KindState::NotInstalled) => notes.push(format!(
            "Argo Rollouts is not installed in cluster {name}. Its rollouts show here soon after it is."
        )),
        Some(KindState::Broken { error, .. }) => {
            notes.push(format!("The rollouts of cluster {name} are not being watched: {error}."));
        }
        Some(KindState::Starting) => {
            notes.push(format!("The rollouts of cluster {name} are still being read."));
        }
        Some(KindState::Watched) | None => {}
    }
    for (object, error) in &cluster.unreadable {
        notes.push(format!("{object} in cluster {name} cannot be read: {error}"));
    }
    notes
}
