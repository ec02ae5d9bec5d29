//! A canary: services, weights, analysis, replicas, pauses and steps, in the controller's order
//! (<https://github.com/argoproj/argo-rollouts/blob/v1.9.1/rollout/canary.go>).

use super::analysis;
use super::pass::Pass;
use super::replica_set::ReplicaSet;
use super::types::{Canary, IntOrString, Step, Weight, Weights};
use super::{istio, pods, scaling};
use jiff::SignedDuration;

const PAUSE_STEP: &str = "CanaryPauseStep";
/// How long an old stable ReplicaSet stays after a promotion, and a canary after an abort.
const SCALE_DOWN_DELAY: i64 = 30;

pub(crate) fn reconcile(pass: &mut Pass) {
    if has_new_template_or_steps(pass) {
        return begin_update(pass);
    }
    pods::restart(pass);
    scaling::trim_history(pass);
    switch_services(pass);
    route(pass);
    analysis::reconcile_canary(pass);
    if pass.pause.add.is_empty() && !pass.is_halted() && scaling::scale_canary(pass) {
        return finish(pass);
    }
    pause(pass);
    finish(pass);
}

pub(crate) fn canary<'a>(pass: &'a Pass) -> Option<&'a Canary> {
    pass.rollout.spec.strategy.canary.as_ref()
}

fn steps<'a>(pass: &'a Pass) -> &'a [Step] {
    canary(pass).map_or(&[], |canary| &canary.steps)
}

/// `status.currentStepIndex`, where nothing is the first step.
pub(crate) fn step_index(pass: &Pass) -> usize {
    usize::try_from(pass.was().current_step_index.unwrap_or_default()).unwrap_or_default()
}

/// The step that the rollout stands at; none when all are done.
pub(crate) fn current_step<'a>(pass: &'a Pass) -> Option<&'a Step> {
    steps(pass).get(step_index(pass))
}

pub(crate) fn max_weight(pass: &Pass) -> i32 {
    let routing = canary(pass).and_then(|canary| canary.traffic_routing.as_ref());
    routing.and_then(|routing| routing.max_traffic_weight).unwrap_or(100)
}

/// The weight that the steps ask for now.
pub(crate) fn set_weight(pass: &Pass) -> i32 {
    if pass.was().abort {
        return 0;
    }
    match current_step(pass) {
        Some(_) => weight_before(pass, step_index(pass) + 1),
        None => max_weight(pass),
    }
}

fn weight_before(pass: &Pass, end: usize) -> i32 {
    steps(pass).iter().take(end).rev().find_map(|step| step.set_weight).unwrap_or_default()
}

/// Analysis, pause and experiment steps may take as long as they like.
pub(crate) fn is_at_gate(pass: &Pass) -> bool {
    let gate =
        |step: &Step| step.pause.is_some() || step.analysis.is_some() || step.experiment.is_some();
    let is_paused = pass.was().conditions.iter().any(|c| c.kind == "Paused" && c.status == "True");
    current_step(pass).is_some_and(gate) || is_paused
}

/// An aborted canary keeps its pods for a while, so that requests in flight can end.
pub(crate) fn delays_scale_down(pass: &Pass) -> bool {
    let is_routed = canary(pass).is_none_or(|canary| canary.traffic_routing.is_some());
    pass.is_aborted() && pass.stable.is_some() && is_routed && abort_delay(pass).is_some()
}

/// The delay after an abort; 0 in the spec means for ever.
pub(crate) fn abort_delay(pass: &Pass) -> Option<SignedDuration> {
    let strategy = &pass.rollout.spec.strategy;
    let given = match (&strategy.canary, &strategy.blue_green) {
        (Some(canary), _) => canary.abort_scale_down_delay_seconds,
        (_, Some(blue_green)) => blue_green.abort_scale_down_delay_seconds,
        (None, None) => None,
    };
    let seconds = given.unwrap_or(SCALE_DOWN_DELAY);
    (seconds > 0).then(|| SignedDuration::from_secs(seconds))
}

