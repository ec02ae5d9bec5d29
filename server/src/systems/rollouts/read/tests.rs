use serde_json::{Value, json};

use super::{wire::Text, *};

fn place() -> Place {
    Place {
        cluster: "west".into(),
        environment: "prod".into(),
        namespace: "shop".into(),
        services: Arc::new([("api".into(), "orders".into())].into()),
    }
}

fn read(object: Value) -> Rollout {
    to_rollout(serde_json::from_value(object).unwrap(), &place())
}

fn with_steps(steps: Value) -> Vec<Step> {
    let rollout = read(json!({
        "metadata": {"name": "web"},
        "spec": {"strategy": {"canary": {"steps": steps}}},
    }));
    rollout.canary().unwrap().steps.clone()
}

#[test]
fn a_rollout_is_read_field_by_field() {
    let rollout = read(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {
            "name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7",
            "generation": 3, "creationTimestamp": "2026-11-02T12:00:00Z",
            "labels": {"app.kubernetes.io/name": "checkout"},
            "managedFields": [{"manager": "x", "operation": "Update", "fieldsV1": {"f:a": {}}}],
        },
        "spec": {
            "replicas": 4, "paused": true,
            "template": {"spec": {"containers": [{"image": "a:1"}, {"image": "b:2"}]}},
            "strategy": {"canary": {"trafficRouting": {"maxTrafficWeight": 50}, "steps": [{"setWeight": 20}]}},
        },
        "status": {
            "observedGeneration": "3", "phase": "Paused", "message": "CanaryPauseStep",
            "controllerPause": true, "currentStepIndex": 1, "currentPodHash": "abc", "stableRS": "def",
            "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-11-02T12:01:00Z"}],
            "canary": {
                "weights": {"canary": {"weight": 20}},
                "currentStepAnalysisRunStatus": {"name": "run", "status": "Running"},
            },
            "conditions": [{"type": "Healthy", "status": "False", "reason": "r", "message": "m",
                "lastTransitionTime": "2026-11-02T12:01:00Z"}],
        },
    }));
    assert_eq!(rollout.service, "checkout".into());
    assert_eq!((rollout.uid.as_str(), rollout.resource_version.as_str()), ("u", "7"));
    assert_eq!(rollout.spec.images, ["a:1", "b:2"]);
    assert_eq!(rollout.spec.replicas, 4);
    let plan = rollout.canary().unwrap();
    assert_eq!((plan.traffic_routing, plan.max_weight), (true, 50));
    assert_eq!(rollout.status.phase, Some(Phase::Paused));
    assert_eq!(rollout.status.canary_weight, Some(20));
    assert_eq!(rollout.status.stable_hash.as_deref(), Some("def"));
    assert_eq!(rollout.status.pause_conditions[0].reason, PauseReason::CanaryPauseStep);
    assert!(rollout.status.pause_conditions[0].start_time.is_some());
    assert_eq!(rollout.status.step_analysis.as_ref().unwrap().name, "run");
    assert_eq!(rollout.status.conditions[0].kind, "Healthy");
    assert!(rollout.created_at.is_some());
}

#[test]
fn what_is_absent_or_null_is_taken_as_such() {
    let rollout = read(json!({
        "metadata": {"name": "web", "labels": null, "ownerReferences": null},
        "spec": {
            "replicas": null, "paused": null, "template": {"spec": null},
            "strategy": {"canary": {"steps": null, "trafficRouting": null}, "blueGreen": null},
        },
        "status": {"conditions": null, "pauseConditions": null, "canary": null, "blueGreen": null,
            "stableRS": "", "abort": null, "observedGeneration": 4},
    }));
    assert_eq!(rollout.service, "web".into());
    assert_eq!(rollout.spec.replicas, 1);
    assert!(rollout.is_first_deploy());
    assert_eq!(rollout.status.observed_generation.as_deref(), Some("4"));
    let bare = read(json!({"metadata": {"name": "web"}, "spec": {}}));
    assert!(bare.canary().unwrap().steps.is_empty());
}

#[test]
fn the_configuration_names_the_service_before_the_label_does() {
    let labels = json!({"app.kubernetes.io/name": "label"});
    let api = read(json!({"metadata": {"name": "api", "labels": labels}, "spec": {}}));
    assert_eq!(api.service, "orders".into());
}

