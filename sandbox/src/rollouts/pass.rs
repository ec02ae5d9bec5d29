//! One look of the controller at one Rollout: what it sees, and the writes it decides on.
//!
//! rollout + its children + the time -> [`reconcile`] -> writes (and when to look again). Nothing
//! here waits or stores: the loop in `controller` applies the writes and looks again until there
//! are none. The order of decisions is v1.9.1's, because clients see what lies in between.

use super::conditions::{self, set};
use super::hash::{pod_template_hash, step_hash};
use super::replica_set::{self, ReplicaSet};
use super::types::{Rollout, Spec, Status};
use super::{blue_green, canary, phase, validation};
use crate::kubernetes::kinds::{self, Kind};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The label and the Service selector key that carry the hash of a pod template.
pub const HASH_LABEL: &str = "rollouts-pod-template-hash";
pub(crate) const REVISION: &str = "rollout.argoproj.io/revision";
/// An invalid Rollout is looked at again after this long: its Service may come later.
const INVALID_RETRY: SignedDuration = SignedDuration::from_secs(20);

/// One change that the controller wants made in the rollout's namespace.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A new object.
    Create(Value),
    /// An RFC 7386 merge patch on the main object.
    Patch {
        /// What kind of object.
        kind: &'static Kind,
        /// Its name.
        name: String,
        /// The merge patch.
        patch: Value,
    },
    /// A whole new status.
    Status {
        /// What kind of object.
        kind: &'static Kind,
        /// Its name.
        name: String,
        /// The status.
        status: Value,
        /// Only if the object still has this resourceVersion; somebody else may have written.
        seen: Option<String>,
    },
    /// Away with it.
    Delete {
        /// What kind of object.
        kind: &'static Kind,
        /// Its name.
        name: String,
    },
}

/// What one look came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// In the order in which to make them. If the first is refused, none may be made.
    pub writes: Vec<Write>,
    /// Look again at this time, even if nothing changes until then.
    pub wake: Option<Timestamp>,
    /// The Rollout cannot be read at all, and why.
    pub unreadable: Option<String>,
}

/// Decides what to do about `rollout` at `now`. `children` are the objects around it: its
/// ReplicaSets, their pods (needed while restarting), its AnalysisRuns, and of its namespace the
/// Services, VirtualServices and AnalysisTemplates that it names.
pub fn reconcile(now: Timestamp, rollout: &Value, children: &[Arc<Value>]) -> Outcome {
    let read = match Rollout::deserialize(rollout) {
        Ok(read) => read,
        Err(error) => {
            return Outcome { unreadable: Some(error.to_string()), ..Outcome::default() };
        }
    };
    if read.metadata.deletion_timestamp.is_some() {
        return Outcome::default();
    }
    if read.spec.replicas.is_none() {
        let name = read.metadata.name;
        let patch = json!({"spec": {"replicas": 1}});
        let writes = vec![Write::Patch { kind: &kinds::ROLLOUT, name, patch }];
        return Outcome { writes, ..Outcome::default() };
    }
    let mut pass = Pass::new(now, rollout, read, children);
    if let Some(problem) = validation::problem(&pass.rollout, children) {
        pass.refuse(&problem);
        return pass.done();
    }
    let Some(new) = pass.sets.iter().position(|set| set.hash == pass.hash) else {
        pass.create_replica_set();
        return pass.done();
    };
    pass.new = new;
    let stable = &pass.rollout.status.stable_rs;
    pass.stable = pass.sets.iter().position(|set| !stable.is_empty() && set.hash == *stable);
    pass.is_way_back = pass.new_set().deadline.is_some() && !pass.was().abort;
    pass.sync_revision();
    if pass.is_fully_promoted() && pass.is_aborted() {
        pass.pause.remove_abort = true;
    }
    conditions::note_pause(&mut pass);
    match pass.rollout.spec.strategy.blue_green {
        Some(_) => blue_green::reconcile(&mut pass),
        None => canary::reconcile(&mut pass),
    }
    pass.done()
}

/// What is decided about pauses and the abort during one pass.
#[derive(Default)]
pub(crate) struct PauseChanges {
    pub(crate) add: Vec<&'static str>,
    pub(crate) remove: Vec<&'static str>,
    pub(crate) clear: bool,
    pub(crate) abort: Option<String>,
    pub(crate) remove_abort: bool,
}

