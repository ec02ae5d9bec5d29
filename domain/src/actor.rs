//! Who acts, and what they have been granted.

use serde::{Deserialize, Serialize};

use crate::EnvironmentName;

/// What somebody may do in an environment. The rights stand in [`crate::rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Viewer,
    Developer,
    Approver,
    ReleaseManager,
    Admin,
}

impl Role {
    /// Every role, in rising order of reach.
    pub const ALL: [Role; 5] =
        [Self::Viewer, Self::Developer, Self::Approver, Self::ReleaseManager, Self::Admin];

    /// The word used in configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Approver => "approver",
            Self::ReleaseManager => "release-manager",
            Self::Admin => "admin",
        }
    }

    /// The role in a sentence.
    pub fn spoken(self) -> &'static str {
        match self {
            Self::ReleaseManager => "release manager",
            other => other.word(),
        }
    }
}

/// Where a grant holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    Everywhere,
    Only(Vec<EnvironmentName>),
}

/// A role somebody holds somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub role: Role,
    pub scope: Scope,
}

/// What kind of identity acts. Only people judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorKind {
    Person,
    /// A machine with an API token.
    Token,
    /// Signalbox itself, on time.
    Timer,
}

/// Somebody who acts, known by an identity that does not change when a name does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub kind: ActorKind,
    /// Issuer and subject of a person, id of a token, name of a timer.
    pub id: String,
    /// What pages call them.
    pub name: String,
    pub grants: Vec<Grant>,
}

impl Actor {
    /// The roles held in an environment.
    pub fn roles_in<'a>(&'a self, environment: &'a EnvironmentName) -> impl Iterator<Item = Role> {
        self.grants.iter().filter(move |grant| grant.scope.covers(environment)).map(|g| g.role)
    }

    /// Whoever holds any role in an environment sees it; nobody else learns that it exists.
    pub fn may_see(&self, environment: &EnvironmentName) -> bool {
        self.roles_in(environment).next().is_some()
    }
}

impl Scope {
    /// Whether the grant holds in this environment.
    pub fn covers(&self, environment: &EnvironmentName) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Only(environments) => environments.contains(environment),
        }
    }
}
