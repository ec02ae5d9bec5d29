//! How many pods each ReplicaSet of a rollout should have now
//! (<https://github.com/argoproj/argo-rollouts/blob/v1.9.1/utils/replicaset/canary.go>).
//!
//! Without a traffic router the weight is approximated by numbers of pods, within `maxSurge` and
//! `maxUnavailable`. Of `dynamicStableScale` the plain walk is told, not its slow abort.

use super::analysis;
use super::canary::{self, canary, current_step, max_weight, step_index};
use super::pass::{Pass, Write};
use super::types::Selector;
use crate::kubernetes::kinds;

/// Old ReplicaSets that are kept for a way back, unless the spec says another number.
const REVISION_HISTORY_LIMIT: i32 = 10;

/// What the new and the stable ReplicaSet should have, of a rollout with a traffic router.
fn routed_counts(pass: &Pass) -> (i32, i32) {
    let (replicas, max) = (pass.replicas(), max_weight(pass));
    let is_whole = pass.was().promote_full
        || pass.was().stable_rs.is_empty()
        || pass.was().current_pod_hash == pass.was().stable_rs;
    let minimum = canary(pass).and_then(|canary| canary.min_pods_per_replica_set);
    let at_least = |count: i32| if count == 0 { 0 } else { count.max(minimum.unwrap_or(0)) };
    let pods_for = |weight: i32| {
        at_least((weight * replicas).div_euclid(max) + i32::from((weight * replicas) % max != 0))
    };
    let scale = current_step(pass).filter(|_| !pass.was().abort && !is_whole).and_then(|_| {
        let steps = canary(pass).map_or(&[][..], |canary| &canary.steps);
        let until_now = steps.iter().take(step_index(pass) + 1).rev();
        until_now.filter_map(|step| step.set_canary_scale.as_ref()).next()
    });
    let scale = scale.filter(|scale| !scale.match_traffic_weight);
    let weight = match scale {
        _ if is_whole => max,
        Some(scale) => scale.weight.unwrap_or_default(),
        None => canary::set_weight(pass),
    };
    let new = match scale.and_then(|scale| scale.replicas) {
        Some(count) => count,
        None => pods_for(weight),
    };
    let is_dynamic = canary(pass).is_some_and(|canary| canary.dynamic_stable_scale);
    let routed = pass.was().canary.weights.as_ref().map_or(max, |weights| weights.stable.weight);
    let stable = if is_dynamic { pods_for((max - weight).max(routed)) } else { replicas };
    (new, stable)
}

/// The same for a rollout without one: where it should end up, and how far it may go now.
fn basic_counts(pass: &Pass) -> ((i32, i32), (i32, i32)) {
    let replicas = pass.replicas();
    let Some(stable) = pass.stable_set().filter(|set| set.name != pass.new_set().name) else {
        return ((replicas, 0), (replicas, 0));
    };
    let is_whole = pass.was().promote_full;
    let weight = if is_whole { 100 } else { canary::set_weight(pass) };
    let mut new_end = (f64::from(replicas * weight) / 100.0).round() as i32;
    if weight > 0 && weight < 100 {
        // A share is never nobody, and never everybody if one more pod is allowed.
        let most = if canary::max_surge(pass) > 0 { replicas } else { (replicas - 1).max(1) };
        new_end = new_end.clamp(1, most.max(1));
    }
    let stable_end = if weight < 100 && new_end == replicas { 1 } else { replicas - new_end };
    let others: i32 = others(pass).map(|index| pass.sets[index].wanted).sum();
    let (mut new, mut old) = (pass.new_set().wanted, stable.wanted);
    let room = (replicas + canary::max_surge(pass) - new - old - others).max(0);
    let stable_up = (stable_end - old).clamp(0, room);
    old += stable_up;
    new += (new_end - new).clamp(0, room - stable_up);
    let spare = pass.available() - (replicas - canary::max_unavailable(pass));
    if others == 0 && spare > 0 {
        if new_end < new {
            new = new_end.max(new - spare);
        } else if stable_end < old {
            old = stable_end.max(old - spare);
        }
    }
    ((new_end, stable_end), (new, old))
}

fn is_routed(pass: &Pass) -> bool {
    canary(pass).is_some_and(|canary| canary.traffic_routing.is_some())
}

/// The new and the stable ReplicaSet are as large as the step wants them, and available.
pub(crate) fn is_at_desired(pass: &Pass) -> bool {
    let ((new, stable), is_alone) = match is_routed(pass) {
        true => (routed_counts(pass), true),
        false => (basic_counts(pass).0, others(pass).all(|index| pass.sets[index].available == 0)),
    };
    let is = |set: &super::replica_set::ReplicaSet, count: i32| {
        set.wanted == count && set.available == count
    };
    let stable_set = pass.stable_set().filter(|set| set.name != pass.new_set().name);
    is(pass.new_set(), new) && stable_set.is_none_or(|set| is(set, stable)) && is_alone
}

