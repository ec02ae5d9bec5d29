//! The phase and the message that the controller writes, first rule that fits
//! (<https://github.com/argoproj/argo-rollouts/blob/v1.9.1/utils/rollout/rolloututil.go>).

use super::types::{Spec, Status};

/// `status.phase` and `status.message` for a spec and the rest of the status.
pub(crate) fn phase(spec: &Spec, status: &Status) -> (&'static str, String) {
    for condition in &status.conditions {
        if condition.kind == "InvalidSpec" {
            return ("Degraded", format!("InvalidSpec: {}", condition.message));
        }
        if matches!(condition.reason.as_str(), "RolloutAborted" | "ProgressDeadlineExceeded") {
            return ("Degraded", format!("{}: {}", condition.reason, condition.message));
        }
    }
    if spec.paused {
        return ("Paused", "manually paused".to_owned());
    }
    if let Some(pause) = status.pause_conditions.first() {
        return ("Paused", pause.reason.clone());
    }
    match waiting_for(spec, status) {
        Some(what) => ("Progressing", what.to_owned()),
        None => ("Healthy", String::new()),
    }
}

fn waiting_for(spec: &Spec, status: &Status) -> Option<&'static str> {
    if spec.restart_at.is_some() && spec.restart_at != status.restarted_at {
        return Some("rollout is restarting");
    }
    if status.updated_replicas < spec.replicas.unwrap_or(1) {
        return Some("more replicas need to be updated");
    }
    if status.available_replicas < status.updated_replicas {
        return Some("updated replicas are still becoming available");
    }
    let is_promoted = !status.stable_rs.is_empty() && status.stable_rs == status.current_pod_hash;
    if let Some(blue_green) = &spec.strategy.blue_green {
        let active = &status.blue_green.active_selector;
        if active.is_empty() || *active != status.current_pod_hash {
            return Some("active service cutover pending");
        }
        if !is_promoted {
            let analysis = &status.blue_green.post_promotion_analysis_run_status;
            let is_done =
                analysis.as_ref().is_some_and(|run| super::analysis::is_done(&run.status));
            if blue_green.post_promotion_analysis.is_some() && !is_done {
                return Some("waiting for analysis to complete");
            }
            return Some("waiting for post-promotion verification to complete");
        }
    } else if let Some(canary) = &spec.strategy.canary {
        if canary.traffic_routing.is_none() && status.replicas > status.updated_replicas {
            return Some("old replicas are pending termination");
        }
        if !is_promoted {
            return Some("waiting for all steps to complete");
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(spec: Value, status: Value) -> (&'static str, String) {
        let (spec, status) = (spec, status);
        phase(&serde_json::from_value(spec).unwrap(), &serde_json::from_value(status).unwrap())
    }

    fn condition(kind: &str, reason: &str, message: &str) -> Value {
        json!({"type": kind, "status": "False", "reason": reason, "message": message,
            "lastUpdateTime": "2026-11-02T12:00:00Z", "lastTransitionTime": "2026-11-02T12:00:00Z"})
    }

    /// Every row of the controller's table, each with what would make the next rows fit as well,
    /// so that the order is tested too.
    #[test]
    fn each_state_has_its_phase_and_its_sentence_and_the_first_rule_wins() {
        let routed = json!({"replicas": 2, "strategy": {"canary": {"trafficRouting": {}}}});
        let basic = json!({"replicas": 2, "strategy": {"canary": {}}});
        let blue_green = json!({"replicas": 2, "strategy": {"blueGreen": {}}});
        let verified =
            json!({"replicas": 2, "strategy": {"blueGreen": {"postPromotionAnalysis": {}}}});
        let paused = json!({"replicas": 2, "paused": true, "strategy": {"canary": {}}});
        let restart =
            json!({"replicas": 2, "restartAt": "2026-11-02T12:00:00Z", "strategy": {"canary": {}}});
        let pause = json!([{"reason": "CanaryPauseStep", "startTime": "2026-11-02T12:00:00Z"}]);
        let full = |more: Value| {
            let mut status = json!({"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2,
                "currentPodHash": "new", "stableRS": "new"});
            json_patch::merge(&mut status, &more);
            status
        };
        let cases = [
            (
                &paused,
                json!({"conditions": [condition("InvalidSpec", "InvalidSpec", "wrong")]}),
                "Degraded",
                "InvalidSpec: wrong",
            ),
            (
                &paused,
                json!({"conditions": [condition("Progressing", "RolloutAborted", "Rollout aborted update to revision 2")]}),
                "Degraded",
                "RolloutAborted: Rollout aborted update to revision 2",
            ),
            (
                &paused,
                json!({"conditions": [condition("Progressing", "ProgressDeadlineExceeded", "late")]}),
                "Degraded",
                "ProgressDeadlineExceeded: late",
            ),
            (&paused, json!({"pauseConditions": pause}), "Paused", "manually paused"),
            (&restart, json!({"pauseConditions": pause}), "Paused", "CanaryPauseStep"),
            (&restart, json!({}), "Progressing", "rollout is restarting"),
            (
                &routed,
                json!({"updatedReplicas": 1}),
                "Progressing",
                "more replicas need to be updated",
            ),
            (
                &routed,
                json!({"updatedReplicas": 2, "availableReplicas": 1}),
                "Progressing",
                "updated replicas are still becoming available",
            ),
            (
                &blue_green,
                full(json!({"blueGreen": {"activeSelector": "old"}, "stableRS": "old"})),
                "Progressing",
                "active service cutover pending",
            ),
            (
                &verified,
                full(json!({"blueGreen": {"activeSelector": "new"}, "stableRS": "old"})),
                "Progressing",
                "waiting for analysis to complete",
            ),
            (
                &blue_green,
                full(json!({"blueGreen": {"activeSelector": "new"}, "stableRS": "old"})),
                "Progressing",
                "waiting for post-promotion verification to complete",
            ),
            (
                &basic,
                full(json!({"replicas": 3, "stableRS": "old"})),
                "Progressing",
                "old replicas are pending termination",
            ),
            (
                &routed,
                full(json!({"replicas": 3, "stableRS": "old"})),
                "Progressing",
                "waiting for all steps to complete",
            ),
            (
                &routed,
                full(json!({"stableRS": null})),
                "Progressing",
                "waiting for all steps to complete",
            ),
            (&routed, full(json!({"replicas": 3})), "Healthy", ""),
            (&blue_green, full(json!({"blueGreen": {"activeSelector": "new"}})), "Healthy", ""),
        ];
        for (spec, status, phase, message) in cases {
            assert_eq!(of(spec.clone(), status.clone()), (phase, message.to_owned()), "{status}");
        }
    }
}
