//! A Rollout as its cluster tells it, and how to read it.
//!
//! [`Rollout`] holds plain facts of spec and status. [`Rollout::reading`] decides what phase it is
//! in, [`Rollout::wait`] what ends that, [`weight`](Rollout::set_weight) where the traffic is, and
//! [`track`](Rollout::track) draws the run along its steps.

mod phase;
mod track;
mod wait;
mod weight;
mod words;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use phase::{Phase, Reading};
pub use track::{Station, StationKind, StationState};
pub use wait::Wait;

use crate::{
    ClusterName, EnvironmentName, Namespace, RolloutName, ServiceName, analysis::AnalysisPhase,
    analysis::AnalysisRun, service::Version,
};

/// Where a rollout is found; the address of its page.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RolloutKey {
    pub environment: EnvironmentName,
    pub namespace: Namespace,
    pub name: RolloutName,
}

/// One Rollout with its ReplicaSets and AnalysisRuns.
///
/// Fields: <https://github.com/argoproj/argo-rollouts/blob/v1.9.1/pkg/apis/rollouts/v1alpha1/types.go>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    #[serde(flatten)]
    pub key: RolloutKey,
    pub cluster: ClusterName,
    /// The service it is a part of: the same in every environment.
    pub service: ServiceName,
    pub uid: String,
    pub resource_version: String,
    pub generation: i64,
    pub created_at: Option<Timestamp>,
    pub spec: Spec,
    pub status: Status,
    /// Newest revision first.
    pub replica_sets: Vec<ReplicaSet>,
    /// Newest revision first.
    pub analysis_runs: Vec<AnalysisRun>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// 1 if the object does not say.
    pub replicas: u32,
    /// Held by hand, in the spec.
    pub paused: bool,
    pub restart_at: Option<Timestamp>,
    /// Generation of the referenced workload as the annotation
    /// `rollout.argoproj.io/workload-generation` tells; `None` without a `workloadRef`.
    pub workload_generation: Option<String>,
    pub strategy: Strategy,
    /// Images of the template's containers, in order; empty when a `workloadRef` holds them.
    pub images: Vec<String>,
}

/// How a new version takes over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Strategy {
    Canary(CanaryPlan),
    BlueGreen(BlueGreenPlan),
}

/// The way of a canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CanaryPlan {
    pub steps: Vec<Step>,
    /// Whether a mesh or ingress splits the traffic; otherwise the numbers of pods do.
    pub traffic_routing: bool,
    /// All of the traffic, 100 unless `trafficRouting.maxTrafficWeight` says otherwise.
    pub max_weight: u32,
}

/// The way of a blue/green release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlueGreenPlan {
    /// Switches by itself once the preview is ready.
    pub auto_promotion: bool,
    /// Waits this long before it switches by itself.
    pub auto_promotion_seconds: Option<u32>,
}

/// One step of a canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    SetWeight(u32),
    /// For so many seconds.
    Pause(u64),
    /// Until a person resumes.
    PauseForPerson,
    Analysis,
    Experiment,
    SetCanaryScale,
    SetHeaderRoute,
    SetMirrorRoute,
    Plugin(String),
    /// A kind of step that this version of Signalbox does not know.
    Unknown,
}

/// What the controller reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// A number in a string; the generation the controller has acted on.
    pub observed_generation: Option<String>,
    pub workload_observed_generation: Option<String>,
    /// `None` while the controller has not written one.
    pub phase: Option<Phase>,
    pub message: Option<String>,
    pub abort: bool,
    pub aborted_at: Option<Timestamp>,
    pub promote_full: bool,
    pub controller_pause: bool,
    pub pause_conditions: Vec<PauseCondition>,
    /// `None` is step 0; the number of steps means that all are done.
    pub current_step_index: Option<u32>,
    /// Hash of the pods that are asked for.
    pub current_pod_hash: Option<String>,
    /// Hash of the pods that are trusted; empty before the first release.
    pub stable_hash: Option<String>,
    pub replicas: u32,
    pub updated_replicas: u32,
    pub ready_replicas: u32,
    pub available_replicas: u32,
    /// Weight of the canary as the traffic router was told; `None` without a router.
    pub canary_weight: Option<u32>,
    pub conditions: Vec<Condition>,
    pub restarted_at: Option<Timestamp>,
    pub step_analysis: Option<RunStatus>,
    pub background_analysis: Option<RunStatus>,
    pub pre_promotion_analysis: Option<RunStatus>,
    pub post_promotion_analysis: Option<RunStatus>,
    /// Blue/green: hash behind the active Service.
    pub active_hash: Option<String>,
    /// Blue/green: hash behind the preview Service.
    pub preview_hash: Option<String>,
}

/// Why and since when the controller holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PauseCondition {
    pub reason: PauseReason,
    pub start_time: Option<Timestamp>,
}

/// The controller's reasons to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PauseReason {
    CanaryPauseStep,
    BlueGreenPause,
    InconclusiveAnalysisRun,
    InconclusiveExperiment,
    /// A reason of a newer controller, by its own word.
    #[serde(untagged)]
    Other(String),
}

