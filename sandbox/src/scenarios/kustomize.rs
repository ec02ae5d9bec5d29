//! The small part of Kustomize that `gitops/` uses, over files that are built in.
//!
//! resources and components -> patches (JSON 6902) -> namespace -> images -> labels. Whatever else
//! a kustomization asks for is refused, so that nothing is silently left out.

use crate::kubernetes::kinds::Kind;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        /// Path under `gitops/` and content.
        static FILES: &[(&str, &str)] = &[
            $(($path, include_str!(concat!("../../../gitops/", $path)))),*
        ];
    };
}

files![
    "argorollouts/canary-health.yaml",
    "argorollouts/error-rate.yaml",
    "argorollouts/fast-breaker.yaml",
    "argorollouts/kustomization.yaml",
    "argorollouts/latency.yaml",
    "argorollouts/success-rate.yaml",
    "argorollouts/traffic.yaml",
    "kustomize/base/hpa.yaml",
    "kustomize/base/kustomization.yaml",
    "kustomize/base/pdb.yaml",
    "kustomize/base/rollout.yaml",
    "kustomize/base/serviceaccount.yaml",
    "kustomize/base/services.yaml",
    "kustomize/base/virtualservice.yaml",
    "kustomize/dev/kustomization.yaml",
    "kustomize/dev/namespace.yaml",
    "kustomize/dev/release/kustomization.yaml",
    "kustomize/prod/kustomization.yaml",
    "kustomize/prod/namespace.yaml",
    "kustomize/prod/release/kustomization.yaml",
    "kustomize/staging/kustomization.yaml",
    "kustomize/staging/namespace.yaml",
    "kustomize/staging/release/kustomization.yaml",
    "manifests/signalbox/dev.yaml",
    "manifests/signalbox/kustomization.yaml",
    "manifests/signalbox/prod.yaml",
    "manifests/signalbox/serviceaccount.yaml",
    "manifests/signalbox/staging.yaml",
];

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Kustomization {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    namespace: Option<String>,
    resources: Vec<String>,
    components: Vec<String>,
    images: Vec<Image>,
    labels: Vec<Labels>,
    patches: Vec<Patch>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Image {
    name: String,
    new_tag: Option<String>,
    digest: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Labels {
    pairs: BTreeMap<String, String>,
    #[serde(default)]
    include_selectors: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    target: Target,
    patch: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    kind: String,
    name: Option<String>,
}

/// What `kubectl kustomize gitops/<folder>` prints, as objects.
pub fn render(folder: &str) -> Result<Vec<Value>, String> {
    let mut objects = Vec::new();
    build(folder, &mut objects)?;
    Ok(objects)
}

fn build(folder: &str, objects: &mut Vec<Value>) -> Result<(), String> {
    let path = format!("{folder}/kustomization.yaml");
    let text = file(&path).ok_or_else(|| format!("gitops/{path} is not built in"))?;
    let wanted: Kustomization =
        serde_saphyr::from_str(text).map_err(|error| format!("gitops/{path}: {error}"))?;
    for resource in &wanted.resources {
        let path = join(folder, resource);
        match file(&path) {
            Some(text) => {
                objects.extend(documents(text).map_err(|error| format!("gitops/{path}: {error}"))?)
            }
            None => {
                let mut inner = Vec::new();
                build(&path, &mut inner)?;
                objects.extend(inner);
            }
        }
    }
    for component in &wanted.components {
        build(&join(folder, component), objects)?;
    }
    for patch in &wanted.patches {
        apply(patch, objects).map_err(|error| format!("gitops/{path}: {error}"))?;
    }
    for object in objects.iter_mut() {
        if let Some(namespace) = &wanted.namespace {
            put_into(object, namespace);
        }
        for image in &wanted.images {
            if let Some(containers) = object.pointer_mut("/spec/template/spec/containers") {
                set_image(containers, image);
            }
        }
        for labels in &wanted.labels {
            if labels.include_selectors {
                return Err(format!("gitops/{path}: labels in selectors are not supported"));
            }
            for (name, value) in &labels.pairs {
                object["metadata"]["labels"][name] = value.as_str().into();
            }
        }
    }
    Ok(())
}

fn file(path: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == path).map(|(_, text)| *text)
}

fn join(folder: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in relative.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn documents(text: &str) -> Result<Vec<Value>, String> {
    let parse = |document| serde_saphyr::from_str(document).map_err(|error| error.to_string());
    text.split("\n---\n").map(parse).collect()
}

fn apply(patch: &Patch, objects: &mut [Value]) -> Result<(), String> {
    let operations: Value = serde_saphyr::from_str(&patch.patch).map_err(|e| e.to_string())?;
    let operations: json_patch::Patch =
        serde_json::from_value(operations).map_err(|error| error.to_string())?;
    let target = &patch.target;
    let mut is_used = false;
    for object in objects {
        let is_named = target.name.as_ref().is_none_or(|name| object["metadata"]["name"] == *name);
        if object["kind"] == target.kind && is_named {
            json_patch::patch(object, &operations).map_err(|error| error.to_string())?;
            is_used = true;
        }
    }
    if is_used { Ok(()) } else { Err(format!("a patch finds no {}", target.kind)) }
}

fn put_into(object: &mut Value, namespace: &str) {
    let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
    match Kind::find(&text("apiVersion"), &text("kind")) {
        Some(kind) if !kind.namespaced => {
            if kind.kind == "Namespace" {
                object["metadata"]["name"] = namespace.into();
            }
        }
        Some(_) | None => object["metadata"]["namespace"] = namespace.into(),
    }
}

fn set_image(containers: &mut Value, image: &Image) {
    for container in containers.as_array_mut().into_iter().flatten() {
        let name = container["image"].as_str().unwrap_or_default();
        if name.split(['@', ':']).next() == Some(&image.name) {
            let tag = image.new_tag.iter().map(|tag| format!(":{tag}"));
            let digest = image.digest.iter().map(|digest| format!("@{digest}"));
            let full: String =
                std::iter::once(image.name.clone()).chain(tag).chain(digest).collect();
            container["image"] = full.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    static FOLDERS: [&str; 4] =
        ["kustomize/dev", "kustomize/staging", "kustomize/prod", "manifests/signalbox"];

    fn by_name(objects: Vec<Value>) -> BTreeMap<String, Value> {
        let key = |o: &Value| {
            format!("{} {} {}", o["kind"], o["metadata"]["namespace"], o["metadata"]["name"])
        };
        objects.into_iter().map(|object| (key(&object), object)).collect()
    }

    #[test]
    fn every_folder_renders_as_kubectl_renders_it_where_there_is_kubectl() {
        let gitops = concat!(env!("CARGO_MANIFEST_DIR"), "/../gitops/");
        for folder in FOLDERS {
            let ours = by_name(render(folder).unwrap());
            assert!(ours.len() >= 8, "{folder}: {:?}", ours.keys());
            let Ok(output) =
                Command::new("kubectl").arg("kustomize").arg(format!("{gitops}{folder}")).output()
            else {
                eprintln!("no kubectl here: {folder} is rendered, not compared");
                continue;
            };
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let theirs = documents(&String::from_utf8(output.stdout).unwrap()).unwrap();
            let theirs = by_name(theirs);
            assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
            for (key, object) in &ours {
                assert_eq!(object, &theirs[key], "{folder}: {key}");
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let wrong: Result<Kustomization, _> = serde_saphyr::from_str("namePrefix: a-\n");
        assert!(wrong.is_err());
        assert!(render("kustomize/nowhere").is_err());
    }

    #[test]
    fn an_environment_runs_its_released_image_by_digest() {
        let objects = render("kustomize/prod").unwrap();
        let rollout = objects.iter().find(|object| object["kind"] == "Rollout").unwrap();
        let image = rollout["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap();
        assert!(image.starts_with("ghcr.io/example/zero-downtime-app:1.5.1@sha256:"), "{image}");
    }
}
