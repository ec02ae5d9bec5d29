//! Every change there is. A person, a program and a timer all send the same values through the
//! same door.

use serde::{Deserialize, Serialize};

use crate::rollout::RolloutKey;

/// A change somebody wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub enum Command {
    /// Go on from a pause; Argo's "promote".
    Resume(OnRollout),
    /// Stop, and send all traffic back to the stable version.
    Abort(OnRollout),
}

/// A rollout as somebody saw it when they decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnRollout {
    pub rollout: RolloutKey,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub expect: Expect,
}

/// What the rollout looked like to whoever decided; anything given must still hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Expect {
    /// Taken and not compared: the controller moves it with every status write, so that it differs
    /// without anything having changed that matters.
    pub resource_version: Option<String>,
    pub pod_hash: Option<String>,
    pub step: Option<u32>,
    /// What held the rollout, as [`Rollout::hold`](crate::rollout::Rollout::hold) tells it: one step
    /// can be held more than once, and an answer to one pause is none to the next.
    pub hold: Option<String>,
}

/// The verbs, without their subjects: what roles are granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    #[serde(rename = "rollout.resume")]
    Resume,
    #[serde(rename = "rollout.abort")]
    Abort,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 2] = [Self::Resume, Self::Abort];

    /// The name in the audit log, in rules and in URLs (its last part).
    pub fn name(self) -> &'static str {
        match self {
            Self::Resume => "rollout.resume",
            Self::Abort => "rollout.abort",
        }
    }

    /// The verb of the URL and the button.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Resume => "resume",
            Self::Abort => "abort",
        }
    }

    /// This action on a rollout.
    pub fn on(self, subject: OnRollout) -> Command {
        match self {
            Self::Resume => Command::Resume(subject),
            Self::Abort => Command::Abort(subject),
        }
    }
}

impl Command {
    /// Which verb this is.
    pub fn action(&self) -> Action {
        match self {
            Self::Resume(_) => Action::Resume,
            Self::Abort(_) => Action::Abort,
        }
    }

    /// What it is done to.
    pub fn subject(&self) -> &OnRollout {
        match self {
            Self::Resume(subject) | Self::Abort(subject) => subject,
        }
    }

    /// The reason given, if it says anything.
    pub fn reason(&self) -> Option<&str> {
        self.subject().reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty())
    }

    /// The command in words, for the audit log.
    pub fn sentence(&self) -> String {
        let OnRollout { rollout, expect, .. } = self.subject();
        let RolloutKey { environment, namespace, name } = rollout;
        let step = match expect.step {
            Some(step) => format!(" from step {}", step.saturating_add(1)),
            None => String::new(),
        };
        match self {
            Self::Resume(_) => format!("resume {name} in {environment} ({namespace}){step}"),
            Self::Abort(_) => format!("abort {name} in {environment} ({namespace})"),
        }
    }
}
