use std::sync::Mutex;

use domain::{
    actor::{Actor, ActorKind, Grant, Role, Scope},
    board::{Board, Cluster, KindState, Link},
    command::{Expect, OnRollout},
    environment::{Class, Environment},
    rollout::RolloutKey,
    rules,
};
use jiff::Timestamp;
use kube::client::Body;

use super::*;
use crate::store::{Store, audit};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn place() -> Place {
    Place {
        cluster: "west".into(),
        environment: "prod".into(),
        namespace: "shop".into(),
        services: Arc::default(),
    }
}

/// A canary that waits for a person at its second step.
pub(crate) fn paused() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {
            "name": "checkout", "namespace": "shop", "uid": "u1", "resourceVersion": "7", "generation": 2
        },
        "spec": {
            "replicas": 5,
            "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}]}},
            "template": {"spec": {"containers": [{"name": "app", "image": "app:2"}]}}
        },
        "status": {
            "observedGeneration": "2",
            "phase": "Paused",
            "controllerPause": true,
            "pauseConditions": [
                {"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}
            ],
            "currentStepIndex": 1,
            "currentPodHash": "new",
            "stableRS": "old"
        }
    })
}

fn with(mut object: Value, path: &str, value: Value) -> Value {
    let (parent, key) = path.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[key] = value;
    object
}

fn without(mut object: Value, path: &str) -> Value {
    let (parent, key) = path.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
    object
}

fn rollout(object: &Value) -> Rollout {
    to_rollout(serde_json::from_value(object.clone()).unwrap(), &place())
}

pub(crate) fn board_with(object: &Value) -> Board {
    let rollout = rollout(object);
    let cluster = Cluster {
        link: Link::Live { since: NOW },
        kinds: [("Rollout".to_owned(), KindState::Watched)].into(),
        ..Cluster::connecting("west".into(), NOW)
    };
    Board {
        environments: Arc::new(vec![Environment {
            name: "prod".into(),
            class: Class::Prod,
            cluster: "west".into(),
            namespaces: vec!["shop".into()],
            promotes_to: None,
        }]),
        clusters: [("west".into(), cluster)].into(),
        rollouts: [(rollout.key.clone(), Arc::new(rollout))].into(),
    }
}

pub(crate) fn permit(object: &Value, action: Action, expect: Expect) -> Permit {
    let actor = Actor {
        kind: ActorKind::Person,
        id: "id".into(),
        name: "approver".into(),
        grants: vec![Grant { role: Role::Approver, scope: Scope::Everywhere }],
    };
    let rollout = RolloutKey {
        environment: "prod".into(),
        namespace: "shop".into(),
        name: "checkout".into(),
    };
    let command = action.on(OnRollout { rollout, reason: Some("because".into()), expect });
    rules::permit(&command, &board_with(object), &actor, NOW).unwrap()
}

/// A cluster of one object that patches as an API server does: all tests, then the changes.
#[derive(Clone)]
pub(crate) struct OneObject(Arc<Mutex<Cell>>);

struct Cell {
    object: Value,
    /// What others write, one before each patch.
    between: Vec<Value>,
    patches: Vec<Value>,
}

impl OneObject {
    pub(crate) fn new(object: Value) -> Self {
        Self(Arc::new(Mutex::new(Cell { object, between: vec![], patches: vec![] })))
    }

    pub(crate) fn client(&self) -> Client {
        let cell = self.clone();
        let service = tower::service_fn(move |request: axum::http::Request<Body>| {
            let cell = cell.clone();
            async move { Ok::<_, std::convert::Infallible>(cell.answer(request).await) }
        });
        Client::new(service, "shop")
    }

    async fn answer(&self, request: axum::http::Request<Body>) -> axum::http::Response<Body> {
        let is_patch = request.method() == axum::http::Method::PATCH;
        let is_status = request.uri().path().ends_with("/status");
        let sent = request.into_body().collect_bytes().await.unwrap();
        let mut cell = self.0.lock().unwrap();
        let (status, body) =
            if is_patch { cell.patch(&sent, is_status) } else { (200, cell.object.clone()) };
        axum::http::Response::builder()
            .status(status)
            .body(Body::from(body.to_string().into_bytes()))
            .unwrap()
    }
}

