//! AnalysisRuns: what was measured and what came of it.

use serde::{Deserialize, Serialize};

/// Phase of a run, a metric or a measurement.
///
/// <https://github.com/argoproj/argo-rollouts/blob/v1.9.1/pkg/apis/rollouts/v1alpha1/analysis_types.go>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AnalysisPhase {
    Pending,
    Running,
    Successful,
    Failed,
    Error,
    Inconclusive,
}

/// What a person may conclude. Unknown is never good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Good,
    Bad,
    Unknown,
}

impl AnalysisPhase {
    /// Reads the word the controller writes; an empty or new word is `None`, never a guess.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "Pending" => Self::Pending,
            "Running" => Self::Running,
            "Successful" => Self::Successful,
            "Failed" => Self::Failed,
            "Error" => Self::Error,
            "Inconclusive" => Self::Inconclusive,
            _ => return None,
        })
    }

    /// The controller's own word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Successful => "Successful",
            Self::Failed => "Failed",
            Self::Error => "Error",
            Self::Inconclusive => "Inconclusive",
        }
    }

    /// Running and pending runs say nothing yet.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Successful => Verdict::Good,
            Self::Failed | Self::Error => Verdict::Bad,
            Self::Pending | Self::Running | Self::Inconclusive => Verdict::Unknown,
        }
    }
}

/// Why a run exists, from its label `rollout-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AnalysisKind {
    Step,
    Background,
    PrePromotion,
    PostPromotion,
    /// Started by an experiment or by hand.
    Other,
}

/// One AnalysisRun of a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnalysisRun {
    pub name: String,
    pub kind: AnalysisKind,
    /// Revision of the rollout it judged; 0 if the annotation is absent.
    pub revision: u64,
    /// Hash of the pods it judged, from label `rollouts-pod-template-hash`.
    pub pod_hash: Option<String>,
    /// `None` before the controller's first status.
    pub phase: Option<AnalysisPhase>,
    pub message: Option<String>,
    pub metrics: Vec<MetricResult>,
}

/// What came of one metric of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricResult {
    pub name: String,
    pub phase: Option<AnalysisPhase>,
    pub message: Option<String>,
    /// Measurements so far by result.
    pub successful: u32,
    pub failed: u32,
    pub inconclusive: u32,
    pub error: u32,
    /// A dry run is shown but decides nothing.
    pub dry_run: bool,
    /// The newest measured value as the controller wrote it.
    pub newest: Option<String>,
}

impl AnalysisRun {
    /// The run's verdict; a run without a phase is unknown.
    pub fn verdict(&self) -> Verdict {
        self.phase.map_or(Verdict::Unknown, AnalysisPhase::verdict)
    }
}
