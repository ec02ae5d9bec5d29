use domain::{
    environment::{Class, Environment},
    rollout::ReplicaSet,
};
use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::systems::rollouts::read::{Place, RolloutObject, to_rollout};
use domain::{
    board::{Freshness, KindState, Link},
    rollout::{Rollout, RolloutKey},
};

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn book() -> Book {
    let environment = Environment {
        name: "dev".into(),
        class: Class::Dev,
        cluster: "west".into(),
        namespaces: vec!["shop".into()],
        promotes_to: None,
    };
    Book::new(vec![environment], &["west".into()], now())
}

fn hub() -> BoardHub {
    BoardHub::new(book(), 0x1_0000)
}

fn feed(kind: Kind) -> FeedKey {
    FeedKey { cluster: "west".into(), namespace: "shop".into(), kind }
}

fn key(name: &str) -> RolloutKey {
    RolloutKey { environment: "dev".into(), namespace: "shop".into(), name: name.into() }
}

fn rollout(name: &str, weight: u32) -> Object {
    let place = Place {
        cluster: "west".into(),
        environment: "dev".into(),
        namespace: "shop".into(),
        services: Arc::default(),
    };
    let object: RolloutObject = serde_json::from_value(json!({
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}")},
        "spec": {"strategy": {"canary": {"steps": [{"setWeight": weight}]}}},
    }))
    .unwrap();
    Object::Rollout(Arc::new(to_rollout(object, &place)))
}

fn replica_set(name: &str, owner: &str, revision: u64) -> (String, Object) {
    let set = ReplicaSet {
        name: name.into(),
        revision,
        pod_hash: None,
        desired: 1,
        ready: 1,
        available: 1,
        images: vec![],
        created_at: None,
    };
    let owner = Some(format!("uid-{owner}"));
    (name.into(), Object::Child { owner, child: Child::ReplicaSet(set) })
}

fn say(hub: &BoardHub, kind: Kind, news: FeedNews) {
    hub.tell(|book| book.hear_feed(&feed(kind), news, now()));
}

fn all(round: u64, objects: impl IntoIterator<Item = (String, Object)>) -> FeedNews {
    FeedNews::All { round, objects: objects.into_iter().collect() }
}

fn found(hub: &BoardHub, name: &str) -> Option<Arc<Rollout>> {
    hub.publish();
    hub.newest().board.rollouts.get(&key(name)).cloned()
}

fn revisions(hub: &BoardHub, name: &str) -> Vec<u64> {
    found(hub, name).unwrap().replica_sets.iter().map(|set| set.revision).collect()
}

#[test]
fn a_burst_of_news_is_one_board() {
    let hub = hub();
    let before = hub.newest().version.number;
    for weight in 1..=50 {
        say(&hub, Kind::Rollout, FeedNews::Applied("web".into(), rollout("web", weight)));
    }
    hub.publish();
    hub.publish();
    assert_eq!(hub.newest().version.number, before + 1);
}

#[test]
fn news_that_change_nothing_publish_nothing() {
    let hub = hub();
    say(&hub, Kind::Rollout, FeedNews::Applied("web".into(), rollout("web", 20)));
    hub.publish();
    let before = hub.newest().version;
    say(&hub, Kind::Rollout, FeedNews::Applied("web".into(), rollout("web", 20)));
    say(&hub, Kind::Rollout, FeedNews::Applied("other".into(), rollout("other", 20)));
    say(&hub, Kind::Rollout, FeedNews::Deleted("other".into()));
    hub.publish();
    assert_eq!(hub.newest().version, before);
}

#[test]
fn children_find_their_rollout_whoever_comes_first() {
    let hub = hub();
    let (name, set) = replica_set("web-1", "web", 1);
    say(&hub, Kind::ReplicaSet, FeedNews::Applied(name, set));
    say(&hub, Kind::Rollout, FeedNews::Applied("web".into(), rollout("web", 20)));
    assert_eq!(revisions(&hub, "web"), [1]);
    for revision in [3, 2] {
        let (name, set) = replica_set(&format!("web-{revision}"), "web", revision);
        say(&hub, Kind::ReplicaSet, FeedNews::Applied(name, set));
    }
    assert_eq!(revisions(&hub, "web"), [3, 2, 1]);
    say(&hub, Kind::ReplicaSet, FeedNews::Deleted("web-2".into()));
    assert_eq!(revisions(&hub, "web"), [3, 1]);
}

#[test]
fn a_list_replaces_what_was_known_at_once() {
    let hub = hub();
    let objects = ["a", "b", "c"].map(|name| (name.to_owned(), rollout(name, 20)));
    say(&hub, Kind::Rollout, all(0, objects));
    hub.publish();
    let from = hub.newest();
    let objects = [("b".to_owned(), rollout("b", 20)), ("c".to_owned(), rollout("c", 40))];
    say(&hub, Kind::Rollout, all(0, objects));
    hub.publish();
    let changes = from.board.diff(&hub.newest().board);
    assert_eq!(changes.len(), 2, "b is untouched: {changes:?}");
    assert!(found(&hub, "a").is_none());
}

#[test]
fn an_unreadable_object_is_named_until_it_can_be_read_or_is_gone() {
    let hub = hub();
    let unreadable = || FeedNews::Applied("web".into(), Object::Unreadable("bad step".into()));
    let noted = |hub: &BoardHub| {
        hub.publish();
        hub.newest().board.clusters[&"west".into()].unreadable.clone()
    };
    say(&hub, Kind::Rollout, unreadable());
    assert_eq!(noted(&hub)["Rollout shop/web"], "bad step");
    say(&hub, Kind::Rollout, FeedNews::Applied("web".into(), rollout("web", 20)));
    assert!(noted(&hub).is_empty());
    assert!(found(&hub, "web").is_some());
    say(&hub, Kind::Rollout, unreadable());
    assert_eq!(noted(&hub).len(), 1);
    assert!(found(&hub, "web").is_none(), "an old picture of it would be a lie");
    say(&hub, Kind::Rollout, FeedNews::Deleted("web".into()));
    assert!(noted(&hub).is_empty());
}

