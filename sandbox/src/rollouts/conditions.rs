//! `status.conditions`: the types, reasons and sentences of v1.9.1
//! (<https://github.com/argoproj/argo-rollouts/blob/v1.9.1/utils/conditions/conditions.go>).

use super::pass::Pass;
use super::types::Condition;
use jiff::{SignedDuration, Timestamp};

/// Without progress for this long a rollout has timed out, unless the spec says another time.
const PROGRESS_DEADLINE: i32 = 600;

/// Sets a condition; false if status and reason are as they were, and then nothing is changed.
pub(crate) fn set(
    conditions: &mut Vec<Condition>,
    now: Timestamp,
    kind: &str,
    status: &str,
    reason: &str,
    message: impl Into<String>,
) -> bool {
    let old = find(conditions, kind);
    if old.is_some_and(|old| old.status == status && old.reason == reason) {
        return false;
    }
    let since = old.filter(|old| old.status == status).map_or(now, |old| old.last_transition_time);
    conditions.retain(|condition| condition.kind != kind);
    conditions.push(Condition {
        kind: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.into(),
        last_update_time: now,
        last_transition_time: since,
    });
    true
}

fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}

/// At the start of a pass: what a pause, a resume or a retry since the last one means.
pub(crate) fn note_pause(pass: &mut Pass) {
    let now = pass.now;
    let is_paused = !pass.was().pause_conditions.is_empty() || pass.spec().paused;
    let is_completed = pass.is_fully_promoted() && !pass.was().stable_rs.is_empty();
    let is_abort_over = !pass.was().abort;
    let conditions = &mut pass.rollout.status.conditions;
    let said = find(conditions, "Progressing").map(|condition| condition.reason.clone());
    let was_aborted = said.as_deref() == Some("RolloutAborted");
    let said_paused = said.as_deref() == Some("RolloutPaused");
    if is_paused != said_paused && !was_aborted && !is_completed {
        let (reason, message) = match is_paused {
            true => ("RolloutPaused", "Rollout is paused"),
            false => ("RolloutResumed", "Rollout is resumed"),
        };
        set(conditions, now, "Progressing", "Unknown", reason, message);
    }
    if is_abort_over && was_aborted {
        let message = "Retrying Rollout after abort";
        set(conditions, now, "Progressing", "Unknown", "RolloutRetry", message);
    }
    let had_paused = find(conditions, "Paused").is_some_and(|c| c.status == "True");
    if is_paused != had_paused && !was_aborted {
        let status = if is_paused { "True" } else { "False" };
        set(conditions, now, "Paused", status, "RolloutPaused", "Rollout is paused");
    }
}

/// At the end of a pass: Healthy, Progressing, Available and Completed for the new status.
pub(crate) fn calculate(pass: &mut Pass) {
    let now = pass.now;
    let is_paused = !pass.was().pause_conditions.is_empty() || pass.spec().paused;
    let is_healthy = is_healthy(pass);
    let mut conditions = std::mem::take(&mut pass.next.conditions);
    let mut became_unhealthy = false;
    if is_healthy && !is_paused {
        set(&mut conditions, now, "Healthy", "True", "RolloutHealthy", "Rollout is healthy");
    } else if find(&conditions, "Healthy").is_some() {
        let message = "Rollout is not healthy";
        became_unhealthy = set(&mut conditions, now, "Healthy", "False", "RolloutHealthy", message);
    }
    if pass.is_aborted() {
        set_aborted(pass, &mut conditions);
    } else {
        let set_name = &pass.new_set().name;
        let progressed = became_unhealthy || has_progressed(pass);
        if is_healthy {
            let message = format!("ReplicaSet \"{set_name}\" has successfully progressed.");
            set(&mut conditions, now, "Progressing", "True", "NewReplicaSetAvailable", message);
        } else if progressed {
            let is_loss = became_unhealthy && pass.next.stable_rs == pass.next.current_pod_hash;
            let (reason, message) = if is_loss {
                let message = "Rollout does not have minimum availability".to_owned();
                ("ReplicaSetNotAvailable", message)
            } else {
                ("ReplicaSetUpdated", format!("ReplicaSet \"{set_name}\" is progressing."))
            };
            let old = find(&conditions, "Progressing").cloned();
            conditions.retain(|condition| condition.kind != "Progressing");
            set(&mut conditions, now, "Progressing", "True", reason, message);
            if let (Some(old), Some(new)) = (old, conditions.last_mut())
                && old.status == "True"
            {
                new.last_transition_time = old.last_transition_time;
            }
        } else {
            check_deadline(pass, &mut conditions);
        }
    }
    let is_available = match &pass.spec().strategy.blue_green {
        Some(_) => {
            let active = &pass.next.blue_green.active_selector;
            let active = pass.sets.iter().find(|set| !active.is_empty() && set.hash == *active);
            active.is_some_and(|set| {
                set.wanted == pass.replicas() && set.available == pass.replicas()
            })
        }
        None => pass.available() >= pass.replicas(),
    };
    let (status, message) = match is_available {
        true => ("True", "Rollout has minimum availability"),
        false => ("False", "Rollout does not have minimum availability"),
    };
    set(&mut conditions, now, "Available", status, "AvailableReason", message);
    let is_completed =
        !pass.next.stable_rs.is_empty() && pass.next.stable_rs == pass.next.current_pod_hash;
    let status = if is_completed { "True" } else { "False" };
    set(&mut conditions, now, "Completed", status, "RolloutCompleted", "RolloutCompleted");
    pass.next.conditions = conditions;
}

