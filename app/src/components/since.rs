//! Since when something is as it is.

use domain::{
    board::Freshness,
    rollout::{Phase, Rollout, Wait},
};
use jiff::Timestamp;

use crate::ui::time::exact;

/// Since when the rollout is where it is: held, aborted or healthy since then; while it moves, since
/// its newest revision came. A step alone does not change it.
pub(crate) fn of(rollout: &Rollout) -> Option<Timestamp> {
    let revision = || {
        let hash = rollout.status.current_pod_hash.as_deref()?;
        rollout.replica_set(hash)?.created_at
    };
    let condition = |kind: &str| {
        rollout
            .status
            .conditions
            .iter()
            .find(|condition| condition.kind == kind && condition.status == "True")?
            .since
    };
    let since = match rollout.wait() {
        Wait::Person { since }
        | Wait::Promotion { since }
        | Wait::Undecided { since }
        | Wait::NewCommit { since } => since,
        Wait::Nothing => condition("Healthy").or_else(|| condition("Completed")),
        Wait::Unpause => condition("Paused"),
        Wait::Until { .. }
        | Wait::Analysis { .. }
        | Wait::Experiment
        | Wait::Pods
        | Wait::Controller
        | Wait::Repair => None,
    };
    since.or_else(revision).or(rollout.created_at)
}

/// What happened then. The island turns the time behind it into an age, so the words are such that
/// both read: "Paused 2026-11-23 14:02:11 UTC", "Paused 12 min ago".
pub(crate) fn word(rollout: &Rollout) -> &'static str {
    match (rollout.reading().phase, rollout.wait()) {
        (Phase::Healthy, _) => "Finished",
        (Phase::Degraded, Wait::NewCommit { .. }) => "Aborted",
        (Phase::Paused, Wait::Person { .. } | Wait::Promotion { .. } | Wait::Undecided { .. }) => {
            "Paused"
        }
        _ => "Released",
    }
}

/// How stale something is, in a sentence; nothing while it is live.
pub fn staleness(freshness: &Freshness) -> Option<String> {
    match freshness {
        Freshness::Live => None,
        // A cluster that was never configured or seen has no time to tell.
        Freshness::Stale { since, why } if *since == Timestamp::UNIX_EPOCH => {
            Some(format!("Stale: {why}"))
        }
        Freshness::Stale { since, why } => Some(format!("Stale since {}: {why}", exact(*since))),
    }
}