/// Scales towards the step, the stable one first; true if something changed size.
pub(crate) fn scale_canary(pass: &mut Pass) -> bool {
    keep_current(pass);
    let (new, stable) = match is_routed(pass) {
        true => routed_counts(pass),
        false => basic_counts(pass).1,
    };
    if let Some(index) = pass.stable.filter(|stable| *stable != pass.new)
        && pass.scale(index, stable)
    {
        return true;
    }
    scale_new(pass, new) || scale_down_others(pass)
}

/// The sets in use lose a deadline that they got when they were not.
pub(crate) fn keep_current(pass: &mut Pass) {
    if !canary::delays_scale_down(pass) {
        pass.set_deadline(pass.new, None);
    }
    if let Some(stable) = pass.stable.filter(|stable| *stable != pass.new) {
        pass.set_deadline(stable, None);
    }
}

/// Scales the new ReplicaSet; after an abort only when its time has come.
pub(crate) fn scale_new(pass: &mut Pass, count: i32) -> bool {
    if canary::delays_scale_down(pass) {
        match (pass.new_set().deadline, canary::abort_delay(pass)) {
            (Some(deadline), _) if pass.now >= deadline => return pass.scale(pass.new, 0),
            (Some(deadline), _) => pass.wake_at(deadline),
            (None, Some(delay)) => {
                let is_safe = pass.stable_set().is_some_and(|set| set.available == pass.replicas());
                if is_safe && pass.new_set().wanted > 0 {
                    let deadline = pass.now + delay;
                    pass.set_deadline(pass.new, Some(deadline));
                    pass.wake_at(deadline);
                }
            }
            (None, None) => {}
        }
        return false;
    }
    pass.scale(pass.new, count)
}

fn others<'a>(pass: &'a Pass) -> impl Iterator<Item = usize> + 'a {
    (0..pass.sets.len()).filter(|index| *index != pass.new && Some(*index) != pass.stable)
}

/// Old ReplicaSets: the former stable one after its delay, an overtaken canary at once.
pub(crate) fn scale_down_others(pass: &mut Pass) -> bool {
    let is_basic = canary(pass).is_some_and(|canary| canary.traffic_routing.is_none());
    let mut spare = pass.available() - (pass.replicas() - canary::max_unavailable(pass));
    let mut is_scaled = false;
    for index in others(pass).collect::<Vec<_>>().into_iter().rev() {
        let set = &pass.sets[index];
        if set.wanted == 0 || (!is_basic && is_referenced(pass, &set.hash)) {
            continue;
        }
        let count = if is_basic {
            let down = spare.clamp(0, set.wanted);
            spare -= down;
            set.wanted - down
        } else if let Some(deadline) = set.deadline {
            if pass.now < deadline {
                pass.wake_at(deadline);
                continue;
            }
            0
        } else if pass.is_fully_promoted() || pass.spec().strategy.blue_green.is_some() {
            let delay = canary::scale_down_delay(pass);
            if !delay.is_zero() {
                let deadline = pass.now + delay;
                pass.set_deadline(index, Some(deadline));
                pass.wake_at(deadline);
                continue;
            }
            0
        } else {
            0
        };
        is_scaled |= pass.scale(index, count);
    }
    is_scaled
}

fn is_referenced(pass: &Pass, hash: &str) -> bool {
    let was = pass.was();
    let weights =
        was.canary.weights.iter().flat_map(|weights| {
            [&weights.canary.pod_template_hash, &weights.stable.pod_template_hash]
        });
    let selectors = [
        &was.stable_rs,
        &was.current_pod_hash,
        &was.blue_green.active_selector,
        &was.blue_green.preview_selector,
    ];
    weights.chain(selectors).any(|reference| reference == hash)
}

/// Deletes empty ReplicaSets beyond the history limit, with their analysis runs.
pub(crate) fn trim_history(pass: &mut Pass) {
    let limit = pass.spec().revision_history_limit.unwrap_or(REVISION_HISTORY_LIMIT);
    let old = others(pass).collect::<Vec<_>>();
    let excess = old.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
    for index in old.into_iter().take(excess) {
        let set = &pass.sets[index];
        if set.wanted != 0 || set.actual != 0 {
            continue;
        }
        let (name, hash) = (set.name.clone(), set.hash.clone());
        analysis::forget(pass, &hash);
        pass.writes.push(Write::Delete { kind: &kinds::REPLICA_SET, name });
    }
}

/// A label selector as `status.selector` writes it.
pub(crate) fn selector_text(selector: Option<&Selector>, hash: Option<&str>) -> String {
    let mut labels = selector.map(|s| s.match_labels.clone()).unwrap_or_default();
    if let Some(hash) = hash {
        labels.insert(super::pass::HASH_LABEL.to_owned(), hash.to_owned());
    }
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}
