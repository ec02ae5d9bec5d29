//! The list of rollouts: filtered, sorted and cut into pages on the server.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    EnvironmentName,
    actor::Actor,
    board::Board,
    rollout::{Phase, Rollout},
};

/// Rows on one page. A page of 100 fits the first flight of a TCP connection.
pub const PAGE_SIZE: usize = 100;

/// What the list is asked for; the query of its URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Query {
    pub environment: Option<EnvironmentName>,
    pub phase: Option<String>,
    /// Words that must all occur in service, name, namespace or version.
    pub q: Option<String>,
    pub sort: Sort,
    /// From 1.
    pub page: Option<usize>,
}

/// Orders of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// What needs a person first, then by name.
    #[default]
    Attention,
    Name,
    Environment,
    Phase,
}

impl Sort {
    /// Every order.
    pub const ALL: [Sort; 4] = [Self::Attention, Self::Name, Self::Environment, Self::Phase];

    /// The word of the URL.
    pub fn word(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Name => "name",
            Self::Environment => "environment",
            Self::Phase => "phase",
        }
    }
}

/// One page of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    pub rollouts: Vec<Arc<Rollout>>,
    /// Matching rollouts on all pages.
    pub total: usize,
    /// From 1; never past the last.
    pub page: usize,
    /// At least 1.
    pub pages: usize,
}

/// The page asked for, of what the actor may see.
pub fn list(board: &Board, actor: &Actor, query: &Query) -> Listing {
    let words: Vec<String> =
        query.q.as_deref().unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
    let phase = query.phase.as_deref().filter(|word| !word.is_empty());
    let environment = query.environment.as_ref().filter(|name| !name.as_str().is_empty());
    let visible: Vec<_> =
        board.environments.iter().map(|e| &e.name).filter(|e| actor.may_see(e)).collect();
    let mut found: Vec<&Arc<Rollout>> = board
        .rollouts
        .values()
        .filter(|rollout| {
            visible.contains(&&rollout.key.environment)
                && environment.is_none_or(|name| rollout.key.environment == *name)
                && phase.is_none_or(|word| Phase::from_word(word) == Some(rollout.reading().phase))
                && words.iter().all(|word| matches(rollout, word))
        })
        .collect();
    sort(&mut found, query.sort, &visible);
    let total = found.len();
    let pages = total.div_ceil(PAGE_SIZE).max(1);
    let page = query.page.unwrap_or(1).clamp(1, pages);
    let rollouts =
        found.into_iter().skip((page - 1) * PAGE_SIZE).take(PAGE_SIZE).cloned().collect();
    Listing { rollouts, total, page, pages }
}

fn sort(found: &mut [&Arc<Rollout>], order: Sort, environments: &[&EnvironmentName]) {
    let place =
        |rollout: &Rollout| environments.iter().position(|name| **name == rollout.key.environment);
    let name = |rollout: &Rollout| (rollout.service.clone(), rollout.key.clone());
    match order {
        Sort::Attention => found
            .sort_by_cached_key(|rollout| (rollout.attention().unwrap_or(u8::MAX), name(rollout))),
        Sort::Name => found.sort_by_cached_key(|rollout| name(rollout)),
        Sort::Environment => found.sort_by_cached_key(|rollout| (place(rollout), name(rollout))),
        Sort::Phase => found.sort_by_cached_key(|rollout| (rollout.reading().phase, name(rollout))),
    }
}

fn matches(rollout: &Rollout, word: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(word);
    has(rollout.service.as_str())
        || has(rollout.key.name.as_str())
        || has(rollout.key.namespace.as_str())
        || rollout.desired_version().is_some_and(|version| has(version.label()))
}

#[cfg(test)]
mod tests;
