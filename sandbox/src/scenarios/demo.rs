//! The demo world: two clusters, three environments, nine services in different states, each with
//! a past.
//!
//! The past is not written down but lived: the real controller code runs the world on a stepped
//! clock that ends now, and what is then in the store is the world's start.

use super::kustomize::render;
use crate::clock::{Clock, kubernetes_time};
use crate::kubernetes::Access;
use crate::kubernetes::kinds::{self, Kind};
use crate::kubernetes::store::Cluster;
use crate::rollouts::controller::Controller;
use crate::rollouts::pods::START_SECONDS;
use crate::rollouts::renewal::{EVERY, NOT_BEFORE, next_image, pinned};
use crate::rollouts::traffic::{Signals, Traffic};
use crate::world::{Controllers, World, WorldCluster};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

/// One environment of the demo, as Signalbox is configured with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoEnvironment {
    /// `dev`, `staging` or `prod`.
    pub name: &'static str,
    /// `dev`, `staging` or `prod`.
    pub class: &'static str,
    /// The cluster that holds it.
    pub cluster: &'static str,
    /// Its namespaces there.
    pub namespaces: Vec<String>,
    /// Where its versions go next.
    pub promotes_to: Option<&'static str>,
}

/// The demo's environments in the order of promotion.
pub fn demo_environments() -> Vec<DemoEnvironment> {
    let namespaces = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    vec![
        DemoEnvironment {
            name: "dev",
            class: "dev",
            cluster: "build-1",
            namespaces: namespaces(&["shop-dev", "platform-dev"]),
            promotes_to: Some("staging"),
        },
        DemoEnvironment {
            name: "staging",
            class: "staging",
            cluster: "build-1",
            namespaces: namespaces(&["shop-staging"]),
            promotes_to: Some("prod"),
        },
        DemoEnvironment {
            name: "prod",
            class: "prod",
            cluster: "eu-1",
            namespaces: namespaces(&["shop-prod", "platform-prod"]),
            promotes_to: None,
        },
    ]
}

/// Where a service is in its life when the world starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Healthy,
    /// Healthy, and its next version begins by itself after a while, again and again.
    Restless,
    /// On its walk right now, and again after it is done.
    Walking,
    /// Stopped at 60 % for a person.
    Waiting,
    /// Aborted by analysis.
    Broken,
    /// A preview waits for a person.
    Preview,
    /// Deploying for the first time.
    New,
}

/// Environment, namespace, service, version before the last change, life.
static SERVICES: &[(&str, &str, &str, &str, Life)] = &[
    ("dev", "shop-dev", "checkout", "1.43.0", Life::Walking),
    ("dev", "shop-dev", "storefront", "8.2.1", Life::Restless),
    ("dev", "shop-dev", "catalog", "3.11.4", Life::Healthy),
    ("dev", "shop-dev", "payments", "5.8.0", Life::Broken),
    ("dev", "platform-dev", "mailer", "0.3.0", Life::New),
    ("dev", "platform-dev", "ledger", "2.20.5", Life::Restless),
    ("staging", "shop-staging", "checkout", "1.42.4", Life::Walking),
    ("staging", "shop-staging", "payments", "5.7.3", Life::Healthy),
    ("staging", "shop-staging", "search", "4.1.0", Life::Preview),
    ("staging", "shop-staging", "storefront", "8.2.0", Life::Healthy),
    ("staging", "shop-staging", "catalog", "3.11.3", Life::Healthy),
    ("prod", "shop-prod", "checkout", "1.42.3", Life::Waiting),
    ("prod", "shop-prod", "payments", "5.7.2", Life::Broken),
    ("prod", "shop-prod", "storefront", "8.1.9", Life::Healthy),
    ("prod", "shop-prod", "search", "4.0.7", Life::Healthy),
    ("prod", "shop-prod", "catalog", "3.11.2", Life::Walking),
    ("prod", "platform-prod", "ledger", "2.20.4", Life::Healthy),
    ("prod", "platform-prod", "mailer", "0.2.9", Life::Preview),
];

/// How long ago the world began, and how long ago the last change of each service.
const PAST: SignedDuration = SignedDuration::from_hours(3);
const LAST_CHANGE: SignedDuration = SignedDuration::from_mins(20);
/// A walk that is to be seen walking began just now.
const LAST_WALK: SignedDuration = SignedDuration::from_secs(15);
/// Health that a restless service has between two versions, and the start of a first deploy.
const REST: Duration = Duration::from_secs(90);
const SLOW_START: Duration = Duration::from_secs(120);

/// The demo world as it is now.
pub fn demo_world(clock: &Clock) -> World {
    let clusters = ["build-1", "eu-1"].map(|name| {
        let (manifests, traffic) = live(name, clock);
        WorldCluster {
            name: name.to_owned(),
            manifests,
            controllers: Controllers::Running,
            traffic,
        }
    });
    World {
        clusters: clusters.into_iter().collect(),
        access: Access::Rbac,
        service_account: ("signalbox".to_owned(), "signalbox".to_owned()),
        stories: super::stories(),
        ..World::default()
    }
}

