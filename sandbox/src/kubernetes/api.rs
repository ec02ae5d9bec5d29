//! The Kubernetes API over one [`Cluster`], good enough that `kubectl` and kube-rs agree with it.
//!
//! request -> troubles -> who -> path -> may they -> read | watch | write -> ledger

pub(crate) mod access;
mod discovery;
mod path;
mod read;
mod select;
mod status;
mod watching;
mod write;

use super::faults::Faults;
use super::ledger::{Ledger, Request as Asked};
use super::store::Cluster;
use access::{Access, User, authenticate, authorize};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use path::Target;
use status::{Failure, no_such_path};
use std::collections::HashMap;
use std::sync::Arc;

/// The largest request body; kube-apiserver takes 3 MiB.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// One API: its cluster, who may use it, what is wrong with it and what it was asked.
pub(crate) struct Api {
    pub(crate) cluster: Cluster,
    pub(crate) users: HashMap<String, User>,
    pub(crate) access: Access,
    pub(crate) faults: Faults,
    pub(crate) ledger: Ledger,
}

/// The words after `?`.
pub(crate) struct Query(HashMap<String, String>);

impl Query {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    fn is_true(&self, key: &str) -> bool {
        matches!(self.get(key), Some("true" | "1"))
    }
}

pub(crate) fn router(api: Arc<Api>) -> Router {
    Router::new().fallback(serve).with_state(api)
}

async fn serve(State(api): State<Arc<Api>>, request: Request) -> Response {
    api.faults.admit().await;
    let (parts, body) = request.into_parts();
    let user = authenticate(&api.users, &parts.headers).cloned();
    let asked = (parts.method.to_string(), parts.uri.to_string());
    let response = match axum::body::to_bytes(body, BODY_LIMIT).await {
        Ok(body) => {
            answer(&api, user.as_ref(), &parts, body).unwrap_or_else(IntoResponse::into_response)
        }
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    };
    api.ledger.record(Asked {
        method: asked.0,
        path: asked.1,
        user: user.map(|user| user.name),
        status: response.status().as_u16(),
    });
    response
}

fn answer(api: &Api, user: Option<&User>, parts: &Parts, body: Bytes) -> Result<Response, Failure> {
    let path = parts.uri.path();
    let open = ["/version", "/readyz", "/livez", "/healthz"].contains(&path);
    let user = match user {
        Some(user) => Some(user),
        None if open => None,
        None => return Err(Failure::unauthorized()),
    };
    if let Some(response) = discovery::answer(path, &api.cluster.installed()) {
        return Ok(response);
    }
    let (Some(user), Some(target)) = (user, path::parse(path)) else { return Ok(no_such_path()) };
    if !api.cluster.is_installed(target.kind) || !has_subresource(&target) {
        return Ok(no_such_path());
    }
    let query = axum::extract::Query::<HashMap<String, String>>::try_from_uri(&parts.uri)
        .map_err(|error| Failure::bad_request(error.to_string()))?;
    let query = Query(query.0);
    let verb = verb(&parts.method, &target, &query).ok_or_else(Failure::method_not_allowed)?;
    if api.access == Access::Rbac {
        authorize(&api.cluster, user, verb, &target)?;
    }
    if query.get("dryRun").is_some() {
        return Err(Failure::bad_request("dryRun is not played by the pretend cluster"));
    }
    let cluster = &api.cluster;
    let name = target.name.clone().unwrap_or_default();
    match verb {
        "watch" => watching::start(api, &user.name, target, &query),
        "list" => Ok(list_answer(read::list(cluster, &target, &query)?, &api.faults)),
        "get" => Ok(Json(read::get(cluster, &target, &name)?).into_response()),
        "create" => {
            Ok((StatusCode::CREATED, Json(write::create(cluster, &target, &body)?)).into_response())
        }
        "update" => Ok(Json(write::replace(cluster, &target, &name, &body)?).into_response()),
        "patch" => {
            let (code, object) = write::patch(cluster, &target, &name, &parts.headers, &body)?;
            Ok((code, Json(object)).into_response())
        }
        "delete" => Ok(Json(write::delete(cluster, &target, &name, &body)?).into_response()),
        _ => Ok(Json(write::delete_all(cluster, &target, &query)?).into_response()),
    }
}

fn has_subresource(target: &Target) -> bool {
    match target.subresource.as_deref() {
        None => true,
        Some("status") => target.kind.status_subresource,
        Some(_) => false,
    }
}

/// The verb that access rules speak of.
fn verb(method: &Method, target: &Target, query: &Query) -> Option<&'static str> {
    let collection = target.name.is_none();
    Some(match method.as_str() {
        "GET" if query.is_true("watch") && target.subresource.is_none() => "watch",
        "GET" if collection => "list",
        "GET" => "get",
        "POST" if collection => "create",
        "PUT" if !collection => "update",
        "PATCH" if !collection => "patch",
        "DELETE" if target.subresource.is_some() => return None,
        "DELETE" if collection => "deletecollection",
        "DELETE" => "delete",
        _ => return None,
    })
}

fn list_answer(mut text: String, faults: &Faults) -> Response {
    if faults.now().truncate {
        let mut half = text.len() / 2;
        while !text.is_char_boundary(half) {
            half -= 1;
        }
        text.truncate(half);
    }
    ([(header::CONTENT_TYPE, "application/json")], Body::from(text)).into_response()
}
