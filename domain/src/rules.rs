//! May this be done, by this actor, now? The one place that decides: pages grey out a button with
//! it and the server refuses with it.
//!
//! Rules are asked in an order that leaks nothing (what one may not see does not exist) and that
//! tells people the first thing they could do something about.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    actor::{Actor, Role},
    board::{Board, Freshness},
    command::{Action, Command},
    environment::Class,
    rollout::{Rollout, Wait},
};

/// Proof that a command was permitted. Only [`permit`] makes one, and the store turns it into the
/// proof that it was written down.
#[derive(Clone, Debug)]
pub struct Permit {
    command: Command,
    actor: Actor,
    at: Timestamp,
    rollout: Arc<Rollout>,
}

impl Permit {
    /// What may be done.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// By whom.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// When it was permitted.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The rollout as it was when it was permitted; every effect is held to it.
    pub fn rollout(&self) -> &Arc<Rollout> {
        &self.rollout
    }
}

/// A no, with the rule that said it and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{sentence}")]
pub struct Refusal {
    pub rule: Rule,
    /// Something a person can act on.
    pub sentence: String,
}

/// The rules by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// It does not exist, or is outside one's grants: the answer is the same.
    Visible,
    /// No role held there grants the action.
    Role,
    /// An abort needs a reason.
    Reason,
    /// What is not seen live is not changed.
    Fresh,
    /// The rollout is no longer what was looked at.
    Unmoved,
    /// The rollout's state does not allow the action.
    State,
}

impl Rule {
    /// The name in answers and in the audit log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Visible => "visible",
            Self::Role => "role",
            Self::Reason => "reason",
            Self::Fresh => "fresh",
            Self::Unmoved => "unmoved",
            Self::State => "state",
        }
    }
}

fn refuse(rule: Rule, sentence: impl Into<String>) -> Refusal {
    Refusal { rule, sentence: sentence.into() }
}

/// Whether a role grants an action in an environment of this class. Whatever is not listed is
/// refused. Approvers resume because resuming a pause is judging it; whoever operates may abort
/// anywhere, since stopping harm is cheap; an admin manages and does not release.
pub fn grants(role: Role, action: Action, class: Class) -> bool {
    match (role, action) {
        (Role::Developer, Action::Resume) => class == Class::Dev,
        (Role::Approver | Role::ReleaseManager, Action::Resume)
        | (Role::Developer | Role::Approver | Role::ReleaseManager, Action::Abort) => true,
        (Role::Viewer | Role::Admin, Action::Resume | Action::Abort) => false,
    }
}

/// Decides. The permit holds the rollout it was decided on.
pub fn permit(
    command: &Command,
    board: &Board,
    actor: &Actor,
    now: Timestamp,
) -> Result<Permit, Refusal> {
    let subject = command.subject();
    let key = &subject.rollout;
    let rollout = board.rollouts.get(key).filter(|_| actor.may_see(&key.environment));
    let class = board.environment(&key.environment).map(|environment| environment.class);
    let (Some(rollout), Some(class)) = (rollout, class) else {
        return Err(refuse(
            Rule::Visible,
            format!(
                "There is no rollout {}/{} in {} that you may see. Check the address, or ask for a role in that environment.",
                key.namespace, key.name, key.environment
            ),
        ));
    };
    let action = command.action();
    if !actor.roles_in(&key.environment).any(|role| grants(role, action, class)) {
        return Err(refuse(Rule::Role, role_sentence(action, class, key.environment.as_str())));
    }
    if let Freshness::Stale { why, .. } = board.freshness(&rollout.cluster) {
        return Err(refuse(
            Rule::Fresh,
            format!(
                "Cluster {} is not seen live ({why}), so what you see may be out of date. Try again when it is back.",
                rollout.cluster
            ),
        ));
    }
    unmoved(command, rollout)?;
    possible(action, rollout)?;
    if action == Action::Abort && command.reason().is_none() {
        return Err(refuse(Rule::Reason, "An abort needs a reason. Say in a few words why."));
    }
    Ok(Permit {
        command: command.clone(),
        actor: actor.clone(),
        at: now,
        rollout: Arc::clone(rollout),
    })
}