fn set_aborted(pass: &Pass, conditions: &mut Vec<Condition>) {
    let mut message = format!("Rollout aborted update to revision {}", pass.revision());
    if let Some(why) = pass.pause.abort.as_ref().filter(|why| !why.is_empty()) {
        message = format!("{message}: {why}");
    }
    set(conditions, pass.now, "Progressing", "False", "RolloutAborted", message);
}

fn is_healthy(pass: &Pass) -> bool {
    let (next, replicas) = (&pass.next, pass.replicas());
    let is_settled = if let Some(blue_green) = &pass.spec().strategy.blue_green {
        let previewed = blue_green.preview_service.is_empty()
            || next.blue_green.preview_selector == next.current_pod_hash;
        previewed && next.blue_green.active_selector == next.current_pod_hash
    } else {
        let steps = pass.spec().strategy.canary.as_ref().map_or(0, |canary| canary.steps.len());
        let walked = steps == 0 || next.current_step_index.is_none_or(|at| at == steps as i32);
        let is_stable = !next.stable_rs.is_empty() && next.stable_rs == next.current_pod_hash;
        walked && is_stable && next.replicas == replicas
    };
    let is_observed =
        pass.was().observed_generation == pass.rollout.metadata.generation.to_string();
    is_settled
        && is_observed
        && next.updated_replicas == replicas
        && next.available_replicas == replicas
}

fn has_progressed(pass: &Pass) -> bool {
    let (was, next) = (pass.was(), &pass.next);
    let moved = if pass.spec().strategy.blue_green.is_some() {
        was.blue_green.active_selector != next.blue_green.active_selector
            || was.blue_green.preview_selector != next.blue_green.preview_selector
    } else {
        let stepped = match (was.current_step_index, next.current_step_index) {
            (Some(was), Some(next)) => was != next,
            _ => false,
        };
        stepped
            || was.stable_rs != next.stable_rs
            || was.current_step_hash != next.current_step_hash
    };
    moved
        || next.updated_replicas != was.updated_replicas
        || next.replicas - next.updated_replicas < was.replicas - was.updated_replicas
        || next.ready_replicas > was.ready_replicas
        || next.available_replicas > was.available_replicas
}

/// A rollout that stands still at no gate for too long has timed out.
fn check_deadline(pass: &mut Pass, conditions: &mut Vec<Condition>) {
    let is_draining = pass.sets.iter().enumerate().any(|(index, set)| {
        index != pass.new && Some(index) != pass.stable && set.deadline.is_some()
    });
    if super::canary::is_at_gate(pass) || is_draining {
        return;
    }
    let Some(progressing) = find(conditions, "Progressing") else { return };
    match progressing.reason.as_str() {
        "RolloutAborted" | "RolloutPaused" | "NewReplicaSetAvailable" => return,
        _ => {}
    }
    let seconds = pass.spec().progress_deadline_seconds.unwrap_or(PROGRESS_DEADLINE);
    let deadline = progressing.last_update_time + SignedDuration::from_secs(seconds.into());
    let is_late = progressing.reason == "ProgressDeadlineExceeded" || pass.now > deadline;
    if !is_late {
        return pass.wake_at(deadline + SignedDuration::from_secs(1));
    }
    let message = format!("ReplicaSet \"{}\" has timed out progressing.", pass.new_set().name);
    if pass.spec().progress_deadline_abort && pass.pause.abort.is_none() {
        pass.pause.abort = Some(message.clone());
    }
    let reason = "ProgressDeadlineExceeded";
    set(conditions, pass.now, "Progressing", "False", reason, message);
}
