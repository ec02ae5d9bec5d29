//! Server-side apply of YAML, for kinds known and unknown.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::gvk::GroupVersionKind;
use kube::discovery::{self, ApiCapabilities, ApiResource, Scope};

use crate::wait;

/// Who owns the fields that `apply` sets.
const FIELD_MANAGER: &str = "testbed";

/// A definition is served within a second; past this something is wrong with it.
const ESTABLISHED_WITHIN: Duration = Duration::from_secs(20);

/// Reads every document of a YAML text as an object of Kubernetes.
pub(crate) fn parse(yaml: &str) -> anyhow::Result<Vec<DynamicObject>> {
    // Without a budget: it guards against hostile input, and a definition of Istio is bigger.
    let options = serde_saphyr::options! { budget: None };
    let values: Vec<serde_json::Value> =
        serde_saphyr::from_multiple_with_options(yaml, options).context("read YAML")?;
    let parse = |value| serde_json::from_value(value).context("read a document as an object");
    values.into_iter().map(parse).collect()
}

/// Applies every document in order, in `namespace` where it names none of its own.
pub(crate) async fn apply(
    client: &kube::Client,
    namespace: &str,
    objects: &[DynamicObject],
) -> anyhow::Result<()> {
    let mut kinds = HashMap::new();
    for object in objects {
        let gvk = kind_of(object)?;
        if !kinds.contains_key(&gvk) {
            let known = discovery::pinned_kind(client, &gvk)
                .await
                .with_context(|| format!("look up {} {}", gvk.api_version(), gvk.kind))?;
            kinds.insert(gvk.clone(), known);
        }
        if let Some(known) = kinds.get(&gvk) {
            apply_one(client, namespace, object, known).await?;
        }
    }
    Ok(())
}

async fn apply_one(
    client: &kube::Client,
    namespace: &str,
    object: &DynamicObject,
    (resource, capabilities): &(ApiResource, ApiCapabilities),
) -> anyhow::Result<()> {
    let Some(name) = object.metadata.name.as_deref() else {
        bail!("a {} without a name cannot be applied", resource.kind)
    };
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), resource),
        Scope::Namespaced => {
            let namespace = object.metadata.namespace.as_deref().unwrap_or(namespace);
            Api::namespaced_with(client.clone(), namespace, resource)
        }
    };
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(name, &parameters, &Patch::Apply(object))
        .await
        .with_context(|| format!("apply {} {name}", resource.kind))?;
    if resource.kind == "CustomResourceDefinition" {
        wait::until(ESTABLISHED_WITHIN, &format!("{name} to be served"), || async {
            let definition = api.get_opt(name).await?;
            Ok(definition.is_some_and(|definition| is_established(&definition)))
        })
        .await?;
    }
    Ok(())
}

fn kind_of(object: &DynamicObject) -> anyhow::Result<GroupVersionKind> {
    let types = object.types.as_ref().context("an object has no apiVersion and kind")?;
    GroupVersionKind::try_from(types).with_context(|| format!("read {}", types.api_version))
}

fn is_established(definition: &DynamicObject) -> bool {
    let conditions = definition.data.pointer("/status/conditions").and_then(|all| all.as_array());
    conditions.is_some_and(|conditions| {
        conditions
            .iter()
            .any(|condition| condition["type"] == "Established" && condition["status"] == "True")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_without_content_are_left_out_and_the_rest_keep_their_order() {
        let yaml = "---\n# only a comment\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: b}\n";
        let objects = parse(yaml).expect("valid YAML");
        let names: Vec<_> = objects.iter().filter_map(|o| o.metadata.name.as_deref()).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn an_object_without_a_kind_is_refused() {
        let objects = parse("metadata: {name: a}").expect("valid YAML");
        assert!(kind_of(&objects[0]).is_err());
    }
}
