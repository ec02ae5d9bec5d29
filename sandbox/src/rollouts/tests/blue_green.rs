use super::*;

fn world(more: Value) -> World {
    let mut spec = json!({"activeService": "cart-stable", "previewService": "cart-canary", "autoPromotionEnabled": false});
    json_patch::merge(&mut spec, &more);
    World::with(rollout(json!({"blueGreen": spec})))
}

#[test]
fn a_preview_waits_beside_the_active_version_until_a_person_says_go() {
    let mut world = world(json!({}));
    let status = world.status();
    assert_eq!(status["phase"], "Healthy");
    let old = status["blueGreen"]["activeSelector"].clone();
    assert_eq!(old, status["stableRS"]);
    world.set_image("cart:2");
    world.pass(20);
    let status = world.status();
    assert_eq!(
        (&status["phase"], &status["message"]),
        (&json!("Paused"), &json!("BlueGreenPause"))
    );
    assert_eq!(status["controllerPause"], true);
    assert_eq!(status["blueGreen"]["activeSelector"], old);
    assert_eq!(status["blueGreen"]["previewSelector"], status["currentPodHash"]);
    assert_eq!(
        (world.selector("cart-stable"), world.selector("cart-canary")),
        (old.clone(), status["currentPodHash"].clone())
    );
    world.pass(7200);
    assert_eq!(world.status()["phase"], "Paused");
    world.patch(Part::Status, json!({"status": {"pauseConditions": null}}));
    world.pass(5);
    let status = world.status();
    assert_eq!(status["phase"], "Healthy");
    assert_eq!(status["blueGreen"]["activeSelector"], status["currentPodHash"]);
    world.pass(40);
    let set = world.get(&kinds::REPLICA_SET, &format!("cart-{}", old.as_str().unwrap()));
    assert_eq!(set["spec"]["replicas"], 0);
    assert_eq!(world.status()["phase"], "Healthy");
}

#[test]
fn an_aborted_blue_green_keeps_the_active_version() {
    let mut world = world(json!({}));
    let old = world.status()["stableRS"].clone();
    world.set_image("cart:2");
    world.pass(20);
    world.patch(Part::Status, json!({"status": {"abort": true}}));
    world.pass(60);
    assert_eq!(world.status()["phase"], "Degraded");
    assert_eq!(world.status()["message"], "RolloutAborted: Rollout aborted update to revision 2");
    assert_eq!(world.selector("cart-stable"), old);
    world.set_image("cart:1");
    world.pass(5);
    assert_eq!(world.status()["phase"], "Healthy");
}

#[test]
fn auto_promotion_waits_its_seconds() {
    let mut world = world(json!({"autoPromotionEnabled": true, "autoPromotionSeconds": 60}));
    world.set_image("cart:2");
    world.pass(20);
    assert_eq!(world.status()["message"], "BlueGreenPause");
    world.pass(60);
    assert_eq!(world.status()["phase"], "Healthy");
}

#[test]
fn a_failed_analysis_before_the_promotion_aborts_it() {
    let mut world =
        world(json!({"prePromotionAnalysis": {"templates": [{"templateName": "gate"}]}}));
    let bad = crate::rollouts::traffic::Signals {
        error_rate: 0.4,
        ..crate::rollouts::traffic::Signals::GOOD
    };
    world.traffic.set(SHOP, "cart", "cart:2", bad);
    world.set_image("cart:2");
    world.pass(60);
    let message = world.status()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("RolloutAborted: Rollout aborted update to revision 2: Blue/green pre-promotion analysis phase error/failed: Metric \"gate-error-rate\" assessed Failed"), "{message}");
}
