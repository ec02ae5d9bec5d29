use super::*;
use crate::rollouts::controller::Controller;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::LazyLock;

fn noon() -> Timestamp {
    "2026-11-02T12:00:00Z".parse().unwrap()
}

/// One cluster of a world, with its controller, on a stepped clock.
struct Played {
    cluster: Cluster,
    clock: Clock,
    traffic: Traffic,
    controller: Controller,
}

impl Played {
    fn pass(&mut self, seconds: i64) {
        let end = self.clock.now() + jiff::SignedDuration::from_secs(seconds);
        self.controller.settle();
        loop {
            let due = self.controller.next_due().filter(|due| *due <= end).unwrap_or(end);
            let by = due.duration_since(self.clock.now());
            self.clock.advance(Duration::try_from(by).unwrap_or_default());
            self.controller.settle();
            if due == end {
                return;
            }
        }
    }

    fn status(&self, namespace: &str, name: &str) -> Value {
        self.cluster.get(&kinds::ROLLOUT, namespace, name).unwrap()["status"].clone()
    }

    fn start(&self, story: &str) -> Result<(), String> {
        start(&self.cluster, &self.clock, &self.traffic, story, "shop-prod", "storefront")
    }
}

/// The demo world as it is at noon: lived once for all tests.
static DEMO: LazyLock<Vec<(String, Vec<Value>)>> = LazyLock::new(|| {
    let world = demo_world(&Clock::stepped(noon()));
    world.clusters.into_iter().map(|cluster| (cluster.name, cluster.manifests)).collect()
});

fn demo(name: &str) -> Played {
    let clock = Clock::stepped(noon());
    let cluster = Cluster::new(name, clock.clone());
    let (_, manifests) = DEMO.iter().find(|(known, _)| known == name).unwrap();
    for object in manifests {
        cluster.apply(object.clone()).unwrap();
    }
    let traffic = Traffic::default();
    let controller = Controller::new(cluster.clone(), clock.clone(), traffic.clone());
    Played { cluster, clock, traffic, controller }
}

#[test]
fn the_demo_world_shows_every_state_at_the_start() {
    let mut seen = BTreeSet::new();
    let mut services = BTreeSet::new();
    for name in ["build-1", "eu-1"] {
        for rollout in demo(name).cluster.list(&kinds::ROLLOUT, None) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let status = &rollout["status"];
            let message = text(&status["message"]);
            seen.insert((
                text(&status["phase"]),
                message.split(':').next().unwrap_or_default().to_owned(),
            ));
            services.insert(text(&rollout["metadata"]["name"]));
        }
    }
    for (phase, message) in [
        ("Healthy", ""),
        ("Paused", "CanaryPauseStep"),
        ("Paused", "BlueGreenPause"),
        ("Degraded", "RolloutAborted"),
        ("Progressing", "updated replicas are still becoming available"),
    ] {
        assert!(
            seen.contains(&(phase.to_owned(), message.to_owned())),
            "no {phase} {message:?} in {seen:?}"
        );
    }
    assert!(services.len() >= 7, "{services:?}");
    let prod = demo("eu-1").status("shop-prod", "checkout");
    assert_eq!(
        (&prod["phase"], &prod["currentStepIndex"], &prod["canary"]["weights"]["canary"]["weight"]),
        (&json!("Paused"), &json!(5), &json!(60))
    );
    assert!(demo("build-1").status("platform-dev", "mailer")["stableRS"].is_string());
}

#[test]
fn the_world_begins_settled_and_goes_on_by_itself() {
    let mut world = demo("build-1");
    let before = world.cluster.version();
    world.controller.settle();
    assert!(
        world.cluster.version() - before < 20,
        "{} writes at once",
        world.cluster.version() - before
    );
    let hash = |world: &Played| world.status("shop-dev", "storefront")["currentPodHash"].clone();
    let first = hash(&world);
    world.pass(600);
    let second = hash(&world);
    assert_ne!(first, second, "a restless service has a next version");
    world.pass(1200);
    assert_ne!(second, hash(&world), "and again");
}

#[test]
fn every_environment_of_the_demo_is_there_with_signalboxs_rights() {
    for environment in demo_environments() {
        let world = demo(environment.cluster);
        for namespace in &environment.namespaces {
            assert!(
                !world.cluster.list(&kinds::ROLLOUT, Some(namespace)).is_empty(),
                "{namespace}"
            );
            let role = world.cluster.get(&kinds::ROLE, namespace, "signalbox").unwrap();
            assert_eq!(role["rules"][1]["verbs"], json!(["patch"]));
            assert!(world.cluster.get(&kinds::ROLE_BINDING, namespace, "signalbox").is_some());
        }
        assert!(world.cluster.get(&kinds::SERVICE_ACCOUNT, "signalbox", "signalbox").is_some());
    }
}

#[test]
fn a_faster_world_has_shorter_pauses_in_its_rollouts() {
    let fast = demo::manifests("staging", "cart", "shop", &Clock::running(60.0));
    let rollout = fast.iter().find(|object| object["kind"] == "Rollout").unwrap();
    let canary = &rollout["spec"]["strategy"]["canary"];
    assert_eq!(canary["steps"][1]["pause"]["duration"], "3s");
    assert_eq!(canary["steps"][5]["pause"], json!({}), "a person is not faster");
    assert_eq!(canary["canaryService"], "cart-canary");
    assert_eq!(rollout["metadata"]["namespace"], "shop");
    assert_eq!(rollout["spec"]["minReadySeconds"], 1);
}

