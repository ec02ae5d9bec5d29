//! `/`: which version of which service is where.

use std::sync::Arc;

use domain::{ServiceName, board::Freshness, environment::Environment, rollout::Rollout};
use leptos::prelude::*;

use crate::{
    components::{address, attention, id, markup, phase_badge, since, step_track, version},
    shell::{Fragment, Live},
    ui::{
        button::{self, Kind},
        empty_state::empty_state,
        field::filter,
        time::{time_ago, time_exact},
    },
};

/// The matrix of services and environments.
#[derive(Clone, Debug)]
pub struct EnvironmentsPage {
    /// The columns, in promotion order, each with how far its cluster is believed.
    pub environments: Vec<(Environment, Freshness)>,
    /// Sorted by name.
    pub services: Vec<ServiceRow>,
    /// What needs a person, most urgent first.
    pub attention: Vec<Arc<Rollout>>,
    /// The filter as typed.
    pub q: String,
}

/// One service across the environments.
#[derive(Clone, Debug)]
pub struct ServiceRow {
    pub service: ServiceName,
    /// In the order of the columns; a service may have several rollouts in one environment.
    pub cells: Vec<Vec<Arc<Rollout>>>,
}

impl EnvironmentsPage {
    fn freshness_of(&self, rollout: &Rollout) -> &Freshness {
        self.environments
            .iter()
            .find(|(environment, _)| environment.name == rollout.key.environment)
            .map_or(&Freshness::Live, |(_, freshness)| freshness)
    }
}

pub(crate) fn draw(page: &EnvironmentsPage) -> AnyView {
    let matrix =
        if page.services.is_empty() { empty(page).into_any() } else { matrix(page).into_any() };
    view! {
        <div class="head">
            <div><h1>"Environments"</h1><p>{summary(page)}</p></div>
            <form class="filters" action="/">{filter("q", "Filter services", page.q.clone())}</form>
        </div>
        {attention_cards(page)}
        <div class="card">{matrix}</div>
    }
    .into_any()
}

pub(crate) fn live(page: &EnvironmentsPage) -> Live {
    let mut shape = String::new();
    let mut parts = vec![];
    for rollout in &page.attention {
        let id = id::part(&rollout.key, 'a');
        shape.push_str(&id);
        parts.push(Fragment {
            id,
            html: markup(attention::card(rollout, page.freshness_of(rollout))),
        });
    }
    for (environment, freshness) in &page.environments {
        let id = id::named('e', environment.name.as_str());
        shape.push_str(&id);
        parts.push(Fragment { id, html: markup(column(environment, freshness)) });
    }
    for row in &page.services {
        shape.push('\n');
        shape.push_str(row.service.as_str());
        for ((_, freshness), rollouts) in page.environments.iter().zip(&row.cells) {
            shape.push('|');
            for rollout in rollouts {
                let key = &rollout.key;
                shape.push_str(&id::rollout(key));
                parts.extend([
                    Fragment { id: id::part(key, 'v'), html: markup(version_link(rollout)) },
                    Fragment { id: id::part(key, 'p'), html: markup(state(rollout, freshness)) },
                    Fragment { id: id::part(key, 's'), html: markup(age(rollout)) },
                ]);
            }
        }
    }
    Live { shape, parts }
}

fn summary(page: &EnvironmentsPage) -> String {
    let names: Vec<_> = page.environments.iter().map(|(e, _)| e.name.to_string()).collect();
    let across = match names.split_last() {
        None => return "No environment is configured that you may see.".into(),
        Some((only, [])) => format!("in {only}"),
        Some((last, rest)) => format!("across {} and {last}", rest.join(", ")),
    };
    let count = page.services.len();
    let noun = if count == 1 { "service" } else { "services" };
    let found = if page.q.trim().is_empty() {
        String::new()
    } else {
        format!(" with “{}”", page.q.trim())
    };
    format!("{count} {noun}{found} {across}.")
}

