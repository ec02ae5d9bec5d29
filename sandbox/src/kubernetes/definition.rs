//! CustomResourceDefinitions of the kinds that are not part of every API server.

use super::kinds::Kind;
use crate::clock::kubernetes_time;
use serde_json::{Value, json};

/// The definition of `kind`, established, with a schema that keeps every field.
pub(crate) fn definition(kind: &Kind, now: jiff::Timestamp) -> Value {
    let now = kubernetes_time(now);
    let names = json!({
        "plural": kind.plural,
        "singular": kind.kind.to_lowercase(),
        "kind": kind.kind,
        "listKind": format!("{}List", kind.kind),
        "shortNames": kind.short_names,
    });
    let mut version = json!({
        "name": kind.version,
        "served": true,
        "storage": true,
        "schema": {"openAPIV3Schema": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
        }},
    });
    if kind.status_subresource {
        version["subresources"] = json!({"status": {}});
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.resource()},
        "spec": {
            "group": kind.group,
            "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
            "names": names,
            "versions": [version],
        },
        "status": {
            "acceptedNames": names,
            "storedVersions": [kind.version],
            "conditions": [
                {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts",
                 "message": "no conflicts found", "lastTransitionTime": now},
                {"type": "Established", "status": "True", "reason": "InitialNamesAccepted",
                 "message": "the initial names have been accepted", "lastTransitionTime": now},
            ],
        },
    })
}