/// Each environment's overlay as JSON text. The files are built in, and a test renders each.
static OVERLAYS: LazyLock<BTreeMap<&str, String>> = LazyLock::new(|| {
    let overlay = |name: &'static str| {
        let objects = render(&format!("kustomize/{name}")).unwrap_or_default();
        (name, Value::Array(objects).to_string())
    };
    ["dev", "staging", "prod"].map(overlay).into()
});

/// All that one service needs in one namespace: the environment's overlay under its name, with
/// durations as this world runs.
pub(super) fn manifests(
    environment: &str,
    service: &str,
    namespace: &str,
    clock: &Clock,
) -> Vec<Value> {
    let text = OVERLAYS
        .get(environment)
        .map(String::as_str)
        .unwrap_or("[]")
        .replace(&format!("zero-downtime-app-{environment}"), namespace)
        .replace("zero-downtime-app", service);
    let mut objects: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
    let least = objects.iter().find(|object| object["kind"] == "HorizontalPodAutoscaler");
    let least = least.map(|autoscaler| autoscaler["spec"]["minReplicas"].clone());
    for object in &mut objects {
        // Nobody plays the autoscaler, so its lowest number is the size.
        if let (true, Some(least)) = (object["kind"] == "Rollout", &least) {
            object["spec"]["replicas"] = least.clone();
        }
        shorten(object, clock);
    }
    objects
}

/// Writes durations in the length that they have in this world, in whole seconds.
fn shorten(value: &mut Value, clock: &Clock) {
    static TEXTS: [&str; 3] = ["duration", "interval", "initialDelay"];
    static SECONDS: [&str; 4] = [
        "minReadySeconds",
        "scaleDownDelaySeconds",
        "abortScaleDownDelaySeconds",
        "autoPromotionSeconds",
    ];
    let scaled = |seconds: u64| {
        clock.scale(Duration::from_secs(seconds)).as_secs_f64().round().max(1.0) as u64
    };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let text = value.as_str().and_then(crate::rollouts::duration_seconds);
                match (text, value.as_u64()) {
                    (Some(seconds), _) if TEXTS.contains(&name.as_str()) => {
                        *value = json!(format!("{}s", scaled(seconds.unsigned_abs())));
                    }
                    (_, Some(seconds)) if SECONDS.contains(&name.as_str()) => {
                        *value = json!(scaled(seconds))
                    }
                    _ => shorten(value, clock),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shorten(item, clock)),
        _ => {}
    }
}

/// One cluster's past, lived on a stepped clock.
struct Past {
    cluster: Cluster,
    clock: Clock,
    controller: Controller,
    traffic: Traffic,
}

impl Past {
    fn begin(name: &str, at: Timestamp) -> Past {
        let clock = Clock::stepped(at);
        let cluster = Cluster::new(name, clock.clone());
        let traffic = Traffic::default();
        let controller = Controller::new(cluster.clone(), clock.clone(), traffic.clone());
        Past { cluster, clock, controller, traffic }
    }

    /// Lives until `end`, waking whenever there is something to do.
    fn until(&mut self, end: Timestamp) {
        self.controller.settle();
        while let Some(due) = self.controller.next_due().filter(|due| *due < end) {
            self.step(due);
        }
        self.step(end);
    }

    fn step(&mut self, to: Timestamp) {
        let by = Duration::try_from(to.duration_since(self.clock.now())).unwrap_or_default();
        self.clock.advance(by);
        self.controller.settle();
    }

    fn apply(&self, objects: Vec<Value>) {
        for object in objects {
            if let Err(error) = self.cluster.apply(object) {
                tracing::warn!("the demo world lacks an object: {error}");
            }
        }
    }

    /// The next version of a service.
    fn change(&self, namespace: &str, service: &str, signals: Signals) {
        let changed = self.cluster.modify(&kinds::ROLLOUT, namespace, service, |live| {
            let container = &mut live["spec"]["template"]["spec"]["containers"][0];
            let image = next_image(container["image"].as_str().unwrap_or_default());
            self.traffic.set(namespace, service, &image, signals);
            container["image"] = json!(image);
        });
        if let Err(error) = changed {
            tracing::warn!("the demo world cannot change {service}: {error}");
        }
    }

    fn annotate(&self, namespace: &str, service: &str, every: u64) {
        let _ = self.cluster.modify(&kinds::ROLLOUT, namespace, service, |live| {
            let first = self.clock.now() + SignedDuration::from_secs(every as i64);
            live["metadata"]["annotations"][EVERY] = json!(every.to_string());
            live["metadata"]["annotations"][NOT_BEFORE] = json!(kubernetes_time(first));
        });
    }
}

