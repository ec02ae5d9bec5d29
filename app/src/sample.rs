//! Rollouts for tests, in the states that matter.

use std::sync::Arc;

use domain::{
    board::Freshness,
    environment::{Class, Environment},
    rollout::{
        BlueGreenPlan, CanaryPlan, Condition, PauseCondition, PauseReason, Phase, ReplicaSet,
        Rollout, RolloutKey, Spec, Status, Step, Strategy,
    },
};
use jiff::{SignedDuration, Timestamp};

/// A moment all tests share.
pub(crate) fn noon() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().expect("a timestamp")
}

pub(crate) fn minutes_ago(minutes: i64) -> Timestamp {
    noon() - SignedDuration::from_secs(minutes * 61)
}

pub(crate) fn stale() -> Freshness {
    Freshness::Stale { since: minutes_ago(1), why: "connection refused".into() }
}

pub(crate) fn environment(name: &str) -> Environment {
    Environment {
        name: name.into(),
        class: Class::Prod,
        cluster: "eu-1".into(),
        namespaces: vec!["shop".into()],
        promotes_to: None,
    }
}

/// 20, 40, 60, a person, 80, with a minute at each weight.
fn steps() -> Vec<Step> {
    vec![
        Step::SetWeight(20),
        Step::Pause(60),
        Step::SetWeight(40),
        Step::Pause(60),
        Step::SetWeight(60),
        Step::PauseForPerson,
        Step::SetWeight(80),
        Step::Pause(60),
    ]
}

fn replica_set(revision: u64, hash: &str, image: &str, minutes: i64) -> ReplicaSet {
    ReplicaSet {
        name: format!("checkout-{hash}"),
        revision,
        pod_hash: Some(hash.into()),
        desired: 5,
        ready: 5,
        available: 5,
        images: vec![image.into()],
        created_at: Some(minutes_ago(minutes)),
    }
}

/// Moving from 1.8.4 to 1.9.0, at this step.
pub(crate) fn canary(environment: &str, name: &str, step: u32) -> Rollout {
    let new = "ghcr.io/shop/checkout:1.9.0@sha256:a41f7c2e90b1";
    let mut rollout = Rollout {
        key: RolloutKey {
            environment: environment.into(),
            namespace: "shop".into(),
            name: name.into(),
        },
        cluster: "eu-1".into(),
        service: name.into(),
        uid: "0d2a".into(),
        resource_version: "4711".into(),
        generation: 7,
        created_at: Some(minutes_ago(90_000)),
        spec: Spec {
            replicas: 5,
            paused: false,
            restart_at: None,
            workload_generation: None,
            strategy: Strategy::Canary(CanaryPlan {
                steps: steps(),
                traffic_routing: true,
                max_weight: 100,
            }),
            images: vec![new.into()],
        },
        status: Status {
            observed_generation: Some("7".into()),
            phase: Some(Phase::Progressing),
            message: Some("more replicas need to be updated".into()),
            current_step_index: Some(step),
            current_pod_hash: Some("6b9f".into()),
            stable_hash: Some("57c8".into()),
            replicas: 8,
            updated_replicas: 3,
            ready_replicas: 8,
            available_replicas: 8,
            ..Status::default()
        },
        replica_sets: vec![
            replica_set(2, "6b9f", new, 12),
            replica_set(1, "57c8", "ghcr.io/shop/checkout:1.8.4@sha256:77e0b19aa", 8_000),
        ],
        analysis_runs: vec![],
    };
    rollout.status.canary_weight = Some(rollout.set_weight());
    let reason = match rollout.current_step() {
        Some(Step::Pause(_) | Step::PauseForPerson) => Some(PauseReason::CanaryPauseStep),
        _ => None,
    };
    if let Some(reason) = reason {
        rollout.status.phase = Some(Phase::Paused);
        rollout.status.controller_pause = true;
        rollout.status.pause_conditions =
            vec![PauseCondition { reason, start_time: Some(minutes_ago(i64::from(step))) }];
    }
    rollout
}

pub(crate) fn healthy(environment: &str, name: &str) -> Rollout {
    let mut rollout = canary(environment, name, 8);
    rollout.status.phase = Some(Phase::Healthy);
    rollout.status.stable_hash = Some("6b9f".into());
    rollout.status.conditions = vec![Condition {
        kind: "Healthy".into(),
        status: "True".into(),
        reason: "RolloutHealthy".into(),
        message: "Rollout is healthy".into(),
        since: Some(minutes_ago(300)),
    }];
    rollout
}