/// Every watch has listed in this round.
fn list_everything(hub: &BoardHub, round: u64) {
    for kind in Kind::ALL {
        say(hub, kind, all(round, []));
    }
}

fn hear(hub: &BoardHub, news: ClusterNews) -> Option<u64> {
    let mut round = None;
    hub.tell(|book| round = book.hear_cluster(&"west".into(), news, now()));
    hub.publish();
    round
}

fn link(hub: &BoardHub) -> Link {
    hub.publish();
    hub.newest().board.clusters[&"west".into()].link.clone()
}

#[test]
fn a_cluster_is_live_once_it_answers_and_everything_was_listed() {
    let hub = hub();
    assert!(matches!(link(&hub), Link::Connecting { error: None, .. }));
    hear(&hub, ClusterNews::Answered);
    assert!(matches!(link(&hub), Link::Connecting { .. }));
    list_everything(&hub, 0);
    assert!(matches!(link(&hub), Link::Live { .. }));
}

#[test]
fn after_an_outage_it_is_live_only_when_everything_was_listed_anew() {
    let hub = hub();
    hear(&hub, ClusterNews::Answered);
    list_everything(&hub, 0);
    hear(&hub, ClusterNews::Silent("connection refused".into()));
    assert!(matches!(link(&hub), Link::Stale { error, .. } if error == "connection refused"));
    let round = hear(&hub, ClusterNews::Answered);
    assert_eq!(round, Some(1));
    assert!(matches!(link(&hub), Link::Stale { .. }));
    list_everything(&hub, 0);
    assert!(matches!(link(&hub), Link::Stale { .. }), "that list is from before");
    list_everything(&hub, 1);
    assert!(matches!(link(&hub), Link::Live { .. }));
}

#[test]
fn a_broken_watch_makes_stale_what_it_showed_and_keeps_it() {
    let hub = hub();
    hear(&hub, ClusterNews::Answered);
    list_everything(&hub, 0);
    say(&hub, Kind::Rollout, FeedNews::Applied("web".into(), rollout("web", 20)));
    say(&hub, Kind::Rollout, FeedNews::Broken { round: 0, error: "cut".into() });
    assert!(found(&hub, "web").is_some());
    let freshness = |hub: &BoardHub| hub.newest().board.freshness(&"west".into());
    assert!(matches!(freshness(&hub), Freshness::Stale { why, .. } if why == "cut"));
    say(&hub, Kind::Rollout, all(0, [("web".to_owned(), rollout("web", 20))]));
    hub.publish();
    assert_eq!(freshness(&hub), Freshness::Live);
}

#[test]
fn a_missing_kind_is_not_an_outage_and_takes_its_objects_along() {
    let hub = hub();
    hear(&hub, ClusterNews::Answered);
    list_everything(&hub, 0);
    say(&hub, Kind::Rollout, FeedNews::Applied("web".into(), rollout("web", 20)));
    say(&hub, Kind::Rollout, FeedNews::NotInstalled { round: 0 });
    assert!(found(&hub, "web").is_none());
    let board = hub.newest().board;
    let cluster = &board.clusters[&"west".into()];
    assert_eq!(cluster.kinds["Rollout"], KindState::NotInstalled);
    assert_eq!(cluster.freshness(), Freshness::Live);
}

#[test]
fn whoever_knows_an_older_version_can_catch_up() {
    let hub = hub();
    let start = hub.newest();
    let mut mine = Board::clone(&start.board);
    for (weight, name) in [(20, "a"), (30, "b"), (40, "a")] {
        say(&hub, Kind::Rollout, FeedNews::Applied(name.into(), rollout(name, weight)));
        hub.publish();
    }
    let missed = hub.changes_since(start.version).unwrap();
    assert_eq!(missed.len(), 3);
    for change in missed.iter().flat_map(|changes| changes.iter()) {
        mine.apply(change.clone());
    }
    assert_eq!(mine, *hub.newest().board);
    assert!(hub.changes_since(hub.newest().version).unwrap().is_empty());
}

#[test]
fn a_version_of_another_run_or_too_long_ago_cannot_catch_up() {
    let hub = hub();
    let start = hub.newest().version;
    assert!(hub.changes_since(Version { epoch: 7, number: 1 }).is_none());
    assert!(hub.changes_since(Version { number: start.number + 1, ..start }).is_none());
    for weight in 0..=REMEMBERED {
        let weight = u32::try_from(weight).unwrap();
        say(&hub, Kind::Rollout, FeedNews::Applied("a".into(), rollout("a", weight)));
        hub.publish();
    }
    assert!(hub.changes_since(start).is_none());
    let near = Version { number: hub.newest().version.number - 5, ..start };
    assert_eq!(hub.changes_since(near).unwrap().len(), 5);
}

#[test]
fn a_version_is_read_as_it_is_written() {
    let version = Version { epoch: 0x19b3_c7ff, number: 42 };
    assert_eq!(version.to_string(), "19b3c7ff-42");
    assert_eq!("19b3c7ff-42".parse::<Version>().unwrap(), version);
    assert_eq!(version.assets(), 0xc7ff);
    for wrong in ["", "42", "x-1", "1-x", "-"] {
        assert!(wrong.parse::<Version>().is_err(), "{wrong}");
    }
}
