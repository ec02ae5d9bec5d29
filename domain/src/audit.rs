//! The log of everything anyone did or was refused.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{actor::ActorKind, rollout::Facts};

/// What came of an act. An entry without an outcome is under way, or was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Done,
    /// A rule said no; nothing was done.
    Refused,
    /// The system said no, or could not be reached before anything happened; nothing was done.
    Failed,
    /// The answer was lost: it may have happened.
    Unknown,
}

impl Outcome {
    /// The word that is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the stored word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Done, Self::Refused, Self::Failed, Self::Unknown]
            .into_iter()
            .find(|outcome| outcome.word() == word)
    }
}

/// One act or refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Rises by one with each entry.
    pub sequence: i64,
    /// When it was asked for; written before any effect.
    pub at: Timestamp,
    pub actor_kind: ActorKind,
    pub actor_id: String,
    pub actor_name: String,
    /// `rollout.resume`, …
    pub action: String,
    pub environment: String,
    /// The command in words.
    pub sentence: String,
    pub reason: Option<String>,
    /// The rule that decided.
    pub rule: String,
    /// The facts it was decided on.
    pub before: Option<Facts>,
    /// The facts right after the effect.
    pub after: Option<Facts>,
    pub outcome: Option<Outcome>,
    /// The refusal's sentence or the system's answer.
    pub detail: Option<String>,
    pub completed_at: Option<Timestamp>,
}
