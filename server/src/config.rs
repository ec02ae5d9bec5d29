//! Settings: one TOML file, every plain value also an environment variable, secrets only from
//! files. What is absent is not connected; what is wrong is refused before anything starts.
//!
//! ```text
//! text --parse--> file::Settings --overrides--> --check--> Config
//! ```

mod file;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context;
use domain::{
    ClusterName, RolloutName, ServiceName,
    actor::{Grant, Role, Scope},
    environment::Environment,
};

/// Everything that can be set, checked.
#[derive(Clone, Debug)]
pub struct Config {
    pub server: Server,
    pub clusters: Vec<Cluster>,
    /// In promotion order.
    pub environments: Vec<Environment>,
    /// With no file, namespaces that hold Rollouts become environments.
    pub discover: bool,
    /// The service a Rollout belongs to, where its labels do not say.
    pub services: BTreeMap<RolloutName, ServiceName>,
    pub oidc: Option<Oidc>,
    pub roles: Vec<RoleRule>,
}

/// Where it listens, what browsers call it, where it remembers.
#[derive(Clone, Debug)]
pub struct Server {
    pub listen: SocketAddr,
    /// Scheme, host and port as browsers see them, without a slash at the end. `None`: the address
    /// it listens on.
    pub public_url: Option<String>,
    /// `sqlite://path` or `sqlite::memory:`.
    pub database_url: String,
}

/// One cluster and how to reach it.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: ClusterName,
    pub access: Access,
}

/// Where a cluster's address and credentials are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// The pod's own ServiceAccount.
    InCluster,
    /// A kubeconfig; `None` is `KUBECONFIG` or the usual place. The context, or the current one.
    Kubeconfig { file: Option<PathBuf>, context: Option<String> },
}

/// Who says who people are.
#[derive(Clone, Debug)]
pub struct Oidc {
    pub issuer: String,
    pub client_id: String,
    /// Holds the client's secret; a public client has none.
    pub client_secret_file: Option<PathBuf>,
    /// The claim that lists a person's groups.
    pub groups_claim: String,
}

/// Members of a group hold a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRule {
    /// A group as the provider names it, or [`EVERYBODY`].
    pub group: String,
    pub role: Role,
    pub scope: Scope,
}

/// The group of everyone who is signed in.
pub const EVERYBODY: &str = "*";

/// Where it listens unless told otherwise: this machine only.
const LISTEN: &str = "127.0.0.1:8080";
/// The database beside the working directory, unless told otherwise.
const DATABASE_URL: &str = "sqlite://signalbox.db";
/// The claim most providers put groups into.
const GROUPS_CLAIM: &str = "groups";
/// The one cluster's name when no file names it.
const ONLY_CLUSTER: &str = "default";

impl Config {
    /// Reads the file, if one is given, then the environment.
    pub fn load(path: Option<&Path>) -> anyhow::Result<Self> {
        let text = match path {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("read the configuration {}", path.display()))?,
            None => String::new(),
        };
        let shown =
            path.map_or_else(|| "environment".to_owned(), |path| path.display().to_string());
        #[expect(clippy::disallowed_methods, reason = "this is where settings are read")]
        let variable = |name: &str| std::env::var(name).ok();
        Self::from_text(&text, path.is_some(), &variable)
            .map_err(|error| anyhow::anyhow!("{shown}: {error}"))
    }

    /// The settings of `text`; `variable` looks an environment variable up. Without a file the
    /// kubeconfig's cluster is shown, read-only.
    pub fn from_text(
        text: &str,
        is_file: bool,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let settings: file::Settings = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut config = file::check(settings, text, variable)?;
        if !is_file {
            config.discover = true;
            config.clusters = vec![Cluster {
                name: ONLY_CLUSTER.into(),
                access: Access::Kubeconfig { file: None, context: None },
            }];
            config.roles = vec![RoleRule {
                group: EVERYBODY.into(),
                role: Role::Viewer,
                scope: Scope::Everywhere,
            }];
        }
        Ok(config)
    }

    /// What is configured, in a line.
    pub fn summary(&self) -> String {
        let count = |number: usize, one: &str| match number {
            1 => format!("1 {one}"),
            _ => format!("{number} {one}s"),
        };
        let login = match &self.oidc {
            Some(oidc) => format!("sign-in by {}", oidc.issuer),
            None => "no sign-in but by API token".to_owned(),
        };
        format!(
            "The configuration is right: {}, {}, {}, {login}.",
            count(self.clusters.len(), "cluster"),
            count(self.environments.len(), "environment"),
            count(self.roles.len(), "role"),
        )
    }

    /// What membership in these groups grants.
    pub fn grants_of(&self, groups: &[String]) -> Vec<Grant> {
        self.roles
            .iter()
            .filter(|rule| rule.group == EVERYBODY || groups.contains(&rule.group))
            .map(|rule| Grant { role: rule.role, scope: rule.scope.clone() })
            .collect()
    }
}

