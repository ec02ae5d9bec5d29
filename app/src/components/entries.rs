//! Entries of the audit log.

use domain::{
    audit::{Entry, Outcome},
    rollout::Facts,
};
use leptos::prelude::*;

use crate::ui::{
    Tone,
    chip::chip,
    table::{Column, table},
    time::time_exact,
};

/// The table, as given: newest first.
pub(crate) fn entries(caption: &'static str, entries: &[Entry]) -> impl IntoView + use<> {
    let rows: Vec<_> = entries.iter().map(row).collect();
    table(
        caption,
        vec![
            Column::new("Time"),
            Column::new("Who"),
            Column::new("What"),
            Column::new("Outcome"),
            Column::new("Before and after"),
        ],
        rows,
    )
}

fn row(entry: &Entry) -> impl IntoView + use<> {
    let (tone, word) = outcome(entry.outcome);
    let reason = entry.reason.clone().map(|reason| view! { <p>{format!("“{reason}”")}</p> });
    let decided =
        (entry.outcome == Some(Outcome::Refused)).then(|| format!("Rule {}: ", entry.rule));
    let detail = entry.detail.clone().unwrap_or_default();
    view! {
        <tr class="entry" id=format!("entry-{}", entry.sequence)>
            <td class="mono">{time_exact(entry.at)}</td>
            <td>{entry.actor_name.clone()}<br /><small>{entry.actor_id.clone()}</small></td>
            <td>{entry.sentence.clone()}{reason}</td>
            <td>{chip(tone, word)}" "<small>{decided}{detail}</small></td>
            <td>{change(entry.before.as_ref(), entry.after.as_ref())}</td>
        </tr>
    }
}

/// The outcome in a pill; none yet is under way, which is no success either.
fn outcome(outcome: Option<Outcome>) -> (Tone, &'static str) {
    match outcome {
        Some(Outcome::Done) => (Tone::Positive, "Done"),
        Some(Outcome::Refused) => (Tone::Warning, "Refused"),
        Some(Outcome::Failed) => (Tone::Negative, "Failed"),
        Some(Outcome::Unknown) => (Tone::Negative, "Unknown: it may have happened"),
        None => (Tone::Announcement, "Under way"),
    }
}

fn change(before: Option<&Facts>, after: Option<&Facts>) -> String {
    match (before, after) {
        (None, None) => String::new(),
        (Some(before), None) => facts(before),
        (None, Some(after)) => format!("→ {}", facts(after)),
        (Some(before), Some(after)) => format!("{} → {}", facts(before), facts(after)),
    }
}

/// The facts in a few words: "Paused, step 6, 60 %".
fn facts(facts: &Facts) -> String {
    let mut words = format!("{}, step {}", facts.phase.word(), facts.step + 1);
    if let Some(weight) = facts.weight {
        words.push_str(&format!(", {weight} %"));
    }
    if facts.aborted {
        words.push_str(", aborted");
    }
    words
}
