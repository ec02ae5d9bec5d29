use super::*;

/// One word per station: its name, in brackets where the run is, with a star where it has been.
fn line(rollout: &Rollout) -> String {
    let words = rollout.track().into_iter().map(|station| {
        let name = match station.kind {
            StationKind::Weight(weight) => weight.to_string(),
            kind => format!("{kind:?}"),
        };
        match station.state {
            StationState::Done => format!("{name}*"),
            StationState::Here => format!("[{name}]"),
            StationState::Next => name,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_run_stands_where_it_is() {
    let rows: Vec<(&str, Modifier, &str)> = vec![
        ("at a gate", |_| (), "0* 20* 40* Analysis* 60* [Person] 80 Experiment 100"),
        ("timed pause", timed_pause, "0* [20] 40 Analysis 60 Person 80 Experiment 100"),
        ("healthy", healthy, "0* 20* 40* Analysis* 60* Person* 80* Experiment* 100*"),
        ("aborted", aborted, "[0] 20 40 Analysis 60 Person 80 Experiment 100"),
        (
            "overdue",
            |r| {
                overdue(r);
                r.status.current_step_index = Some(0);
            },
            "0* [20] 40 Analysis 60 Person 80 Experiment 100",
        ),
        (
            "unseen",
            |r| {
                healthy(r);
                unseen(r);
            },
            "[0] 20 40 Analysis 60 Person 80 Experiment 100",
        ),
        ("first deploy", first_deploy, "0* 20* 40* Analysis* 60* Person* 80* Experiment* [100]"),
        ("no steps", |r| steps(r, vec![]), ""),
        (
            "no weights",
            |r| {
                steps(r, vec![Step::Pause(5), Step::PauseForPerson]);
                at(r, 1);
            },
            "0* [Person] 100",
        ),
        (
            "leading gate",
            |r| {
                steps(r, vec![Step::PauseForPerson, Step::SetWeight(50)]);
                at(r, 0);
            },
            "0* [Person] 50 100",
        ),
        (
            "leading timed pause",
            |r| {
                steps(r, vec![Step::Pause(5), Step::SetWeight(50)]);
                at(r, 0);
            },
            "[0] 50 100",
        ),
        (
            "first weight is none",
            |r| {
                steps(r, vec![Step::SetWeight(0), Step::SetWeight(50)]);
                at(r, 0);
            },
            "[0] 50 100",
        ),
        (
            "same weight again",
            |r| {
                steps(r, vec![Step::SetWeight(20), Step::Pause(5), Step::SetWeight(20)]);
                at(r, 2);
            },
            "0* [20] 100",
        ),
        (
            "gate passed, time left",
            |r| {
                steps(r, vec![Step::SetWeight(20), Step::PauseForPerson, Step::Pause(5)]);
                at(r, 2);
            },
            "0* [20] Person* 100",
        ),
        (
            "gate after everything",
            |r| {
                steps(r, vec![Step::SetWeight(100), Step::PauseForPerson]);
                at(r, 1);
            },
            "0* 100* [Person] 100",
        ),
        (
            "all steps done",
            |r| {
                steps(r, vec![Step::SetWeight(100), Step::PauseForPerson]);
                at(r, 2);
            },
            "0* 100* Person* [100]",
        ),
        ("preview", blue_green, "[Preview] Active"),
        (
            "switched",
            |r| {
                blue_green(r);
                r.status.active_hash = Some("new".into());
            },
            "Preview* [Active]",
        ),
        (
            "blue/green healthy",
            |r| {
                blue_green(r);
                r.status.stable_hash = Some("new".into());
            },
            "Preview* Active*",
        ),
        (
            "blue/green aborted",
            |r| {
                blue_green(r);
                aborted(r);
            },
            "Preview Active",
        ),
    ];
    for (name, change, expected) in rows {
        assert_eq!(line(&with(change)), expected, "{name}");
    }
}
