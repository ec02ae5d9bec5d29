//! The stories every release tells, against whichever world.

use domain::{
    actor::{Role, Scope},
    audit::Outcome,
    rollout::{Phase, Wait},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    http::{Events, Person, hidden_fields},
    world::{NEW, OLD, PATH, Story},
};

/// What a resume is aimed at: what the board shows now.
fn expectation(story: &Story) -> Value {
    let rollout = story.rollout().expect("the canary is on the board");
    json!({
        "resourceVersion": rollout.resource_version,
        "podHash": rollout.status.current_pod_hash,
        "step": rollout.step_index(),
    })
}

/// Everything the log says, newest first.
async fn audit(story: &Story) -> Vec<Value> {
    let program = story.program(Role::ReleaseManager).await;
    let (status, body) = program.get("/api/v1/audit").await.expect("an answer");
    assert_eq!(status, StatusCode::OK, "{body}");
    body["items"].as_array().expect("a list of entries").clone()
}

/// Waits in the API's stream until the canary has been seen at each of these weights, in order.
async fn weights_in(events: &mut Events, weights: &[u64]) {
    for weight in weights {
        events
            .next_where(|event| {
                event.name == "change"
                    && serde_json::from_str::<Value>(&event.data).is_ok_and(|change| {
                        change["of"]["status"]["canaryWeight"].as_u64() == Some(*weight)
                    })
            })
            .await
            .unwrap_or_else(|error| panic!("weight {weight} in the API's stream: {error}"));
    }
}

/// Releases the new version and waits until it holds at 60 % for a person; the weights are seen on
/// the live page and in the API's stream on the way.
pub(crate) async fn walk_to_the_person(story: &Story) {
    story.until("the first version is healthy", |r| r.reading().phase == Phase::Healthy).await;
    let viewer = story.program(Role::Viewer).await;
    let mut person = story.person(Role::Viewer).await;
    let mut api = viewer.events("/api/v1/events").await.expect("the API's stream opens");
    let snapshot = api.next().await.expect("a first event");
    assert_eq!(snapshot.name, "snapshot");
    let page = person.get(PATH).await.expect("the page opens");
    assert_eq!(page.status, StatusCode::OK);
    let version = version_of(&page.html);
    let mut tab = person.live(PATH, &version).await.expect("the page's stream opens");

    story.release(NEW).await;
    let on_page = async {
        for weight in ["20 %", "40 %", "60 %"] {
            tab.next_where(|event| event.name == "patch" && event.data.contains(weight))
                .await
                .unwrap_or_else(|error| panic!("{weight} on the live page: {error}"));
        }
    };
    tokio::join!(on_page, weights_in(&mut api, &[20, 40, 60]));
    let held =
        story.until("it holds for a person", |r| matches!(r.wait(), Wait::Person { .. })).await;
    assert_eq!((held.set_weight(), held.actual_weight()), (60, Some(60)));
    assert_eq!(held.step_index(), 5);
}

/// The stamp of the board a page was rendered from.
pub(crate) fn version_of(html: &str) -> String {
    crate::http::attribute(html, "data-version").expect("a live page says its version")
}

