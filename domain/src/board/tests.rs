use proptest::prelude::*;

use super::*;
use crate::{
    environment::Class,
    rollout::tests::{rollout, time},
};

/// Boards over few names, so that two of them share, change and lack the same things.
pub(crate) fn board() -> impl Strategy<Value = Board> {
    let link = prop_oneof![
        (0..3i64).prop_map(|at| Link::Live { since: time(at) }),
        (0..3i64).prop_map(|at| Link::Stale { since: time(at), error: "gone".into() }),
    ];
    let clusters = prop::collection::btree_map(0..3usize, link, 0..3);
    let environments = prop::collection::btree_set(0..3usize, 0..3);
    let rollouts = prop::collection::btree_map((0..3usize, 0..4usize), 0..3u32, 0..8);
    (clusters, environments, rollouts).prop_map(|(clusters, environments, rollouts)| {
        let environments = environments.into_iter().map(environment).collect();
        let clusters = clusters.into_iter().map(|(at, link)| {
            let name: ClusterName = format!("c{at}").into();
            let kinds = [("Rollout".to_owned(), KindState::Watched)].into();
            (name.clone(), Cluster { name, link, kinds, unreadable: BTreeMap::new() })
        });
        let rollouts = rollouts.into_iter().map(|((place, name), step)| {
            let mut rollout = rollout();
            rollout.key.environment = format!("e{place}").into();
            rollout.key.name = format!("r{name}").into();
            rollout.cluster = "c0".into();
            rollout.status.current_step_index = Some(step);
            (rollout.key.clone(), Arc::new(rollout))
        });
        Board {
            environments: Arc::new(environments),
            clusters: clusters.collect(),
            rollouts: rollouts.collect(),
        }
    })
}

fn environment(at: usize) -> Environment {
    Environment {
        name: format!("e{at}").into(),
        class: [Class::Dev, Class::Staging, Class::Prod][at],
        cluster: "c0".into(),
        namespaces: vec!["shop".into()],
        promotes_to: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn a_board_with_the_differences_applied_is_the_newer_one(old in board(), newer in board()) {
        let mut applied = old.clone();
        for change in old.diff(&newer) {
            applied.apply(change);
        }
        prop_assert_eq!(applied, newer);
    }

    #[test]
    fn equal_boards_do_not_differ(board in board()) {
        let text = serde_json::to_string(&board).expect("a board is JSON");
        let read: Board = serde_json::from_str(&text).expect("the same board");
        prop_assert_eq!(board.diff(&read), vec![]);
    }

    #[test]
    fn changes_survive_json(old in board(), newer in board()) {
        let changes = old.diff(&newer);
        let text = serde_json::to_string(&changes).expect("changes are JSON");
        prop_assert_eq!(serde_json::from_str::<Vec<Change>>(&text).ok(), Some(changes));
    }
}

#[test]
fn a_cluster_is_believed_only_while_its_rollouts_are_watched() {
    let broken = KindState::Broken { since: time(5), error: "cut".into() };
    for (kind, live) in [
        (None, false),
        (Some(KindState::Starting), false),
        (Some(KindState::Watched), true),
        (Some(KindState::NotInstalled), true),
        (Some(broken), false),
    ] {
        let mut cluster = Cluster::connecting("c".into(), time(1));
        assert_ne!(cluster.freshness(), Freshness::Live);
        cluster.link = Link::Live { since: time(2) };
        cluster.kinds = kind.clone().map(|kind| ("Rollout".to_owned(), kind)).into_iter().collect();
        assert_eq!(cluster.freshness() == Freshness::Live, live, "{kind:?}");
    }
}
