//! `/connections`: what Signalbox is connected to, and how well.

use domain::{
    board::{Cluster, KindState, Link},
    environment::Environment,
};
use leptos::prelude::*;

use crate::{
    components::{id, markup},
    shell::{Fragment, Live},
    ui::{Tone, chip::chip, empty_state::empty_state, time::time_ago},
};

/// The clusters, and what could not be read in them.
#[derive(Clone, Debug)]
pub struct ConnectionsPage {
    pub clusters: Vec<Cluster>,
    pub environments: Vec<Environment>,
}

pub(crate) fn draw(page: &ConnectionsPage) -> AnyView {
    let cards: Vec<_> = page.clusters.iter().map(|cluster| card(page, cluster)).collect();
    let cards = if cards.is_empty() {
        let empty = empty_state(
            "No cluster is connected",
            "Name one under [[clusters]] in signalbox.toml, and its namespaces under [[environments]]; or start Signalbox with a kubeconfig that reaches one.",
            None,
        );
        view! { <div class="card">{empty}</div> }.into_any()
    } else {
        cards.into_any()
    };
    view! {
        <div class="head"><div>
            <h1>"Connections"</h1>
            <p>"What Signalbox watches, and how well it sees it."</p>
        </div></div>
        {cards}
    }
    .into_any()
}

pub(crate) fn live(page: &ConnectionsPage) -> Live {
    let parts: Vec<_> = page
        .clusters
        .iter()
        .map(|cluster| Fragment {
            id: id::named('c', cluster.name.as_str()),
            html: markup(card(page, cluster)),
        })
        .collect();
    let ids: Vec<_> = parts.iter().map(|part| part.id.as_str()).collect();
    Live { shape: ids.join(" "), parts }
}

fn card(page: &ConnectionsPage, cluster: &Cluster) -> AnyView {
    let environments: Vec<_> = page
        .environments
        .iter()
        .filter(|environment| environment.cluster == cluster.name)
        .map(|environment| environment.name.to_string())
        .collect();
    let serves = if environments.is_empty() {
        "holds no environment you may see".to_owned()
    } else {
        format!("holds {}", environments.join(", "))
    };
    view! {
        <section class="card" id=id::named('c', cluster.name.as_str())>
            <div class="card__head">
                <h2>{format!("Cluster {}", cluster.name)}</h2>
                <small>{serves}</small>
            </div>
            {link(&cluster.link)}
            {kinds(cluster)}
            {unreadable(cluster)}
        </section>
    }
    .into_any()
}

fn link(link: &Link) -> AnyView {
    let (tone, word, then, since, error, mend) = match link {
        Link::Live { since } => (Tone::Positive, "Live", "connected ", *since, None, None),
        Link::Connecting { since, error } => (
            Tone::Announcement,
            "Connecting",
            "began ",
            *since,
            error.clone(),
            error.as_ref().map(|_| MEND),
        ),
        Link::Stale { since, error } => {
            (Tone::Warning, "Stale", "last seen ", *since, Some(error.clone()), Some(MEND))
        }
    };
    let error = error.map(|error| view! { <p>{format!("The last error: {error}")}</p> });
    let mend = mend.map(|mend| view! { <p><small>{mend}</small></p> });
    view! { <div class="pad stack"><p>{chip(tone, word)}" "{then}{time_ago(since)}</p>{error}{mend}</div> }.into_any()
}

/// How to mend a line that does not hold.
const MEND: &str = "Signalbox keeps trying by itself. Meanwhile what you see of this cluster is what was last seen, and nothing in it can be changed from here. See whether its API server answers, and whether the credentials in the kubeconfig still hold.";

fn kinds(cluster: &Cluster) -> AnyView {
    let rows: Vec<_> = cluster
        .kinds
        .iter()
        .map(|(kind, state)| {
            let (tone, verdict, words, since) = match state {
                KindState::Watched => (Tone::Positive, "Watched", "Changes are seen as they happen.".to_owned(), None),
                KindState::Starting => (Tone::Announcement, "Starting", "The first list has not arrived.".into(), None),
                KindState::NotInstalled => (Tone::Warning, "Not installed", missing(kind), None),
                KindState::Broken { since, error } => (
                    Tone::Negative,
                    "Broken",
                    format!("{error}. Signalbox tries again by itself; if it is about permission, give its ServiceAccount get, list and watch for this kind."),
                    Some(*since),
                ),
            };
            view! {
                <div>
                    <dt>{kind.clone()}</dt>
                    <dd>{words}" "{since.map(|since| ("It broke ", time_ago(since), "."))}</dd>
                    <dd>{chip(tone, verdict)}</dd>
                </div>
            }
        })
        .collect();
    if rows.is_empty() {
        return view! { <p class="pad quiet">"Nothing is watched yet."</p> }.into_any();
    }
    view! { <dl class="conditions">{rows}</dl> }.into_any()
}

fn missing(kind: &str) -> String {
    match kind {
        "Rollout" | "AnalysisRun" => format!(
            "{kind}: not installed in this cluster. Install Argo Rollouts, and it appears here by itself."
        ),
        kind => format!("{kind}: not installed in this cluster. It appears here once it is."),
    }
}

fn unreadable(cluster: &Cluster) -> Option<AnyView> {
    if cluster.unreadable.is_empty() {
        return None;
    }
    let count = cluster.unreadable.len();
    let words = if count == 1 {
        "1 object could not be read and is left out; everything else is shown.".to_owned()
    } else {
        format!("{count} objects could not be read and are left out; everything else is shown.")
    };
    let rows: Vec<_> = cluster
        .unreadable
        .iter()
        .map(|(name, error)| {
            view! { <div><dt class="mono">{name.clone()}</dt><dd>{error.clone()}</dd><dd></dd></div> }
        })
        .collect();
    Some(
        view! {
            <div class="card__head">
                <h2>"Unreadable objects "{chip(Tone::Warning, count.to_string())}</h2>
                <small>{words}</small>
            </div>
            <dl class="conditions">{rows}</dl>
            <p class="pad"><small>"Mend the object where it is made, in Git or by kubectl; it comes back by itself."</small></p>
        }
        .into_any(),
    )
}
