//! The revisions of a rollout with their pods.

use domain::rollout::{ReplicaSet, Rollout, Strategy};
use domain::service::Version;
use leptos::prelude::*;

use crate::ui::{
    Tone,
    chip::chip,
    table::{Column, table},
    time::time_ago,
};

/// Revisions shown; older ones only wait to be forgotten by the controller.
const SHOWN: usize = 10;

/// The table, newest first.
pub(crate) fn revisions(rollout: &Rollout) -> impl IntoView + use<> {
    let rows: Vec<_> =
        rollout.replica_sets.iter().take(SHOWN).map(|set| row(rollout, set)).collect();
    table(
        "Revisions",
        vec![
            Column::new("Revision"),
            Column::new("Version"),
            Column { is_number: true, ..Column::new("Ready") },
            Column::new("Created"),
        ],
        rows,
    )
}

fn row(rollout: &Rollout, set: &ReplicaSet) -> impl IntoView + use<> {
    let tags: Vec<_> =
        tags(rollout, set).into_iter().map(|(tone, word)| (chip(tone, word), " ")).collect();
    let version = set.images.first().map(|image| Version::from_image(image));
    let label = version.as_ref().map_or("unknown", Version::label).to_owned();
    let digest = version
        .as_ref()
        .filter(|version| version.tag.is_some())
        .and_then(|version| version.short_digest().map(str::to_owned));
    let ready = if set.desired == 0 && set.ready == 0 {
        "scaled down".to_owned()
    } else {
        format!("{}/{}", set.ready, set.desired)
    };
    view! {
        <tr>
            <th scope="row">{set.revision}</th>
            <td>{tags}{label}" "{digest.map(|digest| view! { <code>{digest}</code> })}</td>
            <td class="num">{ready}</td>
            <td>{set.created_at.map(time_ago)}</td>
        </tr>
    }
}

/// What a revision is to the rollout, as upstream tags it: stable before canary, active before
/// preview.
///
/// <https://github.com/argoproj/argo-rollouts/blob/v1.9.1/pkg/kubectl-argo-rollouts/info/rollout_info.go>
pub(crate) fn tags(rollout: &Rollout, set: &ReplicaSet) -> Vec<(Tone, &'static str)> {
    let status = &rollout.status;
    let is = |hash: &Option<String>| set.pod_hash.is_some() && set.pod_hash == *hash;
    let mut tags = vec![];
    if is(&status.stable_hash) {
        tags.push((Tone::Neutral, "stable"));
    }
    match &rollout.spec.strategy {
        Strategy::Canary(_) => {
            if !is(&status.stable_hash) && is(&status.current_pod_hash) {
                tags.push((Tone::Warning, "canary"));
            }
        }
        Strategy::BlueGreen(_) => {
            if is(&status.active_hash) {
                tags.push((Tone::Positive, "active"));
            } else if is(&status.preview_hash) {
                tags.push((Tone::Announcement, "preview"));
            }
        }
    }
    tags
}
