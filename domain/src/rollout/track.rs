//! A rollout drawn as a run along a line: stations are weights, a gate stands between two of them.

use serde::{Deserialize, Serialize};

use super::{Rollout, Step, Strategy};

/// One place on the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Station {
    pub kind: StationKind,
    pub state: StationState,
    /// Index of the step that leads here; `None` for the two ends.
    pub step: Option<u32>,
}

/// What a station stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StationKind {
    /// So many of the traffic, in percent of all of it.
    Weight(u32),
    /// A person must resume.
    Person,
    Analysis,
    Experiment,
    /// Blue/green: the preview answers.
    Preview,
    /// Blue/green: the new version is live.
    Active,
}

/// How far the run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StationState {
    Done,
    Here,
    Next,
}

/// All of the traffic: where every canary's line ends.
const END: StationKind = StationKind::Weight(100);

impl Rollout {
    /// The line of this rollout, from its own steps. Timed pauses are not stations: they are time
    /// spent at one. Empty for a canary without steps.
    pub fn track(&self) -> Vec<Station> {
        match &self.spec.strategy {
            Strategy::Canary(plan) if plan.steps.is_empty() => vec![],
            Strategy::Canary(plan) => self.canary_track(&plan.steps),
            Strategy::BlueGreen(_) => self.blue_green_track(),
        }
    }

    fn canary_track(&self, steps: &[Step]) -> Vec<Station> {
        let mut line = vec![(StationKind::Weight(0), None)];
        for (index, step) in (0u32..).zip(steps) {
            let kind = match step {
                Step::SetWeight(weight) => StationKind::Weight(self.percent(*weight)),
                Step::PauseForPerson => StationKind::Person,
                Step::Analysis => StationKind::Analysis,
                Step::Experiment => StationKind::Experiment,
                Step::Pause(_)
                | Step::SetCanaryScale
                | Step::SetHeaderRoute
                | Step::SetMirrorRoute
                | Step::Plugin(_)
                | Step::Unknown => continue,
            };
            let stays = matches!(kind, StationKind::Weight(_))
                && line.last().is_some_and(|(last, _)| *last == kind);
            if !stays {
                line.push((kind, Some(index)));
            }
        }
        if line.last().is_none_or(|(last, _)| *last != END) {
            line.push((END, None));
        }
        let here = self.place_on(&line, steps.len());
        (0..)
            .zip(line)
            .map(|(at, (kind, step))| {
                let passed = !matches!(kind, StationKind::Weight(_))
                    && step.is_some_and(|step| step < self.step_index());
                let state = match here.of(at) {
                    StationState::Next if passed && matches!(here, Place::At(_)) => {
                        StationState::Done
                    }
                    state => state,
                };
                Station { kind, step, state }
            })
            .collect()
    }

    fn place_on(&self, line: &[(StationKind, Option<u32>)], steps: usize) -> Place {
        if self.is_unseen() {
            return Place::Start;
        }
        if self.is_fully_promoted() {
            return Place::Through;
        }
        if self.status.abort {
            return Place::Start;
        }
        let index = self.step_index();
        if self.is_first_deploy() {
            let begun = self.status.current_pod_hash.is_some();
            return Place::At(if begun { line.len() - 1 } else { 0 });
        }
        if index as usize >= steps {
            return Place::At(line.len() - 1);
        }
        // The run stands at a gate only while it is the present step; after it, at its weight.
        let reached = line.iter().rposition(|(kind, step)| match kind {
            StationKind::Weight(_) => step.is_some_and(|step| step <= index),
            _ => *step == Some(index),
        });
        Place::At(reached.unwrap_or(0))
    }

    fn blue_green_track(&self) -> Vec<Station> {
        let status = &self.status;
        let switched =
            status.active_hash.is_some() && status.active_hash == status.current_pod_hash;
        let place = if self.is_unseen() {
            Place::Ahead
        } else if self.is_fully_promoted() {
            Place::Through
        } else if status.abort {
            Place::Ahead
        } else {
            Place::At(usize::from(switched || self.is_first_deploy()))
        };
        [StationKind::Preview, StationKind::Active]
            .into_iter()
            .enumerate()
            .map(|(at, kind)| Station { kind, step: None, state: place.of(at) })
            .collect()
    }
}

/// Where on its line a run is.
#[derive(Clone, Copy)]
enum Place {
    /// Before the first station.
    Ahead,
    At(usize),
    /// Not yet begun, or sent back.
    Start,
    Through,
}

impl Place {
    fn of(self, at: usize) -> StationState {
        let here = match self {
            Self::Ahead => return StationState::Next,
            Self::Through => return StationState::Done,
            Self::Start => 0,
            Self::At(here) => here,
        };
        match at.cmp(&here) {
            std::cmp::Ordering::Less => StationState::Done,
            std::cmp::Ordering::Equal => StationState::Here,
            std::cmp::Ordering::Greater => StationState::Next,
        }
    }
}
