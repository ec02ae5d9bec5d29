//! Every route there is, on one screen.

pub mod api;
pub mod auth;
pub mod error;
mod events;
pub mod guard;
mod health;
pub mod pages;

use std::time::Duration;

use axum::{Router, extract::DefaultBodyLimit, http::StatusCode, middleware, routing::get};
use tower_http::{
    compression::{
        CompressionLayer,
        predicate::{And, NotForContentType, SizeAbove},
    },
    timeout::TimeoutLayer,
};

use crate::{State, assets};

/// The longest a request may take; what changes a cluster gives up sooner by itself.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Nothing we take is bigger, in bytes.
const BODY_LIMIT: usize = 1 << 20;
/// Brotli 5 costs a page of 100 rows under 2 ms and is 20 % smaller than gzip.
const BROTLI_QUALITY: i32 = 5;
/// Shorter answers gain nothing, in bytes.
const WORTH_COMPRESSING: u16 = 256;

/// The whole of Signalbox over HTTP.
pub fn create_router(state: State) -> Router {
    let pages = Router::new()
        .route("/", get(pages::page))
        .route("/rollouts", get(pages::page))
        .route("/rollouts/{environment}/{namespace}/{name}", get(pages::page))
        .route("/connections", get(pages::page))
        .route("/audit", get(pages::page))
        .merge(auth::router())
        .layer(compression());
    let answered = Router::new()
        .merge(pages)
        .nest("/api/v1", api::router())
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, REQUEST_TIMEOUT));
    // Streams last as long as their reader, and are never compressed: a compressor holds frames back.
    let streams = Router::new()
        .route("/events", get(events::page))
        .route("/api/v1/events", get(events::programs));
    let behind_guard = guard::layer(answered.merge(streams).fallback(error::no_page), &state);
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/assets/{file}", get(assets::serve))
        .merge(behind_guard)
        .layer(middleware::from_fn_with_state(state.clone(), error::in_words))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(state)
}

fn compression() -> CompressionLayer<And<SizeAbove, NotForContentType>> {
    use tower_http::compression::predicate::Predicate;
    CompressionLayer::new()
        .quality(tower_http::CompressionLevel::Precise(BROTLI_QUALITY))
        .compress_when(
            SizeAbove::new(WORTH_COMPRESSING)
                .and(NotForContentType::const_new("application/problem+json")),
        )
}
