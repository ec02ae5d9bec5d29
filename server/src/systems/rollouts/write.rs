//! Resume and abort, as JSON patches that hold the rollout to what was decided on.
//!
//! ```text
//! Audited --read--> same as permitted? --patch with `test`--> the cluster's answer
//! ```
//!
//! A patch without preconditions resumes whatever pause it finds, and pressed twice skips a step:
//! <https://github.com/argoproj/argo-rollouts/blob/v1.9.1/pkg/kubectl-argo-rollouts/cmd/promote/promote.go>.
//! These patches name the object, its pods, its step and the very pause, timestamps and all. So of
//! two at the same moment one is refused by the API server, and an answer to one pause never ends
//! the next.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use domain::{
    command::{Action, Command},
    rollout::{Facts, PauseCondition, Rollout},
    rules::Permit,
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    GROUP, VERSION,
    read::{Place, RolloutObject, to_rollout},
};
use crate::store::audit::Audited;

/// Reading one object takes milliseconds; a person waits for it.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// A write may wait for admission webhooks, which get 10 s by default.
const WRITE_TIMEOUT: Duration = Duration::from_secs(15);

/// A patch is held to the version that was read, because an absent `abort` cannot be tested. The
/// controller may write between our reading and our patch, a few times a second at most; then it is
/// read, compared and tried again. The last abort goes without the version: harm is stopped even if
/// another's abort is then hard to tell from ours.
const TRIES: usize = 5;

/// Who writes, in the object's managed fields.
const FIELD_MANAGER: &str = "signalbox";

/// Why nothing, or nobody knows what, was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// The rollout is not what was decided on, or someone else was first. What changed, in words.
    #[error("{0}")]
    Moved(String),
    /// The cluster said no, or was not reached: nothing was done.
    #[error("{0}")]
    Failed(String),
    /// It was sent and the answer was lost: it may have happened.
    #[error("{0}")]
    Unknown(String),
}

/// Does what was permitted and written down; returns the facts right after.
pub async fn execute(client: &Client, audited: &Audited) -> Result<Facts, NotDone> {
    let permit = audited.permit();
    let target = Target::of(client, permit);
    match permit.command() {
        Command::Resume(_) => resume(&target, permit).await,
        Command::Abort(_) => abort(&target, permit).await,
    }
}

async fn resume(target: &Target, permit: &Permit) -> Result<Facts, NotDone> {
    for _ in 0..TRIES {
        let live = target.read().await?;
        same(permit, &live.rollout)?;
        match target.patch(&resume_patch(&live)?).await {
            Ok(after) => return Ok(after.rollout.facts()),
            Err(Answer::Conflict) => {}
            Err(Answer::NotDone(error)) => return Err(error),
        }
    }
    Err(NotDone::Failed(
        "The rollout changed faster than it could be resumed. Nothing was done; try again.".into(),
    ))
}

async fn abort(target: &Target, permit: &Permit) -> Result<Facts, NotDone> {
    for attempt in 1..=TRIES {
        let live = target.read().await?;
        same(permit, &live.rollout)?;
        if live.rollout.status.abort {
            return Err(NotDone::Moved("It was aborted before this abort came.".into()));
        }
        let patch = abort_patch(&live, permit, attempt < TRIES);
        match target.patch(&patch).await {
            Ok(after) => return Ok(after.rollout.facts()),
            Err(Answer::Conflict) => {}
            Err(Answer::NotDone(error)) => return Err(error),
        }
    }
    Err(NotDone::Failed(
        "The rollout changed faster than it could be aborted. Nothing was done; try again.".into(),
    ))
}

/// The rollout as the cluster holds it: its own JSON, and how we read it.
struct Live {
    json: Value,
    rollout: Rollout,
}

enum Answer {
    /// A `test` did not hold, or another write came between.
    Conflict,
    NotDone(NotDone),
}

enum Part {
    Status,
    Whole,
}

struct Change {
    part: Part,
    operations: Vec<Value>,
}

/// One object to write to.
struct Target {
    api: Api<DynamicObject>,
    name: String,
    cluster: String,
    place: Place,
}

impl Target {
    fn of(client: &Client, permit: &Permit) -> Self {
        let rollout = permit.rollout();
        let kind = GroupVersionKind::gvk(GROUP, VERSION, "Rollout");
        let resource = ApiResource::from_gvk_with_plural(&kind, "rollouts");
        let namespace = rollout.key.namespace.as_str();
        Self {
            api: Api::namespaced_with(client.clone(), namespace, &resource),
            name: rollout.key.name.to_string(),
            cluster: rollout.cluster.to_string(),
            place: Place {
                cluster: rollout.cluster.clone(),
                environment: rollout.key.environment.clone(),
                namespace: rollout.key.namespace.clone(),
                services: Arc::new(BTreeMap::from([(
                    rollout.key.name.clone(),
                    rollout.service.clone(),
                )])),
            },
        }
    }

