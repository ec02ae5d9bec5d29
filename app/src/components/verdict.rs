//! Good, Bad or Unknown; and the runs that came to it.

use domain::analysis::{AnalysisKind, AnalysisPhase, AnalysisRun, MetricResult, Verdict};
use leptos::prelude::*;

use crate::ui::{
    Tone,
    chip::chip,
    table::{Column, table},
};

/// What came of it in a pill. What still runs has no verdict yet, and unknown is never green.
pub(crate) fn verdict(phase: Option<AnalysisPhase>) -> impl IntoView {
    match (phase, phase.map_or(Verdict::Unknown, AnalysisPhase::verdict)) {
        (None | Some(AnalysisPhase::Pending), _) => chip(Tone::Neutral, "Not started"),
        (Some(AnalysisPhase::Running), _) => chip(Tone::Announcement, "Measuring"),
        (_, Verdict::Good) => chip(Tone::Positive, "Good"),
        (_, Verdict::Bad) => chip(Tone::Negative, "Bad"),
        (_, Verdict::Unknown) => chip(Tone::Neutral, "Unknown"),
    }
}

/// The runs with their metrics, newest first.
pub(crate) fn runs(runs: &[AnalysisRun]) -> impl IntoView {
    let rows: Vec<_> = runs.iter().map(run).collect();
    table(
        "Analysis",
        vec![Column::new("Run"), Column::new("What was measured"), Column::new("Verdict")],
        rows,
    )
}

fn run(run: &AnalysisRun) -> impl IntoView + use<> {
    let metrics: Vec<_> = run.metrics.iter().map(metric).collect();
    let phase = run.phase.map_or("not started", |phase| phase.word());
    let about = format!("{}, revision {}", kind(run.kind), run.revision);
    view! {
        <tr class="entry">
            <td><b>{run.name.clone()}</b><br /><small>{about}</small></td>
            <td class="stack">
                {metrics}
                {run.message.clone().filter(|text| !text.is_empty()).map(|text| view! { <p>{text}</p> })}
            </td>
            <td>{verdict(run.phase)}" "<small>{phase}</small></td>
        </tr>
    }
}

fn kind(kind: AnalysisKind) -> &'static str {
    match kind {
        AnalysisKind::Step => "a step",
        AnalysisKind::Background => "in the background",
        AnalysisKind::PrePromotion => "before promotion",
        AnalysisKind::PostPromotion => "after promotion",
        AnalysisKind::Other => "started apart",
    }
}

fn metric(metric: &MetricResult) -> impl IntoView + use<> {
    let newest = metric.newest.as_deref().map(|value| match value {
        // What Prometheus answers where it has nothing to count.
        "[]" => "newest without data; ".to_owned(),
        value => format!("newest {value}; "),
    });
    let dry = if metric.dry_run { " A dry run: it decides nothing." } else { "" };
    let words = format!("{}{}.{dry}", newest.unwrap_or_default(), counts(metric));
    let message = metric.message.clone().filter(|text| !text.is_empty());
    view! {
        <p>
            {verdict(metric.phase)}" "<b>{metric.name.clone()}</b>{format!(": {words}")}
            {message.map(|text| format!(" {text}"))}
        </p>
    }
}

/// The measurements so far: "41 good", "3 good, 2 bad of 5".
pub(crate) fn counts(metric: &MetricResult) -> String {
    let all = metric.successful + metric.failed + metric.inconclusive + metric.error;
    if all == 0 {
        return "no measurement yet".into();
    }
    let parts: Vec<_> = [
        (metric.successful, "good"),
        (metric.failed, "bad"),
        (metric.inconclusive, "undecided"),
        (metric.error, "without an answer"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    format!("{} of {all}", parts.join(", "))
}
