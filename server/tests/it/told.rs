//! The stories that both worlds tell, here by the sandbox.

use crate::{bad_canary, canary, outages, world::Story};

macro_rules! tell {
    ($($room:ident :: $story:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                $room::$story(&Story::sandbox().await).await;
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
