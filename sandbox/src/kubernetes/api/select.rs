//! Label and field selectors.
//! Grammar: kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api

use super::status::Failure;
use crate::kubernetes::store::{name_of, namespace_of};
use serde_json::Value;

/// Which objects a list or watch is about; every requirement has to hold.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Selector(Vec<Requirement>);

#[derive(Debug, PartialEq)]
enum Requirement {
    Label(String, Test),
    Name(Test),
    Namespace(Test),
}

#[derive(Debug, PartialEq)]
enum Test {
    Exists,
    Missing,
    In(Vec<String>),
    /// A label that is missing also passes.
    NotIn(Vec<String>),
}

impl Selector {
    pub(crate) fn parse(labels: Option<&str>, fields: Option<&str>) -> Result<Selector, Failure> {
        let mut requirements = Vec::new();
        for term in split_terms(labels.unwrap_or_default()) {
            let (key, test) = parse_term(term).ok_or_else(|| {
                Failure::bad_request(format!("unable to parse requirement: {term}"))
            })?;
            requirements.push(Requirement::Label(key, test));
        }
        for term in split_terms(fields.unwrap_or_default()) {
            requirements.push(match parse_term(term) {
                Some((field, test)) if field == "metadata.name" => Requirement::Name(test),
                Some((field, test)) if field == "metadata.namespace" => {
                    Requirement::Namespace(test)
                }
                Some((field, _)) => {
                    return Err(Failure::bad_request(format!(
                        "field label not supported: {field}"
                    )));
                }
                None => {
                    return Err(Failure::bad_request(format!("invalid field selector: {term}")));
                }
            });
        }
        Ok(Selector(requirements))
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::Name(test) => test.holds(Some(name_of(object))),
            Requirement::Namespace(test) => test.holds(Some(namespace_of(object))),
            Requirement::Label(key, test) => {
                test.holds(object["metadata"]["labels"].get(key).and_then(Value::as_str))
            }
        })
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Test::Exists => value.is_some(),
            Test::Missing => value.is_none(),
            Test::In(allowed) => value.is_some_and(|v| allowed.iter().any(|a| a == v)),
            Test::NotIn(refused) => !value.is_some_and(|v| refused.iter().any(|r| r == v)),
        }
    }
}

/// Splits at commas that are not inside `in (…)`.
fn split_terms(selector: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    selector
        .split(|c| {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            c == ',' && depth == 0
        })
        .map(str::trim)
        .filter(|term| !term.is_empty())
        .collect()
}

fn parse_term(term: &str) -> Option<(String, Test)> {
    if let Some(open) = term.find('(') {
        let values = term[open + 1..].strip_suffix(')')?;
        let values = values.split(',').map(|v| v.trim().to_owned()).collect();
        let (key, word) = term[..open].trim().rsplit_once(char::is_whitespace)?;
        let test = match word {
            "in" => Test::In(values),
            "notin" => Test::NotIn(values),
            _ => return None,
        };
        return Some((checked_key(key)?, test));
    }
    if let Some((key, value)) = term.split_once("!=") {
        return Some((checked_key(key)?, Test::NotIn(vec![value.trim().to_owned()])));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Some((checked_key(key)?, Test::In(vec![value.trim().to_owned()])));
    }
    match term.strip_prefix('!') {
        Some(key) => Some((checked_key(key)?, Test::Missing)),
        None => Some((checked_key(term)?, Test::Exists)),
    }
}

fn checked_key(key: &str) -> Option<String> {
    let key = key.trim();
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    (!key.is_empty() && key.chars().all(legal)).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn matches(selector: &str) -> bool {
        let object = json!({"metadata": {"name": "cart", "namespace": "shop",
            "labels": {"app": "cart", "tier": "web"}}});
        Selector::parse(Some(selector), None).unwrap().matches(&object)
    }

    #[test]
    fn label_selectors_read_as_kubernetes_writes_them() {
        for (selector, expected) in [
            ("", true),
            ("app=cart", true),
            ("app==cart,tier=web", true),
            ("app=cart,tier=db", false),
            ("app!=cart", false),
            ("absent!=x", true),
            ("app in (cart, pay),tier", true),
            ("app notin (cart)", false),
            ("absent notin (cart)", true),
            ("tier", true),
            ("!tier", false),
            ("!absent", true),
        ] {
            assert_eq!(matches(selector), expected, "{selector}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for selector in ["app in cart)", "app within (a)", "=x", "a b"] {
            assert!(Selector::parse(Some(selector), None).is_err(), "{selector}");
        }
        assert!(Selector::parse(None, Some("spec.nodeName=a")).is_err());
    }

    #[test]
    fn a_field_selector_picks_by_name() {
        let object = json!({"metadata": {"name": "cart", "namespace": "shop"}});
        let picks = |fields| Selector::parse(None, Some(fields)).unwrap().matches(&object);
        assert!(picks("metadata.name=cart"));
        assert!(picks("metadata.name=cart,metadata.namespace=shop"));
        assert!(!picks("metadata.name=pay"));
    }
}
