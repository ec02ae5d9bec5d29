use super::super::kinds::{ANALYSIS_RUN, CUSTOM_RESOURCE_DEFINITION, NAMESPACE, POD, ROLLOUT};
use super::*;

fn cluster() -> Cluster {
    Cluster::new("test", Clock::stepped("2026-11-02T12:00:00Z".parse().unwrap()))
}

fn rollout(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
        "spec": {"replicas": 4},
    })
}

fn version_of(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_new_object_gets_identity_time_generation_and_version() {
    let cluster = cluster();
    let stored = cluster.apply(rollout("cart")).unwrap();
    let metadata = &stored["metadata"];
    assert_eq!(metadata["uid"].as_str().unwrap().len(), 36);
    assert_eq!(metadata["creationTimestamp"], "2026-11-02T12:00:00Z");
    assert_eq!(metadata["generation"], 1);
    assert_eq!(version_of(&stored), cluster.version());
    assert_eq!(cluster.get(&ROLLOUT, "shop", "cart"), Some(stored));
}

#[test]
fn applying_a_new_spec_bumps_the_generation_and_keeps_status_and_foreign_annotations() {
    let cluster = cluster();
    let first = cluster.apply(rollout("cart")).unwrap();
    cluster
        .modify(&ROLLOUT, "shop", "cart", |o| o["metadata"]["annotations"]["revision"] = json!("3"))
        .unwrap();
    cluster
        .write_status(&ROLLOUT, "shop", "cart", |o| o["status"] = json!({"phase": "Healthy"}))
        .unwrap();
    let mut changed = rollout("cart");
    changed["spec"]["replicas"] = json!(6);
    let second = cluster.apply(changed).unwrap();
    assert_eq!(second["metadata"]["generation"], 2);
    assert_eq!(second["metadata"]["uid"], first["metadata"]["uid"]);
    assert_eq!(second["metadata"]["annotations"]["revision"], "3");
    assert_eq!(second["status"]["phase"], "Healthy");
}

#[test]
fn applying_the_same_manifest_twice_changes_nothing() {
    let cluster = cluster();
    cluster.apply(rollout("cart")).unwrap();
    let before = cluster.version();
    cluster.apply(rollout("cart")).unwrap();
    assert_eq!(cluster.version(), before);
}

#[test]
fn a_status_write_keeps_only_the_status_and_no_generation() {
    let cluster = cluster();
    cluster.apply(rollout("cart")).unwrap();
    let stored = cluster
        .write_status(&ROLLOUT, "shop", "cart", |o| {
            o["spec"]["replicas"] = json!(99);
            o["metadata"]["labels"]["sneaked"] = json!("in");
            o["status"]["abort"] = json!(true);
        })
        .unwrap();
    assert_eq!(stored["spec"]["replicas"], 4);
    assert_eq!(stored["metadata"]["labels"].get("sneaked"), None);
    assert_eq!(stored["status"]["abort"], true);
    assert_eq!(stored["metadata"]["generation"], 1);
    let version = cluster.version();
    cluster.write_status(&ROLLOUT, "shop", "cart", |o| o["status"]["abort"] = json!(true)).unwrap();
    assert_eq!(cluster.version(), version, "writing the same status again is no change");
}

#[test]
fn a_main_write_keeps_the_status_of_a_rollout_but_not_of_an_analysis_run() {
    let cluster = cluster();
    cluster.apply(rollout("cart")).unwrap();
    let run = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisRun",
        "metadata": {"name": "cart-1", "namespace": "shop"}, "spec": {}});
    cluster.apply(run).unwrap();
    let failed = |o: &mut Value| o["status"] = json!({"phase": "Failed"});
    let rollout = cluster.modify(&ROLLOUT, "shop", "cart", failed).unwrap();
    let run = cluster.modify(&ANALYSIS_RUN, "shop", "cart-1", failed).unwrap();
    assert_eq!(rollout.get("status"), None);
    assert_eq!(run["status"]["phase"], "Failed");
}

#[test]
fn a_write_with_an_old_version_is_a_conflict() {
    let cluster = cluster();
    let old = cluster.apply(rollout("cart")).unwrap();
    cluster.modify(&ROLLOUT, "shop", "cart", |o| o["spec"]["replicas"] = json!(5)).unwrap();
    let refused = cluster.modify(&ROLLOUT, "shop", "cart", |o| *o = old);
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    let other = cluster.modify(&ROLLOUT, "shop", "cart", |o| o["metadata"]["uid"] = json!("x"));
    assert!(matches!(other, Err(StoreError::Conflict { .. })), "{other:?}");
}

#[test]
fn identity_cannot_be_changed() {
    let cluster = cluster();
    cluster.apply(rollout("cart")).unwrap();
    let renamed = cluster.modify(&ROLLOUT, "shop", "cart", |o| o["metadata"]["name"] = json!("x"));
    assert!(matches!(renamed, Err(StoreError::Invalid(_))));
}

