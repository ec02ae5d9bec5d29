//! The HTTP API for programs, and for the pages' forms.
//!
//! Lists are `{"items": […], "next": … | null}`; names are camelCase, times RFC 3339 in UTC, and
//! what goes wrong is `application/problem+json`.

mod act;
mod audit;
mod rollouts;
mod whereabouts;

use axum::{
    Router,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use serde::Serialize;

use super::error::problem;
use crate::State;

/// Everything under `/api/v1` but the stream of events.
pub fn router() -> Router<State> {
    Router::new()
        .route("/me", get(whereabouts::me))
        .route("/environments", get(whereabouts::environments))
        .route("/services", get(whereabouts::services))
        .route("/rollouts", get(rollouts::list))
        .route("/rollouts/{environment}/{namespace}/{name}", get(rollouts::one))
        .route("/rollouts/{environment}/{namespace}/{name}/{verb}", post(act::act))
        .route("/audit", get(audit::list))
        .fallback(nothing)
}

/// One page of a list.
#[derive(Debug, Serialize)]
struct Items<T, N> {
    items: Vec<T>,
    /// What to ask for the next page with; null on the last.
    next: Option<N>,
}

impl<T> Items<T, ()> {
    /// A list that is never cut.
    fn all(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// What is not there and what may not be seen are answered alike, to the letter.
fn not_found() -> Response {
    problem(
        StatusCode::NOT_FOUND,
        "Not found",
        "There is nothing here that you may see. Check the address, or ask for a role in that environment.",
        None,
    )
}

fn bad_request(detail: impl Into<String>) -> Response {
    problem(StatusCode::BAD_REQUEST, "Bad request", detail, None)
}

async fn nothing(_: crate::session::SignedIn) -> Response {
    not_found()
}
