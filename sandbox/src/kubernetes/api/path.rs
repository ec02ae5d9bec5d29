//! From a URL path to what it names.

use crate::kubernetes::kinds::Kind;

/// What a request is about.
#[derive(Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) kind: &'static Kind,
    /// `None` is the whole cluster.
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

impl Target {
    /// The resource as access rules write it, with the subresource.
    pub(crate) fn rule_resource(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.kind.plural),
            None => self.kind.plural.to_owned(),
        }
    }
}

/// Reads `/api/v1/…` and `/apis/{group}/{version}/…`; `None` if no kind of the table is named.
pub(crate) fn parse(path: &str) -> Option<Target> {
    let mut words: Vec<String> = Vec::new();
    for word in path.trim_matches('/').split('/') {
        words.push(percent_decode(word)?);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (group, version, rest) = match words.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] if !group.is_empty() => (*group, *version, rest),
        _ => return None,
    };
    let (namespace, rest) = match rest {
        // `/namespaces/{name}` and its subresources are the Namespace itself.
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] if group.is_empty() => {
            (None, rest)
        }
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
        rest => (None, rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (*plural, None, None),
        [plural, name] => (*plural, Some(*name), None),
        [plural, name, subresource] => (*plural, Some(*name), Some(*subresource)),
        _ => return None,
    };
    let kind = Kind::find_plural(group, version, plural)?;
    if namespace.is_some() != kind.namespaced && (namespace.is_some() || name.is_some()) {
        return None;
    }
    Some(Target {
        kind,
        namespace: namespace.map(str::to_owned),
        name: name.map(str::to_owned),
        subresource: subresource.map(str::to_owned),
    })
}

fn percent_decode(word: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(path: &str) -> Option<String> {
        let t = parse(path)?;
        Some(format!("{} {:?} {:?} {:?}", t.kind.plural, t.namespace, t.name, t.subresource))
    }

    #[test]
    fn a_path_names_a_kind_a_place_and_a_part() {
        let cases = [
            ("/api/v1/pods", r#"pods None None None"#),
            ("/api/v1/namespaces/shop/pods/a", r#"pods Some("shop") Some("a") None"#),
            ("/api/v1/namespaces", r#"namespaces None None None"#),
            ("/api/v1/namespaces/shop", r#"namespaces None Some("shop") None"#),
            ("/api/v1/namespaces/shop/status", r#"namespaces None Some("shop") Some("status")"#),
            (
                "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/cart/status",
                r#"rollouts Some("shop") Some("cart") Some("status")"#,
            ),
            ("/apis/argoproj.io/v1alpha1/rollouts", r#"rollouts None None None"#),
        ];
        for (path, expected) in cases {
            assert_eq!(words(path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn other_paths_name_nothing() {
        for path in [
            "/",
            "/apis/argoproj.io/v1alpha1",
            "/apis/argoproj.io/v2/rollouts",
            "/apis/argoproj.io/v1alpha1/rollouts/cart",
            "/api/v1/namespaces/shop/nodes",
            "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/cart/status/more",
            "/api/v1/namespaces/%zz/pods",
        ] {
            assert_eq!(words(path), None, "{path}");
        }
    }
}