    /// Nothing has been sent that could change anything: every error means nothing was done.
    async fn read(&self) -> Result<Live, NotDone> {
        let object = match in_time(READ_TIMEOUT, self.api.get(&self.name)).await {
            Some(Ok(object)) => object,
            Some(Err(kube::Error::Api(status))) if status.code == 404 => {
                return Err(NotDone::Moved("The rollout is gone. Look again.".into()));
            }
            Some(Err(error)) => {
                return Err(NotDone::Failed(format!(
                    "Cluster {} could not be asked ({}). Nothing was done.",
                    self.cluster,
                    in_words(&error)
                )));
            }
            None => {
                return Err(NotDone::Failed(format!(
                    "Cluster {} did not answer within {} s. Nothing was done.",
                    self.cluster,
                    READ_TIMEOUT.as_secs()
                )));
            }
        };
        self.live(&object).map_err(|error| {
            NotDone::Failed(format!("The rollout could not be read ({error}). Nothing was done."))
        })
    }

    async fn patch(&self, change: &Change) -> Result<Live, Answer> {
        let operations: json_patch::Patch =
            serde_json::from_value(Value::Array(change.operations.clone()))
                .expect("the operations are built here, of fixed shape");
        let patch = Patch::Json::<()>(operations);
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..Default::default() };
        let sent = async {
            match change.part {
                Part::Status => self.api.patch_status(&self.name, &params, &patch).await,
                Part::Whole => self.api.patch(&self.name, &params, &patch).await,
            }
        };
        match in_time(WRITE_TIMEOUT, sent).await {
            Some(Ok(object)) => self.live(&object).map_err(|error| {
                Answer::NotDone(NotDone::Unknown(format!(
                    "The cluster took it and its answer could not be read ({error}). Look at the rollout."
                )))
            }),
            Some(Err(error)) => Err(self.refused(&error)),
            None => Err(Answer::NotDone(NotDone::Unknown(format!(
                "Cluster {} did not answer within {} s; it may have been done. Look before you repeat it.",
                self.cluster,
                WRITE_TIMEOUT.as_secs()
            )))),
        }
    }

    fn refused(&self, error: &kube::Error) -> Answer {
        let words = in_words(error);
        let cluster = &self.cluster;
        Answer::NotDone(match error {
            // A `test` that does not hold is 422, an update between is 409:
            // https://github.com/kubernetes/kubernetes/issues/68346
            kube::Error::Api(status) if matches!(status.code, 409 | 422) => {
                return Answer::Conflict;
            }
            kube::Error::Api(status) if status.code == 404 => {
                NotDone::Moved("The rollout is gone. Look again.".into())
            }
            kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
                NotDone::Failed(format!(
                    "Cluster {cluster} does not allow Signalbox to do this ({words}). Its Role needs patch on rollouts and rollouts/status. Nothing was done."
                ))
            }
            kube::Error::Api(status) if status.code < 500 || status.code == 503 => NotDone::Failed(
                format!("Cluster {cluster} refused it ({words}). Nothing was done."),
            ),
            error if never_connected(error) => NotDone::Failed(format!(
                "Cluster {cluster} was not reached ({words}). Nothing was done."
            )),
            _ => NotDone::Unknown(format!(
                "The answer of cluster {cluster} was lost ({words}); it may have been done. Look before you repeat it."
            )),
        })
    }

    fn live(&self, object: &DynamicObject) -> Result<Live, serde_json::Error> {
        let json = serde_json::to_value(object)?;
        let object: RolloutObject = serde_json::from_value(json.clone())?;
        Ok(Live { json, rollout: to_rollout(object, &self.place) })
    }
}

/// Compares what was decided on with what is there now.
fn same(permit: &Permit, now: &Rollout) -> Result<(), NotDone> {
    let then = permit.rollout();
    let action = permit.command().action();
    let mut changes = vec![];
    if then.uid != now.uid {
        changes.push("it was deleted and made anew".to_owned());
    }
    if then.status.current_pod_hash != now.status.current_pod_hash {
        let hash = |rollout: &Rollout| {
            rollout.status.current_pod_hash.clone().unwrap_or_else(|| "none".into())
        };
        changes.push(format!("its pods were {} and are {}", hash(then), hash(now)));
    }
    // What may go on by itself is nevertheless to be stopped, unless a step was named.
    let holds_step = match action {
        Action::Resume => true,
        Action::Abort => permit.command().subject().expect.step.is_some(),
    };
    if holds_step && then.step_index() != now.step_index() {
        let number = |rollout: &Rollout| rollout.step_index().saturating_add(1);
        changes.push(format!("it was at step {} and is at step {}", number(then), number(now)));
    }
    if action == Action::Resume && changes.is_empty() {
        changes.extend(same_hold(then, now));
    }
    if changes.is_empty() {
        return Ok(());
    }
    Err(NotDone::Moved(format!(
        "The rollout moved since this was decided: {}. Look again, then decide.",
        changes.join(", and ")
    )))
}

