//! One AnalysisRun: takes the measurements that are due and judges them
//! (<https://github.com/argoproj/argo-rollouts/blob/v1.9.1/analysis/analysis.go>).

use super::analysis::is_done;
use super::expression::{Answer, holds};
use super::types::duration_seconds;
use crate::clock::kubernetes_time;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// After an error a metric is asked again this soon.
const ERROR_RETRY: SignedDuration = SignedDuration::from_secs(10);
/// Errors in a row that a metric may have, unless it says another number.
const CONSECUTIVE_ERROR_LIMIT: i64 = 4;
/// Measurements that are kept of each metric.
const KEPT_MEASUREMENTS: usize = 10;

/// From best to worst, as the whole run takes the worst of its metrics.
const ORDER: [&str; 4] = ["Successful", "Inconclusive", "Error", "Failed"];

/// What a look at a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// The new status; none if nothing changed.
    pub status: Option<Value>,
    /// When the next measurement is due.
    pub wake: Option<Timestamp>,
}

/// Measures and judges. `ask` answers a metric of the run's spec.
pub fn assess(now: Timestamp, run: &Value, ask: &mut dyn FnMut(&Value) -> Answer) -> Assessment {
    let was = run["status"].clone();
    if is_done(was["phase"].as_str().unwrap_or_default()) {
        return Assessment { status: None, wake: None };
    }
    let is_terminated = run["spec"]["terminate"] == true;
    let started = time(&was["startedAt"]).unwrap_or(now);
    let mut wake: Option<Timestamp> = None;
    let mut results = Vec::new();
    let metrics = run["spec"]["metrics"].as_array();
    for metric in metrics.into_iter().flatten() {
        let mut known = was["metricResults"].as_array().into_iter().flatten();
        let mut result = known
            .find(|result| result["name"] == metric["name"])
            .cloned()
            .unwrap_or_else(|| fresh(run, metric));
        if !is_terminated && !is_done(phase(&result)) {
            let due = due(metric, &result, started);
            if due.is_some_and(|due| due <= now) {
                measure(now, metric, &mut result, ask);
                judge(metric, &mut result);
            }
        }
        if is_terminated && !is_done(phase(&result)) {
            result["phase"] = json!("Successful");
        }
        if let (false, Some(due)) = (is_done(phase(&result)), self::due(metric, &result, started)) {
            wake = Some(wake.map_or(due, |earlier| earlier.min(due)));
        }
        results.push((metric, result));
    }
    let status = summary(now, started, is_terminated, &was, &results);
    let is_over = is_done(status["phase"].as_str().unwrap_or_default());
    Assessment { status: (status != was).then_some(status), wake: wake.filter(|_| !is_over) }
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(|text| text.parse().ok())
}

fn phase(result: &Value) -> &str {
    result["phase"].as_str().unwrap_or_default()
}

/// A limit or count, written as a number or as text.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

fn seconds(value: &Value) -> Option<SignedDuration> {
    let seconds = value.as_i64().or_else(|| value.as_str().and_then(duration_seconds));
    seconds.map(SignedDuration::from_secs)
}

/// How often the metric is measured; none is without end.
fn count(metric: &Value) -> Option<i64> {
    match number(&metric["count"]) {
        Some(count) if count > 0 => Some(count),
        _ if metric["interval"].is_null() => Some(1),
        _ => None,
    }
}

fn fresh(run: &Value, metric: &Value) -> Value {
    let mut result = json!({"name": metric["name"], "phase": "Pending"});
    if let Some(query) = metric["provider"]["prometheus"]["query"].as_str() {
        let mut query = query.to_owned();
        for argument in run["spec"]["args"].as_array().into_iter().flatten() {
            if let (Some(name), Some(value)) =
                (argument["name"].as_str(), argument["value"].as_str())
            {
                query = query.replace(&format!("{{{{args.{name}}}}}"), value);
            }
        }
        result["metadata"] = json!({"ResolvedPrometheusQuery": query});
    }
    result
}

