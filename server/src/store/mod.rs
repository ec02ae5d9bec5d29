//! What Signalbox keeps: the audit log, sessions and tokens, in one SQLite file.
//!
//! Functions are free and take the [`Store`]; each query stands beside the rows it speaks of. SQL
//! uses `$1` and plain types, which Postgres understands too.

pub mod audit;
pub mod logins;
pub mod secret;
pub mod sessions;
pub mod tokens;

use std::{str::FromStr, time::Duration};

use anyhow::{Context, Result};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// How long a statement waits for another process's write before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a caller waits for a connection: then it is told that nothing can be written, instead
/// of holding a person's request for ever.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Readers that work at once; SQLite's readers do not wait for its one writer.
const READERS: u32 = 4;

/// The open database; clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    /// One connection: writes queue here instead of failing as busy.
    write: SqlitePool,
    read: SqlitePool,
}

impl Store {
    /// Opens `sqlite://path` or `sqlite::memory:` and brings its tables up to date.
    pub async fn open(database_url: &str) -> Result<Self> {
        let options = SqliteConnectOptions::from_str(database_url)
            .with_context(|| format!("read database_url {database_url:?}"))?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An audit entry must survive a power cut before its effect begins.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let write = pool(1)
            .connect_with(options.clone())
            .await
            .with_context(|| format!("open the database {database_url}"))?;
        sqlx::migrate!("../migrations").run(&write).await.context("bring the tables up to date")?;
        // A database in memory belongs to its one connection.
        let read = if is_in_memory(database_url) {
            write.clone()
        } else {
            pool(READERS).connect_with(options).await.context("open the database for reading")?
        };
        Ok(Self { write, read })
    }

    /// Ends all connections, after what they are doing.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

fn is_in_memory(database_url: &str) -> bool {
    database_url.contains(":memory:") || database_url.contains("mode=memory")
}

/// Unix seconds, as columns of times that are compared hold them.
fn seconds(at: jiff::Timestamp) -> i64 {
    at.as_second()
}
