//! Which AnalysisRuns a rollout needs now, and what their verdicts mean for it
//! (<https://github.com/argoproj/argo-rollouts/blob/v1.9.1/rollout/analysis.go>).

use super::canary::{canary, current_step, step_index};
use super::pass::{HASH_LABEL, Pass, REVISION, Write, find_named, is_owned_by, of_kind};
use super::replica_set::owner;
use super::types::{Analysis, RunStatus, TemplateRef};
use crate::kubernetes::kinds;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const INCONCLUSIVE: &str = "InconclusiveAnalysisRun";
/// Finished runs that are kept, of the successful ones and of the others.
const KEPT_RUNS: usize = 5;

/// What a run is for; also its `rollout-type` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Step,
    Background,
    PrePromotion,
    PostPromotion,
}

impl Purpose {
    fn label(self) -> &'static str {
        match self {
            Purpose::Step => "Step",
            Purpose::Background => "Background",
            Purpose::PrePromotion => "PrePromotion",
            Purpose::PostPromotion => "PostPromotion",
        }
    }

    fn failure(self) -> &'static str {
        match self {
            Purpose::Step => "Step-based analysis phase error/failed",
            Purpose::Background => "Background analysis phase error/failed",
            Purpose::PrePromotion => "Blue/green pre-promotion analysis phase error/failed",
            Purpose::PostPromotion => "Blue/green post-promotion analysis phase error/failed",
        }
    }
}

/// A run, a metric or a measurement that will not change any more.
pub(crate) fn is_done(phase: &str) -> bool {
    matches!(phase, "Successful" | "Failed" | "Error" | "Inconclusive")
}

pub(crate) fn reconcile_canary(pass: &mut Pass) {
    let was = &pass.was().canary;
    let step_was = was.current_step_analysis_run_status.clone();
    let background_was = was.current_background_analysis_run_status.clone();
    if is_skipped(pass) {
        pass.next.canary.current_step_analysis_run_status =
            step_was.and_then(|run| seen(pass, &run));
        pass.next.canary.current_background_analysis_run_status =
            background_was.and_then(|run| seen(pass, &run));
        return stop(pass, &[]);
    }
    let step = step_run(pass, step_was);
    let background = background_run(pass, background_was);
    let kept = [&step, &background].map(|run| run.as_ref().map(|run| run.name.clone()));
    pass.next.canary.current_step_analysis_run_status = step;
    pass.next.canary.current_background_analysis_run_status = background;
    stop(pass, &kept.into_iter().flatten().collect::<Vec<_>>());
    forget_old(pass);
}

pub(crate) fn reconcile_blue_green(pass: &mut Pass) {
    let Some(spec) = pass.spec().strategy.blue_green.clone() else { return };
    let was = &pass.was().blue_green;
    let pre_was = was.pre_promotion_analysis_run_status.clone();
    let post_was = was.post_promotion_analysis_run_status.clone();
    let active = was.active_selector.clone();
    if is_skipped(pass) {
        pass.next.blue_green.pre_promotion_analysis_run_status =
            pre_was.and_then(|run| seen(pass, &run));
        pass.next.blue_green.post_promotion_analysis_run_status =
            post_was.and_then(|run| seen(pass, &run));
        return stop(pass, &[]);
    }
    let new = pass.new_set();
    let is_open = pass.was().stable_rs != new.hash && !active.is_empty();
    let is_up = new.wanted > 0 && new.available == new.wanted;
    let is_active = active == new.hash;
    let pre = spec
        .pre_promotion_analysis
        .filter(|_| is_open && !is_active && (is_up || pre_was.is_some()));
    let pre = pre.and_then(|analysis| run(pass, Purpose::PrePromotion, &analysis, "pre", pre_was));
    let post = spec
        .post_promotion_analysis
        .filter(|_| is_open && is_active && (is_up || post_was.is_some()));
    let post =
        post.and_then(|analysis| run(pass, Purpose::PostPromotion, &analysis, "post", post_was));
    let kept = [&pre, &post].map(|run| run.as_ref().map(|run| run.name.clone()));
    pass.next.blue_green.pre_promotion_analysis_run_status = pre;
    pass.next.blue_green.post_promotion_analysis_run_status = post;
    stop(pass, &kept.into_iter().flatten().collect::<Vec<_>>());
    forget_old(pass);
}

/// Nothing has to be asked before the active Service may be switched.
pub(crate) fn is_pre_promotion_passed(pass: &Pass) -> bool {
    let spec = pass.spec().strategy.blue_green.as_ref();
    let is_asked = spec.is_some_and(|spec| spec.pre_promotion_analysis.is_some());
    let run = pass.was().blue_green.pre_promotion_analysis_run_status.as_ref();
    !is_asked || run.and_then(|run| seen(pass, run)).is_some_and(|run| run.status == "Successful")
}

pub(crate) fn is_post_promotion_passed(pass: &Pass) -> bool {
    let run = pass.next.blue_green.post_promotion_analysis_run_status.as_ref();
    run.is_some_and(|run| run.status == "Successful")
}