fn live(name: &str, clock: &Clock) -> (Vec<Value>, Traffic) {
    let now = clock.now();
    let at = |before: SignedDuration| now.saturating_sub(before).unwrap_or(now);
    let environments = demo_environments();
    let here: Vec<_> = environments.iter().filter(|e| e.cluster == name).map(|e| e.name).collect();
    let services: Vec<_> = SERVICES.iter().filter(|(e, ..)| here.contains(e)).collect();
    let mut past = Past::begin(name, at(PAST));
    past.apply(rights(&environments, name));
    for (environment, namespace, service, version, life) in &services {
        if *life != Life::New {
            past.apply(first(environment, namespace, service, version, *life, clock));
        }
    }
    past.until(at(LAST_CHANGE));
    for (_, namespace, service, _, life) in &services {
        match life {
            Life::Waiting | Life::Preview => past.change(namespace, service, Signals::GOOD),
            Life::Broken => {
                past.change(namespace, service, Signals { error_rate: 0.12, ..Signals::GOOD })
            }
            Life::Healthy | Life::Restless | Life::Walking | Life::New => {}
        }
    }
    past.until(at(LAST_WALK));
    for (environment, namespace, service, version, life) in &services {
        match life {
            Life::Walking => past.change(namespace, service, Signals::GOOD),
            Life::New => past.apply(first(environment, namespace, service, version, *life, clock)),
            _ => {}
        }
    }
    past.until(now);
    let rest = clock.scale(REST).as_secs().max(1);
    for (number, (_, namespace, service, _, life)) in services.iter().enumerate() {
        if matches!(life, Life::Walking | Life::Restless) {
            // Not all at once.
            past.annotate(namespace, service, rest + number as u64 * rest / 6);
        }
    }
    let traffic = past.traffic.clone();
    (export(&past.cluster), traffic)
}

/// A service's objects at its first version.
fn first(
    environment: &str,
    namespace: &str,
    service: &str,
    version: &str,
    life: Life,
    clock: &Clock,
) -> Vec<Value> {
    let mut objects = manifests(environment, service, namespace, clock);
    for object in &mut objects {
        if object["kind"] != "Rollout" {
            continue;
        }
        let template = &mut object["spec"]["template"];
        let image = pinned(&format!("ghcr.io/example/{service}"), version);
        template["spec"]["containers"][0]["image"] = json!(image);
        if life == Life::New {
            let seconds =
                clock.scale(SLOW_START).as_secs().max(1) + LAST_WALK.as_secs().unsigned_abs();
            template["metadata"]["annotations"][START_SECONDS] = json!(seconds.to_string());
        }
        if life == Life::Preview {
            object["spec"]["strategy"] = super::blue_green(service);
        }
    }
    objects
}

/// Signalbox's account, and its Role in every namespace of the cluster.
fn rights(environments: &[DemoEnvironment], cluster: &str) -> Vec<Value> {
    let objects = render("manifests/signalbox").unwrap_or_default();
    let namespaces: BTreeSet<_> = environments
        .iter()
        .filter(|environment| environment.cluster == cluster)
        .flat_map(|environment| environment.namespaces.iter().map(|n| (environment.name, n)))
        .collect();
    let mut wanted = Vec::new();
    for object in objects {
        let home = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        let Some(environment) = home.strip_prefix("zero-downtime-app-") else {
            wanted.push(object);
            continue;
        };
        for (_, namespace) in namespaces.iter().filter(|(name, _)| *name == environment) {
            let mut copy = object.clone();
            copy["metadata"]["namespace"] = json!(namespace);
            wanted.push(copy);
        }
    }
    wanted
}

/// Everything in a cluster, as a world's start. Generations begin at 1 there, so what has observed
/// a later one observes the first.
fn export(cluster: &Cluster) -> Vec<Value> {
    let is_content = |kind: &&&Kind| **kind != &kinds::CUSTOM_RESOURCE_DEFINITION;
    let kinds = kinds::ALL.iter().filter(is_content);
    let mut objects: Vec<Value> = kinds.flat_map(|kind| cluster.list(kind, None)).collect();
    for object in &mut objects {
        match object["status"].get_mut("observedGeneration") {
            Some(Value::String(text)) => *text = "1".to_owned(),
            Some(number) => *number = json!(1),
            None => {}
        }
        if object["status"].is_null()
            && let Some(fields) = object.as_object_mut()
        {
            fields.remove("status");
        }
    }
    objects
}

/// A Rollout for load with its ReplicaSet, both as the controller leaves them, stamped `now`.
pub(super) fn idle(now: &str) -> (Value, Value) {
    let start = now.parse().unwrap_or_default();
    let mut past = Past::begin("load", start);
    past.apply(vec![super::load_rollout()]);
    past.controller.settle();
    let mut objects = export(&past.cluster);
    let take = |objects: &mut Vec<Value>, kind: &str| {
        let index = objects.iter().position(|object| object["kind"] == kind);
        let mut object = index.map(|index| objects.swap_remove(index)).unwrap_or_default();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("uid");
            metadata.remove("resourceVersion");
        }
        object
    };
    (take(&mut objects, "Rollout"), take(&mut objects, "ReplicaSet"))
}
