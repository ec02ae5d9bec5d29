//! Live views: a page that somebody looks at, kept up to date for all who see the same.
//!
//! ```text
//! board --> one task per distinct view: gather, render the parts, compare --> watch<Shown>
//!                                                                               +--> tab, tab, tab
//! ```
//!
//! A view is an address together with what its reader may see (and, where the page shows actions,
//! may do). It is rendered once per change and its frames are written once, however many tabs look
//! at it. Each part remembers the version at which it last changed, so a tab that was away, or is
//! slow, gets what it missed in one piece and holds nobody up.

mod frame;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use app::Page;
use domain::{
    EnvironmentName,
    actor::{Actor, ActorKind, Grant, Role, Scope},
    board::{Board, Freshness},
};
use tokio::sync::{Notify, watch};
use tracing::error;

use crate::{
    State,
    board::Version,
    pages::{self, Address, sight},
    routes::{error::nothing_here, pages::render_live},
};
pub use frame::{Frames, Shown, Since};

/// A view outlives its last tab this long: a page that was just rendered is connecting, or a tab
/// is coming back.
const LINGER: Duration = Duration::from_secs(30);
/// A view that could not be gathered is tried again so much later, so that no change is lost.
const AGAIN: Duration = Duration::from_secs(1);
/// So many views are prepared when their page is rendered. Beyond it a page still lives, but its
/// first frame is its whole region; so nobody can fill the memory by asking for many addresses.
const PREPARED: usize = 1_000;

/// What tabs can share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    address: Address,
    sight: Vec<(EnvironmentName, Vec<Role>)>,
}

impl Key {
    /// The key of what this actor sees at an address.
    pub fn of(address: &Address, board: &Board, actor: &Actor) -> Self {
        let sight = sight::environments(board, actor)
            .map(|environment| {
                let roles = if address.shows_actions() {
                    let held: Vec<Role> = actor.roles_in(&environment.name).collect();
                    Role::ALL.into_iter().filter(|role| held.contains(role)).collect()
                } else {
                    vec![]
                };
                (environment.name.clone(), roles)
            })
            .collect();
        Self { address: address.clone(), sight }
    }

    /// Somebody who sees exactly this, and is nobody in particular.
    fn reader(&self) -> Actor {
        let grants = self.sight.iter().flat_map(|(environment, roles)| {
            let scope = Scope::Only(vec![environment.clone()]);
            let roles = if roles.is_empty() { vec![Role::Viewer] } else { roles.clone() };
            roles.into_iter().map(move |role| Grant { role, scope: scope.clone() })
        });
        Actor {
            kind: ActorKind::Person,
            id: String::new(),
            name: String::new(),
            grants: grants.collect(),
        }
    }
}

/// Every view there is.
#[derive(Default)]
pub struct Views {
    views: Mutex<HashMap<Key, Arc<View>>>,
    /// What was done, for operators and tests.
    pub counts: Counts,
}

/// What the views did since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Views rendered.
    pub renders: AtomicU64,
    /// Frames written; each is shared by all tabs of its view.
    pub frames: AtomicU64,
    /// Bytes handed to tabs, all tabs together.
    pub bytes: AtomicU64,
    /// Tabs connected now.
    pub tabs: AtomicU64,
}

impl Counts {
    pub(crate) fn add(counter: &AtomicU64, number: u64) {
        counter.fetch_add(number, Ordering::Relaxed);
    }
}

struct View {
    shown: watch::Sender<Option<Arc<Shown>>>,
    wanted: Notify,
}

/// A tab's end of a view.
pub struct Tab {
    shown: watch::Receiver<Option<Arc<Shown>>>,
    state: State,
    since: Option<Version>,
    is_first: bool,
}