#[test]
fn every_story_can_be_started_and_comes_to_what_its_sentence_says() {
    for (story, phase, word) in [
        ("healthy_canary", "Paused", "CanaryPauseStep"),
        ("error_regression", "Degraded", "\"error-rate\" assessed Failed"),
        ("latency_regression", "Degraded", "\"latency\" assessed Failed"),
        ("waiting_for_judgment", "Paused", "CanaryPauseStep"),
        ("first_deploy", "Healthy", ""),
        ("blue_green", "Paused", "BlueGreenPause"),
        ("no_traffic", "Paused", "Inconclusive"),
        ("abort", "Degraded", "\"fast-breaker\" assessed Failed"),
    ] {
        let mut world = demo("eu-1");
        world.start(story).unwrap();
        world.pass(600);
        let status = world.status("shop-prod", "storefront");
        let told = format!(
            "{} {}",
            status["message"].as_str().unwrap_or_default(),
            status["pauseConditions"]
        );
        assert_eq!(status["phase"], phase, "{story}: {told}");
        assert!(told.contains(word), "{story}: {told}");
    }
}

#[test]
fn abort_and_revert_in_the_middle_of_an_update() {
    let mut world = demo("eu-1");
    assert!(world.start("revert").unwrap_err().contains("nothing to revert"));
    world.start("healthy_canary").unwrap();
    world.pass(60);
    world.start("abort").unwrap();
    world.pass(5);
    assert_eq!(world.status("shop-prod", "storefront")["phase"], "Degraded");
    world.start("revert").unwrap();
    world.pass(5);
    assert_eq!(world.status("shop-prod", "storefront")["phase"], "Healthy");
}

#[test]
fn a_malformed_rollout_can_be_put_right_by_the_next_story() {
    let mut world = demo("eu-1");
    world.start("malformed").unwrap();
    world.pass(5);
    let live = world.cluster.get(&kinds::ROLLOUT, "shop-prod", "storefront").unwrap();
    assert_eq!(live["spec"]["strategy"], "canary");
    world.start("healthy_canary").unwrap();
    world.pass(60);
    assert_eq!(world.status("shop-prod", "storefront")["phase"], "Paused");
}

#[test]
fn unknown_stories_and_rollouts_are_refused_in_words() {
    let world = demo("eu-1");
    assert_eq!(world.start("miracle"), Err("there is no story miracle".to_owned()));
    let lost = start(&world.cluster, &world.clock, &world.traffic, "abort", "shop-prod", "nobody");
    assert_eq!(lost, Err("there is no rollout nobody in shop-prod".to_owned()));
}

#[test]
fn five_thousand_idle_rollouts_appear_at_once_and_leave_the_controller_nothing_to_write() {
    let clock = Clock::stepped(noon());
    let cluster = Cluster::new("load", clock.clone());
    let watch = std::time::Instant::now();
    many(&cluster, "load", 5_000).unwrap();
    let took = watch.elapsed();
    assert_eq!(cluster.list_shared(&kinds::ROLLOUT, Some("load")).len(), 5_000);
    let before = cluster.version();
    let mut controller = Controller::new(cluster.clone(), clock, Traffic::default());
    controller.settle();
    assert_eq!(cluster.version(), before, "nothing is left to write");
    assert!(took < Duration::from_secs(4), "{took:?}, even on a busy machine");
    eprintln!("5,000 rollouts in {took:?}");
}

#[test]
fn the_traffic_model_knows_every_shipped_metric_and_its_threshold() {
    use crate::rollouts::expression::Answer;
    use crate::rollouts::traffic::{self, answer};
    let objects = kustomize::render("kustomize/prod").unwrap();
    let metrics: Vec<_> = objects
        .iter()
        .filter(|object| object["kind"] == "AnalysisTemplate")
        .flat_map(|template| template["spec"]["metrics"].as_array().cloned().unwrap_or_default())
        .collect();
    assert_eq!(metrics.len(), 5);
    for metric in &metrics {
        let told = answer(metric, Signals::GOOD, Duration::from_secs(600), traffic::SUSTAINED);
        assert!(!matches!(told, Answer::Failure(_)), "{told:?}");
        let name = metric["name"].as_str().unwrap();
        let threshold = match name {
            "error-rate" => format!("> {}", traffic::ERROR_RATE_LIMIT),
            "latency" => format!("> {}", traffic::LATENCY_LIMIT_MS),
            "success-rate" => format!("< {}", traffic::SUCCESS_RATE_LIMIT),
            "fast-breaker" => format!("> {}", traffic::FAST_BREAKER_LIMIT),
            _ => String::new(),
        };
        let query = metric["provider"]["prometheus"]["query"].as_str().unwrap();
        assert!(query.contains(&threshold), "{name} has no {threshold:?}: {query}");
    }
}

#[tokio::test]
async fn a_started_world_goes_on_by_itself_and_takes_a_resume() {
    let clock = Clock::running(200.0);
    let sandbox = crate::Sandbox::start(demo_world(&clock), clock).await.unwrap();
    let cluster = sandbox.cluster("eu-1").unwrap();
    let status =
        || cluster.get(&kinds::ROLLOUT, "shop-prod", "checkout").unwrap()["status"].clone();
    assert_eq!(status()["currentStepIndex"], 5);
    let resume = |live: &mut Value| live["status"]["pauseConditions"] = Value::Null;
    cluster.write_status(&kinds::ROLLOUT, "shop-prod", "checkout", resume).unwrap();
    let mut changed = cluster.changed();
    let healthy = async {
        while status()["phase"] != "Healthy" {
            changed.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(40), healthy).await.unwrap();
    assert_eq!(status()["currentStepIndex"], 10);
}
