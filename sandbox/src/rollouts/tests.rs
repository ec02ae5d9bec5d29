//! Stories of the controller on a stepped clock.

mod blue_green;
mod canary;
mod faults;
mod patches;

use super::controller::Controller;
use super::pass::HASH_LABEL;
use super::traffic::Traffic;
use crate::clock::Clock;
use crate::kubernetes::kinds::{self, Kind};
use crate::kubernetes::store::{Cluster, Part, StoreError};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

struct World {
    cluster: Cluster,
    clock: Clock,
    traffic: Traffic,
    controller: Controller,
}

const SHOP: &str = "shop";

impl World {
    fn empty() -> World {
        let clock = Clock::stepped("2026-11-02T12:00:00Z".parse().unwrap());
        let cluster = Cluster::new("test", clock.clone());
        let traffic = Traffic::default();
        let controller = Controller::new(cluster.clone(), clock.clone(), traffic.clone());
        World { cluster, clock, traffic, controller }
    }

    /// A world with rollout `cart` and all that it refers to, its first version Healthy.
    fn with(rollout: Value) -> World {
        let mut world = World::empty();
        for name in ["cart-stable", "cart-canary"] {
            world.apply(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": SHOP},
                "spec": {"selector": {"app": "cart"}, "ports": [{"port": 80}]}}));
        }
        world.apply(json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": "cart-split", "namespace": SHOP},
            "spec": {"http": [{"name": "primary", "route": [
                {"destination": {"host": "cart-stable", "port": {"number": 80}}, "weight": 100},
                {"destination": {"host": "cart-canary.shop.svc", "port": {"number": 80}}, "weight": 0}]}]}}));
        for (name, metric) in [
            (
                "error-rate",
                json!({"name": "error-rate", "interval": "15s", "initialDelay": "60s", "failureCondition": "len(result) > 0"}),
            ),
            (
                "volume",
                json!({"name": "traffic", "interval": "30s", "successCondition": "len(result) > 0 && result[0] >= 1", "failureCondition": "false"}),
            ),
            (
                "gate",
                json!({"name": "gate-error-rate", "interval": "30s", "count": 2, "successCondition": "result[0] <= 0.05"}),
            ),
        ] {
            world.apply(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate",
                "metadata": {"name": name, "namespace": SHOP}, "spec": {"metrics": [metric]}}));
        }
        world.apply(rollout);
        world.pass(30);
        world
    }

    fn apply(&self, object: Value) {
        self.cluster.apply(object).unwrap();
    }

    fn settle(&mut self) {
        self.controller.settle();
    }

    /// Lets seconds go by, stopping wherever the controller has something to do.
    fn pass(&mut self, seconds: i64) {
        self.settle();
        let end = self.clock.now() + jiff::SignedDuration::from_secs(seconds);
        while let Some(due) = self.controller.next_due().filter(|due| *due <= end) {
            self.move_to(due);
            self.settle();
        }
        self.move_to(end);
        self.settle();
    }

    fn move_to(&self, time: Timestamp) {
        self.clock
            .advance(Duration::try_from(time.duration_since(self.clock.now())).unwrap_or_default());
    }

    fn get(&self, kind: &Kind, name: &str) -> Value {
        self.cluster.get(kind, SHOP, name).unwrap_or_else(|| panic!("no {} {name}", kind.kind))
    }

    fn cart(&self) -> Value {
        self.get(&kinds::ROLLOUT, "cart")
    }

    fn status(&self) -> Value {
        self.cart()["status"].clone()
    }

    /// Phase, message, step and weight in one line.
    fn line(&self) -> String {
        let status = self.status();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!(
            "{} \"{}\" step {} weight {}",
            text(&status["phase"]),
            text(&status["message"]),
            status["currentStepIndex"],
            status["canary"]["weights"]["canary"]["weight"]
        )
    }

    fn weights(&self) -> (i64, i64) {
        let route = self.get(&kinds::VIRTUAL_SERVICE, "cart-split");
        let route = &route["spec"]["http"].as_array().unwrap().last().unwrap()["route"];
        (route[0]["weight"].as_i64().unwrap(), route[1]["weight"].as_i64().unwrap())
    }

    fn selector(&self, service: &str) -> Value {
        self.get(&kinds::SERVICE, service)["spec"]["selector"][HASH_LABEL].clone()
    }

    fn set_image(&self, image: &str) {
        self.cluster
            .modify(&kinds::ROLLOUT, SHOP, "cart", |cart| {
                cart["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
            })
            .unwrap();
    }

    /// A client's merge patch on the main object or on the status.
    fn patch(&self, part: Part, patch: Value) {
        self.cluster
            .change(&kinds::ROLLOUT, SHOP, "cart", part, |live| {
                json_patch::merge(live, &patch);
                Ok::<(), StoreError>(())
            })
            .unwrap();
    }

    fn condition(&self, kind: &str) -> (String, String, String) {
        let status = self.status();
        let found = status["conditions"].as_array().unwrap().iter().find(|c| c["type"] == kind);
        let found = found.unwrap_or_else(|| panic!("no condition {kind} in {status}"));
        let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
        (text("status"), text("reason"), text("message"))
    }

    fn revision_of(&self, hash: &Value) -> Value {
        let set = self.get(&kinds::REPLICA_SET, &format!("cart-{}", hash.as_str().unwrap()));
        set["metadata"]["annotations"]["rollout.argoproj.io/revision"].clone()
    }
}

/// The shipped walk, with whatever else a story needs.
fn canary(more: Value) -> Value {
    let mut spec = json!({
        "stableService": "cart-stable", "canaryService": "cart-canary", "maxUnavailable": 0,
        "trafficRouting": {"istio": {"virtualService": {"name": "cart-split", "routes": ["primary"]}}},
        "steps": [
            {"setWeight": 20}, {"pause": {"duration": "3m"}}, {"setWeight": 40}, {"pause": {"duration": 180}},
            {"setWeight": 60}, {"pause": {}}, {"setWeight": 80}, {"pause": {"duration": "3m"}}, {"setWeight": 100},
        ],
    });
    json_patch::merge(&mut spec, &more);
    rollout(json!({"canary": spec}))
}

fn rollout(strategy: Value) -> Value {
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "cart", "namespace": SHOP},
        "spec": {"replicas": 5, "selector": {"matchLabels": {"app": "cart"}}, "strategy": strategy,
            "template": {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "app", "image": "cart:1"}]}}}})
}
