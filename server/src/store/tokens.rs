//! API tokens of programs: `signalbox_<id>_<secret>`, shown once, kept as a hash.

use anyhow::{Context, Result};
use domain::actor::{Actor, ActorKind, Grant};
use jiff::{SignedDuration, Timestamp};
use sqlx::Row;

use super::{Store, seconds, secret};

/// What every token begins with, so that secret scanners know one.
const PREFIX: &str = "signalbox_";

/// The last use is written at most this often: it tells people what is in use, to the minute.
const TOUCH_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Makes a token and returns it in plain text, which is nowhere kept.
pub async fn create(
    store: &Store,
    name: &str,
    grants: &[Grant],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<String> {
    let id = secret::hex(&rand::random::<[u8; 8]>());
    let token = format!("{PREFIX}{id}_{}", secret::fresh());
    sqlx::query(
        "insert into api_tokens (id, hash, name, grants, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&id)
    .bind(secret::hash(token.as_bytes()))
    .bind(name)
    .bind(serde_json::to_string(grants)?)
    .bind(seconds(now))
    .bind(seconds(expires_at))
    .execute(&store.write)
    .await
    .with_context(|| format!("keep the token {name:?}"))?;
    Ok(token)
}

/// Who holds this token, if it is one, in its time and not revoked.
pub async fn find(store: &Store, token: &str, now: Timestamp) -> Result<Option<Actor>> {
    let Some((id, _)) = token.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')) else {
        return Ok(None);
    };
    // The hash is compared, not the secret: how long that takes tells nothing of the secret.
    let row = sqlx::query(
        "select name, grants, last_used_at from api_tokens
         where id = $1 and hash = $2 and expires_at > $3 and revoked_at is null",
    )
    .bind(id)
    .bind(secret::hash(token.as_bytes()))
    .bind(seconds(now))
    .fetch_optional(&store.read)
    .await
    .context("look up an API token")?;
    let Some(row) = row else { return Ok(None) };
    let last_used_at: Option<i64> = row.try_get("last_used_at")?;
    if last_used_at.is_none_or(|last| seconds(now) - last >= TOUCH_EVERY.as_secs()) {
        sqlx::query("update api_tokens set last_used_at = $1 where id = $2")
            .bind(seconds(now))
            .bind(id)
            .execute(&store.write)
            .await
            .context("note the use of an API token")?;
    }
    let grants: String = row.try_get("grants")?;
    Ok(Some(Actor {
        kind: ActorKind::Token,
        id: format!("token:{id}"),
        name: row.try_get("name")?,
        grants: serde_json::from_str(&grants).context("read a token's grants")?,
    }))
}

/// Revokes at once; whether there was such a token that still held.
pub async fn revoke(store: &Store, id: &str, now: Timestamp) -> Result<bool> {
    let revoked =
        sqlx::query("update api_tokens set revoked_at = $1 where id = $2 and revoked_at is null")
            .bind(seconds(now))
            .bind(id)
            .execute(&store.write)
            .await
            .context("revoke an API token")?;
    Ok(revoked.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use domain::actor::{Role, Scope};

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn later(minutes: i64) -> Timestamp {
        NOW + SignedDuration::from_mins(minutes)
    }

    async fn store_with_token() -> (Store, String) {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let grants = [Grant { role: Role::Approver, scope: Scope::Everywhere }];
        let token = create(&store, "approver", &grants, NOW, later(60)).await.unwrap();
        (store, token)
    }

    async fn column(store: &Store, name: &'static str) -> Option<i64> {
        let row = sqlx::query("select last_used_at, revoked_at from api_tokens");
        row.fetch_one(&store.read).await.unwrap().get(name)
    }

    #[tokio::test]
    async fn a_token_stands_for_what_it_was_granted_while_it_lasts() {
        let (store, token) = store_with_token().await;
        let actor = find(&store, &token, NOW).await.unwrap().unwrap();
        assert_eq!((actor.kind, actor.name.as_str()), (ActorKind::Token, "approver"));
        assert_eq!(actor.grants[0].role, Role::Approver);
        assert!(find(&store, &token, later(60)).await.unwrap().is_none(), "expired");
    }

    #[tokio::test]
    async fn what_is_no_token_is_nobody() {
        let (store, token) = store_with_token().await;
        let (head, _) = token.rsplit_once('_').unwrap();
        let almost = format!("{}0", &token[..token.len() - 1]);
        let almost =
            if almost == token { format!("{}1", &token[..token.len() - 1]) } else { almost };
        let wrong = [
            String::new(),
            PREFIX.to_owned(),
            head.to_owned(),
            format!("{head}_"),
            almost,
            format!("{token}0"),
            token.to_uppercase(),
            token.replace(PREFIX, "other_"),
        ];
        for wrong in wrong {
            assert!(find(&store, &wrong, NOW).await.unwrap().is_none(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn the_plain_token_is_kept_nowhere_and_a_revoked_one_is_nobody() {
        let (store, token) = store_with_token().await;
        let row =
            sqlx::query("select id, hash from api_tokens").fetch_one(&store.read).await.unwrap();
        let (id, hash): (String, String) = (row.get("id"), row.get("hash"));
        assert!(!token.contains(&hash));
        assert!(revoke(&store, &id, NOW).await.unwrap());
        assert!(find(&store, &token, NOW).await.unwrap().is_none());
        assert!(!revoke(&store, &id, NOW).await.unwrap(), "once");
    }

    #[tokio::test]
    async fn the_last_use_is_written_once_a_minute() {
        let (store, token) = store_with_token().await;
        for (at, noted) in [(0, 0), (59, 0), (60, 60), (90, 60), (121, 121)] {
            let now = NOW + SignedDuration::from_secs(at);
            find(&store, &token, now).await.unwrap().unwrap();
            assert_eq!(column(&store, "last_used_at").await, Some(noted), "at {at} s");
        }
    }
}