fn same_hold(then: &Rollout, now: &Rollout) -> Option<String> {
    let pauses =
        |rollout: &Rollout| -> Vec<PauseCondition> { rollout.status.pause_conditions.clone() };
    if now.status.abort && !then.status.abort {
        return Some("it was aborted".into());
    }
    if then.spec.paused != now.spec.paused {
        let by_hand = if now.spec.paused { "paused by hand" } else { "no longer paused by hand" };
        return Some(format!("it is {by_hand}"));
    }
    match (pauses(then), pauses(now)) {
        (before, after) if before == after => None,
        (_, after) if after.is_empty() => Some("it is no longer paused".into()),
        _ => Some("it is held by another pause".into()),
    }
}

/// The patch that ends exactly the hold that stands.
///
/// A hold by hand in the spec is ended alone: whoever ends it has not judged the step's own pause,
/// which then shows itself.
fn resume_patch(live: &Live) -> Result<Change, NotDone> {
    let json = &live.json;
    let mut operations = vec![test(json, "/metadata/uid"), test(json, "/metadata/resourceVersion")];
    if live.rollout.spec.paused {
        operations.push(test(json, "/spec/paused"));
        operations.push(json!({"op": "replace", "path": "/spec/paused", "value": false}));
        return Ok(Change { part: Part::Whole, operations: present(operations) });
    }
    if live.rollout.status.pause_conditions.is_empty() {
        return Err(NotDone::Moved(
            "It is no longer paused, so there is nothing to resume.".into(),
        ));
    }
    operations.push(test(json, "/status/currentPodHash"));
    operations.push(test(json, "/status/currentStepIndex"));
    operations.push(test(json, "/status/pauseConditions"));
    operations.push(json!({"op": "remove", "path": "/status/pauseConditions"}));
    if is_inconclusive(live) {
        // Without these the controller would start the same analysis again, and pause again.
        let steps = live.rollout.canary().map_or(0, |plan| plan.steps.len());
        let next = u64::from(live.rollout.step_index()).saturating_add(1).min(steps as u64);
        operations
            .push(json!({"op": "replace", "path": "/status/controllerPause", "value": false}));
        operations.push(json!({"op": "add", "path": "/status/currentStepIndex", "value": next}));
    }
    Ok(Change { part: Part::Status, operations: present(operations) })
}

fn abort_patch(live: &Live, permit: &Permit, holds_version: bool) -> Change {
    let json = &live.json;
    let mut operations = vec![test(json, "/metadata/uid"), test(json, "/status/currentPodHash")];
    if permit.command().subject().expect.step.is_some() {
        operations.push(test(json, "/status/currentStepIndex"));
    }
    if holds_version {
        operations.push(test(json, "/metadata/resourceVersion"));
    }
    operations.push(json!({"op": "add", "path": "/status/abort", "value": true}));
    Change { part: Part::Status, operations: present(operations) }
}

/// A test that a field still has the value it has; nothing where it is absent, because a test of an
/// absent path never holds.
fn test(json: &Value, path: &str) -> Value {
    match json.pointer(path) {
        Some(value) => json!({"op": "test", "path": path, "value": value}),
        None => Value::Null,
    }
}

fn present(operations: Vec<Value>) -> Vec<Value> {
    operations.into_iter().filter(|operation| !operation.is_null()).collect()
}

/// Whether the step's own analysis could not decide; upstream then moves the step on by hand.
fn is_inconclusive(live: &Live) -> bool {
    live.rollout.status.controller_pause
        && live
            .json
            .pointer("/status/canary/currentStepAnalysisRunStatus/status")
            .and_then(Value::as_str)
            == Some("Inconclusive")
}

async fn in_time<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

fn in_words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        error => {
            let mut innermost: &dyn std::error::Error = error;
            while let Some(source) = innermost.source() {
                innermost = source;
            }
            innermost.to_string()
        }
    }
}

/// Whether no connection came about, so that nothing can have been sent.
fn never_connected(error: &kube::Error) -> bool {
    use std::io::ErrorKind::{
        AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable,
    };
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return matches!(
                io.kind(),
                ConnectionRefused | HostUnreachable | NetworkUnreachable | AddrNotAvailable
            );
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
pub(crate) mod tests;
