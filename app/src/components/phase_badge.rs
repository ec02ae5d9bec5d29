//! Phase: a shape, a word, a colour, in that order.

use domain::{
    board::Freshness,
    rollout::{Phase, Rollout},
};
use leptos::prelude::*;

use crate::ui::icon::{Shape, icon};

fn shape(phase: Phase) -> (Shape, &'static str) {
    match phase {
        Phase::Healthy => (Shape::Disc, "healthy"),
        Phase::Progressing => (Shape::HalfDisc, "progressing"),
        Phase::Paused => (Shape::Bars, "paused"),
        Phase::Degraded => (Shape::Triangle, "degraded"),
    }
}

/// A phase with words of its own.
pub(crate) fn badge(phase: Phase, words: String) -> impl IntoView + use<> {
    let (shape, name) = shape(phase);
    view! { <b class="phase" data-phase=name>{icon(shape)}{words}</b> }
}

/// What a row says of a rollout. What is not seen live is not called healthy: it has no known
/// phase, only the one last seen.
pub(crate) fn of(rollout: &Rollout, freshness: &Freshness) -> impl IntoView + use<> {
    match freshness {
        Freshness::Live => badge(rollout.reading().phase, rollout.short_words()).into_any(),
        Freshness::Stale { .. } => {
            let words = format!("Last seen: {}", rollout.short_words());
            view! { <b class="phase" data-phase="unknown">{icon(Shape::Ring)}{words}</b> }
                .into_any()
        }
    }
}
