use super::*;

#[test]
fn the_first_deploy_skips_every_step() {
    let world = World::with(canary(json!({})));
    assert_eq!(world.line(), "Healthy \"\" step 9 weight 0");
    let status = world.status();
    for (field, expected) in [
        ("observedGeneration", json!("1")),
        ("replicas", json!(5)),
        ("updatedReplicas", json!(5)),
        ("readyReplicas", json!(5)),
        ("availableReplicas", json!(5)),
        ("HPAReplicas", json!(5)),
        ("selector", json!("app=cart")),
        ("blueGreen", json!({})),
    ] {
        assert_eq!(status[field], expected, "{field}");
    }
    assert_eq!(status["stableRS"], status["currentPodHash"]);
    assert_eq!(status.get("controllerPause"), None);
    assert_eq!(world.cart()["metadata"]["annotations"]["rollout.argoproj.io/revision"], "1");
    let completed =
        ("True".to_owned(), "RolloutCompleted".to_owned(), "RolloutCompleted".to_owned());
    assert_eq!(world.condition("Completed"), completed);
    assert_eq!(world.condition("Progressing").1, "NewReplicaSetAvailable");
    assert_eq!(world.condition("Available").2, "Rollout has minimum availability");
    assert_eq!(world.cluster.list(&kinds::POD, Some(SHOP)).len(), 5);
}

#[test]
fn a_first_deploy_is_progressing_until_its_pods_are_ready() {
    let mut world = World::with(canary(json!({})));
    let mut second = canary(json!({}));
    second["metadata"]["name"] = json!("new");
    world.apply(second);
    world.settle();
    let status = world.get(&kinds::ROLLOUT, "new")["status"].clone();
    assert_eq!(
        (&status["phase"], &status["message"]),
        (&json!("Progressing"), &json!("updated replicas are still becoming available"))
    );
    world.pass(30);
    assert_eq!(world.get(&kinds::ROLLOUT, "new")["status"]["phase"], "Healthy");
}

#[test]
fn a_canary_walks_holds_at_60_for_a_person_and_ends_healthy() {
    let mut world = World::with(canary(json!({})));
    let stable = world.status()["stableRS"].clone();
    world.set_image("cart:2");
    world.settle();
    assert_eq!(world.line(), "Progressing \"more replicas need to be updated\" step 0 weight 0");
    assert_eq!(world.status()["stableRS"], stable);
    world.pass(10);
    assert_eq!(world.line(), "Paused \"CanaryPauseStep\" step 1 weight 20");
    assert_eq!(world.weights(), (80, 20));
    let status = world.status();
    assert_eq!(status["controllerPause"], true);
    assert_eq!(status["pauseConditions"][0]["reason"], "CanaryPauseStep");
    assert_eq!(world.condition("Paused").0, "True");
    assert_eq!(world.condition("Progressing").1, "RolloutPaused");
    assert_eq!(world.selector("cart-canary"), status["currentPodHash"]);
    assert_eq!(world.selector("cart-stable"), stable);
    assert_eq!(world.revision_of(&status["currentPodHash"]), "2");
    world.pass(180);
    assert_eq!(
        (world.line(), world.weights()),
        ("Paused \"CanaryPauseStep\" step 3 weight 40".to_owned(), (60, 40))
    );
    world.pass(190);
    assert_eq!(
        (world.line(), world.weights()),
        ("Paused \"CanaryPauseStep\" step 5 weight 60".to_owned(), (40, 60))
    );
    world.pass(3 * 24 * 3600);
    assert_eq!(
        world.line(),
        "Paused \"CanaryPauseStep\" step 5 weight 60",
        "a person may take days"
    );
    world.patch(Part::Status, json!({"status": {"pauseConditions": null}}));
    world.pass(10);
    assert_eq!(
        (world.line(), world.weights()),
        ("Paused \"CanaryPauseStep\" step 7 weight 80".to_owned(), (20, 80))
    );
    world.pass(200);
    let status = world.status();
    assert_eq!(world.line(), "Healthy \"\" step 9 weight 0");
    assert_eq!(world.weights(), (100, 0));
    assert_ne!(status["stableRS"], stable);
    assert_eq!(world.selector("cart-stable"), status["stableRS"]);
    world.pass(60);
    let old = world.get(&kinds::REPLICA_SET, &format!("cart-{}", stable.as_str().unwrap()));
    assert_eq!(old["spec"]["replicas"], 0, "the old version goes after its delay");
    assert_eq!(world.condition("Healthy").0, "True");
}