#[test]
fn events_tell_what_happened_after_a_version_in_order() {
    let cluster = cluster();
    let start = cluster.version();
    cluster.apply(rollout("cart")).unwrap();
    cluster.modify(&ROLLOUT, "shop", "cart", |o| o["spec"]["replicas"] = json!(5)).unwrap();
    cluster.delete(&ROLLOUT, "shop", "cart").unwrap();
    let (newest, events) = cluster.events_since(&ROLLOUT, Some("shop"), start).unwrap();
    let changes: Vec<_> = events.iter().map(|e| e.change).collect();
    assert_eq!(changes, [Change::Added, Change::Modified, Change::Deleted]);
    assert_eq!(newest, start + 3);
    assert_eq!(version_of(&events[2].object), newest, "a deletion has a version of its own");
    assert!(cluster.events_since(&ROLLOUT, Some("other"), start).unwrap().1.is_empty());
    assert!(cluster.events_since(&POD, None, start).unwrap().1.is_empty());
}

#[test]
fn a_compacted_or_overrun_history_is_expired_and_the_newest_version_is_not() {
    let cluster = cluster();
    cluster.apply(rollout("cart")).unwrap();
    let seen = cluster.version();
    assert!(cluster.events_since(&ROLLOUT, None, seen).is_ok());
    cluster.compact();
    assert!(cluster.events_since(&ROLLOUT, None, seen).is_err());
    let listed = cluster.snapshot(&ROLLOUT, None).0;
    assert!(cluster.events_since(&ROLLOUT, None, listed).is_ok());
    for n in 0..=HISTORY_LIMIT {
        cluster
            .modify(&ROLLOUT, "shop", "cart", |o| o["spec"]["replicas"] = json!(n + 10))
            .unwrap();
    }
    assert!(cluster.events_since(&ROLLOUT, None, listed).is_err());
    assert!(cluster.events_since(&ROLLOUT, None, listed + 1).is_ok());
}

#[test]
fn deleting_an_owner_deletes_what_it_owns_all_the_way_down() {
    let cluster = cluster();
    let owner = cluster.apply(rollout("cart")).unwrap();
    let owned = |api: &str, kind: &str, name: &str, owner: &Value| {
        json!({"apiVersion": api, "kind": kind, "metadata": {
            "name": name, "namespace": "shop",
            "ownerReferences": [{"uid": owner["metadata"]["uid"]}]}})
    };
    let set = cluster.apply(owned("apps/v1", "ReplicaSet", "cart-1", &owner)).unwrap();
    cluster.apply(owned("v1", "Pod", "cart-1-a", &set)).unwrap();
    cluster.delete(&ROLLOUT, "shop", "cart").unwrap();
    assert!(cluster.list(&POD, None).is_empty());
}

#[test]
fn deleting_a_namespace_deletes_what_is_in_it() {
    let cluster = cluster();
    cluster
        .apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}))
        .unwrap();
    cluster.apply(rollout("cart")).unwrap();
    cluster.delete(&NAMESPACE, "", "shop").unwrap();
    assert!(cluster.list(&ROLLOUT, None).is_empty());
}

#[test]
fn an_uninstalled_kind_is_refused_until_it_is_installed_again() {
    let cluster = cluster();
    cluster.apply(rollout("cart")).unwrap();
    assert_eq!(cluster.uninstall(&ROLLOUT).len(), 1);
    assert_eq!(cluster.get(&CUSTOM_RESOURCE_DEFINITION, "", "rollouts.argoproj.io"), None);
    assert!(matches!(cluster.apply(rollout("cart")), Err(StoreError::UnknownKind { .. })));
    cluster.install(&ROLLOUT);
    assert!(cluster.get(&CUSTOM_RESOURCE_DEFINITION, "", "rollouts.argoproj.io").is_some());
    cluster.apply(rollout("cart")).unwrap();
}

#[test]
fn changed_tells_the_newest_version() {
    let cluster = cluster();
    let mut changed = cluster.changed();
    changed.borrow_and_update();
    cluster.apply(rollout("cart")).unwrap();
    assert!(changed.has_changed().unwrap());
    assert_eq!(*changed.borrow_and_update(), cluster.version());
}

#[test]
fn two_writers_with_the_same_version_have_one_winner() {
    let cluster = cluster();
    let seen = cluster.apply(rollout("cart")).unwrap();
    let write = |replicas: u32| {
        let (cluster, mut object) = (cluster.clone(), seen.clone());
        std::thread::spawn(move || {
            object["spec"]["replicas"] = json!(replicas);
            cluster.modify(&ROLLOUT, "shop", "cart", |o| *o = object).is_ok()
        })
    };
    let wins = [write(5), write(6)].map(|writer| writer.join().unwrap());
    assert_eq!(wins.iter().filter(|won| **won).count(), 1, "{wins:?}");
}
