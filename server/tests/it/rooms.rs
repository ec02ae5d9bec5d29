//! The rooms of ARCHITECTURE.md, held against the manifests and the sources.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn packages() -> Vec<serde_json::Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    metadata["packages"].as_array().expect("a list of packages").clone()
}

/// Names of the dependencies a package is built with.
fn dependencies(package: &serde_json::Value, kinds: &[Option<&str>]) -> BTreeSet<String> {
    package["dependencies"]
        .as_array()
        .expect("a list of dependencies")
        .iter()
        .filter(|dependency| kinds.contains(&dependency["kind"].as_str()))
        .map(|dependency| dependency["name"].as_str().expect("a name").to_owned())
        .collect()
}

fn package(name: &str) -> serde_json::Value {
    packages().into_iter().find(|package| package["name"] == name).expect("a workspace package")
}

#[test]
fn domain_depends_on_nothing_that_could_make_it_impure() {
    let allowed: BTreeSet<_> = ["jiff", "serde", "thiserror"].map(str::to_owned).into();
    assert_eq!(dependencies(&package("domain"), &[None]), allowed);
}

#[test]
fn app_depends_on_leptos_and_domain_alone() {
    let allowed: BTreeSet<_> =
        ["domain", "jiff", "js-sys", "leptos", "wasm-bindgen", "web-sys"].map(str::to_owned).into();
    let extra: Vec<_> =
        dependencies(&package("app"), &[None]).difference(&allowed).cloned().collect();
    assert!(extra.is_empty(), "app must not depend on {extra:?}");
}

#[test]
fn the_pretend_and_the_real_world_know_nothing_of_us() {
    for name in ["sandbox", "testbed", "xtask"] {
        let ours = dependencies(&package(name), &[None, Some("dev"), Some("build")]);
        for forbidden in ["app", "domain", "server"] {
            assert!(!ours.contains(forbidden), "{name} must not depend on {forbidden}");
        }
    }
}

#[test]
fn nobody_asks_for_the_browser_build_on_the_host() {
    for package in packages() {
        for dependency in package["dependencies"].as_array().expect("a list") {
            let features = dependency["features"].as_array().expect("a list");
            assert!(
                !features.iter().any(|feature| feature == "hydrate"),
                "{} asks for hydrate",
                package["name"]
            );
        }
    }
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        // Tests play other rooms' parts.
        if path.ends_with("tests.rs") || path.ends_with("tests") {
            continue;
        }
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn rooms_import_only_what_the_map_allows() {
    let table: &[(&str, &[&str])] = &[
        ("app/src/ui", &["domain::", "crate::components", "crate::pages"]),
        ("app/src/components", &["crate::pages"]),
        ("server/src/pages", &["crate::actions", "crate::routes"]),
        ("server/src/systems", &["crate::actions", "crate::routes", "crate::pages"]),
        ("server/src/store", &["crate::systems", "crate::actions", "crate::routes"]),
        ("server/src/actions", &["crate::routes", "leptos"]),
    ];
    for (folder, forbidden) in table {
        let mut files = vec![];
        sources(&root().join(folder), &mut files);
        assert!(!files.is_empty(), "{folder} has no sources: is the map out of date?");
        for file in files {
            let text = fs::read_to_string(&file).expect("a readable source");
            let code: Vec<_> =
                text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            for pattern in *forbidden {
                assert!(
                    !code.iter().any(|line| line.contains(pattern)),
                    "{} imports {pattern}",
                    file.display()
                );
            }
        }
    }
}
