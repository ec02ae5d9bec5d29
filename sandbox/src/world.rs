//! The whole pretend world: its clusters with their controllers, the identity provider and the
//! control page, from start to drop.

use crate::clock::Clock;
use crate::control;
use crate::door::{Bound, Door};
use crate::endpoints::{self, ClusterEndpoint, Endpoints};
use crate::fault::Fault;
use crate::kubernetes::Access;
use crate::kubernetes::api::access::User;
use crate::kubernetes::api::{self, Api};
use crate::kubernetes::faults::Faults;
use crate::kubernetes::kinds::{self, Kind, NAMESPACE};
use crate::kubernetes::ledger::Ledger;
use crate::kubernetes::store::{Cluster, namespace_of};
use crate::oidc::{self, Provider};
use crate::rollouts::controller;
use crate::rollouts::traffic::Traffic;
use anyhow::Context;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

/// What the world holds when it starts.
#[derive(Default)]
pub struct World {
    /// The clusters, in the order in which they are shown.
    pub clusters: Vec<WorldCluster>,
    /// Whether the clusters enforce the Roles among their manifests.
    pub access: Access,
    /// Namespace and name of the ServiceAccount that Signalbox acts as.
    pub service_account: (String, String),
    /// Exact redirect URIs of the identity provider's client.
    pub redirect_uris: Vec<String>,
    /// The stories that the control page can start.
    pub stories: Stories,
}

/// One cluster at its start.
#[derive(Default)]
pub struct WorldCluster {
    /// Unique in the world.
    pub name: String,
    /// Its objects; a missing Namespace is made up.
    pub manifests: Vec<Value>,
    /// Whether anybody works in it.
    pub controllers: Controllers,
    /// How its versions answer their requests.
    pub traffic: Traffic,
}

/// Whether the pretend Argo Rollouts controller runs in a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Controllers {
    /// Rollouts walk.
    #[default]
    Running,
    /// Objects stay as they are written.
    Absent,
}

/// One story in words.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    /// How it is called by.
    pub name: &'static str,
    /// What will be seen.
    pub sentence: &'static str,
}

/// Begins a story: cluster, its clock and traffic, the story's name, namespace and rollout.
pub type StartStory = fn(&Cluster, &Clock, &Traffic, &str, &str, &str) -> Result<(), String>;

/// The stories of a world.
#[derive(Clone)]
pub struct Stories {
    /// In the order in which they are offered.
    pub all: Vec<Story>,
    /// Begins one of them.
    pub start: StartStory,
}

impl Default for Stories {
    fn default() -> Stories {
        Stories { all: Vec::new(), start: |_, _, _, story, _, _| Err(format!("no story {story}")) }
    }
}

/// A running world; everything in it ends when it is dropped.
pub struct Sandbox {
    running: Arc<Running>,
    endpoints: Endpoints,
    provider: Provider,
    oidc: Door,
    control: Door,
    controllers: JoinSet<()>,
}

/// What the control page shares with the world.
pub(crate) struct Running {
    pub(crate) clock: Clock,
    pub(crate) stories: Stories,
    pub(crate) clusters: Vec<RunningCluster>,
}

pub(crate) struct RunningCluster {
    pub(crate) api: Arc<Api>,
    pub(crate) traffic: Traffic,
    door: Door,
    /// What an uninstalled kind took with it, until it is installed again.
    parked: Mutex<HashMap<&'static Kind, Vec<Arc<Value>>>>,
}

impl Sandbox {
    /// Starts everything on free ports of the loopback interface.
    pub async fn start(world: World, clock: Clock) -> anyhow::Result<Sandbox> {
        let certificates = endpoints::certificates()?;
        let mut clusters = Vec::new();
        let mut cluster_endpoints = Vec::new();
        let mut controllers = JoinSet::new();
        for start in world.clusters {
            let cluster = Cluster::new(&start.name, clock.clone());
            load(&cluster, start.manifests)
                .with_context(|| format!("fill the cluster {}", start.name))?;
            let (namespace, name) = &world.service_account;
            let (token, admin_token) = (oidc::secret(), oidc::secret());
            let users = HashMap::from([
                (token.clone(), User::service_account(namespace, name)),
                (admin_token.clone(), User::admin()),
            ]);
            let api = Arc::new(Api {
                cluster: cluster.clone(),
                users,
                access: world.access,
                faults: Faults::none(),
                ledger: Ledger::default(),
            });
            let bound = Bound::anywhere()?;
            cluster_endpoints.push(ClusterEndpoint {
                name: start.name,
                url: format!("https://{}", bound.address),
                token,
                admin_token,
                certificate_authority: certificates.authority.clone(),
            });
            let door = bound.open(api::router(api.clone()), Some(certificates.acceptor.clone()))?;
            if start.controllers == Controllers::Running {
                controllers.spawn(controller::run(cluster, clock.clone(), start.traffic.clone()));
            }
            let parked = Mutex::default();
            clusters.push(RunningCluster { api, traffic: start.traffic, door, parked });
        }
        let running = Arc::new(Running { clock, stories: world.stories, clusters });

        let bound = Bound::anywhere()?;
        let issuer = format!("http://{}", bound.address);
        // Whoever verifies its tokens does so by the real time, also in a stepped world.
        let provider = Provider::new(&issuer, world.redirect_uris, Clock::running(1.0))?;
        let oidc = bound.open(provider.router(), None)?;

        let bound = Bound::anywhere()?;
        let control_url = format!("http://{}", bound.address);
        let control = bound.open(control::router(running.clone()), None)?;

        let oidc_endpoint = provider.endpoint();
        let endpoints = Endpoints { clusters: cluster_endpoints, oidc: oidc_endpoint, control_url };
        Ok(Sandbox { running, endpoints, provider, oidc, control, controllers })
    }

