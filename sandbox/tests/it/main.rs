//! The pretend world as its clients see it: kube-rs, kubectl, a browser without script.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod control;
mod faults;
mod kubectl;
mod kubernetes;
mod oidc;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use sandbox::clock::Clock;
use sandbox::kubernetes::Access;
use sandbox::{Controllers, Sandbox, World, WorldCluster};
use serde_json::{Value, json};
use std::time::Duration;

/// No story of this file takes longer; a condition that is not met by then never will be.
const DEADLINE: Duration = Duration::from_secs(20);

fn rollout(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
        "spec": {"replicas": 4},
    })
}

/// A world of one cluster in which nobody works.
async fn world(manifests: Vec<Value>) -> Sandbox {
    start(manifests, Access::Open).await
}

async fn start(manifests: Vec<Value>, access: Access) -> Sandbox {
    let cluster = WorldCluster {
        name: "east".to_owned(),
        manifests,
        controllers: Controllers::Absent,
        ..WorldCluster::default()
    };
    let world = World {
        clusters: vec![cluster],
        access,
        service_account: ("signalbox".to_owned(), "signalbox".to_owned()),
        redirect_uris: vec!["http://127.0.0.1:1/auth/callback".to_owned()],
        ..World::default()
    };
    Sandbox::start(world, Clock::running(1.0)).await.unwrap()
}

async fn client(kubeconfig: &str) -> Client {
    // Fails when another test of this binary was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options);
    Client::try_from(config.await.unwrap()).unwrap()
}

async fn admin(sandbox: &Sandbox) -> Client {
    client(&sandbox.endpoints().admin_kubeconfig()).await
}

fn rollouts(client: Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Rollout");
    Api::namespaced_with(client, "shop", &ApiResource::from_gvk(&kind))
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("not in time: {what}"),
    }
}

fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Waits until this many watches are open.
async fn open_watches(sandbox: &Sandbox, count: usize) {
    let ledger = sandbox.ledger("east").unwrap();
    within("the number of open watches", async {
        while ledger.open_watches().values().sum::<usize>() != count {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
