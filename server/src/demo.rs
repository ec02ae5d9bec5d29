//! A pretend world and the ordinary server pointed at it by an ordinary configuration file.

use std::{
    fmt::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context;
use domain::actor::{Grant, Role, Scope};
use jiff::SignedDuration;
use sandbox::{
    Sandbox, World,
    clock::Clock as WorldClock,
    scenarios::{demo_environments, demo_world},
};
use serde_json::{Map, json};
use tokio::net::TcpListener;

use crate::{Running, clock::Clock, config::Config, start::start_on, store::tokens};

/// How the demo is asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct Demo {
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Where the database and the configuration are written; a folder of the system's temporary
    /// directory unless given.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// So many times shorter are the world's pauses.
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// Print one line of JSON when ready: address and a token per role.
    #[arg(long)]
    pub json: bool,
}

/// A running demo.
pub struct Shown {
    /// Where to look, for people or for programs.
    pub words: String,
    pub running: Running,
    pub world: Sandbox,
}

/// A demo's tokens end after so long: they are for a day's play.
const TOKENS_LAST: SignedDuration = SignedDuration::from_hours(24);

/// Starts the world, then the server.
pub async fn start(demo: &Demo) -> anyhow::Result<Shown> {
    // Another part of the process may have chosen first; either way there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind(demo.listen)
        .await
        .with_context(|| format!("listen on {}; choose another with --listen", demo.listen))?;
    let url = format!("http://{}", listener.local_addr().context("ask for the bound address")?);
    let world_clock = WorldClock::running(demo.speed);
    let world =
        World { redirect_uris: vec![format!("{url}/auth/callback")], ..demo_world(&world_clock) };
    let world = Sandbox::start(world, world_clock).await.context("start the pretend world")?;
    let data = demo.data.clone().unwrap_or_else(|| std::env::temp_dir().join("signalbox-demo"));
    let file = write_files(&data, &world, &url)
        .with_context(|| format!("write the demo's files into {}", data.display()))?;
    let clock = Clock::system();
    let running = start_on(listener, Config::load(Some(&file))?, clock.clone()).await?;
    let mut role_tokens = Map::new();
    for role in Role::ALL {
        let grants = [Grant { role, scope: Scope::Everywhere }];
        let now = clock.now();
        let name = format!("demo {}", role.spoken());
        let token =
            tokens::create(&running.state.store, &name, &grants, now, now + TOKENS_LAST).await?;
        role_tokens.insert(role.word().replace('-', "_"), token.into());
    }
    let control = &world.endpoints().control_url;
    let words = if demo.json {
        json!({"url": url, "tokens": role_tokens, "sandbox": control}).to_string()
    } else {
        let file = file.display();
        format!(
            "Signalbox          {url}\n\
             The pretend world  {control}  (start stories, cause trouble)\n\
             Its configuration  {file}\n\
             Sign in as viewer, developer, approver, release manager or admin. Ctrl+C ends it."
        )
    };
    Ok(Shown { words, running, world })
}

/// Writes kubeconfig, client secret and configuration; gives the configuration's path.
fn write_files(data: &Path, world: &Sandbox, url: &str) -> anyhow::Result<PathBuf> {
    make_private(data)?;
    let endpoints = world.endpoints();
    let kubeconfig = data.join("kubeconfig");
    std::fs::write(&kubeconfig, endpoints.kubeconfig())?;
    let secret = data.join("oidc-client-secret");
    std::fs::write(&secret, &endpoints.oidc.client_secret)?;
    let file = data.join("signalbox.toml");
    std::fs::write(&file, configuration(world, url, data, &kubeconfig, &secret)?)?;
    Ok(file)
}

/// Only its owner may look into the folder: secrets are in it.
fn make_private(data: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(data)?;
    std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o700))
}

fn configuration(
    world: &Sandbox,
    url: &str,
    data: &Path,
    kubeconfig: &Path,
    secret: &Path,
) -> anyhow::Result<String> {
    // A JSON string is a TOML basic string.
    let quoted = |text: &str| json!(text).to_string();
    let path = |path: &Path| -> anyhow::Result<String> {
        Ok(quoted(path.to_str().context("the data folder's name is not text")?))
    };
    let address = url.trim_start_matches("http://");
    let database = format!("sqlite://{}", data.join("signalbox.db").display());
    let mut text = String::from("# Written anew at every start of the demo.\n");
    write!(
        text,
        "[server]\nlisten = {}\npublic_url = {}\ndatabase_url = {}\n",
        quoted(address),
        quoted(url),
        quoted(&database)
    )?;
    let endpoints = world.endpoints();
    for cluster in &endpoints.clusters {
        let name = quoted(&cluster.name);
        let file = path(kubeconfig)?;
        write!(
            text,
            "\n[[clusters]]\nname = {name}\ncontext = {name}\nkubeconfig_file = {file}\n"
        )?;
    }
    for environment in demo_environments() {
        write!(
            text,
            "\n[[environments]]\nname = {}\nclass = {}\ncluster = {}\nnamespaces = {}\n",
            quoted(environment.name),
            quoted(environment.class),
            quoted(environment.cluster),
            json!(environment.namespaces),
        )?;
        if let Some(next) = environment.promotes_to {
            writeln!(text, "promotes_to = {}", quoted(next))?;
        }
    }
    write!(
        text,
        "\n[oidc]\nissuer = {}\nclient_id = {}\nclient_secret_file = {}\n",
        quoted(&endpoints.oidc.issuer),
        quoted(&endpoints.oidc.client_id),
        path(secret)?,
    )?;
    for role in Role::ALL {
        let word = role.word();
        write!(text, "\n[[roles]]\ngroup = \"signalbox:{word}\"\nrole = \"{word}\"\n")?;
    }
    Ok(text)
}
