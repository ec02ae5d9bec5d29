//! The loop around the pure passes: what changed in the cluster -> whom it concerns -> look, write.
//!
//! Nothing is listed again: an index of who belongs to whom is kept from the cluster's own events,
//! so that among thousands of idle rollouts one change costs one pass.

use super::pass::{Outcome, Write, reconcile};
use super::traffic::{SUSTAINED, Traffic, answer};
use super::{analysis, pods, renewal, run};
use crate::clock::Clock;
use crate::kubernetes::kinds::{self, Kind};
use crate::kubernetes::store::{Change, Cluster, Event, Part, StoreError};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// How long a pod takes to become Ready.
const POD_START: Duration = Duration::from_secs(4);

/// Looks in one turn, against a world that never rests; what is left waits for the next turn.
const LOOKS_AT_ONCE: usize = 100_000;

/// What the controller watches. Deletions of the rest need no answer.
static WATCHED: [&Kind; 8] = [
    &kinds::ROLLOUT,
    &kinds::REPLICA_SET,
    &kinds::POD,
    &kinds::ANALYSIS_RUN,
    &kinds::ANALYSIS_TEMPLATE,
    &kinds::CLUSTER_ANALYSIS_TEMPLATE,
    &kinds::SERVICE,
    &kinds::VIRTUAL_SERVICE,
];

