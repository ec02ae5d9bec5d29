//! The pod keeper: stands in for the scheduler and the kubelet of the one node.
//!
//! No container runs. A pod is bound to the node if it has none, gets an address and is marked
//! Ready; a pod that is being deleted is taken away at once. Everything follows from the pod as it
//! is now, so an event that was missed while the API server was away costs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Binding, ContainerState, ContainerStateRunning, ContainerStatus, Node, ObjectReference, Pod,
    PodCondition, PodIP, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, Time};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::Store;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher;
use kube::{Client, ResourceExt as _};
use serde_json::json;

/// The only node; pods of fixtures may name it, and need not.
pub const NODE: &str = "node-0";

/// The first address is the node's own, the rest are for pods.
const NODE_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const POD_ADDRESSES: std::ops::RangeInclusive<u8> = 2..=254;

/// A pod whose change was refused is looked at again this soon.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The watch of all pods is tried again as soon. It begins before the API server does, and the
/// client's own pauses grow to 30 s, which is half of what a story waits for its first pod.
struct Steadily;

impl Iterator for Steadily {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(LOOK_AGAIN)
    }
}

impl Backoff for Steadily {
    fn reset(&mut self) {}
}

#[derive(Debug, thiserror::Error)]
enum KeeperError {
    #[error(transparent)]
    Api(#[from] kube::Error),
    #[error("all {} pod addresses are in use", POD_ADDRESSES.count())]
    NoAddress,
}

struct Keeper {
    client: Client,
    pods: Store<Pod>,
    addresses: Mutex<BTreeMap<String, Ipv4Addr>>,
}

/// The node itself, ready and large enough for anything.
pub(crate) async fn create_node(client: &Client) -> anyhow::Result<()> {
    let room = json!({"cpu": "64", "memory": "256Gi", "pods": "1000"});
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}},
    });
    let status = json!({"status": {
        "allocatable": room,
        "capacity": room,
        "addresses": [{"type": "InternalIP", "address": NODE_ADDRESS}],
        "conditions": [{"type": "Ready", "status": "True", "reason": "KeeperReady"}],
    }});
    let nodes: Api<Node> = Api::all(client.clone());
    nodes.patch(NODE, &PatchParams::apply("testbed"), &Patch::Apply(node)).await?;
    nodes.patch_status(NODE, &PatchParams::default(), &Patch::Merge(status)).await?;
    Ok(())
}

/// Keeps pods until it is aborted.
pub(crate) async fn run(client: Client) {
    let controller = Controller::new(Api::<Pod>::all(client.clone()), watcher::Config::default())
        .trigger_backoff(Steadily);
    let keeper = Keeper { client, pods: controller.store(), addresses: Mutex::default() };
    controller
        .run(look_after, |_, _, _| Action::requeue(LOOK_AGAIN), Arc::new(keeper))
        .for_each(|looked| async move {
            if let Err(error) = looked {
                tracing::debug!(%error, "pod keeper will look again");
            }
        })
        .await;
}

async fn look_after(pod: Arc<Pod>, keeper: Arc<Keeper>) -> Result<Action, KeeperError> {
    match pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) {
        None if pod.metadata.deletion_timestamp.is_some() => {}
        None => bind(&pod, &keeper).await?,
        Some(NODE) if pod.metadata.deletion_timestamp.is_some() => stop(&pod, &keeper).await?,
        Some(NODE) if !is_ready(&pod) => start(&pod, &keeper).await?,
        Some(_) => {}
    }
    Ok(Action::await_change())
}

fn api_of(pod: &Pod, keeper: &Keeper) -> Api<Pod> {
    Api::namespaced(keeper.client.clone(), &pod.namespace().unwrap_or_default())
}

async fn bind(pod: &Pod, keeper: &Keeper) -> Result<(), KeeperError> {
    let binding = Binding {
        metadata: kube::core::ObjectMeta {
            name: Some(pod.name_any()),
            uid: pod.uid(),
            ..Default::default()
        },
        target: ObjectReference {
            kind: Some("Node".to_owned()),
            name: Some(NODE.to_owned()),
            ..Default::default()
        },
    };
    let bound: Result<Status, _> = api_of(pod, keeper)
        .create_subresource("binding", &pod.name_any(), &PostParams::default(), &binding)
        .await;
    unless_gone(bound)
}

