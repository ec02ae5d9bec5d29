//! One world per story, pretend or real, with a Signalbox in front of it.
//!
//! Both worlds hold the same manifests: the canary of the testbed and the Role that is shipped. So
//! a right that is missing shows in either.
#![expect(dead_code, reason = "two test programs share this; each tells its own world's stories")]

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use domain::{
    actor::{Grant, Role, Scope},
    rollout::{Rollout, RolloutKey},
};
use jiff::SignedDuration;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use sandbox::{
    Controllers, Sandbox, World as Pretend, WorldCluster,
    kubernetes::{Access, kinds::ROLLOUT as ROLLOUT_KIND},
    rollouts::traffic::Signals,
};
use serde_json::{Value, json};
use server::{Running, clock::Clock, config::Config, store};

use crate::http::{Person, Program};

/// How long a world may take to show what is waited for. After an outage a real controller opens
/// each of its watches again only after a pause of up to a minute: client-go's reflector waits up to
/// 30 s and as much again at random.
/// <https://github.com/kubernetes/client-go/blob/v0.34.4/tools/cache/reflector.go>
const PATIENCE: Duration = Duration::from_secs(150);

/// The environment the canary lives in. Its class is prod: the strictest rules hold.
pub(crate) const ENVIRONMENT: &str = "prod";
/// Namespace and name of the canary of [`testbed::CANARY`].
pub(crate) const NAMESPACE: &str = "canary";
pub(crate) const ROLLOUT: &str = "checkout";
/// The page of the canary, and its API resource under `/api/v1`.
pub(crate) const PATH: &str = "/rollouts/prod/canary/checkout";

/// The version that runs first, and the one that is to replace it.
pub(crate) const OLD: &str = "registry.example/checkout:1.0.0";
pub(crate) const NEW: &str = "registry.example/checkout:2.0.0";

const SERVICE_ACCOUNT: &str =
    include_str!("../../../gitops/manifests/signalbox/serviceaccount.yaml");
const ROLE: &str = include_str!("../../../gitops/manifests/signalbox/prod.yaml");
const SHIPPED_NAMESPACE: &str = "zero-downtime-app-prod";

/// Signalbox's rights in the canary's namespace, as shipped for another.
fn rights() -> String {
    format!("{SERVICE_ACCOUNT}\n---\n{}", ROLE.replace(SHIPPED_NAMESPACE, NAMESPACE))
}

/// What a story plays in.
pub(crate) enum World {
    Sandbox(Box<Sandbox>),
    /// The sandbox beside it has no cluster; it is the identity provider.
    Testbed(Box<testbed::Testbed>, Box<Sandbox>),
}

/// A world with a Signalbox in front.
pub(crate) struct Story {
    pub(crate) world: World,
    /// An administrator of the cluster: applies and breaks things, is never Signalbox.
    pub(crate) admin: kube::Client,
    pub(crate) running: Running,
    _folder: tempfile::TempDir,
}

impl Story {
    /// The pretend world with the canary in it.
    pub(crate) async fn sandbox() -> Self {
        Self::in_sandbox(objects(testbed::CANARY), &[NAMESPACE]).await.expect("the sandbox starts")
    }

    /// A pretend world in which nobody works: objects stay as they are written.
    pub(crate) async fn in_quiet_sandbox(objects: Vec<Value>) -> Result<Self> {
        Self::in_world(objects, &[NAMESPACE], Controllers::Absent).await
    }

    /// A pretend world with these objects, and the namespaces that make up the environment.
    pub(crate) async fn in_sandbox(objects: Vec<Value>, namespaces: &[&str]) -> Result<Self> {
        Self::in_world(objects, namespaces, Controllers::Running).await
    }

    async fn in_world(
        objects: Vec<Value>,
        namespaces: &[&str],
        controllers: Controllers,
    ) -> Result<Self> {
        let manifests = objects.into_iter().chain(objects_of_rights()).collect();
        let world = Pretend {
            clusters: vec![WorldCluster {
                name: "one".into(),
                manifests,
                controllers,
                ..Default::default()
            }],
            access: Access::Rbac,
            ..pretend()
        };
        let sandbox = Sandbox::start(world, sandbox::clock::Clock::running(1.0)).await?;
        let cluster = &sandbox.endpoints().clusters[0];
        let (kubeconfig, admin) =
            (cluster.kubeconfig(), client(&cluster.admin_kubeconfig()).await?);
        let (running, folder) = signalbox(&sandbox, &kubeconfig, namespaces).await?;
        let story =
            Self { world: World::Sandbox(Box::new(sandbox)), admin, running, _folder: folder };
        Ok(story)
    }

    /// The real world with the canary in it.
    pub(crate) async fn testbed(options: testbed::Options) -> Self {
        Self::in_testbed(options).await.expect("the testbed starts")
    }

