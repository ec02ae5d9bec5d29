//! What every watch last said, and how a board is made of it.
//!
//! A *feed* is one kind in one namespace of one cluster. ReplicaSets and AnalysisRuns are joined to
//! their Rollout by the owner's uid when a board is made, in whichever order they arrived.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use domain::{
    ClusterName, Namespace,
    analysis::AnalysisRun,
    board::{Board, Change, Cluster, KindState, Link},
    environment::Environment,
    rollout::{ReplicaSet, Rollout, RolloutKey},
};
use jiff::Timestamp;

/// The kinds that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Rollout,
    ReplicaSet,
    AnalysisRun,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 3] = [Self::Rollout, Self::ReplicaSet, Self::AnalysisRun];

    /// Kubernetes' word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rollout => "Rollout",
            Self::ReplicaSet => "ReplicaSet",
            Self::AnalysisRun => "AnalysisRun",
        }
    }
}

/// One watch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FeedKey {
    pub cluster: ClusterName,
    pub namespace: Namespace,
    pub kind: Kind,
}

/// An object that belongs to a Rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Child {
    ReplicaSet(ReplicaSet),
    AnalysisRun(AnalysisRun),
}

/// What a watch can say. Objects are told apart by name.
#[derive(Clone, Debug)]
pub enum FeedNews {
    /// All there is, at once: what is missing here is gone.
    All {
        round: u64,
        objects: BTreeMap<String, Object>,
    },
    Applied(String, Object),
    Deleted(String),
    /// The cluster does not have the kind; so it has no objects of it.
    NotInstalled {
        round: u64,
    },
    /// The watch does not run. What it said before stays, until it says otherwise.
    Broken {
        round: u64,
        error: String,
    },
}

/// An object, or why it could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    Rollout(Arc<Rollout>),
    Child { owner: Option<String>, child: Child },
    Unreadable(String),
}

/// What the heartbeat says of a cluster.
#[derive(Clone, Debug)]
pub enum ClusterNews {
    Answered,
    /// The error in words.
    Silent(String),
}

/// Everything that was told.
#[derive(Debug, Default)]
pub struct Book {
    environments: Arc<Vec<Environment>>,
    clusters: BTreeMap<ClusterName, ClusterBook>,
    feeds: BTreeMap<FeedKey, Feed>,
    /// Where a Rollout of this uid is, for its children.
    owners: HashMap<String, RolloutKey>,
    /// Children by their owner's uid.
    children: HashMap<String, BTreeMap<(Kind, String), Child>>,
    rollouts: BTreeMap<RolloutKey, Arc<Rollout>>,
    dirty_rollouts: BTreeSet<RolloutKey>,
    dirty_clusters: BTreeSet<ClusterName>,
}

#[derive(Debug)]
struct ClusterBook {
    /// When it was last known to answer; when we began to ask, before it ever did.
    seen: Timestamp,
    answered_once: bool,
    live_since: Option<Timestamp>,
    trouble: Option<String>,
    /// Counts outages: watches must have listed anew since the last one.
    round: u64,
}

#[derive(Debug)]
struct Feed {
    state: FeedState,
    /// The round in which it last knew everything, or knew why not.
    round: Option<u64>,
    objects: BTreeMap<String, Object>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum FeedState {
    Starting,
    Watched,
    NotInstalled,
    Broken { since: Timestamp, error: String },
}

impl Book {
    /// Nothing told yet: the environments' namespaces are the feeds to come.
    pub fn new(environments: Vec<Environment>, clusters: &[ClusterName], now: Timestamp) -> Self {
        let mut feeds = BTreeMap::new();
        for environment in &environments {
            for namespace in &environment.namespaces {
                for kind in Kind::ALL {
                    let key = FeedKey {
                        cluster: environment.cluster.clone(),
                        namespace: namespace.clone(),
                        kind,
                    };
                    let feed =
                        Feed { state: FeedState::Starting, round: None, objects: BTreeMap::new() };
                    feeds.insert(key, feed);
                }
            }
        }
        let clusters = clusters.iter().map(|name| {
            let book = ClusterBook {
                seen: now,
                answered_once: false,
                live_since: None,
                trouble: None,
                round: 0,
            };
            (name.clone(), book)
        });
        Self {
            environments: Arc::new(environments),
            clusters: clusters.collect(),
            feeds,
            ..Self::default()
        }
    }

    /// The watches there must be.
    pub fn feeds(&self) -> impl Iterator<Item = &FeedKey> {
        self.feeds.keys()
    }

    /// The environments, in promotion order.
    pub fn environments(&self) -> &Arc<Vec<Environment>> {
        &self.environments
    }

