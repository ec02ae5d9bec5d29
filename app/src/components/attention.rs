//! What needs a person: one sentence, one thing to do.

use domain::{
    board::Freshness,
    rollout::{Phase, Rollout},
};
use leptos::prelude::*;

use super::{address, id, phase_badge, since, version};
use crate::ui::{
    button::{self, Kind},
    time::time_ago,
};

/// The card of one rollout.
pub(crate) fn card(rollout: &Rollout, freshness: &Freshness) -> impl IntoView + use<> {
    let is_degraded = rollout.reading().phase == Phase::Degraded;
    let (kind, label) =
        if is_degraded { (Kind::Plain, "Look at it") } else { (Kind::Primary, "Decide") };
    let subject = rollout.key.name.to_string();
    let place = rollout.key.environment.to_string();
    let since = since::of(rollout).map(|at| (" · ", since::word(rollout), " ", time_ago(at)));
    view! {
        <div class="card attention" id=id::part(&rollout.key, 'a') data-tone=is_degraded.then_some("negative")>
            <span class="attention__phase">{phase_badge::of(rollout, freshness)}</span>
            <span><b>{subject}</b>" in "<b>{place}</b>": "{rollout.sentence()}</span>
            <small>{version::words(rollout)}{since}</small>
            {button::link(kind, address::rollout(&rollout.key), label)}
        </div>
    }
}
