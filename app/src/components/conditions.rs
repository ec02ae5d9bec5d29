//! The conditions of a rollout's status, in words.

use domain::rollout::Condition;
use leptos::prelude::*;

use crate::ui::{Tone, chip::chip, time::time_ago};

/// The list: what, in words, since when.
pub(crate) fn conditions(conditions: &[Condition]) -> impl IntoView + use<> {
    let rows: Vec<_> = conditions
        .iter()
        .map(|condition| {
            let (tone, words) = words(condition);
            let said = match (condition.reason.as_str(), condition.message.as_str()) {
                ("", "") => String::new(),
                (reason, "") => reason.to_owned(),
                ("", message) => message.to_owned(),
                (reason, message) => format!("{reason}: {message}"),
            };
            view! {
                <div>
                    <dt>{chip(tone, condition.kind.clone())}</dt>
                    <dd>{words}" "<small>{said}</small></dd>
                    <dd><small>{condition.since.map(time_ago)}</small></dd>
                </div>
            }
        })
        .collect();
    view! { <dl class="conditions">{rows}</dl> }
}

/// What a condition means; one that is not known is given as it is, in no colour.
///
/// <https://github.com/argoproj/argo-rollouts/blob/v1.9.1/utils/conditions/conditions.go>
fn words(condition: &Condition) -> (Tone, String) {
    let (tone, words) = match (condition.kind.as_str(), condition.status.as_str()) {
        ("Available", "True") => (Tone::Positive, "Enough pods are available."),
        ("Available", "False") => (Tone::Negative, "Too few pods are available."),
        ("Progressing", "True") => (Tone::Neutral, "The rollout moves, or has arrived."),
        ("Progressing", "False") => (Tone::Negative, "The rollout does not get on."),
        ("Paused", "True") => (Tone::Warning, "The rollout is held."),
        ("Paused", "False") => (Tone::Neutral, "The rollout is not held."),
        ("Healthy", "True") => (Tone::Positive, "All is as it should be."),
        ("Healthy", "False") => (Tone::Neutral, "Not all is as it should be yet."),
        ("Completed", "True") => (Tone::Positive, "The version asked for is the one in use."),
        ("Completed", "False") => {
            (Tone::Neutral, "The version asked for is not the one in use yet.")
        }
        ("InvalidSpec", "False") => (Tone::Neutral, "The spec is valid."),
        ("InvalidSpec", _) => (Tone::Negative, "The spec is not valid: mend it in Git."),
        ("ReplicaFailure", "True") => (Tone::Negative, "Pods cannot be created or deleted."),
        (kind, status) => return (Tone::Neutral, format!("{kind} is {status}.")),
    };
    (tone, words.to_owned())
}