/// The delay after a promotion.
pub(crate) fn scale_down_delay(pass: &Pass) -> SignedDuration {
    let strategy = &pass.rollout.spec.strategy;
    let given = match (&strategy.canary, &strategy.blue_green) {
        (Some(canary), _) => canary.scale_down_delay_seconds,
        (_, Some(blue_green)) => blue_green.scale_down_delay_seconds,
        (None, None) => None,
    };
    SignedDuration::from_secs(given.unwrap_or(SCALE_DOWN_DELAY))
}

pub(crate) fn max_surge(pass: &Pass) -> i32 {
    share(canary(pass).and_then(|canary| canary.max_surge.as_ref()), pass.replicas(), true)
}

pub(crate) fn max_unavailable(pass: &Pass) -> i32 {
    let given = canary(pass).and_then(|canary| canary.max_unavailable.as_ref());
    let share = share(given, pass.replicas(), false);
    if share == 0 && max_surge(pass) == 0 { 1 } else { share.min(pass.replicas()) }
}

fn share(given: Option<&IntOrString>, total: i32, round_up: bool) -> i32 {
    /// Of both surge and unavailability, if the spec is silent.
    const DEFAULT_PERCENT: &str = "25%";
    match given {
        Some(given) => given.of(total, round_up),
        None => IntOrString::Text(DEFAULT_PERCENT.to_owned()).of(total, round_up),
    }
}

fn has_new_template_or_steps(pass: &Pass) -> bool {
    let known = &pass.was().current_step_hash;
    (!known.is_empty() && *known != pass.step_hash()) || pass.has_new_template()
}

/// The first pass of an update: everything of the last one is forgotten, and going back to the
/// stable template skips all steps.
fn begin_update(pass: &mut Pass) {
    base_status(pass);
    pass.next.canary.weights = pass.was().canary.weights.clone();
    pass.reset_status();
    let count = steps(pass).len() as i32;
    let is_stable = pass.new_set().hash == pass.was().stable_rs;
    let is_recent = pass.is_within_rollback_window() && pass.new_set().wanted > 0;
    if count > 0 && (is_stable || is_recent) {
        pass.next.current_step_index = Some(count);
    }
    pass.finish();
}

fn switch_services(pass: &mut Pass) {
    let Some(canary) = canary(pass) else { return };
    let (canary_service, stable_service) =
        (canary.canary_service.clone(), canary.stable_service.clone());
    let is_basic = canary.traffic_routing.is_none();
    if let Some(stable) = pass.stable {
        istio::point_service(pass, &stable_service, stable);
    }
    match (pass.is_aborted(), pass.stable) {
        (true, Some(stable)) if is_basic => {
            istio::point_service(pass, &canary_service, stable);
        }
        (true, Some(stable)) if !pass.is_fully_promoted() => {
            istio::point_service(pass, &canary_service, stable);
        }
        _ => istio::point_service(pass, &canary_service, pass.new),
    }
}

/// Writes the weights into the VirtualService and into the status.
fn route(pass: &mut Pass) {
    let Some(canary) = canary(pass) else { return };
    if canary.traffic_routing.as_ref().is_none_or(|routing| routing.istio.is_none()) {
        return;
    }
    pass.next.canary.weights = pass.was().canary.weights.clone();
    let desired = desired_weight(pass);
    let max = max_weight(pass);
    let needed = (max - desired) * pass.replicas() / max;
    if pass.stable_set().is_none_or(|stable| stable.available < needed) {
        return;
    }
    istio::set_weight(pass, desired);
    let Some(canary) = canary_services(pass) else { return };
    pass.next.canary.weights = Some(Weights {
        canary: Weight {
            weight: desired,
            service_name: canary.0,
            pod_template_hash: pass.new_set().hash.clone(),
        },
        stable: Weight {
            weight: max - desired,
            service_name: canary.1,
            pod_template_hash: pass.stable_set().map(|set| set.hash.clone()).unwrap_or_default(),
        },
    });
}

fn canary_services(pass: &Pass) -> Option<(String, String)> {
    let canary = canary(pass)?;
    Some((canary.canary_service.clone(), canary.stable_service.clone()))
}

