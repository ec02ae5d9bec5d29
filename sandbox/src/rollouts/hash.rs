//! Stable names for pod templates and step lists.
//!
//! The real controller hashes Go's print of the object; ours only has to be stable, different for
//! different content, and to look the same: ten letters and digits without vowels.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Kubernetes' alphabet for generated names: no vowels, so no words
/// (<https://github.com/kubernetes/apimachinery/blob/master/pkg/util/rand/rand.go>).
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The value of label `rollouts-pod-template-hash` for a pod template.
pub(crate) fn pod_template_hash(template: &Value) -> String {
    name_of(template)
}

/// The value of `status.currentStepHash` for `spec.strategy.canary.steps`.
pub(crate) fn step_hash(steps: &Value) -> String {
    name_of(steps)
}

/// An image digest for a word, so that a pretend image has a name like a real one.
pub(crate) fn digest_of(word: &str) -> String {
    let hex: String = Sha256::digest(word).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn name_of(value: &Value) -> String {
    let mut hasher = Sha256::new();
    feed(&mut hasher, value);
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]);
    hasher.finalize().iter().take(10).map(letter).collect()
}

/// Feeds a value with sorted keys and without nulls: two spellings of one template are one.
fn feed(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().filter(|(_, value)| !value.is_null()).collect();
            fields.sort_by_key(|(name, _)| *name);
            hasher.update(b"{");
            for (name, value) in fields {
                hasher.update(name.as_bytes());
                hasher.update(b":");
                feed(hasher, value);
            }
            hasher.update(b"}");
        }
        Value::Array(items) => {
            hasher.update(b"[");
            for item in items {
                feed(hasher, item);
                hasher.update(b",");
            }
            hasher.update(b"]");
        }
        plain => hasher.update(plain.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_hash_depends_on_the_content_and_on_nothing_else() {
        let one = json!({"spec": {"a": 1, "b": [2, 3]}, "x": null});
        let same = json!({"spec": {"b": [2, 3], "a": 1}});
        let other = json!({"spec": {"a": 1, "b": [3, 2]}});
        assert_eq!(pod_template_hash(&one), pod_template_hash(&same));
        assert_ne!(pod_template_hash(&one), pod_template_hash(&other));
        assert_eq!(pod_template_hash(&one).len(), 10);
    }
}
