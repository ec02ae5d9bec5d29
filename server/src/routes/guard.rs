//! What every answer and every change must pass.
//!
//! A browser sends our cookie along with other sites' requests, too. It also says from where a
//! request comes, in headers no page can write; a change is taken only from our own pages.
//! <https://www.w3.org/TR/fetch-metadata/>

use axum::{
    Router,
    extract::{Request, State as Extract},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::Response,
};

use super::error::problem;
use crate::{
    State,
    session::{self, bearer, is_secure},
};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// For answers that are no page: nothing in them may run, load or be framed.
const NO_PAGE: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Two years, as the lists of browsers ask for.
const HSTS: &str = "max-age=63072000; includeSubDomains";

/// What is set where a handler did not say otherwise.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, NO_PAGE),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Puts these routes behind the guard, with a session for whoever has one.
pub fn layer(routes: Router<State>, state: &State) -> Router<State> {
    routes.layer(session::layer(state)).layer(middleware::from_fn_with_state(state.clone(), guard))
}

async fn guard(Extract(state): Extract<State>, request: Request, next: Next) -> Response {
    let mut response = match allowed(request.method(), request.headers(), &state.public_url) {
        Ok(()) => next.run(request).await,
        Err(why) => problem(StatusCode::FORBIDDEN, "Not from here", why, None),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if is_secure(&state) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    response
}

/// Whether a request may change something, judged by where it comes from.
fn allowed(method: &Method, headers: &HeaderMap, public_url: &str) -> Result<(), &'static str> {
    const FOREIGN: &str =
        "This request came from another site. Open Signalbox itself and try again there.";
    const UNKNOWN: &str = "This request does not say where it comes from. Browsers do; a program sends an API token and no cookie, or the header Origin with Signalbox's own address.";
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    // No browser adds a token by itself.
    if bearer(headers).is_some_and(|token| !token.is_empty())
        && !headers.contains_key(header::COOKIE)
    {
        return Ok(());
    }
    if let Some(site) = headers.get(FETCH_SITE) {
        return if site == "same-origin" { Ok(()) } else { Err(FOREIGN) };
    }
    match headers.get(header::ORIGIN) {
        Some(origin) if !public_url.is_empty() && origin.as_bytes() == origin_of(public_url) => {
            Ok(())
        }
        Some(_) => Err(FOREIGN),
        None => Err(UNKNOWN),
    }
}

/// Scheme, host and port; a public URL may have a path.
fn origin_of(url: &str) -> &[u8] {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    &url.as_bytes()[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://signalbox.example";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_change_is_taken_only_from_our_own_pages() {
        let cookie = ("cookie", "signalbox=1");
        let token = ("authorization", "Bearer signalbox_1_2");
        let table: [(&[(&'static str, &'static str)], bool); 16] = [
            (&[cookie, ("sec-fetch-site", "same-origin")], true),
            (&[cookie, ("sec-fetch-site", "same-site")], false),
            (&[cookie, ("sec-fetch-site", "cross-site")], false),
            (&[cookie, ("sec-fetch-site", "none")], false),
            (&[cookie, ("sec-fetch-site", "cross-site"), ("origin", OURS)], false),
            (&[cookie, ("origin", OURS)], true),
            (&[cookie, ("origin", "null")], false),
            (&[cookie, ("origin", "http://signalbox.example")], false),
            (&[cookie, ("origin", "https://signalbox.example:8443")], false),
            (&[cookie, ("origin", "https://signalbox.example.evil.example")], false),
            (&[cookie], false),
            (&[], false),
            (&[token], true),
            (&[token, cookie], false),
            (&[token, cookie, ("sec-fetch-site", "same-origin")], true),
            (&[("authorization", "Basic eDp5")], false),
        ];
        for (given, good) in table {
            let given = headers(given);
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert_eq!(allowed(&method, &given, OURS).is_ok(), good, "{method} {given:?}");
            }
            for method in [Method::GET, Method::HEAD] {
                assert!(allowed(&method, &given, OURS).is_ok(), "{method} changes nothing");
            }
        }
    }

    #[test]
    fn without_an_address_of_our_own_no_origin_is_ours() {
        assert!(allowed(&Method::POST, &headers(&[("origin", "")]), "").is_err());
    }

    #[test]
    fn the_origin_of_a_public_url_ends_before_its_path() {
        for url in ["https://a.example:1/x/y", "https://a.example:1", "https://a.example:1/"] {
            assert_eq!(origin_of(url), b"https://a.example:1", "{url}");
        }
    }
}
