//! From settings to a running server, and back.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use domain::{
    ClusterName,
    environment::{Class, Environment},
};
use jiff::Timestamp;
use kube::{
    Api,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::{net::TcpListener, sync::watch as channel, task::JoinSet};
use tracing::{info, warn};

use crate::{
    Signalbox, State, assets,
    board::{BoardHub, Book, Kind},
    clock::Clock,
    config::{Access, Config, Oidc, read_secret},
    routes, session,
    store::{self, Store},
    systems::{
        oidc::{self, Login},
        rollouts::read::{Place, RolloutObject},
    },
    views::Views,
    watch::{Watched, resource_of, watch_cluster},
};

/// How long a cluster may take to accept a connection: within one heartbeat.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long requests that are under way may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// How often ended sessions are removed: they let nobody in, they only take room.
const SWEEP: Duration = Duration::from_secs(3600);

/// A running server. It stops when it is dropped, or in order by [`Running::shutdown`].
pub struct Running {
    /// Where it answers, without a slash at the end.
    pub url: String,
    pub state: State,
    tasks: JoinSet<()>,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// Binds, watches and serves.
pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Running> {
    let listener = TcpListener::bind(config.server.listen)
        .await
        .with_context(|| format!("listen on {}", config.server.listen))?;
    start_on(listener, config, clock).await
}

/// Watches, and serves on a socket that is bound already: for whoever must know the address before.
pub async fn start_on(
    listener: TcpListener,
    mut config: Config,
    clock: Clock,
) -> anyhow::Result<Running> {
    // Another part of the process may have chosen first; either way there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let assets = assets::load()?;
    let mut clusters = BTreeMap::new();
    for cluster in &config.clusters {
        let client = connect(&cluster.access)
            .await
            .with_context(|| format!("reach the cluster {}", cluster.name))?;
        clusters.insert(cluster.name.clone(), client);
    }
    if config.discover {
        config.environments = discover(&clusters).await?;
    }
    let store = Store::open(&config.server.database_url).await?;
    let url = format!("http://{}", listener.local_addr().context("ask for the bound address")?);
    let public_url = config.server.public_url.clone().unwrap_or_else(|| url.clone());
    let login = match &config.oidc {
        Some(oidc) => Some(login(oidc, &public_url)?),
        None => None,
    };
    let now = clock.now();
    let names: Vec<ClusterName> = clusters.keys().cloned().collect();
    let book = Book::new(config.environments.clone(), &names, now);
    let state = Arc::new(Signalbox {
        board: BoardHub::new(book, epoch(now, &assets)),
        config,
        clock,
        store,
        clusters,
        views: Views::default(),
        login,
        assets,
        public_url,
        closing: channel::Sender::new(false),
    });
    // What a crash cut off is closed as unknown before anything new is begun.
    store::audit::close_unfinished(&state.store, now).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(sweep(Arc::clone(&state)));
    tasks.spawn(state.board.clone().publish_news());
    for watched in watches(&state) {
        tasks.spawn(watch_cluster(watched));
    }
    let router = routes::create_router(Arc::clone(&state));
    let mut closing = state.closing.subscribe();
    let serving = tokio::spawn(async move {
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(async move {
                let _ = closing.wait_for(|closing| *closing).await;
            })
            .await
    });
    info!(%url, "serving on {url}");
    Ok(Running { url, state, tasks, serving })
}

impl Running {
    /// Lets requests finish, closes streams and stops.
    pub async fn shutdown(mut self) -> anyhow::Result<()> {
        self.state.closing.send_replace(true);
        let serving = &mut self.serving;
        match tokio::time::timeout(DRAIN, serving).await {
            Ok(ended) => ended.context("serve")?.context("serve")?,
            Err(_) => self.serving.abort(),
        }
        self.tasks.shutdown().await;
        Ok(())
    }

    /// Ends only if the server fails.
    pub async fn failed(&mut self) -> anyhow::Error {
        match (&mut self.serving).await {
            Ok(Ok(())) => anyhow::anyhow!("the server ended"),
            Ok(Err(error)) => anyhow::Error::new(error).context("serve"),
            Err(error) => anyhow::Error::new(error).context("serve"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.state.closing.send_replace(true);
        self.serving.abort();
    }
}

/// Takes ended sessions out of the store, for ever.
async fn sweep(state: State) {
    let mut hours = tokio::time::interval(SWEEP);
    loop {
        hours.tick().await;
        if let Err(error) = session::sweep(&state, state.clock.now()).await {
            warn!("ended sessions were not removed: {error:#}");
        }
    }
}

fn login(oidc: &Oidc, public_url: &str) -> anyhow::Result<Login> {
    let client_secret = match &oidc.client_secret_file {
        Some(file) => Some(read_secret(file)?),
        None => None,
    };
    Login::start(oidc::Settings {
        issuer: oidc.issuer.clone(),
        client_id: oidc.client_id.clone(),
        client_secret,
        groups_claim: oidc.groups_claim.clone(),
        redirect_url: format!("{public_url}/auth/callback"),
    })
}

/// A client that gives up soon and leaves retries to those who know what they do.
async fn connect(access: &Access) -> anyhow::Result<kube::Client> {
    let mut config = match access {
        Access::InCluster => kube::Config::incluster()?,
        Access::Kubeconfig { file, context } => {
            let options = KubeConfigOptions { context: context.clone(), ..Default::default() };
            match file {
                Some(file) => {
                    let kubeconfig = Kubeconfig::read_from(file)?;
                    kube::Config::from_custom_kubeconfig(kubeconfig, &options).await?
                }
                None => kube::Config::from_kubeconfig(&options).await?,
            }
        }
    };
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.default_retry = false;
    Ok(kube::Client::try_from(config)?)
}

/// With no file, every namespace that holds Rollouts is an environment, guarded like production.
async fn discover(
    clusters: &BTreeMap<ClusterName, kube::Client>,
) -> anyhow::Result<Vec<Environment>> {
    let mut environments = vec![];
    for (cluster, client) in clusters {
        let api: Api<kube::core::PartialObjectMeta<RolloutObject>> =
            Api::all_with(client.clone(), &resource_of(Kind::Rollout));
        let found = api.list_metadata(&Default::default()).await.context(
            "look for Rollouts in all namespaces; without that right, name the namespaces in a configuration file",
        )?;
        let namespaces: BTreeSet<String> =
            found.items.into_iter().filter_map(|object| object.metadata.namespace).collect();
        environments.extend(namespaces.into_iter().map(|namespace| Environment {
            name: namespace.as_str().into(),
            class: Class::Prod,
            cluster: cluster.clone(),
            namespaces: vec![namespace.into()],
            promotes_to: None,
        }));
    }
    Ok(environments)
}

fn watches(state: &State) -> Vec<Watched> {
    let services = Arc::new(state.config.services.clone());
    state
        .clusters
        .iter()
        .map(|(cluster, client)| {
            let places = state
                .config
                .environments
                .iter()
                .filter(|environment| environment.cluster == *cluster)
                .flat_map(|environment| {
                    environment.namespaces.iter().map(|namespace| {
                        let place = Place {
                            cluster: cluster.clone(),
                            environment: environment.name.clone(),
                            namespace: namespace.clone(),
                            services: Arc::clone(&services),
                        };
                        (namespace.clone(), place)
                    })
                })
                .collect();
            Watched {
                cluster: cluster.clone(),
                client: client.clone(),
                board: state.board.clone(),
                clock: state.clock.clone(),
                places,
            }
        })
        .collect()
}

/// Differs between runs; its low bits tell which assets the pages of this run link to.
fn epoch(now: Timestamp, assets: &app::Assets) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&assets.js, &assets.wasm, &assets.css).hash(&mut hasher);
    let started = u64::try_from(now.as_millisecond()).unwrap_or_default();
    (started << 16) | (hasher.finish() & 0xffff)
}