/// The content of a file that holds a secret, without the line's end.
pub fn read_secret(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("read the secret in {}", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[server]
listen = "127.0.0.1:9000"
public_url = "https://signalbox.example/"

[[clusters]]
name = "west"
context = "west-admin"

[[environments]]
name = "prod"
class = "prod"
cluster = "west"
namespaces = ["shop"]

[[environments]]
name = "dev"
class = "dev"
cluster = "west"
namespaces = ["shop-dev"]
promotes_to = "prod"

[[services]]
name = "checkout"
rollout = "checkout-web"

[oidc]
issuer = "https://login.example"
client_id = "signalbox"

[[roles]]
group = "sre"
role = "release-manager"
environments = ["prod"]

[[roles]]
group = "*"
role = "viewer"
"#;

    fn read(text: &str) -> Result<Config, String> {
        Config::from_text(text, true, &|_| None)
    }

    #[test]
    fn a_whole_file_is_read() {
        let config = read(GOOD).unwrap();
        assert_eq!(config.server.public_url.as_deref(), Some("https://signalbox.example"));
        let names: Vec<_> = config.environments.iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["dev", "prod"]);
        assert_eq!(config.services[&"checkout-web".into()], "checkout".into());
        assert_eq!(config.oidc.as_ref().unwrap().groups_claim, "groups");
        assert!(!config.discover);
    }

    #[test]
    fn groups_grant_roles_where_the_file_says_so() {
        let config = read(GOOD).unwrap();
        assert_eq!(config.grants_of(&[]).len(), 1);
        let grants = config.grants_of(&["sre".into()]);
        assert_eq!(grants[0].role, Role::ReleaseManager);
        assert!(grants[0].scope.covers(&"prod".into()));
        assert!(!grants[0].scope.covers(&"dev".into()));
        assert_eq!(grants[1].scope, Scope::Everywhere);
    }

    #[test]
    fn a_wrong_file_is_refused_with_line_key_and_what_was_expected() {
        let table = [
            ("[server]\nlisen = \"x\"", ["line 2", "lisen", "listen"]),
            ("[server]\nlisten = 8080", ["line 2", "listen", "string"]),
            ("\n[server]\nlisten = \"here\"", ["line 3", "server.listen", "127.0.0.1:8080"]),
            (
                "[[clusters]]\nname = \"a\"\nin_cluster = true\ncontext = \"b\"",
                ["line 1", "clusters", "one of"],
            ),
            (
                "[[environments]]\nname = \"a\"\nclass = \"dev\"\ncluster = \"b\"\nnamespaces = [\"n\"]",
                ["line 4", "environments.cluster", "[[clusters]]"],
            ),
            ("[[environments]]\nname = \"a\"\nclass = \"big\"", ["line 3", "class", "`staging`"]),
            (
                "[[environments]]\nname = \"a/b\"\nclass = \"dev\"\ncluster = \"b\"\nnamespaces = [\"n\"]",
                ["line 2", "environments.name", "letters"],
            ),
            ("[[roles]]\ngroup = \"g\"\nrole = \"boss\"", ["line 3", "role", "`approver`"]),
            (
                "[[roles]]\ngroup = \"g\"\nrole = \"viewer\"\nenvironments = [\"moon\"]",
                ["line 4", "roles.environments", "moon"],
            ),
        ];
        for (text, parts) in table {
            let error = read(text).expect_err(text);
            for part in parts {
                assert!(error.contains(part), "{text}\nmisses {part}:\n{error}");
            }
        }
    }

    #[test]
    fn a_namespace_belongs_to_one_environment() {
        let text = GOOD.replace("shop-dev", "shop");
        let error = read(&text).unwrap_err();
        assert!(
            error.contains("shop") && error.contains("dev") && error.contains("prod"),
            "{error}"
        );
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let variables = |name: &str| match name {
            "SIGNALBOX_SERVER_LISTEN" => Some("127.0.0.1:1".to_owned()),
            "SIGNALBOX_OIDC_CLIENT_ID" => Some("other".to_owned()),
            _ => None,
        };
        let config = Config::from_text(GOOD, true, &variables).unwrap();
        assert_eq!(config.server.listen.port(), 1);
        assert_eq!(config.oidc.unwrap().client_id, "other");
        let wrong = |name: &str| (name == "SIGNALBOX_SERVER_LISTEN").then(|| "x".to_owned());
        let error = Config::from_text(GOOD, true, &wrong).unwrap_err();
        assert!(error.contains("SIGNALBOX_SERVER_LISTEN"), "{error}");
    }

    #[test]
    fn without_a_file_everything_is_shown_and_nothing_may_be_changed() {
        let config = Config::from_text("", false, &|_| None).unwrap();
        assert!(config.discover);
        assert_eq!(config.clusters.len(), 1);
        let grants = config.grants_of(&[]);
        assert_eq!(grants.len(), 1);
        assert_eq!(grants[0].role, Role::Viewer);
    }
}