impl Cell {
    fn patch(&mut self, sent: &[u8], is_status: bool) -> (u16, Value) {
        if let Some(other) = self.between.pop() {
            self.object = other;
        }
        let operations: Value = serde_json::from_slice(sent).unwrap();
        self.patches.push(operations.clone());
        let patch: json_patch::Patch = serde_json::from_value(operations).unwrap();
        let mut patched = self.object.clone();
        if json_patch::patch(&mut patched, &patch).is_err() {
            let refused = json!({
                "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
                "message": "the server rejected our request due to an error in our request",
                "reason": "Invalid", "code": 422
            });
            return (422, refused);
        }
        // A status patch changes the status only, and any other all but the status.
        let (kept, from) = if is_status { ("status", &patched) } else { ("spec", &patched) };
        self.object[kept] = from[kept].clone();
        let version: u64 =
            self.object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
        self.object["metadata"]["resourceVersion"] = json!((version + 1).to_string());
        (200, self.object.clone())
    }
}

async fn audited(permit: &Permit) -> Audited {
    let store = Store::open("sqlite::memory:").await.unwrap();
    audit::begin(&store, permit, &audit::Context::default()).await.unwrap()
}

async fn run(world: &OneObject, permit: &Permit) -> Result<Facts, NotDone> {
    execute(&world.client(), &audited(permit).await).await
}

pub(crate) fn object(world: &OneObject) -> Value {
    world.0.lock().unwrap().object.clone()
}

pub(crate) fn patches(world: &OneObject) -> Vec<Value> {
    world.0.lock().unwrap().patches.clone()
}

