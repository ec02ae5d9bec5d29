//! The one place that turns what went wrong into HTTP.
//!
//! Programs get RFC 9457 problem details, browsers the same words as a page.
//! <https://www.rfc-editor.org/rfc/rfc9457>

use app::{Page, pages::problem::ProblemPage};
use axum::{
    Json,
    extract::{Request, State as Extract},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::rules::Rule;
use serde_json::json;

use super::pages;
use crate::State;

/// Title of every answer about something that is not there, or may not be seen.
pub const NOT_FOUND: &str = "Not found";

/// A problem in words, for programs and, by [`in_words`], for people.
#[derive(Clone, Debug)]
struct Problem {
    status: StatusCode,
    title: String,
    detail: String,
}

/// An answer that says what is wrong, what was expected and, for a refusal, which rule said no.
pub fn problem(
    status: StatusCode,
    title: impl Into<String>,
    detail: impl Into<String>,
    rule: Option<Rule>,
) -> Response {
    let problem = Problem { status, title: title.into(), detail: detail.into() };
    let mut body = json!({
        "type": "about:blank",
        "title": problem.title,
        "status": status.as_u16(),
        "detail": problem.detail,
    });
    if let Some(rule) = rule {
        body["rule"] = json!(rule.name());
    }
    let mut response = (status, Json(body)).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response.extensions_mut().insert(problem);
    response
}

/// Something failed that nobody asking can mend. The cause is logged here and told to nobody.
pub fn internal(error: &anyhow::Error) -> Response {
    tracing::error!("a request failed: {error:#}");
    problem(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Something failed",
        "Signalbox could not do this. Its log says why; try again, or ask whoever runs it.",
        None,
    )
}

/// What is shown where there is nothing the reader may see.
pub fn nothing_here() -> Page {
    Page::Problem(ProblemPage {
        status: StatusCode::NOT_FOUND.as_u16(),
        title: "Not found".into(),
        detail: "There is nothing here that you may see. Check the address, or ask for a role in that environment.".into(),
    })
}

/// No route leads there.
pub(super) async fn no_page(uri: Uri) -> Response {
    problem(
        StatusCode::NOT_FOUND,
        "Not found",
        format!("There is nothing at {}. Check the address.", uri.path()),
        None,
    )
}

/// Shows a problem as a page to whoever asked for one. Empty answers of extractors and layers are
/// given words too.
pub(super) async fn in_words(
    Extract(state): Extract<State>,
    request: Request,
    next: Next,
) -> Response {
    let is_browser = wants_html(request.headers());
    let frame = pages::bare_frame(&state, request.headers());
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    if !is_browser {
        return response;
    }
    let page = Page::Problem(ProblemPage {
        status: problem.status.as_u16(),
        title: problem.title,
        detail: problem.detail,
    });
    let mut shown = pages::document(&page, &frame, problem.status);
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE
            && name != header::CONTENT_LENGTH
            && !shown.headers().contains_key(name)
        {
            shown.headers_mut().append(name, value.clone());
        }
    }
    shown
}

/// Whether a person's browser asks: it names HTML, programs do not.
pub fn wants_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|accept| accept.contains("text/html"))
}
