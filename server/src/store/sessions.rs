//! Browser sessions, for tower-sessions.
//!
//! Times are ours: an idle session ends after [`IDLE`], any session after [`ABSOLUTE`], by the
//! server's clock. The cookie itself ends with the browser.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sqlx::Row;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{Error, Result},
};

use super::{Store, seconds, secret};
use crate::clock::Clock;

/// Half an hour without a request ends a session: long enough for reading a canary's charts.
pub const IDLE: SignedDuration = SignedDuration::from_mins(30);

/// A working day; then one signs in again, and group changes are seen.
pub const ABSOLUTE: SignedDuration = SignedDuration::from_hours(8);

/// A session's idle time is moved on at most this often, so that reading does not write each time.
const TOUCH_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// The sessions of a store, by a clock.
#[derive(Clone, Debug)]
pub struct Sessions {
    pub store: Store,
    pub clock: Clock,
}

/// What is stored for an id; the audit log names sessions by it.
pub fn hashed(id: &Id) -> String {
    secret::hash(&id.0.to_le_bytes())
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let now = self.clock.now();
        loop {
            let inserted = sqlx::query(
                "insert into sessions (id, data, created_at, idle_until, expires_at)
                 values ($1, $2, $3, $4, $5) on conflict (id) do nothing",
            )
            .bind(hashed(&record.id))
            .bind(encode(record)?)
            .bind(seconds(now))
            .bind(seconds(later(now, IDLE)))
            .bind(seconds(later(now, ABSOLUTE)))
            .execute(&self.store.write)
            .await
            .map_err(backend)?;
            if inserted.rows_affected() == 1 {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    /// Updates only: a request that was under way when its session was revoked must not bring it
    /// back.
    async fn save(&self, record: &Record) -> Result<()> {
        let now = self.clock.now();
        sqlx::query(
            "update sessions set data = $1, idle_until = $2
             where id = $3 and expires_at > $4 and idle_until > $4",
        )
        .bind(encode(record)?)
        .bind(seconds(later(now, IDLE)))
        .bind(hashed(&record.id))
        .bind(seconds(now))
        .execute(&self.store.write)
        .await
        .map_err(backend)?;
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let now = self.clock.now();
        let row = sqlx::query(
            "select data, idle_until, expires_at from sessions
             where id = $1 and expires_at > $2 and idle_until > $2",
        )
        .bind(hashed(id))
        .bind(seconds(now))
        .fetch_optional(&self.store.read)
        .await
        .map_err(backend)?;
        let Some(row) = row else { return Ok(None) };
        let idle_until: i64 = row.try_get("idle_until").map_err(backend)?;
        if idle_until <= seconds(later(now, IDLE - TOUCH_EVERY)) {
            sqlx::query("update sessions set idle_until = $1 where id = $2")
                .bind(seconds(later(now, IDLE)))
                .bind(hashed(id))
                .execute(&self.store.write)
                .await
                .map_err(backend)?;
        }
        let data: String = row.try_get("data").map_err(backend)?;
        let data = serde_json::from_str(&data).map_err(|error| Error::Decode(error.to_string()))?;
        let expires_at: i64 = row.try_get("expires_at").map_err(backend)?;
        let expiry_date = time::OffsetDateTime::from_unix_timestamp(expires_at)
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        sqlx::query("delete from sessions where id = $1")
            .bind(hashed(id))
            .execute(&self.store.write)
            .await
            .map_err(backend)?;
        Ok(())
    }
}

/// Takes away sessions and sign-ins whose time is over; returns how many.
pub async fn sweep(store: &Store, now: Timestamp) -> anyhow::Result<u64> {
    let sessions = sqlx::query("delete from sessions where expires_at <= $1 or idle_until <= $1")
        .bind(seconds(now))
        .execute(&store.write)
        .await?;
    let logins = sqlx::query("delete from login_attempts where expires_at <= $1")
        .bind(seconds(now))
        .execute(&store.write)
        .await?;
    Ok(sessions.rows_affected() + logins.rows_affected())
}

fn encode(record: &Record) -> Result<String> {
    serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))
}

fn backend(error: sqlx::Error) -> Error {
    Error::Backend(error.to_string())
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sessions() -> Sessions {
        Sessions {
            store: Store::open("sqlite::memory:").await.unwrap(),
            clock: Clock::stepped("2026-01-01T00:00:00Z".parse().unwrap()),
        }
    }

    fn record() -> Record {
        let data = [("who".to_owned(), serde_json::json!("viewer"))].into();
        Record { id: Id::default(), data, expiry_date: time::OffsetDateTime::UNIX_EPOCH }
    }

    #[tokio::test]
    async fn a_copy_of_the_table_opens_no_session() {
        let sessions = sessions().await;
        let mut record = record();
        sessions.create(&mut record).await.unwrap();
        let stored: String = sqlx::query("select id from sessions")
            .fetch_one(&sessions.store.read)
            .await
            .unwrap()
            .get("id");
        assert_ne!(stored, record.id.to_string());
        assert_eq!(stored, hashed(&record.id));
        assert_eq!(sessions.load(&record.id).await.unwrap().unwrap().data, record.data);
    }

    #[tokio::test]
    async fn two_sessions_never_share_an_id() {
        let sessions = sessions().await;
        let (mut first, mut second) = (record(), record());
        second.id = first.id;
        sessions.create(&mut first).await.unwrap();
        sessions.create(&mut second).await.unwrap();
        assert_ne!(first.id, second.id);
    }

    #[tokio::test]
    async fn a_revoked_session_is_not_revived_by_a_request_under_way() {
        let sessions = sessions().await;
        let mut record = record();
        sessions.create(&mut record).await.unwrap();
        sessions.delete(&record.id).await.unwrap();
        sessions.save(&record).await.unwrap();
        assert!(sessions.load(&record.id).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn an_idle_session_ends_and_a_used_one_lasts_a_working_day() {
        let sessions = sessions().await;
        let (mut idle, mut used) = (record(), record());
        sessions.create(&mut idle).await.unwrap();
        sessions.create(&mut used).await.unwrap();
        for minute in 1..=ABSOLUTE.as_mins() / 20 {
            let alive = sessions.load(&used.id).await.unwrap().is_some();
            assert!(alive, "after {} minutes", (minute - 1) * 20);
            sessions.clock.advance(SignedDuration::from_mins(20));
        }
        assert!(sessions.load(&idle.id).await.unwrap().is_none());
        assert!(sessions.load(&used.id).await.unwrap().is_none(), "its day is over");
        assert_eq!(sweep(&sessions.store, sessions.clock.now()).await.unwrap(), 2);
    }
}
