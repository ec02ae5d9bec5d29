//! What the API was asked: requests in order, and how many watches are open now.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

/// How many requests are remembered; the oldest are forgotten first.
pub const LEDGER_LIMIT: usize = 10_000;

/// The requests of one API; clones share it.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    requests: VecDeque<Request>,
    watches: BTreeMap<(String, String), usize>,
}

/// One answered request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// HTTP method.
    pub method: String,
    /// Path and query as sent.
    pub path: String,
    /// Who asked; `None` without a known token.
    pub user: Option<String>,
    /// HTTP status of the answer.
    pub status: u16,
}

impl Ledger {
    /// The remembered requests, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.book().requests.iter().cloned().collect()
    }

    /// Open watches by user and `plural.group`.
    pub fn open_watches(&self) -> BTreeMap<(String, String), usize> {
        self.book().watches.clone()
    }

    /// Forgets the requests; open watches stay counted.
    pub fn clear(&self) {
        self.book().requests.clear();
    }

    pub(crate) fn record(&self, request: Request) {
        let mut book = self.book();
        if book.requests.len() == LEDGER_LIMIT {
            book.requests.pop_front();
        }
        book.requests.push_back(request);
    }

    /// Counts a watch until the returned value is dropped.
    pub(crate) fn watching(&self, user: &str, resource: String) -> OpenWatch {
        let key = (user.to_owned(), resource);
        *self.book().watches.entry(key.clone()).or_default() += 1;
        OpenWatch { ledger: self.clone(), key }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// One open watch in the ledger.
pub(crate) struct OpenWatch {
    ledger: Ledger,
    key: (String, String),
}

impl Drop for OpenWatch {
    fn drop(&mut self) {
        let mut book = self.ledger.book();
        if let Some(count) = book.watches.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                book.watches.remove(&self.key);
            }
        }
    }
}
