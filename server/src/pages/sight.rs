//! What of the board somebody may see.

use domain::{
    EnvironmentName,
    actor::Actor,
    board::{Board, Change, Cluster, Freshness},
    environment::Environment,
};

use super::Address;

/// The environments somebody may see, in promotion order.
pub fn environments<'a>(
    board: &'a Board,
    actor: &'a Actor,
) -> impl Iterator<Item = &'a Environment> {
    board.environments.iter().filter(|environment| actor.may_see(&environment.name))
}

/// A cluster as somebody sees it: only if one of their environments is in it, and without the names
/// of objects in other people's namespaces.
pub fn cluster(cluster: &Cluster, board: &Board, actor: &Actor) -> Option<Cluster> {
    let mine: Vec<&Environment> =
        environments(board, actor).filter(|e| e.cluster == cluster.name).collect();
    if mine.is_empty() {
        return None;
    }
    let mut seen = cluster.clone();
    seen.unreadable.retain(|name, _| {
        let namespace = name.split([' ', '/']).nth(1);
        mine.iter()
            .flat_map(|environment| &environment.namespaces)
            .any(|mine| Some(mine.as_str()) == namespace)
    });
    Some(seen)
}

/// The clusters somebody may see.
pub fn clusters(board: &Board, actor: &Actor) -> Vec<Cluster> {
    board.clusters.values().filter_map(|found| cluster(found, board, actor)).collect()
}

/// The board of what somebody may see.
pub fn board(board: &Board, actor: &Actor) -> Board {
    Board {
        environments: environments(board, actor).cloned().collect::<Vec<_>>().into(),
        clusters: clusters(board, actor).into_iter().map(|c| (c.name.clone(), c)).collect(),
        rollouts: board
            .rollouts
            .iter()
            .filter(|(key, _)| actor.may_see(&key.environment))
            .map(|(key, rollout)| (key.clone(), rollout.clone()))
            .collect(),
    }
}

/// A change as somebody sees it.
pub fn change(change: &Change, board: &Board, actor: &Actor) -> Option<Change> {
    match change {
        Change::Rollout(rollout) => actor.may_see(&rollout.key.environment).then(|| change.clone()),
        Change::RolloutGone(key) => actor.may_see(&key.environment).then(|| change.clone()),
        Change::Cluster(found) => cluster(found, board, actor).map(Change::Cluster),
        Change::ClusterGone(_) => Some(change.clone()),
        Change::Environments(_) => Some(Change::Environments(
            environments(board, actor).cloned().collect::<Vec<_>>().into(),
        )),
    }
}

/// The oldest news among the clusters a page shows.
pub fn freshness(board: &Board, actor: &Actor, address: &Address) -> Freshness {
    let only: Option<&EnvironmentName> = match address {
        Address::Rollout(key) => Some(&key.environment),
        Address::Environments { .. }
        | Address::Rollouts(_)
        | Address::Connections
        | Address::Audit { .. } => None,
    };
    environments(board, actor)
        .filter(|environment| only.is_none_or(|name| environment.name == *name))
        .map(|environment| board.freshness(&environment.cluster))
        .reduce(worse)
        .unwrap_or(Freshness::Live)
}

fn worse(a: Freshness, b: Freshness) -> Freshness {
    match (&a, &b) {
        (Freshness::Live, _) => b,
        (_, Freshness::Live) => a,
        (Freshness::Stale { since: one, .. }, Freshness::Stale { since: other, .. }) => {
            if other < one { b } else { a }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        actor::{ActorKind, Grant, Role, Scope},
        environment::Class,
    };
    use jiff::Timestamp;

    use super::*;

    fn environment(name: &str, cluster: &str, namespace: &str) -> Environment {
        Environment {
            name: name.into(),
            class: Class::Dev,
            cluster: cluster.into(),
            namespaces: vec![namespace.into()],
            promotes_to: None,
        }
    }

    fn sees(name: &str) -> Actor {
        Actor {
            kind: ActorKind::Person,
            id: "1".into(),
            name: "viewer".into(),
            grants: vec![Grant { role: Role::Viewer, scope: Scope::Only(vec![name.into()]) }],
        }
    }

    fn two() -> Board {
        let mut here = Cluster::connecting("west".into(), Timestamp::UNIX_EPOCH);
        here.unreadable.insert("Rollout a/one".into(), "bad".into());
        here.unreadable.insert("Rollout b/two".into(), "bad".into());
        let there = Cluster::connecting("east".into(), Timestamp::UNIX_EPOCH);
        Board {
            environments: vec![
                environment("one", "west", "a"),
                environment("two", "west", "b"),
                environment("three", "east", "c"),
            ]
            .into(),
            clusters: [("west".into(), here), ("east".into(), there)].into(),
            ..Board::default()
        }
    }

    #[test]
    fn other_peoples_namespaces_and_clusters_are_not_named() {
        let seen = board(&two(), &sees("one"));
        assert_eq!(seen.environments.len(), 1);
        assert_eq!(seen.clusters.len(), 1);
        let unreadable: Vec<_> = seen.clusters[&"west".into()].unreadable.keys().collect();
        assert_eq!(unreadable, ["Rollout a/one"]);
        assert!(
            change(&Change::Cluster(two().clusters[&"east".into()].clone()), &two(), &sees("one"))
                .is_none()
        );
    }

    #[test]
    fn the_worst_of_the_clusters_on_a_page_counts() {
        let mut board = two();
        let now = Timestamp::UNIX_EPOCH;
        let address = Address::Connections;
        for cluster in board.clusters.values_mut() {
            cluster.link = domain::board::Link::Live { since: now };
            cluster.kinds.insert("Rollout".into(), domain::board::KindState::Watched);
        }
        assert_eq!(freshness(&board, &sees("one"), &address), Freshness::Live);
        let link = domain::board::Link::Stale { since: now, error: "gone".into() };
        board.clusters.get_mut(&"west".into()).unwrap().link = link;
        assert!(matches!(freshness(&board, &sees("one"), &address), Freshness::Stale { .. }));
        assert_eq!(freshness(&board, &sees("three"), &address), Freshness::Live);
    }
}
