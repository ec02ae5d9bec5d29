//! What the controller reads and writes of a Rollout, in the names of `argoproj.io/v1alpha1`
//! (<https://github.com/argoproj/argo-rollouts/blob/v1.9.1/pkg/apis/rollouts/v1alpha1/types.go>).
//!
//! Fields that are empty are left out, as the real controller does; a `null` that a patch left
//! behind reads like an absent field.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Rollout {
    pub(crate) metadata: Metadata,
    pub(crate) spec: Spec,
    #[serde(deserialize_with = "or_default")]
    pub(crate) status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    pub(crate) generation: i64,
    #[serde(deserialize_with = "or_default")]
    pub(crate) annotations: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) creation_timestamp: Option<Timestamp>,
    pub(crate) deletion_timestamp: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Spec {
    pub(crate) replicas: Option<i32>,
    pub(crate) selector: Option<Selector>,
    pub(crate) template: Value,
    pub(crate) strategy: Strategy,
    #[serde(deserialize_with = "or_default")]
    pub(crate) paused: bool,
    pub(crate) restart_at: Option<Timestamp>,
    pub(crate) revision_history_limit: Option<i32>,
    pub(crate) min_ready_seconds: i32,
    pub(crate) progress_deadline_seconds: Option<i32>,
    pub(crate) progress_deadline_abort: bool,
    pub(crate) rollback_window: Option<RollbackWindow>,
    pub(crate) workload_ref: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Selector {
    pub(crate) match_labels: BTreeMap<String, String>,
    pub(crate) match_expressions: Vec<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RollbackWindow {
    pub(crate) revisions: i32,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Strategy {
    pub(crate) canary: Option<Canary>,
    pub(crate) blue_green: Option<BlueGreen>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Canary {
    pub(crate) steps: Vec<Step>,
    pub(crate) canary_service: String,
    pub(crate) stable_service: String,
    pub(crate) traffic_routing: Option<TrafficRouting>,
    pub(crate) max_surge: Option<IntOrString>,
    pub(crate) max_unavailable: Option<IntOrString>,
    pub(crate) analysis: Option<Analysis>,
    pub(crate) min_pods_per_replica_set: Option<i32>,
    pub(crate) scale_down_delay_seconds: Option<i64>,
    pub(crate) abort_scale_down_delay_seconds: Option<i64>,
    pub(crate) dynamic_stable_scale: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TrafficRouting {
    pub(crate) istio: Option<Istio>,
    pub(crate) max_traffic_weight: Option<i32>,
    pub(crate) managed_routes: Vec<NamedRoute>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Istio {
    pub(crate) virtual_service: Option<VirtualServiceRef>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct VirtualServiceRef {
    pub(crate) name: String,
    pub(crate) routes: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NamedRoute {
    pub(crate) name: String,
}

/// An analysis as a step, in the background, before or after a promotion.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Analysis {
    pub(crate) templates: Vec<TemplateRef>,
    pub(crate) args: Vec<Value>,
    pub(crate) starting_step: Option<i32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TemplateRef {
    pub(crate) template_name: String,
    pub(crate) cluster_scope: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct BlueGreen {
    pub(crate) active_service: String,
    pub(crate) preview_service: String,
    pub(crate) auto_promotion_enabled: Option<bool>,
    pub(crate) auto_promotion_seconds: i64,
    pub(crate) preview_replica_count: Option<i32>,
    pub(crate) scale_down_delay_seconds: Option<i64>,
    pub(crate) abort_scale_down_delay_seconds: Option<i64>,
    pub(crate) pre_promotion_analysis: Option<Analysis>,
    pub(crate) post_promotion_analysis: Option<Analysis>,
}

/// One canary step; exactly one field is set in a valid one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Step {
    pub(crate) set_weight: Option<i32>,
    pub(crate) pause: Option<Pause>,
    pub(crate) analysis: Option<Analysis>,
    pub(crate) set_canary_scale: Option<CanaryScale>,
    pub(crate) set_header_route: Option<HeaderRoute>,
    pub(crate) set_mirror_route: Option<Value>,
    pub(crate) experiment: Option<Value>,
    pub(crate) plugin: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pause {
    pub(crate) duration: Option<IntOrString>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct CanaryScale {
    pub(crate) weight: Option<i32>,
    pub(crate) replicas: Option<i32>,
    pub(crate) match_traffic_weight: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HeaderRoute {
    pub(crate) name: String,
    #[serde(rename = "match")]
    pub(crate) matches: Vec<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum IntOrString {
    Int(i64),
    Text(String),
}

impl IntOrString {
    /// As a duration: a number is seconds, a text is Go's notation (`90s`, `5m`, `1h30m`).
    pub(crate) fn seconds(&self) -> Option<i64> {
        match self {
            IntOrString::Int(seconds) => Some(*seconds),
            IntOrString::Text(text) => duration_seconds(text),
        }
    }

    /// As a share of `total`: a number as it is, `"25%"` of the total.
    pub(crate) fn of(&self, total: i32, round_up: bool) -> i32 {
        match self {
            IntOrString::Int(count) => i32::try_from(*count).unwrap_or(i32::MAX),
            IntOrString::Text(text) => {
                let percent = text.trim_end_matches('%').parse::<i32>().unwrap_or_default();
                let exact = f64::from(total) * f64::from(percent) / 100.0;
                (if round_up { exact.ceil() } else { exact.floor() }) as i32
            }
        }
    }
}

/// Reads Go's duration notation in whole seconds; a bare number is seconds, as Rollouts allows.
pub(crate) fn duration_seconds(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let (mut total, mut number, mut rest) = (0.0, String::new(), text.chars().peekable());
    while let Some(c) = rest.next() {
        let unit = match c {
            '0'..='9' | '.' => {
                number.push(c);
                continue;
            }
            'h' => 3600.0,
            'm' if rest.next_if_eq(&'s').is_some() => 0.001,
            'm' => 60.0,
            's' => 1.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit;
        number.clear();
    }
    (number.is_empty() && !text.is_empty()).then_some(total as i64)
}

/// `status` of a Rollout.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Status {
    #[serde(
        rename = "HPAReplicas",
        skip_serializing_if = "is_zero",
        deserialize_with = "or_default"
    )]
    pub(crate) hpa_replicas: i32,
    #[serde(skip_serializing_if = "is_false", deserialize_with = "or_default")]
    pub(crate) abort: bool,
    #[serde(skip_serializing_if = "Option::is_none", with = "time")]
    pub(crate) aborted_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "or_default")]
    pub(crate) available_replicas: i32,
    #[serde(deserialize_with = "or_default")]
    pub(crate) blue_green: BlueGreenStatus,
    #[serde(deserialize_with = "or_default")]
    pub(crate) canary: CanaryStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) collision_count: Option<i32>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub(crate) conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "is_false", deserialize_with = "or_default")]
    pub(crate) controller_pause: bool,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub(crate) current_pod_hash: String,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub(crate) current_step_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current_step_index: Option<i32>,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub(crate) message: String,
    /// A number, written as text.
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub(crate) observed_generation: String,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub(crate) pause_conditions: Vec<PauseCondition>,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub(crate) phase: String,
    #[serde(skip_serializing_if = "is_false", deserialize_with = "or_default")]
    pub(crate) promote_full: bool,
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "or_default")]
    pub(crate) ready_replicas: i32,
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "or_default")]
    pub(crate) replicas: i32,
    #[serde(skip_serializing_if = "Option::is_none", with = "time")]
    pub(crate) restarted_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub(crate) selector: String,
    #[serde(
        rename = "stableRS",
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub(crate) stable_rs: String,
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "or_default")]
    pub(crate) updated_replicas: i32,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub(crate) workload_observed_generation: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct CanaryStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current_background_analysis_run_status: Option<RunStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current_step_analysis_run_status: Option<RunStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weights: Option<Weights>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct BlueGreenStatus {
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub(crate) active_selector: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) post_promotion_analysis_run_status: Option<RunStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pre_promotion_analysis_run_status: Option<RunStatus>,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub(crate) preview_selector: String,
    #[serde(skip_serializing_if = "is_false", deserialize_with = "or_default")]
    pub(crate) scale_up_preview_check_point: bool,
}

