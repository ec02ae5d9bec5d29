//! A pretend OIDC provider: a page to pick a demo role, code flow with PKCE, ES256 ID tokens.
//!
//! It follows OpenID Connect Core 1.0, RFC 7636 (PKCE, S256 only and required), RFC 9207 (`iss` in
//! the response) and RFC 9700 (exact redirect URIs, codes used once). Every role is one demo
//! person named by the role, so no person is invented.

mod page;
mod token;

use crate::clock::Clock;
use axum::extract::{Form, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use p256::ecdsa::SigningKey;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// The demo people, by role.
pub const ROLES: [&str; 5] = ["viewer", "developer", "approver", "release-manager", "admin"];

/// How long a code may be redeemed; RFC 6749 advises at most ten minutes.
const CODE_LIFETIME: SignedDuration = SignedDuration::from_secs(60);

/// How long ID and access tokens hold.
const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_secs(300);

/// Codes and access tokens kept at most; the oldest go when a flood of them comes.
const KEPT_GRANTS: usize = 10_000;

/// How a relying party finds and authenticates itself to the provider.
#[derive(Clone, Debug)]
pub struct OidcEndpoint {
    /// Issuer URL, without a trailing slash.
    pub issuer: String,
    /// The one client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

/// The provider; clones share it.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    endpoint: OidcEndpoint,
    clock: Clock,
    key: SigningKey,
    key_id: String,
    state: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    redirect_uris: Vec<String>,
    codes: HashMap<String, Grant>,
    /// Access token -> role and end.
    access: HashMap<String, (String, Timestamp)>,
}

/// What a code stands for.
#[derive(Clone)]
struct Grant {
    role: String,
    redirect_uri: String,
    challenge: String,
    nonce: Option<String>,
    granted: Timestamp,
    /// The access token given for it, once it is used.
    used: Option<String>,
}

/// What a relying party asks for; it travels through the page's hidden fields.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Asked {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    scope: String,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: String,
    code_challenge_method: String,
    login_hint: Option<String>,
    prompt: Option<String>,
}

#[derive(Deserialize)]
struct Picked {
    role: String,
    #[serde(flatten)]
    asked: Asked,
}

impl Provider {
    /// A provider at `issuer` with a fresh key and a fresh client secret.
    pub fn new(issuer: &str, redirect_uris: Vec<String>, clock: Clock) -> anyhow::Result<Provider> {
        let key = SigningKey::from_slice(&rand::random::<[u8; 32]>())?;
        let endpoint = OidcEndpoint {
            issuer: issuer.trim_end_matches('/').to_owned(),
            client_id: "signalbox".to_owned(),
            client_secret: secret(),
        };
        let state = Mutex::new(Memory { redirect_uris, ..Memory::default() });
        let key_id = secret()[..16].to_owned();
        Ok(Provider(Arc::new(Inner { endpoint, clock, key, key_id, state })))
    }

    /// Where and as whom to sign in.
    pub fn endpoint(&self) -> OidcEndpoint {
        self.0.endpoint.clone()
    }

    /// Allows one more exact redirect URI, for a relying party that learns its port late.
    pub fn allow_redirect(&self, uri: &str) {
        self.memory().redirect_uris.push(uri.to_owned());
    }

    /// The provider's pages and endpoints.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/authorize", get(authorize).post(pick))
            .route("/token", post(token::token))
            .route("/jwks", get(token::jwks))
            .route("/userinfo", get(token::userinfo).post(token::userinfo))
            .route("/end_session", get(end_session).post(end_session_form))
            .route("/style.css", get(page::style))
            .with_state(self.clone())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn is_ours(&self, asked: &Asked) -> bool {
        asked.client_id == self.0.endpoint.client_id
            && self.memory().redirect_uris.contains(&asked.redirect_uri)
    }

    fn grant(&self, asked: &Asked, role: &str) -> String {
        let code = secret();
        let now = self.0.clock.now();
        let mut memory = self.memory();
        if memory.codes.len() >= KEPT_GRANTS {
            memory.codes.retain(|_, grant| now.duration_since(grant.granted) <= CODE_LIFETIME);
        }
        if memory.codes.len() >= KEPT_GRANTS {
            memory.codes.clear();
        }
        memory.codes.insert(
            code.clone(),
            Grant {
                role: role.to_owned(),
                redirect_uri: asked.redirect_uri.clone(),
                challenge: asked.code_challenge.clone(),
                nonce: asked.nonce.clone(),
                granted: now,
                used: None,
            },
        );
        code
    }

