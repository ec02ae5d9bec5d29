//! Server-sent events: fragments for pages, changes for programs.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, Query, State as Extract},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use domain::actor::Actor;
use futures::Stream;
use serde::Deserialize;
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};
use tower_sessions::Session;

use super::error::{NOT_FOUND, problem};
use crate::{
    State,
    board::{Stamped, Version},
    pages::{Address, sight},
    session::SignedIn,
    store::sessions::Sessions,
    views::{self, Key, Tab},
};

/// A comment this often keeps proxies from taking a quiet line for a dead one.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How often it is asked again whether the reader may still read.
const RECHECK: Duration = Duration::from_secs(60);
/// How soon a browser comes back after the line was cut, in milliseconds: sooner than a person
/// would notice, later than a server takes to start.
const RETRY: &str = "retry: 1000\n\n";

/// What a page asks for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    /// Path and query of the page.
    view: String,
    /// The version it was rendered from.
    version: Option<String>,
}

/// `GET /events?view=&version=`: `patch`, `stale` and `reload` for one page.
pub(super) async fn page(
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
    signed_in: SignedIn,
    parts: Parts,
) -> Response {
    let address = asked.view.parse::<Uri>().ok().and_then(|uri| Address::of(&uri).ok());
    let Some(address) = address.filter(Address::is_live) else {
        return problem(
            StatusCode::NOT_FOUND,
            NOT_FOUND,
            "view must be the path and query of a live page, like /rollouts?page=2.",
            None,
        );
    };
    // A browser that comes back by itself asks for the old version and names the newer event.
    let since = last_event(&parts.headers).or_else(|| asked.version.as_deref()?.parse().ok());
    let newest = state.board.newest();
    let key = Key::of(&address, &newest.board, &signed_in.0);
    let tab = views::connect(&state, key.clone(), since);
    let line = Line::new(state, signed_in.0, parts);
    let stream = futures::stream::unfold((line, tab, address, key), async |mut held| {
        let (line, tab, address, key) = &mut held;
        let chunk = next_patch(line, tab, address, key).await?;
        Some((chunk, held))
    });
    event_stream(stream)
}

async fn next_patch(line: &mut Line, tab: &mut Tab, address: &Address, key: &Key) -> Option<Bytes> {
    if let Some(chunk) = line.pending.pop() {
        return Some(chunk);
    }
    loop {
        tokio::select! {
            frames = tab.next() => {
                let mut chunks = frames?.0;
                chunks.reverse();
                line.pending = chunks;
                return line.pending.pop();
            }
            _ = line.keep_alive.tick() => return Some(Bytes::from_static(b":\n\n")),
            _ = line.recheck.tick() => {
                // With other rights the page is another one: the reader must ask again.
                let actor = line.read_actor().await?;
                let board = line.state.board.newest().board;
                if Key::of(address, &board, &actor) != *key {
                    return None;
                }
            }
        }
    }
}

/// `GET /api/v1/events`: `snapshot`, then `change` by `change`; `reset` before a new snapshot when
/// the reader has missed more than we remember.
pub(super) async fn programs(
    Extract(state): Extract<State>,
    signed_in: SignedIn,
    parts: Parts,
) -> Response {
    let since = last_event(&parts.headers);
    let boards = state.board.subscribe();
    let reader = Reader { boards, since };
    let line = Line::new(state, signed_in.0, parts);
    let stream = futures::stream::unfold((line, reader), async |(mut line, mut reader)| {
        let chunk = reader.next(&mut line).await?;
        Some((chunk, (line, reader)))
    });
    event_stream(stream)
}

struct Reader {
    boards: watch::Receiver<Stamped>,
    since: Option<Version>,
}

impl Reader {
    async fn next(&mut self, line: &mut Line) -> Option<Bytes> {
        loop {
            if *line.closing.borrow() {
                return None;
            }
            let newest = self.boards.borrow_and_update().clone();
            if self.since != Some(newest.version) {
                let text = self.catch_up(line, &newest);
                self.since = Some(newest.version);
                if let Some(text) = text {
                    return Some(text.into());
                }
            }
            tokio::select! {
                changed = self.boards.changed() => changed.ok()?,
                _ = line.closing.changed() => return None,
                _ = line.keep_alive.tick() => return Some(Bytes::from_static(b":\n\n")),
                _ = line.recheck.tick() => {
                    let actor = line.read_actor().await?;
                    if actor.grants != line.actor.grants {
                        // What may be seen is another picture now.
                        line.actor = actor;
                        self.since = Some(Version::default());
                    }
                }
            }
        }
    }

    /// The events between what the reader has and the newest board.
    fn catch_up(&self, line: &Line, newest: &Stamped) -> Option<String> {
        let Stamped { version, board } = newest;
        let missed = self.since.and_then(|since| line.state.board.changes_since(since));
        if let Some(missed) = missed {
            let seen: Vec<_> = missed
                .iter()
                .flat_map(|changes| changes.iter())
                .filter_map(|change| sight::change(change, board, &line.actor))
                .collect();
            let last = seen.len().checked_sub(1)?;
            let events = seen.iter().enumerate().map(|(at, change)| {
                let id = if at == last { format!("id: {version}\n") } else { String::new() };
                format!("event: change\n{id}data: {}\n\n", json!(change))
            });
            return Some(events.collect());
        }
        let reset = match self.since {
            Some(_) => "event: reset\ndata: {}\n\n",
            None => "",
        };
        let snapshot = json!({
            "version": version.to_string(),
            "board": sight::board(board, &line.actor),
        });
        Some(format!("{reset}event: snapshot\nid: {version}\ndata: {snapshot}\n\n"))
    }
}

/// One reader's line: what both kinds of stream share.
struct Line {
    state: State,
    actor: Actor,
    parts: Parts,
    keep_alive: Interval,
    recheck: Interval,
    closing: watch::Receiver<bool>,
    /// Chunks to send, the next one last.
    pending: Vec<Bytes>,
}

impl Line {
    fn new(state: State, actor: Actor, parts: Parts) -> Self {
        let every = |period| {
            let mut ticks = interval_at(Instant::now() + period, period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        Self {
            closing: state.closing.subscribe(),
            state,
            actor,
            parts,
            keep_alive: every(KEEP_ALIVE),
            recheck: every(RECHECK),
            pending: vec![],
        }
    }

    /// Who the reader is now; `None` once they are nobody.
    async fn read_actor(&mut self) -> Option<Actor> {
        // The request's session remembers what it read; a new one looks again.
        let id = self.parts.extensions.get::<Session>().and_then(Session::id);
        if id.is_some() {
            let sessions =
                Sessions { store: self.state.store.clone(), clock: self.state.clock.clone() };
            self.parts.extensions.insert(Session::new(id, Arc::new(sessions), None));
        }
        SignedIn::from_request_parts(&mut self.parts, &self.state).await.ok().map(|s| s.0)
    }
}

fn last_event(headers: &HeaderMap) -> Option<Version> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

fn event_stream(stream: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    use futures::StreamExt;
    let first = futures::stream::iter([Bytes::from_static(RETRY.as_bytes())]);
    let body = Body::from_stream(first.chain(stream).map(Ok::<_, Infallible>));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx holds back what it could buffer, unless told.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
