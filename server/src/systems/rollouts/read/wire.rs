//! The fields we read, as they are on the wire. Go's encoder writes null for an absent list or map,
//! and numbers that may be words (IntOrString), so both are taken.

use kube::core::Object;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A Rollout with the fields we read.
pub(crate) type RolloutObject = Object<RolloutSpec, RolloutStatus>;
/// A ReplicaSet with the fields we read.
pub(crate) type ReplicaSetObject = Object<ReplicaSetSpec, ReplicaSetStatus>;
/// An AnalysisRun with the fields we read.
pub(crate) type AnalysisRunObject = Object<AnalysisRunSpec, AnalysisRunStatus>;

fn null<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A text that some versions write as a number.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Text(String),
    Number(i64),
}

impl Text {
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

/// The seconds of a pause: a number, a number in a string, or Go's `1h30m`.
///
/// <https://github.com/argoproj/argo-rollouts/blob/v1.9.1/pkg/apis/rollouts/v1alpha1/types.go>
/// (`DurationSeconds`), <https://pkg.go.dev/time#ParseDuration>.
pub(crate) fn seconds(duration: &Text) -> Option<u64> {
    match duration {
        Text::Number(seconds) => u64::try_from(*seconds).ok(),
        Text::Text(text) => match text.parse::<i64>() {
            Ok(seconds) => u64::try_from(seconds).ok(),
            Err(_) => go_seconds(text),
        },
    }
}

fn go_seconds(text: &str) -> Option<u64> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        sum += number * unit;
        rest = &rest[letters..];
    }
    // Upstream cuts fractions of seconds off.
    (sum.is_finite() && sum >= 0.0).then_some(sum as u64)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RolloutSpec {
    pub(crate) replicas: Option<i64>,
    #[serde(deserialize_with = "null")]
    pub(crate) paused: bool,
    pub(crate) restart_at: Option<String>,
    pub(crate) workload_ref: Option<Value>,
    pub(crate) template: Option<PodTemplate>,
    #[serde(deserialize_with = "null")]
    pub(crate) strategy: Strategy,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PodTemplate {
    #[serde(deserialize_with = "null")]
    spec: PodSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PodSpec {
    #[serde(deserialize_with = "null")]
    containers: Vec<Container>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    image: Option<String>,
}

impl PodTemplate {
    pub(crate) fn images(self) -> Vec<String> {
        self.spec.containers.into_iter().filter_map(|container| container.image).collect()
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Strategy {
    pub(crate) canary: Option<Canary>,
    pub(crate) blue_green: Option<BlueGreen>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Canary {
    #[serde(deserialize_with = "null")]
    pub(crate) steps: Vec<Step>,
    pub(crate) traffic_routing: Option<TrafficRouting>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TrafficRouting {
    pub(crate) max_traffic_weight: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BlueGreen {
    pub(crate) auto_promotion_enabled: Option<bool>,
    pub(crate) auto_promotion_seconds: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Step {
    pub(crate) set_weight: Option<i64>,
    pub(crate) pause: Option<Pause>,
    pub(crate) analysis: Option<Value>,
    pub(crate) experiment: Option<Value>,
    pub(crate) set_canary_scale: Option<Value>,
    pub(crate) set_header_route: Option<Value>,
    pub(crate) set_mirror_route: Option<Value>,
    pub(crate) plugin: Option<Plugin>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pause {
    pub(crate) duration: Option<Text>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Plugin {
    pub(crate) name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RolloutStatus {
    pub(crate) observed_generation: Option<Text>,
    pub(crate) workload_observed_generation: Option<Text>,
    pub(crate) phase: Option<String>,
    pub(crate) message: Option<String>,
    #[serde(deserialize_with = "null")]
    pub(crate) abort: bool,
    pub(crate) aborted_at: Option<String>,
    #[serde(deserialize_with = "null")]
    pub(crate) promote_full: bool,
    #[serde(deserialize_with = "null")]
    pub(crate) controller_pause: bool,
    #[serde(deserialize_with = "null")]
    pub(crate) pause_conditions: Vec<PauseCondition>,
    pub(crate) current_step_index: Option<i64>,
    pub(crate) current_pod_hash: Option<String>,
    #[serde(rename = "stableRS")]
    pub(crate) stable_rs: Option<String>,
    pub(crate) replicas: Option<i64>,
    pub(crate) updated_replicas: Option<i64>,
    pub(crate) ready_replicas: Option<i64>,
    pub(crate) available_replicas: Option<i64>,
    #[serde(deserialize_with = "null")]
    pub(crate) conditions: Vec<Condition>,
    pub(crate) restarted_at: Option<String>,
    #[serde(deserialize_with = "null")]
    pub(crate) canary: CanaryStatus,
    #[serde(deserialize_with = "null")]
    pub(crate) blue_green: BlueGreenStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PauseCondition {
    pub(crate) reason: Option<String>,
    pub(crate) start_time: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) last_transition_time: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CanaryStatus {
    pub(crate) weights: Option<Weights>,
    pub(crate) current_step_analysis_run_status: Option<RunStatus>,
    pub(crate) current_background_analysis_run_status: Option<RunStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Weights {
    pub(crate) canary: Option<Weight>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Weight {
    pub(crate) weight: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BlueGreenStatus {
    pub(crate) active_selector: Option<String>,
    pub(crate) preview_selector: Option<String>,
    pub(crate) pre_promotion_analysis_run_status: Option<RunStatus>,
    pub(crate) post_promotion_analysis_run_status: Option<RunStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RunStatus {
    pub(crate) name: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) message: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReplicaSetSpec {
    pub(crate) replicas: Option<i64>,
    pub(crate) template: Option<PodTemplate>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ReplicaSetStatus {
    pub(crate) ready_replicas: Option<i64>,
    pub(crate) available_replicas: Option<i64>,
}

/// Nothing of the spec is read.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct AnalysisRunSpec {}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AnalysisRunStatus {
    pub(crate) phase: Option<String>,
    pub(crate) message: Option<String>,
    #[serde(deserialize_with = "null")]
    pub(crate) metric_results: Vec<MetricResult>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MetricResult {
    pub(crate) name: Option<String>,
    pub(crate) phase: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) successful: Option<i64>,
    pub(crate) failed: Option<i64>,
    pub(crate) inconclusive: Option<i64>,
    pub(crate) error: Option<i64>,
    #[serde(deserialize_with = "null")]
    pub(crate) dry_run: bool,
    #[serde(deserialize_with = "null")]
    pub(crate) measurements: Vec<Measurement>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Measurement {
    pub(crate) value: Option<String>,
}
