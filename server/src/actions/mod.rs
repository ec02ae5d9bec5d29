//! The one door for changes.
//!
//! ```text
//! Command --rules::permit--> Permit --audit::begin--> Audited --systems--> effect --audit::complete--> Done
//!                   \--> refused, and that is written down too
//! ```

use std::time::Duration;

use domain::{
    actor::Actor,
    audit::{Entry, Outcome},
    command::Command,
    rollout::Facts,
    rules::{self, Permit, Refusal},
};
use jiff::{SignedDuration, Timestamp};
use tracing::{error, warn};

use crate::{
    Signalbox,
    clock::Clock,
    store::{
        Store,
        audit::{self, Audited, Completion, Context},
    },
    systems::rollouts::write::{self, NotDone},
};

/// A completion that fails is tried again so much later, then given up and logged: the entry stays
/// open and is closed as unknown at the next start. The deed itself is done and never fails by it.
const COMPLETE_AGAIN: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(750), Duration::from_millis(1750)];

/// Who was first is looked for among the acts of this long ago. What is older did not come between.
const RECENT: SignedDuration = SignedDuration::from_mins(10);

/// So many acts on one rollout are looked at for that.
const LOOK_BACK: i64 = 10;

/// It was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What was done, in words.
    pub sentence: String,
    pub before: Facts,
    pub after: Facts,
    /// Number of its entry in the audit log.
    pub sequence: i64,
}

/// It was not done, or nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// A rule said no.
    #[error("{0}")]
    Refused(Refusal),
    /// The rollout is not what was decided on, or someone else was first.
    #[error("{0}")]
    Moved(String),
    /// The cluster said no or was not reached; nothing was done.
    #[error("{0}")]
    Failed(String),
    /// It was sent and the answer was lost.
    #[error("{0}")]
    Unknown(String),
    /// It could not be written down, so it was not done.
    #[error("{0}")]
    NotAudited(String),
}

/// Decides, writes down, does, and writes down what came of it. Once begun it is carried through
/// even if the caller goes away.
pub async fn execute(
    state: &Signalbox,
    actor: &Actor,
    context: &Context,
    command: Command,
) -> Result<Done, ActionError> {
    let board = state.board.newest().board;
    let now = state.clock.now();
    let permit = match rules::permit(&command, &board, actor, now) {
        Ok(permit) => permit,
        Err(refusal) => {
            let rollout = board.rollouts.get(&command.subject().rollout);
            let before = rollout.map(|rollout| rollout.facts());
            let (store, actor, context) = (state.store.clone(), actor.clone(), context.clone());
            let kept = refusal.clone();
            // Written down even if the caller hangs up.
            let written = tokio::spawn(async move {
                audit::refused(&store, &actor, &command, &kept, before, now, &context).await
            });
            return match written.await {
                Ok(Ok(_)) => Err(ActionError::Refused(refusal)),
                Ok(Err(error)) => Err(not_audited(&error)),
                Err(panic) => Err(not_audited(&panic.into())),
            };
        }
    };
    let cluster = &permit.rollout().cluster;
    let Some(client) = state.clusters.get(cluster).cloned() else {
        return Err(ActionError::Failed(format!(
            "Cluster {cluster} is not connected. Nothing was done."
        )));
    };
    let (store, clock, context) = (state.store.clone(), state.clock.clone(), context.clone());
    let work = tokio::spawn(async move { carry_out(client, store, clock, permit, context).await });
    work.await.unwrap_or_else(|panic| {
        error!(%panic, "an action broke off");
        Err(ActionError::Unknown(
            "Signalbox broke off; it may have been done. Look before you repeat it.".into(),
        ))
    })
}

async fn carry_out(
    client: kube::Client,
    store: Store,
    clock: Clock,
    permit: Permit,
    context: Context,
) -> Result<Done, ActionError> {
    let audited = audit::begin(&store, &permit, &context).await.map_err(|e| not_audited(&e))?;
    let result = match write::execute(&client, &audited).await {
        Ok(after) => Ok(Done {
            sentence: permit.command().sentence(),
            before: permit.rollout().facts(),
            after,
            sequence: audited.sequence(),
        }),
        Err(NotDone::Moved(sentence)) => {
            let first = who_was_first(&store, &audited).await;
            Err(ActionError::Moved(
                first.map_or(sentence.clone(), |who| format!("{who} {sentence}")),
            ))
        }
        Err(NotDone::Failed(sentence)) => Err(ActionError::Failed(sentence)),
        Err(NotDone::Unknown(sentence)) => Err(ActionError::Unknown(sentence)),
    };
    complete(&store, &clock, &audited, &completion(&result)).await;
    result
}

fn completion(result: &Result<Done, ActionError>) -> Completion {
    let (outcome, after, detail) = match result {
        Ok(done) => (Outcome::Done, Some(done.after.clone()), None),
        Err(ActionError::Unknown(sentence)) => (Outcome::Unknown, None, Some(sentence.clone())),
        Err(error) => (Outcome::Failed, None, Some(error.to_string())),
    };
    Completion { outcome, after, detail }
}

async fn complete(store: &Store, clock: &Clock, audited: &Audited, completion: &Completion) {
    let mut waits = COMPLETE_AGAIN.into_iter();
    loop {
        let Err(error) = audit::complete(store, audited, completion, clock.now()).await else {
            return;
        };
        let sequence = audited.sequence();
        let Some(wait) = waits.next() else {
            error!(sequence, ?completion, "audit entry {sequence} stays open: {error:#}");
            return;
        };
        warn!(sequence, "audit entry {sequence} is not complete yet: {error:#}");
        tokio::time::sleep(wait).await;
    }
}

/// The other act that came before this one, in words, if our log knows it.
async fn who_was_first(store: &Store, audited: &Audited) -> Option<String> {
    let permit = audited.permit();
    let entries = audit::of_rollout(store, &permit.rollout().key, LOOK_BACK).await.ok()?;
    first(&entries, audited.sequence(), permit.at())
}

fn first(entries: &[Entry], own: i64, now: Timestamp) -> Option<String> {
    let since = now.checked_sub(RECENT).unwrap_or(Timestamp::MIN);
    // What was done to another version or at another step was not first at this.
    let place = |entry: &Entry| {
        entry.before.as_ref().map(|facts| (facts.uid.clone(), facts.pod_hash.clone(), facts.step))
    };
    let here = entries.iter().find(|entry| entry.sequence == own).and_then(place);
    let entry = entries
        .iter()
        .filter(|entry| entry.sequence != own && entry.at >= since && place(entry) == here)
        .find(|entry| matches!(entry.outcome, Some(Outcome::Done) | None))?;
    let verb = entry.action.rsplit('.').next().unwrap_or(&entry.action);
    Some(match entry.outcome {
        Some(_) => format!("{} was first to {verb} it.", entry.actor_name),
        None => format!("{} is about to {verb} it.", entry.actor_name),
    })
}

fn not_audited(error: &anyhow::Error) -> ActionError {
    error!("the audit log cannot be written: {error:#}");
    ActionError::NotAudited(
        "The audit log cannot be written, so nothing was done. Try again in a moment.".into(),
    )
}

#[cfg(test)]
mod tests;
