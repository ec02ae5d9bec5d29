//! The stories of the pretend world: what it looks like at the start, and what can be made to
//! happen in it while it runs.
//!
//! `gitops/` (built in) -> `kustomize` -> `demo` (a world in the middle of its life) -> the store.

mod demo;
pub mod kustomize;

pub use demo::{DemoEnvironment, demo_environments, demo_world};

use crate::clock::Clock;
use crate::kubernetes::kinds;
use crate::kubernetes::store::{Cluster, Part, StoreError};
use crate::rollouts::pass::HASH_LABEL;
use crate::rollouts::pods::COUNT_ONLY;
use crate::rollouts::renewal::{next_image, pinned};
use crate::rollouts::traffic::{Signals, Traffic};
use crate::world::{Stories, Story};
use serde_json::{Value, json};
use std::time::Duration;

/// One story that can be started on a rollout.
pub type Scenario = Story;

/// Rollouts that the story `many` adds.
const MANY: usize = 500;

static ALL: [Scenario; 11] = [
    Story { name: "healthy_canary", sentence: "A good new version begins its canary." },
    Story {
        name: "error_regression",
        sentence: "A new version answers 12 % of its requests with errors; analysis aborts it.",
    },
    Story {
        name: "latency_regression",
        sentence: "A new version answers in 1.5 s; analysis aborts it.",
    },
    Story {
        name: "waiting_for_judgment",
        sentence: "A new version stops at 60 % and waits for a person.",
    },
    Story {
        name: "first_deploy",
        sentence: "The rollout is created anew and deploys for the first time.",
    },
    Story {
        name: "blue_green",
        sentence: "The rollout turns blue/green; a preview waits for a person.",
    },
    Story {
        name: "no_traffic",
        sentence: "Nobody calls the new version; analysis cannot tell and a person decides.",
    },
    Story {
        name: "abort",
        sentence: "The update is aborted; without one, a version begins that fails at once.",
    },
    Story {
        name: "revert",
        sentence: "The stable version is asked for again in the middle of an update.",
    },
    Story { name: "malformed", sentence: "The Rollout is written in a way that cannot be read." },
    Story { name: "many", sentence: "500 idle rollouts appear in the namespace." },
];

/// Every story, in the order in which they are offered.
pub fn all() -> &'static [Scenario] {
    &ALL
}

/// The stories with the function that starts them, for a world's control page.
pub fn stories() -> Stories {
    Stories { all: ALL.to_vec(), start }
}

/// Starts a story on one rollout; the error is a sentence.
pub fn start(
    cluster: &Cluster,
    clock: &Clock,
    traffic: &Traffic,
    name: &str,
    namespace: &str,
    rollout: &str,
) -> Result<(), String> {
    if !ALL.iter().any(|story| story.name == name) {
        return Err(format!("there is no story {name}"));
    }
    if name == "many" {
        return many(cluster, namespace, MANY);
    }
    let told = Told { cluster, clock, traffic, namespace, rollout };
    let live = cluster
        .get(&kinds::ROLLOUT, namespace, rollout)
        .ok_or_else(|| format!("there is no rollout {rollout} in {namespace}"))?;
    if name == "malformed" {
        return told.modify(|live| live["spec"]["strategy"] = json!("canary"));
    }
    let is_canary = live["spec"]["strategy"]["canary"].is_object();
    if !is_canary && name != "blue_green" && name != "revert" && name != "abort" {
        told.modify(|live| live["spec"]["strategy"] = walk(clock, rollout))?;
    }
    match name {
        "healthy_canary" => told.new_version(Signals::GOOD),
        "error_regression" => told.new_version(Signals { error_rate: 0.12, ..Signals::GOOD }),
        "latency_regression" => {
            told.new_version(Signals { latency_p99_ms: 1_500.0, ..Signals::GOOD })
        }
        "no_traffic" => told.new_version(Signals { requests_per_second: 0.0, ..Signals::GOOD }),
        "waiting_for_judgment" => {
            told.modify(|live| live["spec"]["strategy"] = walk(clock, rollout))?;
            told.new_version(Signals::GOOD)
        }
        "first_deploy" => told.create_anew(live),
        "blue_green" => {
            told.modify(|live| live["spec"]["strategy"] = blue_green(rollout))?;
            told.new_version(Signals::GOOD)
        }
        "abort" => told.abort(&live),
        "revert" => told.revert(&live),
        other => Err(format!("there is no story {other}")),
    }
}

/// One story about one rollout.
struct Told<'a> {
    cluster: &'a Cluster,
    clock: &'a Clock,
    traffic: &'a Traffic,
    namespace: &'a str,
    rollout: &'a str,
}

