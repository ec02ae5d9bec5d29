//! Environments and the order in which versions travel through them.

use serde::{Deserialize, Serialize};

use crate::{ClusterName, EnvironmentName, Namespace};

/// How careful an environment is. Rules speak of classes, so that `prod-eu` and `prod-us` are
/// guarded alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    Dev,
    Staging,
    Prod,
}

impl Class {
    /// The word used in configuration and pages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Prod => "prod",
        }
    }
}

/// Where a service runs: namespaces of one cluster, guarded as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    pub name: EnvironmentName,
    pub class: Class,
    pub cluster: ClusterName,
    pub namespaces: Vec<Namespace>,
    /// The next environment a version travels to.
    pub promotes_to: Option<EnvironmentName>,
}

/// Environments in the order versions travel, then by class and name; a cycle in `promotes_to`
/// changes nothing but the order.
pub fn in_promotion_order(mut environments: Vec<Environment>) -> Vec<Environment> {
    environments.sort_by(|a, b| (a.class, &a.name).cmp(&(b.class, &b.name)));
    let targets: Vec<_> = environments.iter().filter_map(|e| e.promotes_to.clone()).collect();
    let mut ordered: Vec<Environment> = Vec::with_capacity(environments.len());
    while !environments.is_empty() {
        let start = environments.iter().position(|e| !targets.contains(&e.name)).unwrap_or(0);
        let mut next = Some(environments.remove(start));
        while let Some(environment) = next {
            next = environments
                .iter()
                .position(|e| Some(&e.name) == environment.promotes_to.as_ref())
                .map(|at| environments.remove(at));
            ordered.push(environment);
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str, class: Class, promotes_to: Option<&str>) -> Environment {
        Environment {
            name: name.into(),
            class,
            cluster: "c".into(),
            namespaces: vec![],
            promotes_to: promotes_to.map(Into::into),
        }
    }

    fn names(environments: Vec<Environment>) -> Vec<String> {
        in_promotion_order(environments).into_iter().map(|e| e.name.to_string()).collect()
    }

    #[test]
    fn environments_stand_in_the_order_versions_travel() {
        let given = vec![
            environment("prod", Class::Prod, None),
            environment("qa", Class::Dev, Some("staging")),
            environment("staging", Class::Staging, Some("prod")),
            environment("dev", Class::Dev, Some("qa")),
        ];
        assert_eq!(names(given), ["dev", "qa", "staging", "prod"]);
    }

    #[test]
    fn a_cycle_loses_no_environment() {
        let given =
            vec![environment("b", Class::Prod, Some("a")), environment("a", Class::Dev, Some("b"))];
        assert_eq!(names(given), ["a", "b"]);
    }
}
