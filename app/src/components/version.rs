//! Versions: the label people use, and the digest that tells which one it is.

use domain::{rollout::Rollout, service::Version};
use leptos::prelude::*;

/// The label, or a dash where nothing is known yet.
pub(crate) fn label(version: Option<&Version>) -> String {
    version.map_or("unknown", Version::label).to_owned()
}

/// What runs; while a new version takes over, from which to which.
pub(crate) fn words(rollout: &Rollout) -> String {
    let desired = rollout.desired_version();
    match rollout.stable_version() {
        Some(stable) if Some(&stable) != desired.as_ref() => {
            format!("{} → {}", stable.label(), label(desired.as_ref()))
        }
        _ => label(desired.as_ref()),
    }
}

/// The words and the digest asked for, where the image names one beside its tag.
pub(crate) fn words_and_digest(rollout: &Rollout) -> impl IntoView + use<> {
    let digest = rollout
        .desired_version()
        .filter(|version| version.tag.is_some())
        .and_then(|version| version.short_digest().map(str::to_owned));
    (words(rollout), digest.map(|digest| view! { <code>{digest}</code> }))
}
