//! What is lost, late or broken: the page stays right, says since when, refuses, and recovers.

use domain::{
    actor::Role,
    board::{Freshness, Link},
    rollout::Phase,
};
use reqwest::StatusCode;
use serde_json::json;

use crate::{
    canary::{version_of, walk_to_the_person},
    world::{NEW, PATH, Story},
};

/// How long the API server stays away.
const AWAY: std::time::Duration = std::time::Duration::from_secs(30);
/// How soon what is out of date must be marked.
const MARKED: std::time::Duration = std::time::Duration::from_secs(10);

/// The API server is killed while a canary waits: within ten seconds the page is stale with its
/// age, changes are refused, and it recovers by itself when the server is back.
pub(crate) async fn an_api_server_that_dies_and_comes_back(story: &Story) {
    walk_to_the_person(story).await;
    let mut person = story.person(Role::Approver).await;
    let page = person.get(PATH).await.expect("the page opens");
    let mut tab = person.live(PATH, &version_of(&page.html)).await.expect("the stream opens");

    story.stop_api().await.expect("the API server stops");
    let stale = tab.next_where(|event| event.name == "stale" && !event.data.is_empty());
    let stale = tokio::time::timeout(MARKED, stale)
        .await
        .expect("stale within ten seconds")
        .expect("the stream goes on");
    assert!(stale.data.to_lowercase().contains("since"), "it says since when: {}", stale.data);
    let page = person.get(PATH).await.expect("the page opens all the same");
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.html.contains("data-stale"), "a new page is marked too");
    assert!(page.html.contains("60 %"), "what was last seen is still shown");

    let approver = story.program(Role::Approver).await;
    let rollout = story.rollout().expect("it is still on the board");
    let body = json!({"expect": {"podHash": rollout.status.current_pod_hash, "step": 5}});
    let (status, problem) =
        approver.post(&format!("/api/v1{PATH}/resume"), &body).await.expect("an answer");
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    assert_eq!(problem["rule"], "fresh");

    // For as long as it is away nobody is told that it is live.
    assert!(
        tab.is_quiet_for(AWAY, |event| event.name == "stale" && event.data.is_empty()).await,
        "nothing is called live while nothing is seen"
    );

    story.start_api().await.expect("the API server comes back");
    tab.next_where(|event| event.name == "stale" && event.data.is_empty())
        .await
        .expect("live again by itself");
    story
        .until_board("the cluster is live", |board| {
            let cluster = &board.clusters[&"one".into()];
            matches!(cluster.link, Link::Live { .. }) && cluster.freshness() == Freshness::Live
        })
        .await;
    let (status, done) =
        approver.post(&format!("/api/v1{PATH}/resume"), &body).await.expect("an answer");
    assert_eq!(status, StatusCode::OK, "{done}");
    let healthy = story.until("it ends healthy", |r| r.reading().phase == Phase::Healthy).await;
    let new = NEW.rsplit(':').next().expect("a tag");
    assert_eq!(healthy.desired_version().expect("a version").label(), new);
}