#[tokio::test]
async fn a_resume_ends_the_very_pause_that_was_seen() {
    let world = OneObject::new(paused());
    let after = run(&world, &permit(&paused(), Action::Resume, Expect::default())).await.unwrap();
    assert_eq!(after.resource_version, "8");
    assert_eq!(
        patches(&world),
        [json!([
            {"op": "test", "path": "/metadata/uid", "value": "u1"},
            {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
            {"op": "test", "path": "/status/currentPodHash", "value": "new"},
            {"op": "test", "path": "/status/currentStepIndex", "value": 1},
            {"op": "test", "path": "/status/pauseConditions", "value": [
                {"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}
            ]},
            {"op": "remove", "path": "/status/pauseConditions"},
        ])]
    );
    assert_eq!(
        object(&world),
        with(without(paused(), "/status/pauseConditions"), "/metadata/resourceVersion", json!("8"))
    );
}

#[tokio::test]
async fn of_two_resumes_of_one_pause_one_is_told_that_it_came_second() {
    let world = OneObject::new(paused());
    let permit = permit(&paused(), Action::Resume, Expect::default());
    let (one, two) = tokio::join!(run(&world, &permit), run(&world, &permit));
    let (good, bad): (Vec<_>, Vec<_>) = [one, two].into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (1, 1));
    assert!(
        matches!(&bad[0], Err(NotDone::Moved(why)) if why.contains("no longer paused")),
        "{bad:?}"
    );
}

#[tokio::test]
async fn a_resume_of_what_moved_changes_nothing_and_says_what_changed() {
    let other_pause = json!([{"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:05:00Z"}]);
    let table = [
        (with(paused(), "/metadata/uid", json!("u2")), "made anew"),
        (
            with(paused(), "/status/currentPodHash", json!("newer")),
            "its pods were new and are newer",
        ),
        (with(paused(), "/status/currentStepIndex", json!(2)), "it was at step 2 and is at step 3"),
        (with(paused(), "/status/pauseConditions", other_pause), "another pause"),
        (without(paused(), "/status/pauseConditions"), "no longer paused"),
        (with(paused(), "/status/abort", json!(true)), "it was aborted"),
        (with(paused(), "/spec/paused", json!(true)), "paused by hand"),
    ];
    let permit = permit(&paused(), Action::Resume, Expect::default());
    for (now, words) in table {
        let now = with(now, "/metadata/resourceVersion", json!("8"));
        // It moved before we looked, or between our look and our patch.
        let before = OneObject::new(now.clone());
        let between = OneObject::new(paused());
        between.0.lock().unwrap().between.push(now.clone());
        for world in [before, between] {
            match run(&world, &permit).await {
                Err(NotDone::Moved(why)) => assert!(why.contains(words), "{words}: {why}"),
                other => panic!("{words}: {other:?}"),
            }
            assert_eq!(object(&world), now, "{words}");
        }
    }
}

#[tokio::test]
async fn a_resume_outlasts_what_the_controller_writes_meanwhile() {
    let world = OneObject::new(paused());
    let noise = with(paused(), "/metadata/resourceVersion", json!("8"));
    world.0.lock().unwrap().between.push(with(noise, "/status/readyReplicas", json!(4)));
    run(&world, &permit(&paused(), Action::Resume, Expect::default())).await.unwrap();
    assert_eq!(object(&world)["status"].get("pauseConditions"), None);
    assert_eq!(patches(&world).len(), 2);
}

#[tokio::test]
async fn an_absent_step_index_is_left_out_of_the_tests() {
    let first = without(paused(), "/status/currentStepIndex");
    let first = with(first, "/spec/strategy/canary/steps", json!([{"pause": {}}]));
    let world = OneObject::new(first.clone());
    run(&world, &permit(&first, Action::Resume, Expect::default())).await.unwrap();
    assert!(!patches(&world)[0].to_string().contains("currentStepIndex"));
}

#[tokio::test]
async fn a_resume_after_an_undecided_analysis_goes_on_past_its_step() {
    let mut undecided = with(
        paused(),
        "/status/pauseConditions",
        json!([{"reason": "InconclusiveAnalysisRun", "startTime": "2026-01-01T00:00:00Z"}]),
    );
    undecided["status"]["canary"] =
        json!({"currentStepAnalysisRunStatus": {"name": "a", "status": "Inconclusive"}});
    let world = OneObject::new(undecided.clone());
    run(&world, &permit(&undecided, Action::Resume, Expect::default())).await.unwrap();
    let status = &object(&world)["status"];
    assert_eq!(status["controllerPause"], json!(false));
    assert_eq!(status["currentStepIndex"], json!(2));
    assert_eq!(status.get("pauseConditions"), None);
}

#[tokio::test]
async fn a_hold_by_hand_is_ended_alone() {
    let held = with(paused(), "/spec/paused", json!(true));
    let world = OneObject::new(held.clone());
    run(&world, &permit(&held, Action::Resume, Expect::default())).await.unwrap();
    let now = object(&world);
    assert_eq!(now["spec"]["paused"], json!(false));
    assert_eq!(now["status"], held["status"], "the step's own pause is still to be judged");
}

#[tokio::test]
async fn an_abort_stops_what_goes_on_by_itself() {
    let world = OneObject::new(paused());
    let moved_on = with(
        with(paused(), "/status/currentStepIndex", json!(2)),
        "/metadata/resourceVersion",
        json!("9"),
    );
    world.0.lock().unwrap().between.push(moved_on);
    let after = run(&world, &permit(&paused(), Action::Abort, Expect::default())).await.unwrap();
    assert!(after.aborted);
    assert_eq!(patches(&world).len(), 2, "the first met another version");
    assert_eq!(object(&world)["status"]["abort"], json!(true));
}

#[tokio::test]
async fn of_two_aborts_one_is_told_that_it_came_second() {
    let world = OneObject::new(paused());
    let permit = permit(&paused(), Action::Abort, Expect::default());
    let (one, two) = tokio::join!(run(&world, &permit), run(&world, &permit));
    let done = [&one, &two].into_iter().filter(|result| result.is_ok()).count();
    assert_eq!(done, 1, "{one:?} {two:?}");
}

#[tokio::test]
async fn an_abort_of_other_pods_or_of_a_named_step_that_passed_is_refused() {
    let newer = with(paused(), "/status/currentPodHash", json!("newer"));
    let further = with(paused(), "/status/currentStepIndex", json!(2));
    let named = Expect { step: Some(1), ..Expect::default() };
    for (now, expect) in [(newer, Expect::default()), (further, named)] {
        let world = OneObject::new(now.clone());
        let result = run(&world, &permit(&paused(), Action::Abort, expect)).await;
        assert!(matches!(result, Err(NotDone::Moved(_))), "{result:?}");
        assert_eq!(object(&world), now);
    }
}

#[tokio::test]
async fn what_cannot_be_reached_has_not_been_changed() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
    let client = Client::try_from(config).unwrap();
    let permit = permit(&paused(), Action::Resume, Expect::default());
    let result = execute(&client, &audited(&permit).await).await;
    assert!(
        matches!(&result, Err(NotDone::Failed(why)) if why.contains("Nothing was done")),
        "{result:?}"
    );
}
