//! A world that never stands still: a Rollout that says so gets its next version by itself.

use super::hash::digest_of;
use super::pass::{Outcome, Write};
use crate::kubernetes::kinds;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Annotation on a Rollout: seconds of health after which its next version begins.
pub const EVERY: &str = "sandbox.signalbox.dev/new-version-after-seconds";

/// Annotation on a Rollout: its next version does not begin before this time.
pub const NOT_BEFORE: &str = "sandbox.signalbox.dev/no-new-version-before";

/// The image of the version after `image`, with a digest of its own:
/// `repo/name:1.2.3@sha256:…` -> `repo/name:1.2.4@sha256:…`.
pub fn next_image(image: &str) -> String {
    let (name, tag) = name_and_tag(image);
    let tag = match tag.rsplit_once('.') {
        Some((front, last)) => format!("{front}.{}", last.parse::<u64>().unwrap_or_default() + 1),
        None => "1.0.1".to_owned(),
    };
    pinned(name, &tag)
}

/// A pretend image by name and tag, with the digest that belongs to it.
pub fn pinned(name: &str, tag: &str) -> String {
    format!("{name}:{tag}@{}", digest_of(&format!("{name}:{tag}")))
}

fn name_and_tag(image: &str) -> (&str, &str) {
    let plain = image.split('@').next().unwrap_or(image);
    match plain.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        Some(_) | None => (plain, "1.0.0"),
    }
}

/// Begins the next version of a Rollout that has been Healthy for as long as it says.
pub(crate) fn renew(now: Timestamp, rollout: &Value) -> Outcome {
    let mut outcome = Outcome::default();
    let every =
        rollout["metadata"]["annotations"][EVERY].as_str().and_then(|text| text.parse().ok());
    let conditions = rollout["status"]["conditions"].as_array().into_iter().flatten();
    let healthy = conditions.into_iter().find(|c| c["type"] == "Healthy" && c["status"] == "True");
    let since = healthy.and_then(|c| c["lastTransitionTime"].as_str()?.parse::<Timestamp>().ok());
    let (Some(every), Some(since), "Healthy") =
        (every, since, rollout["status"]["phase"].as_str().unwrap_or_default())
    else {
        return outcome;
    };
    let not_before = rollout["metadata"]["annotations"][NOT_BEFORE].as_str();
    let not_before = not_before.and_then(|text| text.parse().ok()).unwrap_or(since);
    let due = not_before.max(since + SignedDuration::from_secs(every));
    if now < due {
        outcome.wake = Some(due);
        return outcome;
    }
    let mut containers = rollout["spec"]["template"]["spec"]["containers"].clone();
    let image = containers[0]["image"].as_str().map(next_image);
    containers[0]["image"] = json!(image);
    let name = rollout["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    outcome.writes.push(Write::Patch { kind: &kinds::ROLLOUT, name, patch });
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_version_has_the_next_tag_and_its_own_digest() {
        let first = pinned("ghcr.io/example/cart", "1.4.9");
        let next = next_image(&first);
        assert!(next.starts_with("ghcr.io/example/cart:1.4.10@sha256:"), "{next}");
        assert_eq!(next.len(), "ghcr.io/example/cart:1.4.10@sha256:".len() + 64);
        assert_ne!(first.split('@').nth(1), next.split('@').nth(1));
    }
}