    async fn in_testbed(options: testbed::Options) -> Result<Self> {
        let has_rollouts = options.rollouts == testbed::Rollouts::Installed;
        let testbed = testbed::Testbed::start(options).await?;
        if has_rollouts {
            testbed.apply(testbed::CANARY).await?;
        } else {
            testbed.apply(&namespace(NAMESPACE)).await?;
        }
        testbed.apply(&rights()).await?;
        let kubeconfig =
            std::fs::read_to_string(testbed.kubeconfig_for("signalbox", "signalbox").await?)?;
        let provider = Sandbox::start(pretend(), sandbox::clock::Clock::running(1.0)).await?;
        let (running, folder) = signalbox(&provider, &kubeconfig, &[NAMESPACE]).await?;
        let admin = testbed.admin();
        let world = World::Testbed(Box::new(testbed), Box::new(provider));
        Ok(Self { world, admin, running, _folder: folder })
    }

    /// The address of this Signalbox.
    pub(crate) fn url(&self) -> &str {
        &self.running.url
    }

    /// A program with a token of this role, everywhere.
    pub(crate) async fn program(&self, role: Role) -> Program {
        self.program_in(role, Scope::Everywhere).await
    }

    /// A program with a token of this role, in some environments.
    pub(crate) async fn program_in(&self, role: Role, scope: Scope) -> Program {
        let state = &self.running.state;
        let now = state.clock.now();
        let grants = [Grant { role, scope }];
        let until = now + SignedDuration::from_hours(1);
        let token = store::tokens::create(&state.store, role.word(), &grants, now, until)
            .await
            .expect("the store takes a token");
        Program::new(self.url(), &token)
    }

    /// A person who signed in and picked this role.
    pub(crate) async fn person(&self, role: Role) -> Person {
        Person::sign_in(self.url(), role.word()).await.expect("sign-in works")
    }

    /// The canary on the newest board.
    pub(crate) fn rollout(&self) -> Option<Arc<Rollout>> {
        self.running.state.board.newest().board.rollouts.get(&key()).cloned()
    }

    /// Waits until the board shows the canary like this.
    pub(crate) async fn until(&self, what: &str, fits: impl Fn(&Rollout) -> bool) -> Arc<Rollout> {
        let mut boards = self.running.state.board.subscribe();
        let wait = async {
            loop {
                let found = boards.borrow_and_update().board.rollouts.get(&key()).cloned();
                if let Some(rollout) = found.filter(|rollout| fits(rollout)) {
                    return rollout;
                }
                boards.changed().await.expect("the board outlives the story");
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(rollout) => rollout,
            Err(_) => panic!("waited in vain for {what}; the board shows {:#?}", self.rollout()),
        }
    }

    /// Waits until the board as a whole is like this.
    pub(crate) async fn until_board(
        &self,
        what: &str,
        fits: impl Fn(&domain::board::Board) -> bool,
    ) {
        let mut boards = self.running.state.board.subscribe();
        let wait = async {
            while !fits(&boards.borrow_and_update().board) {
                boards.changed().await.expect("the board outlives the story");
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            let clusters = &self.running.state.board.newest().board.clusters;
            panic!("waited in vain for {what}; the clusters are {clusters:#?}");
        }
    }

    /// Asks for another version, as a commit would.
    pub(crate) async fn release(&self, image: &str) {
        self.patch(json!({"spec": {"template": {"spec": {"containers": [
            {"name": "checkout", "image": image}
        ]}}}}))
        .await
        .expect("an administrator may release");
    }

    /// Merges something into the canary's Rollout.
    pub(crate) async fn patch(&self, change: Value) -> Result<()> {
        rollouts(&self.admin, NAMESPACE)
            .patch(ROLLOUT, &PatchParams::default(), &Patch::Merge(change))
            .await
            .context("patch the Rollout")?;
        Ok(())
    }

    /// Sets an annotation of the canary's Rollout, as some other tool might.
    pub(crate) async fn annotate(&self, name: &str, value: &str) {
        let change = json!({"metadata": {"annotations": {name: value}}});
        self.patch(change).await.expect("an administrator may annotate");
    }

    /// Asks for so many pods.
    pub(crate) async fn scale(&self, replicas: u32) {
        let change = json!({"spec": {"replicas": replicas}});
        self.patch(change).await.expect("an administrator may scale");
    }

    /// Merges fields into the status of a Rollout of the pretend world, as its controller would.
    pub(crate) fn set_status(&self, name: &str, fields: Value) {
        let cluster = self.pretend().cluster("one").expect("the one cluster");
        cluster
            .write_status(&ROLLOUT_KIND, NAMESPACE, name, |object| {
                let status = object["status"].as_object_mut().expect("it has a status");
                for (field, value) in fields.as_object().expect("fields") {
                    status.insert(field.clone(), value.clone());
                }
            })
            .expect("the Rollout exists");
    }

    /// From now on this version answers nine of ten requests with errors.
    pub(crate) fn break_version(&self, image: &str) {
        match &self.world {
            World::Sandbox(sandbox) => sandbox.traffic("one").expect("the one cluster").set(
                NAMESPACE,
                ROLLOUT,
                image,
                Signals { error_rate: 0.9, ..Signals::GOOD },
            ),
            // In the real world the test answers the web metric itself.
            World::Testbed(..) => {}
        }
    }

    /// The sandbox, for stories that only it can tell.
    pub(crate) fn pretend(&self) -> &Sandbox {
        match &self.world {
            World::Sandbox(sandbox) => sandbox,
            World::Testbed(..) => panic!("this story is told by the sandbox alone"),
        }
    }

    /// Stops the API server, as its death would.
    pub(crate) async fn stop_api(&self) -> Result<()> {
        match &self.world {
            World::Sandbox(sandbox) => sandbox.fault("one", sandbox::Fault::StopApi).await,
            World::Testbed(testbed, _) => {
                testbed.stop_apiserver();
                Ok(())
            }
        }
    }

    /// Brings the API server back with its data, at its address.
    pub(crate) async fn start_api(&self) -> Result<()> {
        match &self.world {
            World::Sandbox(sandbox) => sandbox.fault("one", sandbox::Fault::StartApi).await,
            World::Testbed(testbed, _) => testbed.start_apiserver().await,
        }
    }
}

/// The canary's place on the board.
pub(crate) fn key() -> RolloutKey {
    RolloutKey {
        environment: ENVIRONMENT.into(),
        namespace: NAMESPACE.into(),
        name: ROLLOUT.into(),
    }
}

/// Rollouts of a namespace, as untyped objects.
pub(crate) fn rollouts(client: &kube::Client, namespace: &str) -> Api<DynamicObject> {
    let kind = kube::core::GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Rollout");
    let resource = kube::core::ApiResource::from_gvk_with_plural(&kind, "rollouts");
    Api::namespaced_with(client.clone(), namespace, &resource)
}

/// A Namespace object.
pub(crate) fn namespace(name: &str) -> String {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}).to_string()
}

