use domain::{
    actor::ActorKind,
    command::{Action, Expect},
};

use super::*;
use crate::systems::rollouts::write::tests::{OneObject, object, patches, paused, permit};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn entry(sequence: i64, outcome: Option<Outcome>, seconds: i64) -> Entry {
    Entry {
        sequence,
        at: NOW + SignedDuration::from_secs(seconds),
        actor_kind: ActorKind::Person,
        actor_id: "id".into(),
        actor_name: "approver".into(),
        action: "rollout.resume".into(),
        environment: "prod".into(),
        sentence: String::new(),
        reason: None,
        rule: "role".into(),
        before: None,
        after: None,
        outcome,
        detail: None,
        completed_at: None,
    }
}

#[test]
fn who_was_first_is_named_if_the_log_knows() {
    let now = NOW + RECENT + SignedDuration::from_secs(5);
    let own = entry(9, None, 605);
    let table = [
        (entry(8, Some(Outcome::Done), 600), Some("approver was first to resume it.")),
        (entry(8, None, 600), Some("approver is about to resume it.")),
        (entry(8, Some(Outcome::Refused), 600), None),
        (entry(8, Some(Outcome::Failed), 600), None),
        (entry(8, Some(Outcome::Done), 4), None),
    ];
    for (other, words) in table {
        let said = first(&[own.clone(), other.clone()], 9, now);
        assert_eq!(said.as_deref(), words, "{other:?}");
    }
}

async fn resume(world: &OneObject, store: &Store) -> Result<Done, ActionError> {
    let permit = permit(&paused(), Action::Resume, Expect::default());
    let clock = Clock::stepped(NOW);
    carry_out(world.client(), store.clone(), clock, permit, Context::default()).await
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_done() {
    let world = OneObject::new(paused());
    let store = Store::open("sqlite::memory:").await.unwrap();
    store.close().await;
    let result = resume(&world, &store).await;
    assert!(matches!(result, Err(ActionError::NotAudited(_))), "{result:?}");
    assert!(patches(&world).is_empty(), "the cluster was not asked");
    assert_eq!(object(&world), paused());
}

#[tokio::test]
async fn two_at_the_same_moment_have_one_effect_and_both_are_written_down() {
    let world = OneObject::new(paused());
    let store = Store::open("sqlite::memory:").await.unwrap();
    let (one, two) = tokio::join!(resume(&world, &store), resume(&world, &store));
    let (done, other) = if one.is_ok() { (one, two) } else { (two, one) };
    let done = done.unwrap();
    match other {
        Err(ActionError::Moved(why)) => {
            assert!(why.starts_with("approver "), "who was first: {why}")
        }
        other => panic!("{other:?}"),
    }
    let mut entries = audit::list(&store, None, 10).await.unwrap();
    entries.sort_by_key(|entry| entry.sequence != done.sequence);
    let outcomes: Vec<_> = entries.iter().map(|entry| entry.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Done), Some(Outcome::Failed)]);
    assert_eq!(entries[0].before.as_ref(), Some(&done.before));
    assert_eq!(entries[0].after.as_ref(), Some(&done.after));
    assert!(entries[1].detail.as_deref().unwrap().contains("no longer paused"));
}
