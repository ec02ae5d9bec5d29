//! Sign-ins under way: what the provider's answer must fit, once, from the same browser.

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use sqlx::Row;

use super::{Store, seconds, secret};

/// How long a person may take at the provider, second factor included.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// What is kept between going to the provider and coming back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub nonce: String,
    /// PKCE's verifier.
    pub code_verifier: String,
    /// A path on this server.
    pub return_to: String,
}

/// Remembers an attempt under its `state`, for the browser that holds `browser`.
pub async fn insert(
    store: &Store,
    state: &str,
    browser: &str,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "insert into login_attempts
            (state, browser, nonce, code_verifier, return_to, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(secret::hash(state.as_bytes()))
    .bind(secret::hash(browser.as_bytes()))
    .bind(&attempt.nonce)
    .bind(&attempt.code_verifier)
    .bind(&attempt.return_to)
    .bind(seconds(now))
    .bind(seconds(now).saturating_add(LIFETIME.as_secs()))
    .execute(&store.write)
    .await
    .context("remember a sign-in under way")?;
    Ok(())
}

/// Takes the attempt, so that it is used once. None of another browser, and none that is too old.
pub async fn take(
    store: &Store,
    state: &str,
    browser: &str,
    now: Timestamp,
) -> Result<Option<Attempt>> {
    let row = sqlx::query(
        "delete from login_attempts where state = $1 and browser = $2 and expires_at > $3
         returning nonce, code_verifier, return_to",
    )
    .bind(secret::hash(state.as_bytes()))
    .bind(secret::hash(browser.as_bytes()))
    .bind(seconds(now))
    .fetch_optional(&store.write)
    .await
    .context("look up a sign-in under way")?;
    row.map(|row| {
        Ok(Attempt {
            nonce: row.try_get("nonce")?,
            code_verifier: row.try_get("code_verifier")?,
            return_to: row.try_get("return_to")?,
        })
    })
    .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sign_in_is_used_once_in_time_by_the_browser_that_began_it() {
        let store = Store::open("sqlite::memory:").await.unwrap();
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let attempt =
            Attempt { nonce: "n".into(), code_verifier: "v".into(), return_to: "/rollouts".into() };
        insert(&store, "state", "mine", &attempt, now).await.unwrap();
        assert_eq!(take(&store, "state", "another", now).await.unwrap(), None);
        assert_eq!(take(&store, "guess", "mine", now).await.unwrap(), None);
        let late = now + LIFETIME;
        assert_eq!(take(&store, "state", "mine", late).await.unwrap(), None);
        assert_eq!(take(&store, "state", "mine", now).await.unwrap(), Some(attempt));
        assert_eq!(take(&store, "state", "mine", now).await.unwrap(), None, "used");
    }
}
