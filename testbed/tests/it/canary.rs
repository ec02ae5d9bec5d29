//! The canary of the fixture, walked by the real Rollouts controller.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::StreamExt as _;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams, WatchEvent, WatchParams};
use kube::core::gvk::GroupVersionKind;
use serde_json::{Value, json};
use testbed::{CANARY, Options, Testbed, Tool, until};
use tokio::task::JoinHandle;

/// Room for the pauses of the fixture and for busy cores.
const SOON: Duration = Duration::from_secs(90);

fn api(testbed: &Testbed, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(testbed.admin(), "canary", &resource)
}

/// Stable and canary weight, as the VirtualService routes by them.
fn weights(service: &DynamicObject) -> (u64, u64) {
    let weight = |index: usize| {
        let route = &service.data["spec"]["http"][0]["route"][index];
        route["weight"].as_u64().unwrap_or(0)
    };
    (weight(0), weight(1))
}

/// Notes every pair of weights the VirtualService ever has, until all traffic is stable again.
async fn record_weights(
    services: Api<DynamicObject>,
    from: String,
) -> anyhow::Result<Vec<(u64, u64)>> {
    let mut seen = vec![(100, 0)];
    let mut events = services.watch(&WatchParams::default(), &from).await?.boxed();
    while let Some(event) = events.next().await {
        if let WatchEvent::Modified(service) = event? {
            let now = weights(&service);
            if seen.last() != Some(&now) {
                seen.push(now);
            }
            if now == (100, 0) {
                break;
            }
        }
    }
    Ok(seen)
}

async fn rollout_is(
    rollouts: &Api<DynamicObject>,
    what: &str,
    fits: impl Fn(&Value) -> bool,
) -> anyhow::Result<DynamicObject> {
    let reached =
        until(SOON, what, || async { Ok(fits(&rollouts.get("checkout").await?.data["status"])) })
            .await;
    let rollout = rollouts.get("checkout").await?;
    reached.with_context(|| format!("the status is {}", rollout.data["status"]))?;
    Ok(rollout)
}

/// Clears the pause, if the rollout is still the one looked at, in the step looked at.
fn resume(rollout: &DynamicObject, step: i64) -> anyhow::Result<Patch<Value>> {
    let patch = json!([
        {"op": "test", "path": "/metadata/uid", "value": rollout.metadata.uid},
        {"op": "test", "path": "/status/currentPodHash",
         "value": rollout.data["status"]["currentPodHash"]},
        {"op": "test", "path": "/status/currentStepIndex", "value": step},
        {"op": "remove", "path": "/status/pauseConditions"},
    ]);
    Ok(Patch::Json(serde_json::from_value(patch)?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_walks_to_60_holds_for_a_person_and_goes_on_once_resumed() -> anyhow::Result<()> {
    let testbed = Testbed::start(Options::default()).await?;
    let story = walk(&testbed).await;
    if story.is_err() {
        // What the controller thought of it is the first question when this fails; the error
        // itself comes last, where a runner that shortens long outputs keeps it.
        eprintln!("{}", testbed.logs(Tool::RolloutsController).unwrap_or_default());
    }
    story
}

async fn walk(testbed: &Testbed) -> anyhow::Result<()> {
    testbed.apply(CANARY).await?;
    let rollouts = api(testbed, "argoproj.io", "v1alpha1", "Rollout");
    let services = api(testbed, "networking.istio.io", "v1", "VirtualService");
    rollout_is(&rollouts, "the first version to be healthy", |status| {
        status["phase"] == "Healthy" && status["availableReplicas"] == 5
    })
    .await?;

    let from = services.get("checkout").await?.metadata.resource_version.context("a version")?;
    let recorder: JoinHandle<_> = tokio::spawn(record_weights(services.clone(), from));
    testbed.apply(&CANARY.replace("checkout:1.0.0", "checkout:1.1.0")).await?;

    let held = rollout_is(&rollouts, "the pause for a person", |status| {
        status["currentStepIndex"] == 5 && status["controllerPause"] == true
    })
    .await?;
    ensure!(held.data["status"]["phase"] == "Paused", "{}", held.data["status"]);
    ensure!(weights(&services.get("checkout").await?) == (40, 60));

    let parameters = PatchParams::default();
    let refused = rollouts.patch_status("checkout", &parameters, &resume(&held, 3)?).await;
    match refused {
        Err(kube::Error::Api(status)) => ensure!(status.code == 422, "{status:?}"),
        other => anyhow::bail!("a resume of a step already passed went through: {other:?}"),
    }
    rollouts.patch_status("checkout", &parameters, &resume(&held, 5)?).await?;

    let done = rollout_is(&rollouts, "the new version to be healthy", |status| {
        status["phase"] == "Healthy" && status["currentStepIndex"] == 8
    })
    .await?;
    ensure!(done.data["status"]["stableRS"] == held.data["status"]["currentPodHash"]);

    let seen = tokio::time::timeout(SOON, recorder).await???;
    ensure!(seen.iter().all(|(stable, canary)| stable + canary == 100), "{seen:?}");
    let canary: Vec<u64> = seen.iter().map(|(_, canary)| *canary).collect();
    // Just before the end the new version may carry all of it, by the name of the canary.
    let steps: Vec<u64> = canary.iter().copied().filter(|weight| *weight != 100).collect();
    ensure!(steps == [0, 20, 40, 60, 80, 0], "{canary:?}");

    let pods = api(testbed, "", "v1", "Pod").list(&Default::default()).await?;
    let addresses: BTreeSet<_> =
        pods.iter().map(|pod| pod.data["status"]["podIP"].to_string()).collect();
    ensure!(addresses.len() == pods.items.len(), "every pod has an address of its own");
    Ok(())
}
