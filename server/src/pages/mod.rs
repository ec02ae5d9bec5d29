//! One file per page: gathers what it shows, from the board and the store, for one actor.

mod audit;
mod connections;
mod environments;
mod rollout;
mod rollouts;
pub mod sight;

use app::Page;
use axum::{extract::Query, http::Uri};
use domain::{actor::Actor, board::Board, listing, rollout::RolloutKey};
use jiff::Timestamp;
use serde::Deserialize;

use crate::store::Store;

/// A page's address, taken apart: equal addresses show the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    Environments { q: String },
    Rollouts(listing::Query),
    Rollout(RolloutKey),
    Connections,
    Audit { before: Option<i64> },
}

/// Why an address leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPage {
    #[error("There is no such page. Check the address.")]
    Unknown,
    #[error("The address asks for something a page cannot show: {0}.")]
    Query(String),
}

impl Address {
    /// Reads path and query.
    pub fn of(uri: &Uri) -> Result<Self, NoPage> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Search {
            q: String,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Older {
            before: Option<i64>,
        }
        let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
        match parts.as_slice() {
            [""] => Ok(Self::Environments { q: query::<Search>(uri)?.q }),
            ["rollouts"] => Ok(Self::Rollouts(query(uri)?)),
            ["rollouts", environment, namespace, name] => Ok(Self::Rollout(RolloutKey {
                environment: (*environment).into(),
                namespace: (*namespace).into(),
                name: (*name).into(),
            })),
            ["connections"] => Ok(Self::Connections),
            ["audit"] => Ok(Self::Audit { before: query::<Older>(uri)?.before }),
            _ => Err(NoPage::Unknown),
        }
    }

    /// Whether the page changes by itself. The audit log is read on demand: it is not on the board.
    pub fn is_live(&self) -> bool {
        match self {
            Self::Environments { .. }
            | Self::Rollouts(_)
            | Self::Rollout(_)
            | Self::Connections => true,
            Self::Audit { .. } => false,
        }
    }

    /// Whether the page shows what one may do, and not only what one may see.
    pub fn shows_actions(&self) -> bool {
        matches!(self, Self::Rollout(_))
    }
}

fn query<T: for<'de> Deserialize<'de>>(uri: &Uri) -> Result<T, NoPage> {
    match Query::try_from_uri(uri) {
        Ok(Query(query)) => Ok(query),
        Err(rejection) => Err(NoPage::Query(rejection.body_text())),
    }
}

/// What the page at an address shows this actor now; `None` where there is nothing they may see.
pub async fn gather(
    address: &Address,
    board: &Board,
    store: &Store,
    actor: &Actor,
    now: Timestamp,
) -> anyhow::Result<Option<Page>> {
    Ok(match address {
        Address::Environments { q } => {
            Some(Page::Environments(environments::gather(board, actor, q)))
        }
        Address::Rollouts(query) => Some(Page::Rollouts(rollouts::gather(board, actor, query))),
        Address::Rollout(key) => rollout::gather(board, store, actor, key, now)
            .await?
            .map(|page| Page::Rollout(Box::new(page))),
        Address::Connections => Some(Page::Connections(connections::gather(board, actor))),
        Address::Audit { before } => {
            Some(Page::Audit(audit::gather(board, store, actor, *before).await?))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Address, NoPage> {
        Address::of(&text.parse().unwrap())
    }

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(of("/").unwrap(), Address::Environments { q: String::new() });
        assert_eq!(of("/?q=pay").unwrap(), Address::Environments { q: "pay".into() });
        assert!(matches!(of("/rollouts?sort=moon"), Err(NoPage::Query(_))));
        assert!(matches!(of("/rollouts/prod/shop/web").unwrap(), Address::Rollout(_)));
        assert_eq!(of("/audit?before=7").unwrap(), Address::Audit { before: Some(7) });
        assert_eq!(of("/moon"), Err(NoPage::Unknown));
        assert_eq!(of("/rollouts/prod/shop"), Err(NoPage::Unknown));
    }
}
