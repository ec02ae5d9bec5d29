//! The audit log, of the environments one may see.

use axum::{
    Json,
    extract::{Query, State as Extract, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use domain::{EnvironmentName, audit::Entry};
use serde::Deserialize;

use super::{Items, bad_request};
use crate::{State, pages::sight, routes::error, session::SignedIn, store};

/// Entries of one answer, unless fewer are asked for; also the most.
const PAGE: i64 = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    /// Entries older than this one; `next` of the answer before.
    before: Option<i64>,
    limit: Option<i64>,
}

/// `GET /audit?before=&limit=`: newest first; `next` is the `before` of the next page.
pub(super) async fn list(
    Extract(state): Extract<State>,
    SignedIn(actor, ..): SignedIn,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let Ok(Query(asked)) = asked else {
        return bad_request(format!(
            "Expected before (the sequence number to go on from) and limit (1 to {PAGE})."
        ));
    };
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let board = state.board.newest().board;
    let environments: Vec<EnvironmentName> =
        sight::environments(&board, &actor).map(|environment| environment.name.clone()).collect();
    // One more than asked for tells whether there is a next page.
    let found = store::audit::list_in(&state.store, &environments, asked.before, limit + 1).await;
    match found {
        Ok(entries) => Json(page(entries, limit)).into_response(),
        Err(error) => error::internal(&error),
    }
}

fn page(mut entries: Vec<Entry>, limit: i64) -> Items<Entry, i64> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_cut = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().map(|entry| entry.sequence).filter(|_| is_cut);
    Items { items: entries, next }
}