impl Views {
    /// How many views there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nobody looks at anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<View>>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Prepares the view of a page that was just rendered, so that its tab is sent only what changes
/// from here on.
pub fn prepare(state: &State, key: Key, page: Page, version: Version, freshness: Freshness) {
    let mut views = state.views.lock();
    if views.contains_key(&key) || views.len() >= PREPARED {
        return;
    }
    open(state, &mut views, key, Some((page, version, freshness)));
}

/// Connects a tab that shows the page of `since`, if it knows.
pub fn connect(state: &State, key: Key, since: Option<Version>) -> Tab {
    let mut views = state.views.lock();
    let view = match views.get(&key) {
        Some(view) => Arc::clone(view),
        None => open(state, &mut views, key, None),
    };
    // Under the lock, so that the view cannot end between being found and being looked at.
    let shown = view.shown.subscribe();
    drop(views);
    view.wanted.notify_one();
    state.views.counts.tabs.fetch_add(1, Ordering::Relaxed);
    Tab { shown, state: Arc::clone(state), since, is_first: true }
}

fn open(
    state: &State,
    views: &mut HashMap<Key, Arc<View>>,
    key: Key,
    first: Option<(Page, Version, Freshness)>,
) -> Arc<View> {
    let view = Arc::new(View { shown: watch::Sender::new(None), wanted: Notify::new() });
    views.insert(key.clone(), Arc::clone(&view));
    tokio::spawn(keep_alive(Arc::clone(state), key, Arc::clone(&view), first));
    view
}

/// Renders a view whenever the board changes and somebody looks, until nobody does.
async fn keep_alive(
    state: State,
    key: Key,
    view: Arc<View>,
    mut first: Option<(Page, Version, Freshness)>,
) {
    let mut board = state.board.subscribe();
    let mut closing = state.closing.subscribe();
    let reader = key.reader();
    let mut rendered = Version::default();
    loop {
        if *closing.borrow_and_update() {
            state.views.lock().remove(&key);
            return;
        }
        if view.shown.receiver_count() == 0 {
            tokio::select! {
                () = view.wanted.notified() => {}
                _ = closing.changed() => {}
                () = tokio::time::sleep(LINGER) => {
                    let mut views = state.views.lock();
                    if view.shown.receiver_count() == 0 {
                        views.remove(&key);
                        return;
                    }
                }
            }
            continue;
        }
        if let Some((page, version, freshness)) = first.take() {
            let shown = Shown::first(version, render_live(&page), page, freshness);
            rendered = version;
            view.shown.send_replace(Some(Arc::new(shown)));
        }
        let newest = board.borrow_and_update().clone();
        let mut again = None;
        if rendered < newest.version {
            let now = state.clock.now();
            match pages::gather(&key.address, &newest.board, &state.store, &reader, now).await {
                Ok(page) => {
                    rendered = newest.version;
                    let page = page.unwrap_or_else(nothing_here);
                    let freshness = sight::freshness(&newest.board, &reader, &key.address);
                    let live = render_live(&page);
                    Counts::add(&state.views.counts.renders, 1);
                    let old = view.shown.borrow().clone();
                    let (shown, written) = match old {
                        Some(old) => old.next(newest.version, live, page, freshness),
                        None => (Shown::first(newest.version, live, page, freshness), 1),
                    };
                    Counts::add(&state.views.counts.frames, written);
                    view.shown.send_if_modified(|newest| {
                        *newest = Some(Arc::new(shown));
                        written > 0
                    });
                }
                Err(error) => {
                    error!(?key, "could not gather a live view: {error:#}");
                    again = Some(AGAIN);
                }
            }
        }
        let retry = async {
            match again {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = board.changed() => {}
            () = retry => {}
            () = view.shown.closed() => {}
            _ = closing.changed() => {}
        }
    }
}

impl Tab {
    /// The frames this tab lacks, as soon as there are any; `None` when the server closes.
    pub async fn next(&mut self) -> Option<Frames> {
        let mut closing = self.state.closing.subscribe();
        loop {
            if *closing.borrow_and_update() {
                return None;
            }
            let shown = self.shown.borrow_and_update().clone();
            if let Some(shown) = shown {
                let since = match (self.is_first, self.since) {
                    (true, since) => Since::Page(since),
                    (false, Some(version)) => Since::Sent(version),
                    (false, None) => Since::Page(None),
                };
                let frames = shown.since(since);
                self.is_first = false;
                let newer = self.since.filter(|since| since.epoch == shown.version().epoch);
                self.since = Some(newer.map_or(shown.version(), |v| v.max(shown.version())));
                if let Some(frames) = frames {
                    Counts::add(&self.state.views.counts.bytes, frames.len());
                    return Some(frames);
                }
            }
            tokio::select! {
                changed = self.shown.changed() => changed.ok()?,
                _ = closing.changed() => {}
            }
        }
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        self.state.views.counts.tabs.fetch_sub(1, Ordering::Relaxed);
    }
}
