//! Where pages and actions are found.

use std::fmt::Write;

use domain::{
    command::Action,
    listing::{Query, Sort},
    rollout::RolloutKey,
};

/// A rollout's page, relative to the root: lists stand there, and a short link costs less a hundred
/// times.
pub(crate) fn rollout(key: &RolloutKey) -> String {
    let RolloutKey { environment, namespace, name } = key;
    format!(
        "rollouts/{}/{}/{}",
        encode(environment.as_str()),
        encode(namespace.as_str()),
        encode(name.as_str())
    )
}

/// Where an action's form is sent.
pub(crate) fn action(key: &RolloutKey, action: Action) -> String {
    format!("/api/v1/{}/{}", rollout(key), action.verb())
}

/// The list as asked for, at a page; what is as usual is left out.
pub(crate) fn rollouts(query: &Query, page: usize) -> String {
    let mut address = "/rollouts".to_owned();
    let mut separator = '?';
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = write!(address, "{separator}{name}={}", encode(value));
            separator = '&';
        }
    };
    put("environment", query.environment.as_ref().map_or("", |name| name.as_str()));
    put("phase", query.phase.as_deref().unwrap_or_default());
    put("q", query.q.as_deref().unwrap_or_default());
    put("sort", if query.sort == Sort::default() { "" } else { query.sort.word() });
    put("page", &if page > 1 { page.to_string() } else { String::new() });
    address
}

/// Percent-encodes what is not unreserved: <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_what_differs_from_the_usual() {
        assert_eq!(rollouts(&Query::default(), 1), "/rollouts");
        let query = Query {
            environment: Some("prod".into()),
            q: Some("a b&c".into()),
            sort: Sort::Name,
            ..Query::default()
        };
        assert_eq!(rollouts(&query, 3), "/rollouts?environment=prod&q=a%20b%26c&sort=name&page=3");
    }

    #[test]
    fn a_name_cannot_leave_its_place_in_the_address() {
        let key =
            RolloutKey { environment: "../x".into(), namespace: "a?b".into(), name: "c#d".into() };
        assert_eq!(rollout(&key), "rollouts/..%2Fx/a%3Fb/c%23d");
    }
}
