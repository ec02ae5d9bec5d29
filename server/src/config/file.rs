//! The file as it is written, and the checks that no type can make. Values that refer to others
//! remember where they stand, so that a refusal can name the line.

use std::{collections::BTreeMap, path::PathBuf};

use domain::{
    actor::{Role, Scope},
    environment::{Class, Environment, in_promotion_order},
};
use serde::Deserialize;
use toml::Spanned;

use super::{Access, Cluster, Config, DATABASE_URL, GROUPS_CLAIM, LISTEN, Oidc, RoleRule, Server};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    server: ServerSettings,
    clusters: Vec<Spanned<ClusterSettings>>,
    environments: Vec<EnvironmentSettings>,
    services: Vec<ServiceSettings>,
    oidc: Option<OidcSettings>,
    roles: Vec<RoleSettings>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ServerSettings {
    listen: Option<Spanned<String>>,
    public_url: Option<Spanned<String>>,
    database_url: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClusterSettings {
    name: String,
    context: Option<String>,
    #[serde(default)]
    in_cluster: bool,
    kubeconfig_file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvironmentSettings {
    name: Spanned<String>,
    class: Class,
    cluster: Spanned<String>,
    namespaces: Spanned<Vec<String>>,
    promotes_to: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceSettings {
    name: String,
    rollout: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OidcSettings {
    issuer: Option<String>,
    client_id: Option<String>,
    client_secret_file: Option<PathBuf>,
    groups_claim: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleSettings {
    group: String,
    role: Role,
    environments: Option<Spanned<Vec<String>>>,
}

/// Names the line, the key and what was expected there.
struct Places<'a> {
    text: &'a str,
}

impl Places<'_> {
    fn refuse<T, V>(&self, at: &Spanned<V>, key: &str, expected: &str) -> Result<T, String> {
        let before = self.text.get(..at.span().start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Err(format!("line {line}, {key}: {expected}"))
    }
}

pub(super) fn check(
    settings: Settings,
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, String> {
    let places = Places { text };
    let clusters = check_clusters(settings.clusters, &places)?;
    let environments = check_environments(settings.environments, &clusters, &places)?;
    let mut roles = vec![];
    for rule in settings.roles {
        let scope = match rule.environments {
            None => Scope::Everywhere,
            Some(names) => {
                if let Some(unknown) = names
                    .get_ref()
                    .iter()
                    .find(|n| environments.iter().all(|e| e.name.as_str() != n.as_str()))
                {
                    return places.refuse(
                        &names,
                        "roles.environments",
                        &format!("{unknown} is no environment; expected names of [[environments]]"),
                    );
                }
                Scope::Only(names.into_inner().into_iter().map(Into::into).collect())
            }
        };
        roles.push(RoleRule { group: rule.group, role: rule.role, scope });
    }
    Ok(Config {
        server: check_server(settings.server, &places, variable)?,
        clusters,
        environments: in_promotion_order(environments),
        discover: false,
        services: settings
            .services
            .into_iter()
            .map(|service| (service.rollout.into(), service.name.into()))
            .collect(),
        oidc: check_oidc(settings.oidc, variable)?,
        roles,
    })
}

fn check_server(
    server: ServerSettings,
    places: &Places<'_>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Server, String> {
    const EXPECTED_LISTEN: &str = "expected an address and a port, like 127.0.0.1:8080";
    const EXPECTED_URL: &str = "expected a URL that begins with http:// or https://";
    const EXPECTED_DATABASE: &str = "expected sqlite://PATH or sqlite::memory:";
    let is_url = |text: &str| text.starts_with("https://") || text.starts_with("http://");
    let is_database = |text: &str| text.starts_with("sqlite:");

    let listen = match (variable("SIGNALBOX_SERVER_LISTEN"), &server.listen) {
        (Some(text), _) => {
            text.parse().map_err(|_| format!("SIGNALBOX_SERVER_LISTEN: {EXPECTED_LISTEN}"))?
        }
        (None, Some(at)) => match at.get_ref().parse() {
            Ok(address) => address,
            Err(_) => return places.refuse(at, "server.listen", EXPECTED_LISTEN),
        },
        (None, None) => LISTEN.parse().expect("the constant is an address"),
    };
    let public_url =
        text(variable, "SIGNALBOX_SERVER_PUBLIC_URL", server.public_url, is_url, |at| match at {
            Some(at) => places.refuse(at, "server.public_url", EXPECTED_URL),
            None => Err(format!("SIGNALBOX_SERVER_PUBLIC_URL: {EXPECTED_URL}")),
        })?;
    let database_url =
        text(variable, "SIGNALBOX_SERVER_DATABASE_URL", server.database_url, is_database, |at| {
            match at {
                Some(at) => places.refuse(at, "server.database_url", EXPECTED_DATABASE),
                None => Err(format!("SIGNALBOX_SERVER_DATABASE_URL: {EXPECTED_DATABASE}")),
            }
        })?;
    Ok(Server {
        listen,
        public_url: public_url.map(|url| url.trim_end_matches('/').to_owned()),
        database_url: database_url.unwrap_or_else(|| DATABASE_URL.to_owned()),
    })
}

/// The variable if it is set, else the file's value; either must be `good`.
fn text(
    variable: &dyn Fn(&str) -> Option<String>,
    name: &str,
    value: Option<Spanned<String>>,
    good: impl Fn(&str) -> bool,
    refuse: impl Fn(Option<&Spanned<String>>) -> Result<Option<String>, String>,
) -> Result<Option<String>, String> {
    match (variable(name), value) {
        (Some(text), _) if good(&text) => Ok(Some(text)),
        (Some(_), _) => refuse(None),
        (None, Some(at)) if good(at.get_ref()) => Ok(Some(at.into_inner())),
        (None, Some(at)) => refuse(Some(&at)),
        (None, None) => Ok(None),
    }
}

fn check_clusters(
    clusters: Vec<Spanned<ClusterSettings>>,
    places: &Places<'_>,
) -> Result<Vec<Cluster>, String> {
    let mut checked: Vec<Cluster> = vec![];
    for at in clusters {
        let given = at.get_ref();
        if given.in_cluster && (given.context.is_some() || given.kubeconfig_file.is_some()) {
            return places.refuse(
                &at,
                "clusters",
                "expected one of in_cluster and context with kubeconfig_file, not both",
            );
        }
        if checked.iter().any(|cluster| cluster.name.as_str() == given.name) {
            return places.refuse(&at, "clusters.name", "expected a name no other cluster has");
        }
        let given = at.into_inner();
        let access = if given.in_cluster {
            Access::InCluster
        } else {
            Access::Kubeconfig { file: given.kubeconfig_file, context: given.context }
        };
        checked.push(Cluster { name: given.name.into(), access });
    }
    Ok(checked)
}

fn check_environments(
    environments: Vec<EnvironmentSettings>,
    clusters: &[Cluster],
    places: &Places<'_>,
) -> Result<Vec<Environment>, String> {
    let names: Vec<String> =
        environments.iter().map(|environment| environment.name.get_ref().clone()).collect();
    let mut owners: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut checked: Vec<Environment> = vec![];
    for given in environments {
        let name = given.name.get_ref().clone();
        if checked.iter().any(|environment| environment.name.as_str() == name) {
            return places.refuse(
                &given.name,
                "environments.name",
                "expected a name no other environment has",
            );
        }
        if !is_plain(&name) {
            return places.refuse(
                &given.name,
                "environments.name",
                "expected letters, digits, `-`, `.` and `_`: the name is a part of addresses",
            );
        }
        if clusters.iter().all(|cluster| cluster.name.as_str() != given.cluster.get_ref()) {
            return places.refuse(
                &given.cluster,
                "environments.cluster",
                "expected a name of [[clusters]]",
            );
        }
        if let Some(next) = &given.promotes_to
            && !names.contains(next.get_ref())
        {
            return places.refuse(
                next,
                "environments.promotes_to",
                "expected a name of [[environments]]",
            );
        }
        if given.namespaces.get_ref().is_empty() {
            return places.refuse(
                &given.namespaces,
                "environments.namespaces",
                "expected at least one namespace",
            );
        }
        for namespace in given.namespaces.get_ref() {
            let place = (given.cluster.get_ref().clone(), namespace.clone());
            if let Some(other) = owners.insert(place, name.clone()) {
                return places.refuse(
                    &given.namespaces,
                    "environments.namespaces",
                    &format!("{namespace} is in {other} and in {name}; expected one environment for each namespace"),
                );
            }
        }
        checked.push(Environment {
            name: name.into(),
            class: given.class,
            cluster: given.cluster.into_inner().into(),
            namespaces: given.namespaces.into_inner().into_iter().map(Into::into).collect(),
            promotes_to: given.promotes_to.map(|next| next.into_inner().into()),
        });
    }
    Ok(checked)
}

/// Whether a name stands in an address as it is.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    !name.is_empty() && name.chars().all(plain)
}

fn check_oidc(
    oidc: Option<OidcSettings>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Oidc>, String> {
    let is_section = oidc.is_some();
    let given = oidc.unwrap_or_default();
    let issuer = variable("SIGNALBOX_OIDC_ISSUER").or(given.issuer);
    let client_id = variable("SIGNALBOX_OIDC_CLIENT_ID").or(given.client_id);
    let (issuer, client_id) = match (issuer, client_id) {
        (Some(issuer), Some(client_id)) => (issuer, client_id),
        (None, None) if !is_section => return Ok(None),
        _ => return Err("oidc: expected both issuer and client_id".into()),
    };
    Ok(Some(Oidc {
        issuer,
        client_id,
        client_secret_file: variable("SIGNALBOX_OIDC_CLIENT_SECRET_FILE")
            .map(PathBuf::from)
            .or(given.client_secret_file),
        groups_claim: variable("SIGNALBOX_OIDC_GROUPS_CLAIM")
            .or(given.groups_claim)
            .unwrap_or_else(|| GROUPS_CLAIM.to_owned()),
    }))
}
