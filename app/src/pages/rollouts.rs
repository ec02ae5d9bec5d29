//! `/rollouts`: all of them, filtered, sorted and paged.

use std::collections::BTreeMap;

use domain::{
    ClusterName, EnvironmentName,
    board::Freshness,
    listing::{Listing, PAGE_SIZE, Query, Sort},
    rollout::{Phase, Rollout},
};
use leptos::prelude::*;

use crate::{
    components::{address, id, markup, phase_badge, since, step_track, version},
    shell::{Fragment, Live},
    ui::{
        button::{self, Kind},
        empty_state::{empty_state, notice},
        field::{filter, select},
        pager::pager,
        table::{Column, Order, table},
        time::time_ago,
    },
};

/// One page of the list.
#[derive(Clone, Debug)]
pub struct RolloutsPage {
    pub query: Query,
    pub listing: Listing,
    /// What the filter offers.
    pub environments: Vec<EnvironmentName>,
    /// How far each cluster is believed.
    pub freshness: BTreeMap<ClusterName, Freshness>,
    /// "the Rollout kind is not installed in …" and the like; shown above the list.
    pub notes: Vec<String>,
}

impl RolloutsPage {
    fn freshness(&self, rollout: &Rollout) -> &Freshness {
        // One that is not named is what the board calls unknown: the server names all it shows.
        self.freshness.get(&rollout.cluster).unwrap_or(&Freshness::Live)
    }

    fn is_filtered(&self) -> bool {
        let Query { environment, phase, q, .. } = &self.query;
        environment.as_ref().is_some_and(|name| !name.as_str().is_empty())
            || [phase, q].into_iter().flatten().any(|text| !text.is_empty())
    }
}

pub(crate) fn draw(page: &RolloutsPage) -> AnyView {
    let Listing { rollouts, page: at, pages, .. } = &page.listing;
    let rows: Vec<_> = rollouts.iter().map(|rollout| row(page, rollout)).collect();
    let list = if rows.is_empty() {
        empty(page).into_any()
    } else {
        table("Rollouts", columns(&page.query), rows).into_any()
    };
    view! {
        <div class="head">
            <div><h1>"Rollouts"</h1>{count(page)}</div>
            {filters(page)}
        </div>
        {notes(page)}
        <div class="card rollouts">{list}</div>
        {pager(*at, *pages, |to| address::rollouts(&page.query, to))}
    }
    .into_any()
}

pub(crate) fn live(page: &RolloutsPage) -> Live {
    let mut shape = format!("{}/{}", page.listing.page, page.listing.pages);
    let mut parts = vec![
        Fragment { id: "count".into(), html: markup(count(page)) },
        Fragment { id: "notes".into(), html: markup(notes(page)) },
    ];
    for rollout in &page.listing.rollouts {
        let key = &rollout.key;
        shape.push(' ');
        shape.push_str(&id::rollout(key));
        parts.extend([
            Fragment { id: id::part(key, 'v'), html: markup(version_cell(rollout)) },
            Fragment { id: id::part(key, 'p'), html: markup(phase_cell(page, rollout)) },
            Fragment { id: id::part(key, 's'), html: markup(since_cell(rollout)) },
        ]);
    }
    Live { shape, parts }
}

fn columns(query: &Query) -> Vec<Column> {
    let sorted = |label: &str, sort: Sort| Column {
        sort_by: Some(address::rollouts(&Query { sort, ..query.clone() }, 1)),
        sorted: (query.sort == sort).then_some(Order::Ascending),
        ..Column::new(label)
    };
    vec![
        sorted("Rollout", Sort::Name),
        // Second, so that a phone shows it before anything must be scrolled.
        sorted("Phase", Sort::Phase),
        sorted("Environment", Sort::Environment),
        Column::new("Version"),
        Column::new("Last change"),
    ]
}