    /// Takes the heartbeat's word. Gives the round the watches must list anew for, when the cluster
    /// has come back.
    pub fn hear_cluster(
        &mut self,
        name: &ClusterName,
        news: ClusterNews,
        now: Timestamp,
    ) -> Option<u64> {
        let cluster = self.clusters.get_mut(name)?;
        let mut relist = None;
        match news {
            ClusterNews::Answered => {
                cluster.seen = now;
                if cluster.trouble.take().is_some() {
                    self.dirty_clusters.insert(name.clone());
                    if cluster.answered_once {
                        cluster.round += 1;
                        relist = Some(cluster.round);
                    }
                }
                cluster.answered_once = true;
            }
            ClusterNews::Silent(error) => {
                if cluster.trouble.as_ref() != Some(&error) {
                    cluster.trouble = Some(error);
                    cluster.live_since = None;
                    self.dirty_clusters.insert(name.clone());
                }
            }
        }
        self.judge_cluster(name, now);
        relist
    }

    /// Takes a watch's word.
    pub fn hear_feed(&mut self, key: &FeedKey, news: FeedNews, now: Timestamp) {
        let Some(mut feed) = self.feeds.remove(key) else { return };
        match news {
            FeedNews::All { round, objects } => {
                let gone: Vec<String> = feed
                    .objects
                    .keys()
                    .filter(|name| !objects.contains_key(*name))
                    .cloned()
                    .collect();
                for name in gone {
                    self.forget(key, &mut feed, &name);
                }
                for (name, object) in objects {
                    self.keep(key, &mut feed, name, object);
                }
                self.settle(key, &mut feed, FeedState::Watched, Some(round));
            }
            FeedNews::Applied(name, object) => {
                self.keep(key, &mut feed, name, object);
                if matches!(feed.state, FeedState::Broken { .. }) {
                    self.settle(key, &mut feed, FeedState::Watched, None);
                }
            }
            FeedNews::Deleted(name) => self.forget(key, &mut feed, &name),
            FeedNews::NotInstalled { round } => {
                for name in feed.objects.keys().cloned().collect::<Vec<_>>() {
                    self.forget(key, &mut feed, &name);
                }
                self.settle(key, &mut feed, FeedState::NotInstalled, Some(round));
            }
            FeedNews::Broken { round, error } => {
                let since = match &feed.state {
                    FeedState::Broken { since, .. } => *since,
                    FeedState::Starting | FeedState::Watched | FeedState::NotInstalled => now,
                };
                self.settle(key, &mut feed, FeedState::Broken { since, error }, Some(round));
            }
        }
        self.feeds.insert(key.clone(), feed);
        self.judge_cluster(&key.cluster, now);
    }

    fn settle(&mut self, key: &FeedKey, feed: &mut Feed, state: FeedState, round: Option<u64>) {
        if feed.state != state {
            feed.state = state;
            self.dirty_clusters.insert(key.cluster.clone());
        }
        if round.is_some() {
            feed.round = round;
        }
    }

    fn keep(&mut self, key: &FeedKey, feed: &mut Feed, name: String, object: Object) {
        if feed.objects.get(&name) == Some(&object) {
            return;
        }
        self.forget(key, feed, &name);
        match &object {
            Object::Rollout(rollout) => {
                self.owners.insert(rollout.uid.clone(), rollout.key.clone());
                self.rollouts.insert(rollout.key.clone(), Arc::clone(rollout));
                self.dirty_rollouts.insert(rollout.key.clone());
            }
            Object::Child { owner: Some(owner), child } => {
                self.children
                    .entry(owner.clone())
                    .or_default()
                    .insert((key.kind, name.clone()), child.clone());
                self.dirty_rollouts.extend(self.owners.get(owner).cloned());
            }
            Object::Child { owner: None, .. } => {}
            Object::Unreadable(_) => {
                self.dirty_clusters.insert(key.cluster.clone());
            }
        }
        feed.objects.insert(name, object);
    }

    fn forget(&mut self, key: &FeedKey, feed: &mut Feed, name: &str) {
        match feed.objects.remove(name) {
            Some(Object::Rollout(rollout)) => {
                self.owners.remove(&rollout.uid);
                self.rollouts.remove(&rollout.key);
                self.dirty_rollouts.insert(rollout.key.clone());
            }
            Some(Object::Child { owner: Some(owner), .. }) => {
                if let Some(children) = self.children.get_mut(&owner) {
                    children.remove(&(key.kind, name.to_owned()));
                    if children.is_empty() {
                        self.children.remove(&owner);
                    }
                }
                self.dirty_rollouts.extend(self.owners.get(&owner).cloned());
            }
            Some(Object::Unreadable(_)) => {
                self.dirty_clusters.insert(key.cluster.clone());
            }
            Some(Object::Child { owner: None, .. }) | None => {}
        }
    }

