//! The patches by which people act on a rollout, as upstream's command line writes them.

use super::*;

fn at_20() -> World {
    let mut world = World::with(canary(json!({})));
    world.set_image("cart:2");
    world.pass(10);
    assert_eq!(world.status()["currentStepIndex"], 1);
    world
}

#[test]
fn abort_puts_all_traffic_back_and_keeps_the_canary_for_a_while() {
    let mut world = at_20();
    let canary = world.status()["currentPodHash"].clone();
    world.patch(Part::Status, json!({"status": {"abort": true}}));
    world.settle();
    assert_eq!(
        world.line(),
        "Degraded \"RolloutAborted: Rollout aborted update to revision 2\" step 0 weight 0"
    );
    assert_eq!(world.weights(), (100, 0));
    let status = world.status();
    assert_eq!(
        (&status["abort"], &status["abortedAt"]),
        (&json!(true), &json!("2026-11-02T12:00:40Z"))
    );
    assert_eq!(status.get("pauseConditions"), None);
    assert_eq!(world.condition("Progressing").0, "False");
    let name = format!("cart-{}", canary.as_str().unwrap());
    let set = world.get(&kinds::REPLICA_SET, &name);
    assert_eq!(set["metadata"]["annotations"]["scale-down-deadline"], "2026-11-02T12:01:10Z");
    world.pass(40);
    assert_eq!(world.get(&kinds::REPLICA_SET, &name)["spec"]["replicas"], 0);
    assert_eq!(world.status()["phase"], "Degraded");
}

#[test]
fn retry_after_an_abort_walks_from_the_start() {
    let mut world = at_20();
    world.patch(Part::Status, json!({"status": {"abort": true}}));
    world.pass(60);
    world.patch(Part::Status, json!({"status": {"abort": false}}));
    world.pass(10);
    assert_eq!(world.line(), "Paused \"CanaryPauseStep\" step 1 weight 20");
    assert_eq!(world.status().get("abortedAt"), None);
    assert_eq!(world.weights(), (80, 20));
}

#[test]
fn reverting_after_an_abort_is_healthy_at_once() {
    let mut world = at_20();
    world.patch(Part::Status, json!({"status": {"abort": true}}));
    world.pass(5);
    world.set_image("cart:1");
    world.settle();
    assert_eq!(world.line(), "Healthy \"\" step 9 weight 0");
    assert_eq!(world.status().get("abort"), None);
}

#[test]
fn resuming_twice_with_the_blind_patches_skips_two_steps_and_with_tests_only_one() {
    let mut world = at_20();
    world.patch(Part::Status, json!({"status": {"pauseConditions": null}}));
    // The second click finds no pause and therefore names the next step.
    world.patch(Part::Status, json!({"status": {"pauseConditions": null, "currentStepIndex": 2}}));
    world.pass(10);
    assert_eq!(world.line(), "Paused \"CanaryPauseStep\" step 3 weight 40");

    let world = at_20();
    let guarded: json_patch::Patch = serde_json::from_value(json!([
        {"op": "test", "path": "/status/currentStepIndex", "value": 1},
        {"op": "remove", "path": "/status/pauseConditions"},
    ]))
    .unwrap();
    let resume = || {
        world.cluster.change(&kinds::ROLLOUT, SHOP, "cart", Part::Status, |live| {
            json_patch::patch(live, &guarded)
                .map_err(|error| StoreError::Invalid(error.to_string()))
        })
    };
    assert!(resume().is_ok());
    assert!(resume().is_err(), "the second finds no pause to remove");
}

