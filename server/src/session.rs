//! Who asks: a person by their session cookie, or a program by its token.

use std::{convert::Infallible, net::SocketAddr};

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use domain::actor::{Actor, ActorKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tower_sessions::{Session, SessionManagerLayer, cookie::SameSite};

use crate::{
    Signalbox, State,
    routes::error::{problem, wants_html},
    store::{audit::Context, sessions, sessions::Sessions, tokens},
    systems::oidc::Person,
};

/// Where the session keeps who signed in.
const PERSON: &str = "person";
/// Where it keeps what came of the last form, until the next page shows it.
const OUTCOME: &str = "outcome";

/// Somebody who proved who they are.
#[derive(Clone, Debug)]
pub struct SignedIn(pub Actor, pub(crate) Option<Session>);

/// Somebody, or nobody: for what both may see.
#[derive(Clone, Debug)]
pub struct MaybeSignedIn(pub Option<SignedIn>);

/// What the session keeps of a person. Grants are read from the configuration at each request, so
/// that they hold from a restart on.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    id: String,
    name: String,
    groups: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct KeptOutcome {
    good: bool,
    sentence: String,
}

impl SignedIn {
    /// What came of the form that was just sent; asked for once.
    pub async fn take_outcome(&self) -> Option<app::Outcome> {
        let session = self.1.as_ref()?;
        // Looked at first: taking nothing would write the session at each page.
        session.get_value(OUTCOME).await.ok()??;
        let kept: KeptOutcome = session.remove(OUTCOME).await.ok()??;
        Some(app::Outcome { good: kept.good, sentence: kept.sentence })
    }

    /// Keeps what came of a form for the next page. A program has no next page.
    pub async fn put_outcome(&self, outcome: app::Outcome) {
        let Some(session) = &self.1 else { return };
        let kept = KeptOutcome { good: outcome.good, sentence: outcome.sentence };
        if let Err(error) = session.insert(OUTCOME, kept).await {
            tracing::warn!("the outcome of a form was not kept: {error}");
        }
    }

    /// Where this came from, for the audit log.
    pub fn context(&self, address: Option<SocketAddr>) -> Context {
        Context {
            session: self.1.as_ref().and_then(Session::id).map(|id| sessions::hashed(&id)),
            address: address.map(|address| address.ip()),
        }
    }
}

/// The layer that gives requests their session.
pub(crate) fn layer(state: &Signalbox) -> SessionManagerLayer<Sessions> {
    let sessions = Sessions { store: state.store.clone(), clock: state.clock.clone() };
    let is_secure = is_secure(state);
    // The prefix makes browsers refuse one that another host or plain http set.
    let name = if is_secure { "__Host-signalbox" } else { "signalbox" };
    SessionManagerLayer::new(sessions)
        .with_name(name)
        .with_http_only(true)
        // Strict would sign people out who come by a link from a chat; the guard covers Lax.
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_secure(is_secure)
}

/// Whether browsers come by https.
pub(crate) fn is_secure(state: &Signalbox) -> bool {
    state.public_url.starts_with("https://")
}

/// Begins a session of this person, under a new id: one that was planted before is worth nothing.
pub(crate) async fn sign_in(
    session: &Session,
    person: &Person,
) -> Result<(), tower_sessions::session::Error> {
    session.clear().await;
    session.cycle_id().await?;
    let Person { id, name, groups } = person.clone();
    session.insert(PERSON, Kept { id, name, groups }).await?;
    session.save().await
}

/// Ends it, here and in the store.
pub(crate) async fn sign_out(session: &Session) -> Result<(), tower_sessions::session::Error> {
    session.flush().await
}

/// The token of an `Authorization: Bearer` header; `Some("")` for another or unreadable one.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or_default();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    Some(if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" })
}

/// Why nobody is known.
enum Nobody {
    NoProof,
    WrongToken,
    StoreDown(String),
}

async fn identify(parts: &Parts, state: &State) -> Result<SignedIn, Nobody> {
    let now = state.clock.now();
    if let Some(token) = bearer(&parts.headers) {
        // A token that is sent decides; a cookie beside it does not make a wrong one right.
        return match tokens::find(&state.store, token, now).await {
            Ok(Some(actor)) => Ok(SignedIn(actor, None)),
            Ok(None) => Err(Nobody::WrongToken),
            Err(error) => Err(Nobody::StoreDown(format!("{error:#}"))),
        };
    }
    let Some(session) = parts.extensions.get::<Session>() else { return Err(Nobody::NoProof) };
    match session.get::<Kept>(PERSON).await {
        Ok(Some(kept)) => Ok(SignedIn(actor(state, kept), Some(session.clone()))),
        Ok(None) => Err(Nobody::NoProof),
        Err(error) => Err(Nobody::StoreDown(error.to_string())),
    }
}

fn actor(state: &Signalbox, kept: Kept) -> Actor {
    Actor {
        kind: ActorKind::Person,
        id: kept.id,
        name: kept.name,
        grants: state.config.grants_of(&kept.groups),
    }
}

impl FromRequestParts<State> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Response> {
        identify(parts, state).await.map_err(|nobody| turn_away(parts, nobody))
    }
}

impl FromRequestParts<State> for MaybeSignedIn {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Infallible> {
        Ok(Self(identify(parts, state).await.ok()))
    }
}

/// Pages lead to sign-in and back; everything else is told in its own words.
fn turn_away(parts: &Parts, nobody: Nobody) -> Response {
    let detail = match nobody {
        Nobody::StoreDown(error) => {
            tracing::error!("who asks cannot be looked up: {error}");
            return problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "Not available",
                "Signalbox cannot look up who you are just now. Try again in a moment.",
                None,
            );
        }
        Nobody::WrongToken => {
            "The token is unknown, expired or revoked. Ask an admin for a new one."
        }
        Nobody::NoProof => {
            "Sign in, or send an API token in the header Authorization: Bearer signalbox_…."
        }
    };
    let uri = match parts.extensions.get::<OriginalUri>() {
        Some(OriginalUri(uri)) => uri,
        None => &parts.uri,
    };
    let is_page = !uri.path().starts_with("/api/") && wants_html(&parts.headers);
    if is_page && bearer(&parts.headers).is_none() {
        let then = uri.path_and_query().map_or("/", |path| path.as_str());
        let to = match parts.method {
            Method::GET if then != "/" => format!("/sign-in?then={}", escaped(then)),
            _ => "/sign-in".to_owned(),
        };
        return Redirect::to(&to).into_response();
    }
    let mut response = problem(StatusCode::UNAUTHORIZED, "Not signed in", detail, None);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// A text as the value of a query.
pub(crate) fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Takes what is over out of the store; called now and then.
pub async fn sweep(state: &Signalbox, now: Timestamp) -> anyhow::Result<u64> {
    sessions::sweep(&state.store, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &str) -> HeaderMap {
        [(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())].into_iter().collect()
    }

    #[test]
    fn a_bearer_token_is_read_and_any_other_proof_is_a_wrong_token() {
        let table = [
            ("Bearer abc", "abc"),
            ("bearer abc", "abc"),
            ("BEARER  abc ", "abc"),
            ("Basic abc", ""),
            ("Bearer", ""),
            ("abc", ""),
        ];
        for (value, token) in table {
            assert_eq!(bearer(&with(value)), Some(token), "{value}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }

    #[test]
    fn a_path_travels_through_a_query_unharmed() {
        assert_eq!(escaped("/rollouts?q=a b&page=2"), "/rollouts%3Fq%3Da%20b%26page%3D2");
    }
}