    /// Live once it answers and every watch has listed since the last outage.
    fn judge_cluster(&mut self, name: &ClusterName, now: Timestamp) {
        let Some(cluster) = self.clusters.get(name) else { return };
        let up = cluster.answered_once && cluster.trouble.is_none();
        let round = cluster.round;
        let live = up
            && self
                .feeds
                .iter()
                .filter(|(key, _)| key.cluster == *name)
                .all(|(_, feed)| feed.round == Some(round));
        let Some(cluster) = self.clusters.get_mut(name) else { return };
        if live != cluster.live_since.is_some() {
            cluster.live_since = live.then_some(now);
            self.dirty_clusters.insert(name.clone());
        }
    }

    /// Whether something was told since the last board.
    pub fn is_dirty(&self) -> bool {
        !self.dirty_rollouts.is_empty() || !self.dirty_clusters.is_empty()
    }

    /// The board after `old`, with what changed. Only what was told about is looked at.
    pub fn next_board(&mut self, old: &Board) -> (Board, Vec<Change>) {
        let mut changes = vec![];
        for name in std::mem::take(&mut self.dirty_clusters) {
            if let Some(cluster) = self.cluster(&name)
                && old.clusters.get(&name) != Some(&cluster)
            {
                changes.push(Change::Cluster(cluster));
            }
        }
        for key in std::mem::take(&mut self.dirty_rollouts) {
            match (self.rollout(&key), old.rollouts.get(&key)) {
                (Some(new), Some(old)) if new == *old => {}
                (Some(new), _) => changes.push(Change::Rollout(new)),
                (None, Some(_)) => changes.push(Change::RolloutGone(key)),
                (None, None) => {}
            }
        }
        let mut board = old.clone();
        for change in &changes {
            board.apply(change.clone());
        }
        (board, changes)
    }

    /// The whole board anew.
    pub fn board(&self) -> Board {
        Board {
            environments: Arc::clone(&self.environments),
            clusters: self
                .clusters
                .keys()
                .filter_map(|name| Some((name.clone(), self.cluster(name)?)))
                .collect(),
            rollouts: self
                .rollouts
                .keys()
                .filter_map(|key| Some((key.clone(), self.rollout(key)?)))
                .collect(),
        }
    }

    /// A Rollout with its children, newest revision first.
    fn rollout(&self, key: &RolloutKey) -> Option<Arc<Rollout>> {
        let bare = self.rollouts.get(key)?;
        let Some(children) = self.children.get(&bare.uid) else { return Some(Arc::clone(bare)) };
        let mut rollout = Rollout::clone(bare);
        for child in children.values() {
            match child {
                Child::ReplicaSet(set) => rollout.replica_sets.push(set.clone()),
                Child::AnalysisRun(run) => rollout.analysis_runs.push(run.clone()),
            }
        }
        rollout.replica_sets.sort_by(|a, b| (b.revision, &a.name).cmp(&(a.revision, &b.name)));
        rollout.analysis_runs.sort_by(|a, b| (b.revision, &a.name).cmp(&(a.revision, &b.name)));
        Some(Arc::new(rollout))
    }

    fn cluster(&self, name: &ClusterName) -> Option<Cluster> {
        let book = self.clusters.get(name)?;
        let link = match (&book.live_since, &book.trouble) {
            (Some(since), _) => Link::Live { since: *since },
            (None, error) if !book.answered_once => {
                Link::Connecting { since: book.seen, error: error.clone() }
            }
            (None, None) if book.round == 0 => Link::Connecting { since: book.seen, error: None },
            (None, error) => Link::Stale {
                since: book.seen,
                error: error.clone().unwrap_or_else(|| "it answers again and is being read".into()),
            },
        };
        let mut kinds: BTreeMap<String, KindState> = BTreeMap::new();
        let mut unreadable = BTreeMap::new();
        for (key, feed) in self.feeds.iter().filter(|(key, _)| key.cluster == *name) {
            let state = feed.state.shown();
            let kind = kinds.entry(key.kind.word().to_owned()).or_insert_with(|| state.clone());
            if rank(&state) > rank(kind) {
                *kind = state;
            }
            for (object, what) in &feed.objects {
                if let Object::Unreadable(error) = what {
                    let named = format!("{} {}/{object}", key.kind.word(), key.namespace);
                    unreadable.insert(named, error.clone());
                }
            }
        }
        Some(Cluster { name: name.clone(), link, kinds, unreadable })
    }
}

impl FeedState {
    fn shown(&self) -> KindState {
        match self {
            Self::Starting => KindState::Starting,
            Self::Watched => KindState::Watched,
            Self::NotInstalled => KindState::NotInstalled,
            Self::Broken { since, error } => {
                KindState::Broken { since: *since, error: error.clone() }
            }
        }
    }
}

/// Of several namespaces the worst state is shown.
fn rank(state: &KindState) -> u8 {
    match state {
        KindState::Watched => 0,
        KindState::NotInstalled => 1,
        KindState::Starting => 2,
        KindState::Broken { .. } => 3,
    }
}
