use domain::actor::ActorKind;

use super::*;

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
