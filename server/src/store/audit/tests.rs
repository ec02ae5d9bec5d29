use domain::{
    actor::{Grant, Role, Scope},
    command::{Action, Expect, OnRollout},
    rollout::Phase,
    rules::{self, Rule},
};

use super::*;
use crate::systems::rollouts::write::tests::board_with;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn actor(role: Role) -> Actor {
    Actor {
        kind: ActorKind::Person,
        id: "https://login.example#1".into(),
        name: role.word().into(),
        grants: vec![Grant { role, scope: Scope::Everywhere }],
    }
}

fn command(environment: &str) -> Command {
    Action::Abort.on(OnRollout {
        rollout: RolloutKey {
            environment: environment.into(),
            namespace: "shop".into(),
            name: "checkout".into(),
        },
        reason: Some(" errors ".into()),
        expect: Expect::default(),
    })
}

fn permit() -> Permit {
    let board = board_with(&crate::systems::rollouts::write::tests::paused());
    rules::permit(&command("prod"), &board, &actor(Role::Approver), NOW).unwrap()
}

fn context() -> Context {
    Context { session: Some("hash".into()), address: Some([192, 0, 2, 1].into()) }
}

async fn store() -> Store {
    Store::open("sqlite::memory:").await.unwrap()
}

async fn refuse(store: &Store, environment: &str) -> i64 {
    let refusal = Refusal { rule: Rule::Role, sentence: "You may not.".into() };
    let actor = actor(Role::Viewer);
    refused(store, &actor, &command(environment), &refusal, None, NOW, &context()).await.unwrap()
}

fn done() -> Completion {
    Completion { outcome: Outcome::Done, after: None, detail: None }
}

#[tokio::test]
async fn an_act_is_written_before_and_completed_after() {
    let store = store().await;
    let audited = begin(&store, &permit(), &context()).await.unwrap();
    let begun = list(&store, None, 10).await.unwrap().remove(0);
    assert_eq!((begun.sequence, begun.outcome, begun.completed_at), (1, None, None));
    assert_eq!(begun.reason.as_deref(), Some("errors"));
    assert_eq!(begun.actor_name, "approver");
    assert_eq!(begun.before.as_ref().unwrap().phase, Phase::Paused);

    let after = Facts { aborted: true, ..begun.before.clone().unwrap() };
    let completion = Completion { after: Some(after.clone()), ..done() };
    let later = NOW + jiff::SignedDuration::from_secs(1);
    complete(&store, &audited, &completion, later).await.unwrap();
    let completed = list(&store, None, 10).await.unwrap().remove(0);
    let expected = Entry {
        outcome: Some(Outcome::Done),
        after: Some(after),
        completed_at: Some(later),
        ..begun
    };
    assert_eq!(completed, expected);
    assert!(complete(&store, &audited, &completion, later).await.is_err(), "once");
}

#[tokio::test]
async fn refusals_are_entries_like_any_other_and_numbers_have_no_gaps() {
    let store = store().await;
    for expected in 1..=3 {
        assert_eq!(refuse(&store, "prod").await, expected);
    }
    let entries = list(&store, None, 2).await.unwrap();
    let sequences: Vec<_> = entries.iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, [3, 2], "newest first");
    assert_eq!(entries[0].outcome, Some(Outcome::Refused));
    assert_eq!(
        (entries[0].rule.as_str(), entries[0].detail.as_deref()),
        ("role", Some("You may not."))
    );
    assert_eq!(list(&store, Some(2), 10).await.unwrap()[0].sequence, 1, "pages go on");
}

#[tokio::test]
async fn only_the_environments_one_may_see_are_listed() {
    let store = store().await;
    for environment in ["dev", "prod", "dev", "prod"] {
        refuse(&store, environment).await;
    }
    let dev = list_in(&store, &["dev".into()], None, 2).await.unwrap();
    assert_eq!(dev.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [3, 1]);
    assert!(list_in(&store, &[], None, 10).await.unwrap().is_empty());
    let key = command("prod").subject().rollout.clone();
    assert_eq!(of_rollout(&store, &key, 1).await.unwrap()[0].sequence, 4);
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_the_past() {
    let store = store().await;
    refuse(&store, "prod").await;
    let open = begin(&store, &permit(), &context()).await.unwrap();
    let table = [
        "delete from audit",
        "delete from audit where outcome is null",
        "update audit set reason = 'another' where sequence = 1",
        "update audit set detail = 'another' where sequence = 1",
        "update audit set outcome = 'done' where sequence = 1",
        "update audit set actor_id = 'x', outcome = 'done', completed_at = 'x' where sequence = 2",
        "update audit set before = null, outcome = 'done', completed_at = 'x' where sequence = 2",
        "update audit set sequence = 9, outcome = 'done', completed_at = 'x' where sequence = 2",
        "update audit set after = '{}' where sequence = 2",
        "update audit set outcome = 'fine', completed_at = 'x' where sequence = 2",
        "update audit set outcome = 'done' where sequence = 2",
        "insert or replace into audit (sequence, at, actor_kind, actor_id, actor_name, action,
            environment, namespace, rollout, sentence, rule)
         values (1, '', '', '', '', '', '', '', '', '', '')",
        "insert into audit (sequence, at, actor_kind, actor_id, actor_name, action,
            environment, namespace, rollout, sentence, rule)
         values (7, '', '', '', '', '', '', '', '', '', '')",
    ];
    let before = list(&store, None, 10).await.unwrap();
    for statement in table {
        assert!(sqlx::query(statement).execute(&store.write).await.is_err(), "{statement}");
    }
    assert_eq!(list(&store, None, 10).await.unwrap(), before);
    complete(&store, &open, &done(), NOW).await.unwrap();
}

#[tokio::test]
async fn what_a_stopped_server_left_open_is_closed_as_unknown_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("signalbox.db").display());
    let store = Store::open(&url).await.unwrap();
    refuse(&store, "prod").await;
    begin(&store, &permit(), &context()).await.unwrap();
    store.close().await;

    let store = Store::open(&url).await.unwrap();
    assert_eq!(close_unfinished(&store, NOW).await.unwrap(), 1);
    let entry = list(&store, None, 1).await.unwrap().remove(0);
    assert_eq!((entry.sequence, entry.outcome), (2, Some(Outcome::Unknown)));
    assert_eq!(entry.detail.as_deref(), Some(CUT_OFF));
    assert_eq!(close_unfinished(&store, NOW).await.unwrap(), 0);
}

#[tokio::test]
async fn without_the_log_there_is_no_proof() {
    let store = store().await;
    store.close().await;
    assert!(begin(&store, &permit(), &context()).await.is_err());
}
