//! Watches: a stream of JSON lines with everything that happens after a version.
//! Rules: kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes

use super::path::Target;
use super::select::Selector;
use super::status::Failure;
use super::{Api, Query};
use crate::kubernetes::faults::Troubles;
use crate::kubernetes::ledger::OpenWatch;
use crate::kubernetes::store::{Change, Cluster, Event};
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a watch lives when the client does not say; a real server ends it after 30 to 60
/// minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1_800);

/// A watch with bookmarks gets one at least this often; a real server sends one a minute.
const BOOKMARK_EVERY: Duration = Duration::from_secs(10);

/// One open watch.
struct Watching {
    cluster: Cluster,
    target: Target,
    selector: Selector,
    /// Everything up to this version has been told.
    position: u64,
    lines: VecDeque<Bytes>,
    bookmarks: bool,
    next_bookmark: Instant,
    end: Instant,
    changed: watch::Receiver<u64>,
    troubles: watch::Receiver<Troubles>,
    cuts: u64,
    ended: bool,
    /// Counts this watch in the ledger until it is dropped.
    _open: OpenWatch,
}

pub(crate) fn start(
    api: &Api,
    user: &str,
    target: Target,
    query: &Query,
) -> Result<Response, Failure> {
    let mut selector = Selector::parse(query.get("labelSelector"), query.get("fieldSelector"))?;
    if let Some(name) = &target.name {
        selector = Selector::parse(None, Some(&format!("metadata.name={name}")))?;
    }
    let bookmarks = query.is_true("allowWatchBookmarks");
    let timeout = match query.get("timeoutSeconds") {
        None | Some("0" | "") => DEFAULT_TIMEOUT,
        Some(text) => Duration::from_secs(
            text.parse()
                .map_err(|_| Failure::bad_request(format!("invalid timeoutSeconds: {text}")))?,
        ),
    };
    let from = match query.get("resourceVersion") {
        None | Some("" | "0") => None,
        Some(text) => Some(
            text.parse::<u64>()
                .map_err(|_| Failure::bad_request(format!("invalid resource version: {text}")))?,
        ),
    };
    let changed = api.cluster.changed();
    let troubles = api.faults.subscribe();
    let cuts = troubles.borrow().cuts();
    let now = Instant::now();
    let mut watching = Watching {
        _open: api.ledger.watching(user, target.kind.resource()),
        cluster: api.cluster.clone(),
        position: from.unwrap_or_default(),
        lines: VecDeque::new(),
        bookmarks,
        next_bookmark: now + BOOKMARK_EVERY,
        end: now + timeout,
        cuts,
        changed,
        troubles,
        ended: false,
        target,
        selector,
    };
    // With `sendInitialEvents` the present state comes first and a marked bookmark ends it.
    let initial_events = query.get("sendInitialEvents");
    match (initial_events, from) {
        (Some("true" | "1"), _) | (None, None) => {
            watching.tell_present();
            if initial_events.is_some() && bookmarks {
                let marked = json!({"k8s.io/initial-events-end": "true"});
                watching.tell_bookmark(Some(marked));
            }
        }
        (Some(_), None) => watching.position = watching.cluster.version(),
        (_, Some(version)) => {
            let kind = watching.target.kind;
            if let Err(expired) = watching.cluster.events_since(kind, None, version) {
                let failure = Failure::expired(version, expired.oldest);
                if api.faults.now().gone_as_http {
                    return Err(failure);
                }
                watching.tell_error(failure);
            }
        }
    }
    let lines = stream::unfold(watching, |mut watching| async move {
        let line = watching.next_line().await?;
        Some((Ok::<Bytes, Infallible>(line), watching))
    });
    let json = [(header::CONTENT_TYPE, "application/json")];
    Ok((json, Body::from_stream(lines)).into_response())
}

impl Watching {
    async fn next_line(&mut self) -> Option<Bytes> {
        loop {
            // The senders live in the Api and the Cluster; a closed channel is the world's end.
            self.troubles.wait_for(|troubles| !troubles.half_open).await.ok()?;
            let troubles = self.troubles.borrow_and_update().clone();
            if troubles.cuts() != self.cuts {
                return None;
            }
            if let Some(line) = self.lines.pop_front() {
                if troubles.truncate {
                    self.ended = true;
                    self.lines.clear();
                    return Some(line.slice(..line.len() / 2));
                }
                return Some(line);
            }
            if self.ended || !self.cluster.is_installed(self.target.kind) {
                return None;
            }
            self.changed.borrow_and_update();
            self.tell_news(&troubles);
            if !self.lines.is_empty() {
                continue;
            }
            let now = Instant::now();
            if now >= self.end {
                self.ended = true;
            }
            if self.bookmarks && (self.ended || now >= self.next_bookmark) {
                self.tell_bookmark(None);
                continue;
            }
            let wake = self.end.min(self.next_bookmark);
            tokio::select! {
                changed = self.changed.changed() => changed.ok()?,
                troubles = self.troubles.changed() => troubles.ok()?,
                () = tokio::time::sleep_until(wake) => {
                    if !self.bookmarks {
                        self.next_bookmark = self.end;
                    }
                }
            }
        }
    }

    fn tell_present(&mut self) {
        let (version, objects) =
            self.cluster.snapshot(self.target.kind, self.target.namespace.as_deref());
        self.position = version;
        for object in objects.iter().filter(|object| self.selector.matches(object)) {
            self.lines.push_back(line("ADDED", object));
        }
    }

    fn tell_news(&mut self, troubles: &Troubles) {
        let namespace = self.target.namespace.as_deref();
        match self.cluster.events_since(self.target.kind, namespace, self.position) {
            Err(expired) => self.tell_error(Failure::expired(self.position, expired.oldest)),
            Ok((version, events)) => {
                self.position = version;
                for event in events {
                    if let Some((word, object)) = self.seen_through_selector(&event) {
                        let line = line(word, &object);
                        if troubles.duplicate_events {
                            self.lines.push_back(line.clone());
                        }
                        self.lines.push_back(line);
                    }
                }
            }
        }
    }

    /// An object that comes to match the selector is added for this watch, one that no longer
    /// does is deleted.
    fn seen_through_selector(&self, event: &Event) -> Option<(&'static str, Arc<Value>)> {
        let matched = event.before.as_ref().is_some_and(|before| self.selector.matches(before));
        let matches = event.change != Change::Deleted && self.selector.matches(&event.object);
        match (matched, matches) {
            (false, true) => Some(("ADDED", event.object.clone())),
            (true, true) => Some(("MODIFIED", event.object.clone())),
            (true, false) => Some(("DELETED", event.object.clone())),
            (false, false) => None,
        }
    }

    fn tell_bookmark(&mut self, annotations: Option<Value>) {
        let mut metadata = json!({"resourceVersion": self.position.to_string(),
            "creationTimestamp": null});
        if let Some(annotations) = annotations {
            metadata["annotations"] = annotations;
        }
        let kind = self.target.kind;
        let mark = json!({"kind": kind.kind, "apiVersion": kind.api_version(),
            "metadata": metadata});
        self.lines.push_back(line("BOOKMARK", &mark));
        self.next_bookmark = Instant::now() + BOOKMARK_EVERY;
    }

    fn tell_error(&mut self, failure: Failure) {
        self.lines.push_back(line("ERROR", &failure.1));
        self.ended = true;
        self.bookmarks = false;
    }
}

fn line(word: &str, object: &Value) -> Bytes {
    let mut text = format!("{{\"type\":\"{word}\",\"object\":{object}}}");
    text.push('\n');
    Bytes::from(text)
}
