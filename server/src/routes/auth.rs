//! Sign-in and sign-out.
//!
//! ```text
//! /sign-in --form--> /auth/start --303--> provider --303--> /auth/callback --303--> where one was going
//! ```

use app::{Page, pages::sign_in::SignInPage};
use axum::{
    Form, Router,
    extract::{Query, State as Extract},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use tower_sessions::{
    Session,
    cookie::{Cookie, SameSite},
};

use super::{error, pages};
use crate::{
    Signalbox, State,
    session::{self, MaybeSignedIn, is_secure},
    store::{logins, secret},
    systems::oidc::Return,
};

/// Longer paths than this are none of ours.
const LONGEST_PATH: usize = 2_048;

/// What is said where no provider is configured.
const NOT_SET_UP: &str = "Sign-in is not set up: the configuration has no [oidc] section.";

/// Pages and endpoints of signing in.
pub fn router() -> Router<State> {
    Router::new()
        .route("/sign-in", get(sign_in_page))
        .route("/auth/start", post(start))
        .route("/auth/callback", get(callback))
        .route("/auth/sign-out", post(sign_out))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Then {
    then: String,
}

/// What a provider answers with; RFC 6749 §4.1.2, RFC 9207.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

async fn sign_in_page(
    Extract(state): Extract<State>,
    headers: HeaderMap,
    MaybeSignedIn(somebody): MaybeSignedIn,
    Query(Then { then }): Query<Then>,
) -> Response {
    let then = local_path(&then);
    if somebody.is_some() {
        return Redirect::to(then).into_response();
    }
    let note = match &state.login {
        None => Some(NOT_SET_UP.to_owned()),
        Some(login) => login.authorization_origin().err(),
    };
    shown(&state, &headers, then, note, StatusCode::OK)
}

async fn start(
    Extract(state): Extract<State>,
    headers: HeaderMap,
    Form(Then { then }): Form<Then>,
) -> Response {
    let then = local_path(&then);
    let begun = match &state.login {
        None => Err(NOT_SET_UP.to_owned()),
        Some(login) => login.begin(),
    };
    let departure = match begun {
        Ok(departure) => departure,
        Err(why) => {
            let note = Some(format!("{why} Try again in a moment."));
            return shown(&state, &headers, then, note, StatusCode::SERVICE_UNAVAILABLE);
        }
    };
    let browser = secret::fresh();
    let attempt = logins::Attempt {
        nonce: departure.nonce,
        code_verifier: departure.code_verifier,
        return_to: then.to_owned(),
    };
    let kept =
        logins::insert(&state.store, &departure.state, &browser, &attempt, state.clock.now());
    if let Err(error) = kept.await {
        return error::internal(&error);
    }
    let mut response = Redirect::to(&departure.url).into_response();
    set_cookie(&mut response, &login_cookie(&state, browser, logins::LIFETIME.as_secs()));
    response
}

async fn callback(
    Extract(state): Extract<State>,
    headers: HeaderMap,
    session: Session,
    Query(answer): Query<Answer>,
) -> Response {
    let mut response = match signed_in(&state, &headers, &session, answer).await {
        Ok(then) => Redirect::to(&then).into_response(),
        Err(note) => shown(&state, &headers, "/", Some(note), StatusCode::BAD_REQUEST),
    };
    set_cookie(&mut response, &login_cookie(&state, String::new(), 0));
    response
}

/// Where to go on, or why not, in words.
async fn signed_in(
    state: &State,
    headers: &HeaderMap,
    session: &Session,
    answer: Answer,
) -> Result<String, String> {
    const AGAIN: &str =
        "This sign-in is over, was used already, or began in another browser. Sign in again.";
    let login = state.login.as_ref().ok_or(NOT_SET_UP)?;
    let browser = cookie(headers, login_cookie_name(state)).ok_or(AGAIN)?;
    let given = answer.state.as_deref().ok_or(AGAIN)?;
    let now = state.clock.now();
    let attempt = logins::take(&state.store, given, &browser, now)
        .await
        .map_err(|error| failed("look the sign-in up", &error))?
        .ok_or(AGAIN)?;
    if let Some(error) = answer.error {
        tracing::info!(error, description = answer.error_description, "a sign-in was refused");
        return Err(match error.as_str() {
            "access_denied" => {
                "The sign-in provider says no. Sign in again as somebody else.".into()
            }
            _ => "The sign-in provider did not sign you in. Sign in again.".into(),
        });
    }
    let back = Return {
        code: answer.code.ok_or(AGAIN)?,
        issuer: answer.iss,
        nonce: attempt.nonce,
        code_verifier: attempt.code_verifier,
    };
    let person =
        login.finish(back, now).await.map_err(|error| failed("check the sign-in", &error))?;
    session::sign_in(session, &person)
        .await
        .map_err(|error| failed("keep the session", &anyhow::Error::new(error)))?;
    tracing::info!(person = person.id, "signed in");
    Ok(local_path(&attempt.return_to).to_owned())
}

/// The cause is for the log; a visitor learns what to do.
fn failed(what: &str, error: &anyhow::Error) -> String {
    tracing::warn!("a sign-in failed to {what}: {error:#}");
    "The sign-in could not be completed. Sign in again; if that does not help, ask whoever runs Signalbox.".into()
}

async fn sign_out(session: Session) -> Response {
    match session::sign_out(&session).await {
        Ok(()) => Redirect::to("/sign-in").into_response(),
        Err(error) => error::internal(&anyhow::Error::new(error).context("end a session")),
    }
}

fn shown(
    state: &State,
    headers: &HeaderMap,
    then: &str,
    note: Option<String>,
    status: StatusCode,
) -> Response {
    let page = Page::SignIn(SignInPage { then: then.to_owned(), note });
    pages::document(&page, &pages::bare_frame(state, headers), status)
}

/// A path on this server, or `/`. Browsers read `//`, `/\` and control characters within as another
/// host, so anything near that is not followed.
fn local_path(then: &str) -> &str {
    let is_local = then.starts_with('/')
        && !then.starts_with("//")
        && then.len() <= LONGEST_PATH
        && then.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && !then.starts_with("/auth/")
        && !then.starts_with("/sign-in");
    if is_local { then } else { "/" }
}

fn login_cookie_name(state: &Signalbox) -> &'static str {
    if is_secure(state) { "__Host-signalbox-login" } else { "signalbox-login" }
}

fn login_cookie(state: &Signalbox, value: String, seconds: i64) -> Cookie<'static> {
    login_cookie_of(login_cookie_name(state), is_secure(state), value, seconds)
}

