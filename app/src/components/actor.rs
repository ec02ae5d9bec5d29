//! Who is signed in.

use domain::actor::{Actor, Scope};
use leptos::prelude::*;

/// Name, roles, and the way out.
pub(crate) fn signed_in(actor: &Actor) -> impl IntoView + use<> {
    view! {
        <small>{actor.name.clone()}<br />{roles(actor)}</small>
        <form method="post" action="/auth/sign-out">
            <button class="button">"Sign out"</button>
        </form>
    }
}

/// The roles with where they hold: "approver in prod, viewer everywhere".
pub(crate) fn roles(actor: &Actor) -> String {
    if actor.grants.is_empty() {
        return "no role: ask for one".into();
    }
    let grants: Vec<_> = actor
        .grants
        .iter()
        .map(|grant| match &grant.scope {
            Scope::Everywhere => format!("{} everywhere", grant.role.spoken()),
            Scope::Only(environments) => {
                let names: Vec<_> = environments.iter().map(|name| name.as_str()).collect();
                format!("{} in {}", grant.role.spoken(), names.join(", "))
            }
        })
        .collect();
    grants.join(" · ")
}
