//! `/rollouts/{environment}/{namespace}/{name}`: one rollout, and what can be done with it.

use std::sync::Arc;

use domain::{
    audit::Entry,
    board::Freshness,
    command::Action,
    environment::Environment,
    rollout::{Rollout, Strategy, Wait},
    rules::Refusal,
};
use leptos::prelude::*;

use crate::{
    components::{
        action_bar::action_bar, conditions::conditions, entries::entries, markup, phase_badge,
        revisions::revisions, since, step_track, verdict, version,
    },
    shell::{Fragment, Live},
    ui::{
        Tone,
        chip::chip,
        empty_state::notice,
        time::{countdown, time_ago},
    },
};

/// One rollout.
#[derive(Clone, Debug)]
pub struct RolloutPage {
    pub rollout: Arc<Rollout>,
    pub environment: Environment,
    pub freshness: Freshness,
    /// Every action; refused ones with the rule's sentence.
    pub actions: Vec<(Action, Option<Refusal>)>,
    /// The newest acts on this rollout.
    pub history: Vec<Entry>,
}

/// A part of the page that is sent again by itself.
type Part = (&'static str, fn(&RolloutPage) -> AnyView);

/// In the order of the page. What is decided on and the forms that decide are one part, so that a
/// form never says another state than the one shown.
const PARTS: [Part; 6] = [
    ("now", now),
    ("facts", facts),
    ("revisions", revision_card),
    ("analysis", analysis),
    ("conditions", condition_card),
    ("history", history),
];

pub(crate) fn draw(page: &RolloutPage) -> AnyView {
    let parts: Vec<_> = PARTS.iter().map(|(_, draw)| draw(page)).collect();
    parts.into_any()
}

pub(crate) fn live(page: &RolloutPage) -> Live {
    let parts: Vec<_> = PARTS
        .iter()
        .map(|(id, draw)| Fragment { id: (*id).to_owned(), html: markup(draw(page)) })
        .collect();
    Live { shape: "rollout".into(), parts }
}

/// The head, the actions, what is going on, the track.
fn now(page: &RolloutPage) -> AnyView {
    let rollout = &page.rollout;
    let key = &rollout.key;
    let place = format!("{} · {} · cluster {}", key.environment, key.namespace, rollout.cluster);
    let stale = since::staleness(&page.freshness).map(|words| notice(Tone::Warning, words));
    view! {
        <section class="stack" id="now" aria-label="Now">
            <div class="head">
                <div><small>{place}</small><h1>{key.name.to_string()}</h1></div>
                {action_bar(rollout, &page.actions)}
            </div>
            {stale}
            <div class="card pad stack">
                {sentence(page)}
                <p><small>{times(rollout)}</small></p>
                {step_track::large(rollout)}
                <div class="row">{chips(rollout)}</div>
            </div>
        </section>
    }
    .into_any()
}

/// The phase's badge, and the sentence without the word the badge already says.
fn sentence(page: &RolloutPage) -> impl IntoView + use<> {
    let rollout = &page.rollout;
    let phase = rollout.reading().phase;
    let sentence = rollout.sentence();
    let (badge, rest) = match &page.freshness {
        Freshness::Stale { .. } => {
            (phase_badge::of(rollout, &page.freshness).into_any(), format!(". {sentence}"))
        }
        Freshness::Live => {
            let rest = match sentence.strip_prefix(phase.word()) {
                Some(rest) => rest.to_owned(),
                None => format!(": {sentence}"),
            };
            (phase_badge::badge(phase, phase.word().to_owned()).into_any(), rest)
        }
    };
    view! { <p class="sentence" data-announce=sentence>{badge}{rest}</p> }
}

fn times(rollout: &Rollout) -> impl IntoView + use<> {
    let since = since::of(rollout).map(|at| (since::word(rollout), " ", time_ago(at), ". "));
    let until = match rollout.wait() {
        Wait::Until { at } => Some(("Goes on ", countdown(at), ".")),
        Wait::Nothing
        | Wait::Person { .. }
        | Wait::Promotion { .. }
        | Wait::Undecided { .. }
        | Wait::Unpause
        | Wait::Analysis { .. }
        | Wait::Experiment
        | Wait::Pods
        | Wait::Controller
        | Wait::NewCommit { .. }
        | Wait::Repair => None,
    };
    (since, until)
}

fn chips(rollout: &Rollout) -> impl IntoView + use<> {
    let weights = rollout.canary().map(|plan| {
        let asked = rollout.set_weight();
        let (tone, seen) = match rollout.actual_weight() {
            Some(seen) if seen == asked => (Tone::Positive, format!("{seen} %")),
            Some(seen) => (Tone::Warning, format!("{seen} %")),
            None => (Tone::Neutral, "unknown".to_owned()),
        };
        let by = if plan.traffic_routing { "in force" } else { "in force by pods" };
        chip(tone, format!("asked {asked} % · {by} {seen}"))
    });
    let status = &rollout.status;
    let wanted = rollout.spec.replicas;
    let tone = if status.ready_replicas >= wanted { Tone::Neutral } else { Tone::Warning };
    let pods = match status.ready_replicas {
        // A canary runs beside the stable pods: more than asked for is as it should be.
        ready if ready >= wanted => format!("{ready} pods ready"),
        ready => format!("{ready} of {wanted} pods ready"),
    };
    let first = rollout.is_first_deploy().then(|| chip(Tone::Announcement, "first deploy"));
    let restarting = (rollout.spec.restart_at.is_some()
        && rollout.spec.restart_at != status.restarted_at)
        .then(|| chip(Tone::Announcement, "restarting"));
    let full = status.promote_full.then(|| chip(Tone::Announcement, "full promotion"));
    (
        weights,
        chip(Tone::Neutral, version::words(rollout)),
        chip(tone, pods),
        first,
        restarting,
        full,
    )
}

fn facts(page: &RolloutPage) -> AnyView {
    let rollout = &page.rollout;
    let version = |version: Option<domain::service::Version>| {
        version.map_or("none yet".to_owned(), |version| match &version.digest {
            Some(digest) => format!("{} · {digest}", version.label()),
            None => format!("{} · {}", version.label(), version.repository),
        })
    };
    let strategy = match &rollout.spec.strategy {
        Strategy::Canary(plan) if plan.steps.is_empty() => "Canary without steps".to_owned(),
        Strategy::Canary(plan) => {
            let by = if plan.traffic_routing { "traffic routing" } else { "numbers of pods" };
            format!("Canary in {} steps, split by {by}", plan.steps.len())
        }
        Strategy::BlueGreen(plan) if plan.auto_promotion => "Blue/green, promoted by itself".into(),
        Strategy::BlueGreen(_) => "Blue/green, promoted by a person".into(),
    };
    let status = &rollout.status;
    let pods = format!(
        "{} asked for, {} running, {} of the new version, {} available",
        rollout.spec.replicas, status.replicas, status.updated_replicas, status.available_replicas
    );
    let rows = [
        ("Service", rollout.service.to_string()),
        ("Stable version", version(rollout.stable_version())),
        ("Version asked for", version(rollout.desired_version())),
        ("Strategy", strategy),
        ("Pods", pods),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> })
        .collect();
    view! {
        <section class="card" id="facts">
            <div class="card__head"><h2>"Facts"</h2></div>
            <dl class="facts pad">{rows}</dl>
        </section>
    }
    .into_any()
}

