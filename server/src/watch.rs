//! Guarded watches: one per cluster, namespace and kind, whatever the number of readers; and one
//! heartbeat per cluster, because a watch that hears nothing looks the same as one that is cut.
//!
//! ```text
//! cluster --list, watch--> feed --> board
//! cluster --GET /version every 2 s--> heartbeat --> board; after an outage the feeds list anew
//! ```
//!
//! An object that cannot be read is skipped and named; it never ends a watch. A list replaces what
//! was known at once, so that nothing flickers and no deletion is missed.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc, time::Duration};

use domain::{ClusterName, Namespace};
use futures::{StreamExt, TryStreamExt, future::BoxFuture};
use kube::{
    Api, Resource, ResourceExt,
    core::{ApiResource, DeserializeGuard, DynamicResourceScope, GroupVersionKind},
    runtime::watcher,
};
use rand::Rng;
use serde::de::DeserializeOwned;
use tokio::{sync::watch as channel, time::timeout};
use tracing::{info, warn};

use crate::{
    board::{BoardHub, ClusterNews, FeedKey, FeedNews, Kind, Object},
    clock::Clock,
    systems::rollouts::{
        GROUP, VERSION,
        read::{self, AnalysisRunObject, Place, ReplicaSetObject, RolloutObject},
    },
};

/// How often a cluster is asked whether it is there.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long it may take to answer. With the heartbeat: an outage is seen within 5 s.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(3);
/// The server ends a watch after so many seconds and we begin the next where it ended; one that is
/// cut without a word is noticed some seconds after that.
const WATCH_SECONDS: u32 = 30;
/// How long the list may take; 5,000 objects take about a second.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);
/// How soon a cluster is asked for a kind that it did not have.
const NOT_INSTALLED: Duration = Duration::from_secs(30);
/// Waits after a failure: from the first, doubled to the last, plus up to a half by chance so that
/// feeds do not come back in step. Short, so that a cluster that is back is seen soon.
const FIRST_WAIT: Duration = Duration::from_millis(800);
const LAST_WAIT: Duration = Duration::from_secs(5);
/// Failures further apart than this have nothing to do with each other.
const FORGIVEN: Duration = Duration::from_secs(60);
/// A failure is shown when it repeats: a single cut is mended before anyone could act on it.
const SHOWN_FROM: u32 = 2;

/// Everything one cluster's watches need.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) cluster: ClusterName,
    pub(crate) client: kube::Client,
    pub(crate) board: BoardHub,
    pub(crate) clock: Clock,
    pub(crate) places: BTreeMap<Namespace, Place>,
}

/// Watches a cluster until it is dropped.
pub(crate) async fn watch_cluster(watched: Watched) {
    let watched = Arc::new(watched);
    let (rounds, round) = channel::channel(0_u64);
    let mut work: Vec<BoxFuture<'static, ()>> =
        vec![Box::pin(heartbeat(Arc::clone(&watched), rounds))];
    for place in watched.places.values() {
        for kind in Kind::ALL {
            let (watched, place, round) = (Arc::clone(&watched), place.clone(), round.clone());
            work.push(match kind {
                Kind::Rollout => Box::pin(feed::<RolloutObject>(watched, place, kind, round)),
                Kind::ReplicaSet => Box::pin(feed::<ReplicaSetObject>(watched, place, kind, round)),
                Kind::AnalysisRun => {
                    Box::pin(feed::<AnalysisRunObject>(watched, place, kind, round))
                }
            });
        }
    }
    futures::future::join_all(work).await;
}

/// What is asked for: group, version, kind and plural.
pub(crate) fn resource_of(kind: Kind) -> ApiResource {
    let (group, version) = match kind {
        Kind::Rollout | Kind::AnalysisRun => (GROUP, VERSION),
        Kind::ReplicaSet => ("apps", "v1"),
    };
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind.word()))
}

