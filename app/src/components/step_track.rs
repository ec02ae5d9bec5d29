//! The run of a rollout along its steps.

use domain::rollout::{Phase, Rollout, Station, StationKind, StationState, Strategy, Wait};
use leptos::prelude::*;

use crate::ui::track::{Run, Size, Stop, track};

/// The small track beside a phase; nothing once there is no way left to go.
pub(crate) fn small(rollout: &Rollout) -> Option<impl IntoView + use<>> {
    if rollout.reading().phase == Phase::Healthy {
        return None;
    }
    draw(rollout, Size::Small)
}

/// The large track of the rollout's own page.
pub(crate) fn large(rollout: &Rollout) -> Option<impl IntoView + use<>> {
    draw(rollout, Size::Large)
}

fn draw(rollout: &Rollout, size: Size) -> Option<impl IntoView + use<>> {
    // A first deploy skips its steps: there is no way to draw.
    if rollout.is_first_deploy() {
        return None;
    }
    let line = line(rollout, size);
    if line.is_empty() {
        return None;
    }
    let here = line.iter().position(|(_, _, state)| *state == StationState::Here);
    let run = run(rollout);
    // A run that is held stands at the last station before its gate.
    let at = match here {
        Some(here) if run == Run::Waiting => {
            line[..=here].iter().rposition(|(_, is_gate, _)| !is_gate).unwrap_or(here)
        }
        Some(here) => here,
        None => line.len(),
    };
    let stops: Vec<Stop<'_>> = line
        .iter()
        .map(|(words, is_gate, _)| if *is_gate { Stop::Gate(words) } else { Stop::Station(words) })
        .collect();
    Some(track(size, run, at, &stops, label(rollout)))
}

/// Words, whether it is a gate, and how far the run has come.
fn line(rollout: &Rollout, size: Size) -> Vec<(String, bool, StationState)> {
    let mut line: Vec<_> = rollout
        .track()
        .into_iter()
        .map(|Station { kind, state, .. }| {
            let (words, is_gate) = match kind {
                StationKind::Weight(weight) => match size {
                    Size::Small => (weight.to_string(), false),
                    Size::Large => (format!("{weight} %"), false),
                },
                StationKind::Person => ("a person".to_owned(), true),
                StationKind::Analysis => ("analysis".to_owned(), true),
                StationKind::Experiment => ("experiment".to_owned(), true),
                StationKind::Preview => ("preview".to_owned(), false),
                StationKind::Active => ("live".to_owned(), false),
            };
            (words, is_gate, state)
        })
        .collect();
    if let Strategy::BlueGreen(plan) = &rollout.spec.strategy
        && !plan.auto_promotion
        && line.len() == 2
    {
        line.insert(1, ("a person".to_owned(), true, line[1].2));
    }
    line
}

fn run(rollout: &Rollout) -> Run {
    if rollout.status.abort {
        return Run::Aborted;
    }
    match rollout.wait() {
        Wait::Person { .. }
        | Wait::Promotion { .. }
        | Wait::Undecided { .. }
        | Wait::Analysis { .. }
        | Wait::Experiment => Run::Waiting,
        Wait::Nothing
        | Wait::Unpause
        | Wait::Until { .. }
        | Wait::Pods
        | Wait::Controller
        | Wait::NewCommit { .. }
        | Wait::Repair => Run::Running,
    }
}

/// What the drawing shows beyond the words beside it.
fn label(rollout: &Rollout) -> String {
    let Some(plan) = rollout.canary() else {
        return "preview, then live".into();
    };
    let (step, steps) = (rollout.step_index() as usize, plan.steps.len());
    if rollout.status.abort {
        "aborted".into()
    } else if step >= steps {
        format!("all {steps} steps done")
    } else {
        format!("step {} of {steps}", step + 1)
    }
}
