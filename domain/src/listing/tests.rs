use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    actor::{ActorKind, Grant, Role, Scope},
    environment::{Class, Environment},
    rollout::tests::{aborted, healthy, with},
};

fn viewer(scope: Scope) -> Actor {
    Actor {
        kind: ActorKind::Person,
        id: "viewer".into(),
        name: "viewer".into(),
        grants: vec![Grant { role: Role::Viewer, scope }],
    }
}

/// Rollouts of `dev` and `prod` in turn; every third is healthy, every third aborted.
fn board(count: usize) -> Board {
    let environment = |name: &str, class| Environment {
        name: name.into(),
        class,
        cluster: "one".into(),
        namespaces: vec![],
        promotes_to: None,
    };
    let rollouts = (0..count).map(|at| {
        let rollout = with(|r| {
            [healthy, aborted, |_: &mut Rollout| ()][at % 3](r);
            r.service = format!("service-{at:04}").into();
            r.key.name = format!("web-{at:04}").into();
            r.key.environment = ["dev", "prod"][at % 2].into();
        });
        (rollout.key.clone(), Arc::new(rollout))
    });
    Board {
        environments: Arc::new(vec![
            environment("dev", Class::Dev),
            environment("prod", Class::Prod),
        ]),
        clusters: std::collections::BTreeMap::new(),
        rollouts: rollouts.collect(),
    }
}

#[test]
fn the_list_shows_what_is_asked_for_and_may_be_seen() {
    let board = board(12);
    let prod = Scope::Only(vec!["prod".into()]);
    let query = |phase: &str, q: &str| Query {
        phase: Some(phase.into()),
        q: Some(q.into()),
        ..Query::default()
    };
    for (name, scope, query, total) in [
        ("everything", Scope::Everywhere, Query::default(), 12),
        ("one environment seen", prod.clone(), Query::default(), 6),
        ("nothing seen", Scope::Only(vec![]), Query::default(), 0),
        ("a phase", Scope::Everywhere, query("degraded", ""), 4),
        ("no such phase", Scope::Everywhere, query("sleeping", ""), 0),
        ("all words must occur", Scope::Everywhere, query("", "SHOP web-0003"), 1),
        ("a version", prod.clone(), query("", "2"), 6),
        (
            "an environment one may not see",
            prod,
            Query { environment: Some("dev".into()), ..Query::default() },
            0,
        ),
    ] {
        assert_eq!(list(&board, &viewer(scope), &query).total, total, "{name}");
    }
}

#[test]
fn what_needs_a_person_stands_first() {
    let listing = list(&board(6), &viewer(Scope::Everywhere), &Query::default());
    let words: Vec<_> = listing.rollouts.iter().map(|r| r.short_words()).collect();
    assert_eq!(
        words,
        [
            "Aborted, back on 1",
            "Aborted, back on 1",
            "60 %, waits for a person",
            "60 %, waits for a person",
            "Healthy",
            "Healthy"
        ]
    );
}

#[test]
fn pages_past_either_end_are_the_nearest_page() {
    let board = board(250);
    for (asked, page, rows) in [(0, 1, 100), (1, 1, 100), (3, 3, 50), (usize::MAX, 3, 50)] {
        let query = Query { page: Some(asked), ..Query::default() };
        let listing = list(&board, &viewer(Scope::Everywhere), &query);
        assert_eq!((listing.page, listing.pages, listing.rollouts.len()), (page, 3, rows));
    }
}

#[test]
fn five_thousand_rollouts_are_listed_in_every_order() {
    let board = board(5_000);
    for sort in Sort::ALL {
        let listing = list(&board, &viewer(Scope::Everywhere), &Query { sort, ..Query::default() });
        assert_eq!((listing.total, listing.pages, listing.rollouts.len()), (5_000, 50, 100));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn the_pages_together_are_the_whole_list(count in 0..230usize, order in 0..4usize, dev in any::<bool>()) {
        let board = board(count);
        let environment = dev.then(|| "dev".into());
        let page = |page| Query { environment: environment.clone(), sort: Sort::ALL[order], page: Some(page), ..Query::default() };
        let actor = viewer(Scope::Everywhere);
        let first = list(&board, &actor, &page(1));
        let all: Vec<_> = (1..=first.pages).flat_map(|at| list(&board, &actor, &page(at)).rollouts).collect();
        let keys: BTreeSet<_> = all.iter().map(|rollout| rollout.key.clone()).collect();
        let expected: BTreeSet<_> = board.rollouts.keys().filter(|key| !dev || key.environment.as_str() == "dev").cloned().collect();
        prop_assert_eq!(all.len(), first.total);
        prop_assert_eq!(keys.len(), all.len());
        prop_assert_eq!(keys, expected);
    }
}