fn row(page: &RolloutsPage, rollout: &Rollout) -> impl IntoView + use<> {
    let key = &rollout.key;
    // The service is worth a word where the rollout is called something else.
    let service = (rollout.service.as_str() != key.name.as_str())
        .then(|| view! { " "<small>{rollout.service.to_string()}</small> });
    view! {
        <tr id=id::rollout(key)>
            <th scope="row"><a href=address::rollout(key)>{key.name.to_string()}</a>{service}</th>
            {phase_cell(page, rollout)}
            <td>{format!("{} · {}", key.environment, key.namespace)}</td>
            {version_cell(rollout)}
            {since_cell(rollout)}
        </tr>
    }
}

fn version_cell(rollout: &Rollout) -> impl IntoView + use<> {
    view! { <td id=id::part(&rollout.key, 'v')>{version::words(rollout)}</td> }
}

fn phase_cell(page: &RolloutsPage, rollout: &Rollout) -> impl IntoView + use<> {
    view! {
        <td id=id::part(&rollout.key, 'p')>
            {phase_badge::of(rollout, page.freshness(rollout))}{step_track::small(rollout)}
        </td>
    }
}

fn since_cell(rollout: &Rollout) -> impl IntoView + use<> {
    view! { <td id=id::part(&rollout.key, 's')>{since::of(rollout).map(time_ago)}</td> }
}

fn count(page: &RolloutsPage) -> impl IntoView + use<> {
    let Listing { rollouts, total, page: at, pages } = &page.listing;
    let noun = if *total == 1 { "rollout" } else { "rollouts" };
    let found = if page.is_filtered() { " found" } else { "" };
    let shown = if *pages > 1 {
        let first = (at - 1) * PAGE_SIZE;
        format!("; {} to {} shown", first + 1, first + rollouts.len())
    } else {
        String::new()
    };
    view! { <p id="count">{format!("{total} {noun}{found}{shown}.")}</p> }
}

fn notes(page: &RolloutsPage) -> impl IntoView + use<> {
    let stale = page.freshness.iter().filter_map(|(cluster, freshness)| {
        since::staleness(freshness).map(|words| format!("Cluster {cluster}: {words}"))
    });
    let notes: Vec<_> = stale
        .chain(page.notes.iter().cloned())
        .map(|note| notice(crate::ui::Tone::Warning, note))
        .collect();
    view! { <div class="stack" id="notes">{notes}</div> }
}

fn filters(page: &RolloutsPage) -> AnyView {
    let Query { environment, phase, q, sort, .. } = &page.query;
    let environments = [(String::new(), "All environments".to_owned())]
        .into_iter()
        .chain(page.environments.iter().map(|name| (name.to_string(), name.to_string())))
        .collect();
    let phases = [(String::new(), "All phases".to_owned())]
        .into_iter()
        .chain(Phase::ALL.map(|phase| (phase.word().to_owned(), phase.word().to_owned())))
        .collect();
    let sorts = Sort::ALL
        .map(|sort| {
            let words = match sort {
                Sort::Attention => "Needs a person first",
                Sort::Name => "By service",
                Sort::Environment => "By environment",
                Sort::Phase => "By phase",
            };
            (sort.word().to_owned(), words.to_owned())
        })
        .to_vec();
    // The word of a phase may have come in another case.
    let phase = phase.as_deref().and_then(Phase::from_word).map_or("", Phase::word);
    view! {
        <form class="filters" action="/rollouts">
            {filter("q", "Filter rollouts", q.clone().unwrap_or_default())}
            {select("environment", "Environment", environments, environment.as_ref().map_or("", |name| name.as_str()))}
            {select("phase", "Phase", phases, phase)}
            {select("sort", "Order", sorts, sort.word())}
            <button class="button">"Show"</button>
        </form>
    }
    .into_any()
}

fn empty(page: &RolloutsPage) -> impl IntoView + use<> {
    if page.is_filtered() {
        let all = button::link(Kind::Plain, "/rollouts", "Show all rollouts").into_any();
        return empty_state(
            "No rollout matches",
            "Filters look at service, name, namespace and version. All words must occur.",
            Some(all),
        );
    }
    let connections =
        button::link(Kind::Plain, "/connections", "Look at the connections").into_any();
    empty_state(
        "No rollouts yet",
        "Every Argo Rollout in the namespaces of your environments appears here by itself. If you expect some, see whether their cluster is connected.",
        Some(connections),
    )
}