    /// Where everything is.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// A cluster's objects.
    pub fn cluster(&self, name: &str) -> Option<Cluster> {
        self.running.find(name).map(|cluster| cluster.api.cluster.clone())
    }

    /// How a cluster's versions answer their requests.
    pub fn traffic(&self, cluster: &str) -> Option<Traffic> {
        self.running.find(cluster).map(|cluster| cluster.traffic.clone())
    }

    /// What a cluster's API was asked.
    pub fn ledger(&self, cluster: &str) -> Option<Ledger> {
        self.running.find(cluster).map(|cluster| cluster.api.ledger.clone())
    }

    /// The identity provider.
    pub fn oidc(&self) -> &Provider {
        &self.provider
    }

    /// Does something to a cluster's API.
    pub async fn fault(&self, cluster: &str, fault: Fault) -> anyhow::Result<()> {
        self.running.fault(cluster, fault).await
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.controllers.abort_all();
        self.oidc.abort();
        self.control.abort();
        for cluster in &self.running.clusters {
            cluster.door.abort();
        }
    }
}

impl Running {
    pub(crate) fn find(&self, name: &str) -> Option<&RunningCluster> {
        self.clusters.iter().find(|cluster| cluster.api.cluster.name() == name)
    }

    pub(crate) async fn fault(&self, cluster: &str, fault: Fault) -> anyhow::Result<()> {
        let cluster =
            self.find(cluster).with_context(|| format!("no cluster is named {cluster}"))?;
        cluster.fault(fault).await
    }
}

impl RunningCluster {
    pub(crate) async fn is_open(&self) -> bool {
        self.door.is_open().await
    }

    async fn fault(&self, fault: Fault) -> anyhow::Result<()> {
        let faults = &self.api.faults;
        match fault {
            Fault::StopApi => self.door.close().await?,
            Fault::StartApi => self.door.open().await?,
            Fault::CutWatches => faults.cut_watches(),
            Fault::Compact => self.api.cluster.compact(),
            Fault::Delay(delay) => faults.change(|troubles| troubles.delay = delay),
            Fault::HalfOpen(on) => faults.change(|troubles| troubles.half_open = on),
            Fault::Truncate(on) => faults.change(|troubles| troubles.truncate = on),
            Fault::DuplicateEvents(on) => faults.change(|troubles| troubles.duplicate_events = on),
            Fault::GoneAsHttp(on) => faults.change(|troubles| troubles.gone_as_http = on),
            Fault::Uninstall(kind) => {
                let gone = self.api.cluster.uninstall(kind);
                let mut parked = self.parked.lock().unwrap_or_else(|e| e.into_inner());
                parked.entry(kind).or_default().extend(gone);
            }
            Fault::Install(kind) => self.install(kind)?,
            Fault::Clear => {
                faults.clear();
                let parked: Vec<&'static Kind> = {
                    let parked = self.parked.lock().unwrap_or_else(|e| e.into_inner());
                    parked.keys().copied().collect()
                };
                for kind in parked {
                    self.install(kind)?;
                }
                self.door.open().await?;
            }
        }
        Ok(())
    }

    fn install(&self, kind: &'static Kind) -> anyhow::Result<()> {
        self.api.cluster.install(kind);
        let parked = {
            let mut parked = self.parked.lock().unwrap_or_else(|e| e.into_inner());
            parked.remove(kind).unwrap_or_default()
        };
        for object in parked {
            self.api.cluster.apply((*object).clone()).context("bring an object back")?;
        }
        Ok(())
    }
}

/// Fills a cluster: what is cluster-wide first, then a Namespace for whoever needs one, then the
/// rest in the given order.
fn load(cluster: &Cluster, manifests: Vec<Value>) -> anyhow::Result<()> {
    let is_namespace = |object: &Value| object["kind"] == NAMESPACE.kind;
    let (namespaces, rest): (Vec<_>, Vec<_>) = manifests.into_iter().partition(is_namespace);
    let mut wanted: BTreeSet<String> =
        ["default", "kube-system"].into_iter().map(str::to_owned).collect();
    for object in &rest {
        let kind = Kind::find(
            object["apiVersion"].as_str().unwrap_or_default(),
            object["kind"].as_str().unwrap_or_default(),
        );
        if kind.is_some_and(|kind| kind.namespaced) && !namespace_of(object).is_empty() {
            wanted.insert(namespace_of(object).to_owned());
        }
    }
    for namespace in namespaces {
        cluster.apply(namespace)?;
    }
    for name in wanted {
        if cluster.get_shared(&NAMESPACE, "", &name).is_none() {
            cluster.apply(json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
                "status": {"phase": "Active"},
            }))?;
        }
    }
    for object in rest {
        if object["kind"] == kinds::CUSTOM_RESOURCE_DEFINITION.kind {
            // Every kind that can be played is installed already.
            continue;
        }
        let what = format!("{} {}", object["kind"], object["metadata"]["name"]);
        cluster.apply(object).with_context(|| format!("take {what}"))?;
    }
    Ok(())
}
