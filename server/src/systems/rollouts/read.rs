//! Rollouts, ReplicaSets and AnalysisRuns as a cluster sends them, made into the domain's.
//!
//! Tolerant: what is absent, null or new is taken as such; only what has the wrong type makes an
//! object unreadable. Nothing but what pages and rules need is kept.
//!
//! <https://github.com/argoproj/argo-rollouts/blob/v1.9.1/pkg/apis/rollouts/v1alpha1/types.go>

mod wire;

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    ClusterName, EnvironmentName, Namespace, RolloutName, ServiceName,
    analysis::{AnalysisKind, AnalysisPhase, AnalysisRun, MetricResult},
    rollout::{
        BlueGreenPlan, CanaryPlan, Condition, PauseCondition, PauseReason, Phase, ReplicaSet,
        Rollout, RolloutKey, RunStatus, Spec, Status, Step, Strategy,
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::board::Child;
pub(crate) use wire::{AnalysisRunObject, ReplicaSetObject, RolloutObject, seconds};

/// Where an object was found.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) cluster: ClusterName,
    pub(crate) environment: EnvironmentName,
    pub(crate) namespace: Namespace,
    /// Services by rollout, where the configuration says.
    pub(crate) services: Arc<BTreeMap<RolloutName, ServiceName>>,
}

const REVISION: &str = "rollout.argoproj.io/revision";
const WORKLOAD_GENERATION: &str = "rollout.argoproj.io/workload-generation";
const POD_HASH: &str = "rollouts-pod-template-hash";
const ROLLOUT_TYPE: &str = "rollout-type";
const SERVICE: &str = "app.kubernetes.io/name";
/// All of the traffic, unless the traffic routing says otherwise.
const WHOLE: u32 = 100;

/// A Rollout without its children.
pub(crate) fn to_rollout(object: RolloutObject, place: &Place) -> Rollout {
    let RolloutObject { metadata, spec, status, .. } = object;
    let name: RolloutName = metadata.name.clone().unwrap_or_default().into();
    let service = place
        .services
        .get(&name)
        .cloned()
        .or_else(|| label(&metadata, SERVICE).map(Into::into))
        .unwrap_or_else(|| name.as_str().into());
    let workload_generation = spec
        .workload_ref
        .as_ref()
        .map(|_| annotation(&metadata, WORKLOAD_GENERATION).unwrap_or_default());
    Rollout {
        key: RolloutKey {
            environment: place.environment.clone(),
            namespace: place.namespace.clone(),
            name,
        },
        cluster: place.cluster.clone(),
        service,
        uid: metadata.uid.clone().unwrap_or_default(),
        resource_version: metadata.resource_version.clone().unwrap_or_default(),
        generation: metadata.generation.unwrap_or_default(),
        created_at: metadata.creation_timestamp.as_ref().and_then(read_meta_time),
        spec: to_spec(spec, workload_generation),
        status: status.map(to_status).unwrap_or_default(),
        replica_sets: vec![],
        analysis_runs: vec![],
    }
}

fn to_spec(spec: wire::RolloutSpec, workload_generation: Option<String>) -> Spec {
    let strategy = match (spec.strategy.canary, spec.strategy.blue_green) {
        (_, Some(blue_green)) => Strategy::BlueGreen(BlueGreenPlan {
            auto_promotion: blue_green.auto_promotion_enabled.unwrap_or(true),
            auto_promotion_seconds: blue_green
                .auto_promotion_seconds
                .and_then(|seconds| u32::try_from(seconds).ok())
                .filter(|seconds| *seconds > 0),
        }),
        (canary, None) => {
            let canary = canary.unwrap_or_default();
            Strategy::Canary(CanaryPlan {
                steps: canary.steps.into_iter().map(to_step).collect(),
                max_weight: canary
                    .traffic_routing
                    .as_ref()
                    .and_then(|routing| routing.max_traffic_weight)
                    .and_then(|weight| u32::try_from(weight).ok())
                    .unwrap_or(WHOLE),
                traffic_routing: canary.traffic_routing.is_some(),
            })
        }
    };
    Spec {
        replicas: spec.replicas.map_or(1, count),
        paused: spec.paused,
        restart_at: time(spec.restart_at),
        workload_generation,
        strategy,
        images: spec.template.map(wire::PodTemplate::images).unwrap_or_default(),
    }
}

fn to_step(step: wire::Step) -> Step {
    if let Some(weight) = step.set_weight {
        return Step::SetWeight(count(weight));
    }
    if let Some(pause) = step.pause {
        return match pause.duration {
            None => Step::PauseForPerson,
            Some(duration) => match seconds(&duration) {
                // The controller reads zero as "until a person resumes", as it does a missing one.
                Some(0) => Step::PauseForPerson,
                Some(seconds) => Step::Pause(seconds),
                None => Step::Unknown,
            },
        };
    }
    if step.analysis.is_some() {
        Step::Analysis
    } else if step.experiment.is_some() {
        Step::Experiment
    } else if step.set_canary_scale.is_some() {
        Step::SetCanaryScale
    } else if step.set_header_route.is_some() {
        Step::SetHeaderRoute
    } else if step.set_mirror_route.is_some() {
        Step::SetMirrorRoute
    } else if let Some(plugin) = step.plugin {
        Step::Plugin(plugin.name.unwrap_or_default())
    } else {
        Step::Unknown
    }
}