impl PauseReason {
    /// Reads the controller's word.
    pub fn from_word(word: &str) -> Self {
        match word {
            "CanaryPauseStep" => Self::CanaryPauseStep,
            "BlueGreenPause" => Self::BlueGreenPause,
            "InconclusiveAnalysisRun" => Self::InconclusiveAnalysisRun,
            "InconclusiveExperiment" => Self::InconclusiveExperiment,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The controller's word.
    pub fn word(&self) -> &str {
        match self {
            Self::CanaryPauseStep => "CanaryPauseStep",
            Self::BlueGreenPause => "BlueGreenPause",
            Self::InconclusiveAnalysisRun => "InconclusiveAnalysisRun",
            Self::InconclusiveExperiment => "InconclusiveExperiment",
            Self::Other(word) => word,
        }
    }
}

/// A condition of the status, as every Kubernetes object has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Available`, `Progressing`, `Paused`, `Healthy`, `Completed`, `InvalidSpec`, …
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    pub reason: String,
    pub message: String,
    pub since: Option<Timestamp>,
}

/// The controller's summary of an analysis that belongs to the present revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunStatus {
    pub name: String,
    pub phase: Option<AnalysisPhase>,
    pub message: Option<String>,
}

impl RunStatus {
    /// Whether it has yet to come to an end; one without a phase has not begun.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, None | Some(AnalysisPhase::Pending | AnalysisPhase::Running))
    }
}

/// The pods of one revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaSet {
    pub name: String,
    /// Annotation `rollout.argoproj.io/revision`; 0 if absent.
    pub revision: u64,
    /// Label `rollouts-pod-template-hash`.
    pub pod_hash: Option<String>,
    pub desired: u32,
    pub ready: u32,
    pub available: u32,
    pub images: Vec<String>,
    pub created_at: Option<Timestamp>,
}

/// What a decision was made on and what came of it: kept in the audit log, compared when a rollout
/// moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    pub uid: String,
    pub resource_version: String,
    pub phase: Phase,
    pub pod_hash: Option<String>,
    pub step: u32,
    pub weight: Option<u32>,
    pub aborted: bool,
}

impl Rollout {
    /// The canary's plan, unless it is a blue/green rollout.
    pub fn canary(&self) -> Option<&CanaryPlan> {
        match &self.spec.strategy {
            Strategy::Canary(plan) => Some(plan),
            Strategy::BlueGreen(_) => None,
        }
    }

    /// Index of the present step; an absent index is step 0.
    pub fn step_index(&self) -> u32 {
        self.status.current_step_index.unwrap_or(0)
    }

    /// The present step; `None` when all are done, or there are none.
    pub fn current_step(&self) -> Option<&Step> {
        self.canary()?.steps.get(self.step_index() as usize)
    }

    /// Whether the version asked for is the trusted one.
    pub fn is_fully_promoted(&self) -> bool {
        self.status.stable_hash.is_some() && self.status.stable_hash == self.status.current_pod_hash
    }

    /// Whether nothing was ever released here before: such a rollout skips its steps.
    pub fn is_first_deploy(&self) -> bool {
        self.status.stable_hash.is_none()
    }

    /// The version asked for.
    pub fn desired_version(&self) -> Option<Version> {
        self.spec
            .images
            .first()
            .map(|image| Version::from_image(image))
            .or_else(|| self.version_of(self.status.current_pod_hash.as_deref()))
    }

    /// The trusted version, once there is one.
    pub fn stable_version(&self) -> Option<Version> {
        self.version_of(self.status.stable_hash.as_deref()).or_else(|| {
            let live = self.is_fully_promoted() && !self.is_unseen();
            self.desired_version().filter(|_| live)
        })
    }

    fn version_of(&self, pod_hash: Option<&str>) -> Option<Version> {
        let image = self.replica_set(pod_hash?)?.images.first()?;
        Some(Version::from_image(image))
    }

    /// The ReplicaSet with this pod hash.
    pub fn replica_set(&self, pod_hash: &str) -> Option<&ReplicaSet> {
        self.replica_sets.iter().find(|set| set.pod_hash.as_deref() == Some(pod_hash))
    }

    /// What holds it, as one text: the spec, and each pause with its reason and start. Equal texts
    /// are the same hold; `None` when nothing holds.
    pub fn hold(&self) -> Option<String> {
        let spec = self.spec.paused.then(|| "spec".to_owned());
        let pauses = self.status.pause_conditions.iter().map(|pause| match pause.start_time {
            Some(start) => format!("{}@{start}", pause.reason.word()),
            None => pause.reason.word().to_owned(),
        });
        let holds: Vec<_> = spec.into_iter().chain(pauses).collect();
        (!holds.is_empty()).then(|| holds.join(","))
    }

    /// The facts a decision rests on.
    pub fn facts(&self) -> Facts {
        Facts {
            uid: self.uid.clone(),
            resource_version: self.resource_version.clone(),
            phase: self.reading().phase,
            pod_hash: self.status.current_pod_hash.clone(),
            step: self.step_index(),
            weight: self.canary().map(|_| self.set_weight()),
            aborted: self.status.abort,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
