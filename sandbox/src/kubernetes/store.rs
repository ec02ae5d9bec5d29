//! The objects of one pretend cluster, with versions and a bounded history for watches.
//!
//! Every change takes the next resourceVersion of the whole cluster, as etcd's revisions do, and
//! leaves an [`Event`]; a watch is "everything after version N". When the history no longer
//! reaches back to N the watch is [`Expired`] and its client has to list again.
//!
//! What a write may touch follows kube-apiserver: a write to the main object keeps the status of
//! kinds with a status subresource, a write to the status keeps all the rest, identity and
//! creation time never change, and a write that changes nothing makes no new version (`rules`).

mod rules;
#[cfg(test)]
mod tests;

use super::definition::definition;
use super::kinds::{self, Kind, Origin};
use crate::clock::{Clock, kubernetes_time};
use rules::{check_preconditions, merge_part, overlay};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::watch;

/// How many changes are remembered for watches that resume. A real API server keeps minutes of
/// etcd history; this holds a minute of the busiest demo and several boots of a small one.
pub const HISTORY_LIMIT: usize = 20_000;

/// The version of an empty cluster: not small, so that nobody takes versions for counts.
const FIRST_VERSION: u64 = 1_000;

/// One pretend cluster; clones are handles to the same objects.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    name: String,
    clock: Clock,
    state: RwLock<State>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    version: u64,
    /// Versions up to this one can no longer be resumed from.
    compacted: u64,
    installed: BTreeSet<&'static Kind>,
    /// Kind, then namespace (empty for cluster-wide kinds), then name.
    objects: HashMap<&'static Kind, BTreeMap<String, BTreeMap<String, Arc<Value>>>>,
    history: VecDeque<Event>,
}

/// One change of one object, as a watch tells it.
#[derive(Clone, Debug)]
pub struct Event {
    /// The cluster's version after the change; also the object's.
    pub version: u64,
    /// The object's kind.
    pub kind: &'static Kind,
    /// What happened to it.
    pub change: Change,
    /// The object after the change, or as it was last when deleted.
    pub object: Arc<Value>,
    /// The object before the change, for watches with a selector that it may have left.
    pub before: Option<Arc<Value>>,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was created.
    Added,
    /// It has a new version.
    Modified,
    /// It is gone.
    Deleted,
}

/// The history no longer reaches back to the version asked for (HTTP 410).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The oldest version that can still be resumed from.
    pub oldest: u64,
}

/// Why the store refused a write.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreError {
    /// No such kind in this cluster, or its definition is not installed.
    UnknownKind {
        /// As the object said it.
        api_version: String,
        /// As the object said it.
        kind: String,
    },
    /// The object cannot be stored as it is; the text says why.
    Invalid(String),
    /// No such object.
    NotFound {
        /// Its kind.
        kind: &'static Kind,
        /// Its name.
        name: String,
    },
    /// An object of that name is there already.
    AlreadyExists {
        /// Its kind.
        kind: &'static Kind,
        /// Its name.
        name: String,
    },
    /// The write carried a version or identity that is no longer the object's.
    Conflict {
        /// The object's kind.
        kind: &'static Kind,
        /// The object's name.
        name: String,
        /// Kubernetes' sentence.
        message: String,
    },
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StoreError::UnknownKind { api_version, kind } => {
                write!(f, "no kind {kind} in {api_version} is installed")
            }
            StoreError::Invalid(why) => f.write_str(why),
            StoreError::NotFound { kind, name } => {
                write!(f, "{} \"{name}\" not found", kind.resource())
            }
            StoreError::AlreadyExists { kind, name } => {
                write!(f, "{} \"{name}\" already exists", kind.resource())
            }
            StoreError::Conflict { kind, name, message } => {
                write!(
                    f,
                    "Operation cannot be fulfilled on {} \"{name}\": {message}",
                    kind.resource()
                )
            }
        }
    }
}

impl std::error::Error for StoreError {}

/// Which part of an object a write may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All but the status (of kinds that have a status subresource).
    Main,
    /// The status alone.
    Status,
}

impl Cluster {
    /// An empty cluster in which every kind of the table is installed.
    pub fn new(name: &str, clock: Clock) -> Cluster {
        let state = State { version: FIRST_VERSION, compacted: FIRST_VERSION, ..State::default() };
        let cluster = Cluster(Arc::new(Inner {
            name: name.to_owned(),
            clock,
            state: RwLock::new(state),
            changed: watch::channel(FIRST_VERSION).0,
        }));
        for kind in kinds::ALL {
            cluster.install(kind);
        }
        cluster
    }