    /// Sends the browser back with `fields`, the state and the issuer.
    fn back(&self, asked: &Asked, fields: &[(&str, &str)]) -> Response {
        let mut fields = fields.to_vec();
        if let Some(state) = &asked.state {
            fields.push(("state", state));
        }
        fields.push(("iss", &self.0.endpoint.issuer));
        Redirect::to(&with_query(&asked.redirect_uri, &fields)).into_response()
    }
}

/// 256 random bits as hexadecimal text.
pub(crate) fn secret() -> String {
    rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text inside HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The person that plays a role: what `/userinfo` and the ID token say of them.
fn person(role: &str) -> Value {
    let words = role.replace('-', " ");
    let name = words[..1].to_uppercase() + &words[1..];
    json!({
        "sub": format!("demo-{role}"), "name": name, "preferred_username": role,
        "email": format!("{role}@demo.invalid"), "email_verified": true,
        "groups": [format!("signalbox:{role}")],
    })
}

async fn configuration(State(provider): State<Provider>) -> Json<Value> {
    let issuer = &provider.0.endpoint.issuer;
    let at = |path: &str| format!("{issuer}/{path}");
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "jwks_uri": at("jwks"),
        "userinfo_endpoint": at("userinfo"),
        "end_session_endpoint": at("end_session"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["openid", "profile", "email", "groups"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["sub", "name", "preferred_username", "email", "email_verified",
            "groups", "auth_time", "nonce"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn authorize(State(provider): State<Provider>, Query(asked): Query<Asked>) -> Response {
    if let Some(refusal) = refusal(&provider, &asked) {
        return refusal;
    }
    if asked.prompt.as_deref() == Some("none") {
        return provider.back(&asked, &[("error", "login_required")]);
    }
    page_answer(StatusCode::OK, page::pick_a_role(&asked))
}

async fn pick(State(provider): State<Provider>, Form(picked): Form<Picked>) -> Response {
    if let Some(refusal) = refusal(&provider, &picked.asked) {
        return refusal;
    }
    if !ROLES.contains(&picked.role.as_str()) {
        return provider.back(&picked.asked, &[("error", "access_denied")]);
    }
    let code = provider.grant(&picked.asked, &picked.role);
    provider.back(&picked.asked, &[("code", &code)])
}

/// A request of an unknown client or for an unknown address is answered here and never redirected.
fn refusal(provider: &Provider, asked: &Asked) -> Option<Response> {
    if !provider.is_ours(asked) {
        let page = page::refused("This client or its redirect address is not registered here.");
        return Some(page_answer(StatusCode::BAD_REQUEST, page));
    }
    let error = if asked.response_type != "code" {
        Some(("unsupported_response_type", "only the code flow is offered"))
    } else if !asked.scope.split(' ').any(|scope| scope == "openid") {
        Some(("invalid_scope", "the scope openid is missing"))
    } else if asked.code_challenge_method != "S256" || asked.code_challenge.len() != 43 {
        Some(("invalid_request", "a PKCE challenge with method S256 is required"))
    } else {
        None
    };
    let (error, why) = error?;
    Some(provider.back(asked, &[("error", error), ("error_description", why)]))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct End {
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

async fn end_session(State(provider): State<Provider>, Query(end): Query<End>) -> Response {
    signed_out(&provider, end)
}

async fn end_session_form(State(provider): State<Provider>, Form(end): Form<End>) -> Response {
    signed_out(&provider, end)
}

/// Back to the relying party if the address is at one of its registered origins.
fn signed_out(provider: &Provider, end: End) -> Response {
    let Some(uri) = end.post_logout_redirect_uri else {
        return page_answer(StatusCode::OK, page::signed_out());
    };
    let known = provider.memory().redirect_uris.iter().any(|known| origin(known) == origin(&uri));
    if !known {
        let page = page::refused("The address to return to is not registered here.");
        return page_answer(StatusCode::BAD_REQUEST, page);
    }
    let state = end.state.unwrap_or_default();
    let fields = if state.is_empty() { vec![] } else { vec![("state", state.as_str())] };
    Redirect::to(&with_query(&uri, &fields)).into_response()
}

fn origin(uri: &str) -> &str {
    let host = uri.find("://").map_or(0, |at| at + 3);
    uri[host..].find('/').map_or(uri, |at| &uri[..host + at])
}

fn with_query(uri: &str, fields: &[(&str, &str)]) -> String {
    let mut uri = uri.to_owned();
    for (name, value) in fields {
        uri.push(if uri.contains('?') { '&' } else { '?' });
        uri.push_str(name);
        uri.push('=');
        for byte in value.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    uri.push(byte as char);
                }
                _ => uri.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    uri
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Headers of the provider's pages. No `form-action`: browsers apply it to the redirect that
/// answers the form, too.
fn page_answer(code: StatusCode, page: String) -> Response {
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers = [(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-store")];
    (code, headers, Html(page)).into_response()
}
