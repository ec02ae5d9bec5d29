//! Exact figures a build must keep: bytes, requests, renders, watches. No times.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use domain::{actor::Role, rollout::Phase};
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::{
    canary::version_of,
    http::Events,
    world::{NEW, PATH, Story, objects},
};

/// The list with 100 rows fits half of the first flight of a TCP connection (10 segments of 1,460
/// bytes, RFC 6928).
const LIST_BYTES: usize = 7_000;
/// JavaScript, WebAssembly and style sheet together, as a browser gets them.
const ASSET_BYTES: usize = 60_000;
/// One change of weight, on the wire, per tab.
const CHANGE_BYTES: usize = 400;

/// Rollouts in different states, as their controller would have left them.
pub(crate) fn many(count: usize) -> Vec<Value> {
    let mut world: Vec<Value> =
        objects(testbed::CANARY).into_iter().filter(|object| object["kind"] == "Rollout").collect();
    let template = world.remove(0);
    (0..count)
        .map(|index| {
            let mut rollout = template.clone();
            let tag = format!("{}.{}.{}", 1 + index % 4, index % 10, index % 7);
            rollout["metadata"]["name"] = json!(format!("service-{index:04}"));
            rollout["spec"]["template"]["spec"]["containers"][0]["image"] =
                json!(format!("registry.example/service-{index:04}:{tag}"));
            let (phase, step, stable) = match index % 5 {
                0 => ("Paused", 5, "5f9c7d8b6"),
                1 => ("Progressing", 2, "5f9c7d8b6"),
                2 => ("Degraded", 0, "5f9c7d8b6"),
                _ => ("Healthy", 8, "7c6f5d4b8"),
            };
            rollout["status"] = json!({
                "observedGeneration": "1", "phase": phase, "currentStepIndex": step,
                "currentPodHash": "7c6f5d4b8", "stableRS": stable, "abort": phase == "Degraded",
                "replicas": 5, "updatedReplicas": 5, "readyReplicas": 5, "availableReplicas": 5,
                "controllerPause": phase == "Paused",
                "pauseConditions": if phase == "Paused" {
                    json!([{"reason": "CanaryPauseStep", "startTime": "2026-03-01T10:00:00Z"}])
                } else { Value::Null },
                "canary": {"weights": {"canary": {"weight": 60}, "stable": {"weight": 40}}},
            });
            rollout
        })
        .collect()
}

async fn with_many(count: usize) -> Story {
    let story = Story::in_quiet_sandbox(many(count)).await.expect("the sandbox starts");
    story.until_board("all are listed", |board| board.rollouts.len() == count).await;
    story
}

/// The list page as a browser gets it: compressed bytes.
async fn list_bytes(story: &Story, query: &str) -> usize {
    let person = story.person(Role::Viewer).await;
    let response = person
        .request(Method::GET, &format!("/rollouts{query}"))
        .header(header::ACCEPT, "text/html")
        .header(header::ACCEPT_ENCODING, "br")
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "br");
    response.bytes().await.expect("a whole page").len()
}

