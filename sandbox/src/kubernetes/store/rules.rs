//! What a write may touch: pure functions from the live object and the wanted one to the next.

use super::{Part, StoreError, metadata_mut};
use crate::kubernetes::kinds::Kind;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Puts a manifest over the live object as `kubectl apply` does (see [`Cluster::apply`]).
pub(super) fn overlay(live: &mut Value, mut manifest: Value) {
    let status = live.get("status").cloned();
    let mut metadata = live["metadata"].take();
    for field in ["labels", "annotations"] {
        if let Some(given) = manifest["metadata"][field].as_object_mut() {
            let given = std::mem::take(given);
            match metadata[field].as_object_mut() {
                Some(kept) => kept.extend(given),
                None => metadata[field] = Value::Object(given),
            }
        }
    }
    for field in ["ownerReferences", "finalizers"] {
        if let Some(given) = manifest["metadata"].get_mut(field) {
            metadata[field] = given.take();
        }
    }
    manifest["metadata"] = metadata;
    if let (Some(status), None) = (status, manifest.get("status")) {
        manifest["status"] = status;
    }
    *live = manifest;
}

/// Conflicts in kube-apiserver's words (apiserver/pkg/registry/generic/registry/store.go).
pub(super) fn check_preconditions(
    kind: &'static Kind,
    name: &str,
    live: &Value,
    wanted: &Value,
) -> Result<(), StoreError> {
    let conflict =
        |message: String| Err(StoreError::Conflict { kind, name: name.to_owned(), message });
    match (&wanted["metadata"]["uid"], &live["metadata"]["uid"]) {
        (Value::String(wanted), Value::String(live)) if wanted != live => {
            return conflict(format!(
                "Precondition failed: UID in precondition: {wanted}, UID in object meta: {live}"
            ));
        }
        _ => {}
    }
    match wanted["metadata"]["resourceVersion"].as_str() {
        Some(version)
            if !version.is_empty()
                && Some(version) != live["metadata"]["resourceVersion"].as_str() =>
        {
            conflict(
                "the object has been modified; please apply your changes to the latest version and try again"
                    .to_owned(),
            )
        }
        _ => Ok(()),
    }
}

/// The object to store: of `wanted` the part that the write may change, of `live` the rest.
pub(super) fn merge_part(
    kind: &Kind,
    part: Part,
    live: &Value,
    mut wanted: Value,
) -> Result<Value, StoreError> {
    if part == Part::Status {
        let mut next = live.clone();
        set_status(&mut next, wanted.get_mut("status").map(Value::take));
        return Ok(next);
    }
    for field in ["name", "namespace"] {
        if wanted["metadata"][field] != live["metadata"][field] {
            return Err(StoreError::Invalid(format!(
                "metadata.{field}: Invalid value: field is immutable"
            )));
        }
    }
    if kind.status_subresource {
        set_status(&mut wanted, live.get("status").cloned());
    }
    let mut generation = live["metadata"]["generation"].clone();
    if is_new_generation(kind, live, &wanted) {
        generation = json!(generation.as_u64().unwrap_or_default() + 1);
    }
    wanted["apiVersion"] = live["apiVersion"].clone();
    wanted["kind"] = live["kind"].clone();
    let metadata = metadata_mut(&mut wanted)?;
    metadata.insert("generation".to_owned(), generation);
    for field in ["uid", "creationTimestamp", "resourceVersion"] {
        metadata.insert(field.to_owned(), live["metadata"][field].clone());
    }
    metadata.retain(|_, value| !value.is_null());
    Ok(wanted)
}

fn set_status(object: &mut Value, status: Option<Value>) {
    match (status, object.as_object_mut()) {
        (Some(status), Some(object)) if !status.is_null() => {
            object.insert("status".to_owned(), status);
        }
        (_, Some(object)) => {
            object.remove("status");
        }
        (_, None) => {}
    }
}

/// A generation counts changes outside metadata and, where status is written apart, outside it.
fn is_new_generation(kind: &Kind, live: &Value, wanted: &Value) -> bool {
    let counted = |field: &String| match field.as_str() {
        "metadata" => false,
        "status" => !kind.status_subresource,
        _ => true,
    };
    let fields = |object: &Value| -> BTreeSet<String> {
        object.as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default()
    };
    fields(live)
        .union(&fields(wanted))
        .filter(|field| counted(field))
        .any(|field| live.get(field) != wanted.get(field))
}
