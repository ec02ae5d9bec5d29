//! A rollout drawn as a run along a line: stations are weights, a gate stands between two of them.

use serde::{Deserialize, Serialize};

use super::{Phase, Rollout, Step, Strategy};

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

impl Rollout {
    /// The line of this rollout, from its own steps. Timed pauses are not stations: they are time
    /// spent at one. Empty for a canary without steps.
    pub fn track(&self) -> Vec<Station> {
        match &self.spec.strategy {
            Strategy::Canary(plan) if plan.steps.is_empty() => vec![],
            Strategy::Canary(plan) => self.canary_track(&plan.steps, plan.max_weight),
            Strategy::BlueGreen(_) => self.blue_green_track(),
        }
    }

    fn canary_track(&self, steps: &[Step], max_weight: u32) -> Vec<Station> {
        let mut stations = vec![(StationKind::Weight(0), None)];
        for (index, step) in steps.iter().enumerate() {
            let kind = match step {
                Step::SetWeight(weight) => StationKind::Weight(*weight),
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
            stations.push((kind, u32::try_from(index).ok()));
        }
        if !stations.iter().any(|(kind, _)| *kind == StationKind::Weight(max_weight)) {
            stations.push((StationKind::Weight(max_weight), None));
        }
        let here = self.place_on(&stations, steps.len());
        stations
            .into_iter()
            .enumerate()
            .map(|(at, (kind, step))| Station { kind, step, state: state(at, here) })
            .collect()
    }

    /// Index of the station the run has reached; the count of stations once it is through.
    fn place_on(&self, stations: &[(StationKind, Option<u32>)], steps: usize) -> usize {
        if self.status.abort || self.reading().phase == Phase::Degraded && self.step_index() == 0 {
            return 0;
        }
        if self.step_index() as usize >= steps {
            let through = self.is_fully_promoted() || self.is_first_deploy();
            return if through { stations.len() } else { stations.len() - 1 };
        }
        let index = self.step_index();
        stations.iter().rposition(|(_, step)| step.is_some_and(|step| step <= index)).unwrap_or(0)
    }

    fn blue_green_track(&self) -> Vec<Station> {
        let here = if self.is_fully_promoted() { 2 } else { 0 };
        [StationKind::Preview, StationKind::Active]
            .into_iter()
            .enumerate()
            .map(|(at, kind)| Station { kind, step: None, state: state(at, here) })
            .collect()
    }
}

fn state(at: usize, here: usize) -> StationState {
    match at.cmp(&here) {
        std::cmp::Ordering::Less => StationState::Done,
        std::cmp::Ordering::Equal => StationState::Here,
        std::cmp::Ordering::Greater => StationState::Next,
    }
}
