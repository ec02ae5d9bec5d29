//! What every answer carries, and what no stranger gets.

use domain::actor::Role;
use reqwest::{Method, StatusCode, header};
use serde_json::json;

use crate::{
    gates::many,
    http::plain,
    world::{PATH, Story},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_forbid_what_they_do_not_need_and_scripts_carry_a_fresh_nonce() {
    let story = Story::in_quiet_sandbox(many(1)).await.expect("the sandbox starts");
    let person = story.person(Role::Viewer).await;
    let mut nonces = vec![];
    for path in ["/", "/rollouts", "/connections", "/audit", "/sign-in"] {
        let request = match path {
            "/sign-in" => plain().get(format!("{}{path}", story.url())),
            path => person.request(Method::GET, path),
        };
        let request = request.header(header::ACCEPT, "text/html");
        let response = request.send().await.expect("an answer");
        let policy = response
            .headers()
            .get(header::CONTENT_SECURITY_POLICY)
            .unwrap_or_else(|| panic!("{path} has no content security policy"))
            .to_str()
            .expect("ASCII")
            .to_owned();
        for unsafe_word in ["unsafe-inline", "'unsafe-eval'", "http:", "*"] {
            assert!(!policy.contains(unsafe_word), "{path}: {policy}");
        }
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
        let nonce = policy
            .split("'nonce-")
            .nth(1)
            .and_then(|rest| rest.split('\'').next())
            .expect("a nonce")
            .to_owned();
        let html = response.text().await.expect("a page");
        assert!(html.contains(&nonce), "{path}: the page's scripts carry the nonce");
        assert!(!html.contains(" style="), "{path} has no style attribute");
        nonces.push(nonce);
    }
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 5, "no nonce is used twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_session_nothing_is_shown_and_nothing_is_done() {
    let story = Story::sandbox().await;
    let base = story.url();
    for path in ["/", "/rollouts", PATH, "/connections", "/audit"] {
        let response = plain()
            .get(format!("{base}{path}"))
            .header(header::ACCEPT, "text/html")
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{path}");
        let location = response.headers()[header::LOCATION].to_str().expect("ASCII");
        assert!(location.starts_with("/sign-in"), "{path} leads to {location}");
    }
    for path in ["/api/v1/rollouts", "/api/v1/events", "/api/v1/audit", "/api/v1/me"] {
        let response = plain().get(format!("{base}{path}")).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{path}");
    }
    for verb in ["resume", "abort"] {
        let response = plain()
            .post(format!("{base}/api/v1{PATH}/{verb}"))
            .header(header::ORIGIN, base)
            .json(&json!({"reason": "because"}))
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{verb}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_of_another_site_is_refused() {
    let story = Story::sandbox().await;
    let person = story.person(Role::Approver).await;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "https://elsewhere.example"),
        ("origin", "null"),
    ] {
        let response = person
            .request(Method::POST, &format!("/api/v1{PATH}/abort"))
            .header(name, value)
            .form(&[("reason", "because")])
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{name}: {value}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_wakes_an_island_that_the_webassembly_exports() {
    let story = Story::in_quiet_sandbox(many(1)).await.expect("the sandbox starts");
    let html = story.person(Role::Viewer).await.get("/").await.expect("the page opens").html;
    let islands: Vec<_> =
        html.split("data-component=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!islands.is_empty(), "the page has an island");
    let script = plain()
        .get(format!("{}{}", story.url(), story.running.state.assets.js))
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a script");
    for island in islands {
        assert!(script.contains(island), "the script does not export {island}");
    }
}
