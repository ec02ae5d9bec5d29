use super::*;

type Row = (&'static str, fn(&mut Rollout), Phase, &'static str);

fn check(base: fn(&mut Rollout), rows: &[Row]) {
    for (name, change, phase, message) in rows {
        let reading = with(|r| {
            base(r);
            change(r);
        })
        .reading();
        assert_eq!((reading.phase, reading.message.as_str()), (*phase, *message), "{name}");
    }
}

fn condition(kind: &str, reason: &str) -> Condition {
    let (kind, reason) = (kind.to_owned(), reason.to_owned());
    Condition { kind, reason, status: "True".into(), message: "why".into(), since: None }
}

#[test]
fn the_controllers_phase_is_believed_unless_it_is_out_of_date() {
    let unseen = "waiting for rollout spec update to be observed";
    let workload = "waiting for rollout spec update to be observed for the reference workload";
    let unpausing = "waiting for rollout to unpause";
    check(
        |_| (),
        &[
            ("as told", |_| (), Phase::Paused, "CanaryPauseStep"),
            ("older generation", |r| r.generation = 8, Phase::Progressing, unseen),
            ("greater generation", |r| r.generation = 6, Phase::Paused, "CanaryPauseStep"),
            (
                "absent generation",
                |r| r.status.observed_generation = None,
                Phase::Paused,
                "CanaryPauseStep",
            ),
            (
                "a hash for a generation",
                |r| r.status.observed_generation = Some("5f7c".into()),
                Phase::Paused,
                "CanaryPauseStep",
            ),
            ("resumed", |r| r.status.pause_conditions.clear(), Phase::Progressing, unpausing),
            (
                "workload ahead",
                |r| {
                    r.spec.workload_generation = Some("3".into());
                    r.status.workload_observed_generation = Some("2".into());
                },
                Phase::Progressing,
                workload,
            ),
            (
                "workload seen",
                |r| {
                    r.spec.workload_generation = Some("3".into());
                    r.status.workload_observed_generation = Some("3".into());
                },
                Phase::Paused,
                "CanaryPauseStep",
            ),
            (
                "workload's generation not told",
                |r| r.spec.workload_generation = Some("3".into()),
                Phase::Paused,
                "CanaryPauseStep",
            ),
        ],
    );
}

#[test]
fn a_status_without_a_phase_is_computed_and_the_first_rule_wins() {
    let settled: fn(&mut Rollout) = |r| {
        healthy(r);
        r.status.phase = None;
    };
    check(
        settled,
        &[
            ("settled", |_| (), Phase::Healthy, ""),
            (
                "invalid before paused",
                |r| {
                    r.status.conditions = vec![condition("InvalidSpec", "InvalidSpec")];
                    r.spec.paused = true;
                },
                Phase::Degraded,
                "InvalidSpec: why",
            ),
            (
                "invalid and never deployed",
                |r| {
                    r.status = Status::default();
                    r.status.conditions = vec![condition("InvalidSpec", "")];
                },
                Phase::Degraded,
                "InvalidSpec: why",
            ),
            (
                "aborted",
                |r| r.status.conditions = vec![condition("Progressing", "RolloutAborted")],
                Phase::Degraded,
                "RolloutAborted: why",
            ),
            (
                "overdue",
                |r| {
                    r.status.conditions = vec![condition("Progressing", "ProgressDeadlineExceeded")]
                },
                Phase::Degraded,
                "ProgressDeadlineExceeded: why",
            ),
            (
                "held before paused",
                |r| {
                    r.spec.paused = true;
                    r.status.pause_conditions = vec![pause(PauseReason::CanaryPauseStep)];
                },
                Phase::Paused,
                "manually paused",
            ),
            (
                "paused before restarting",
                |r| {
                    r.status.pause_conditions = vec![pause(PauseReason::InconclusiveExperiment)];
                    r.spec.restart_at = Some(time(1));
                },
                Phase::Paused,
                "InconclusiveExperiment",
            ),
            (
                "restarting before updating",
                |r| {
                    r.spec.restart_at = Some(time(1));
                    r.status.updated_replicas = 0;
                },
                Phase::Progressing,
                "rollout is restarting",
            ),
            (
                "too few updated",
                |r| r.status.updated_replicas = 4,
                Phase::Progressing,
                "more replicas need to be updated",
            ),
            (
                "too few available",
                |r| r.status.available_replicas = 4,
                Phase::Progressing,
                "updated replicas are still becoming available",
            ),
            (
                "old pods without a router",
                |r| {
                    without_router(r);
                    r.status.replicas = 6;
                },
                Phase::Progressing,
                "old replicas are pending termination",
            ),
            ("old pods with a router", |r| r.status.replicas = 6, Phase::Healthy, ""),
            (
                "steps left",
                |r| r.status.stable_hash = Some("old".into()),
                Phase::Progressing,
                "waiting for all steps to complete",
            ),
            (
                "blue/green not switched",
                |r| {
                    blue_green(r);
                    r.status.pause_conditions.clear();
                },
                Phase::Progressing,
                "active service cutover pending",
            ),
            (
                "blue/green switched and measured",
                |r| {
                    blue_green(r);
                    r.status.pause_conditions.clear();
                    r.status.active_hash = Some("new".into());
                    r.status.stable_hash = Some("old".into());
                    r.status.post_promotion_analysis =
                        Some(RunStatus { name: "a".into(), phase: None, message: None });
                },
                Phase::Progressing,
                "waiting for analysis to complete",
            ),
            (
                "blue/green switched and verified",
                |r| {
                    blue_green(r);
                    r.status.pause_conditions.clear();
                    r.status.active_hash = Some("new".into());
                    r.status.stable_hash = Some("old".into());
                },
                Phase::Progressing,
                "waiting for post-promotion verification to complete",
            ),
        ],
    );
}
