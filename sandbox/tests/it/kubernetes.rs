use crate::{admin, client, rollout, rollouts, start, within, world};
use futures::{StreamExt, TryStreamExt};
use kube::Error;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::Status;
use kube::runtime::watcher;
use sandbox::kubernetes::Access;
use sandbox::kubernetes::kinds::ROLLOUT;
use serde_json::{Value, json};
use std::time::Instant;

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Box<Status> {
    match result {
        Err(Error::Api(status)) => status,
        other => panic!("not refused: {other:?}"),
    }
}

fn json_patch(patch: Value) -> Patch<Value> {
    Patch::Json(serde_json::from_value(patch).unwrap())
}

#[tokio::test]
async fn a_watcher_sees_what_is_there_and_then_every_change() {
    let sandbox = world(vec![rollout("cart"), rollout("pay")]).await;
    let cluster = sandbox.cluster("east").unwrap();
    let api = rollouts(admin(&sandbox).await);
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let mut events = watcher(api.clone(), config).boxed();
        let mut seen = Vec::new();
        loop {
            match within("the first state", events.try_next()).await.unwrap().unwrap() {
                watcher::Event::InitApply(o) => seen.push(o.metadata.name.unwrap()),
                watcher::Event::InitDone => break,
                _ => {}
            }
        }
        assert_eq!(seen, ["cart", "pay"]);
        let mark = cluster.version();
        cluster.modify(&ROLLOUT, "shop", "cart", |o| o["spec"]["mark"] = json!(mark)).unwrap();
        let watcher::Event::Apply(changed) =
            within("the change", events.try_next()).await.unwrap().unwrap()
        else {
            panic!("no change");
        };
        assert_eq!(changed.data["spec"]["mark"], json!(mark));
    }
    cluster.delete(&ROLLOUT, "shop", "pay").unwrap();
    let left = api.list(&ListParams::default()).await.unwrap();
    assert_eq!(left.items.len(), 1);
}

#[tokio::test]
async fn a_failed_test_or_a_missing_path_is_422_and_changes_nothing() {
    let sandbox = world(vec![rollout("cart")]).await;
    let api = rollouts(admin(&sandbox).await);
    let before = sandbox.cluster("east").unwrap().version();
    for patch in [
        json!([{"op": "test", "path": "/spec/replicas", "value": 5},
               {"op": "replace", "path": "/spec/replicas", "value": 6}]),
        json!([{"op": "test", "path": "/status/currentStepIndex", "value": 1}]),
        json!([{"op": "remove", "path": "/status/pauseConditions"}]),
    ] {
        let status = refusal(api.patch("cart", &PatchParams::default(), &json_patch(patch)).await);
        assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
        assert_eq!(
            status.message,
            "the server rejected our request due to an error in our request"
        );
    }
    assert_eq!(sandbox.cluster("east").unwrap().version(), before);
}

#[tokio::test]
async fn of_two_guarded_patches_at_once_exactly_one_wins() {
    let sandbox = world(vec![rollout("cart")]).await;
    let api = rollouts(admin(&sandbox).await);
    let set = |index: Value| json!({"status": {"currentStepIndex": index}});
    let merge = |body: Value| Patch::Merge(body);
    api.patch_status("cart", &PatchParams::default(), &merge(set(json!(2)))).await.unwrap();
    for _ in 0..10 {
        let index =
            api.get_status("cart").await.unwrap().data["status"]["currentStepIndex"].clone();
        let next = json!(index.as_u64().unwrap() + 1);
        let step = json_patch(json!([
            {"op": "test", "path": "/status/currentStepIndex", "value": index},
            {"op": "replace", "path": "/status/currentStepIndex", "value": next},
        ]));
        let params = PatchParams::default();
        let (one, other) = tokio::join!(
            api.patch_status("cart", &params, &step),
            api.patch_status("cart", &params, &step)
        );
        assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|won| **won).count(), 1);
        let now = api.get_status("cart").await.unwrap().data["status"]["currentStepIndex"].clone();
        assert_eq!(now, next);
    }
}

#[tokio::test]
async fn the_status_and_the_rest_are_written_apart() {
    let sandbox = world(vec![rollout("cart")]).await;
    let api = rollouts(admin(&sandbox).await);
    let both = Patch::Merge(json!({"spec": {"paused": true}, "status": {"abort": true}}));
    let after = api.patch("cart", &PatchParams::default(), &both).await.unwrap();
    assert_eq!(after.data["spec"]["paused"], true);
    assert_eq!(after.data.get("status"), None);
    assert_eq!(after.metadata.generation, Some(2));
    let other = Patch::Merge(json!({"spec": {"paused": false}, "status": {"abort": true}}));
    let after = api.patch_status("cart", &PatchParams::default(), &other).await.unwrap();
    assert_eq!(after.data["spec"]["paused"], true);
    assert_eq!(after.data["status"]["abort"], true);
    assert_eq!(after.metadata.generation, Some(2));
}

