//! The audit door: an entry is durable before its effect begins, and completed once after it.
//!
//! ```text
//! Permit --begin--> Audited --effect--> --complete-->
//! ```
//!
//! Every effect on an outside system asks for [`Audited`], and nothing but [`begin`] makes one, so
//! a change that is not written down does not compile:
//!
//! ```
//! use server::store::audit::Audited;
//! fn sequence(audited: &Audited) -> i64 {
//!     audited.sequence()
//! }
//! ```
//!
//! ```compile_fail,E0451
//! use server::store::audit::Audited;
//! fn forge(permit: domain::rules::Permit) -> Audited {
//!     Audited { sequence: 1, permit }
//! }
//! ```
//!
//! nor does an effect that was only permitted:
//!
//! ```
//! use server::{store::audit::Audited, systems::rollouts::write};
//! async fn effect(client: &kube::Client, audited: &Audited) {
//!     let _ = write::execute(client, audited).await;
//! }
//! ```
//!
//! ```compile_fail,E0308
//! use server::systems::rollouts::write;
//! async fn effect(client: &kube::Client, permit: &domain::rules::Permit) {
//!     let _ = write::execute(client, permit).await;
//! }
//! ```

use std::net::IpAddr;

use anyhow::{Context as _, Result};
use domain::{
    EnvironmentName,
    actor::{Actor, ActorKind},
    audit::{Entry, Outcome},
    command::Command,
    rollout::{Facts, RolloutKey},
    rules::{Permit, Refusal},
};
use jiff::Timestamp;
use sqlx::{Row, sqlite::SqliteRow};

use super::Store;

/// What the log says of an act that a permit allowed: the grants allowed it, no rule forbade it.
const PERMITTED: &str = "role";

/// What is written of an act that a stopped server left open.
const CUT_OFF: &str = "the server stopped before the answer was written";

/// Proof that an act is in the log, unfinished. It names what may be done, and to what.
#[derive(Debug)]
pub struct Audited {
    sequence: i64,
    permit: Permit,
}

impl Audited {
    /// The entry's number.
    pub fn sequence(&self) -> i64 {
        self.sequence
    }

    /// What was permitted and written down.
    pub fn permit(&self) -> &Permit {
        &self.permit
    }
}

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// A hash of the browser session, if it was one; never what the cookie holds.
    pub session: Option<String>,
    pub address: Option<IpAddr>,
}

/// What came of an act.
#[derive(Clone, Debug)]
pub struct Completion {
    pub outcome: Outcome,
    pub after: Option<Facts>,
    /// The system's answer in words.
    pub detail: Option<String>,
}

/// Writes down that something is about to be done. When this returns it is on the disk; when it
/// fails, nothing may be done.
pub async fn begin(store: &Store, permit: &Permit, context: &Context) -> Result<Audited> {
    let new = New {
        at: permit.at(),
        actor: permit.actor(),
        command: permit.command(),
        rule: PERMITTED,
        before: Some(permit.rollout().facts()),
        refused: None,
    };
    let sequence = insert(store, &new, context).await.context("write the audit entry")?;
    Ok(Audited { sequence, permit: permit.clone() })
}

/// Writes down that something was refused, with the rule and its sentence.
pub async fn refused(
    store: &Store,
    actor: &Actor,
    command: &Command,
    refusal: &Refusal,
    before: Option<Facts>,
    at: Timestamp,
    context: &Context,
) -> Result<i64> {
    let rule = refusal.rule.name();
    let new = New { at, actor, command, rule, before, refused: Some(&refusal.sentence) };
    insert(store, &new, context).await.context("write the refusal into the audit log")
}

/// Completes an entry with what came of it. The proof ends here: one entry, one act.
pub async fn complete(
    store: &Store,
    audited: &Audited,
    completion: &Completion,
    at: Timestamp,
) -> Result<()> {
    let completed = sqlx::query(
        "update audit set outcome = $1, after = $2, detail = $3, completed_at = $4
         where sequence = $5 and outcome is null",
    )
    .bind(completion.outcome.word())
    .bind(completion.after.as_ref().map(serde_json::to_string).transpose()?)
    .bind(completion.detail.as_deref())
    .bind(written(at))
    .bind(audited.sequence)
    .execute(&store.write)
    .await
    .with_context(|| format!("complete audit entry {}", audited.sequence))?;
    anyhow::ensure!(
        completed.rows_affected() == 1,
        "audit entry {} was already complete",
        audited.sequence
    );
    Ok(())
}

/// Closes what an earlier run left open: nobody knows what came of it. Called once at start, before
/// anything is asked for.
pub async fn close_unfinished(store: &Store, at: Timestamp) -> Result<u64> {
    let closed = sqlx::query(
        "update audit set outcome = $1, detail = $2, completed_at = $3 where outcome is null",
    )
    .bind(Outcome::Unknown.word())
    .bind(CUT_OFF)
    .bind(written(at))
    .execute(&store.write)
    .await
    .context("close the audit entries an earlier run left open")?;
    Ok(closed.rows_affected())
}