impl Told<'_> {
    fn modify(&self, change: impl FnOnce(&mut Value)) -> Result<(), String> {
        let done = self.cluster.modify(&kinds::ROLLOUT, self.namespace, self.rollout, change);
        done.map(drop).map_err(|error| error.to_string())
    }

    fn new_version(&self, signals: Signals) -> Result<(), String> {
        let mut image = String::new();
        self.modify(|live| {
            let container = &mut live["spec"]["template"]["spec"]["containers"][0];
            image = next_image(container["image"].as_str().unwrap_or_default());
            container["image"] = json!(image);
            // Before the write is seen, so that the first measurement already knows.
            self.traffic.set(self.namespace, self.rollout, &image, signals);
        })
    }

    fn create_anew(&self, mut live: Value) -> Result<(), String> {
        self.cluster.delete(&kinds::ROLLOUT, self.namespace, self.rollout);
        if let Some(fields) = live.as_object_mut() {
            fields.remove("status");
        }
        let start = self.clock.scale(Duration::from_secs(45)).as_secs().max(1);
        live["spec"]["template"]["metadata"]["annotations"][crate::rollouts::pods::START_SECONDS] =
            json!(start.to_string());
        let metadata = &live["metadata"];
        live["metadata"] = json!({"name": metadata["name"], "namespace": metadata["namespace"],
            "labels": metadata["labels"]});
        if live["metadata"]["labels"].is_null() {
            live["metadata"]["labels"] = json!({});
        }
        self.cluster.apply(live).map(drop).map_err(|error| error.to_string())
    }

    fn abort(&self, live: &Value) -> Result<(), String> {
        if live["status"]["currentPodHash"] == live["status"]["stableRS"] {
            return self.new_version(Signals { error_rate: 0.7, ..Signals::GOOD });
        }
        let done = self.cluster.change(
            &kinds::ROLLOUT,
            self.namespace,
            self.rollout,
            Part::Status,
            |live| {
                live["status"]["abort"] = json!(true);
                Ok::<(), StoreError>(())
            },
        );
        done.map(drop).map_err(|error| error.to_string())
    }

    fn revert(&self, live: &Value) -> Result<(), String> {
        let stable = live["status"]["stableRS"].as_str().unwrap_or_default();
        if live["status"]["currentPodHash"] == stable {
            return Err(format!(
                "{} runs its stable version; there is nothing to revert",
                self.rollout
            ));
        }
        let name = format!("{}-{stable}", self.rollout);
        let set = self.cluster.get(&kinds::REPLICA_SET, self.namespace, &name);
        let mut template = set.ok_or("the stable ReplicaSet is gone")?["spec"]["template"].take();
        if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
            labels.remove(HASH_LABEL);
        }
        self.modify(|live| live["spec"]["template"] = template)
    }
}

/// The shipped walk for a service, its durations those of this world.
fn walk(clock: &Clock, service: &str) -> Value {
    let objects = demo::manifests("staging", service, "", clock);
    let rollout = objects.into_iter().find(|object| object["kind"] == "Rollout");
    rollout.map(|mut rollout| rollout["spec"]["strategy"].take()).unwrap_or_default()
}

/// The stable Service is the active one, and the canary's the preview.
fn blue_green(service: &str) -> Value {
    json!({"blueGreen": {
        "activeService": format!("{service}-stable"),
        "previewService": format!("{service}-canary"),
        "autoPromotionEnabled": false,
        "scaleDownDelaySeconds": 60,
    }})
}

/// Adds `n` idle, Healthy rollouts for load: each with its ReplicaSet, without pod objects, in the
/// very state that the controller would bring them to, so that it has nothing to write.
pub fn many(cluster: &Cluster, namespace: &str, n: usize) -> Result<(), String> {
    let now = crate::clock::kubernetes_time(cluster.clock().now());
    let (rollout, set) = demo::idle(&now);
    for number in 0..n {
        let name = format!("load-{number:05}");
        let mut rollout = rollout.clone();
        rollout["metadata"]["name"] = json!(name);
        rollout["metadata"]["namespace"] = json!(namespace);
        let hash = rollout["status"]["stableRS"].as_str().unwrap_or_default().to_owned();
        let rollout = cluster.create(rollout).map_err(|error| error.to_string())?;
        let mut set = set.clone();
        set["metadata"]["name"] = json!(format!("{name}-{hash}"));
        set["metadata"]["namespace"] = json!(namespace);
        set["metadata"]["ownerReferences"][0]["name"] = json!(name);
        set["metadata"]["ownerReferences"][0]["uid"] = rollout["metadata"]["uid"].clone();
        cluster.create(set).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// A Rollout for load, before any controller saw it.
fn load_rollout() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "load", "namespace": "load"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "load"}},
            "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}},
            "template": {
                "metadata": {"labels": {"app": "load"}, "annotations": {COUNT_ONLY: "yes"}},
                "spec": {"containers": [{"name": "app", "image": pinned("ghcr.io/example/load", "1.0.0")}]},
            },
        },
    })
}

#[cfg(test)]
mod tests;