    /// The cluster's name in kubeconfigs and on the control page.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The clock its objects are stamped by.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The newest resourceVersion; notified after every change.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// The newest resourceVersion.
    pub fn version(&self) -> u64 {
        self.read().version
    }

    /// One object; `namespace` is ignored for cluster-wide kinds.
    pub fn get(&self, kind: &Kind, namespace: &str, name: &str) -> Option<Value> {
        self.get_shared(kind, namespace, name).map(|object| (*object).clone())
    }

    /// One object without copying it.
    pub fn get_shared(&self, kind: &Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.read().find(kind, namespace, name).cloned()
    }

    /// All objects of a kind, by namespace and name; `None` is every namespace.
    pub fn list(&self, kind: &Kind, namespace: Option<&str>) -> Vec<Value> {
        self.list_shared(kind, namespace).iter().map(|object| (**object).clone()).collect()
    }

    /// All objects of a kind without copying them: cheap for thousands.
    pub fn list_shared(&self, kind: &Kind, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.read().list(kind, namespace)
    }

    /// All objects of a kind and the version at which this was the whole truth.
    pub fn snapshot(&self, kind: &Kind, namespace: Option<&str>) -> (u64, Vec<Arc<Value>>) {
        let state = self.read();
        (state.version, state.list(kind, namespace))
    }

    /// What happened to objects of `kind` after `version`, oldest first.
    pub fn events_since(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<(u64, Vec<Event>), Expired> {
        let state = self.read();
        if version < state.compacted {
            return Err(Expired { oldest: state.compacted });
        }
        let first = state.history.partition_point(|event| event.version <= version);
        let events = state
            .history
            .range(first..)
            .filter(|event| event.kind == kind)
            .filter(|event| namespace.is_none_or(|ns| namespace_of(&event.object) == ns))
            .cloned()
            .collect();
        Ok((state.version, events))
    }

    /// Forgets the history: every watch that resumes from an older version is answered 410.
    pub fn compact(&self) {
        let mut state = self.write();
        state.history.clear();
        state.compacted = state.version;
        // A version of its own, so that a resume from the newest version known to anyone is old.
        state.version += 1;
        state.compacted += 1;
        self.publish(state);
    }

    /// Whether objects of this kind can be stored and served.
    pub fn is_installed(&self, kind: &Kind) -> bool {
        self.read().installed.contains(kind)
    }

    /// The kinds that are installed, in the table's order.
    pub fn installed(&self) -> Vec<&'static Kind> {
        let state = self.read();
        kinds::ALL.iter().copied().filter(|kind| state.installed.contains(kind)).collect()
    }

    /// Makes a kind known; a custom one gets its CustomResourceDefinition.
    pub fn install(&self, kind: &'static Kind) {
        let definition = match kind.origin() {
            Origin::BuiltIn => None,
            Origin::Custom => Some(definition(kind, self.0.clock.now())),
        };
        self.write().installed.insert(kind);
        if let Some(definition) = definition {
            // The table's own definition is complete, so storing it cannot be refused.
            let _ = self.apply(definition);
        }
    }

    /// Removes a custom kind, its CustomResourceDefinition and all its objects, as deleting the
    /// definition does; gives back the objects. Built-in kinds stay.
    pub fn uninstall(&self, kind: &'static Kind) -> Vec<Arc<Value>> {
        if kind.origin() == Origin::BuiltIn {
            return Vec::new();
        }
        let mut state = self.write();
        let gone = state.list(kind, None);
        for object in &gone {
            state.remove(kind, namespace_of(object), name_of(object));
        }
        state.remove(&kinds::CUSTOM_RESOURCE_DEFINITION, "", &kind.resource());
        state.installed.remove(kind);
        self.publish(state);
        gone
    }

    /// Creates an object, or replaces all but its identity and status, as `kubectl apply` would:
    /// labels and annotations that the new manifest does not name stay (controllers write there),
    /// and so does the status of an object that comes without one. A creation time, uid and status
    /// given with a *new* object are kept, so that a world can begin in the middle of its story.
    pub fn apply(&self, object: Value) -> Result<Value, StoreError> {
        let kind = kind_of(&object)?;
        let (namespace, name) = key_of(kind, &object)?;
        if self.get_shared(kind, &namespace, &name).is_none() {
            match self.create(object.clone()) {
                // Created by somebody else in between: theirs is the live object now.
                Err(StoreError::AlreadyExists { .. }) => {}
                done => return done,
            }
        }
        self.change(kind, &namespace, &name, Part::Main, |live| {
            overlay(live, object);
            Ok::<(), StoreError>(())
        })
    }