#[test]
fn a_promotion_without_a_pause_goes_on_by_the_step_that_the_patch_names() {
    let mut world = World::with(canary(
        json!({"steps": [{"analysis": {"templates": [{"templateName": "gate"}]}}, {"setWeight": 50}, {"pause": {}}]}),
    ));
    world.set_image("cart:2");
    world.settle();
    assert_eq!(world.status()["canary"]["currentStepAnalysisRunStatus"]["status"], "Running");
    let run = world.status()["canary"]["currentStepAnalysisRunStatus"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    world.patch(Part::Status, json!({"status": {"pauseConditions": null, "currentStepIndex": 1}}));
    world.pass(10);
    assert_eq!(world.line(), "Paused \"CanaryPauseStep\" step 2 weight 50");
    assert_eq!(world.get(&kinds::ANALYSIS_RUN, &run)["spec"]["terminate"], true);
}

#[test]
fn promote_full_skips_the_rest_and_ships_even_what_was_aborted() {
    let mut world = at_20();
    world.patch(Part::Status, json!({"status": {"promoteFull": true}}));
    world.pass(20);
    assert_eq!(world.line(), "Healthy \"\" step 9 weight 0");
    assert_eq!(world.status().get("promoteFull"), None);

    let mut world = at_20();
    world.patch(Part::Status, json!({"status": {"abort": true}}));
    world.settle();
    world.patch(Part::Status, json!({"status": {"promoteFull": true}}));
    world.pass(20);
    assert_eq!(world.status()["phase"], "Healthy");
    assert_eq!(world.status()["stableRS"], world.status()["currentPodHash"]);
}

#[test]
fn skipping_a_step_and_all_steps() {
    let mut world = at_20();
    world.patch(Part::Status, json!({"status": {"currentStepIndex": 2, "pauseConditions": null}}));
    world.pass(10);
    assert_eq!(world.status()["currentStepIndex"], 3);
    world.patch(Part::Status, json!({"status": {"currentStepIndex": 9, "pauseConditions": null}}));
    world.pass(20);
    assert_eq!(world.line(), "Healthy \"\" step 9 weight 0");
}

#[test]
fn a_manual_pause_holds_everything_until_it_is_taken_away() {
    let mut world = at_20();
    world.patch(Part::Main, json!({"spec": {"paused": true}}));
    world.pass(1000);
    assert_eq!(world.line(), "Paused \"manually paused\" step 1 weight 20");
    assert_eq!(world.status()["observedGeneration"], "3");
    world.patch(Part::Main, json!({"spec": {"paused": false}}));
    world.pass(10);
    assert_eq!(world.line(), "Paused \"CanaryPauseStep\" step 3 weight 40");
}

#[test]
fn a_restart_replaces_every_pod_one_after_the_other() {
    let mut world = World::with(canary(json!({})));
    let names = |world: &World| {
        world
            .cluster
            .list(&kinds::POD, Some(SHOP))
            .iter()
            .map(|pod| pod["metadata"]["uid"].clone())
            .collect::<Vec<_>>()
    };
    let before = names(&world);
    world.patch(Part::Main, json!({"spec": {"restartAt": "2026-11-02T12:00:30Z"}}));
    world.settle();
    assert_eq!(world.status()["message"], "rollout is restarting");
    assert_eq!(world.cluster.list(&kinds::POD, Some(SHOP)).len(), 5);
    world.pass(120);
    assert_eq!(world.status()["phase"], "Healthy");
    assert_eq!(world.status()["restartedAt"], "2026-11-02T12:00:30Z");
    assert!(names(&world).iter().all(|uid| !before.contains(uid)));
}

#[test]
fn a_scaled_rollout_follows() {
    let mut world = World::with(canary(json!({})));
    world.patch(Part::Main, json!({"spec": {"replicas": 8}}));
    world.pass(20);
    let status = world.status();
    assert_eq!((&status["phase"], &status["availableReplicas"]), (&json!("Healthy"), &json!(8)));
    world.patch(Part::Main, json!({"spec": {"replicas": 2}}));
    world.pass(20);
    assert_eq!(world.status()["replicas"], 2);
}

#[test]
fn a_patch_between_look_and_write_is_never_lost() {
    let world = at_20();
    let seen = world.cart();
    world.patch(Part::Status, json!({"status": {"abort": true}}));
    let stale = world.cluster.change(&kinds::ROLLOUT, SHOP, "cart", Part::Status, |live| {
        live["metadata"]["resourceVersion"] = seen["metadata"]["resourceVersion"].clone();
        live["status"] = seen["status"].clone();
        Ok::<(), StoreError>(())
    });
    assert!(matches!(stale, Err(StoreError::Conflict { .. })));
}
