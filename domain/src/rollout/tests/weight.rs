use super::*;

#[test]
fn weights_follow_plan_router_and_pods() {
    let rows: Vec<(&str, Modifier, u32, Option<u32>)> = vec![
        ("at a step", |_| (), 60, Some(60)),
        ("the router lags", |r| r.status.canary_weight = Some(40), 60, Some(40)),
        ("the router says nothing", |r| r.status.canary_weight = None, 60, Some(60)),
        ("nothing available", |r| r.status.available_replicas = 0, 60, Some(0)),
        ("no index is step 0", |r| r.status.current_step_index = None, 20, Some(60)),
        ("past the steps", |r| r.status.current_step_index = Some(8), 100, Some(100)),
        (
            "an index beyond reason",
            |r| r.status.current_step_index = Some(u32::MAX),
            100,
            Some(100),
        ),
        ("no steps", |r| steps(r, vec![]), 100, Some(100)),
        ("no weight so far", |r| steps(r, vec![Step::PauseForPerson; 6]), 0, Some(60)),
        ("aborted", aborted, 0, Some(0)),
        ("fully promoted", healthy, 100, Some(100)),
        ("pods, no router", without_router, 60, Some(37)),
        (
            "more canary pods than pods",
            |r| {
                without_router(r);
                r.replica_sets[0].available = u32::MAX;
            },
            60,
            Some(100),
        ),
        (
            "canary's ReplicaSet unknown, no router",
            |r| {
                without_router(r);
                r.replica_sets.clear();
            },
            60,
            None,
        ),
        ("blue/green", blue_green, 0, None),
    ];
    for (name, change, set, actual) in rows {
        let rollout = with(change);
        assert_eq!((rollout.set_weight(), rollout.actual_weight()), (set, actual), "{name}");
    }
}

#[test]
fn a_weight_out_of_a_thousand_is_told_in_percent() {
    let rollout = with(|r| {
        steps(r, vec![Step::SetWeight(200), Step::PauseForPerson]);
        r.status.current_step_index = Some(1);
        if let Strategy::Canary(plan) = &mut r.spec.strategy {
            plan.max_weight = 1_000;
        }
    });
    assert_eq!((rollout.set_weight(), rollout.percent(200)), (200, 20));
    assert_eq!(rollout.short_words(), "20 %, waits for a person");
}