/// Kind, namespace and name.
type Key = (&'static Kind, String, String);

/// The pretend Argo Rollouts controller of one cluster, with the pods' keeper.
pub struct Controller {
    cluster: Cluster,
    clock: Clock,
    traffic: Traffic,
    seen: u64,
    is_listed: bool,
    /// Owner's uid -> what it owns.
    owned: HashMap<String, BTreeSet<Key>>,
    /// uid -> who has it.
    keys: HashMap<String, Key>,
    /// Namespace, kind and name of a referenced object -> the Rollouts that name it.
    references: HashMap<Key, BTreeSet<Key>>,
    referenced_by: HashMap<Key, Vec<Key>>,
    due: BinaryHeap<Reverse<(Timestamp, Key)>>,
    planned: HashMap<Key, Timestamp>,
    queue: BTreeSet<Key>,
    /// Passes made so far; a test counts what a change costs.
    pub passes: usize,
}

/// Runs a controller for ever.
pub async fn run(cluster: Cluster, clock: Clock, traffic: Traffic) {
    let mut changed = cluster.changed();
    let mut controller = Controller::new(cluster, clock.clone(), traffic);
    loop {
        changed.borrow_and_update();
        controller.settle();
        let next = controller.next_due();
        tokio::select! {
            change = changed.changed() => if change.is_err() { return },
            () = async { match next {
                Some(time) => clock.wait_until(time).await,
                None => std::future::pending().await,
            }} => {}
        }
    }
}

impl Controller {
    /// A controller that has seen nothing yet.
    pub fn new(cluster: Cluster, clock: Clock, traffic: Traffic) -> Controller {
        Controller {
            cluster,
            clock,
            traffic,
            seen: 0,
            is_listed: false,
            owned: HashMap::new(),
            keys: HashMap::new(),
            references: HashMap::new(),
            referenced_by: HashMap::new(),
            due: BinaryHeap::new(),
            planned: HashMap::new(),
            queue: BTreeSet::new(),
            passes: 0,
        }
    }

    /// Looks at everything that changed or is due, until nothing more is to be done now.
    pub fn settle(&mut self) {
        // Our own writes come back as events, so a quiet round is the end. The bound only guards
        // against a world that never rests.
        for _ in 0..LOOKS_AT_ONCE {
            self.read_events();
            self.take_due();
            let Some(key) = self.queue.pop_first() else { return };
            self.look(&key);
        }
    }

    /// When there is something to do even if nothing changes.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.peek().map(|Reverse((time, _))| *time)
    }

    fn read_events(&mut self) {
        let version = self.cluster.version();
        if self.is_listed && version == self.seen {
            return;
        }
        let events: Result<Vec<Vec<Event>>, _> = match self.is_listed {
            true => {
                let since = |kind: &&'static Kind| {
                    self.cluster.events_since(kind, None, self.seen).map(|(_, events)| events)
                };
                WATCHED.iter().map(since).collect()
            }
            false => Ok(Vec::new()),
        };
        match events {
            Ok(kinds) if self.is_listed => {
                let mut events: Vec<_> =
                    kinds.into_iter().flatten().filter(|e| e.version <= version).collect();
                events.sort_by_key(|event| event.version);
                for event in &events {
                    self.note(event.kind, &event.object, event.change == Change::Deleted);
                }
            }
            _ => self.list_again(),
        }
        self.is_listed = true;
        self.seen = version;
    }

    fn list_again(&mut self) {
        self.owned.clear();
        self.keys.clear();
        for kind in WATCHED {
            for object in self.cluster.list_shared(kind, None) {
                self.note(kind, &object, false);
            }
        }
    }

    /// Takes one change into the index and queues whom it concerns.
    fn note(&mut self, kind: &'static Kind, object: &Value, is_gone: bool) {
        let key = key_of(kind, object);
        let uid = text(&object["metadata"]["uid"]);
        let owners = object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
        for owner in owners.map(|owner| text(&owner["uid"])) {
            let owned = self.owned.entry(owner.clone()).or_default();
            match is_gone {
                true => owned.remove(&key),
                false => owned.insert(key.clone()),
            };
            self.queue.extend(self.keys.get(&owner).cloned());
        }
        if is_gone {
            self.keys.remove(&uid);
            self.owned.remove(&uid);
        } else {
            self.keys.insert(uid, key.clone());
        }
        self.queue.extend(self.references.get(&key).into_iter().flatten().cloned());
        match kind.kind {
            "Rollout" if is_gone => self.forget_references(&key),
            "Rollout" => {
                self.remember_references(&key, object);
                self.queue.insert(key);
            }
            "ReplicaSet" | "AnalysisRun" if !is_gone => drop(self.queue.insert(key)),
            _ => {}
        }
    }

    fn forget_references(&mut self, rollout: &Key) {
        for reference in self.referenced_by.remove(rollout).into_iter().flatten() {
            if let Some(users) = self.references.get_mut(&reference) {
                users.remove(rollout);
            }
        }
    }

    fn remember_references(&mut self, key: &Key, rollout: &Value) {
        let references = self.references_of(&key.1, rollout);
        if self.referenced_by.get(key) == Some(&references) {
            return;
        }
        self.forget_references(key);
        for reference in &references {
            self.references.entry(reference.clone()).or_default().insert(key.clone());
        }
        self.referenced_by.insert(key.clone(), references);
    }

    /// The Services, the VirtualService and the templates that a Rollout names.
    fn references_of(&self, namespace: &str, rollout: &Value) -> Vec<Key> {
        let strategy = &rollout["spec"]["strategy"];
        let (canary, blue_green) = (&strategy["canary"], &strategy["blueGreen"]);
        let mut found = Vec::new();
        let mut add = |kind: &'static Kind, name: &Value| {
            if let Some(name) = name.as_str() {
                let namespace = if kind.namespaced { namespace } else { "" };
                found.push((kind, namespace.to_owned(), name.to_owned()));
            }
        };
        for service in [
            &canary["stableService"],
            &canary["canaryService"],
            &blue_green["activeService"],
            &blue_green["previewService"],
        ] {
            add(&kinds::SERVICE, service);
        }
        add(&kinds::VIRTUAL_SERVICE, &canary["trafficRouting"]["istio"]["virtualService"]["name"]);
        let steps = canary["steps"].as_array().into_iter().flatten().map(|step| &step["analysis"]);
        let analyses = [
            &canary["analysis"],
            &blue_green["prePromotionAnalysis"],
            &blue_green["postPromotionAnalysis"],
        ];
        let mut templates: Vec<Value> = Vec::new();
        for analysis in steps.chain(analyses) {
            templates.extend(analysis["templates"].as_array().into_iter().flatten().cloned());
        }
        // Templates name further templates; the depth is bounded against circles.
        let mut known = BTreeSet::new();
        while let Some(reference) = templates.pop() {
            let name = &reference["templateName"];
            let kind = match reference["clusterScope"] == true {
                true => &kinds::CLUSTER_ANALYSIS_TEMPLATE,
                false => &kinds::ANALYSIS_TEMPLATE,
            };
            if known.insert((kind, text(name))) {
                add(kind, name);
                let inner = self.cluster.get_shared(kind, namespace, &text(name));
                let inner = inner.iter().flat_map(|t| {
                    t["spec"]["templates"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .cloned()
                        .collect::<Vec<_>>()
                });
                templates.extend(inner);
            }
        }
        found
    }

    fn take_due(&mut self) {
        let now = self.clock.now();
        while let Some(Reverse((time, _))) = self.due.peek()
            && *time <= now
        {
            if let Some(Reverse((time, key))) = self.due.pop()
                && self.planned.get(&key) == Some(&time)
            {
                self.planned.remove(&key);
                self.queue.insert(key);
            }
        }
    }

    fn plan(&mut self, key: &Key, wake: Option<Timestamp>) {
        match wake {
            Some(time) if self.planned.get(key) != Some(&time) => {
                self.planned.insert(key.clone(), time);
                self.due.push(Reverse((time, key.clone())));
            }
            Some(_) => {}
            None => drop(self.planned.remove(key)),
        }
    }

    fn look(&mut self, key: &Key) {
        let (kind, namespace, name) = key;
        let Some(object) = self.cluster.get_shared(kind, namespace, name) else {
            return self.plan(key, None);
        };
        self.passes += 1;
        let now = self.clock.now();
        let outcome = match kind.kind {
            "Rollout" => {
                let mut children = self.children(&object);
                for (kind, namespace, name) in self.referenced_by.get(key).into_iter().flatten() {
                    children.extend(self.cluster.get_shared(kind, namespace, name));
                }
                let outcome = reconcile(now, &object, &children);
                match outcome.writes.is_empty() {
                    true => with(outcome, renewal::renew(now, &object)),
                    false => outcome,
                }
            }
            "ReplicaSet" => {
                let start = self.clock.scale(POD_START);
                let start = SignedDuration::try_from(start).unwrap_or_default();
                pods::keep(now, &object, &self.children(&object), start)
            }
            _ => self.measure(now, &object),
        };
        if let Some(why) = &outcome.unreadable {
            tracing::debug!(%namespace, %name, "the rollout cannot be read: {why}");
        }
        let is_refused = self.write(namespace, &outcome).is_err();
        self.plan(key, outcome.wake);
        if is_refused {
            // Somebody wrote in between: the next look sees more.
            self.queue.insert(key.clone());
        }
    }

    /// What an object owns, and (for pods) what that owns in turn.
    fn children(&self, object: &Value) -> Vec<Arc<Value>> {
        let mut found = Vec::new();
        for (kind, namespace, name) in
            self.owned.get(&text(&object["metadata"]["uid"])).into_iter().flatten()
        {
            let Some(child) = self.cluster.get_shared(kind, namespace, name) else { continue };
            if object["spec"]["restartAt"].is_string() && *kind == &kinds::REPLICA_SET {
                found.extend(self.children(&child));
            }
            found.push(child);
        }
        found
    }

    fn measure(&self, now: Timestamp, object: &Arc<Value>) -> Outcome {
        if analysis::is_done(object["status"]["phase"].as_str().unwrap_or_default()) {
            return Outcome::default();
        }
        let (namespace, name) =
            (text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]));
        let rollout = text(&object["metadata"]["ownerReferences"][0]["name"]);
        let hash = text(&object["metadata"]["labels"][super::pass::HASH_LABEL]);
        let set =
            self.cluster.get_shared(&kinds::REPLICA_SET, &namespace, &format!("{rollout}-{hash}"));
        let image = set.map(|set| text(&set["spec"]["template"]["spec"]["containers"][0]["image"]));
        let signals = self.traffic.signals(&namespace, &rollout, &image.unwrap_or_default());
        let started: Option<Timestamp> =
            object["status"]["startedAt"].as_str().and_then(|t| t.parse().ok());
        let observed = now.duration_since(started.unwrap_or(now));
        let observed = Duration::try_from(observed).unwrap_or_default();
        let sustained = self.clock.scale(SUSTAINED);
        let found =
            run::assess(now, object, &mut |metric| answer(metric, signals, observed, sustained));
        let kind = &kinds::ANALYSIS_RUN;
        let writes = found.status.map(|status| Write::Status { kind, name, status, seen: None });
        Outcome { writes: writes.into_iter().collect(), wake: found.wake, unreadable: None }
    }

    /// Makes the writes in order; stops at the first that is refused.
    fn write(&self, namespace: &str, outcome: &Outcome) -> Result<(), StoreError> {
        for write in &outcome.writes {
            apply(&self.cluster, namespace, write)?;
        }
        Ok(())
    }
}

/// Both sets of writes, and the earlier of the two times.
fn with(mut one: Outcome, other: Outcome) -> Outcome {
    one.writes.extend(other.writes);
    one.wake = one.wake.into_iter().chain(other.wake).min();
    one
}

fn apply(cluster: &Cluster, namespace: &str, write: &Write) -> Result<(), StoreError> {
    match write {
        Write::Create(object) => match cluster.create(object.clone()) {
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error),
        },
        Write::Patch { kind, name, patch } => {
            cluster.modify(kind, namespace, name, |live| json_patch::merge(live, patch)).map(drop)
        }
        Write::Status { kind, name, status, seen } => cluster
            .change(kind, namespace, name, Part::Status, |live| {
                if let Some(seen) = seen {
                    live["metadata"]["resourceVersion"] = seen.clone().into();
                }
                live["status"] = status.clone();
                Ok::<(), StoreError>(())
            })
            .map(drop),
        Write::Delete { kind, name } => {
            cluster.delete(kind, namespace, name);
            Ok(())
        }
    }
}

fn key_of(kind: &'static Kind, object: &Value) -> Key {
    let metadata = &object["metadata"];
    (kind, text(&metadata["namespace"]), text(&metadata["name"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
