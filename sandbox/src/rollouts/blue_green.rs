//! Blue/green: a preview beside the active version, one switch of the active Service
//! (<https://github.com/argoproj/argo-rollouts/blob/v1.9.1/rollout/bluegreen.go>).

use super::pass::Pass;
use super::types::BlueGreen;
use super::{analysis, istio, pods, scaling};
use jiff::SignedDuration;

const PAUSE: &str = "BlueGreenPause";

pub(crate) fn reconcile(pass: &mut Pass) {
    let Some(spec) = pass.spec().strategy.blue_green.clone() else { return };
    let new_hash = pass.new_set().hash.clone();
    if !spec.preview_service.is_empty() && !pass.is_halted() {
        istio::switch_service(pass, &spec.preview_service, &new_hash);
    }
    if pass.has_new_template() {
        pass.reset_status();
        return finish(pass, &spec);
    }
    pods::restart(pass);
    scale(pass, &spec);
    scaling::trim_history(pass);
    pause(pass, &spec);
    switch_active(pass, &spec);
    analysis::reconcile_blue_green(pass);
    finish(pass, &spec);
}

fn wanted_new(pass: &Pass, spec: &BlueGreen) -> i32 {
    let replicas = pass.replicas();
    let Some(preview) = spec.preview_replica_count else { return replicas };
    let active = &pass.was().blue_green.active_selector;
    if active.is_empty() || *active == pass.new_set().hash || pass.was().promote_full {
        return replicas;
    }
    let is_resumed = pass.was().pause_conditions.is_empty() && !pass.spec().paused;
    if is_resumed && pass.was().blue_green.scale_up_preview_check_point {
        return replicas;
    }
    preview
}

fn scale(pass: &mut Pass, spec: &BlueGreen) {
    scaling::keep_current(pass);
    let replicas = pass.replicas();
    if let Some(stable) = pass.stable.filter(|stable| *stable != pass.new) {
        pass.scale(stable, replicas);
    }
    let wanted = wanted_new(pass, spec);
    scaling::scale_new(pass, wanted);
    if !pass.is_halted() {
        scaling::scale_down_others(pass);
    }
}

fn is_ready(pass: &Pass, spec: &BlueGreen) -> bool {
    let (set, wanted) = (pass.new_set(), wanted_new(pass, spec));
    set.wanted == wanted && set.available == wanted
}

/// Nothing to wait for: the first version, a way back that still runs, or all at once.
fn is_fast(pass: &Pass, spec: &BlueGreen) -> bool {
    let active = istio::selected_hash(pass, &spec.active_service);
    let new = pass.new_set();
    pass.is_way_back || pass.was().promote_full || active.is_empty() || active == new.hash
}

fn pause(pass: &mut Pass, spec: &BlueGreen) {
    if pass.was().abort || !is_ready(pass, spec) || pass.is_halted() {
        return;
    }
    let needs_pause = spec.auto_promotion_enabled == Some(false) || spec.auto_promotion_seconds > 0;
    let is_past = is_fast(pass, spec) || pass.was().blue_green.scale_up_preview_check_point;
    if is_past || !needs_pause {
        pass.pause.remove.push(PAUSE);
        return;
    }
    if !analysis::is_pre_promotion_passed(pass) {
        return;
    }
    let since = pass.was().pause_conditions.iter().find(|condition| condition.reason == PAUSE);
    match since.map(|condition| condition.start_time) {
        Some(_) if is_pause_over(pass, spec) => pass.pause.remove.push(PAUSE),
        Some(start) if spec.auto_promotion_seconds > 0 => {
            pass.wake_at(start + SignedDuration::from_secs(spec.auto_promotion_seconds));
        }
        None if !pass.was().controller_pause => pass.pause.add.push(PAUSE),
        Some(_) | None => {}
    }
}

fn is_pause_over(pass: &Pass, spec: &BlueGreen) -> bool {
    let since = pass.was().pause_conditions.iter().find(|condition| condition.reason == PAUSE);
    if !pass.pause.add.is_empty() {
        return false;
    }
    if pass.was().blue_green.scale_up_preview_check_point {
        return true;
    }
    if spec.auto_promotion_enabled == Some(false) {
        return pass.was().controller_pause && since.is_none();
    }
    let seconds = SignedDuration::from_secs(spec.auto_promotion_seconds);
    seconds.is_zero() || since.is_some_and(|since| pass.now >= since.start_time + seconds)
}

fn switch_active(pass: &mut Pass, spec: &BlueGreen) {
    if pass.was().abort {
        let stable = pass.was().stable_rs.clone();
        return istio::switch_service(pass, &spec.active_service, &stable);
    }
    let new = pass.new_set();
    let is_full = new.wanted == pass.replicas() && new.available == pass.replicas();
    if pass.is_halted() || !is_ready(pass, spec) || !is_full {
        return;
    }
    let is_free = is_pause_over(pass, spec) && analysis::is_pre_promotion_passed(pass);
    if is_fast(pass, spec) || is_free {
        let hash = new.hash.clone();
        istio::switch_service(pass, &spec.active_service, &hash);
    }
}

fn should_promote(pass: &Pass, spec: &BlueGreen) -> bool {
    let active = &pass.next.blue_green.active_selector;
    if pass.stable.is_none() || active.is_empty() {
        return true;
    }
    if *active != pass.next.current_pod_hash {
        return false;
    }
    if pass.was().promote_full || pass.is_within_rollback_window() {
        return true;
    }
    let is_verified = spec.post_promotion_analysis.is_none()
        || pass.is_way_back
        || analysis::is_post_promotion_passed(pass);
    !pass.is_aborted() && is_verified
}

fn finish(pass: &mut Pass, spec: &BlueGreen) {
    pass.begin_status();
    if pass.was().promote_full || pass.is_within_rollback_window() {
        pass.pause.clear = true;
        pass.pause.remove_abort = true;
    }
    if !spec.preview_service.is_empty() {
        pass.next.blue_green.preview_selector = written_selector(pass, &spec.preview_service);
    }
    pass.next.blue_green.active_selector = written_selector(pass, &spec.active_service);
    if should_promote(pass, spec) {
        pass.promote();
    } else if let Some(count) = spec.preview_replica_count {
        let is_free = analysis::is_pre_promotion_passed(pass) && is_pause_over(pass, spec);
        pass.next.blue_green.scale_up_preview_check_point =
            pass.was().blue_green.scale_up_preview_check_point
                || (is_free && pass.new_set().available == count);
    }
    let active = &pass.next.blue_green.active_selector;
    let active = pass.sets.iter().find(|set| !active.is_empty() && set.hash == *active).cloned();
    let selector = pass.rollout.spec.selector.as_ref();
    match active {
        Some(set) => {
            pass.next.selector = scaling::selector_text(selector, Some(&set.hash));
            pass.next.hpa_replicas = set.actual;
            pass.next.available_replicas = set.available;
            pass.next.ready_replicas = set.ready;
        }
        None => {
            pass.next.selector = scaling::selector_text(selector, None);
            pass.next.hpa_replicas = pass.sets.iter().map(|set| set.actual).sum();
            pass.next.available_replicas = pass.available();
        }
    }
    pass.finish();
}

/// A Service's selector as this pass leaves it.
fn written_selector(pass: &Pass, service: &str) -> String {
    let written = pass.writes.iter().rev().find_map(|write| match write {
        super::pass::Write::Patch { name, patch, .. } if name == service => {
            patch["spec"]["selector"][super::pass::HASH_LABEL].as_str().map(str::to_owned)
        }
        _ => None,
    });
    written.unwrap_or_else(|| istio::selected_hash(pass, service))
}