fn revision_card(page: &RolloutPage) -> AnyView {
    let content = if page.rollout.replica_sets.is_empty() {
        quiet(
            "No ReplicaSet of this rollout is seen yet. Each revision appears here with its pods.",
        )
    } else {
        revisions(&page.rollout).into_any()
    };
    card("revisions", "Revisions", "newest first", content)
}

fn analysis(page: &RolloutPage) -> AnyView {
    let content = if page.rollout.analysis_runs.is_empty() {
        quiet(
            "Nothing was measured. A step of kind analysis, or a background analysis, shows its measurements and verdict here.",
        )
    } else {
        verdict::runs(&page.rollout.analysis_runs).into_any()
    };
    card("analysis", "Analysis", "newest first", content)
}

fn condition_card(page: &RolloutPage) -> AnyView {
    let content = if page.rollout.status.conditions.is_empty() {
        quiet("The controller has not written a condition yet.")
    } else {
        conditions(&page.rollout.status.conditions).into_any()
    };
    card("conditions", "Conditions", "as the controller reports them", content)
}

fn history(page: &RolloutPage) -> AnyView {
    let content = if page.history.is_empty() {
        quiet(
            "Nobody has resumed or aborted this rollout through Signalbox. Every attempt, and every refusal, appears here.",
        )
    } else {
        entries("What was done", &page.history).into_any()
    };
    card("history", "What was done", "newest first", content)
}

fn card(id: &'static str, title: &'static str, note: &'static str, content: AnyView) -> AnyView {
    view! {
        <section class="card" id=id>
            <div class="card__head"><h2>{title}</h2><small>{note}</small></div>
            {content}
        </section>
    }
    .into_any()
}

fn quiet(text: &'static str) -> AnyView {
    view! { <p class="pad quiet">{text}</p> }.into_any()
}
