//! One cluster for one test: started, used, and gone without a trace when dropped.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::future::try_join_all;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::arguments::Ports;
use crate::pki::Pki;
use crate::process::Process;
use crate::tools::Tools;
use crate::{apply, arguments, keeper, pki, process, tools, wait};

/// The Rollouts controller's home and name, as its manifests have it.
const ROLLOUTS: &str = "argo-rollouts";

/// A token outlives any test; the server's own upper bound is far above.
const TOKEN_LIFE_SECONDS: i64 = 24 * 60 * 60;

/// What a testbed consists of besides the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rollouts {
    /// Its definitions are served and its controller runs.
    #[default]
    Installed,
    /// Neither: a cluster on which nobody installed Argo Rollouts.
    Missing,
}

/// How to start a testbed.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the tools lie or are built to.
    pub bin_dir: PathBuf,
    pub rollouts: Rollouts,
    /// The most that each system may take to become ready.
    pub ready_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bin_dir: tools::default_bin_dir(),
            rollouts: Rollouts::default(),
            // About 3 s on two idle cores; room for several testbeds at once on busy ones.
            ready_within: Duration::from_secs(90),
        }
    }
}

/// The processes whose logs can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    Etcd,
    KubeApiserver,
    KubeControllerManager,
    RolloutsController,
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Tool::Etcd => "etcd",
            Tool::KubeApiserver => "kube-apiserver",
            Tool::KubeControllerManager => "kube-controller-manager",
            Tool::RolloutsController => "rollouts-controller",
        }
    }
}

/// A running cluster. Dropping it ends every process of it and removes its folder; when a test
/// panics the logs are kept, and their place and the end of the Rollouts controller's are said on
/// stderr.
pub struct Testbed {
    // Ended from top to bottom: clients first, so that no log fills with refused connections.
    keeper: JoinHandle<()>,
    rollouts_controller: Mutex<Option<Process>>,
    controller_manager: Mutex<Option<Process>>,
    apiserver: Mutex<Option<Process>>,
    etcd: Mutex<Option<Process>>,
    admin: kube::Client,
    tools: Tools,
    ready_within: Duration,
    pki: Pki,
    ports: Ports,
    folder: TempDir,
}

impl Testbed {
    /// Starts etcd, kube-apiserver, kube-controller-manager, the pod keeper and, unless told
    /// otherwise, the Rollouts controller under its own ServiceAccount; returns when all are ready.
    /// Tools that are missing or out of date are built first, which takes minutes.
    pub async fn start(options: Options) -> anyhow::Result<Testbed> {
        let bin_dir = options.bin_dir;
        let tools = tokio::task::spawn_blocking(move || tools::ensure(&bin_dir)).await??;
        let folder = tempfile::Builder::new().prefix("signalbox-testbed-").tempdir()?;
        let pki = pki::create(folder.path())?;
        let ports = Ports::claim()?;
        let user = json!({"client-certificate": pki.admin_cert, "client-key": pki.admin_key});
        let kubeconfig = kubeconfig(&ports, &pki, &user);
        let admin_file = folder.path().join("admin.kubeconfig");
        pki::write_secret(&admin_file, &kubeconfig)?;
        let admin = client(&kubeconfig).await?;

        let testbed = Testbed {
            keeper: tokio::spawn(keeper::run(admin.clone())),
            rollouts_controller: Mutex::default(),
            controller_manager: Mutex::default(),
            apiserver: Mutex::default(),
            etcd: Mutex::default(),
            admin,
            tools,
            ready_within: options.ready_within,
            pki,
            ports,
            folder,
        };
        testbed.start_control_plane().await?;
        testbed.install(options.rollouts).await?;
        Ok(testbed)
    }

    /// A client with every right there is. Signalbox itself is never given it.
    pub fn admin(&self) -> kube::Client {
        self.admin.clone()
    }

