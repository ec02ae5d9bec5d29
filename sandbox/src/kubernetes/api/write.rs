//! Creations, replacements, patches and deletions.
//! Rules: kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-update

use super::path::Target;
use super::select::Selector;
use super::status::{Failure, deleted};
use super::{Query, read};
use crate::kubernetes::kinds::{CUSTOM_RESOURCE_DEFINITION, Kind, NAMESPACE, Origin};
use crate::kubernetes::store::{Cluster, Part, StoreError, name_of, namespace_of};
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

/// A failure inside a change of the store, or the store's own.
enum Refused {
    Store(StoreError),
    Request(Failure),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Refused {
        Refused::Store(error)
    }
}

/// How a patch's body is read, by its content type.
enum Patch {
    Merge(Value),
    Json(json_patch::Patch),
}

const PATCH_TYPES: &str = "application/json-patch+json, application/merge-patch+json";

pub(crate) fn create(cluster: &Cluster, target: &Target, body: &[u8]) -> Result<Value, Failure> {
    let mut object = read_object(target, body)?;
    if target.kind.namespaced {
        let namespace = target.namespace.as_deref().ok_or_else(|| {
            Failure::bad_request("an empty namespace may not be set during creation")
        })?;
        if cluster.get_shared(&NAMESPACE, "", namespace).is_none() {
            return Err(Failure::not_found(&NAMESPACE, namespace));
        }
    }
    if name_of(&object).is_empty()
        && let Some(prefix) = object["metadata"]["generateName"].as_str()
    {
        let suffix = format!("{:05x}", rand::random::<u32>() & 0xf_ffff);
        object["metadata"]["name"] = json!(format!("{prefix}{suffix}"));
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
            metadata.remove(field);
        }
    }
    if target.kind.status_subresource
        && let Some(object) = object.as_object_mut()
    {
        object.remove("status");
    }
    let name = name_of(&object).to_owned();
    if *target.kind == CUSTOM_RESOURCE_DEFINITION {
        install(cluster, &name)?;
        return read::get(cluster, target, &name).map(|stored| (*stored).clone());
    }
    cluster.create(object).map_err(|error| Failure::from_store(error, target.kind, &name))
}

/// Creating a definition installs its kind, if it is one that this cluster can play.
fn install(cluster: &Cluster, name: &str) -> Result<(), Failure> {
    match Kind::find_resource(name) {
        Some(kind) if kind.origin() == Origin::Custom => {
            if cluster.is_installed(kind) {
                let taken = StoreError::AlreadyExists {
                    kind: &CUSTOM_RESOURCE_DEFINITION,
                    name: name.to_owned(),
                };
                return Err(Failure::from_store(taken, &CUSTOM_RESOURCE_DEFINITION, name));
            }
            cluster.install(kind);
            Ok(())
        }
        _ => Err(Failure::bad_request(format!("the pretend cluster has no part to play {name}"))),
    }
}

pub(crate) fn replace(
    cluster: &Cluster,
    target: &Target,
    name: &str,
    body: &[u8],
) -> Result<Value, Failure> {
    let object = read_object(target, body)?;
    if name_of(&object) != name {
        return Err(Failure::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            name_of(&object)
        )));
    }
    let versioned = object["metadata"]["resourceVersion"].as_str().is_some_and(|v| !v.is_empty());
    if target.kind.origin() == Origin::Custom && !versioned {
        let why = "Invalid value: 0: must be specified for an update";
        return Err(Failure::invalid(target.kind, name, "metadata.resourceVersion", why));
    }
    change(cluster, target, name, |live| {
        *live = object;
        Ok(())
    })
}

pub(crate) fn patch(
    cluster: &Cluster,
    target: &Target,
    name: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(StatusCode, Value), Failure> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let content_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    let patch = match content_type.trim() {
        "application/merge-patch+json" => Patch::Merge(decode(body)?),
        "application/json-patch+json" => Patch::Json(
            serde_json::from_slice(body)
                .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?,
        ),
        // For these few built-in kinds a strategic merge differs from a plain one in lists only.
        "application/strategic-merge-patch+json" if target.kind.origin() == Origin::BuiltIn => {
            Patch::Merge(without_directives(decode(body)?))
        }
        _ => return Err(Failure::unsupported_media_type(PATCH_TYPES)),
    };
    change(cluster, target, name, |live| match patch {
        Patch::Merge(patch) => {
            json_patch::merge(live, &patch);
            Ok(())
        }
        Patch::Json(patch) => {
            json_patch::patch(live, &patch).map_err(|_| Failure::patch_does_not_fit())
        }
    })
    .map(|object| (StatusCode::OK, object))
}