#[test]
fn every_kind_of_step_is_told_apart() {
    let steps = with_steps(json!([
        {"setWeight": 20},
        {"pause": {}},
        {"pause": {"duration": 60}},
        {"pause": {"duration": "1h30m"}},
        {"pause": {"duration": "soon"}},
        {"analysis": {"templates": []}},
        {"experiment": {}},
        {"setCanaryScale": {"weight": 1}},
        {"setHeaderRoute": {}},
        {"setMirrorRoute": {}},
        {"plugin": {"name": "org/step"}},
        {"somethingNew": {"x": 1}},
    ]));
    assert_eq!(
        steps,
        [
            Step::SetWeight(20),
            Step::PauseForPerson,
            Step::Pause(60),
            Step::Pause(5400),
            Step::Unknown,
            Step::Analysis,
            Step::Experiment,
            Step::SetCanaryScale,
            Step::SetHeaderRoute,
            Step::SetMirrorRoute,
            Step::Plugin("org/step".into()),
            Step::Unknown,
        ]
    );
}

#[test]
fn durations_are_numbers_numbers_in_strings_or_words_as_go_writes_them() {
    let table = [
        ("60", Some(60)),
        ("5m", Some(300)),
        ("1h30m", Some(5400)),
        ("1.5h", Some(5400)),
        ("90s", Some(90)),
        ("1500ms", Some(1)),
        ("", None),
        ("5", Some(5)),
        ("5 m", None),
        ("m", None),
        ("-5m", None),
        ("-5", None),
        ("5d", None),
    ];
    for (text, expected) in table {
        assert_eq!(seconds(&Text::Text(text.into())), expected, "{text:?}");
    }
    assert_eq!(seconds(&Text::Number(60)), Some(60));
    assert_eq!(seconds(&Text::Number(-1)), None);
}

#[test]
fn blue_green_is_read_with_its_own_pauses() {
    let rollout = read(json!({
        "metadata": {"name": "web"},
        "spec": {"strategy": {"blueGreen": {"autoPromotionEnabled": false, "autoPromotionSeconds": 30}}},
        "status": {"blueGreen": {"activeSelector": "a", "previewSelector": "b",
            "prePromotionAnalysisRunStatus": {"name": "pre", "status": "Successful"}}},
    }));
    let Strategy::BlueGreen(plan) = &rollout.spec.strategy else { panic!("not blue/green") };
    assert_eq!((plan.auto_promotion, plan.auto_promotion_seconds), (false, Some(30)));
    assert_eq!(rollout.status.active_hash.as_deref(), Some("a"));
    assert!(rollout.status.pre_promotion_analysis.is_some());
}

#[test]
fn children_know_their_owner_and_revision() {
    let metadata = json!({
        "name": "web-1", "annotations": {"rollout.argoproj.io/revision": "3"},
        "labels": {"rollouts-pod-template-hash": "abc", "rollout-type": "Step"},
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "Rollout", "name": "not-argo", "uid": "x"},
            {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web", "uid": "u"},
        ],
    });
    let set =
        json!({"metadata": metadata, "spec": {"replicas": 2}, "status": {"availableReplicas": 1}});
    let (owner, child) = to_replica_set(serde_json::from_value(set).unwrap());
    assert_eq!(owner.as_deref(), Some("u"));
    let Child::ReplicaSet(set) = child else { panic!("not a ReplicaSet") };
    assert_eq!((set.revision, set.desired, set.available), (3, 2, 1));

    let run = json!({"metadata": metadata, "spec": {"metrics": []}, "status": {
        "phase": "Failed", "metricResults": [{"name": "errors", "phase": "Failed", "failed": 2,
            "measurements": [{"value": "0.1"}, {"value": "0.12"}]}]}});
    let (owner, child) = to_analysis_run(serde_json::from_value(run).unwrap());
    assert_eq!(owner.as_deref(), Some("u"));
    let Child::AnalysisRun(run) = child else { panic!("not an AnalysisRun") };
    assert_eq!(run.kind, AnalysisKind::Step);
    assert_eq!(run.phase, Some(AnalysisPhase::Failed));
    assert_eq!(run.metrics[0].newest.as_deref(), Some("0.12"));
}

#[test]
fn a_wrong_type_makes_the_object_unreadable_and_nothing_else() {
    use kube::core::DeserializeGuard;
    let guarded: DeserializeGuard<RolloutObject> = serde_json::from_value(json!({
        "metadata": {"name": "web"},
        "spec": {"strategy": {"canary": {"steps": "twenty"}}},
    }))
    .unwrap();
    let error = guarded.0.unwrap_err();
    assert_eq!(error.metadata.name.as_deref(), Some("web"));
    assert!(error.error.contains("twenty"), "{}", error.error);
}
