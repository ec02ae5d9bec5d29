//! Troubles that only a pretend cluster can be told to make.

use std::time::Duration;

use domain::{
    actor::Role,
    board::{Board, Freshness, KindState},
    rollout::Phase,
};
use sandbox::{Fault, kubernetes::kinds::ROLLOUT as ROLLOUT_KIND};
use serde_json::{Value, json};

use crate::{
    gates::many,
    world::{NAMESPACE, NEW, PATH, Story},
};

fn kind(board: &Board) -> Option<&KindState> {
    board.clusters[&"one".into()].kinds.get("Rollout")
}

/// Makes one of the Rollouts unreadable, or readable again.
fn set_strategy(story: &Story, name: &str, strategy: &Value) -> Value {
    let cluster = story.pretend().cluster("one").expect("the one cluster");
    let mut before = Value::Null;
    cluster
        .modify(&ROLLOUT_KIND, NAMESPACE, name, |object| {
            before = object["spec"]["strategy"].clone();
            object["spec"]["strategy"] = strategy.clone();
        })
        .expect("the Rollout exists");
    before
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_malformed_rollout_among_twenty_is_named_and_blinds_nobody() {
    let story = Story::in_quiet_sandbox(many(21)).await.expect("the sandbox starts");
    story.until_board("all are listed", |board| board.rollouts.len() == 21).await;
    let before = set_strategy(&story, "service-0007", &json!("canary, please"));
    story
        .until_board("it is named", |board| {
            board.clusters[&"one".into()]
                .unreadable
                .keys()
                .any(|name| name.contains("service-0007"))
        })
        .await;
    // The others go on.
    story.set_status("service-0001", json!({"phase": "Degraded", "abort": true}));
    story
        .until_board("the others are followed", |board| {
            board.rollouts.iter().any(|(key, rollout)| {
                key.name.as_str() == "service-0001" && rollout.reading().phase == Phase::Degraded
            })
        })
        .await;
    let mut person = story.person(Role::Viewer).await;
    let page = person.get("/connections").await.expect("the page opens");
    assert!(page.html.contains("service-0007"), "the Connections page names it");
    let list = person.get("/rollouts").await.expect("the page opens");
    assert!(list.html.contains("service-0019"));

    // Also when it is there from the first list on.
    let cluster = story.pretend();
    cluster.fault("one", Fault::Compact).await.expect("the history is forgotten");
    story
        .until_board("the list came anew and it is still named", |board| {
            board.rollouts.len() >= 20
                && board.clusters[&"one".into()].unreadable.len() == 1
                && board.freshness(&"one".into()) == Freshness::Live
        })
        .await;

    // Mended, it is shown and the note goes.
    set_strategy(&story, "service-0007", &before);
    story
        .until_board("it is readable again", |board| {
            board.rollouts.len() == 21 && board.clusters[&"one".into()].unreadable.is_empty()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_rollout_kind_the_page_says_so_and_comes_alive_when_it_is_installed() {
    let story = Story::in_quiet_sandbox(many(3)).await.expect("the sandbox starts");
    story.until_board("all are listed", |board| board.rollouts.len() == 3).await;
    let pretend = story.pretend();
    pretend.fault("one", Fault::Uninstall(&ROLLOUT_KIND)).await.expect("the kind goes");
    story
        .until_board("the kind is missing", |board| kind(board) == Some(&KindState::NotInstalled))
        .await;
    let mut person = story.person(Role::Viewer).await;
    for path in ["/rollouts", "/connections"] {
        let page = person.get(path).await.expect("the page opens");
        assert_eq!(page.status, 200);
        assert!(page.html.contains("not installed"), "{path} says so: {}", page.html);
    }
    pretend.fault("one", Fault::Install(&ROLLOUT_KIND)).await.expect("the kind comes back");
    story
        .until_board("it comes alive", |board| {
            kind(board) == Some(&KindState::Watched) && board.rollouts.len() == 3
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_a_watch_the_board_ends_equal_to_the_cluster() {
    let story = Story::sandbox().await;
    story.until("the first version is healthy", |r| r.reading().phase == Phase::Healthy).await;
    let pretend = story.pretend();
    story.release(NEW).await;
    for fault in [
        Fault::CutWatches,
        Fault::Compact,
        Fault::GoneAsHttp(true),
        Fault::Compact,
        Fault::DuplicateEvents(true),
        Fault::Truncate(true),
        Fault::CutWatches,
        Fault::Clear,
        Fault::HalfOpen(true),
        Fault::Clear,
        Fault::Delay(Duration::from_millis(200)),
        Fault::CutWatches,
        Fault::Clear,
    ] {
        pretend.fault("one", fault).await.expect("the fault happens");
    }
    let held = story.until("it holds for a person", |r| r.step_index() == 5).await;
    let object = pretend
        .cluster("one")
        .and_then(|cluster| cluster.get(&ROLLOUT_KIND, NAMESPACE, "checkout"))
        .expect("the canary");
    assert_eq!(object["status"]["currentPodHash"], json!(held.status.current_pod_hash));
    assert_eq!(object["status"]["currentStepIndex"], 5);
    story
        .until_board("all is live", |board| board.freshness(&"one".into()) == Freshness::Live)
        .await;
    let page = story.person(Role::Viewer).await.get(PATH).await.expect("the page opens");
    assert!(page.html.contains("60 %") && !page.html.contains("data-stale=\"true\""));
}
