//! The token endpoint, the key behind the tokens, and who a token speaks for.

use super::{CODE_LIFETIME, Grant, KEPT_GRANTS, Provider, TOKEN_LIFETIME, encode, person, secret};
use axum::Json;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenForm {
    grant_type: String,
    code: String,
    redirect_uri: String,
    code_verifier: String,
    client_id: Option<String>,
    client_secret: Option<String>,
}

pub(super) async fn token(
    State(provider): State<Provider>,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> Response {
    let (id, secret) = basic(&headers)
        .or(form.client_id.clone().zip(form.client_secret.clone()))
        .unwrap_or_default();
    let ours = &provider.0.endpoint;
    if id != ours.client_id || secret != ours.client_secret {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"oidc\"")];
        return (challenge, error(StatusCode::UNAUTHORIZED, "invalid_client")).into_response();
    }
    if form.grant_type != "authorization_code" {
        return error(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    match redeem(&provider, &form) {
        None => error(StatusCode::BAD_REQUEST, "invalid_grant"),
        Some((grant, access)) => {
            let body = json!({
                "access_token": access, "token_type": "Bearer",
                "expires_in": TOKEN_LIFETIME.as_secs(), "scope": "openid profile email groups",
                "id_token": id_token(&provider, &grant),
            });
            ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
    }
}

/// Uses a code up. A second use also ends the access token of the first (RFC 6749, 4.1.2).
fn redeem(provider: &Provider, form: &TokenForm) -> Option<(Grant, String)> {
    let now = provider.0.clock.now();
    let mut memory = provider.memory();
    let grant = memory.codes.get_mut(&form.code)?;
    if let Some(access) = grant.used.clone() {
        memory.access.remove(&access);
        return None;
    }
    let access = secret();
    // Whatever comes of it, this code was tried: a wrong verifier is a stolen code.
    grant.used = Some(access.clone());
    let grant = grant.clone();
    let fits = now.duration_since(grant.granted) <= CODE_LIFETIME
        && grant.redirect_uri == form.redirect_uri
        && encode(Sha256::digest(form.code_verifier.as_bytes())) == grant.challenge;
    if !fits {
        return None;
    }
    memory.access.retain(|_, (_, end)| *end > now);
    if memory.access.len() >= KEPT_GRANTS {
        memory.access.clear();
    }
    memory.access.insert(access.clone(), (grant.role.clone(), now + TOKEN_LIFETIME));
    Some((grant, access))
}

fn id_token(provider: &Provider, grant: &Grant) -> String {
    let now = provider.0.clock.now();
    let ours = &provider.0.endpoint;
    let mut claims = person(&grant.role);
    claims["iss"] = json!(ours.issuer);
    claims["aud"] = json!(ours.client_id);
    claims["iat"] = json!(now.as_second());
    claims["exp"] = json!((now + TOKEN_LIFETIME).as_second());
    claims["auth_time"] = json!(grant.granted.as_second());
    if let Some(nonce) = &grant.nonce {
        claims["nonce"] = json!(nonce);
    }
    let header = json!({"alg": "ES256", "typ": "JWT", "kid": provider.0.key_id});
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature: Signature = provider.0.key.sign(signed.as_bytes());
    format!("{signed}.{}", encode(signature.to_bytes()))
}

pub(super) async fn jwks(State(provider): State<Provider>) -> Json<Value> {
    let point = provider.0.key.verifying_key().to_encoded_point(false);
    // An uncompressed point of a valid key always has both coordinates.
    let (x, y) = (point.x().map(encode), point.y().map(encode));
    Json(json!({"keys": [{
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": provider.0.key_id,
        "x": x, "y": y,
    }]}))
}

pub(super) async fn userinfo(State(provider): State<Provider>, headers: HeaderMap) -> Response {
    let now = provider.0.clock.now();
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let role = token.and_then(|token| token.strip_prefix("Bearer ")).and_then(|token| {
        let memory = provider.memory();
        memory.access.get(token).filter(|(_, end)| *end > now).map(|(role, _)| role.clone())
    });
    match role {
        Some(role) => Json(person(&role)).into_response(),
        None => {
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
            (challenge, error(StatusCode::UNAUTHORIZED, "invalid_token")).into_response()
        }
    }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()?;
    // Our id and secret are letters and digits, which form encoding leaves alone.
    text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}

fn error(code: StatusCode, error: &str) -> Response {
    (code, [(header::CACHE_CONTROL, "no-store")], Json(json!({"error": error}))).into_response()
}