pub(crate) struct Pass<'a> {
    pub(crate) now: Timestamp,
    raw: &'a Value,
    pub(crate) children: &'a [Arc<Value>],
    pub(crate) rollout: Rollout,
    /// The hash of the template that the spec asks for now.
    pub(crate) hash: String,
    pub(crate) sets: Vec<ReplicaSet>,
    /// Index in `sets` of the one that the spec asks for.
    pub(crate) new: usize,
    pub(crate) stable: Option<usize>,
    /// The new one was about to be scaled down: it is a way back that still runs.
    pub(crate) is_way_back: bool,
    pub(crate) next: Status,
    pub(crate) pause: PauseChanges,
    pub(crate) writes: Vec<Write>,
    pub(crate) wake: Option<Timestamp>,
}

impl<'a> Pass<'a> {
    fn new(now: Timestamp, raw: &'a Value, rollout: Rollout, children: &'a [Arc<Value>]) -> Self {
        // Times are stored in whole seconds; deciding in them too keeps a pass repeatable.
        let mut sets = of_kind(children, "ReplicaSet")
            .filter(|object| is_owned_by(object, &rollout.metadata.uid))
            .map(|object| ReplicaSet::read(object))
            .collect::<Vec<_>>();
        sets.sort_by_key(|set| set.revision);
        Pass {
            now,
            raw,
            children,
            hash: pod_template_hash(&rollout.spec.template),
            sets,
            new: 0,
            stable: None,
            is_way_back: false,
            next: Status::default(),
            pause: PauseChanges::default(),
            writes: Vec::new(),
            wake: None,
            rollout,
        }
    }

    fn done(self) -> Outcome {
        Outcome { writes: self.writes, wake: self.wake, unreadable: None }
    }

    pub(crate) fn spec(&self) -> &Spec {
        &self.rollout.spec
    }

    /// The status as it was when the pass began.
    pub(crate) fn was(&self) -> &Status {
        &self.rollout.status
    }

    pub(crate) fn replicas(&self) -> i32 {
        self.rollout.spec.replicas.unwrap_or(1)
    }

    pub(crate) fn new_set(&self) -> &ReplicaSet {
        &self.sets[self.new]
    }

    pub(crate) fn stable_set(&self) -> Option<&ReplicaSet> {
        self.stable.map(|index| &self.sets[index])
    }

