//! How each version answers its requests: the data behind analysis, and behind every other
//! pretend system that shows signals. A version is told apart by its image.

use super::expression::Answer;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

/// What the requests to one version look like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signals {
    /// Share of requests answered 5xx, 0 to 1.
    pub error_rate: f64,
    /// 99th percentile, in milliseconds.
    pub latency_p99_ms: f64,
    /// Requests in a second; 0 is silence.
    pub requests_per_second: f64,
}

impl Signals {
    /// A version with nothing wrong.
    pub const GOOD: Signals =
        Signals { error_rate: 0.002, latency_p99_ms: 84.0, requests_per_second: 40.0 };
}

/// The faults of a pretend world; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<RwLock<HashMap<Version, Signals>>>);

/// Namespace, rollout and image.
type Version = (String, String, String);

/// Thresholds of the shipped AnalysisTemplates, which a test compares with them.
pub const ERROR_RATE_LIMIT: f64 = 0.05;
/// In milliseconds.
pub const LATENCY_LIMIT_MS: f64 = 1_000.0;
/// The smallest share of good answers.
pub const SUCCESS_RATE_LIMIT: f64 = 0.95;
/// A share of errors that is not waited for.
pub const FAST_BREAKER_LIMIT: f64 = 0.5;
/// How long a fault has to last before the sustained rules see it.
pub const SUSTAINED: Duration = Duration::from_secs(120);

impl Traffic {
    /// From now on the version with this image answers like this.
    pub fn set(&self, namespace: &str, rollout: &str, image: &str, signals: Signals) {
        let version = (namespace.to_owned(), rollout.to_owned(), image.to_owned());
        self.0.write().unwrap_or_else(|e| e.into_inner()).insert(version, signals);
    }

    /// How the version with this image answers.
    pub fn signals(&self, namespace: &str, rollout: &str, image: &str) -> Signals {
        let version = (namespace.to_owned(), rollout.to_owned(), image.to_owned());
        let known = self.0.read().unwrap_or_else(|e| e.into_inner());
        known.get(&version).copied().unwrap_or(Signals::GOOD)
    }
}

/// What a shipped metric's query answers for a version that has answered like this for
/// `observed`, where the world takes `sustained` for two minutes. The rules are empty when all is
/// well; the traffic metric is a number.
pub fn answer(metric: &Value, signals: Signals, observed: Duration, sustained: Duration) -> Answer {
    let is_silent = signals.requests_per_second <= 0.0;
    let only_if = |is_breached: bool, value: f64| {
        let is_seen = is_breached && !is_silent;
        Answer::Vector(if is_seen { vec![value] } else { Vec::new() })
    };
    let lasts = observed >= sustained;
    let success = 1.0 - signals.error_rate;
    match metric["name"].as_str().unwrap_or_default() {
        "error-rate" => only_if(lasts && signals.error_rate > ERROR_RATE_LIMIT, signals.error_rate),
        "latency" => {
            only_if(lasts && signals.latency_p99_ms > LATENCY_LIMIT_MS, signals.latency_p99_ms)
        }
        "success-rate" => only_if(lasts && success < SUCCESS_RATE_LIMIT, success),
        "fast-breaker" => only_if(signals.error_rate > FAST_BREAKER_LIMIT, signals.error_rate),
        "traffic" => {
            Answer::Vector(if is_silent { Vec::new() } else { vec![signals.requests_per_second] })
        }
        "gate-error-rate" => only_if(true, signals.error_rate),
        "gate-latency" => only_if(true, signals.latency_p99_ms),
        other => Answer::Failure(format!("the pretend world has no metric \"{other}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fault_is_seen_when_it_has_lasted_and_silence_is_never_a_number() {
        let bad = Signals { error_rate: 0.1, ..Signals::GOOD };
        let silent = Signals { requests_per_second: 0.0, error_rate: 0.1, ..Signals::GOOD };
        let ask = |name: &str, signals, seconds| {
            answer(&json!({"name": name}), signals, Duration::from_secs(seconds), SUSTAINED)
        };
        assert_eq!(ask("error-rate", bad, 60), Answer::Vector(vec![]));
        assert_eq!(ask("error-rate", bad, 120), Answer::Vector(vec![0.1]));
        assert_eq!(ask("error-rate", Signals::GOOD, 600), Answer::Vector(vec![]));
        assert_eq!(ask("error-rate", silent, 600), Answer::Vector(vec![]));
        assert_eq!(ask("traffic", silent, 600), Answer::Vector(vec![]));
        assert_eq!(ask("traffic", bad, 0), Answer::Vector(vec![40.0]));
        assert!(matches!(ask("unknown", bad, 0), Answer::Failure(_)));
    }

    #[test]
    fn versions_have_their_own_faults() {
        let traffic = Traffic::default();
        let bad = Signals { error_rate: 0.3, ..Signals::GOOD };
        traffic.set("shop", "cart", "cart:2", bad);
        assert_eq!(traffic.signals("shop", "cart", "cart:2"), bad);
        assert_eq!(traffic.signals("shop", "cart", "cart:1"), Signals::GOOD);
        assert_eq!(traffic.signals("other", "cart", "cart:2"), Signals::GOOD);
    }
}