fn due(metric: &Value, result: &Value, started: Timestamp) -> Option<Timestamp> {
    let last = result["measurements"].as_array().and_then(|all| all.last());
    let Some(last) = last else {
        return Some(started + seconds(&metric["initialDelay"]).unwrap_or_default());
    };
    let finished = time(&last["finishedAt"])?;
    if last["phase"] == "Error" {
        return Some(finished + ERROR_RETRY);
    }
    let is_enough = count(metric).is_some_and(|count| tally(result, "count") >= count);
    (!is_enough).then(|| finished + seconds(&metric["interval"]).unwrap_or(ERROR_RETRY))
}

fn tally(result: &Value, field: &str) -> i64 {
    result[field].as_i64().unwrap_or_default()
}

fn measure(
    now: Timestamp,
    metric: &Value,
    result: &mut Value,
    ask: &mut dyn FnMut(&Value) -> Answer,
) {
    let answer = ask(metric);
    let (verdict, message) = match verdict(metric, &answer) {
        Ok(verdict) => (verdict, None),
        Err(why) => ("Error", Some(why)),
    };
    let now = kubernetes_time(now);
    let mut measurement = json!({"phase": verdict, "startedAt": now, "finishedAt": now});
    match answer {
        Answer::Vector(values) => {
            let values: Vec<_> = values.iter().map(|value| value.to_string()).collect();
            measurement["value"] = json!(format!("[{}]", values.join(",")));
        }
        Answer::Text(text) => measurement["value"] = json!(text),
        Answer::Failure(_) => {}
    }
    if let Some(message) = message {
        measurement["message"] = json!(message);
    }
    let mut count = |field: &str, reset: bool| {
        let next = if reset { 0 } else { tally(result, field) + 1 };
        match (next, result.as_object_mut()) {
            (0, Some(fields)) => drop(fields.remove(field)),
            (next, Some(fields)) => drop(fields.insert(field.to_owned(), json!(next))),
            (_, None) => {}
        }
    };
    match verdict {
        "Error" => count("error", false),
        "Failed" => count("failed", false),
        "Inconclusive" => count("inconclusive", false),
        _ => count("successful", false),
    }
    if verdict != "Error" {
        count("count", false);
    }
    count("consecutiveError", verdict != "Error");
    count("consecutiveSuccess", verdict != "Successful");
    let mut all = result["measurements"].as_array().cloned().unwrap_or_default();
    all.push(measurement);
    let excess = all.len().saturating_sub(KEPT_MEASUREMENTS);
    result["measurements"] = json!(all.split_off(excess));
}

fn verdict(metric: &Value, answer: &Answer) -> Result<&'static str, String> {
    let test = |field: &str| match metric[field].as_str().filter(|text| !text.is_empty()) {
        Some(condition) => holds(condition, answer).map(Some),
        None => Ok(None),
    };
    if let Answer::Failure(why) = answer {
        return Err(why.clone());
    }
    Ok(match (test("successCondition")?, test("failureCondition")?) {
        (_, Some(true)) => "Failed",
        (Some(true), _) | (None, _) => "Successful",
        (Some(false), None) => "Failed",
        (Some(false), Some(false)) => "Inconclusive",
    })
}

/// The sentence about a limit that is passed, with the verdict that it means; the last wins.
fn breach(metric: &Value, result: &Value) -> Option<(&'static str, String)> {
    let mut found = None;
    let failure_limit = number(&metric["failureLimit"]).unwrap_or_default();
    let failed = tally(result, "failed");
    if failure_limit >= 0 && failed > failure_limit {
        found = Some(("Failed", format!("failed ({failed}) > failureLimit ({failure_limit})")));
    }
    let limit = number(&metric["inconclusiveLimit"]).unwrap_or_default();
    let open = tally(result, "inconclusive");
    if open > limit {
        found =
            Some(("Inconclusive", format!("inconclusive ({open}) > inconclusiveLimit ({limit})")));
    }
    let limit = number(&metric["consecutiveErrorLimit"]).unwrap_or(CONSECUTIVE_ERROR_LIMIT);
    let errors = tally(result, "consecutiveError");
    if errors > limit {
        found = Some((
            "Error",
            format!("consecutiveErrors ({errors}) > consecutiveErrorLimit ({limit})"),
        ));
    }
    found
}