#[tokio::test]
async fn old_versions_taken_names_and_absent_objects_are_refused_in_kubernetes_words() {
    let sandbox = world(vec![rollout("cart")]).await;
    let api = rollouts(admin(&sandbox).await);
    let old = api.get("cart").await.unwrap();
    let stale = json!({"metadata": {"resourceVersion": old.metadata.resource_version},
        "spec": {"replicas": 9}});
    let params = PatchParams::default();
    api.patch("cart", &params, &Patch::Merge(stale.clone())).await.unwrap();
    let status = refusal(api.patch("cart", &params, &Patch::Merge(stale)).await);
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    assert_eq!(
        status.message,
        "Operation cannot be fulfilled on rollouts.argoproj.io \"cart\": the object has been \
         modified; please apply your changes to the latest version and try again"
    );
    let status = refusal(api.replace("cart", &PostParams::default(), &old).await);
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));

    let again = serde_json::from_value(rollout("cart")).unwrap();
    let status = refusal(api.create(&PostParams::default(), &again).await);
    assert_eq!((status.code, status.reason.as_str()), (409, "AlreadyExists"));
    assert_eq!(status.message, "rollouts.argoproj.io \"cart\" already exists");

    let status = refusal(api.get("absent").await);
    assert_eq!((status.code, status.reason.as_str()), (404, "NotFound"));
    assert_eq!(status.message, "rollouts.argoproj.io \"absent\" not found");
}

#[tokio::test]
async fn pages_of_a_list_are_the_whole_list_and_a_page_too_old_is_410() {
    let manifests = (0..25).map(|n| rollout(&format!("r{n:02}"))).collect();
    let sandbox = world(manifests).await;
    let api = rollouts(admin(&sandbox).await);
    let mut params = ListParams::default().limit(10);
    let mut names = Vec::new();
    loop {
        let page = api.list(&params).await.unwrap();
        names.extend(page.items.into_iter().filter_map(|o| o.metadata.name));
        match page.metadata.continue_ {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    assert_eq!(names.len(), 25);
    assert!(names.is_sorted());
    let first = api.list(&ListParams::default().limit(10)).await.unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(15));
    sandbox.cluster("east").unwrap().compact();
    let token = first.metadata.continue_.unwrap();
    let status = refusal(api.list(&ListParams::default().continue_token(&token)).await);
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
    let picked = api.list(&ListParams::default().labels("app in (r01,r02)")).await.unwrap();
    assert_eq!(picked.items.len(), 2);
    api.delete("r01", &DeleteParams::default()).await.unwrap();
    let picked = api.list(&ListParams::default().fields("metadata.name=r01")).await.unwrap();
    assert!(picked.items.is_empty());
}

#[tokio::test]
async fn a_service_account_may_do_what_its_role_says_and_is_told_what_not() {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "signalbox", "namespace": "shop"},
        "rules": [{"apiGroups": ["argoproj.io"], "resources": ["rollouts"], "verbs": ["get", "list"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "signalbox", "namespace": "shop"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "signalbox"},
        "subjects": [{"kind": "ServiceAccount", "name": "signalbox", "namespace": "signalbox"}]});
    let sandbox = start(vec![rollout("cart"), role, binding], Access::Rbac).await;
    let api = rollouts(client(&sandbox.endpoints().kubeconfig()).await);
    api.list(&ListParams::default()).await.unwrap();
    let patch = Patch::Merge(json!({"status": {"abort": true}}));
    let status = refusal(api.patch_status("cart", &PatchParams::default(), &patch).await);
    assert_eq!((status.code, status.reason.as_str()), (403, "Forbidden"));
    assert_eq!(
        status.message,
        "rollouts.argoproj.io \"cart\" is forbidden: User \
         \"system:serviceaccount:signalbox:signalbox\" cannot patch resource \"rollouts/status\" \
         in API group \"argoproj.io\" in the namespace \"shop\""
    );
    let asked = sandbox.ledger("east").unwrap().requests();
    let last = asked.last().unwrap();
    assert_eq!((last.method.as_str(), last.status), ("PATCH", 403));
    assert_eq!(last.user.as_deref(), Some("system:serviceaccount:signalbox:signalbox"));
}

#[tokio::test]
async fn without_a_known_token_nobody_is_answered() {
    let sandbox = world(vec![]).await;
    let mut endpoint = sandbox.endpoints().clusters[0].clone();
    endpoint.token = "guessed".to_owned();
    let api = rollouts(client(&endpoint.kubeconfig()).await);
    assert_eq!(refusal(api.list(&ListParams::default()).await).code, 401);
}

#[tokio::test]
async fn five_thousand_rollouts_start_in_two_seconds() {
    let manifests = (0..5_000).map(|n| rollout(&format!("r{n:04}"))).collect();
    let begin = Instant::now();
    let sandbox = world(manifests).await;
    let took = begin.elapsed();
    assert!(took.as_secs_f64() < 2.0, "{took:?}");
    let api = rollouts(admin(&sandbox).await);
    assert_eq!(api.list(&ListParams::default()).await.unwrap().items.len(), 5_000);
}
