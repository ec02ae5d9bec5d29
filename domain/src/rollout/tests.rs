//! One builder for every test of the room, and the tests of reading a rollout.

mod phase;
mod serde;
mod track;
mod wait;
mod weight;
mod words;

use jiff::Timestamp;

use super::*;

/// What makes one rollout into another.
pub(crate) type Modifier = fn(&mut Rollout);

/// A canary of 20-40-60-80-100 from `app:1` to `app:2`, paused for a person at 60 %.
pub(crate) fn rollout() -> Rollout {
    Rollout {
        key: RolloutKey {
            environment: "prod".into(),
            namespace: "shop".into(),
            name: "checkout".into(),
        },
        cluster: "one".into(),
        service: "checkout".into(),
        uid: "uid-1".into(),
        resource_version: "100".into(),
        generation: 7,
        created_at: None,
        spec: Spec {
            replicas: 5,
            paused: false,
            restart_at: None,
            workload_generation: None,
            strategy: Strategy::Canary(CanaryPlan {
                steps: vec![
                    Step::SetWeight(20),
                    Step::Pause(180),
                    Step::SetWeight(40),
                    Step::Analysis,
                    Step::SetWeight(60),
                    Step::PauseForPerson,
                    Step::SetWeight(80),
                    Step::Experiment,
                ],
                traffic_routing: true,
                max_weight: 100,
            }),
            images: vec!["app:2".into()],
        },
        status: Status {
            observed_generation: Some("7".into()),
            phase: Some(Phase::Paused),
            message: Some("CanaryPauseStep".into()),
            controller_pause: true,
            pause_conditions: vec![pause(PauseReason::CanaryPauseStep)],
            current_step_index: Some(5),
            current_pod_hash: Some("new".into()),
            stable_hash: Some("old".into()),
            replicas: 8,
            updated_replicas: 5,
            ready_replicas: 8,
            available_replicas: 8,
            canary_weight: Some(60),
            ..Status::default()
        },
        replica_sets: vec![replica_set("new", 2, 3), replica_set("old", 1, 5)],
        analysis_runs: vec![],
    }
}

fn replica_set(hash: &str, revision: u64, available: u32) -> ReplicaSet {
    ReplicaSet {
        name: format!("checkout-{hash}"),
        revision,
        pod_hash: Some(hash.into()),
        desired: available,
        ready: available,
        available,
        images: vec![format!("app:{revision}")],
        created_at: None,
    }
}

pub(crate) fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time within range")
}

fn pause(reason: PauseReason) -> PauseCondition {
    PauseCondition { reason, start_time: Some(time(1_000)) }
}

/// The rollout above, changed by one modifier.
pub(crate) fn with(change: impl FnOnce(&mut Rollout)) -> Rollout {
    let mut rollout = rollout();
    change(&mut rollout);
    rollout
}

pub(crate) fn progressing(rollout: &mut Rollout) {
    rollout.status.phase = Some(Phase::Progressing);
    rollout.status.message = Some("more replicas need to be updated".into());
    rollout.status.controller_pause = false;
    rollout.status.pause_conditions = vec![];
}

pub(crate) fn healthy(rollout: &mut Rollout) {
    progressing(rollout);
    rollout.status.phase = Some(Phase::Healthy);
    rollout.status.message = None;
    rollout.status.stable_hash = Some("new".into());
    rollout.status.current_step_index = Some(8);
    rollout.status.canary_weight = Some(0);
    rollout.status.replicas = 5;
    rollout.status.available_replicas = 5;
}

pub(crate) fn first_deploy(rollout: &mut Rollout) {
    progressing(rollout);
    rollout.status.stable_hash = None;
    rollout.status.current_step_index = None;
    rollout.replica_sets.truncate(1);
}

pub(crate) fn aborted(rollout: &mut Rollout) {
    progressing(rollout);
    rollout.status.phase = Some(Phase::Degraded);
    rollout.status.message = Some("RolloutAborted: metric \"errors\" failed.".into());
    rollout.status.abort = true;
    rollout.status.aborted_at = Some(time(2_000));
    rollout.status.current_step_index = Some(0);
    rollout.status.canary_weight = Some(0);
}

pub(crate) fn overdue(rollout: &mut Rollout) {
    progressing(rollout);
    rollout.status.phase = Some(Phase::Degraded);
    rollout.status.message = Some("ProgressDeadlineExceeded: timed out".into());
}

pub(crate) fn unseen(rollout: &mut Rollout) {
    rollout.generation += 1;
}

pub(crate) fn held(rollout: &mut Rollout) {
    rollout.spec.paused = true;
    rollout.status.phase = Some(Phase::Paused);
    rollout.status.message = Some("manually paused".into());
}

pub(crate) fn at(rollout: &mut Rollout, step: u32) {
    progressing(rollout);
    rollout.status.current_step_index = Some(step);
}

pub(crate) fn measuring(rollout: &mut Rollout) {
    at(rollout, 3);
    let phase = Some(AnalysisPhase::Running);
    rollout.status.step_analysis =
        Some(RunStatus { name: "errors-3".into(), phase, message: None });
}

pub(crate) fn timed_pause(rollout: &mut Rollout) {
    rollout.status.current_step_index = Some(1);
}

pub(crate) fn undecided(rollout: &mut Rollout) {
    rollout.status.pause_conditions.push(pause(PauseReason::InconclusiveAnalysisRun));
}

/// A blue/green release whose preview waits for a person.
pub(crate) fn blue_green(rollout: &mut Rollout) {
    let plan = BlueGreenPlan { auto_promotion: false, auto_promotion_seconds: None };
    rollout.spec.strategy = Strategy::BlueGreen(plan);
    rollout.status.pause_conditions = vec![pause(PauseReason::BlueGreenPause)];
    rollout.status.current_step_index = None;
    rollout.status.canary_weight = None;
    rollout.status.active_hash = Some("old".into());
    rollout.status.preview_hash = Some("new".into());
}

fn steps(rollout: &mut Rollout, steps: Vec<Step>) {
    if let Strategy::Canary(plan) = &mut rollout.spec.strategy {
        plan.steps = steps;
    }
}

fn without_router(rollout: &mut Rollout) {
    if let Strategy::Canary(plan) = &mut rollout.spec.strategy {
        plan.traffic_routing = false;
    }
    rollout.status.canary_weight = None;
}
