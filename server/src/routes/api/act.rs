//! `POST /rollouts/{environment}/{namespace}/{name}/{resume|abort}`: from a program as JSON, from a
//! page as a form. The form's answer leads back to the page, which says what came of it.

use std::net::SocketAddr;

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{ConnectInfo, Path, State as Extract},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use domain::{
    command::{Action, Command, Expect, OnRollout},
    rollout::{Facts, RolloutKey},
    rules::{Refusal, Rule},
};
use serde::{Deserialize, Serialize};

use super::{bad_request, not_found};
use crate::{
    State,
    actions::{self, ActionError, Done},
    routes::error::{problem, wants_html},
    session::{SignedIn, escaped},
};

/// Longer reasons are letters, in characters.
const LONGEST_REASON: usize = 2_000;

const FORM: &str = "application/x-www-form-urlencoded";

/// When to try again after what ends by itself, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

const EXPECTED: &str = "Expected JSON like {\"reason\": \"errors went up\", \"expect\": {\"resourceVersion\": \"…\", \"podHash\": \"…\", \"step\": 4, \"hold\": \"…\"}}, or a form with the fields reason, resourceVersion, podHash, step and hold.";

/// A resume answers one pause of one version; without both it could end another.
const UNPINNED: &str = "A resume says which pods and which step it was decided on: expect.podHash and expect.step (the fields podHash and step of a form). GET the rollout to see them.";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Body {
    reason: Option<String>,
    expect: Expect,
}

/// The same, flat. A field that is left empty says nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Fields {
    reason: String,
    resource_version: String,
    pod_hash: String,
    step: String,
    hold: String,
}

/// The answer of a deed: `{"outcome": "done", "sentence": …, "before": …, "after": …, "audit": 17}`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    outcome: &'static str,
    sentence: String,
    before: Facts,
    after: Facts,
    /// The number of the audit entry.
    audit: i64,
}

pub(super) async fn act(
    Extract(state): Extract<State>,
    signed_in: SignedIn,
    Path((environment, namespace, name, verb)): Path<(String, String, String, String)>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(action) = Action::ALL.into_iter().find(|action| action.verb() == verb) else {
        return not_found();
    };
    let page =
        format!("/rollouts/{}/{}/{}", escaped(&environment), escaped(&namespace), escaped(&name));
    let rollout = RolloutKey {
        environment: environment.into(),
        namespace: namespace.into(),
        name: name.into(),
    };
    let command = match read(&headers, &body) {
        Ok(Body { expect: Expect { pod_hash: None, .. } | Expect { step: None, .. }, .. })
            if action == Action::Resume =>
        {
            return bad_request(UNPINNED);
        }
        Ok(Body { reason, expect }) => action.on(OnRollout { rollout, reason, expect }),
        Err(detail) => return bad_request(detail),
    };
    let context = signed_in.context(peer.map(|Extension(ConnectInfo(address))| address));
    let result = actions::execute(&state, &signed_in.0, &context, command.clone()).await;
    let is_form = is_form(&headers) || wants_html(&headers);
    // What one may not see has no page to go back to.
    let is_invisible =
        matches!(&result, Err(ActionError::Refused(refusal)) if refusal.rule == Rule::Visible);
    if is_form && !is_invisible {
        signed_in.put_outcome(in_words(&command, &result)).await;
        return Redirect::to(&page).into_response();
    }
    match result {
        Ok(done) => Json(answer(done)).into_response(),
        Err(error) => told(error),
    }
}

fn answer(Done { sentence, before, after, sequence }: Done) -> Answer {
    Answer { outcome: "done", sentence, before, after, audit: sequence }
}

/// What came of a form, for the page.
fn in_words(command: &Command, result: &Result<Done, ActionError>) -> app::Outcome {
    match result {
        Ok(_) => {
            let done = match command {
                Command::Resume(_) => "Resumed",
                Command::Abort(_) => "Aborted",
            };
            app::Outcome { good: true, sentence: format!("{done}. The cluster has taken it.") }
        }
        Err(error) => app::Outcome { good: false, sentence: error.to_string() },
    }
}

fn told(error: ActionError) -> Response {
    match error {
        ActionError::Refused(refusal) => refused(refusal),
        ActionError::Moved(detail) => {
            problem(StatusCode::CONFLICT, "The rollout moved", detail, Some(Rule::Unmoved))
        }
        ActionError::Failed(detail) => {
            later(problem(StatusCode::SERVICE_UNAVAILABLE, "Not done", detail, None))
        }
        ActionError::NotAudited(detail) => later(problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "Not written down, not done",
            detail,
            None,
        )),
        ActionError::Unknown(detail) => {
            problem(StatusCode::GATEWAY_TIMEOUT, "Perhaps done", detail, None)
        }
    }
}

fn refused(Refusal { rule, sentence }: Refusal) -> Response {
    match rule {
        // To the letter as if there were no such environment.
        Rule::Visible => not_found(),
        Rule::Role => problem(StatusCode::FORBIDDEN, "Not allowed", sentence, Some(rule)),
        Rule::Reason => {
            problem(StatusCode::BAD_REQUEST, "A reason is missing", sentence, Some(rule))
        }
        Rule::Fresh => {
            later(problem(StatusCode::SERVICE_UNAVAILABLE, "Not seen live", sentence, Some(rule)))
        }
        Rule::Unmoved => problem(StatusCode::CONFLICT, "The rollout moved", sentence, Some(rule)),
        Rule::State => problem(StatusCode::CONFLICT, "Not possible now", sentence, Some(rule)),
    }
}

fn later(mut response: Response) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

fn is_form(headers: &HeaderMap) -> bool {
    content_type(headers) == FORM
}

fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().split(';').next().unwrap_or_default().trim()
}

/// What was sent, or what was expected instead.
fn read(headers: &HeaderMap, body: &Bytes) -> Result<Body, String> {
    let read = match content_type(headers) {
        FORM => form(body)?,
        "application/json" => {
            serde_json::from_slice(body).map_err(|error| format!("{EXPECTED} But {error}."))?
        }
        "" if body.is_empty() => Body::default(),
        other => return Err(format!("{EXPECTED} But the content type is {other:?}.")),
    };
    let length = read.reason.as_deref().unwrap_or_default().chars().count();
    if length > LONGEST_REASON {
        return Err(format!(
            "Expected a reason of at most {LONGEST_REASON} characters; it has {length}."
        ));
    }
    Ok(read)
}

fn form(body: &Bytes) -> Result<Body, String> {
    let Fields { reason, resource_version, pod_hash, step, hold } =
        serde_urlencoded::from_bytes(body).map_err(|error| format!("{EXPECTED} But {error}."))?;
    let said = |text: String| Some(text).filter(|text| !text.is_empty());
    let step = said(step)
        .map(|step| step.parse().map_err(|_| format!("{EXPECTED} But step is {step:?}.")))
        .transpose()?;
    let expect = Expect {
        resource_version: said(resource_version),
        pod_hash: said(pod_hash),
        step,
        hold: said(hold),
    };
    Ok(Body { reason: said(reason), expect })
}

#[cfg(test)]
mod tests;
