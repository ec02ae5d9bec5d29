use super::*;

fn sent(content_type: &str) -> HeaderMap {
    [(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap())].into_iter().collect()
}

fn reads(content_type: &str, body: &'static str) -> Result<Body, String> {
    read(&sent(content_type), &Bytes::from_static(body.as_bytes()))
}

#[test]
fn json_and_form_say_the_same() {
    let json = r#"{"reason": "errors & more", "expect": {"resourceVersion": "7", "podHash": "abc", "step": 4}}"#;
    let json = reads("application/json; charset=utf-8", json).unwrap();
    let form = "reason=errors+%26+more&resourceVersion=7&podHash=abc&step=4";
    let form = reads(FORM, form).unwrap();
    assert_eq!(json.reason.as_deref(), Some("errors & more"));
    assert_eq!(json.expect.step, Some(4));
    assert_eq!((json.reason, json.expect), (form.reason, form.expect));
}

#[test]
fn an_empty_field_says_nothing() {
    for body in ["", "reason=&resourceVersion=&podHash=&step="] {
        let form = reads(FORM, body).unwrap();
        assert_eq!((form.reason, form.expect), (None, Expect::default()), "{body:?}");
    }
    let nothing = read(&HeaderMap::new(), &Bytes::new()).unwrap();
    assert_eq!(nothing.reason, None);
}

#[test]
fn what_is_wrong_is_told_with_what_was_expected() {
    let table = [
        ("application/json", "{", "EOF"),
        ("application/json", r#"{"expects": {}}"#, "expects"),
        ("application/json", r#"{"expect": {"step": "4"}}"#, "step"),
        ("application/json", r#"{"expect": {"uid": "4"}}"#, "uid"),
        (FORM, "step=four", "four"),
        (FORM, "step=-1", "-1"),
        (FORM, "role=admin", "role"),
        ("text/plain", "reason=x", "text/plain"),
    ];
    for (content_type, body, named) in table {
        let error = reads(content_type, body).unwrap_err();
        assert!(error.contains("podHash") && error.contains(named), "{body}: {error}");
    }
    let long = Bytes::from(format!("reason={}", "a".repeat(LONGEST_REASON + 1)));
    let error = read(&sent(FORM), &long).unwrap_err();
    assert!(error.contains("2001"), "{error}");
}

#[test]
fn every_no_has_its_own_status() {
    let refusal = |rule| ActionError::Refused(Refusal { rule, sentence: "s".into() });
    let s = || "s".to_owned();
    let table = [
        (refusal(Rule::Visible), 404),
        (refusal(Rule::Role), 403),
        (refusal(Rule::Reason), 400),
        (refusal(Rule::Fresh), 503),
        (refusal(Rule::Unmoved), 409),
        (refusal(Rule::State), 409),
        (ActionError::Moved(s()), 409),
        (ActionError::Failed(s()), 503),
        (ActionError::NotAudited(s()), 503),
        (ActionError::Unknown(s()), 504),
    ];
    for (error, status) in table {
        let name = format!("{error:?}");
        let response = told(error);
        assert_eq!(response.status().as_u16(), status, "{name}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{name}");
        assert_eq!(response.headers().contains_key(header::RETRY_AFTER), status == 503, "{name}");
    }
}