/// Deletes the runs of a template that is forgotten.
pub(crate) fn forget(pass: &mut Pass, hash: &str) {
    let runs = owned(pass).into_iter().filter(|run| run["metadata"]["labels"][HASH_LABEL] == hash);
    let names: Vec<_> = runs.map(|run| name_of(run)).collect();
    pass.writes.extend(names.into_iter().map(delete));
}

fn is_skipped(pass: &Pass) -> bool {
    pass.is_aborted()
        || pass.was().promote_full
        || pass.was().stable_rs.is_empty()
        || pass.is_within_rollback_window()
        || (pass.spec().strategy.blue_green.is_some() && pass.is_way_back)
}

fn step_run(pass: &mut Pass, was: Option<RunStatus>) -> Option<RunStatus> {
    if !pass.was().pause_conditions.is_empty() || pass.was().abort {
        return was.and_then(|run| seen(pass, &run));
    }
    let index = step_index(pass).to_string();
    let analysis = current_step(pass)?.analysis.clone()?;
    let is_of_step = |run: &RunStatus| {
        let object = find_named(pass.children, "AnalysisRun", &run.name);
        object.is_some_and(|object| object["metadata"]["labels"]["step-index"] == *index)
    };
    let was = was.filter(is_of_step);
    run(pass, Purpose::Step, &analysis, &index, was)
}

fn background_run(pass: &mut Pass, was: Option<RunStatus>) -> Option<RunStatus> {
    let analysis = canary(pass)?.analysis.clone()?;
    let starts_at = analysis.starting_step.unwrap_or_default();
    let is_early = current_step(pass).is_some() && (step_index(pass) as i32) < starts_at;
    if pass.is_fully_promoted() || pass.was().current_pod_hash.is_empty() || is_early {
        return None;
    }
    run(pass, Purpose::Background, &analysis, "", was)
}

/// The run for a purpose: the one there is, with its verdict applied, or a new one.
fn run(
    pass: &mut Pass,
    purpose: Purpose,
    analysis: &Analysis,
    infix: &str,
    was: Option<RunStatus>,
) -> Option<RunStatus> {
    if analysis.templates.is_empty() {
        return None;
    }
    let current = was.and_then(|run| seen(pass, &run));
    if pass.has_pause(INCONCLUSIVE) {
        return current;
    }
    let Some(current) = current.filter(|run| !needs_another(pass, run)) else {
        return create(pass, purpose, analysis, infix);
    };
    match current.status.as_str() {
        "Inconclusive" => pass.pause.add.push(INCONCLUSIVE),
        "Failed" | "Error" => {
            let why = Some(&current.message).filter(|message| !message.is_empty());
            let failure = purpose.failure();
            pass.pause.abort =
                Some(why.map_or(failure.to_owned(), |why| format!("{failure}: {why}")));
        }
        _ => {}
    }
    Some(current)
}

/// After a person resumed an inconclusive rollout, or a retry, the question is asked again.
fn needs_another(pass: &Pass, run: &RunStatus) -> bool {
    let is_step_pause = pass.has_pause("CanaryPauseStep") || pass.has_pause("BlueGreenPause");
    if pass.was().controller_pause && !is_step_pause {
        return run.status == "Inconclusive";
    }
    pass.was().aborted_at.is_some()
}

fn create(
    pass: &mut Pass,
    purpose: Purpose,
    analysis: &Analysis,
    infix: &str,
) -> Option<RunStatus> {
    let metadata = &pass.rollout.metadata;
    let hash = pass.new_set().hash.clone();
    let revision = pass.revision().to_string();
    let mut base = format!("{}-{hash}-{revision}", metadata.name);
    if !infix.is_empty() {
        base = format!("{base}-{infix}");
    }
    let is_taken = |name: &str| find_named(pass.children, "AnalysisRun", name).is_some();
    let candidates = std::iter::once(base.clone()).chain((1..).map(|n| format!("{base}.{n}")));
    let name = candidates.into_iter().find(|name| !is_taken(name))?;
    let mut labels = json!({HASH_LABEL: hash, "rollout-type": purpose.label()});
    if purpose == Purpose::Step {
        labels["step-index"] = json!(infix);
    }
    let selector = pass.spec().selector.as_ref().map(|s| s.match_labels.clone());
    for (label, value) in selector.unwrap_or_default() {
        labels[label] = json!(value);
    }
    let mut templates = Vec::new();
    collect(pass.children, &analysis.templates, &mut templates);
    let object = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {
            "name": name,
            "namespace": metadata.namespace,
            "labels": labels,
            "annotations": {REVISION: revision},
            "ownerReferences": [owner("argoproj.io/v1alpha1", "Rollout", &metadata.name, &metadata.uid)],
        },
        "spec": {
            "args": arguments(pass, analysis, &templates),
            "metrics": templates.iter().flat_map(|t| t["spec"]["metrics"].as_array().into_iter().flatten()).collect::<Vec<_>>(),
        },
    });
    pass.writes.push(Write::Create(object));
    Some(RunStatus { name, ..RunStatus::default() })
}