async fn start(pod: &Pod, keeper: &Keeper) -> Result<(), KeeperError> {
    let address = keeper.address_for(pod)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "a kubelet stamps the status it reports with its own clock"
    )]
    let status = ready_status(pod, address, Time(Timestamp::now()));
    // The uid makes the change fail, rather than fall on a younger pod of the same name.
    let patch = json!({"metadata": {"uid": pod.uid()}, "status": status});
    let patched = api_of(pod, keeper)
        .patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(patch))
        .await;
    unless_gone(patched)
}

async fn stop(pod: &Pod, keeper: &Keeper) -> Result<(), KeeperError> {
    let parameters = DeleteParams::default()
        .grace_period(0)
        .preconditions(Preconditions { uid: pod.uid(), resource_version: None });
    unless_gone(api_of(pod, keeper).delete(&pod.name_any(), &parameters).await)
}

/// A pod that is no longer there, or is another one by now, needs nothing more.
fn unless_gone<T>(answer: kube::Result<T>) -> Result<(), KeeperError> {
    match answer {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Keeper {
    /// The pod's address: kept for its life, then given to another.
    fn address_for(&self, pod: &Pod) -> Result<Ipv4Addr, KeeperError> {
        let living: BTreeSet<String> =
            self.pods.state().iter().filter_map(|pod| pod.uid()).collect();
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        give_address(&mut addresses, &living, &pod.uid().unwrap_or_default())
            .ok_or(KeeperError::NoAddress)
    }
}

fn give_address(
    addresses: &mut BTreeMap<String, Ipv4Addr>,
    living: &BTreeSet<String>,
    uid: &str,
) -> Option<Ipv4Addr> {
    addresses.retain(|holder, _| holder == uid || living.contains(holder));
    if let Some(address) = addresses.get(uid) {
        return Some(*address);
    }
    let taken: BTreeSet<Ipv4Addr> = addresses.values().copied().collect();
    let free = POD_ADDRESSES
        .map(|last| Ipv4Addr::new(10, 0, 0, last))
        .find(|address| !taken.contains(address))?;
    addresses.insert(uid.to_owned(), free);
    Some(free)
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|conditions| {
        conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    })
}

/// What a kubelet reports of a pod that runs and whose every container is ready.
fn ready_status(pod: &Pod, address: Ipv4Addr, now: Time) -> PodStatus {
    let condition = |type_: &str| PodCondition {
        type_: type_.to_owned(),
        status: "True".to_owned(),
        last_transition_time: Some(now.clone()),
        ..Default::default()
    };
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let container_statuses = containers
        .map(|container| ContainerStatus {
            name: container.name.clone(),
            image: container.image.clone().unwrap_or_default(),
            ready: true,
            started: Some(true),
            state: Some(ContainerState {
                running: Some(ContainerStateRunning { started_at: Some(now.clone()) }),
                ..Default::default()
            }),
            ..Default::default()
        })
        .collect();
    PodStatus {
        phase: Some("Running".to_owned()),
        conditions: Some(
            ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(condition).into(),
        ),
        container_statuses: Some(container_statuses),
        host_ip: Some(NODE_ADDRESS.to_string()),
        pod_ip: Some(address.to_string()),
        pod_ips: Some(vec![PodIP { ip: address.to_string() }]),
        start_time: Some(now.clone()),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_for_life_and_given_again_afterwards() {
        let mut addresses = BTreeMap::new();
        let all: Vec<String> = POD_ADDRESSES.map(|n| format!("pod-{n}")).collect();
        let mut living: BTreeSet<String> = all.iter().cloned().collect();
        let given: BTreeSet<_> =
            all.iter().filter_map(|uid| give_address(&mut addresses, &living, uid)).collect();
        assert_eq!(given.len(), 253, "every pod has an address of its own");
        assert!(!given.contains(&NODE_ADDRESS));

        let kept = addresses["pod-7"];
        assert_eq!(give_address(&mut addresses, &living, "pod-7"), Some(kept));
        assert_eq!(give_address(&mut addresses, &living, "late"), None, "all are in use");
        living.remove("pod-7");
        assert_eq!(give_address(&mut addresses, &living, "late"), Some(kept));
    }

    #[test]
    fn a_pod_marked_ready_is_read_as_ready() {
        let mut pod = Pod::default();
        assert!(!is_ready(&pod));
        pod.status = Some(ready_status(&pod, NODE_ADDRESS, Time(Timestamp::UNIX_EPOCH)));
        assert!(is_ready(&pod));
    }
}
