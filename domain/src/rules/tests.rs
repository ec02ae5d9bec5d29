use proptest::prelude::*;

use super::*;
use crate::{
    actor::{ActorKind, Grant, Scope},
    board::{Cluster, KindState, Link},
    command::{Expect, OnRollout},
    environment::Environment,
    rollout::tests as state,
};

fn actor(role: Option<Role>) -> Actor {
    let grants = role.map(|role| Grant { role, scope: Scope::Only(vec!["prod".into()]) });
    Actor {
        kind: ActorKind::Person,
        id: "one".into(),
        name: "one".into(),
        grants: grants.into_iter().collect(),
    }
}

fn board(rollout: Rollout, class: Class) -> Board {
    let mut cluster = Cluster::connecting("one".into(), state::time(1));
    cluster.link = Link::Live { since: state::time(2) };
    cluster.kinds = [("Rollout".to_owned(), KindState::Watched)].into();
    let environment = Environment {
        name: "prod".into(),
        class,
        cluster: "one".into(),
        namespaces: vec!["shop".into()],
        promotes_to: None,
    };
    Board {
        environments: Arc::new(vec![environment]),
        clusters: [(cluster.name.clone(), cluster)].into(),
        rollouts: [(rollout.key.clone(), Arc::new(rollout))].into(),
    }
}

fn subject() -> OnRollout {
    let reason = Some("errors rise".to_owned());
    OnRollout { rollout: state::rollout().key, reason, expect: Expect::default() }
}

/// `None` if it is permitted.
fn refusal(board: &Board, role: Option<Role>, command: &Command) -> Option<Refusal> {
    permit(command, board, &actor(role), state::time(3)).err()
}

fn sentence(board: &Board, role: Role, command: &Command) -> String {
    refusal(board, Some(role), command).map_or_else(|| "permitted".into(), |no| no.sentence)
}

