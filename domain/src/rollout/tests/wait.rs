use super::*;

#[test]
fn every_state_names_what_ends_it() {
    let since = Some(time(1_000));
    let rows: Vec<(&str, Modifier, Wait)> = vec![
        ("a pause without end", |_| (), Wait::Person { since }),
        ("a timed pause", timed_pause, Wait::Until { at: time(1_180) }),
        (
            "a timed pause without a start",
            |r| {
                timed_pause(r);
                r.status.pause_conditions[0].start_time = None;
            },
            Wait::Controller,
        ),
        (
            "a pause longer than time itself",
            |r| steps(r, vec![Step::Pause(u64::MAX); 6]),
            Wait::Controller,
        ),
        (
            "a timed pause and an undecided analysis",
            |r| {
                timed_pause(r);
                undecided(r);
            },
            Wait::Undecided { since },
        ),
        (
            "a timed pause, held in the spec",
            |r| {
                timed_pause(r);
                held(r);
            },
            Wait::Unpause,
        ),
        (
            "a reason of a newer controller",
            |r| r.status.pause_conditions = vec![pause(PauseReason::from_word("Moon"))],
            Wait::Person { since },
        ),
        ("healthy", healthy, Wait::Nothing),
        (
            "healthy, held in the spec",
            |r| {
                healthy(r);
                held(r);
            },
            Wait::Unpause,
        ),
        ("aborted", aborted, Wait::NewCommit { since: Some(time(2_000)) }),
        ("abort not yet acted on", |r| r.status.abort = true, Wait::Controller),
        ("overdue", overdue, Wait::Repair),
        ("unseen", unseen, Wait::Controller),
        ("resumed", |r| r.status.pause_conditions.clear(), Wait::Controller),
        ("a running analysis", measuring, Wait::Analysis { name: "errors-3".into() }),
        ("an experiment", |r| at(r, 7), Wait::Experiment),
        ("pods", |r| at(r, 4), Wait::Pods),
        ("first deploy", first_deploy, Wait::Pods),
        ("blue/green", blue_green, Wait::Promotion { since }),
    ];
    for (name, change, wait) in rows {
        assert_eq!(with(change).wait(), wait, "{name}");
    }
}

#[test]
fn a_preview_switches_by_itself_only_after_a_given_time() {
    for (seconds, wait) in [
        (Some(30), Wait::Until { at: time(1_030) }),
        (Some(0), Wait::Promotion { since: Some(time(1_000)) }),
    ] {
        let rollout = with(|r| {
            blue_green(r);
            let plan = BlueGreenPlan { auto_promotion: true, auto_promotion_seconds: seconds };
            r.spec.strategy = Strategy::BlueGreen(plan);
        });
        assert_eq!(rollout.wait(), wait, "{seconds:?}");
    }
}
