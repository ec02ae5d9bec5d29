//! The whole picture: what every cluster last told us.
//!
//! Law: `a.apply(a.diff(b)) == b` for any two boards.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ClusterName, EnvironmentName,
    environment::Environment,
    rollout::{Rollout, RolloutKey},
};

/// Everything pages and rules look at. Cheap to clone: rollouts are shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    /// In promotion order.
    pub environments: Arc<Vec<Environment>>,
    pub clusters: BTreeMap<ClusterName, Cluster>,
    #[serde(with = "rollouts")]
    pub rollouts: BTreeMap<RolloutKey, Arc<Rollout>>,
}

/// What is known about a cluster's connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    pub name: ClusterName,
    pub link: Link,
    /// The watches by kind ("Rollout", "ReplicaSet", …).
    pub kinds: BTreeMap<String, KindState>,
    /// Objects that could not be read, by kind and name.
    pub unreadable: BTreeMap<String, String>,
}

/// Whether a cluster answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum Link {
    /// Not yet seen since start.
    Connecting {
        since: Timestamp,
        error: Option<String>,
    },
    Live {
        since: Timestamp,
    },
    /// Last seen then; the error in words.
    Stale {
        since: Timestamp,
        error: String,
    },
}

/// Whether one kind of object is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum KindState {
    /// The first list has not arrived.
    Starting,
    Watched,
    /// The cluster does not have this kind.
    NotInstalled,
    /// The watch does not run; the error in words.
    Broken {
        since: Timestamp,
        error: String,
    },
}

/// How far to believe what is shown of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum Freshness {
    Live,
    /// Nothing newer than this was seen; why, in words.
    Stale {
        since: Timestamp,
        why: String,
    },
}

/// One difference between two boards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "change", content = "of")]
pub enum Change {
    Rollout(Arc<Rollout>),
    RolloutGone(RolloutKey),
    Cluster(Cluster),
    ClusterGone(ClusterName),
    Environments(Arc<Vec<Environment>>),
}

impl Board {
    /// An environment by name.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == *name)
    }

    /// How far to believe what is shown of a cluster. An unknown one is not believed.
    pub fn freshness(&self, name: &ClusterName) -> Freshness {
        match self.clusters.get(name) {
            Some(cluster) => cluster.freshness(),
            None => Freshness::Stale {
                since: Timestamp::UNIX_EPOCH,
                why: "it is not configured".into(),
            },
        }
    }

    /// What turns this board into the newer one.
    pub fn diff(&self, newer: &Board) -> Vec<Change> {
        let mut changes = vec![];
        if self.environments != newer.environments {
            changes.push(Change::Environments(Arc::clone(&newer.environments)));
        }
        for (name, cluster) in &newer.clusters {
            if self.clusters.get(name) != Some(cluster) {
                changes.push(Change::Cluster(cluster.clone()));
            }
        }
        for name in self.clusters.keys().filter(|name| !newer.clusters.contains_key(name)) {
            changes.push(Change::ClusterGone(name.clone()));
        }
        for (key, rollout) in &newer.rollouts {
            let same = self
                .rollouts
                .get(key)
                .is_some_and(|old| Arc::ptr_eq(old, rollout) || old == rollout);
            if !same {
                changes.push(Change::Rollout(Arc::clone(rollout)));
            }
        }
        for key in self.rollouts.keys().filter(|key| !newer.rollouts.contains_key(key)) {
            changes.push(Change::RolloutGone(key.clone()));
        }
        changes
    }

    /// Takes one change over.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Rollout(rollout) => {
                self.rollouts.insert(rollout.key.clone(), rollout);
            }
            Change::RolloutGone(key) => {
                self.rollouts.remove(&key);
            }
            Change::Cluster(cluster) => {
                self.clusters.insert(cluster.name.clone(), cluster);
            }
            Change::ClusterGone(name) => {
                self.clusters.remove(&name);
            }
            Change::Environments(environments) => self.environments = environments,
        }
    }
}

impl Cluster {
    /// A cluster that has not answered yet.
    pub fn connecting(name: ClusterName, since: Timestamp) -> Self {
        Self {
            name,
            link: Link::Connecting { since, error: None },
            kinds: BTreeMap::new(),
            unreadable: BTreeMap::new(),
        }
    }

    /// Live only while the API answers and the watch of Rollouts runs.
    pub fn freshness(&self) -> Freshness {
        match &self.link {
            Link::Connecting { since, error } => Freshness::Stale {
                since: *since,
                why: error.clone().unwrap_or_else(|| "it has not answered yet".into()),
            },
            Link::Stale { since, error } => Freshness::Stale { since: *since, why: error.clone() },
            Link::Live { since } => match self.kinds.get("Rollout") {
                Some(KindState::Broken { since, error }) => {
                    Freshness::Stale { since: *since, why: error.clone() }
                }
                Some(KindState::Starting) | None => Freshness::Stale {
                    since: *since,
                    why: "its rollouts have not been listed yet".into(),
                },
                Some(KindState::Watched | KindState::NotInstalled) => Freshness::Live,
            },
        }
    }
}

/// Rollouts as a list in JSON: their keys are inside them.
mod rollouts {
    use super::{Arc, BTreeMap, Deserialize, Rollout, RolloutKey, Serialize};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        rollouts: &BTreeMap<RolloutKey, Arc<Rollout>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        rollouts.values().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<RolloutKey, Arc<Rollout>>, D::Error> {
        let rollouts = Vec::<Arc<Rollout>>::deserialize(deserializer)?;
        Ok(rollouts.into_iter().map(|rollout| (rollout.key.clone(), rollout)).collect())
    }
}

#[cfg(test)]
pub(crate) mod tests;
