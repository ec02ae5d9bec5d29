//! Who asks, and may they: bearer tokens and the cluster's own Roles and bindings.
//! Rules: kubernetes.io/docs/reference/access-authn-authz/rbac

use super::path::Target;
use super::status::Failure;
use crate::kubernetes::kinds::{CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING};
use crate::kubernetes::store::Cluster;
use axum::http::{HeaderMap, header};
use serde_json::Value;
use std::collections::HashMap;

/// Members of this group may do everything.
const MASTERS: &str = "system:masters";

/// Whether Roles and bindings are enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Everybody with a token may do everything.
    #[default]
    Open,
    /// Only what a Role bound to them allows.
    Rbac,
}

/// Somebody with a token.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
}

impl User {
    pub(crate) fn admin() -> User {
        User { name: "kubernetes-admin".to_owned(), groups: vec![MASTERS.to_owned()] }
    }

    pub(crate) fn service_account(namespace: &str, name: &str) -> User {
        User {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            groups: vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".to_owned(),
            ],
        }
    }
}

pub(crate) fn authenticate<'a>(
    users: &'a HashMap<String, User>,
    headers: &HeaderMap,
) -> Option<&'a User> {
    let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    users.get(token.trim())
}

pub(crate) fn authorize(
    cluster: &Cluster,
    user: &User,
    verb: &str,
    target: &Target,
) -> Result<(), Failure> {
    if user.groups.iter().any(|group| group == MASTERS) {
        return Ok(());
    }
    let mut roles = Vec::new();
    for binding in cluster.list_shared(&CLUSTER_ROLE_BINDING, None) {
        if is_subject(&binding, user, "") {
            roles.extend(role_of(cluster, &binding, ""));
        }
    }
    if let Some(namespace) = &target.namespace {
        for binding in cluster.list_shared(&ROLE_BINDING, Some(namespace)) {
            if is_subject(&binding, user, namespace) {
                roles.extend(role_of(cluster, &binding, namespace));
            }
        }
    }
    let rules = roles.iter().flat_map(|role| role["rules"].as_array().into_iter().flatten());
    if rules.into_iter().any(|rule| allows(rule, verb, target)) {
        return Ok(());
    }
    let place = match &target.namespace {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    let why = format!(
        "User \"{}\" cannot {verb} resource \"{}\" in API group \"{}\" {place}",
        user.name,
        target.rule_resource(),
        target.kind.group,
    );
    Err(Failure::forbidden(target.kind, target.name.as_deref(), &why))
}

fn is_subject(binding: &Value, user: &User, binding_namespace: &str) -> bool {
    binding["subjects"].as_array().into_iter().flatten().any(|subject| {
        let name = subject["name"].as_str().unwrap_or_default();
        match subject["kind"].as_str() {
            Some("User") => name == user.name,
            Some("Group") => user.groups.iter().any(|group| group == name),
            Some("ServiceAccount") => {
                let namespace = subject["namespace"].as_str().unwrap_or(binding_namespace);
                user.name == format!("system:serviceaccount:{namespace}:{name}")
            }
            _ => false,
        }
    })
}

fn role_of(cluster: &Cluster, binding: &Value, namespace: &str) -> Option<Value> {
    let name = binding["roleRef"]["name"].as_str()?;
    match binding["roleRef"]["kind"].as_str()? {
        "ClusterRole" => cluster.get(&CLUSTER_ROLE, "", name),
        "Role" => cluster.get(&ROLE, namespace, name),
        _ => None,
    }
}

fn allows(rule: &Value, verb: &str, target: &Target) -> bool {
    let lists = |field: &str, wanted: &str| {
        let words = || rule[field].as_array().into_iter().flatten().filter_map(Value::as_str);
        words().any(|word| word == wanted || word == "*")
    };
    let named = match rule["resourceNames"].as_array() {
        Some(names) if !names.is_empty() => {
            target.name.as_deref().is_some_and(|name| names.iter().any(|n| n == name))
        }
        _ => true,
    };
    lists("verbs", verb)
        && lists("apiGroups", target.kind.group)
        && lists("resources", &target.rule_resource())
        && named
}
