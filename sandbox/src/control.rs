//! The control page: start a story for a rollout, break a cluster's API, mend it. Plain forms for
//! people, the same as JSON for programs.

mod page;

use crate::fault::Fault;
use crate::kubernetes::kinds::{self, Kind, ROLLOUT};
use crate::kubernetes::store::{name_of, namespace_of};
use crate::world::Running;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;

/// How many rollouts of a cluster the page shows; a filter finds the others.
const SHOWN_ROLLOUTS: usize = 50;

#[derive(Deserialize)]
struct StartStory {
    cluster: String,
    namespace: String,
    rollout: String,
    scenario: String,
}

#[derive(Deserialize)]
struct SetFault {
    cluster: String,
    fault: String,
    kind: Option<String>,
    milliseconds: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Filter {
    q: String,
}

pub(crate) fn router(running: Arc<Running>) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/scenarios", get(stories).post(start_story))
        .route("/faults", get(faults).post(set_fault))
        .route("/style.css", get(page::style))
        .with_state(running)
}

async fn show(State(running): State<Arc<Running>>, Query(filter): Query<Filter>) -> Response {
    let mut clusters = Vec::new();
    for cluster in &running.clusters {
        clusters.push(page::ClusterView {
            name: cluster.api.cluster.name().to_owned(),
            is_open: cluster.is_open().await,
            troubles: cluster.api.faults.now(),
            missing: missing_kinds(&cluster.api.cluster.installed()),
            rollouts: rollouts(&running, cluster.api.cluster.name(), &filter.q),
        });
    }
    page::answer(&running.stories.all, &clusters, &filter.q)
}

async fn stories(State(running): State<Arc<Running>>, Query(filter): Query<Filter>) -> Json<Value> {
    let stories: Vec<Value> = running
        .stories
        .all
        .iter()
        .map(|story| json!({"name": story.name, "sentence": story.sentence}))
        .collect();
    let clusters: Vec<Value> = running
        .clusters
        .iter()
        .map(|cluster| {
            let name = cluster.api.cluster.name();
            let rollouts: Vec<Value> = rollouts(&running, name, &filter.q)
                .into_iter()
                .map(|r| json!({"namespace": r.namespace, "name": r.name, "phase": r.phase}))
                .collect();
            json!({"name": name, "rollouts": rollouts})
        })
        .collect();
    Json(json!({"scenarios": stories, "clusters": clusters}))
}

async fn start_story(
    State(running): State<Arc<Running>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let wish: StartStory = match read(&headers, &body) {
        Ok(wish) => wish,
        Err((code, why)) => return refused(code, &why),
    };
    let Some(cluster) = running.find(&wish.cluster) else {
        return refused(StatusCode::NOT_FOUND, &format!("no cluster is named {}", wish.cluster));
    };
    let started = (running.stories.start)(
        &cluster.api.cluster,
        &running.clock,
        &cluster.traffic,
        &wish.scenario,
        &wish.namespace,
        &wish.rollout,
    );
    match started {
        Ok(()) => done(&headers),
        Err(why) => refused(StatusCode::UNPROCESSABLE_ENTITY, &why),
    }
}

async fn faults(State(running): State<Arc<Running>>) -> Json<Value> {
    let mut clusters = Vec::new();
    for cluster in &running.clusters {
        let troubles = cluster.api.faults.now();
        clusters.push(json!({
            "name": cluster.api.cluster.name(),
            "open": cluster.is_open().await,
            "delay_milliseconds": u64::try_from(troubles.delay.as_millis()).unwrap_or(u64::MAX),
            "half_open": troubles.half_open,
            "truncate": troubles.truncate,
            "duplicate_events": troubles.duplicate_events,
            "gone_as_http": troubles.gone_as_http,
            "missing_kinds": missing_kinds(&cluster.api.cluster.installed()),
        }));
    }
    Json(json!({"clusters": clusters}))
}

async fn set_fault(
    State(running): State<Arc<Running>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let wish: SetFault = match read(&headers, &body) {
        Ok(wish) => wish,
        Err((code, why)) => return refused(code, &why),
    };
    let fault = match Fault::parse(&wish.fault, wish.kind.as_deref(), wish.milliseconds) {
        Ok(fault) => fault,
        Err(why) => return refused(StatusCode::UNPROCESSABLE_ENTITY, &why),
    };
    match running.fault(&wish.cluster, fault).await {
        Ok(()) => done(&headers),
        Err(error) => refused(StatusCode::UNPROCESSABLE_ENTITY, &format!("{error:#}")),
    }
}

/// Reads a form or JSON. A page of another site may not post here (Fetch Metadata).
fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, (StatusCode, String)> {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Err((StatusCode::FORBIDDEN, "another site may not control this world".to_owned()));
    }
    let unreadable = |why: String| (StatusCode::BAD_REQUEST, why);
    if is_json(headers) {
        return serde_json::from_slice(body).map_err(|error| unreadable(error.to_string()));
    }
    let uri = format!("/?{}", String::from_utf8_lossy(body));
    let uri = uri.parse().map_err(|_| unreadable("the form cannot be read".to_owned()))?;
    Query::<T>::try_from_uri(&uri).map(|form| form.0).map_err(|error| unreadable(error.to_string()))
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/json"))
}

fn done(headers: &HeaderMap) -> Response {
    if is_json(headers) {
        Json(json!({"done": true})).into_response()
    } else {
        Redirect::to("/").into_response()
    }
}

fn refused(code: StatusCode, why: &str) -> Response {
    (code, Json(json!({"error": why}))).into_response()
}

fn missing_kinds(installed: &[&Kind]) -> Vec<String> {
    let missing = kinds::ALL.iter().filter(|kind| !installed.contains(kind));
    missing.map(|kind| kind.resource()).collect()
}

pub(super) struct RolloutView {
    namespace: String,
    name: String,
    phase: String,
}

fn rollouts(running: &Running, cluster: &str, filter: &str) -> Vec<RolloutView> {
    let Some(cluster) = running.find(cluster) else { return Vec::new() };
    cluster
        .api
        .cluster
        .list_shared(&ROLLOUT, None)
        .iter()
        .filter(|object| name_of(object).contains(filter) || namespace_of(object).contains(filter))
        .take(SHOWN_ROLLOUTS)
        .map(|object| RolloutView {
            namespace: namespace_of(object).to_owned(),
            name: name_of(object).to_owned(),
            phase: object["status"]["phase"].as_str().unwrap_or("unknown").to_owned(),
        })
        .collect()
}