#[test]
fn the_weights_of_a_walk_are_the_steps_and_nothing_between() {
    let mut world = World::with(canary(
        json!({"steps": [{"setWeight": 20}, {"setWeight": 40}, {"setWeight": 100}]}),
    ));
    let since = world.cluster.version();
    world.set_image("cart:2");
    world.pass(120);
    let (_, events) = world.cluster.events_since(&kinds::VIRTUAL_SERVICE, None, since).unwrap();
    let weights: Vec<_> = events
        .iter()
        .map(|event| {
            let route = &event.object["spec"]["http"][0]["route"];
            (route[0]["weight"].as_i64().unwrap(), route[1]["weight"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(weights, [(80, 20), (60, 40), (0, 100), (100, 0)]);
    assert_eq!(world.status()["phase"], "Healthy");
}

#[test]
fn a_new_template_in_the_middle_of_an_update_starts_again() {
    let mut world = World::with(canary(json!({})));
    world.set_image("cart:2");
    world.pass(200);
    let overtaken = world.status()["currentPodHash"].clone();
    assert_eq!(world.status()["currentStepIndex"], 3);
    world.set_image("cart:3");
    world.settle();
    assert_eq!(world.status()["currentStepIndex"], 0);
    assert_eq!(world.status().get("pauseConditions"), None);
    world.pass(20);
    assert_eq!(world.line(), "Paused \"CanaryPauseStep\" step 1 weight 20");
    let set = world.get(&kinds::REPLICA_SET, &format!("cart-{}", overtaken.as_str().unwrap()));
    assert_eq!(set["spec"]["replicas"], 0);
}

#[test]
fn going_back_to_the_stable_template_is_healthy_at_once() {
    let mut world = World::with(canary(json!({})));
    let stable = world.status()["stableRS"].clone();
    world.set_image("cart:2");
    world.pass(200);
    world.set_image("cart:1");
    world.settle();
    let status = world.status();
    assert_eq!(world.line(), "Healthy \"\" step 9 weight 0");
    assert_eq!((&status["stableRS"], &status["currentPodHash"]), (&stable, &stable));
    assert_eq!(world.weights(), (100, 0));
    assert_eq!(
        world.revision_of(&stable),
        "3",
        "an old template that is asked for again is the newest revision"
    );
}

#[test]
fn canary_scale_and_header_routes_are_walked() {
    let mut world = World::with(canary(json!({"steps": [
        {"setCanaryScale": {"replicas": 1}}, {"setHeaderRoute": {"name": "beta", "match": [{"headerName": "x-beta", "headerValue": {"exact": "1"}}]}},
        {"pause": {}}], "trafficRouting": {"managedRoutes": [{"name": "beta"}]}})));
    world.set_image("cart:2");
    world.pass(20);
    assert_eq!(world.line(), "Paused \"CanaryPauseStep\" step 2 weight 0");
    assert_eq!(world.status()["updatedReplicas"], 1);
    let http = world.get(&kinds::VIRTUAL_SERVICE, "cart-split")["spec"]["http"].clone();
    assert_eq!(http[0]["name"], "beta");
    assert_eq!(http[0]["match"][0]["headers"]["x-beta"]["exact"], "1");
    world.patch(Part::Status, json!({"status": {"promoteFull": true}}));
    world.pass(30);
    assert_eq!(world.status()["phase"], "Healthy");
    assert_eq!(
        world.get(&kinds::VIRTUAL_SERVICE, "cart-split")["spec"]["http"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn without_a_router_pods_make_the_weight() {
    let steps = json!([{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {}}]);
    let mut world = World::with(rollout(json!({"canary": {"steps": steps}})));
    assert_eq!(world.status()["phase"], "Healthy");
    world.set_image("cart:2");
    world.pass(60);
    let status = world.status();
    assert_eq!(
        (&status["phase"], &status["updatedReplicas"], &status["replicas"]),
        (&json!("Paused"), &json!(1), &json!(5))
    );
    world.patch(Part::Status, json!({"status": {"pauseConditions": null}}));
    world.pass(60);
    assert_eq!(
        (world.status()["updatedReplicas"].clone(), world.status()["currentStepIndex"].clone()),
        (json!(3), json!(3))
    );
    world.patch(Part::Status, json!({"status": {"pauseConditions": null}}));
    world.pass(60);
    let status = world.status();
    assert_eq!(
        (&status["phase"], &status["replicas"], &status["currentStepIndex"]),
        (&json!("Healthy"), &json!(5), &json!(4))
    );
}

#[test]
fn one_change_among_many_idle_rollouts_costs_a_few_passes() {
    let mut world = World::with(canary(json!({})));
    for n in 0..300 {
        let mut other = rollout(json!({"canary": {}}));
        other["metadata"]["name"] = json!(format!("idle-{n}"));
        other["spec"]["selector"] = json!({"matchLabels": {"app": format!("idle-{n}")}});
        other["spec"]["template"]["metadata"] =
            json!({"annotations": {super::super::pods::COUNT_ONLY: "yes"}});
        world.apply(other);
    }
    world.pass(30);
    let before = world.controller.passes;
    world.patch(Part::Main, json!({"spec": {"paused": true}}));
    world.settle();
    assert_eq!(world.status()["phase"], "Paused");
    let cost = world.controller.passes - before;
    assert!(cost <= 6, "{cost} passes for one change");
}