fn judge(metric: &Value, result: &mut Value) {
    let success_limit = number(&metric["consecutiveSuccessLimit"]).filter(|limit| *limit > 0);
    let is_counted = count(metric).is_some_and(|count| tally(result, "count") >= count);
    let verdict = if let Some((verdict, _)) = breach(metric, result) {
        verdict
    } else if success_limit.is_some_and(|limit| tally(result, "consecutiveSuccess") >= limit) {
        "Successful"
    } else if is_counted {
        let has_failure_limit = number(&metric["failureLimit"]).is_none_or(|limit| limit >= 0);
        match (success_limit, has_failure_limit) {
            (None, _) => "Successful",
            (Some(_), true) => "Inconclusive",
            (Some(_), false) => "Failed",
        }
    } else {
        "Running"
    };
    result["phase"] = json!(verdict);
    let last = result["measurements"].as_array().and_then(|all| all.last());
    if let Some(message) = last.and_then(|last| last.get("message")).cloned() {
        result["message"] = message;
    }
}

fn summary(
    now: Timestamp,
    started: Timestamp,
    is_terminated: bool,
    was: &Value,
    results: &[(&Value, Value)],
) -> Value {
    let mut worst: Option<usize> = None;
    let mut message = if is_terminated { "Run Terminated".to_owned() } else { String::new() };
    let mut counts = json!({"count": results.len()});
    for (metric, result) in results {
        let Some(rank) = ORDER.iter().position(|verdict| *verdict == phase(result)) else {
            continue;
        };
        let field = phase(result).to_lowercase();
        counts[&field] = json!(tally(&counts, &field) + 1);
        if worst.is_none_or(|worst| rank > worst) {
            worst = Some(rank);
            if let Some((_, why)) = breach(metric, result) {
                let name = metric["name"].as_str().unwrap_or_default();
                message = format!("Metric \"{name}\" assessed {} due to {why}", phase(result));
                if let Some(text) = result["message"].as_str() {
                    message = format!("{message}: \"Error Message: {text}\"");
                }
            }
        }
    }
    let is_complete = results.iter().all(|(_, result)| is_done(phase(result)));
    // A failed metric ends the run at once; a good one waits for the others.
    let is_bad = worst.is_some_and(|worst| worst > 0);
    let verdict = match worst {
        Some(worst) if is_terminated || is_complete || is_bad => ORDER[worst],
        None if is_terminated => "Successful",
        Some(_) | None => "Running",
    };
    let mut status = json!({"phase": verdict, "startedAt": kubernetes_time(started), "runSummary": counts, "dryRunSummary": {}});
    if !results.is_empty() {
        let measured = results.iter().map(|(_, result)| result);
        status["metricResults"] = measured
            .filter(|result| result["measurements"].is_array() || is_done(phase(result)))
            .cloned()
            .collect();
    }
    if is_done(verdict) {
        status["completedAt"] =
            was.get("completedAt").cloned().unwrap_or(json!(kubernetes_time(now)));
        if !message.is_empty() {
            status["message"] = json!(message);
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(metric: Value) -> Value {
        json!({"spec": {"args": [{"name": "ns", "value": "shop"}], "metrics": [metric]}, "status": {}})
    }

    /// Lets a run live: one answer for each due measurement, until it is over.
    fn live(metric: Value, answers: &[Answer]) -> Value {
        let mut run = run(metric);
        let mut now: Timestamp = "2026-11-02T12:00:00Z".parse().unwrap();
        let mut answers = answers.iter().cloned();
        for _ in 0..50 {
            let mut is_out = false;
            let found = assess(now, &run, &mut |_| {
                answers.next().unwrap_or_else(|| {
                    is_out = true;
                    Answer::Failure("no more answers".to_owned())
                })
            });
            if is_out {
                break;
            }
            if let Some(status) = found.status {
                run["status"] = status;
            }
            match found.wake {
                Some(wake) => now = wake,
                None => break,
            }
        }
        run["status"].clone()
    }

    fn metric(more: Value) -> Value {
        let mut metric = json!({"name": "error-rate", "interval": "15s", "initialDelay": "60s",
            "successCondition": "len(result) == 0", "failureCondition": "len(result) > 0",
            "provider": {"prometheus": {"query": "up{ns=\"{{args.ns}}\"}"}}});
        json_patch::merge(&mut metric, &more);
        metric
    }

    fn good() -> Answer {
        Answer::Vector(vec![])
    }

    fn bad() -> Answer {
        Answer::Vector(vec![0.3])
    }

    #[test]
    fn one_bad_measurement_is_one_too_many_without_a_limit() {
        let status = live(metric(json!({})), &[good(), good(), bad(), good()]);
        assert_eq!(status["phase"], "Failed");
        assert_eq!(
            status["message"],
            "Metric \"error-rate\" assessed Failed due to failed (1) > failureLimit (0)"
        );
        let result = &status["metricResults"][0];
        assert_eq!(
            (&result["count"], &result["successful"], &result["failed"]),
            (&json!(3), &json!(2), &json!(1))
        );
        assert_eq!(result["metadata"]["ResolvedPrometheusQuery"], "up{ns=\"shop\"}");
        assert_eq!(result["measurements"][2]["value"], "[0.3]");
        assert_eq!(result["measurements"][0]["startedAt"], "2026-11-02T12:01:00Z");
        assert_eq!(status["runSummary"], json!({"count": 1, "failed": 1}));
    }

    #[test]
    fn limits_counts_and_errors_end_a_run_as_upstream_ends_it() {
        let open = json!({"successCondition": "len(result) > 0 && result[0] >= 1", "failureCondition": "false"});
        let lost = || Answer::Failure("connection refused".to_owned());
        for (more, answers, phase) in [
            (json!({"count": 2}), vec![good(), good()], "Successful"),
            (json!({"count": 3, "failureLimit": 1}), vec![good(), bad(), good()], "Successful"),
            (json!({"failureLimit": 1}), vec![bad(), good(), bad()], "Failed"),
            (open.clone(), vec![bad()], "Inconclusive"),
            (json!({}), vec![lost(), lost(), lost(), lost(), lost()], "Error"),
            (
                json!({"count": 2}),
                vec![lost(), lost(), lost(), lost(), good(), good()],
                "Successful",
            ),
            (json!({"count": 9, "consecutiveSuccessLimit": 2}), vec![good(), good()], "Successful"),
            (json!({}), vec![good(), good()], "Running"),
        ] {
            assert_eq!(live(metric(more.clone()), &answers)["phase"], phase, "{more}");
        }
    }

    #[test]
    fn a_terminated_run_without_a_verdict_is_successful() {
        let mut run = run(metric(json!({})));
        run["spec"]["terminate"] = json!(true);
        let now = "2026-11-02T12:00:00Z".parse().unwrap();
        let status = assess(now, &run, &mut |_| good()).status.unwrap();
        assert_eq!(
            (&status["phase"], &status["message"]),
            (&json!("Successful"), &json!("Run Terminated"))
        );
    }

    #[test]
    fn ten_measurements_are_kept() {
        let status = live(metric(json!({})), &vec![good(); 14]);
        assert_eq!(status["metricResults"][0]["measurements"].as_array().unwrap().len(), 10);
        assert_eq!(status["metricResults"][0]["count"], 14);
    }
}