async fn heartbeat(watched: Arc<Watched>, rounds: channel::Sender<u64>) {
    let mut beat = tokio::time::interval(HEARTBEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let cluster = &watched.cluster;
    let mut silent = false;
    loop {
        beat.tick().await;
        let news = match timeout(HEARTBEAT_TIMEOUT, watched.client.apiserver_version()).await {
            Ok(Ok(_)) => ClusterNews::Answered,
            // Whoever refuses the question is there.
            Ok(Err(kube::Error::Api(status))) if status.code < 500 => ClusterNews::Answered,
            Ok(Err(error)) => ClusterNews::Silent(words(&error)),
            Err(_) => ClusterNews::Silent(format!(
                "it has not answered for {} s",
                HEARTBEAT_TIMEOUT.as_secs()
            )),
        };
        match &news {
            ClusterNews::Silent(error) if !silent => {
                warn!(%cluster, "cluster {cluster} does not answer: {error}");
            }
            ClusterNews::Answered if silent => info!(%cluster, "cluster {cluster} answers again"),
            ClusterNews::Silent(_) | ClusterNews::Answered => {}
        }
        silent = matches!(news, ClusterNews::Silent(_));
        let now = watched.clock.now();
        watched.board.tell(|book| {
            if let Some(round) = book.hear_cluster(cluster, news, now) {
                rounds.send_replace(round);
            }
        });
    }
}

/// An object of a watched kind, made into what the board keeps.
trait Watchable:
    Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>
    + Clone
    + DeserializeOwned
    + Debug
    + Send
    + Sync
    + 'static
{
    fn into_object(self, place: &Place) -> Object;
}

impl Watchable for RolloutObject {
    fn into_object(self, place: &Place) -> Object {
        Object::Rollout(Arc::new(read::to_rollout(self, place)))
    }
}

impl Watchable for ReplicaSetObject {
    fn into_object(self, _: &Place) -> Object {
        let (owner, child) = read::to_replica_set(self);
        Object::Child { owner, child }
    }
}

impl Watchable for AnalysisRunObject {
    fn into_object(self, _: &Place) -> Object {
        let (owner, child) = read::to_analysis_run(self);
        Object::Child { owner, child }
    }
}

/// Keeps one kind of one namespace up to date, for ever.
async fn feed<K: Watchable>(
    watched: Arc<Watched>,
    place: Place,
    kind: Kind,
    mut rounds: channel::Receiver<u64>,
) {
    let resource = resource_of(kind);
    let api: Api<DeserializeGuard<K>> =
        Api::namespaced_with(watched.client.clone(), place.namespace.as_str(), &resource);
    let key = FeedKey { cluster: place.cluster.clone(), namespace: place.namespace.clone(), kind };
    let tell = |news: FeedNews| {
        let now = watched.clock.now();
        watched.board.tell(|book| book.hear_feed(&key, news, now));
    };
    let mut failures = Failures::default();
    loop {
        let round = *rounds.borrow_and_update();
        let end = tokio::select! {
            end = run(&api, &place, round, &mut failures, &tell) => end,
            _ = rounds.changed() => continue,
        };
        let wait = match end {
            End::NotInstalled => {
                tell(FeedNews::NotInstalled { round });
                NOT_INSTALLED
            }
            End::Refused => {
                let plural = &resource.plural;
                warn!(cluster = %key.cluster, namespace = %key.namespace, "may not list and watch {plural} in {}", key.namespace);
                tell(FeedNews::Broken { round, error: missing_right(&resource) });
                failures.wait()
            }
            End::Failed(error) => {
                warn!(cluster = %key.cluster, namespace = %key.namespace, "the watch of {} in {} failed: {error}", resource.plural, key.namespace);
                tell(FeedNews::Broken { round, error });
                failures.wait()
            }
            End::Again => failures.wait(),
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = rounds.changed() => {}
        }
    }
}

/// Why a watch ended.
enum End {
    NotInstalled,
    /// A right is missing.
    Refused,
    Failed(String),
    /// It must list anew, and nothing is wrong with that.
    Again,
}

/// Lists and watches until something is wrong that another try of the same watch would not mend.
async fn run<K: Watchable>(
    api: &Api<DeserializeGuard<K>>,
    place: &Place,
    round: u64,
    failures: &mut Failures,
    tell: &impl Fn(FeedNews),
) -> End {
    let config = watcher::Config::default().timeout(WATCH_SECONDS);
    let mut events = watcher(api.clone(), config).boxed();
    let mut listed: Option<BTreeMap<String, Object>> = Some(BTreeMap::new());
    let mut skipped = BTreeMap::new();
    loop {
        let next = match &listed {
            Some(_) => match timeout(LIST_TIMEOUT, events.try_next()).await {
                Ok(next) => next,
                Err(_) => {
                    return End::Failed(format!(
                        "the list did not arrive within {} s",
                        LIST_TIMEOUT.as_secs()
                    ));
                }
            },
            None => events.try_next().await,
        };
        match next {
            Ok(Some(watcher::Event::Init)) => listed = Some(BTreeMap::new()),
            Ok(Some(watcher::Event::InitApply(object))) => {
                let (name, object) = take(object, place, &mut skipped);
                listed.get_or_insert_default().insert(name, object);
            }
            Ok(Some(watcher::Event::InitDone)) => {
                failures.forget();
                tell(FeedNews::All { round, objects: listed.take().unwrap_or_default() });
            }
            Ok(Some(watcher::Event::Apply(object))) => {
                let (name, object) = take(object, place, &mut skipped);
                tell(FeedNews::Applied(name, object));
            }
            Ok(Some(watcher::Event::Delete(object))) => tell(FeedNews::Deleted(object.name_any())),
            Ok(None) => return End::Again,
            Err(error) => {
                failures.add();
                match code(&error) {
                    Some(404) => return End::NotInstalled,
                    Some(401 | 403) => return End::Refused,
                    // What we remembered is too old for the cluster; a list tells everything.
                    Some(410) => return End::Again,
                    _ if failures.count >= SHOWN_FROM => return End::Failed(error_words(&error)),
                    _ => tokio::time::sleep(failures.wait()).await,
                }
            }
        }
    }
}

/// Reads an object, or says why it cannot be read.
///
/// `skipped` remembers the errors by name: the same one is logged once, however often the object is
/// written.
fn take<K: Watchable>(
    guarded: DeserializeGuard<K>,
    place: &Place,
    skipped: &mut BTreeMap<String, String>,
) -> (String, Object) {
    let name = guarded.name_any();
    let object = match guarded.0 {
        Ok(object) => {
            skipped.remove(&name);
            object.into_object(place)
        }
        Err(invalid) => {
            let namespace = &place.namespace;
            if skipped.insert(name.clone(), invalid.error.clone()).as_ref() != Some(&invalid.error)
            {
                warn!(%namespace, object = %name, "skipped {namespace}/{name}, which cannot be read: {}", invalid.error);
            }
            Object::Unreadable(invalid.error)
        }
    };
    (name, object)
}

/// Failures close together.
#[derive(Default)]
struct Failures {
    count: u32,
    last: Option<tokio::time::Instant>,
}

impl Failures {
    fn add(&mut self) {
        let now = tokio::time::Instant::now();
        if self.last.is_some_and(|last| now.duration_since(last) > FORGIVEN) {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.last = Some(now);
    }

    fn forget(&mut self) {
        self.count = 0;
    }

    fn wait(&self) -> Duration {
        let doubled = FIRST_WAIT.saturating_mul(1 << self.count.saturating_sub(1).min(8));
        doubled.min(LAST_WAIT).mul_f64(1.0 + rand::rng().random_range(0.0..0.5))
    }
}

fn code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => Some(status.code),
        watcher::Error::WatchError(status) => Some(status.code),
        watcher::Error::InitialListFailed(_)
        | watcher::Error::WatchStartFailed(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => None,
    }
}

fn missing_right(resource: &ApiResource) -> String {
    let name = match resource.group.as_str() {
        "" => resource.plural.clone(),
        group => format!("{}.{group}", resource.plural),
    };
    format!(
        "Signalbox may not list and watch {name}: grant its identity the verbs get, list and watch"
    )
}

fn error_words(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => words(error),
        watcher::Error::WatchError(status) => status.message.clone(),
        watcher::Error::NoResourceVersion => "it sent an object without a version".into(),
    }
}

/// The innermost cause says what happened: "Connection refused" rather than "client error".
fn words(error: &kube::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
