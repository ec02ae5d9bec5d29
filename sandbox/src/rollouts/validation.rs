//! What makes a Rollout `InvalidSpec`, in v1.9.1's words
//! (<https://github.com/argoproj/argo-rollouts/blob/v1.9.1/pkg/apis/rollouts/validation>).

use super::analysis;
use super::pass::find_named;
use super::types::{Analysis, Canary, Rollout, Step};
use serde_json::Value;
use std::sync::Arc;

/// The first thing that is wrong with a spec or with what it refers to.
pub(crate) fn problem(rollout: &Rollout, children: &[Arc<Value>]) -> Option<String> {
    let spec = &rollout.spec;
    match &spec.selector {
        None if spec.workload_ref.is_none() => {
            return Some(required("spec.selector", ".spec.selector"));
        }
        Some(selector)
            if selector.match_labels.is_empty() && selector.match_expressions.is_empty() =>
        {
            return Some(
                "spec.selector: Invalid value: {}: empty selector is invalid for deployment"
                    .to_owned(),
            );
        }
        _ => {}
    }
    match (&spec.strategy.canary, &spec.strategy.blue_green) {
        (None, None) => {
            Some(required("spec.strategy", ".spec.strategy.canary or .spec.strategy.blueGreen"))
        }
        (Some(_), Some(_)) => Some("spec.strategy: Invalid value: \"blueGreen: true canary: true\": Multiple Strategies can not be listed".to_owned()),
        (Some(canary), None) => canary_problem(canary, children),
        (None, Some(blue_green)) => {
            let services = [&blue_green.active_service, &blue_green.preview_service];
            if services[0] == services[1] {
                return Some(format!("spec.strategy.activeService: Invalid value: \"{}\": This rollout uses the same service for the active and preview services, but two different services are required.", services[0]));
            }
            let fields = ["activeService", "previewService"];
            let missing = fields.iter().zip(services).find_map(|(field, name)| {
                missing_service(&format!("spec.strategy.blueGreen.{field}"), name, children)
            });
            missing
                .or_else(|| templates(blue_green.pre_promotion_analysis.as_ref(), "spec.strategy.blueGreen.prePromotionAnalysis.templates", children, false))
                .or_else(|| templates(blue_green.post_promotion_analysis.as_ref(), "spec.strategy.blueGreen.postPromotionAnalysis.templates", children, false))
        }
    }
}

fn required(path: &str, field: &str) -> String {
    format!("{path}: Required value: Rollout has missing field '{field}'")
}

fn canary_problem(canary: &Canary, children: &[Arc<Value>]) -> Option<String> {
    let (stable, new) = (&canary.stable_service, &canary.canary_service);
    if !stable.is_empty() && stable == new {
        return Some(format!(
            "spec.strategy.stableService: Invalid value: \"{stable}\": This rollout uses the same service for the stable and canary services, but two different services are required."
        ));
    }
    let routing = canary.traffic_routing.as_ref();
    let istio = routing.and_then(|routing| routing.istio.as_ref());
    if istio.is_some() {
        for (field, name) in [("stableService", stable), ("canaryService", new)] {
            if name.is_empty() {
                return Some(format!(
                    "spec.strategy.{field}: Invalid value: \"\": Canary service and Stable service must to be set to use Traffic Routing"
                ));
            }
        }
    }
    if routing.is_some() && canary.scale_down_delay_seconds.is_some() && canary.dynamic_stable_scale
    {
        return Some("spec.strategy.dynamicStableScale: Invalid value: true: Canary dynamicStableScale cannot be used with scaleDownDelaySeconds".to_owned());
    }
    let steps = canary.steps.iter().enumerate();
    let wrong_step = steps.clone().find_map(|(index, step)| step_problem(index, step));
    wrong_step
        .or_else(|| {
            let services = [("stableService", stable), ("canaryService", new)];
            services.iter().find_map(|(field, name)| {
                missing_service(&format!("spec.strategy.canary.{field}"), name, children)
            })
        })
        .or_else(|| {
            let reference = istio?.virtual_service.as_ref()?;
            let path = "spec.strategy.canary.trafficRouting.istio.virtualService.name";
            find_named(children, "VirtualService", &reference.name).is_none().then(|| {
                let name = &reference.name;
                format!("{path}: Invalid value: \"{name}\": virtualservices.networking.istio.io \"{name}\" not found")
            })
        })
        .or_else(|| {
            templates(canary.analysis.as_ref(), "spec.strategy.canary.analysis.templates", children, true)
        })
        .or_else(|| {
            steps.clone().find_map(|(index, step)| {
                let path = format!("spec.strategy.canary.steps[{index}].analysis.templates");
                templates(step.analysis.as_ref(), &path, children, false)
            })
        })
}

fn step_problem(index: usize, step: &Step) -> Option<String> {
    let path = format!("spec.strategy.steps[{index}]");
    let parts = [
        step.set_weight.is_some(),
        step.pause.is_some(),
        step.analysis.is_some(),
        step.set_canary_scale.is_some(),
        step.set_header_route.is_some(),
        step.set_mirror_route.is_some(),
        step.experiment.is_some(),
        step.plugin.is_some(),
    ];
    if parts.iter().filter(|is_set| **is_set).count() != 1 {
        return Some(format!(
            "{path}: Invalid value: \"step\": Step must have one of the following set: experiment, setWeight, setCanaryScale, plugin or pause"
        ));
    }
    if let Some(weight) = step.set_weight.filter(|weight| !(0..=100).contains(weight)) {
        return Some(format!(
            "{path}.setWeight: Invalid value: {weight}: SetWeight needs to be between 0 and 100"
        ));
    }
    let duration = step.pause.as_ref().and_then(|pause| pause.duration.as_ref());
    match duration.map(|duration| duration.seconds().unwrap_or(-1)) {
        Some(seconds) if seconds < 0 => Some(format!(
            "{path}.pause.duration: Invalid value: {seconds}: Duration needs to be greater than 0"
        )),
        Some(_) | None => None,
    }
}

fn missing_service(path: &str, name: &str, children: &[Arc<Value>]) -> Option<String> {
    let is_missing = !name.is_empty() && find_named(children, "Service", name).is_none();
    is_missing.then(|| format!("{path}: Invalid value: \"{name}\": service \"{name}\" not found"))
}

fn templates(
    analysis: Option<&Analysis>,
    path: &str,
    children: &[Arc<Value>],
    may_be_endless: bool,
) -> Option<String> {
    let analysis = analysis?;
    for reference in &analysis.templates {
        let mut found = Vec::new();
        collect_one(children, reference, &mut found);
        let name = &reference.template_name;
        if found.is_empty() {
            return Some(format!(
                "{path}: Invalid value: \"{name}\": AnalysisTemplate '{name}' not found"
            ));
        }
        let metrics =
            found.iter().flat_map(|t| t["spec"]["metrics"].as_array().into_iter().flatten());
        for metric in metrics {
            let is_endless = metric["interval"].is_string() && metric["count"].is_null();
            if is_endless && !may_be_endless {
                let metric = metric["name"].as_str().unwrap_or_default();
                return Some(format!(
                    "{path}: Invalid value: \"{name}\": AnalysisTemplate {name} has metric {metric} which runs indefinitely. Invalid value for count: nil"
                ));
            }
        }
    }
    None
}

fn collect_one<'a>(
    children: &'a [Arc<Value>],
    reference: &super::types::TemplateRef,
    found: &mut Vec<&'a Arc<Value>>,
) {
    analysis::collect(children, std::slice::from_ref(reference), found);
}