/// Lax: it must come along when the provider sends the browser back.
fn login_cookie_of(
    name: &'static str,
    is_secure: bool,
    value: String,
    seconds: i64,
) -> Cookie<'static> {
    Cookie::build((name, value))
        .http_only(true)
        .same_site(SameSite::Lax)
        .path("/")
        .secure(is_secure)
        .max_age(time::Duration::seconds(seconds))
        .build()
}

fn set_cookie(response: &mut Response, cookie: &Cookie<'_>) {
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_sent_on_to_this_server_only() {
        let long = format!("/{}", "a".repeat(LONGEST_PATH));
        let table = [
            ("/", "/"),
            ("/rollouts?phase=Paused&q=a%20b", "/rollouts?phase=Paused&q=a%20b"),
            ("/rollouts/prod/shop/checkout#steps", "/rollouts/prod/shop/checkout#steps"),
            ("/audit?then=https://x.example", "/audit?then=https://x.example"),
            ("", "/"),
            ("rollouts", "/"),
            ("https://evil.example/", "/"),
            ("//evil.example", "/"),
            ("///evil.example", "/"),
            ("/\\evil.example", "/"),
            ("\\\\evil.example", "/"),
            ("/a\\b", "/"),
            ("/\t/evil.example", "/"),
            ("/\n/evil.example", "/"),
            ("/a\r\nset-cookie: x=y", "/"),
            (" //evil.example", "/"),
            ("javascript:alert(1)", "/"),
            ("/\u{ff0f}evil.example", "/"),
            ("/sign-in?then=/", "/"),
            ("/auth/callback?code=x", "/"),
            (&long, "/"),
        ];
        for (then, path) in table {
            assert_eq!(local_path(then), path, "{then:?}");
        }
    }

    #[test]
    fn the_login_cookie_stays_with_the_browser_and_out_of_scripts() {
        let https = login_cookie_of("__Host-signalbox-login", true, "x".into(), 600).to_string();
        assert_eq!(
            https,
            "__Host-signalbox-login=x; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600"
        );
        let http = login_cookie_of("signalbox-login", false, "x".into(), 0).to_string();
        assert_eq!(http, "signalbox-login=x; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let headers: HeaderMap = [
            (header::COOKIE, HeaderValue::from_static("a=1; signalbox-login=abc")),
            (header::COOKIE, HeaderValue::from_static("b=2")),
        ]
        .into_iter()
        .collect();
        assert_eq!(cookie(&headers, "signalbox-login").as_deref(), Some("abc"));
        assert_eq!(cookie(&headers, "login"), None);
    }
}
