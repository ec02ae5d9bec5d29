//! What kube-controller-manager and the kubelet do: pods for ReplicaSets, Ready after a while,
//! counts in the ReplicaSet's status; and the controller's own restart of pods.

use super::canary;
use super::pass::{Outcome, Pass, Write, is_owned_by, of_kind};
use super::replica_set::{ReplicaSet, owner};
use crate::clock::kubernetes_time;
use crate::kubernetes::kinds;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;

/// Annotation on a ReplicaSet's pod template: its pods are counted but not made. A load test with
/// thousands of rollouts has no use for tens of thousands of pods.
pub const COUNT_ONLY: &str = "sandbox.signalbox.dev/count-only";

/// Annotation on a pod template: its pods never become Ready, like those of an image that is
/// not there.
pub const NEVER_READY: &str = "sandbox.signalbox.dev/never-ready";

/// Annotation on a pod template: seconds until its pods are Ready, instead of the world's own.
pub const START_SECONDS: &str = "sandbox.signalbox.dev/start-seconds";

/// Keeps the pods of one ReplicaSet; a new one is Ready after `start`.
pub fn keep(now: Timestamp, object: &Value, pods: &[Arc<Value>], start: SignedDuration) -> Outcome {
    let set = ReplicaSet::read(object);
    let annotations = &object["spec"]["template"]["metadata"]["annotations"];
    let mut outcome = Outcome::default();
    let own = annotations[START_SECONDS].as_str().and_then(|text| text.parse().ok());
    let start = own.map_or(start, SignedDuration::from_secs);
    let minimum = object["spec"]["minReadySeconds"].as_i64().unwrap_or_default();
    let minimum = SignedDuration::from_secs(minimum);
    let (mut count, mut ready, mut available) = (0, 0, 0);
    if annotations[COUNT_ONLY].is_string() {
        (count, ready, available) = (set.wanted, set.wanted, set.wanted);
    } else {
        let mut mine: Vec<_> = pods.iter().filter(|pod| is_owned_by(pod, &set.uid)).collect();
        // Those that are not Ready go first, then the youngest.
        mine.sort_by_key(|pod| (ready_since(pod).is_none(), name(pod)));
        let wanted = usize::try_from(set.wanted).unwrap_or_default();
        let gone = mine.split_off(wanted.min(mine.len()));
        let kind = &kinds::POD;
        outcome.writes.extend(gone.iter().map(|pod| Write::Delete { kind, name: name(pod) }));
        for pod in &mine {
            count += 1;
            match ready_since(pod) {
                Some(since) => {
                    ready += 1;
                    if since + minimum <= now {
                        available += 1;
                    } else {
                        wake(&mut outcome, since + minimum);
                    }
                }
                None if annotations[NEVER_READY].is_string() => {}
                None => {
                    let created = created(pod).unwrap_or(now);
                    if created + start <= now {
                        let status = running(pod, now);
                        let name = name(pod);
                        outcome.writes.push(Write::Status { kind, name, status, seen: None });
                    } else {
                        wake(&mut outcome, created + start);
                    }
                }
            }
        }
        let mut taken: Vec<String> = mine.iter().map(|pod| name(pod)).collect();
        for _ in mine.len()..wanted {
            let pod = new_pod(&set, object, &taken);
            taken.push(name(&pod));
            outcome.writes.push(Write::Create(pod));
        }
    }
    let mut status =
        json!({"observedGeneration": object["metadata"]["generation"], "replicas": count});
    for (field, count) in [
        ("fullyLabeledReplicas", count),
        ("readyReplicas", ready),
        ("availableReplicas", available),
    ] {
        if count > 0 {
            status[field] = json!(count);
        }
    }
    if object.get("status") != Some(&status) {
        let name = set.name;
        outcome.writes.push(Write::Status { kind: &kinds::REPLICA_SET, name, status, seen: None });
    }
    outcome
}

fn wake(outcome: &mut Outcome, time: Timestamp) {
    outcome.wake = Some(outcome.wake.map_or(time, |earlier| earlier.min(time)));
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn created(object: &Value) -> Option<Timestamp> {
    object["metadata"]["creationTimestamp"].as_str().and_then(|text| text.parse().ok())
}

fn ready_since(pod: &Value) -> Option<Timestamp> {
    let conditions = pod["status"]["conditions"].as_array()?;
    let ready = conditions.iter().find(|c| c["type"] == "Ready" && c["status"] == "True")?;
    ready["lastTransitionTime"].as_str().and_then(|text| text.parse().ok())
}

fn new_pod(set: &ReplicaSet, object: &Value, taken: &[String]) -> Value {
    let template = &object["spec"]["template"];
    // Names are stable so that a world can be told again; a number that is in use is passed over.
    let candidates = (0u32..).map(|n| {
        let suffix = &super::hash::pod_template_hash(&json!([set.uid, n]))[..5];
        format!("{}-{suffix}", set.name)
    });
    let name = candidates.into_iter().find(|name| !taken.contains(name)).unwrap_or_default();
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": object["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
            "annotations": template["metadata"]["annotations"],
            "ownerReferences": [owner("apps/v1", "ReplicaSet", &set.name, &set.uid)],
        },
        "spec": template["spec"],
        "status": {"phase": "Pending"},
    })
}

fn running(pod: &Value, now: Timestamp) -> Value {
    let now = kubernetes_time(now);
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now});
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten().map(|container| {
        json!({"name": container["name"], "image": container["image"], "ready": true, "started": true,
            "restartCount": 0, "imageID": container["image"], "state": {"running": {"startedAt": now}}})
    });
    let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(condition);
    json!({
        "phase": "Running",
        "startTime": now,
        "conditions": conditions,
        "containerStatuses": containers.collect::<Vec<_>>(),
    })
}

/// `spec.restartAt`: evicts pods that are older, as many at a time as may be missing.
pub(crate) fn restart(pass: &mut Pass) {
    let Some(restart_at) = pass.spec().restart_at else { return };
    if pass.was().restarted_at == Some(restart_at) {
        return;
    }
    if pass.now < restart_at {
        return pass.wake_at(restart_at);
    }
    let pods: Vec<_> = of_kind(pass.children, "Pod")
        .filter(|pod| pass.sets.iter().any(|set| is_owned_by(pod, &set.uid)))
        .collect();
    let old = pods.iter().filter(|pod| created(pod).is_some_and(|created| created < restart_at));
    let old: Vec<_> = old.map(|pod| name(pod)).collect();
    let total: i32 = pass.sets.iter().map(|set| set.wanted).sum();
    let ready = pods.iter().filter(|pod| ready_since(pod).is_some()).count() as i32;
    let at_once = canary::max_unavailable(pass).max(1);
    let spare = ready - (total.max(pass.replicas()) - at_once);
    let now: Vec<_> =
        old.iter().take(usize::try_from(spare).unwrap_or_default()).cloned().collect();
    if old.is_empty() {
        pass.next.restarted_at = Some(restart_at);
    }
    let kind = &kinds::POD;
    pass.writes.extend(now.into_iter().map(|name| Write::Delete { kind, name }));
}