fn role_sentence(action: Action, class: Class, environment: &str) -> String {
    let able: Vec<_> = Role::ALL
        .into_iter()
        .filter(|role| grants(*role, action, class))
        .map(Role::spoken)
        .collect();
    let (last, rest) = able.split_last().expect("somebody may do every action");
    let able =
        if rest.is_empty() { (*last).to_owned() } else { format!("{} or {last}", rest.join(", ")) };
    format!(
        "To {} in {environment} you need the role {able} there. Ask one of them, or ask for the role.",
        action.verb()
    )
}

/// Refuses when the rollout is no longer what was looked at, and says what changed.
fn unmoved(command: &Command, rollout: &Rollout) -> Result<(), Refusal> {
    let expect = &command.subject().expect;
    let mut changes = vec![];
    if let Some(hash) = &expect.pod_hash
        && Some(hash) != rollout.status.current_pod_hash.as_ref()
    {
        let now = rollout.status.current_pod_hash.as_deref().unwrap_or("none");
        changes.push(format!("its pods were {hash} and are {now}"));
    }
    if let Some(step) = expect.step
        && step != rollout.step_index()
    {
        let (was, now) = (step.saturating_add(1), rollout.step_index().saturating_add(1));
        changes.push(format!("it was at step {was} and is at step {now}"));
    }
    if changes.is_empty()
        && let Some(hold) = &expect.hold
        && Some(hold) != rollout.hold().as_ref()
    {
        changes.push(match rollout.hold() {
            Some(_) => "it is held by another pause".into(),
            None => "it is no longer paused".into(),
        });
    }
    if changes.is_empty() {
        return Ok(());
    }
    Err(refuse(
        Rule::Unmoved,
        format!(
            "The rollout moved since you looked: {}. Look again, then decide.",
            changes.join(", and ")
        ),
    ))
}

/// Refuses what the rollout's state does not allow.
///
/// Upstream's matrix, with its gaps closed: promote is offered only where something holds.
/// <https://github.com/argoproj/argo-rollouts/blob/v1.9.1/ui/src/app/components/rollout-actions/rollout-actions.tsx>
fn possible(action: Action, rollout: &Rollout) -> Result<(), Refusal> {
    let state = |sentence: String| Err(refuse(Rule::State, sentence));
    let verb = action.verb();
    if rollout.status.abort {
        return state(format!(
            "It was aborted, so there is nothing to {verb}. Revert the commit in Git."
        ));
    }
    if rollout.is_unseen() && (rollout.is_fully_promoted() || action == Action::Resume) {
        return state(format!(
            "The controller has not taken in the newest change yet, so there is nothing to {verb} so far. Try again in a moment."
        ));
    }
    let held = action == Action::Resume && rollout.spec.paused;
    if rollout.is_fully_promoted() && !held {
        return state(format!(
            "The version asked for is already fully live, so there is nothing to {verb}."
        ));
    }
    match (action, rollout.wait()) {
        (Action::Abort, _) if rollout.is_first_deploy() => state(
            "This is the first deploy: there is no stable version to go back to. Change or remove it in Git."
                .into(),
        ),
        (Action::Abort, _) => Ok(()),
        (
            Action::Resume,
            Wait::Person { .. }
            | Wait::Promotion { .. }
            | Wait::Undecided { .. }
            | Wait::Unpause
            | Wait::Until { .. },
        ) => Ok(()),
        (Action::Resume, Wait::Analysis { .. } | Wait::Experiment) => state(
            "A measurement decides this step. Resuming would skip it; wait for its verdict, or abort."
                .into(),
        ),
        (Action::Resume, Wait::Repair) => state(
            "It is degraded, and resuming would not mend that. See what the controller says, then mend it in Git."
                .into(),
        ),
        (Action::Resume, _) if rollout.is_unpausing() => {
            state("It was resumed a moment ago, so there is nothing to resume.".into())
        }
        (Action::Resume, _) if !rollout.status.pause_conditions.is_empty() => Ok(()),
        (Action::Resume, _) => state("It is not paused, so there is nothing to resume.".into()),
    }
}

#[cfg(test)]
mod tests;