type State = (&'static str, fn(&mut Rollout), bool, bool);

/// Each state with what it allows: resume, abort.
const STATES: [State; 16] = [
    ("gate", |_| (), true, true),
    ("timed pause", state::timed_pause, true, true),
    ("undecided", state::undecided, true, true),
    ("held", state::held, true, true),
    ("measuring", state::measuring, false, true),
    ("pods", state::progressing, false, true),
    ("healthy", state::healthy, false, false),
    (
        "healthy and held",
        |r| {
            state::healthy(r);
            state::held(r);
        },
        true,
        false,
    ),
    ("aborted", state::aborted, false, false),
    ("overdue", state::overdue, false, true),
    ("unseen", state::unseen, false, true),
    (
        "unseen after healthy",
        |r| {
            state::healthy(r);
            state::unseen(r);
        },
        false,
        false,
    ),
    ("first deploy", state::first_deploy, false, false),
    ("resumed a moment ago", |r| r.status.pause_conditions.clear(), false, true),
    ("blue/green", state::blue_green, true, true),
    ("experiment", |r| state::at(r, 7), false, true),
];

#[test]
fn an_act_needs_a_role_and_a_state_that_allow_it() {
    for (name, change, resume, abort) in STATES {
        for class in [Class::Dev, Class::Staging, Class::Prod] {
            let board = board(state::with(change), class);
            for role in Role::ALL {
                let releases = matches!(role, Role::Approver | Role::ReleaseManager);
                let may = releases || (role == Role::Developer && class == Class::Dev);
                let resumed = refusal(&board, Some(role), &Command::Resume(subject()));
                assert_eq!(resumed.is_none(), may && resume, "resume {name} {class:?} {role:?}");
                let may = releases || role == Role::Developer;
                let aborted = refusal(&board, Some(role), &Command::Abort(subject()));
                assert_eq!(aborted.is_none(), may && abort, "abort {name} {class:?} {role:?}");
                assert_eq!(
                    aborted.is_some_and(|no| no.rule == Rule::Role),
                    !may,
                    "{name} {role:?}"
                );
            }
        }
    }
}

#[test]
fn what_one_may_not_see_reads_like_what_does_not_exist() {
    let there = board(state::rollout(), Class::Prod);
    let mut empty = there.clone();
    empty.rollouts.clear();
    let hidden = refusal(&there, None, &Command::Resume(subject()));
    assert_eq!(hidden, refusal(&empty, Some(Role::ReleaseManager), &Command::Resume(subject())));
    assert_eq!(hidden.map(|no| no.rule), Some(Rule::Visible));
}

#[test]
fn rules_are_asked_in_order() {
    let mut board = board(state::with(state::aborted), Class::Prod);
    let mut subject = OnRollout { reason: Some("  ".into()), ..subject() };
    subject.expect.step = Some(u32::MAX);
    let rule = |board: &Board, role, subject: &OnRollout| {
        refusal(board, role, &Command::Abort(subject.clone())).map(|no| no.rule)
    };
    let live = board.clone();
    for cluster in board.clusters.values_mut() {
        cluster.link = Link::Stale { since: state::time(1), error: "it does not answer".into() };
    }
    let operator = Some(Role::Developer);
    assert_eq!(rule(&board, None, &subject), Some(Rule::Visible));
    assert_eq!(rule(&board, Some(Role::Viewer), &subject), Some(Rule::Role));
    assert_eq!(rule(&board, operator, &subject), Some(Rule::Fresh));
    assert_eq!(rule(&live, operator, &subject), Some(Rule::Unmoved));
    subject.expect.step = None;
    assert_eq!(rule(&live, operator, &subject), Some(Rule::State));
    let paused = self::board(state::rollout(), Class::Prod);
    assert_eq!(rule(&paused, operator, &subject), Some(Rule::Reason));
}

#[test]
fn every_refusal_says_what_to_do() {
    let resume = Command::Resume(subject());
    let abort = Command::Abort(subject());
    let mut told = vec![];
    for (name, change, ..) in STATES {
        let board = board(state::with(change), Class::Prod);
        for command in [&resume, &abort] {
            let sentence = sentence(&board, Role::Approver, command);
            told.push(format!("{name}, {}: {sentence}", command.action().verb()));
        }
    }
    told.retain(|line| !line.ends_with(": permitted"));
    let mut board = board(state::rollout(), Class::Prod);
    told.push(sentence(&board, Role::Viewer, &resume));
    let mut moved = subject();
    moved.expect = Expect { step: Some(1), pod_hash: Some("old".into()), ..Expect::default() };
    told.push(sentence(&board, Role::Approver, &Command::Resume(moved)));
    let silent = OnRollout { reason: None, ..subject() };
    told.push(sentence(&board, Role::Approver, &Command::Abort(silent)));
    for cluster in board.clusters.values_mut() {
        cluster.link = Link::Stale { since: state::time(1), error: "it does not answer".into() };
    }
    told.push(sentence(&board, Role::Approver, &resume));
    insta::assert_snapshot!(told.join("\n"), @r#"
    measuring, resume: A measurement decides this step. Resuming would skip it; wait for its verdict, or abort.
    pods, resume: It is not paused, so there is nothing to resume.
    healthy, resume: The version asked for is already fully live, so there is nothing to resume.
    healthy, abort: The version asked for is already fully live, so there is nothing to abort.
    healthy and held, abort: The version asked for is already fully live, so there is nothing to abort.
    aborted, resume: It was aborted, so there is nothing to resume. Revert the commit in Git.
    aborted, abort: It was aborted, so there is nothing to abort. Revert the commit in Git.
    overdue, resume: It is degraded, and resuming would not mend that. See what the controller says, then mend it in Git.
    unseen, resume: The controller has not taken in the newest change yet, so there is nothing to resume so far. Try again in a moment.
    unseen after healthy, resume: The controller has not taken in the newest change yet, so there is nothing to resume so far. Try again in a moment.
    unseen after healthy, abort: The controller has not taken in the newest change yet, so there is nothing to abort so far. Try again in a moment.
    first deploy, resume: It is not paused, so there is nothing to resume.
    first deploy, abort: This is the first deploy: there is no stable version to go back to. Change or remove it in Git.
    resumed a moment ago, resume: It was resumed a moment ago, so there is nothing to resume.
    experiment, resume: A measurement decides this step. Resuming would skip it; wait for its verdict, or abort.
    To resume in prod you need the role approver or release manager there. Ask one of them, or ask for the role.
    The rollout moved since you looked: its pods were old and are new, and it was at step 2 and is at step 6. Look again, then decide.
    An abort needs a reason. Say in a few words why.
    Cluster one is not seen live (it does not answer), so what you see may be out of date. Try again when it is back.
    "#);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn without_a_grant_nothing_is_permitted(board in crate::board::tests::board(), state in 0..STATES.len(), class in 0..3usize, abort in any::<bool>()) {
        let class = [Class::Dev, Class::Staging, Class::Prod][class];
        let own = self::board(state::with(STATES[state].1), class);
        for board in [&board, &own] {
            for key in board.rollouts.keys() {
                let subject = OnRollout { rollout: key.clone(), ..subject() };
                let command = if abort { Command::Abort(subject) } else { Command::Resume(subject) };
                prop_assert_eq!(refusal(board, None, &command).map(|no| no.rule), Some(Rule::Visible));
            }
        }
    }
}

#[test]
fn an_answer_to_one_pause_is_none_to_the_next() {
    let looked_at = state::rollout();
    let mut subject = subject();
    subject.expect.hold = looked_at.hold();
    let resume = Command::Resume(subject);
    assert!(looked_at.hold().is_some(), "the rollout of these tests is held");
    assert_eq!(refusal(&board(looked_at, Class::Prod), Some(Role::Approver), &resume), None);

    let held_again = state::with(|rollout| {
        for pause in &mut rollout.status.pause_conditions {
            pause.start_time = Some(state::time(77));
        }
    });
    let no = refusal(&board(held_again, Class::Prod), Some(Role::Approver), &resume);
    assert_eq!(no.map(|no| no.rule), Some(Rule::Unmoved));
}
