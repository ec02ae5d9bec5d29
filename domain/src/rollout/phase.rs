//! In which phase is a rollout? Mostly the controller says; sometimes its word is out of date.
//!
//! <https://github.com/argoproj/argo-rollouts/blob/v1.9.1/utils/rollout/rolloututil.go>

use serde::{Deserialize, Serialize};

use super::{Rollout, RunStatus, Strategy};

/// The controller's four phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    Degraded,
    Paused,
    Progressing,
    Healthy,
}

impl Phase {
    /// Every phase, those that need a person first.
    pub const ALL: [Phase; 4] = [Self::Degraded, Self::Paused, Self::Progressing, Self::Healthy];

    /// Reads the controller's word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.word().eq_ignore_ascii_case(word))
    }

    /// The controller's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Degraded => "Degraded",
            Self::Paused => "Paused",
            Self::Progressing => "Progressing",
            Self::Healthy => "Healthy",
        }
    }
}

/// The phase to believe, with the controller's message or the reason for disbelief.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    pub phase: Phase,
    pub message: String,
}

fn reading(phase: Phase, message: impl Into<String>) -> Reading {
    Reading { phase, message: message.into() }
}

impl Rollout {
    /// The phase to believe. The controller's own phase is out of date while it has not seen the
    /// newest spec, while it is waking up, or while a referenced workload has moved on.
    pub fn reading(&self) -> Reading {
        if self.is_spec_unseen() {
            return reading(Phase::Progressing, "waiting for rollout spec update to be observed");
        }
        if self.is_unpausing() {
            return reading(Phase::Progressing, "waiting for rollout to unpause");
        }
        if self.is_workload_unseen() {
            return reading(
                Phase::Progressing,
                "waiting for rollout spec update to be observed for the reference workload",
            );
        }
        match self.status.phase {
            Some(phase) => reading(phase, self.status.message.clone().unwrap_or_default()),
            None => self.computed_reading(),
        }
    }

    /// Whether the controller has yet to act on the newest spec or referenced workload: what the
    /// status tells belongs to the one before.
    pub(crate) fn is_unseen(&self) -> bool {
        self.is_spec_unseen() || self.is_workload_unseen()
    }

    /// `observedGeneration` is a number in a string. One that is absent or no number stems from a
    /// controller before 0.10 and counts as seen, as upstream has it.
    fn is_spec_unseen(&self) -> bool {
        let seen = self.status.observed_generation.as_deref();
        seen.and_then(|seen| seen.parse::<i64>().ok()).is_some_and(|seen| seen < self.generation)
    }

    /// Both generations are numbers in strings; where either is not, upstream takes it as seen.
    fn is_workload_unseen(&self) -> bool {
        let number = |text: &Option<String>| text.as_deref()?.parse::<i64>().ok();
        let wanted = number(&self.spec.workload_generation);
        let seen = number(&self.status.workload_observed_generation);
        wanted.zip(seen).is_some_and(|(wanted, seen)| wanted != seen)
    }

    /// Whether somebody resumed and the controller has yet to notice.
    pub(crate) fn is_unpausing(&self) -> bool {
        self.status.controller_pause && self.status.pause_conditions.is_empty()
    }

    /// The controller's computation, for a status that carries no phase; first match wins.
    fn computed_reading(&self) -> Reading {
        let status = &self.status;
        for condition in &status.conditions {
            let cause = match condition.reason.as_str() {
                _ if condition.kind == "InvalidSpec" => "InvalidSpec",
                cause @ ("RolloutAborted" | "ProgressDeadlineExceeded") => cause,
                _ => continue,
            };
            return reading(Phase::Degraded, format!("{cause}: {}", condition.message));
        }
        if self.spec.paused {
            return reading(Phase::Paused, "manually paused");
        }
        if let Some(pause) = status.pause_conditions.first() {
            return reading(Phase::Paused, pause.reason.word());
        }
        if self.spec.restart_at.is_some() && self.spec.restart_at != status.restarted_at {
            return reading(Phase::Progressing, "rollout is restarting");
        }
        if status.updated_replicas < self.spec.replicas {
            return reading(Phase::Progressing, "more replicas need to be updated");
        }
        if status.available_replicas < status.updated_replicas {
            return reading(Phase::Progressing, "updated replicas are still becoming available");
        }
        match &self.spec.strategy {
            Strategy::BlueGreen(_) => {
                if status.active_hash.is_none() || status.active_hash != status.current_pod_hash {
                    return reading(Phase::Progressing, "active service cutover pending");
                }
                if !self.is_fully_promoted() {
                    let analysis = status.post_promotion_analysis.as_ref();
                    let what = if analysis.is_some_and(RunStatus::is_open) {
                        "analysis"
                    } else {
                        "post-promotion verification"
                    };
                    return reading(Phase::Progressing, format!("waiting for {what} to complete"));
                }
            }
            Strategy::Canary(plan) => {
                if !plan.traffic_routing && status.replicas > status.updated_replicas {
                    return reading(Phase::Progressing, "old replicas are pending termination");
                }
                if !self.is_fully_promoted() {
                    return reading(Phase::Progressing, "waiting for all steps to complete");
                }
            }
        }
        reading(Phase::Healthy, "")
    }
}
