use super::*;
use crate::rollouts::traffic::Signals;

fn watched(more: Value) -> World {
    let mut spec = json!({"analysis": {"startingStep": 1, "templates": [{"templateName": "error-rate"}],
        "args": [{"name": "namespace", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}]}});
    json_patch::merge(&mut spec, &more);
    World::with(canary(spec))
}

#[test]
fn a_canary_with_errors_is_aborted_by_its_background_analysis() {
    let mut world = watched(json!({}));
    world.traffic.set(SHOP, "cart", "cart:2", Signals { error_rate: 0.1, ..Signals::GOOD });
    world.set_image("cart:2");
    world.pass(10);
    let run = world.status()["canary"]["currentBackgroundAnalysisRunStatus"].clone();
    assert_eq!(run["status"], "Running");
    let hash = world.status()["currentPodHash"].as_str().unwrap().to_owned();
    assert_eq!(run["name"], format!("cart-{hash}-2"));
    let object = world.get(&kinds::ANALYSIS_RUN, &format!("cart-{hash}-2"));
    assert_eq!(object["metadata"]["labels"]["rollout-type"], "Background");
    assert_eq!(object["spec"]["args"], json!([{"name": "namespace", "value": "shop"}]));
    world.pass(100);
    assert_eq!(world.status()["phase"], "Paused", "two minutes have not passed");
    world.pass(60);
    assert_eq!(
        world.status()["message"],
        "RolloutAborted: Rollout aborted update to revision 2: Background analysis phase error/failed: Metric \"error-rate\" assessed Failed due to failed (1) > failureLimit (0)"
    );
    assert_eq!(world.line().split(" step").nth(1), Some(" 0 weight 0"));
    assert_eq!(world.weights(), (100, 0));
    assert_eq!(world.status()["canary"]["currentBackgroundAnalysisRunStatus"]["status"], "Failed");
    assert_eq!(world.status()["abort"], true);
}

#[test]
fn a_good_canary_under_analysis_ends_healthy_and_its_run_successful() {
    let mut world = watched(
        json!({"steps": [{"setWeight": 20}, {"pause": {"duration": "3m"}}, {"setWeight": 100}]}),
    );
    world.set_image("cart:2");
    world.pass(300);
    assert_eq!(world.status()["phase"], "Healthy");
    let runs = world.cluster.list(&kinds::ANALYSIS_RUN, Some(SHOP));
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0]["status"]["phase"], "Successful");
    assert!(runs[0]["status"]["metricResults"][0]["count"].as_i64().unwrap() >= 7);
}

#[test]
fn silence_pauses_for_a_person_and_is_never_taken_for_good() {
    let mut world = watched(json!({"analysis": {"templates": [{"templateName": "volume"}]}}));
    world.traffic.set(
        SHOP,
        "cart",
        "cart:2",
        Signals { requests_per_second: 0.0, ..Signals::GOOD },
    );
    world.set_image("cart:2");
    world.pass(300);
    let status = world.status();
    assert_eq!(status["phase"], "Paused");
    let reasons: Vec<_> =
        status["pauseConditions"].as_array().unwrap().iter().map(|p| p["reason"].clone()).collect();
    assert!(reasons.contains(&json!("InconclusiveAnalysisRun")), "{reasons:?}");
    assert_eq!(status["canary"]["currentBackgroundAnalysisRunStatus"]["status"], "Inconclusive");
}

#[test]
fn an_analysis_step_is_walked_and_its_failure_aborts() {
    let steps = json!([{"setWeight": 20}, {"analysis": {"templates": [{"templateName": "gate"}]}}, {"setWeight": 100}]);
    let mut world = World::with(canary(json!({"steps": steps})));
    world.set_image("cart:2");
    world.pass(10);
    assert_eq!(world.status()["phase"], "Progressing");
    assert_eq!(world.status()["canary"]["currentStepAnalysisRunStatus"]["status"], "Running");
    world.pass(60);
    assert_eq!(world.status()["phase"], "Healthy");
    world.traffic.set(SHOP, "cart", "cart:3", Signals { error_rate: 0.2, ..Signals::GOOD });
    world.set_image("cart:3");
    world.pass(60);
    let message = world.status()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("Step-based analysis phase error/failed: Metric \"gate-error-rate\" assessed Failed due to failed (1) > failureLimit (0)"), "{message}");
}

