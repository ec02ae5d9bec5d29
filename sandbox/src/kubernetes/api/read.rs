//! Lists in pages, and single objects.

use super::select::Selector;
use super::status::Failure;
use super::{Query, path::Target};
use crate::kubernetes::kinds::Kind;
use crate::kubernetes::store::{Cluster, name_of, namespace_of};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Where the next page of a list begins, and at which version the first page was read. Objects
/// that change in between are seen in their newer state; the watch that follows from `version`
/// tells their changes again, so that a client ends with the truth.
#[derive(Serialize, Deserialize)]
struct Continue {
    version: u64,
    after: (String, String),
}

#[derive(Serialize)]
struct List<'a> {
    kind: String,
    #[serde(rename = "apiVersion")]
    api_version: String,
    metadata: Value,
    items: &'a [Arc<Value>],
}

pub(crate) fn get(cluster: &Cluster, target: &Target, name: &str) -> Result<Arc<Value>, Failure> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    cluster
        .get_shared(target.kind, namespace, name)
        .ok_or_else(|| Failure::not_found(target.kind, name))
}

/// The JSON text of a list.
pub(crate) fn list(cluster: &Cluster, target: &Target, query: &Query) -> Result<String, Failure> {
    let selector = Selector::parse(query.get("labelSelector"), query.get("fieldSelector"))?;
    let (newest, objects) = cluster.snapshot(target.kind, target.namespace.as_deref());
    let mut items: Vec<_> = objects.into_iter().filter(|object| selector.matches(object)).collect();
    let mut version = newest;
    if let Some(token) = query.get("continue") {
        let token = read_token(token)?;
        cluster
            .events_since(target.kind, None, token.version)
            .map_err(|_| Failure::expired_continue())?;
        version = token.version;
        items.retain(|object| key(object) > (&token.after.0, &token.after.1));
    }
    let mut metadata = json!({"resourceVersion": version.to_string()});
    let limit = match query.get("limit") {
        Some(limit) => limit
            .parse::<usize>()
            .map_err(|_| Failure::bad_request(format!("invalid limit: {limit}")))?,
        None => 0,
    };
    if limit > 0 && items.len() > limit {
        let remaining = items.len() - limit;
        items.truncate(limit);
        if let Some(last) = items.last() {
            let (namespace, name) = key(last);
            let token = Continue { version, after: (namespace.to_owned(), name.to_owned()) };
            metadata["continue"] = json!(write_token(&token));
        }
        metadata["remainingItemCount"] = json!(remaining);
    }
    Ok(text(target.kind, metadata, &items))
}

fn key(object: &Value) -> (&str, &str) {
    (namespace_of(object), name_of(object))
}

fn text(kind: &Kind, metadata: Value, items: &[Arc<Value>]) -> String {
    let list = List {
        kind: format!("{}List", kind.kind),
        api_version: kind.api_version(),
        metadata,
        items,
    };
    serde_json::to_string(&list).expect("a list of JSON values with text keys is JSON")
}

fn write_token(token: &Continue) -> String {
    let json = serde_json::to_vec(token).expect("numbers and texts are JSON");
    BASE64_URL_SAFE_NO_PAD.encode(json)
}

fn read_token(token: &str) -> Result<Continue, Failure> {
    BASE64_URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| Failure::bad_request("continue key is not valid"))
}
