use super::*;

#[test]
fn a_rollout_survives_json() {
    for change in [aborted, measuring, blue_green, undecided] {
        let rollout = with(change);
        let text = serde_json::to_string(&rollout).expect("a rollout is JSON");
        let read: Rollout = serde_json::from_str(&text).expect("the same rollout");
        assert_eq!(read, rollout);
    }
}

#[test]
fn reasons_to_hold_are_plain_words_known_or_not() {
    for word in ["CanaryPauseStep", "BlueGreenPause", "InconclusiveExperiment", "Moon"] {
        let reason = PauseReason::from_word(word);
        let json = serde_json::to_value(&reason).expect("a reason is JSON");
        assert_eq!(json, serde_json::json!(word));
        assert_eq!(serde_json::from_value::<PauseReason>(json).ok(), Some(reason));
    }
}