/// The templates that a list of references names, with those that they name themselves.
pub(crate) fn collect<'a>(
    children: &'a [Arc<Value>],
    references: &[TemplateRef],
    found: &mut Vec<&'a Arc<Value>>,
) {
    for reference in references {
        let kind = match reference.cluster_scope {
            true => "ClusterAnalysisTemplate",
            false => "AnalysisTemplate",
        };
        let Some(template) = find_named(children, kind, &reference.template_name) else { continue };
        if found.iter().any(|known| Arc::ptr_eq(known, template)) {
            continue;
        }
        found.push(template);
        let inner = template["spec"]["templates"].clone();
        let inner: Vec<TemplateRef> = serde_json::from_value(inner).unwrap_or_default();
        collect(children, &inner, found);
    }
}

/// The templates' arguments, filled in from the Rollout.
fn arguments(pass: &Pass, analysis: &Analysis, templates: &[&Arc<Value>]) -> Vec<Value> {
    let mut arguments: Map<String, Value> = Map::new();
    for argument in
        templates.iter().flat_map(|t| t["spec"]["args"].as_array().into_iter().flatten())
    {
        if let Some(name) = argument["name"].as_str() {
            arguments.entry(name).or_insert_with(|| argument.clone());
        }
    }
    for argument in &analysis.args {
        let Some(name) = argument["name"].as_str() else { continue };
        let mut argument = argument.clone();
        let value = match argument["valueFrom"].take() {
            Value::Null => argument["value"].take(),
            from if from["podTemplateHashValue"] == "Latest" => json!(pass.new_set().hash),
            from if from["podTemplateHashValue"] == "Stable" => json!(pass.was().stable_rs),
            from => match from["fieldRef"]["fieldPath"].as_str() {
                Some("metadata.namespace") => json!(pass.rollout.metadata.namespace),
                Some("metadata.name") => json!(pass.rollout.metadata.name),
                Some(path) => label_at(pass, path),
                None => Value::Null,
            },
        };
        arguments.insert(name.to_owned(), json!({"name": name, "value": value}));
    }
    arguments.into_iter().map(|(_, argument)| argument).collect()
}

fn label_at(pass: &Pass, path: &str) -> Value {
    let quoted = |field: &str| {
        path.strip_prefix(field)?.strip_prefix("['")?.strip_suffix("']").map(str::to_owned)
    };
    let metadata = &pass.rollout.metadata;
    let label = quoted("metadata.labels").and_then(|name| metadata.labels.get(&name));
    let value = label.or_else(|| {
        quoted("metadata.annotations").and_then(|name| metadata.annotations.get(&name))
    });
    json!(value)
}

/// The state of a run that the status names, as the run itself tells it; none if it is gone.
fn seen(pass: &Pass, was: &RunStatus) -> Option<RunStatus> {
    let object = find_named(pass.children, "AnalysisRun", &was.name)?;
    let text = |field: &str| object["status"][field].as_str().unwrap_or_default().to_owned();
    Some(RunStatus { name: was.name.clone(), status: text("phase"), message: text("message") })
}

fn owned<'a>(pass: &Pass<'a>) -> Vec<&'a Arc<Value>> {
    let runs = of_kind(pass.children, "AnalysisRun");
    runs.filter(|run| is_owned_by(run, &pass.rollout.metadata.uid)).collect()
}

fn name_of(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn phase_of(run: &Value) -> &str {
    run["status"]["phase"].as_str().unwrap_or_default()
}

/// Ends every open run but those that are needed.
fn stop(pass: &mut Pass, kept: &[String]) {
    let is_open = |run: &Value| !is_done(phase_of(run)) && run["spec"]["terminate"] != true;
    let runs = owned(pass);
    let runs = runs.iter().filter(|run| is_open(run)).map(|run| name_of(run));
    for name in runs.filter(|name| !kept.contains(name)).collect::<Vec<_>>() {
        let patch = json!({"spec": {"terminate": true}});
        pass.writes.push(Write::Patch { kind: &kinds::ANALYSIS_RUN, name, patch });
    }
}

fn forget_old(pass: &mut Pass) {
    let mut runs = owned(pass);
    runs.retain(|run| is_done(phase_of(run)));
    runs.sort_by_key(|run| std::cmp::Reverse(run["metadata"]["creationTimestamp"].to_string()));
    let (good, bad): (Vec<_>, Vec<_>) =
        runs.into_iter().partition(|run| phase_of(run) == "Successful");
    let old = good.into_iter().skip(KEPT_RUNS).chain(bad.into_iter().skip(KEPT_RUNS));
    let names: Vec<_> = old.map(|run| name_of(run)).collect();
    pass.writes.extend(names.into_iter().map(delete));
}

fn delete(name: String) -> Write {
    Write::Delete { kind: &kinds::ANALYSIS_RUN, name }
}