    pub(crate) fn revision(&self) -> i64 {
        let revision = self.rollout.metadata.annotations.get(REVISION);
        revision.and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    pub(crate) fn is_fully_promoted(&self) -> bool {
        self.was().stable_rs == self.was().current_pod_hash
    }

    pub(crate) fn is_aborted(&self) -> bool {
        !self.pause.remove_abort && (self.pause.abort.is_some() || self.was().abort)
    }

    pub(crate) fn has_pause(&self, reason: &str) -> bool {
        self.was().pause_conditions.iter().any(|pause| pause.reason == reason)
    }

    /// Why nothing may be scaled or switched, if so: a person or an open question holds it.
    pub(crate) fn is_halted(&self) -> bool {
        self.spec().paused || self.has_pause("InconclusiveAnalysisRun")
    }

    pub(crate) fn available(&self) -> i32 {
        self.sets.iter().map(|set| set.available).sum()
    }

    pub(crate) fn step_hash(&self) -> String {
        match &self.rollout.spec.strategy.canary {
            Some(_) => step_hash(&self.raw["spec"]["strategy"]["canary"]["steps"]),
            None => String::new(),
        }
    }

    pub(crate) fn has_new_template(&self) -> bool {
        self.was().current_pod_hash != self.hash
    }

    pub(crate) fn wake_at(&mut self, time: Timestamp) {
        self.wake = Some(self.wake.map_or(time, |earlier| earlier.min(time)));
    }

    /// Scales one ReplicaSet; true if its size changed.
    pub(crate) fn scale(&mut self, index: usize, count: i32) -> bool {
        let replicas = self.replicas();
        let keeps_deadline = canary::delays_scale_down(self);
        let set = &mut self.sets[index];
        let is_resized = set.wanted != count;
        if !is_resized && set.desired == Some(replicas) {
            return false;
        }
        let mut annotations = json!({replica_set::DESIRED: replicas.to_string()});
        if count == 0 && !keeps_deadline && set.deadline.take().is_some() {
            annotations[replica_set::DEADLINE] = Value::Null;
        }
        (set.wanted, set.desired) = (count, Some(replicas));
        let name = set.name.clone();
        let patch = json!({"metadata": {"annotations": annotations}, "spec": {"replicas": count}});
        self.writes.push(Write::Patch { kind: &kinds::REPLICA_SET, name, patch });
        is_resized
    }

    /// Sets or removes the time at which a ReplicaSet may be scaled down.
    pub(crate) fn set_deadline(&mut self, index: usize, deadline: Option<Timestamp>) {
        let set = &mut self.sets[index];
        if set.deadline == deadline {
            return;
        }
        set.deadline = deadline;
        let text = deadline.map(crate::clock::kubernetes_time);
        let patch = json!({"metadata": {"annotations": {replica_set::DEADLINE: text}}});
        let name = set.name.clone();
        self.writes.push(Write::Patch { kind: &kinds::REPLICA_SET, name, patch });
    }

    /// What both strategies write of replicas and identity.
    pub(crate) fn begin_status(&mut self) {
        let was = &self.rollout.status;
        let conditions = was.conditions.iter().filter(|c| c.kind != "InvalidSpec").cloned();
        self.next.conditions = conditions.collect();
        self.next.current_pod_hash = self.new_set().hash.clone();
        self.next.stable_rs = self.was().stable_rs.clone();
        self.next.collision_count = self.was().collision_count;
        self.next.replicas = self.sets.iter().map(|set| set.actual).sum();
        self.next.updated_replicas = self.new_set().actual;
        self.next.ready_replicas = self.sets.iter().map(|set| set.ready).sum();
        if self.next.restarted_at.is_none() {
            self.next.restarted_at = self.was().restarted_at;
        }
        self.next.promote_full =
            self.was().promote_full && self.next.current_pod_hash != self.next.stable_rs;
    }

    /// A new template or new steps: all that belonged to the last update is forgotten.
    pub(crate) fn reset_status(&mut self) {
        self.pause.clear = true;
        self.pause.remove_abort = true;
        self.next.restarted_at = self.spec().restart_at;
        self.next.promote_full = false;
        let canary = self.rollout.spec.strategy.canary.as_ref();
        self.next.current_step_index = canary.filter(|c| !c.steps.is_empty()).map(|_| 0);
        self.next.canary.current_step_analysis_run_status = None;
        self.next.canary.current_background_analysis_run_status = None;
        self.next.blue_green.pre_promotion_analysis_run_status = None;
        self.next.blue_green.post_promotion_analysis_run_status = None;
        self.next.blue_green.scale_up_preview_check_point = false;
    }

    /// The current template becomes the stable one.
    pub(crate) fn promote(&mut self) {
        self.pause.clear = true;
        self.pause.remove_abort = true;
        self.next.promote_full = false;
        self.next.blue_green.scale_up_preview_check_point = false;
        let steps = self.rollout.spec.strategy.canary.as_ref().map_or(0, |c| c.steps.len());
        self.next.current_step_index = (steps > 0).then_some(steps as i32);
        self.next.stable_rs = self.next.current_pod_hash.clone();
    }

    /// Going back to one of the last revisions that `spec.rollbackWindow` lets skip the steps.
    pub(crate) fn is_within_rollback_window(&self) -> bool {
        let (Some(window), Some(stable)) = (&self.spec().rollback_window, self.stable_set()) else {
            return false;
        };
        let new = self.new_set();
        let between = |set: &&ReplicaSet| new.created < set.created && set.created < stable.created;
        new.created < stable.created
            && (self.sets.iter().filter(between).count() as i32) < window.revisions
    }

    /// Ends the pass: pauses, phase, and the status write if anything is different.
    pub(crate) fn finish(&mut self) {
        conditions::calculate(self);
        self.settle_pauses();
        self.write_status();
    }

    fn settle_pauses(&mut self) {
        if self.is_aborted() {
            self.next.abort = true;
            self.next.aborted_at = self.was().aborted_at.or(Some(self.now));
            return;
        }
        if self.pause.clear {
            return;
        }
        let mut pauses = self.was().pause_conditions.clone();
        let had = |reason: &str| self.has_pause(reason);
        let added: Vec<_> = self.pause.add.iter().copied().filter(|reason| !had(reason)).collect();
        pauses.retain(|pause| !self.pause.remove.contains(&pause.reason.as_str()));
        let is_new = !added.is_empty();
        pauses.extend(added.into_iter().map(|reason| super::types::PauseCondition {
            reason: reason.to_owned(),
            start_time: self.now,
        }));
        if !pauses.is_empty() {
            self.next.controller_pause = self.was().controller_pause || is_new;
            self.next.pause_conditions = pauses;
        }
    }

    fn write_status(&mut self) {
        self.next.observed_generation = self.rollout.metadata.generation.to_string();
        if self.spec().workload_ref.is_some() {
            let generation =
                self.rollout.metadata.annotations.get("rollout.argoproj.io/workload-generation");
            self.next.workload_observed_generation = generation.cloned().unwrap_or_default();
        }
        let (phase, message) = phase::phase(&self.rollout.spec, &self.next);
        self.next.phase = phase.to_owned();
        self.next.message = message;
        let status = serde_json::to_value(&self.next).unwrap_or_default();
        if self.raw.get("status") == Some(&status) {
            return;
        }
        let seen = self.raw["metadata"]["resourceVersion"].as_str().map(str::to_owned);
        let name = self.rollout.metadata.name.clone();
        // First, so that a person's write in between voids the whole pass.
        self.writes.insert(0, Write::Status { kind: &kinds::ROLLOUT, name, status, seen });
    }

    fn refuse(&mut self, problem: &str) {
        let message =
            format!("The Rollout \"{}\" is invalid: {problem}", self.rollout.metadata.name);
        self.next = self.was().clone();
        let is_known =
            |c: &super::types::Condition| c.kind == "InvalidSpec" && c.message == message;
        if !self.next.conditions.iter().any(is_known) {
            self.next.conditions.retain(|c| c.kind != "InvalidSpec");
            set(&mut self.next.conditions, self.now, "InvalidSpec", "True", "InvalidSpec", message);
        }
        self.write_status();
        self.wake_at(self.now + INVALID_RETRY);
    }

    fn create_replica_set(&mut self) {
        let revision = self.sets.iter().map(|set| set.revision).max().unwrap_or_default() + 1;
        let set = replica_set::desired(&self.rollout, &self.hash, revision);
        let name = &self.rollout.metadata.name;
        let message = format!("Created new replica set \"{name}-{}\"", self.hash);
        self.next = self.was().clone();
        // The status still tells of the last template: only a condition says that more is coming.
        let generation = self.next.observed_generation.clone();
        set_new(&mut self.next, self.now, message);
        self.write_status();
        if let Some(Write::Status { status, .. }) = self.writes.first_mut()
            && !generation.is_empty()
        {
            status["observedGeneration"] = json!(generation);
        }
        self.writes.push(Write::Create(set));
        self.set_rollout_revision(revision);
    }

    /// An older template that is asked for again gets the newest revision number.
    fn sync_revision(&mut self) {
        let newest_other = self.sets.iter().enumerate().filter(|(index, _)| *index != self.new);
        let newest_other = newest_other.map(|(_, set)| set.revision).max().unwrap_or_default();
        let revision = newest_other + 1;
        if self.new_set().revision < revision {
            self.sets[self.new].revision = revision;
            let name = self.new_set().name.clone();
            let patch = json!({"metadata": {"annotations": {REVISION: revision.to_string()}}});
            self.writes.push(Write::Patch { kind: &kinds::REPLICA_SET, name, patch });
        }
        let revision = self.new_set().revision;
        if self.revision() != revision {
            self.set_rollout_revision(revision);
        }
    }

    fn set_rollout_revision(&mut self, revision: i64) {
        let name = self.rollout.metadata.name.clone();
        let patch = json!({"metadata": {"annotations": {REVISION: revision.to_string()}}});
        self.rollout.metadata.annotations.insert(REVISION.to_owned(), revision.to_string());
        self.writes.push(Write::Patch { kind: &kinds::ROLLOUT, name, patch });
    }
}

fn set_new(status: &mut Status, now: Timestamp, message: String) {
    set(&mut status.conditions, now, "Progressing", "True", "NewReplicaSetCreated", message);
}

/// The objects of one kind among the children.
pub(crate) fn of_kind<'a>(
    children: &'a [Arc<Value>],
    kind: &'a str,
) -> impl Iterator<Item = &'a Arc<Value>> {
    children.iter().filter(move |object| object["kind"] == kind)
}

/// One object among the children by kind and name.
pub(crate) fn find_named<'a>(
    children: &'a [Arc<Value>],
    kind: &'a str,
    name: &str,
) -> Option<&'a Arc<Value>> {
    of_kind(children, kind).find(|object| object["metadata"]["name"] == name)
}

/// Whether an object's controlling owner has this uid.
pub(crate) fn is_owned_by(object: &Value, uid: &str) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == uid))
}
