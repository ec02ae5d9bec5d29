//! Which kinds there are: `/version`, `/api…`, `/apis…`, and enough of `/openapi/v3` that
//! `kubectl apply` sees field validation offered.

use super::status::no_such_path;
use crate::kubernetes::kinds::Kind;
use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The version that the pretend API server reports; the testbed's real one is of this line.
const GIT_VERSION: &str = "v1.34.4";

/// Answers a discovery path, or `None` if it is not one.
pub(crate) fn answer(path: &str, kinds: &[&'static Kind]) -> Option<Response> {
    let words: Vec<&str> = path.trim_matches('/').split('/').collect();
    let groups: BTreeSet<&str> = kinds.iter().map(|kind| kind.group).collect();
    let body = match words.as_slice() {
        ["readyz" | "livez" | "healthz", ..] => return Some("ok".into_response()),
        ["version"] => json!({
            "major": "1", "minor": "34", "gitVersion": GIT_VERSION, "gitCommit": "",
            "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "",
            "compiler": "", "platform": "linux/amd64",
        }),
        ["api"] => json!({"kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": []}),
        ["api", "v1"] => resources("", "v1", kinds),
        ["apis"] => {
            let named = groups.iter().filter(|group| !group.is_empty());
            json!({"kind": "APIGroupList", "apiVersion": "v1",
                "groups": named.map(|name| group(name, kinds)).collect::<Vec<_>>()})
        }
        ["apis", name] if !name.is_empty() && groups.contains(name) => {
            let mut group = group(name, kinds);
            group["kind"] = json!("APIGroup");
            group["apiVersion"] = json!("v1");
            group
        }
        ["apis", name, version] if versions(name, kinds).contains(version) => {
            resources(name, version, kinds)
        }
        ["openapi", "v3"] => openapi_index(&groups, kinds),
        ["openapi", "v3", "api", "v1"] => openapi("", "v1", kinds),
        ["openapi", "v3", "apis", name, version] if versions(name, kinds).contains(version) => {
            openapi(name, version, kinds)
        }
        ["apis", ..] if words.len() <= 3 => return Some(no_such_path()),
        _ => return None,
    };
    Some(Json(body).into_response())
}

fn versions<'a>(group: &str, kinds: &[&'a Kind]) -> BTreeSet<&'a str> {
    kinds.iter().filter(|kind| kind.group == group).map(|kind| kind.version).collect()
}

fn group(name: &str, kinds: &[&Kind]) -> Value {
    let versions: Vec<Value> = versions(name, kinds)
        .into_iter()
        .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}))
        .collect();
    json!({"name": name, "versions": versions, "preferredVersion": versions.first()})
}

fn resources(group: &str, version: &str, kinds: &[&Kind]) -> Value {
    let mut resources = Vec::new();
    for kind in kinds.iter().filter(|kind| kind.group == group && kind.version == version) {
        resources.push(json!({
            "name": kind.plural, "singularName": kind.kind.to_lowercase(), "kind": kind.kind,
            "namespaced": kind.namespaced, "shortNames": kind.short_names,
            "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        }));
        if kind.status_subresource {
            resources.push(json!({
                "name": format!("{}/status", kind.plural), "singularName": "", "kind": kind.kind,
                "namespaced": kind.namespaced, "verbs": ["get", "patch", "update"],
            }));
        }
    }
    let group_version =
        if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version,
        "resources": resources})
}

fn openapi_index(groups: &BTreeSet<&str>, kinds: &[&Kind]) -> Value {
    let mut paths = serde_json::Map::new();
    for group in groups {
        for version in versions(group, kinds) {
            let path = match *group {
                "" => format!("api/{version}"),
                group => format!("apis/{group}/{version}"),
            };
            let url = json!({"serverRelativeURL": format!("/openapi/v3/{path}")});
            paths.insert(path, url);
        }
    }
    json!({"paths": paths})
}

fn openapi(group: &str, version: &str, kinds: &[&Kind]) -> Value {
    let mut paths = serde_json::Map::new();
    let mut schemas = serde_json::Map::new();
    for kind in kinds.iter().filter(|kind| kind.group == group && kind.version == version) {
        let root = if group.is_empty() { "/api".to_owned() } else { format!("/apis/{group}") };
        let place = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
        let names = json!({"group": group, "version": version, "kind": kind.kind});
        paths.insert(
            format!("{root}/{version}{place}/{}/{{name}}", kind.plural),
            json!({"patch": {
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind": names,
                "parameters": [{"name": "fieldValidation", "in": "query",
                    "schema": {"type": "string", "uniqueItems": true}}],
                "responses": {},
            }}),
        );
        schemas.insert(
            kind.kind.to_owned(),
            json!({"type": "object", "x-kubernetes-group-version-kind": [names],
                "x-kubernetes-preserve-unknown-fields": true}),
        );
    }
    json!({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": GIT_VERSION},
        "paths": paths, "components": {"schemas": schemas}})
}
