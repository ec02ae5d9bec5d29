//! In which phase is a rollout? Mostly the controller says; sometimes its word is out of date.
//!
//! <https://github.com/argoproj/argo-rollouts/blob/v1.9.1/utils/rollout/rolloututil.go>

use serde::{Deserialize, Serialize};

use super::{Rollout, Strategy};
use crate::analysis::AnalysisPhase;

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
        if self.status.controller_pause && self.status.pause_conditions.is_empty() {
            return reading(Phase::Progressing, "waiting for rollout to unpause");
        }
        if self.spec.workload_generation.is_some()
            && self.spec.workload_generation != self.status.workload_observed_generation
        {
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

    /// `observedGeneration` is a number in a string. One that is no number stems from a controller
    /// before 0.10 and counts as seen, as upstream has it.
    fn is_spec_unseen(&self) -> bool {
        self.status
            .observed_generation
            .as_deref()
            .is_none_or(|seen| seen.parse::<i64>().is_ok_and(|seen| seen < self.generation))
    }

    /// The controller's computation, for a status that carries no phase; first match wins.
    fn computed_reading(&self) -> Reading {
        let status = &self.status;
        for condition in &status.conditions {
            let invalid = condition.kind == "InvalidSpec" && condition.status != "False";
            let failed = condition.kind == "Progressing"
                && matches!(
                    condition.reason.as_str(),
                    "RolloutAborted" | "ProgressDeadlineExceeded"
                );
            if invalid || failed {
                return reading(
                    Phase::Degraded,
                    format!("{}: {}", condition.reason, condition.message),
                );
            }
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
                if status.post_promotion_analysis.as_ref().is_some_and(|run| {
                    matches!(run.phase, Some(AnalysisPhase::Pending | AnalysisPhase::Running))
                }) {
                    return reading(Phase::Progressing, "waiting for post-promotion analysis");
                }
                if !self.is_fully_promoted() {
                    return reading(Phase::Progressing, "waiting for post-promotion verification");
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