fn attention_cards(page: &EnvironmentsPage) -> Option<impl IntoView + use<>> {
    if page.attention.is_empty() {
        return None;
    }
    let cards: Vec<_> = page
        .attention
        .iter()
        .map(|rollout| attention::card(rollout, page.freshness_of(rollout)))
        .collect();
    Some(view! { <section class="stack" aria-label="Needs attention">{cards}</section> })
}

fn matrix(page: &EnvironmentsPage) -> impl IntoView + use<> {
    let columns: Vec<_> = page
        .environments
        .iter()
        .map(|(environment, freshness)| column(environment, freshness))
        .collect();
    let rows: Vec<_> = page.services.iter().map(|row| service(page, row)).collect();
    view! {
        <table class="matrix">
            <caption class="unseen">"Which version of which service is where"</caption>
            <thead><tr><th scope="col">"Service"</th>{columns}</tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn column(environment: &Environment, freshness: &Freshness) -> impl IntoView + use<> {
    let stale = match freshness {
        Freshness::Live => None,
        Freshness::Stale { since, why } => Some(view! {
            <br /><small>"Not seen since "{time_exact(*since)}": "{why.clone()}</small>
        }),
    };
    view! {
        <th scope="col" id=id::named('e', environment.name.as_str())>
            {environment.name.to_string()}{stale}
        </th>
    }
}

fn service(page: &EnvironmentsPage, row: &ServiceRow) -> impl IntoView + use<> {
    let cells: Vec<_> = page
        .environments
        .iter()
        .zip(&row.cells)
        .map(|((environment, freshness), rollouts)| {
            let label = environment.name.to_string();
            let rollouts: Vec<_> = rollouts
                .iter()
                .map(|rollout| cell(rollout, freshness, rollouts.len() > 1))
                .collect();
            // A cell without rollouts stays empty: the style sheet leaves it out on a phone.
            view! { <td data-label=label>{rollouts}</td> }
        })
        .collect();
    view! {
        <tr id=id::named('w', row.service.as_str())>
            <th scope="row">{row.service.to_string()}</th>
            {cells}
        </tr>
    }
}

fn cell(rollout: &Rollout, freshness: &Freshness, is_one_of_many: bool) -> impl IntoView + use<> {
    let name = is_one_of_many
        .then(|| format!("{}/{}", rollout.key.namespace, rollout.key.name))
        .map(|name| view! { <small>{name}</small> });
    view! {
        <div class="cell">
            {name}{version_link(rollout)}{state(rollout, freshness)}{age(rollout)}
        </div>
    }
}

fn version_link(rollout: &Rollout) -> impl IntoView + use<> {
    let key = &rollout.key;
    view! {
        <a class="cell__version" id=id::part(key, 'v') href=address::rollout(key)>
            {version::words_and_digest(rollout).into_any()}
        </a>
    }
}

fn state(rollout: &Rollout, freshness: &Freshness) -> impl IntoView + use<> {
    view! {
        <div id=id::part(&rollout.key, 'p')>
            {phase_badge::of(rollout, freshness)}{step_track::small(rollout)}
        </div>
    }
}

fn age(rollout: &Rollout) -> impl IntoView + use<> {
    let since = since::of(rollout).map(|at| (since::word(rollout), " ", time_ago(at)));
    view! { <small id=id::part(&rollout.key, 's')>{since}</small> }
}

fn empty(page: &EnvironmentsPage) -> impl IntoView + use<> {
    if !page.q.trim().is_empty() {
        let all = button::link(Kind::Plain, "/", "Show all services").into_any();
        return empty_state(
            "No service matches",
            "The filter looks at the names of services.",
            Some(all),
        );
    }
    let connections =
        button::link(Kind::Plain, "/connections", "Look at the connections").into_any();
    empty_state(
        "Nothing is deployed here yet",
        "As soon as a connected cluster has an Argo Rollout in a namespace of one of your environments, its service appears as a row, with its version and progress in each environment.",
        Some(connections),
    )
}