pub(crate) fn aborted(environment: &str, name: &str) -> Rollout {
    let mut rollout = canary(environment, name, 0);
    rollout.status.phase = Some(Phase::Degraded);
    rollout.status.abort = true;
    rollout.status.aborted_at = Some(minutes_ago(4));
    rollout.status.message = Some("metric \"error-rate\" assessed Failed".into());
    rollout.status.canary_weight = Some(0);
    rollout
}

pub(crate) fn blue_green(environment: &str, name: &str) -> Rollout {
    let mut rollout = canary(environment, name, 0);
    rollout.spec.strategy =
        Strategy::BlueGreen(BlueGreenPlan { auto_promotion: false, auto_promotion_seconds: None });
    rollout.status.phase = Some(Phase::Paused);
    rollout.status.current_step_index = None;
    rollout.status.active_hash = Some("57c8".into());
    rollout.status.preview_hash = Some("6b9f".into());
    rollout.status.pause_conditions = vec![PauseCondition {
        reason: PauseReason::BlueGreenPause,
        start_time: Some(minutes_ago(7)),
    }];
    rollout
}

pub(crate) fn first_deploy(environment: &str, name: &str) -> Rollout {
    let mut rollout = canary(environment, name, 8);
    rollout.status.stable_hash = None;
    rollout.replica_sets.truncate(1);
    rollout
}

/// What a newer controller, or a careless hand, may leave behind.
pub(crate) fn odd(environment: &str, name: &str) -> Rollout {
    let mut rollout = canary(environment, name, 1);
    rollout.spec.strategy = Strategy::Canary(CanaryPlan {
        steps: vec![Step::Unknown, Step::Plugin("x".into()), Step::Analysis],
        traffic_routing: false,
        max_weight: 100,
    });
    rollout.spec.images.clear();
    rollout.replica_sets.clear();
    rollout.created_at = None;
    rollout.status.phase = None;
    rollout.status.pause_conditions.clear();
    rollout.status.controller_pause = false;
    rollout
}

/// As many rollouts as asked for, of all states, mostly healthy, each with a name and times of its own.
pub(crate) fn many(count: usize) -> Vec<Arc<Rollout>> {
    let services = [
        "checkout", "payments", "catalog", "search", "mailer", "basket", "pricing", "stock",
        "login", "profile", "shipping", "returns", "coupons", "reviews", "feed", "invoices",
        "ledger", "fraud", "tax", "images", "video", "chat", "alerts", "reports", "export",
        "import", "geo", "weather", "maps", "routes", "drivers", "fleet", "tickets", "gateway",
    ];
    (0..count)
        .map(|index| {
            let name = services[index % services.len()];
            let environment = ["dev", "staging", "prod"][index / services.len() % 3];
            let mut rollout = match index % 10 {
                0..=4 => healthy(environment, name),
                5 => canary(environment, name, 5),
                6 => canary(environment, name, u32::try_from(index % 5).expect("small")),
                7 => aborted(environment, name),
                8 => blue_green(environment, name),
                _ => first_deploy(environment, name),
            };
            rollout.key.namespace = ["shop", "money", "find", "reach"][index % 4].into();
            // Times and versions of its own, as scattered as real ones.
            let scatter = i64::try_from(index * 7919 % 9973).expect("small");
            let at = minutes_ago(scatter);
            rollout.status.aborted_at = rollout.status.aborted_at.map(|_| at);
            for pause in &mut rollout.status.pause_conditions {
                pause.start_time = Some(at);
            }
            for condition in &mut rollout.status.conditions {
                condition.since = Some(at);
            }
            let (minor, patch) = (index * 31 % 17, index * 17 % 23);
            rollout.spec.images = vec![format!("ghcr.io/x/{name}:2.{minor}.{patch}")];
            for (place, set) in rollout.replica_sets.iter_mut().enumerate() {
                set.created_at = Some(at);
                set.images = match place {
                    0 => rollout.spec.images.clone(),
                    _ => vec![format!("ghcr.io/x/{name}:2.{minor}.{}", patch.saturating_sub(1))],
                };
            }
            Arc::new(rollout)
        })
        .collect()
}