fn to_status(status: wire::RolloutStatus) -> Status {
    Status {
        observed_generation: status.observed_generation.map(wire::Text::into_text),
        workload_observed_generation: status
            .workload_observed_generation
            .map(wire::Text::into_text),
        phase: status.phase.as_deref().and_then(Phase::from_word),
        message: status.message.filter(|message| !message.is_empty()),
        abort: status.abort,
        aborted_at: time(status.aborted_at),
        promote_full: status.promote_full,
        controller_pause: status.controller_pause,
        pause_conditions: status
            .pause_conditions
            .into_iter()
            .map(|pause| PauseCondition {
                reason: PauseReason::from_word(&pause.reason.unwrap_or_default()),
                start_time: time(pause.start_time),
            })
            .collect(),
        current_step_index: status.current_step_index.map(count),
        current_pod_hash: filled(status.current_pod_hash),
        stable_hash: filled(status.stable_rs),
        replicas: status.replicas.map_or(0, count),
        updated_replicas: status.updated_replicas.map_or(0, count),
        ready_replicas: status.ready_replicas.map_or(0, count),
        available_replicas: status.available_replicas.map_or(0, count),
        canary_weight: status
            .canary
            .weights
            .and_then(|weights| weights.canary)
            .and_then(|canary| canary.weight)
            .map(count),
        conditions: status.conditions.into_iter().map(to_condition).collect(),
        restarted_at: time(status.restarted_at),
        step_analysis: to_run_status(status.canary.current_step_analysis_run_status),
        background_analysis: to_run_status(status.canary.current_background_analysis_run_status),
        pre_promotion_analysis: to_run_status(status.blue_green.pre_promotion_analysis_run_status),
        post_promotion_analysis: to_run_status(
            status.blue_green.post_promotion_analysis_run_status,
        ),
        active_hash: filled(status.blue_green.active_selector),
        preview_hash: filled(status.blue_green.preview_selector),
    }
}

fn to_condition(condition: wire::Condition) -> Condition {
    Condition {
        kind: condition.kind.unwrap_or_default(),
        status: condition.status.unwrap_or_default(),
        reason: condition.reason.unwrap_or_default(),
        message: condition.message.unwrap_or_default(),
        since: time(condition.last_transition_time),
    }
}

fn to_run_status(status: Option<wire::RunStatus>) -> Option<RunStatus> {
    let status = status?;
    Some(RunStatus {
        name: filled(status.name)?,
        phase: status.status.as_deref().and_then(AnalysisPhase::from_word),
        message: filled(status.message),
    })
}

/// A ReplicaSet, with the uid of the Rollout that owns it.
pub(crate) fn to_replica_set(object: ReplicaSetObject) -> (Option<String>, Child) {
    let ReplicaSetObject { metadata, spec, status, .. } = object;
    let status = status.unwrap_or_default();
    let set = ReplicaSet {
        name: metadata.name.clone().unwrap_or_default(),
        revision: revision(&metadata),
        pod_hash: label(&metadata, POD_HASH),
        desired: spec.replicas.map_or(1, count),
        ready: status.ready_replicas.map_or(0, count),
        available: status.available_replicas.map_or(0, count),
        images: spec.template.map(wire::PodTemplate::images).unwrap_or_default(),
        created_at: metadata.creation_timestamp.as_ref().and_then(read_meta_time),
    };
    (owner(&metadata), Child::ReplicaSet(set))
}

/// An AnalysisRun, with the uid of the Rollout that owns it.
pub(crate) fn to_analysis_run(object: AnalysisRunObject) -> (Option<String>, Child) {
    let AnalysisRunObject { metadata, status, .. } = object;
    let status = status.unwrap_or_default();
    let run = AnalysisRun {
        name: metadata.name.clone().unwrap_or_default(),
        kind: match label(&metadata, ROLLOUT_TYPE).as_deref() {
            Some("Step") => AnalysisKind::Step,
            Some("Background") => AnalysisKind::Background,
            Some("PrePromotion") => AnalysisKind::PrePromotion,
            Some("PostPromotion") => AnalysisKind::PostPromotion,
            _ => AnalysisKind::Other,
        },
        revision: revision(&metadata),
        pod_hash: label(&metadata, POD_HASH),
        phase: status.phase.as_deref().and_then(AnalysisPhase::from_word),
        message: filled(status.message),
        metrics: status.metric_results.into_iter().map(to_metric).collect(),
    };
    (owner(&metadata), Child::AnalysisRun(run))
}

fn to_metric(metric: wire::MetricResult) -> MetricResult {
    MetricResult {
        name: metric.name.unwrap_or_default(),
        phase: metric.phase.as_deref().and_then(AnalysisPhase::from_word),
        message: filled(metric.message),
        successful: metric.successful.map_or(0, count),
        failed: metric.failed.map_or(0, count),
        inconclusive: metric.inconclusive.map_or(0, count),
        error: metric.error.map_or(0, count),
        dry_run: metric.dry_run,
        newest: metric.measurements.into_iter().last().and_then(|measured| filled(measured.value)),
    }
}

/// The uid of the Rollout that controls an object.
fn owner(metadata: &ObjectMeta) -> Option<String> {
    let owners = &metadata.owner_references;
    owners
        .iter()
        .flatten()
        .find(|owner| {
            owner.kind == "Rollout" && owner.api_version.split('/').next() == Some(super::GROUP)
        })
        .map(|owner| owner.uid.clone())
}

fn revision(metadata: &ObjectMeta) -> u64 {
    annotation(metadata, REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn label(metadata: &ObjectMeta, key: &str) -> Option<String> {
    filled(metadata.labels.as_ref()?.get(key).cloned())
}

fn annotation(metadata: &ObjectMeta, key: &str) -> Option<String> {
    metadata.annotations.as_ref()?.get(key).cloned()
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

fn time(text: Option<String>) -> Option<Timestamp> {
    text?.parse().ok()
}

fn read_meta_time(
    time: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time,
) -> Option<Timestamp> {
    Timestamp::from_second(time.0.as_second()).ok()
}

#[cfg(test)]
mod tests;
