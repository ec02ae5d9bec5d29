//! The only writer of the board.
//!
//! ```text
//! watch.rs --tell--> Book (what every watch last said) --at most every 20 ms--> Stamped --> views, pages
//! ```
//!
//! Watches tell facts as they come; a burst of them becomes one board. Every board has a version,
//! and a bounded list of changes lets a reader that knows an older version catch up.

mod book;

use std::{
    collections::VecDeque,
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::board::{Board, Change};
use tokio::sync::{Notify, watch};

pub use book::{Book, Child, ClusterNews, FeedKey, FeedNews, Kind, Object};

/// A burst of news within this time becomes one board: quicker than an eye, slow enough that a
/// thousand changes a second cost fifty boards.
const GATHER: Duration = Duration::from_millis(20);

/// So many changes are remembered for readers that lag or come back. Ten a second for some
/// minutes; each costs a shared pointer.
const REMEMBERED: usize = 10_000;

/// Stamp of a board: which run of the server, and which board in it.
///
/// The low 16 bits of the epoch are the fingerprint of the assets the pages were made for, so that
/// a page can be told apart that needs a newer script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    pub epoch: u64,
    pub number: u64,
}

impl Version {
    /// The fingerprint of the assets this version's pages were made for.
    pub fn assets(self) -> u16 {
        (self.epoch & 0xffff) as u16
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.epoch, self.number)
    }
}

/// What a version looks like, for those who sent something else.
#[derive(Debug, thiserror::Error)]
#[error("expected a version like 19b3c-42, as events and pages carry it")]
pub struct NotAVersion;

impl FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, number) = text.split_once('-').ok_or(NotAVersion)?;
        Ok(Self {
            epoch: u64::from_str_radix(epoch, 16).map_err(|_| NotAVersion)?,
            number: number.parse().map_err(|_| NotAVersion)?,
        })
    }
}

/// A board with its version.
#[derive(Clone, Debug, Default)]
pub struct Stamped {
    pub version: Version,
    pub board: Arc<Board>,
}

/// Where the board is read and written. Clones share it.
#[derive(Clone)]
pub struct BoardHub(Arc<Inner>);

struct Inner {
    book: Mutex<Book>,
    newest: watch::Sender<Stamped>,
    past: Mutex<Past>,
    news: Notify,
}

/// The changes that led to the newest board, oldest first.
#[derive(Default)]
struct Past {
    steps: VecDeque<(u64, Arc<Vec<Change>>)>,
    changes: usize,
    /// The version before the oldest step.
    from: u64,
}

impl BoardHub {
    /// A board of what the book knows at the start. `epoch` must differ between runs.
    pub fn new(book: Book, epoch: u64) -> Self {
        let first =
            Stamped { version: Version { epoch, number: 1 }, board: Arc::new(book.board()) };
        let past = Past { from: 1, ..Past::default() };
        Self(Arc::new(Inner {
            book: Mutex::new(book),
            newest: watch::Sender::new(first),
            past: Mutex::new(past),
            news: Notify::new(),
        }))
    }

    /// The newest board.
    pub fn newest(&self) -> Stamped {
        self.0.newest.borrow().clone()
    }

    /// Wakes on every newer board; a slow reader finds the newest.
    pub fn subscribe(&self) -> watch::Receiver<Stamped> {
        self.0.newest.subscribe()
    }

    /// Tells the book something; it is published soon.
    pub(crate) fn tell(&self, write: impl FnOnce(&mut Book)) {
        write(&mut self.book());
        self.0.news.notify_one();
    }

    /// Publishes for ever: at most one board per [`GATHER`].
    pub(crate) async fn publish_news(self) {
        loop {
            self.0.news.notified().await;
            self.publish();
            tokio::time::sleep(GATHER).await;
        }
    }

    /// Publishes what was told since the last board, if it makes a difference.
    pub(crate) fn publish(&self) {
        let old = self.newest();
        let (board, changes) = {
            let mut book = self.book();
            if !book.is_dirty() {
                return;
            }
            book.next_board(&old.board)
        };
        if changes.is_empty() {
            return;
        }
        let version = Version { number: old.version.number + 1, ..old.version };
        self.past().add(version.number, Arc::new(changes));
        self.0.newest.send_if_modified(|newest| {
            *newest = Stamped { version, board: Arc::new(board) };
            true
        });
    }

    /// Everything that changed after `version`, oldest first; `None` when that is too long ago, or
    /// not of this run.
    pub fn changes_since(&self, version: Version) -> Option<Vec<Arc<Vec<Change>>>> {
        let newest = self.newest().version;
        if version.epoch != newest.epoch || version.number > newest.number {
            return None;
        }
        let past = self.past();
        if version.number < past.from {
            return None;
        }
        let since = past
            .steps
            .iter()
            .filter(|(number, _)| *number > version.number && *number <= newest.number);
        Some(since.map(|(_, changes)| Arc::clone(changes)).collect())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.0.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Past {
    fn add(&mut self, number: u64, changes: Arc<Vec<Change>>) {
        self.changes += changes.len();
        self.steps.push_back((number, changes));
        while self.changes > REMEMBERED
            && let Some((number, changes)) = self.steps.pop_front()
        {
            self.changes -= changes.len();
            self.from = number;
        }
    }
}

#[cfg(test)]
mod tests;
