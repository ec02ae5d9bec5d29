//! `/rollouts/{environment}/{namespace}/{name}`: one rollout, and what can be done with it.

use std::sync::Arc;

use domain::{
    audit::Entry,
    board::Freshness,
    command::Action,
    environment::Environment,
    rollout::Rollout,
    rules::Refusal,
};

/// One rollout.
#[derive(Clone, Debug)]
pub struct RolloutPage {
    pub rollout: Arc<Rollout>,
    pub environment: Environment,
    pub freshness: Freshness,
    /// Every action; refused ones with the rule's sentence.
    pub actions: Vec<(Action, Option<Refusal>)>,
    /// The newest acts on this rollout.
    pub history: Vec<Entry>,
}