/// The newest entries below `before`, newest first.
pub async fn list(store: &Store, before: Option<i64>, limit: i64) -> Result<Vec<Entry>> {
    let rows = sqlx::query(
        "select sequence, at, actor_kind, actor_id, actor_name, action, environment, sentence,
            reason, rule, before, after, outcome, detail, completed_at
         from audit where sequence < $1 order by sequence desc limit $2",
    )
    .bind(before.unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(&store.read)
    .await
    .context("read the audit log")?;
    rows.iter().map(entry).collect()
}

/// Like [`list`], of these environments only; what one may not see is not counted either.
pub async fn list_in(
    store: &Store,
    environments: &[EnvironmentName],
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Entry>> {
    // A list in one parameter: `in` takes no list, and a text with as many `$n` as environments
    // would be a new statement for each number of them.
    let rows = sqlx::query(
        "select sequence, at, actor_kind, actor_id, actor_name, action, environment, sentence,
            reason, rule, before, after, outcome, detail, completed_at
         from audit
         where sequence < $1 and environment in (select value from json_each($2))
         order by sequence desc limit $3",
    )
    .bind(before.unwrap_or(i64::MAX))
    .bind(serde_json::to_string(environments)?)
    .bind(limit)
    .fetch_all(&store.read)
    .await
    .context("read the audit log")?;
    rows.iter().map(entry).collect()
}

/// The newest entries about one rollout, newest first.
pub async fn of_rollout(store: &Store, key: &RolloutKey, limit: i64) -> Result<Vec<Entry>> {
    let rows = sqlx::query(
        "select sequence, at, actor_kind, actor_id, actor_name, action, environment, sentence,
            reason, rule, before, after, outcome, detail, completed_at
         from audit where environment = $1 and namespace = $2 and rollout = $3
         order by sequence desc limit $4",
    )
    .bind(key.environment.as_str())
    .bind(key.namespace.as_str())
    .bind(key.name.as_str())
    .bind(limit)
    .fetch_all(&store.read)
    .await
    .context("read a rollout's audit entries")?;
    rows.iter().map(entry).collect()
}

struct New<'a> {
    at: Timestamp,
    actor: &'a Actor,
    command: &'a Command,
    rule: &'a str,
    before: Option<Facts>,
    /// The refusal's sentence; such an entry is complete at once.
    refused: Option<&'a str>,
}

async fn insert(store: &Store, new: &New<'_>, context: &Context) -> Result<i64> {
    let key = &new.command.subject().rollout;
    let outcome = new.refused.map(|_| Outcome::Refused.word());
    let completed_at = new.refused.map(|_| written(new.at));
    // The next number and the row in one statement: the one writer makes it gapless.
    let row = sqlx::query(
        "insert into audit (sequence, at, actor_kind, actor_id, actor_name, session, action,
            environment, namespace, rollout, sentence, reason, rule, before, outcome, detail,
            completed_at, request_address)
         select coalesce(max(sequence), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
            $13, $14, $15, $16, $17
         from audit
         returning sequence",
    )
    .bind(written(new.at))
    .bind(kind_word(new.actor.kind))
    .bind(&new.actor.id)
    .bind(&new.actor.name)
    .bind(context.session.as_deref())
    .bind(new.command.action().name())
    .bind(key.environment.as_str())
    .bind(key.namespace.as_str())
    .bind(key.name.as_str())
    .bind(new.command.sentence())
    .bind(new.command.reason())
    .bind(new.rule)
    .bind(new.before.as_ref().map(serde_json::to_string).transpose()?)
    .bind(outcome)
    .bind(new.refused)
    .bind(completed_at)
    .bind(context.address.map(|address| address.to_string()))
    .fetch_one(&store.write)
    .await?;
    Ok(row.try_get("sequence")?)
}

fn entry(row: &SqliteRow) -> Result<Entry> {
    let sequence: i64 = row.try_get("sequence")?;
    let read = || -> Result<Entry> {
        let facts = |column: &str| -> Result<Option<Facts>> {
            let text: Option<String> = row.try_get(column)?;
            Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
        };
        let time = |text: String| text.parse::<Timestamp>();
        let kind: String = row.try_get("actor_kind")?;
        let outcome: Option<String> = row.try_get("outcome")?;
        Ok(Entry {
            sequence,
            at: time(row.try_get("at")?)?,
            actor_kind: kind_from_word(&kind).with_context(|| format!("actor kind {kind:?}"))?,
            actor_id: row.try_get("actor_id")?,
            actor_name: row.try_get("actor_name")?,
            action: row.try_get("action")?,
            environment: row.try_get("environment")?,
            sentence: row.try_get("sentence")?,
            reason: row.try_get("reason")?,
            rule: row.try_get("rule")?,
            before: facts("before")?,
            after: facts("after")?,
            outcome: outcome
                .map(|word| Outcome::from_word(&word).with_context(|| format!("outcome {word:?}")))
                .transpose()?,
            detail: row.try_get("detail")?,
            completed_at: row
                .try_get::<Option<String>, _>("completed_at")?
                .map(time)
                .transpose()?,
        })
    };
    read().with_context(|| format!("read audit entry {sequence}"))
}

/// RFC 3339 with microseconds, always as many digits, so that the text sorts like the time.
fn written(at: Timestamp) -> String {
    format!("{at:.6}")
}

const KINDS: [(ActorKind, &str); 3] =
    [(ActorKind::Person, "person"), (ActorKind::Token, "token"), (ActorKind::Timer, "timer")];

fn kind_word(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::Person => KINDS[0].1,
        ActorKind::Token => KINDS[1].1,
        ActorKind::Timer => KINDS[2].1,
    }
}

fn kind_from_word(word: &str) -> Option<ActorKind> {
    KINDS.into_iter().find(|(_, known)| *known == word).map(|(kind, _)| kind)
}

#[cfg(test)]
mod tests;
