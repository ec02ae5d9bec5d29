//! What ends the state a rollout is in.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{PauseReason, Phase, Rollout, Step, Strategy};
use crate::analysis::AnalysisPhase;

/// What must happen before a rollout goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "for")]
pub enum Wait {
    /// Nothing: the version asked for is the trusted one.
    Nothing,
    /// A person must resume. Since when it holds, if known.
    Person { since: Option<Timestamp> },
    /// A person must promote the preview of a blue/green rollout.
    Promotion { since: Option<Timestamp> },
    /// A person must look: an analysis or experiment could not decide.
    Undecided { since: Option<Timestamp> },
    /// Somebody set `spec.paused`.
    Unpause,
    /// The controller goes on by itself at this time.
    Until { at: Timestamp },
    /// A running analysis decides.
    Analysis { name: String },
    /// An experiment decides.
    Experiment,
    /// Pods must become ready, or old ones end.
    Pods,
    /// The controller is about to act.
    Controller,
    /// Aborted: only a retry or another commit helps.
    NewCommit { since: Option<Timestamp> },
    /// The spec is wrong, or time ran out: somebody must mend it.
    Repair,
}

impl Wait {
    /// Whether the rollout stands until a person does something.
    pub fn is_for_person(&self) -> bool {
        match self {
            Self::Person { .. }
            | Self::Promotion { .. }
            | Self::Undecided { .. }
            | Self::Unpause
            | Self::NewCommit { .. }
            | Self::Repair => true,
            Self::Nothing
            | Self::Until { .. }
            | Self::Analysis { .. }
            | Self::Experiment
            | Self::Pods
            | Self::Controller => false,
        }
    }
}

impl Rollout {
    /// What ends the present state.
    pub fn wait(&self) -> Wait {
        match self.reading().phase {
            Phase::Healthy => Wait::Nothing,
            Phase::Degraded if self.status.abort => {
                Wait::NewCommit { since: self.status.aborted_at }
            }
            Phase::Degraded => Wait::Repair,
            Phase::Paused => self.pause_wait(),
            Phase::Progressing => self.progress_wait(),
        }
    }

    fn pause_wait(&self) -> Wait {
        let Some(pause) = self.status.pause_conditions.first() else {
            return if self.spec.paused { Wait::Unpause } else { Wait::Controller };
        };
        let since = pause.start_time;
        match &pause.reason {
            PauseReason::InconclusiveAnalysisRun | PauseReason::InconclusiveExperiment => {
                Wait::Undecided { since }
            }
            PauseReason::BlueGreenPause => {
                let seconds = match &self.spec.strategy {
                    Strategy::BlueGreen(plan) => plan.auto_promotion_seconds.map(u64::from),
                    Strategy::Canary(_) => None,
                };
                timed(since, seconds).unwrap_or(Wait::Promotion { since })
            }
            PauseReason::CanaryPauseStep | PauseReason::Other(_) => {
                let seconds = match self.current_step() {
                    Some(Step::Pause(seconds)) => Some(*seconds),
                    _ => None,
                };
                timed(since, seconds).unwrap_or(Wait::Person { since })
            }
        }
    }

    fn progress_wait(&self) -> Wait {
        let running = |run: &&super::RunStatus| {
            matches!(run.phase, None | Some(AnalysisPhase::Pending | AnalysisPhase::Running))
        };
        let open = [
            &self.status.step_analysis,
            &self.status.pre_promotion_analysis,
            &self.status.post_promotion_analysis,
        ];
        if let Some(run) = open.into_iter().flatten().find(running) {
            return Wait::Analysis { name: run.name.clone() };
        }
        if matches!(self.current_step(), Some(Step::Experiment)) {
            return Wait::Experiment;
        }
        if self.status.controller_pause && self.status.pause_conditions.is_empty() {
            return Wait::Controller;
        }
        Wait::Pods
    }
}

/// The end of a pause that began at `since` and lasts `seconds`.
fn timed(since: Option<Timestamp>, seconds: Option<u64>) -> Option<Wait> {
    let length = SignedDuration::from_secs(i64::try_from(seconds?).ok()?);
    Some(Wait::Until { at: since?.checked_add(length).ok()? })
}