pub(crate) fn delete(
    cluster: &Cluster,
    target: &Target,
    name: &str,
    body: &[u8],
) -> Result<Value, Failure> {
    let live = read::get(cluster, target, name)?;
    let options: Value = if body.is_empty() { Value::Null } else { decode(body)? };
    for field in ["uid", "resourceVersion"] {
        let wanted = &options["preconditions"][field];
        if !wanted.is_null() && *wanted != live["metadata"][field] {
            let message = format!(
                "Precondition failed: {field} in precondition: {wanted}, in object meta: {}",
                live["metadata"][field]
            );
            let conflict =
                StoreError::Conflict { kind: target.kind, name: name.to_owned(), message };
            return Err(Failure::from_store(conflict, target.kind, name));
        }
    }
    if *target.kind == CUSTOM_RESOURCE_DEFINITION
        && let Some(kind) = Kind::find_resource(name)
    {
        cluster.uninstall(kind);
        return Ok(deleted(target.kind, &live));
    }
    cluster
        .delete(target.kind, namespace_of(&live), name)
        .ok_or_else(|| Failure::not_found(target.kind, name))?;
    Ok(deleted(target.kind, &live))
}

pub(crate) fn delete_all(
    cluster: &Cluster,
    target: &Target,
    query: &Query,
) -> Result<Value, Failure> {
    let selector = Selector::parse(query.get("labelSelector"), query.get("fieldSelector"))?;
    let mut items = Vec::new();
    for object in cluster.list_shared(target.kind, target.namespace.as_deref()) {
        if selector.matches(&object) {
            items.extend(cluster.delete(target.kind, namespace_of(&object), name_of(&object)));
        }
    }
    Ok(json!({
        "kind": format!("{}List", target.kind.kind), "apiVersion": target.kind.api_version(),
        "metadata": {"resourceVersion": cluster.version().to_string()}, "items": items,
    }))
}

fn change(
    cluster: &Cluster,
    target: &Target,
    name: &str,
    change: impl FnOnce(&mut Value) -> Result<(), Failure>,
) -> Result<Value, Failure> {
    let part = match target.subresource.as_deref() {
        None => Part::Main,
        Some(_) => Part::Status,
    };
    let namespace = target.namespace.as_deref().unwrap_or_default();
    cluster
        .change(target.kind, namespace, name, part, |live| {
            change(live).map_err(Refused::Request)?;
            if live["metadata"].is_object() {
                Ok(())
            } else {
                Err(Refused::Request(Failure::invalid(
                    target.kind,
                    name,
                    "metadata",
                    "Required value",
                )))
            }
        })
        .map_err(|refused| match refused {
            Refused::Request(failure) => failure,
            Refused::Store(error) => Failure::from_store(error, target.kind, name),
        })
}

fn decode(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::bad_request(format!("the body is not JSON: {error}")))
}

fn read_object(target: &Target, body: &[u8]) -> Result<Value, Failure> {
    let mut object = decode(body)?;
    if !object.is_object() || !object["metadata"].is_object() {
        return Err(Failure::bad_request("the object provided has no metadata"));
    }
    let kind = target.kind;
    // A body may leave out what the URL says already.
    if let Some(fields) = object.as_object_mut() {
        fields.entry("apiVersion").or_insert_with(|| json!(kind.api_version()));
        fields.entry("kind").or_insert_with(|| json!(kind.kind));
    }
    if object["apiVersion"] != kind.api_version() || object["kind"] != kind.kind {
        return Err(Failure::bad_request(format!(
            "the API version or kind in the data ({}, {}) does not match the expected ({}, {})",
            object["apiVersion"],
            object["kind"],
            kind.api_version(),
            kind.kind
        )));
    }
    let stated = namespace_of(&object).to_owned();
    if let Some(namespace) = &target.namespace {
        if !stated.is_empty() && stated != *namespace {
            return Err(Failure::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        object["metadata"]["namespace"] = json!(namespace);
    }
    Ok(object)
}

/// A strategic merge patch without its `$…` directives.
fn without_directives(patch: Value) -> Value {
    match patch {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(field, _)| !field.starts_with('$'))
                .map(|(field, value)| (field, without_directives(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_directives).collect()),
        value => value,
    }
}