    /// Creates an object that must not exist yet.
    pub fn create(&self, mut object: Value) -> Result<Value, StoreError> {
        let kind = kind_of(&object)?;
        let (namespace, name) = key_of(kind, &object)?;
        let now = kubernetes_time(self.0.clock.now());
        let mut state = self.write();
        if !state.installed.contains(kind) {
            return Err(StoreError::UnknownKind {
                api_version: kind.api_version(),
                kind: kind.kind.to_owned(),
            });
        }
        if state.find(kind, &namespace, &name).is_some() {
            return Err(StoreError::AlreadyExists { kind, name });
        }
        let metadata = metadata_mut(&mut object)?;
        if kind.namespaced {
            metadata.insert("namespace".to_owned(), json!(namespace));
        } else {
            metadata.remove("namespace");
        }
        metadata.entry("uid").or_insert_with(|| json!(uid()));
        metadata.entry("creationTimestamp").or_insert_with(|| json!(now));
        if metadata["creationTimestamp"].is_null() {
            metadata.insert("creationTimestamp".to_owned(), json!(now));
        }
        metadata.insert("generation".to_owned(), json!(1));
        let stored = state.put(kind, object, None);
        self.publish(state);
        Ok((*stored).clone())
    }

    /// Changes an object's status; of what `change` does to the rest of it, nothing is kept. For
    /// kinds without a status subresource this is the status inside the main object.
    pub fn write_status(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Value, StoreError> {
        self.change(kind, namespace, name, Part::Status, |object| {
            change(object);
            Ok::<(), StoreError>(())
        })
    }

    /// Changes the main object (not the status of kinds with a status subresource).
    pub fn modify(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Value, StoreError> {
        self.change(kind, namespace, name, Part::Main, |object| {
            change(object);
            Ok::<(), StoreError>(())
        })
    }

    /// Reads, changes and writes one object in one step. If `change` fails nothing is written. A
    /// resourceVersion or uid that `change` set to another value than the object's is a precondition
    /// that failed, as it is for kube-apiserver after it applied a patch.
    pub fn change<E: From<StoreError>>(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
        part: Part,
        change: impl FnOnce(&mut Value) -> Result<(), E>,
    ) -> Result<Value, E> {
        let mut state = self.write();
        let Some((kind, live)) = state.entry(kind, namespace, name) else {
            let kind = Kind::find(&kind.api_version(), kind.kind).ok_or_else(|| {
                StoreError::UnknownKind {
                    api_version: kind.api_version(),
                    kind: kind.kind.to_owned(),
                }
            })?;
            return Err(StoreError::NotFound { kind, name: name.to_owned() }.into());
        };
        let mut wanted = (*live).clone();
        change(&mut wanted)?;
        check_preconditions(kind, name, &live, &wanted)?;
        let next = merge_part(kind, part, &live, wanted)?;
        if next == *live {
            return Ok(next);
        }
        let stored = state.put(kind, next, Some(live));
        self.publish(state);
        Ok((*stored).clone())
    }

    /// Deletes an object and, as the garbage collector would, everything it owns; gives back the
    /// object. A namespace takes its objects along.
    pub fn delete(&self, kind: &Kind, namespace: &str, name: &str) -> Option<Value> {
        let mut state = self.write();
        let (kind, _) = state.entry(kind, namespace, name)?;
        let gone = state.remove(kind, namespace, name)?;
        if *kind == kinds::NAMESPACE {
            state.remove_namespace(name);
        }
        state.remove_orphans(&gone);
        self.publish(state);
        Some((*gone).clone())
    }

    fn publish(&self, state: RwLockWriteGuard<'_, State>) {
        let version = state.version;
        drop(state);
        // Another writer may have published a newer version already; never go back.
        self.0.changed.send_if_modified(|newest| {
            let newer = version > *newest;
            *newest = version.max(*newest);
            newer
        });
    }

    // A panic while holding the lock would be a bug in this file; the objects are still whole,
    // because they are exchanged one by one, so a poisoned lock is taken over.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.state.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn find(&self, kind: &Kind, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        let namespace = if kind.namespaced { namespace } else { "" };
        self.objects.get(kind)?.get(namespace)?.get(name)
    }

    fn entry(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
    ) -> Option<(&'static Kind, Arc<Value>)> {
        let (kind, _) = self.objects.get_key_value(kind)?;
        Some((kind, self.find(kind, namespace, name)?.clone()))
    }

    fn list(&self, kind: &Kind, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let Some(namespaces) = self.objects.get(kind) else { return Vec::new() };
        match namespace {
            Some(namespace) => {
                namespaces.get(namespace).map(|n| n.values().cloned().collect()).unwrap_or_default()
            }
            None => namespaces.values().flat_map(BTreeMap::values).cloned().collect(),
        }
    }

    fn put(
        &mut self,
        kind: &'static Kind,
        mut object: Value,
        before: Option<Arc<Value>>,
    ) -> Arc<Value> {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let object = Arc::new(object);
        self.objects
            .entry(kind)
            .or_default()
            .entry(namespace_of(&object).to_owned())
            .or_default()
            .insert(name_of(&object).to_owned(), object.clone());
        let change = if before.is_some() { Change::Modified } else { Change::Added };
        self.remember(Event {
            version: self.version,
            kind,
            change,
            object: object.clone(),
            before,
        });
        object
    }

    fn remove(&mut self, kind: &'static Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let namespace = if kind.namespaced { namespace } else { "" };
        let before = self.objects.get_mut(kind)?.get_mut(namespace)?.remove(name)?;
        self.version += 1;
        let mut last = (*before).clone();
        last["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let last = Arc::new(last);
        self.remember(Event {
            version: self.version,
            kind,
            change: Change::Deleted,
            object: last.clone(),
            before: Some(before),
        });
        Some(last)
    }

    fn remove_namespace(&mut self, namespace: &str) {
        let inside: Vec<_> = self
            .objects
            .iter()
            .filter(|(kind, _)| kind.namespaced)
            .filter_map(|(kind, namespaces)| Some((*kind, namespaces.get(namespace)?)))
            .flat_map(|(kind, objects)| objects.keys().map(move |name| (kind, name.clone())))
            .collect();
        for (kind, name) in inside {
            self.remove(kind, namespace, &name);
        }
    }

    /// Removes what `owner` owned, and what that owned in turn.
    fn remove_orphans(&mut self, owner: &Value) {
        let owner_uid = &owner["metadata"]["uid"];
        let owned: Vec<(&'static Kind, Arc<Value>)> = self
            .objects
            .iter()
            .flat_map(|(kind, namespaces)| {
                namespaces.values().flat_map(BTreeMap::values).map(move |object| (*kind, object))
            })
            .filter(|(_, object)| {
                object["metadata"]["ownerReferences"].as_array().is_some_and(|owners| {
                    !owners.is_empty() && owners.iter().all(|owner| owner["uid"] == *owner_uid)
                })
            })
            .map(|(kind, object)| (kind, object.clone()))
            .collect();
        for (kind, object) in owned {
            if let Some(gone) = self.remove(kind, namespace_of(&object), name_of(&object)) {
                self.remove_orphans(&gone);
            }
        }
    }

    fn remember(&mut self, event: Event) {
        if self.history.len() == HISTORY_LIMIT
            && let Some(forgotten) = self.history.pop_front()
        {
            self.compacted = forgotten.version;
        }
        self.history.push_back(event);
    }
}

/// An object's namespace; empty for cluster-wide ones.
pub fn namespace_of(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

/// An object's name.
pub fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn kind_of(object: &Value) -> Result<&'static Kind, StoreError> {
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let kind = object["kind"].as_str().unwrap_or_default();
    Kind::find(api_version, kind).ok_or_else(|| StoreError::UnknownKind {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
    })
}

fn key_of(kind: &Kind, object: &Value) -> Result<(String, String), StoreError> {
    let name = name_of(object);
    if name.is_empty() {
        return Err(StoreError::Invalid("metadata.name: Required value".to_owned()));
    }
    let namespace = match (kind.namespaced, namespace_of(object)) {
        (false, _) => "",
        (true, "") => "default",
        (true, namespace) => namespace,
    };
    Ok((namespace.to_owned(), name.to_owned()))
}

fn metadata_mut(object: &mut Value) -> Result<&mut Map<String, Value>, StoreError> {
    object
        .get_mut("metadata")
        .and_then(Value::as_object_mut)
        .ok_or_else(|| StoreError::Invalid("metadata: Required value".to_owned()))
}

fn uid() -> String {
    let bits = rand::random::<u128>();
    // RFC 9562 version 4, variant 10.
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
