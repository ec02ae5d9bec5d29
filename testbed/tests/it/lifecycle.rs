//! What a testbed promises whoever starts one.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::api::{Api, ListParams, PostParams};
use serde_json::json;
use testbed::{NODE, Options, Rollouts, Testbed, Tool, until};

const SOON: Duration = Duration::from_secs(60);

fn without_rollouts() -> Options {
    Options { rollouts: Rollouts::Missing, ..Options::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_server_comes_back_with_its_data_at_the_same_address() -> anyhow::Result<()> {
    let testbed = Testbed::start(without_rollouts()).await?;
    let kept = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept}\ndata: {colour: green}\n";
    testbed.apply(kept).await?;
    let url = testbed.url();
    let maps: Api<ConfigMap> = Api::namespaced(testbed.admin(), "default");

    testbed.stop_apiserver();
    ensure!(maps.get("kept").await.is_err(), "a stopped server does not answer");
    testbed.start_apiserver().await?;
    ensure!(testbed.url() == url);
    let data = maps.get("kept").await?.data.context("the map has data")?;
    ensure!(data["colour"] == "green");

    // The pod keeper lost its watch with the server, and has to find new pods all the same.
    let pods: Api<Pod> = Api::namespaced(testbed.admin(), "default");
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "late"},
        "spec": {"containers": [{"name": "late", "image": "registry.example/late:1"}]},
    }))?;
    pods.create(&PostParams::default(), &pod).await?;
    until(SOON, "the pod to run", || async {
        let pod = pods.get("late").await?;
        let phase = pod.status.and_then(|status| status.phase);
        let node = pod.spec.and_then(|spec| spec.node_name);
        Ok(phase.as_deref() == Some("Running") && node.as_deref() == Some(NODE))
    })
    .await?;
    pods.delete("late", &Default::default()).await?;
    until(SOON, "the pod to be gone", || async { Ok(pods.get_opt("late").await?.is_none()) }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_may_do_what_its_role_says_and_nothing_else() -> anyhow::Result<()> {
    let testbed = Testbed::start(without_rollouts()).await?;
    testbed.apply(include_str!("reader.yaml")).await?;
    let reader = testbed.client_for("default", "reader").await?;
    let maps: Api<ConfigMap> = Api::namespaced(reader.clone(), "default");
    maps.list(&ListParams::default()).await.context("the role grants this")?;

    let secrets: Api<Secret> = Api::namespaced(reader, "default");
    match secrets.list(&ListParams::default()).await {
        Err(kube::Error::Api(status)) => {
            ensure!(status.code == 403, "{status:?}");
            let who = "system:serviceaccount:default:reader";
            ensure!(status.message.contains(who), "{}", status.message);
        }
        other => anyhow::bail!("secrets are not the reader's business: {other:?}"),
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_without_rollouts_has_neither_their_kinds_nor_their_controller()
-> anyhow::Result<()> {
    let testbed = Testbed::start(without_rollouts()).await?;
    let version = testbed.admin().apiserver_version().await?.git_version;
    ensure!(version == "v1.34.4", "linked without its version: {version}");
    let groups = testbed.admin().list_api_groups().await?.groups;
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    ensure!(names.contains(&"networking.istio.io"), "{names:?}");
    ensure!(!names.contains(&"argoproj.io"), "{names:?}");
    ensure!(testbed.restart_controller().await.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_its_end_no_process_and_no_file_of_a_testbed_is_left() -> anyhow::Result<()> {
    let testbed = Testbed::start(Options::default()).await?;
    let before = testbed.process_groups();
    testbed.restart_controller().await?;
    let groups = testbed.process_groups();
    ensure!(groups.len() == 4, "{groups:?}");
    ensure!(groups[3] != before[3], "the controller is another process now");
    ensure!(testbed.logs(Tool::RolloutsController)?.contains("Starting"), "it logs");
    let kubeconfig = testbed.admin_kubeconfig();
    for group in &groups {
        ensure!(members(*group)?.len() >= 2, "a supervisor and its system in {group}");
    }

    drop(testbed);
    for group in before.iter().chain(&groups) {
        let left = members(*group)?;
        ensure!(left.is_empty(), "{left:?} of {group} outlived the testbed");
    }
    ensure!(!kubeconfig.exists() && kubeconfig.parent().is_some_and(|folder| !folder.exists()));
    Ok(())
}

/// Processes of a group, dead ones nobody waited for included.
/// <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
fn members(group: u32) -> anyhow::Result<Vec<String>> {
    let mut members = Vec::new();
    for entry in std::fs::read_dir(Path::new("/proc"))? {
        // A process may end between being listed and being read.
        let Ok(stat) = std::fs::read_to_string(entry?.path().join("stat")) else { continue };
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        if after_name.split_whitespace().nth(2) == Some(&group.to_string()) {
            members.push(stat);
        }
    }
    Ok(members)
}
