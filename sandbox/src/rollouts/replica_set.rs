//! A ReplicaSet as the controller sees it, and the one it makes for a new template.

use super::pass::{HASH_LABEL, REVISION};
use super::types::Rollout;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Annotation: the size that the whole Rollout had when this ReplicaSet was scaled.
pub(crate) const DESIRED: &str = "rollout.argoproj.io/desired-replicas";
/// Annotation: when an old ReplicaSet may be scaled down.
pub(crate) const DEADLINE: &str = "scale-down-deadline";

#[derive(Clone, Debug, Default)]
pub(crate) struct ReplicaSet {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) hash: String,
    pub(crate) revision: i64,
    pub(crate) created: Option<Timestamp>,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) desired: Option<i32>,
    /// `spec.replicas`.
    pub(crate) wanted: i32,
    /// `status.replicas`.
    pub(crate) actual: i32,
    pub(crate) ready: i32,
    pub(crate) available: i32,
}

impl ReplicaSet {
    pub(crate) fn read(object: &Value) -> ReplicaSet {
        let metadata = &object["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let time = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        let count = |value: &Value| value.as_i64().unwrap_or_default() as i32;
        let number = |value: &Value| value.as_str().and_then(|text| text.parse::<i64>().ok());
        ReplicaSet {
            name: text(&metadata["name"]),
            uid: text(&metadata["uid"]),
            hash: text(&metadata["labels"][HASH_LABEL]),
            revision: number(&metadata["annotations"][REVISION]).unwrap_or_default(),
            created: time(&metadata["creationTimestamp"]),
            deadline: time(&metadata["annotations"][DEADLINE]),
            desired: number(&metadata["annotations"][DESIRED]).map(|n| n as i32),
            wanted: count(&object["spec"]["replicas"]),
            actual: count(&object["status"]["replicas"]),
            ready: count(&object["status"]["readyReplicas"]),
            available: count(&object["status"]["availableReplicas"]),
        }
    }

    /// All that is wanted is there, and something is.
    pub(crate) fn is_available(&self) -> bool {
        self.wanted > 0 && self.available == self.wanted
    }
}

/// The ReplicaSet for a rollout's template, with no pods yet.
pub(crate) fn desired(rollout: &Rollout, hash: &str, revision: i64) -> Value {
    let metadata = &rollout.metadata;
    let mut template = rollout.spec.template.clone();
    if !template["metadata"].is_object() {
        template["metadata"] = json!({});
    }
    if !template["metadata"]["labels"].is_object() {
        template["metadata"]["labels"] = json!({});
    }
    template["metadata"]["labels"][HASH_LABEL] = json!(hash);
    let selector = rollout.spec.selector.clone().unwrap_or_default();
    let mut labels = json!(selector.match_labels);
    labels[HASH_LABEL] = json!(hash);
    json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", metadata.name),
            "namespace": metadata.namespace,
            "labels": template["metadata"]["labels"],
            "annotations": {
                REVISION: revision.to_string(),
                DESIRED: rollout.spec.replicas.unwrap_or(1).to_string(),
            },
            "ownerReferences": [owner("argoproj.io/v1alpha1", "Rollout", &metadata.name, &metadata.uid)],
        },
        "spec": {
            "replicas": 0,
            "minReadySeconds": rollout.spec.min_ready_seconds,
            "selector": {"matchLabels": labels},
            "template": template,
        },
    })
}

/// An owner reference of the controlling owner.
pub(crate) fn owner(api_version: &str, kind: &str, name: &str, uid: &str) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "name": name, "uid": uid,
        "controller": true, "blockOwnerDeletion": true})
}