#[test]
fn a_retry_after_a_failed_analysis_asks_again() {
    let mut world = watched(json!({}));
    world.traffic.set(SHOP, "cart", "cart:2", Signals { error_rate: 0.1, ..Signals::GOOD });
    world.set_image("cart:2");
    world.pass(200);
    assert_eq!(world.status()["phase"], "Degraded");
    world.traffic.set(SHOP, "cart", "cart:2", Signals::GOOD);
    world.patch(Part::Status, json!({"status": {"abort": false}}));
    world.pass(10);
    let run = world.status()["canary"]["currentBackgroundAnalysisRunStatus"].clone();
    assert_eq!(run["status"], "Running", "{run}");
    assert!(run["name"].as_str().unwrap().ends_with("-2.1"), "{run}");
}

#[test]
fn an_invalid_spec_is_degraded_until_it_is_put_right() {
    let mut world = World::with(canary(json!({})));
    world.patch(
        Part::Main,
        json!({"spec": {"strategy": {"canary": {"steps": [{"setWeight": 120}]}}}}),
    );
    world.settle();
    assert_eq!(world.status()["phase"], "Degraded");
    assert_eq!(
        world.status()["message"],
        "InvalidSpec: The Rollout \"cart\" is invalid: spec.strategy.steps[0].setWeight: Invalid value: 120: SetWeight needs to be between 0 and 100"
    );
    world.patch(
        Part::Main,
        json!({"spec": {"strategy": {"canary": {"steps": [{"setWeight": 50}]}}}}),
    );
    world.pass(10);
    assert_eq!(world.status()["phase"], "Healthy");
    world.cluster.delete(&kinds::SERVICE, SHOP, "cart-canary");
    world.settle();
    assert_eq!(world.condition("InvalidSpec").0, "True");
}

#[test]
fn an_endless_metric_in_a_step_is_invalid() {
    let world = World::with(canary(
        json!({"steps": [{"analysis": {"templates": [{"templateName": "error-rate"}]}}]}),
    ));
    let message = world.status()["message"].as_str().unwrap().to_owned();
    assert!(
        message
            .contains("AnalysisTemplate error-rate has metric error-rate which runs indefinitely"),
        "{message}"
    );
}

#[test]
fn pods_that_never_come_up_exceed_the_deadline_and_may_abort() {
    for (aborts, reason) in [(false, "ProgressDeadlineExceeded"), (true, "RolloutAborted")] {
        let mut rollout = canary(json!({}));
        rollout["spec"]["progressDeadlineSeconds"] = json!(120);
        rollout["spec"]["progressDeadlineAbort"] = json!(aborts);
        let mut world = World::with(rollout);
        world.patch(Part::Main, json!({"spec": {"template": {
            "metadata": {"annotations": {crate::rollouts::pods::NEVER_READY: "image not found"}}}}}));
        world.pass(100);
        assert_eq!(world.status()["phase"], "Progressing");
        world.pass(60);
        let status = world.status();
        assert_eq!(status["phase"], "Degraded");
        assert!(status["message"].as_str().unwrap().starts_with(reason), "{}", status["message"]);
        assert_eq!(world.weights(), (100, 0));
    }
}

#[test]
fn an_unreadable_rollout_disturbs_nobody() {
    let mut world = World::with(canary(json!({})));
    let mut broken = canary(json!({}));
    broken["metadata"]["name"] = json!("broken");
    broken["spec"]["strategy"] = json!("canary");
    world.apply(broken);
    world.set_image("cart:2");
    world.pass(10);
    assert_eq!(world.line(), "Paused \"CanaryPauseStep\" step 1 weight 20");
    assert_eq!(world.get(&kinds::ROLLOUT, "broken").get("status"), None);
}
