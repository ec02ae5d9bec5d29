//! The same stories against real systems: `cargo xtask test --testbed`.

#[path = "../it/bad_canary.rs"]
mod bad_canary;
#[path = "../it/canary.rs"]
mod canary;
#[path = "../it/http.rs"]
mod http;
#[path = "../it/outages.rs"]
mod outages;
#[path = "../it/world.rs"]
mod world;

use domain::board::KindState;
use world::Story;

macro_rules! tell {
    ($($room:ident :: $story:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                $room::$story(&Story::testbed(testbed::Options::default()).await).await;
            }
        )*
    };
}

tell!(
    canary::a_canary_walks_and_a_person_resumes_it,
    canary::two_at_the_same_moment_have_one_effect,
    canary::a_person_aborts,
    bad_canary::a_bad_canary_is_aborted_and_the_page_says_so,
    outages::an_api_server_that_dies_and_comes_back,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_without_rollouts_is_not_installed_and_not_broken() {
    let options =
        testbed::Options { rollouts: testbed::Rollouts::Missing, ..testbed::Options::default() };
    let story = Story::testbed(options).await;
    story
        .until_board("the kind is known to be missing", |board| {
            board.clusters[&"one".into()].kinds.get("Rollout") == Some(&KindState::NotInstalled)
        })
        .await;
}
