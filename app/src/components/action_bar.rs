//! What can be done with a rollout, and what would happen.
//!
//! Each action is a plain form in a `<details>`: it opens and is sent without script. The hidden
//! fields say what the page shows, so they stand in the same fragment as what it shows; the reason
//! being typed survives every patch, also one that refuses the action for a while.

use domain::{
    command::Action,
    rollout::{Rollout, Step, Strategy},
    rules::Refusal,
};
use leptos::prelude::*;

use super::{address, refusal, version};
use crate::ui::{
    button::{Kind, submit},
    field::text_area,
};

/// The actions side by side.
pub(crate) fn action_bar(
    rollout: &Rollout,
    actions: &[(Action, Option<Refusal>)],
) -> impl IntoView + use<> {
    let panels: Vec<_> =
        actions.iter().map(|(action, refusal)| panel(rollout, *action, refusal.as_ref())).collect();
    view! { <div class="actions">{panels}</div> }
}

fn panel(rollout: &Rollout, action: Action, refused: Option<&Refusal>) -> impl IntoView + use<> {
    let why = refusal::sentence(refused);
    let (kind, label) = match action {
        Action::Resume => ("primary", "Resume"),
        Action::Abort => ("stop", "Abort"),
    };
    let verb = action.verb();
    let note = why.as_ref().map(|_| format!("{verb}-why"));
    let is_refused = why.is_some();
    let form = (!refusal::is_for_good(refused)).then(|| form(rollout, action, why.clone()));
    view! {
        <details class="panel" id=verb name="act">
            <summary
                class="button"
                data-kind=(!is_refused).then_some(kind)
                aria-disabled=is_refused.then_some("true")
                aria-describedby=note.clone()
                title=why.clone()
            >
                {label}
            </summary>
            <div class="panel__body">
                {why.map(|why| view! { <p id=note>{why}</p> })}
                {form}
            </div>
        </details>
    }
}

fn form(rollout: &Rollout, action: Action, why: Option<String>) -> impl IntoView + use<> {
    let facts = rollout.facts();
    let (kind, label, hint) = match action {
        Action::Resume => (Kind::Primary, "Resume (Argo: promote)", "What you looked at"),
        Action::Abort => (Kind::Stop, "Abort", "What is wrong"),
    };
    let verb = action.verb();
    let consequence = why.is_none().then(|| view! { <p>{consequence(rollout, action)}</p> });
    view! {
        // Off, or a browser that restores fields on reload brings back hidden ones that are past.
        <form method="post" action=address::action(&rollout.key, action) autocomplete="off">
            {consequence}
            <input type="hidden" name="resourceVersion" value=facts.resource_version />
            {facts.pod_hash.map(|hash| view! { <input type="hidden" name="podHash" value=hash /> })}
            <input type="hidden" name="step" value=facts.step />
            {rollout.hold().map(|hold| view! { <input type="hidden" name="hold" value=hold /> })}
            {text_area(
                format!("{verb}-reason"),
                "reason",
                "Reason, kept in the audit log",
                hint,
                action == Action::Abort,
            )}
            // The sentence stands above; the button refers to nothing twice.
            {match why {
                None => submit(kind, format!("{verb}-send"), label, None).into_any(),
                Some(_) => view! {
                    <button class="button" id=format!("{verb}-send") type="button" aria-disabled="true"
                        aria-describedby=format!("{verb}-why")>{label}</button>
                }
                .into_any(),
            }}
        </form>
    }
}

/// What happens next, before anybody presses.
pub(crate) fn consequence(rollout: &Rollout, action: Action) -> String {
    let desired = version::label(rollout.desired_version().as_ref());
    let stable = rollout
        .stable_version()
        .map_or_else(|| "the stable version".to_owned(), |version| version.label().to_owned());
    match (&rollout.spec.strategy, action) {
        (Strategy::BlueGreen(_), Action::Resume) => {
            format!("{desired} takes over all traffic; {stable} is kept for a while, then ends.")
        }
        (Strategy::BlueGreen(_), Action::Abort) => {
            format!(
                "The preview goes away. All traffic stays on {stable}. Git still asks for {desired}."
            )
        }
        (Strategy::Canary(plan), Action::Resume) => {
            let next = plan.steps.iter().skip(rollout.step_index() as usize + 1);
            let next = next.into_iter().find_map(|step| match step {
                Step::SetWeight(weight) => Some(format!("Traffic goes on to {weight} %.")),
                Step::Analysis => {
                    Some("An analysis runs next; it decides what follows.".to_owned())
                }
                Step::Experiment => {
                    Some("An experiment runs next; it decides what follows.".to_owned())
                }
                Step::Pause(_)
                | Step::PauseForPerson
                | Step::SetCanaryScale
                | Step::SetHeaderRoute
                | Step::SetMirrorRoute
                | Step::Plugin(_)
                | Step::Unknown => None,
            });
            next.unwrap_or_else(|| {
                format!("Traffic goes on to {} %: all of it is on {desired}.", plan.max_weight)
            })
        }
        (Strategy::Canary(plan), Action::Abort) => {
            let how = if plan.traffic_routing { "at once" } else { "as its pods come back" };
            format!("All traffic goes back to {stable} {how}. Git still asks for {desired}.")
        }
    }
}