async fn list_page(story: &Story) -> String {
    story.person(Role::Viewer).await.get("/rollouts").await.expect("the page opens").html
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_rows_fit_the_first_flight_and_five_thousand_are_no_larger() {
    let hundred = with_many(100).await;
    let html = list_page(&hundred).await;
    assert_eq!(html.matches("<tr").count(), 100 + 1, "a hundred rows and a head");
    let small = list_bytes(&hundred, "").await;
    eprintln!("the list of 100 rows: {small} bytes of brotli, {} raw", html.len());
    assert!(small <= LIST_BYTES, "{small} bytes, the gate is {LIST_BYTES}");

    let thousands = with_many(5_000).await;
    let html = list_page(&thousands).await;
    assert_eq!(html.matches("<tr").count(), 100 + 1, "the list is windowed");
    let large = list_bytes(&thousands, "").await;
    eprintln!("one page of 5,000: {large} bytes of brotli");
    assert!(large <= LIST_BYTES, "{large} bytes, the gate is {LIST_BYTES}");
    let last = list_bytes(&thousands, "?sort=name&page=50").await;
    assert!(last <= LIST_BYTES, "{last} bytes, the gate is {LIST_BYTES}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn script_webassembly_and_style_fit_their_budget() {
    let story = Story::in_quiet_sandbox(many(1)).await.expect("the sandbox starts");
    let assets = &story.running.state.assets;
    let mut total = 0;
    for path in [&assets.js, &assets.wasm, &assets.css] {
        let response = crate::http::plain()
            .get(format!("{}{path}", story.url()))
            .header(header::ACCEPT_ENCODING, "br")
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "br", "{path}");
        let caching = response.headers()[header::CACHE_CONTROL].to_str().expect("ASCII");
        assert!(caching.contains("immutable"), "{path}: {caching}");
        total += response.bytes().await.expect("a whole file").len();
    }
    eprintln!("script, WebAssembly and style: {total} bytes of brotli");
    assert!(total <= ASSET_BYTES, "{total} bytes, the gate is {ASSET_BYTES}");
}

/// Opens tabs on a page, all on the newest board.
async fn tabs(story: &Story, view: &str, count: usize) -> Vec<Events> {
    let mut person = story.person(Role::Viewer).await;
    let page = person.get(view).await.expect("the page opens");
    let version = version_of(&page.html);
    let mut tabs = vec![];
    for _ in 0..count {
        tabs.push(person.live(view, &version).await.expect("the stream opens"));
    }
    tabs
}

/// Patches up to and including the first that says this; others are allowed before it.
async fn patches_until(tab: &mut Events, word: &str) -> Vec<crate::http::Event> {
    let mut seen = vec![];
    loop {
        let event = tab.next().await.expect("the change arrives");
        let last = event.data.contains(word);
        if event.name == "patch" {
            seen.push(event);
        }
        if last {
            return seen;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_weight_is_small_rendered_once_and_changes_only_its_own_elements() {
    let story = with_many(100).await;
    let mut open = tabs(&story, "/rollouts?sort=name", 50).await;
    let counts = || {
        let counts = &story.running.state.views.counts;
        (counts.renders.load(Ordering::SeqCst), counts.frames.load(Ordering::SeqCst))
    };
    let before = counts();

    story.set_status(
        "service-0001",
        json!({
            "currentStepIndex": 4,
            "canary": {"weights": {"canary": {"weight": 60}, "stable": {"weight": 40}}},
        }),
    );

    let mut frames = BTreeSet::new();
    for tab in &mut open {
        let patches = patches_until(tab, "60 %").await;
        let bytes: usize = patches.iter().map(|patch| patch.bytes).sum();
        assert!(bytes <= CHANGE_BYTES, "{bytes} bytes, the gate is {CHANGE_BYTES}: {patches:#?}");
        for patch in patches {
            frames.insert(patch.data);
        }
    }
    let after = counts();
    eprintln!("one change of weight, 50 tabs: {before:?} -> {after:?}, frames {frames:#?}");
    assert!(frames.len() <= 2, "only the elements concerned: {frames:#?}");
    assert_eq!(after.0 - before.0, 1, "rendered once for 50 tabs");
    assert_eq!(after.1 - before.1, 1, "serialised once for 50 tabs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_number_of_watches_is_the_same_for_one_and_fifty_tabs() {
    let story = Story::sandbox().await;
    story.until("the first version is healthy", |r| r.reading().phase == Phase::Healthy).await;
    let watches = || story.pretend().ledger("one").expect("the one cluster").open_watches();
    let one = tabs(&story, PATH, 1).await;
    let before = watches();
    assert!(!before.is_empty(), "Signalbox watches");
    let fifty = tabs(&story, PATH, 50).await;
    story.release(NEW).await;
    story.until("the canary walks", |r| r.set_weight() == 20).await;
    assert_eq!(watches(), before);
    drop((one, fifty));
}
