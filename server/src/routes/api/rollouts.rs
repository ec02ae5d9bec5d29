//! Rollouts: the list as the page has it, and one with everything that can be said about it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State as Extract, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use domain::{
    actor::Actor,
    board::{Board, Freshness},
    command::{Action, Expect, OnRollout},
    listing,
    rollout::{Reading, Rollout, RolloutKey, Wait},
    rules::{self, Refusal, Rule},
};
use jiff::Timestamp;
use serde::Serialize;

use super::{Items, bad_request, not_found};
use crate::{State, session::SignedIn};

/// A rollout as the API tells it: its facts, and how Signalbox reads them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    #[serde(flatten)]
    rollout: Arc<Rollout>,
    /// The phase to believe, and why.
    reading: Reading,
    /// What is going on, in words.
    sentence: String,
    /// What ends it.
    wait: Wait,
    weights: Weights,
    freshness: Freshness,
}

/// In percent of all traffic; null where there is none to speak of, which is not 0.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Weights {
    desired: Option<u32>,
    actual: Option<u32>,
}

/// One rollout, with what may be done.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One {
    #[serde(flatten)]
    told: Told,
    actions: Vec<Offer>,
}

/// `{"action": "rollout.resume", "allowed": false, "rule": "role", "detail": "To resume in prod …"}`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
    action: Action,
    verb: &'static str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Rule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// The list also says how many match on all pages.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    #[serde(flatten)]
    list: Items<Told, usize>,
    total: usize,
    page: usize,
    pages: usize,
}

/// `GET /rollouts?environment=&phase=&q=&sort=&page=`; `next` is the number of the next page.
pub(super) async fn list(
    Extract(state): Extract<State>,
    SignedIn(actor, ..): SignedIn,
    query: Result<Query<listing::Query>, QueryRejection>,
) -> Response {
    let Ok(Query(query)) = query else {
        let sorts = listing::Sort::ALL.map(listing::Sort::word).join(", ");
        return bad_request(format!(
            "Expected environment, phase, q, sort (one of {sorts}) and page (a number from 1)."
        ));
    };
    let board = state.board.newest().board;
    let found = listing::list(&board, &actor, &query);
    let next = (found.page < found.pages).then_some(found.page + 1);
    let items = found.rollouts.iter().map(|rollout| told(&board, rollout)).collect();
    let list = Items { items, next };
    Json(List { list, total: found.total, page: found.page, pages: found.pages }).into_response()
}

/// `GET /rollouts/{environment}/{namespace}/{name}`.
pub(super) async fn one(
    Extract(state): Extract<State>,
    SignedIn(actor, ..): SignedIn,
    Path((environment, namespace, name)): Path<(String, String, String)>,
) -> Response {
    let key = RolloutKey {
        environment: environment.into(),
        namespace: namespace.into(),
        name: name.into(),
    };
    let board = state.board.newest().board;
    if !actor.may_see(&key.environment) || board.environment(&key.environment).is_none() {
        return not_found();
    }
    let Some(rollout) = board.rollouts.get(&key) else { return not_found() };
    let actions = offers(&board, &actor, &key, state.clock.now());
    Json(One { told: told(&board, rollout), actions }).into_response()
}

fn told(board: &Board, rollout: &Arc<Rollout>) -> Told {
    let canary = rollout.canary().is_some();
    Told {
        reading: rollout.reading(),
        sentence: rollout.sentence(),
        wait: rollout.wait(),
        weights: Weights {
            desired: canary.then(|| rollout.percent(rollout.set_weight())),
            actual: rollout.actual_weight().map(|weight| rollout.percent(weight)),
        },
        freshness: board.freshness(&rollout.cluster),
        rollout: Arc::clone(rollout),
    }
}

/// Every action, and what the rule says to it; a reason is taken as yet to be given.
fn offers(board: &Board, actor: &Actor, key: &RolloutKey, now: Timestamp) -> Vec<Offer> {
    Action::ALL
        .into_iter()
        .map(|action| {
            let rollout = key.clone();
            let command = action.on(OnRollout { rollout, reason: None, expect: Expect::default() });
            let refusal = rules::permit(&command, board, actor, now).err();
            offer(action, refusal.filter(|refusal| refusal.rule != Rule::Reason))
        })
        .collect()
}

fn offer(action: Action, refusal: Option<Refusal>) -> Offer {
    Offer {
        action,
        verb: action.verb(),
        allowed: refusal.is_none(),
        rule: refusal.as_ref().map(|refusal| refusal.rule),
        detail: refusal.map(|refusal| refusal.sentence),
    }
}
