//! What ends the state a rollout is in.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{PauseCondition, PauseReason, Phase, Rollout, Step, Strategy};

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
        if self.is_unseen() || self.is_unpausing() {
            return Wait::Controller;
        }
        match self.reading().phase {
            Phase::Healthy => Wait::Nothing,
            Phase::Degraded if self.status.abort => {
                Wait::NewCommit { since: self.status.aborted_at }
            }
            Phase::Degraded => Wait::Repair,
            Phase::Paused | Phase::Progressing if self.status.abort => Wait::Controller,
            Phase::Paused => self.pause_wait(),
            Phase::Progressing => self.progress_wait(),
        }
    }

    /// Of several pauses the one that needs a person most: a timed one ends by itself and leaves
    /// the others standing.
    fn pause_wait(&self) -> Wait {
        if self.spec.paused {
            return Wait::Unpause;
        }
        self.status
            .pause_conditions
            .iter()
            .map(|pause| self.end_of(pause))
            .min_by_key(|wait| match wait {
                Wait::Undecided { .. } => 0,
                wait if wait.is_for_person() => 1,
                _ => 2,
            })
            .unwrap_or(Wait::Controller)
    }

    fn end_of(&self, pause: &PauseCondition) -> Wait {
        let since = pause.start_time;
        match (&pause.reason, &self.spec.strategy) {
            (PauseReason::InconclusiveAnalysisRun | PauseReason::InconclusiveExperiment, _) => {
                Wait::Undecided { since }
            }
            (PauseReason::BlueGreenPause, Strategy::BlueGreen(plan)) => {
                match plan.auto_promotion_seconds {
                    None | Some(0) => Wait::Promotion { since },
                    Some(seconds) => timed(since, seconds.into()),
                }
            }
            (PauseReason::CanaryPauseStep, _) => match self.current_step() {
                Some(Step::Pause(seconds)) => timed(since, *seconds),
                _ => Wait::Person { since },
            },
            (PauseReason::BlueGreenPause | PauseReason::Other(_), _) => Wait::Person { since },
        }
    }

    fn progress_wait(&self) -> Wait {
        let status = &self.status;
        let analyses = [
            &status.step_analysis,
            &status.pre_promotion_analysis,
            &status.post_promotion_analysis,
        ];
        if let Some(run) = analyses.into_iter().flatten().find(|run| run.is_open()) {
            return Wait::Analysis { name: run.name.clone() };
        }
        if matches!(self.current_step(), Some(Step::Experiment)) {
            return Wait::Experiment;
        }
        Wait::Pods
    }
}

/// The end of a pause that began at `since` and lasts `seconds`. Where no such time can be told the
/// controller still goes on by itself.
fn timed(since: Option<Timestamp>, seconds: u64) -> Wait {
    let length = i64::try_from(seconds).ok().map(SignedDuration::from_secs);
    let end = since.zip(length).and_then(|(since, length)| since.checked_add(length).ok());
    end.map_or(Wait::Controller, |at| Wait::Until { at })
}