/// A canary walks 20-40-60, holds, is resumed once by the right person, and becomes the stable
/// version; every attempt is in the log.
pub(crate) async fn a_canary_walks_and_a_person_resumes_it(story: &Story) {
    walk_to_the_person(story).await;
    let resume = format!("/api/v1{PATH}/resume");

    // A viewer may not, learns why, and it is written down.
    let viewer = story.program(Role::Viewer).await;
    let body = json!({"reason": "I would like to", "expect": expectation(story)});
    let (status, problem) = viewer.post(&resume, &body).await.expect("an answer");
    assert_eq!(status, StatusCode::FORBIDDEN, "{problem}");
    assert_eq!(problem["rule"], "role");
    let detail = problem["detail"].as_str().expect("a sentence");
    assert!(detail.contains("approver"), "the sentence says who may: {detail}");

    // Somebody without any role there is told the same as for a rollout that does not exist.
    let stranger =
        story.program_in(Role::ReleaseManager, Scope::Only(vec!["elsewhere".into()])).await;
    let (hidden, hidden_body) = stranger.post(&resume, &body).await.expect("an answer");
    let missing_path = resume.replace("/checkout/", "/nothing/");
    let manager = story.program(Role::ReleaseManager).await;
    let (missing, missing_body) = manager.post(&missing_path, &body).await.expect("an answer");
    assert_eq!((hidden, missing), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    let words = |body: &Value| body["detail"].as_str().unwrap_or_default().to_owned();
    assert_eq!(words(&hidden_body), words(&missing_body));

    // A resume aimed at a step already passed says what changed.
    let mut passed = expectation(story);
    passed["step"] = json!(3);
    let approver = story.program(Role::Approver).await;
    let (status, problem) =
        approver.post(&resume, &json!({"expect": passed})).await.expect("an answer");
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert_eq!(problem["rule"], "unmoved");
    let detail = problem["detail"].as_str().expect("a sentence");
    assert!(detail.contains("step 4") && detail.contains("step 6"), "{detail}");

    // The page's own form, without any script, goes on exactly once.
    let mut person = story.person(Role::Approver).await;
    let seen = resume_by_form(story, &mut person).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert_eq!(seen.url.path(), PATH, "one lands on the page again");
    assert!(seen.html.to_lowercase().contains("resumed"), "the outcome is said: {}", seen.html);
    let healthy = story
        .until("80 %, then healthy", |r| {
            r.reading().phase == Phase::Healthy && r.is_fully_promoted() && r.step_index() == 8
        })
        .await;
    assert_eq!(healthy.desired_version().expect("a version").label(), "2.0.0");

    let entries = audit(story).await;
    let outcomes: Vec<_> = entries
        .iter()
        .filter(|entry| entry["action"] == "rollout.resume")
        .map(|entry| {
            (
                entry["actorName"].as_str().unwrap_or_default(),
                entry["outcome"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    let word = |outcome: Outcome| outcome.word();
    assert_eq!(outcomes.len(), 5, "every attempt is written down: {entries:#?}");
    assert_eq!(outcomes[0].1, word(Outcome::Done));
    assert!(outcomes[1..].iter().all(|(_, outcome)| *outcome == word(Outcome::Refused)));
    let done = entries.iter().find(|entry| entry["outcome"] == "done").expect("one was done");
    assert_eq!(done["reason"], "the canary looks good");
    assert_eq!(done["before"]["step"], 5);
    assert_eq!(done["before"]["phase"], "Paused");
    assert!(done["after"]["resourceVersion"] != done["before"]["resourceVersion"]);
    let refused = entries
        .iter()
        .find(|entry| entry["rule"] == "role" && entry["outcome"] == "refused")
        .expect("the viewer's");
    assert_eq!(refused["reason"], "I would like to");
}

async fn resume_by_form(story: &Story, person: &mut Person) -> crate::http::Seen {
    let page = person.get(PATH).await.expect("the page opens");
    let action = format!("/api/v1{PATH}/resume");
    let form = page
        .html
        .split("<form")
        .find(|form| form.contains(&action))
        .expect("the page offers a form to resume");
    let form = form.split("</form>").next().expect("the form ends");
    let mut fields = hidden_fields(form);
    let current = story.rollout().expect("the canary is on the board");
    let expected = current.status.current_pod_hash.clone().unwrap_or_default();
    assert!(fields.contains(&("podHash".into(), expected)), "the form is pinned: {fields:?}");
    assert!(fields.contains(&("step".into(), "5".into())), "the form is pinned: {fields:?}");
    let hold = current.hold().expect("it is held");
    assert!(fields.contains(&("hold".into(), hold)), "the form names the pause: {fields:?}");
    fields.push(("reason".into(), "the canary looks good".into()));
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    person.form(&action, &fields).await.expect("the form is answered")
}

/// Two approvers at the same moment: one effect, and the other is told what changed.
pub(crate) async fn two_at_the_same_moment_have_one_effect(story: &Story) {
    walk_to_the_person(story).await;
    let (one, two) =
        (story.program(Role::Approver).await, story.program(Role::ReleaseManager).await);
    let resume = format!("/api/v1{PATH}/resume");
    let body = json!({"reason": "at once", "expect": expectation(story)});
    let (first, second) = tokio::join!(one.post(&resume, &body), two.post(&resume, &body));
    let mut answers = [first.expect("an answer"), second.expect("an answer")];
    answers.sort_by_key(|(status, _)| *status);
    assert_eq!(answers[0].0, StatusCode::OK, "{answers:#?}");
    assert_eq!(answers[1].0, StatusCode::CONFLICT, "{answers:#?}");
    let moved = story.until("it has left the gate", |r| r.step_index() > 5).await;
    assert!(moved.step_index() <= 8);
    let entries = audit(story).await;
    let resumes: Vec<_> =
        entries.iter().filter(|entry| entry["action"] == "rollout.resume").collect();
    assert_eq!(resumes.len(), 2, "both are written down");
    let done = resumes.iter().filter(|entry| entry["outcome"] == "done").count();
    assert_eq!(done, 1, "{resumes:#?}");
    story.until("it ends healthy", |r| r.reading().phase == Phase::Healthy).await;
}

/// A person aborts: a reason is asked for, all traffic goes back, and the page says so.
pub(crate) async fn a_person_aborts(story: &Story) {
    walk_to_the_person(story).await;
    let developer = story.program(Role::Developer).await;
    let abort = format!("/api/v1{PATH}/abort");
    let expect = expectation(story);
    let (status, problem) =
        developer.post(&abort, &json!({"expect": expect})).await.expect("an answer");
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    assert_eq!(problem["rule"], "reason");
    let body = json!({"reason": "customers complain", "expect": expect});
    let (status, done) = developer.post(&abort, &body).await.expect("an answer");
    assert_eq!(status, StatusCode::OK, "{done}");
    let aborted = story
        .until("it is aborted", |r| {
            matches!(r.wait(), Wait::NewCommit { .. }) && r.actual_weight() == Some(0)
        })
        .await;
    assert!(aborted.short_words().contains("1.0.0"), "{}", aborted.short_words());
    let (status, problem) = developer.post(&abort, &body).await.expect("an answer");
    assert_eq!(status, StatusCode::CONFLICT, "a second abort has nothing to do: {problem}");

    // A revert in Git is instant and safe.
    story.release(OLD).await;
    story.until("the revert is healthy", |r| r.reading().phase == Phase::Healthy).await;
}
