//! `/rollouts/{environment}/{namespace}/{name}`: one rollout, what may be done and what was done.

use std::sync::Arc;

use app::pages::rollout::RolloutPage;
use domain::{
    actor::Actor,
    board::Board,
    command::{Action, Expect, OnRollout},
    rollout::RolloutKey,
    rules::{self, Refusal, Rule},
};
use jiff::Timestamp;

use crate::store::{self, Store};

/// So many acts are shown beside the rollout; the audit page shows all.
const HISTORY: i64 = 10;
/// Stands for the reason a person has not typed yet: the button must not be grey for want of it.
const TO_BE_GIVEN: &str = "to be given";

pub(super) async fn gather(
    board: &Board,
    store: &Store,
    actor: &Actor,
    key: &RolloutKey,
    now: Timestamp,
) -> anyhow::Result<Option<RolloutPage>> {
    if !actor.may_see(&key.environment) {
        return Ok(None);
    }
    let (Some(rollout), Some(environment)) =
        (board.rollouts.get(key), board.environment(&key.environment))
    else {
        return Ok(None);
    };
    let actions = Action::ALL
        .into_iter()
        .map(|action| {
            let command = action.on(OnRollout {
                rollout: key.clone(),
                reason: Some(TO_BE_GIVEN.to_owned()),
                expect: Expect::default(),
            });
            (action, refusal(rules::permit(&command, board, actor, now)))
        })
        .collect();
    Ok(Some(RolloutPage {
        rollout: Arc::clone(rollout),
        environment: environment.clone(),
        freshness: board.freshness(&rollout.cluster),
        actions,
        history: store::audit::of_rollout(store, key, HISTORY).await?,
    }))
}

fn refusal(decided: Result<rules::Permit, Refusal>) -> Option<Refusal> {
    decided.err().filter(|refusal| refusal.rule != Rule::Reason)
}