/// The objects of a multi-document manifest.
pub(crate) fn objects(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).expect("a manifest of our own")
}

fn objects_of_rights() -> Vec<Value> {
    objects(&rights())
}

fn pretend() -> Pretend {
    Pretend { service_account: ("signalbox".into(), "signalbox".into()), ..Default::default() }
}

async fn client(kubeconfig: &str) -> Result<kube::Client> {
    let kubeconfig = kube::config::Kubeconfig::from_yaml(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    Ok(kube::Client::try_from(config)?)
}

/// Starts a Signalbox that sees one cluster and signs people in at the sandbox's provider.
async fn signalbox(
    sandbox: &Sandbox,
    kubeconfig: &str,
    namespaces: &[&str],
) -> Result<(Running, tempfile::TempDir)> {
    // Two may have installed it before; either will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir()?;
    let kubeconfig_file = folder.path().join("kubeconfig");
    let secret_file = folder.path().join("client-secret");
    std::fs::write(&kubeconfig_file, kubeconfig)?;
    let oidc = &sandbox.endpoints().oidc;
    std::fs::write(&secret_file, &oidc.client_secret)?;
    let namespaces: Vec<_> = namespaces.iter().map(|name| format!("{name:?}")).collect();
    let mut text = format!(
        r#"
[server]
listen = "127.0.0.1:0"
database_url = "sqlite://{database}"
[[clusters]]
name = "one"
kubeconfig_file = "{kubeconfig}"
[[environments]]
name = "{ENVIRONMENT}"
class = "prod"
cluster = "one"
namespaces = [{namespaces}]
[oidc]
issuer = "{issuer}"
client_id = "{client_id}"
client_secret_file = "{secret}"
"#,
        database = folder.path().join("signalbox.db").display(),
        kubeconfig = kubeconfig_file.display(),
        namespaces = namespaces.join(", "),
        issuer = oidc.issuer,
        client_id = oidc.client_id,
        secret = secret_file.display(),
    );
    for role in Role::ALL {
        let role = role.word();
        text += &format!("[[roles]]\ngroup = \"signalbox:{role}\"\nrole = \"{role}\"\n");
    }
    let config = Config::from_text(&text, true, &|_| None).map_err(anyhow::Error::msg)?;
    let running = server::start(config, Clock::system()).await?;
    sandbox.oidc().allow_redirect(&format!("{}/auth/callback", running.url));
    if !running.url.starts_with("http://127.0.0.1:") {
        bail!("a story listens on the loopback interface, not on {}", running.url);
    }
    Ok((running, folder))
}