/// The state of one analysis run, as the Rollout repeats it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct RunStatus {
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub(crate) message: String,
    pub(crate) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) status: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Weights {
    pub(crate) canary: Weight,
    pub(crate) stable: Weight,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Weight {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) pod_template_hash: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) service_name: String,
    pub(crate) weight: i32,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PauseCondition {
    pub(crate) reason: String,
    #[serde(serialize_with = "whole_seconds")]
    pub(crate) start_time: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Condition {
    #[serde(serialize_with = "whole_seconds")]
    pub(crate) last_transition_time: Timestamp,
    #[serde(serialize_with = "whole_seconds")]
    pub(crate) last_update_time: Timestamp,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) reason: String,
    pub(crate) status: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

fn is_zero(count: &i32) -> bool {
    *count == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    wire: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(wire)?.unwrap_or_default())
}

fn whole_seconds<S: serde::Serializer>(time: &Timestamp, wire: S) -> Result<S::Ok, S::Error> {
    wire.serialize_str(&crate::clock::kubernetes_time(*time))
}

mod time {
    use super::{Deserialize, Deserializer, Timestamp};

    pub(super) fn serialize<S: serde::Serializer>(
        time: &Option<Timestamp>,
        wire: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::whole_seconds(time, wire),
            None => wire.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        wire: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Option::deserialize(wire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_read_as_go_writes_them() {
        for (text, seconds) in [
            ("90s", Some(90)),
            ("5m", Some(300)),
            ("1h30m", Some(5400)),
            ("60", Some(60)),
            ("1500ms", Some(1)),
            ("soon", None),
            ("", None),
            ("5", Some(5)),
        ] {
            assert_eq!(duration_seconds(text), seconds, "{text:?}");
        }
        assert_eq!(IntOrString::Int(60).seconds(), Some(60));
    }

    #[test]
    fn a_null_left_by_a_patch_reads_like_an_absent_field() {
        let status = json!({"pauseConditions": null, "abort": null, "currentStepIndex": null});
        assert_eq!(serde_json::from_value::<Status>(status).unwrap(), Status::default());
    }

    #[test]
    fn an_empty_status_is_written_as_the_real_controller_writes_it() {
        let written = serde_json::to_value(Status::default()).unwrap();
        assert_eq!(written, json!({"blueGreen": {}, "canary": {}}));
    }
}