    /// The kubeconfig file of [`admin`](Self::admin), for `kubectl` and for people.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.path("admin.kubeconfig")
    }

    /// Where the API is served.
    pub fn url(&self) -> String {
        self.ports.url()
    }

    /// What a process has written to both its outputs so far.
    pub fn logs(&self, tool: Tool) -> anyhow::Result<String> {
        let file = self.log_file(tool);
        fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
    }

    /// Writes a kubeconfig that acts as a ServiceAccount, by a token the API server issued.
    pub async fn kubeconfig_for(&self, namespace: &str, name: &str) -> anyhow::Result<PathBuf> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin(), namespace);
        let request = TokenRequest {
            spec: TokenRequestSpec {
                expiration_seconds: Some(TOKEN_LIFE_SECONDS),
                ..Default::default()
            },
            ..Default::default()
        };
        let issued = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .with_context(|| format!("ask for a token of {namespace}/{name}"))?;
        let token = issued.status.context("a token was asked for and not issued")?.token;
        let text = kubeconfig(&self.ports, &self.pki, &json!({"token": token}));
        let file = self.path(&format!("{namespace}.{name}.kubeconfig"));
        pki::write_secret(&file, &text)?;
        Ok(file)
    }

    /// A client that acts as a ServiceAccount.
    pub async fn client_for(&self, namespace: &str, name: &str) -> anyhow::Result<kube::Client> {
        let file = self.kubeconfig_for(namespace, name).await?;
        client(&fs::read_to_string(&file).context("read the kubeconfig just written")?).await
    }

    /// Applies every document of a YAML text, in order, as the owner of all its fields.
    /// After a definition it waits until the new kind is served.
    pub async fn apply(&self, yaml: &str) -> anyhow::Result<()> {
        apply::apply(&self.admin, "default", &apply::parse(yaml)?).await
    }

    /// Kills the API server, as a crash would.
    pub fn stop_apiserver(&self) {
        drop(locked(&self.apiserver).take());
    }

    /// Starts the API server again, on the same port and the same data, and waits until it is
    /// ready. Does nothing to one that runs.
    pub async fn start_apiserver(&self) -> anyhow::Result<()> {
        let arguments = arguments::kube_apiserver(&self.ports, &self.pki);
        self.run(&self.apiserver, Tool::KubeApiserver, &arguments)?;
        self.apiserver_is_ready().await
    }

    /// Kills the Rollouts controller and starts another one in its place.
    pub async fn restart_controller(&self) -> anyhow::Result<()> {
        if locked(&self.rollouts_controller).take().is_none() {
            bail!("this testbed has no Rollouts controller");
        }
        self.start_rollouts_controller().await
    }

    /// The process groups of everything that runs, to look after once the testbed is gone.
    pub fn process_groups(&self) -> Vec<u32> {
        let all =
            [&self.etcd, &self.apiserver, &self.controller_manager, &self.rollouts_controller];
        all.into_iter().filter_map(|one| locked(one).as_ref().map(Process::group)).collect()
    }

    async fn start_control_plane(&self) -> anyhow::Result<()> {
        let arguments = arguments::etcd(&self.ports, &self.path("etcd"));
        self.run(&self.etcd, Tool::Etcd, &arguments)?;
        self.start_apiserver().await?;
        let kubeconfig = self.admin_kubeconfig();
        let arguments = arguments::controller_manager(&self.ports, &self.pki, &kubeconfig);
        self.run(&self.controller_manager, Tool::KubeControllerManager, &arguments)?;
        keeper::create_node(&self.admin).await.context("create the node")
    }

    /// Sends all definitions at once, each waited for by itself, then what needs them.
    async fn install(&self, rollouts: Rollouts) -> anyhow::Result<()> {
        let mut definitions = Vec::new();
        for file in &self.tools.crds {
            for definition in read_objects(file)? {
                let argo = definition.data["spec"]["group"] == "argoproj.io";
                if rollouts == Rollouts::Installed || !argo {
                    definitions.push([definition]);
                }
            }
        }
        let sent = definitions.iter().map(|one| apply::apply(&self.admin, "default", one));
        try_join_all(sent).await.context("install the definitions")?;
        if rollouts == Rollouts::Installed {
            self.create_namespace(ROLLOUTS).await?;
            for file in &self.tools.rollouts_rights {
                apply::apply(&self.admin, ROLLOUTS, &read_objects(file)?).await?;
            }
            self.start_rollouts_controller().await?;
        }
        // Made by the controller manager: no pod is admitted before it is there.
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin(), "default");
        self.wait_for(Tool::KubeControllerManager, &self.controller_manager, || async {
            Ok(accounts.get_opt("default").await?.is_some())
        })
        .await
    }

    async fn create_namespace(&self, name: &str) -> anyhow::Result<()> {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
        });
        let namespaces: Api<Namespace> = Api::all(self.admin());
        namespaces.patch(name, &PatchParams::apply("testbed"), &Patch::Apply(namespace)).await?;
        Ok(())
    }

    async fn start_rollouts_controller(&self) -> anyhow::Result<()> {
        let kubeconfig = self.kubeconfig_for(ROLLOUTS, ROLLOUTS).await?;
        let arguments = arguments::rollouts_controller(&self.ports, &kubeconfig);
        self.run(&self.rollouts_controller, Tool::RolloutsController, &arguments)?;
        let port = self.ports.rollouts_health();
        self.wait_for(Tool::RolloutsController, &self.rollouts_controller, || {
            wait::answers_ok(port, "/healthz")
        })
        .await
    }

    async fn apiserver_is_ready(&self) -> anyhow::Result<()> {
        self.wait_for(Tool::KubeApiserver, &self.apiserver, || async {
            let request = http::Request::get("/readyz").body(Vec::new())?;
            Ok(self.admin.request_text(request).await? == "ok")
        })
        .await
    }

    /// Waits for an answer, and stops waiting when the process that should give it has ended.
    async fn wait_for<F>(
        &self,
        tool: Tool,
        slot: &Mutex<Option<Process>>,
        ask: impl Fn() -> F,
    ) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<bool>>,
    {
        let ended = Mutex::new(None);
        wait::until(self.ready_within, &format!("{} to be ready", tool.name()), || async {
            let checked = locked(slot).as_mut().map_or(Ok(()), Process::check);
            if let Err(error) = checked {
                *locked(&ended) = Some(error);
                return Ok(true);
            }
            ask().await
        })
        .await?;
        let ended = locked(&ended).take();
        ended.map_or(Ok(()), Err)
    }

    fn run(
        &self,
        slot: &Mutex<Option<Process>>,
        tool: Tool,
        arguments: &[String],
    ) -> anyhow::Result<()> {
        let binary = match tool {
            Tool::Etcd => &self.tools.etcd,
            Tool::KubeApiserver => &self.tools.kube_apiserver,
            Tool::KubeControllerManager => &self.tools.kube_controller_manager,
            Tool::RolloutsController => &self.tools.rollouts_controller,
        };
        let mut slot = locked(slot);
        if slot.is_none() {
            let log = self.log_file(tool);
            *slot = Some(process::spawn(tool.name(), binary, arguments, &log)?);
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log_file(&self, tool: Tool) -> PathBuf {
        self.path(&format!("{}.log", tool.name()))
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        self.keeper.abort();
        for one in
            [&self.rollouts_controller, &self.controller_manager, &self.apiserver, &self.etcd]
        {
            drop(locked(one).take());
        }
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            // By far the largest part of it, and the least telling.
            let _ = fs::remove_dir_all(self.path("etcd"));
            eprintln!(
                "testbed: its logs are kept in {}; the Rollouts controller's ends:\n{}",
                self.folder.path().display(),
                process::tail(&self.log_file(Tool::RolloutsController))
            );
        }
    }
}

/// The state of a process is one value, so a panic elsewhere cannot have left it half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_objects(file: &Path) -> anyhow::Result<Vec<DynamicObject>> {
    let yaml = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    apply::parse(&yaml).with_context(|| format!("read {}", file.display()))
}

/// A kubeconfig with one user; written as JSON, which every reader of YAML accepts.
fn kubeconfig(ports: &Ports, pki: &Pki, user: &serde_json::Value) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": {
            "server": ports.url(),
            "certificate-authority": pki.ca,
        }}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "user"}}],
        "current-context": "testbed",
    })
    .to_string()
}

async fn client(kubeconfig: &str) -> anyhow::Result<kube::Client> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).context("read a kubeconfig")?;
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    kube::Client::try_from(config).context("make a client")
}