fn desired_weight(pass: &Pass) -> i32 {
    if pass.is_fully_promoted() || pass.is_aborted() || pass.new_set().available == 0 {
        return 0;
    }
    if pass.was().promote_full {
        return pass.was().canary.weights.as_ref().map_or(0, |weights| weights.canary.weight);
    }
    if steps(pass).is_empty() {
        return 0;
    }
    if !scaling::is_at_desired(pass) {
        return weight_before(pass, step_index(pass));
    }
    set_weight(pass)
}

fn pause(pass: &mut Pass) {
    if pass.spec().paused || pass.was().promote_full {
        return;
    }
    let Some(pause) = current_step(pass).and_then(|step| step.pause.clone()) else { return };
    let since = pass.was().pause_conditions.iter().find(|condition| condition.reason == PAUSE_STEP);
    match (since.map(|condition| condition.start_time), pause.duration) {
        (None, _) if !pass.was().controller_pause && !pass.is_aborted() => {
            pass.pause.add.push(PAUSE_STEP);
        }
        (Some(start), Some(duration)) => {
            let seconds = duration.seconds().unwrap_or_default();
            pass.wake_at(start + SignedDuration::from_secs(seconds));
        }
        (None | Some(_), _) => {}
    }
}

fn is_pause_over(pass: &Pass, duration: Option<&IntOrString>) -> bool {
    let was = pass.was();
    let since = was.pause_conditions.iter().find(|condition| condition.reason == PAUSE_STEP);
    match (since, duration) {
        (None, _) => was.controller_pause,
        (Some(since), Some(duration)) => {
            let seconds = duration.seconds().unwrap_or_default();
            pass.now >= since.start_time + SignedDuration::from_secs(seconds)
        }
        (Some(_), None) => false,
    }
}

fn is_step_done(pass: &Pass) -> bool {
    let Some(step) = current_step(pass).filter(|_| !pass.spec().paused) else { return false };
    if let Some(pause) = &step.pause {
        return is_pause_over(pass, pause.duration.as_ref());
    }
    if step.set_canary_scale.is_some() || step.set_weight.is_some() {
        return scaling::is_at_desired(pass);
    }
    if step.analysis.is_some() {
        let run = pass.next.canary.current_step_analysis_run_status.as_ref();
        return run.is_some_and(|run| run.status == "Successful");
    }
    step.set_header_route.is_some() || step.set_mirror_route.is_some()
}

fn should_promote(pass: &Pass) -> bool {
    if pass.stable.is_none() {
        return true;
    }
    if pass.is_aborted() || pass.new_set().available < pass.replicas() {
        return false;
    }
    let count = steps(pass).len();
    pass.was().promote_full
        || pass.is_within_rollback_window()
        || count == 0
        || pass.was().current_step_index.is_some_and(|index| index >= count as i32)
}

fn base_status(pass: &mut Pass) {
    pass.begin_status();
    pass.next.available_replicas = pass.available();
    pass.next.hpa_replicas = pass.sets.iter().map(|set: &ReplicaSet| set.actual).sum();
    pass.next.selector = scaling::selector_text(pass.spec().selector.as_ref(), None);
    pass.next.current_step_hash = pass.step_hash();
}

fn finish(pass: &mut Pass) {
    base_status(pass);
    let count = steps(pass).len() as i32;
    let mut index = (count > 0).then(|| step_index(pass) as i32);
    if pass.was().promote_full || pass.is_within_rollback_window() {
        pass.pause.clear = true;
        pass.pause.remove_abort = true;
        index = (count > 0).then_some(count);
    }
    if should_promote(pass) {
        pass.promote();
        return pass.finish();
    }
    if pass.is_aborted() {
        let is_stable = pass.next.stable_rs == pass.next.current_pod_hash;
        pass.next.current_step_index = (count > 0).then_some(if is_stable { count } else { 0 });
        return pass.finish();
    }
    if is_step_done(pass) {
        index = index.map(|index| index + 1);
        pass.next.canary.current_step_analysis_run_status = None;
        pass.pause.remove.push(PAUSE_STEP);
    }
    pass.next.current_step_index = index;
    pass.finish();
}
