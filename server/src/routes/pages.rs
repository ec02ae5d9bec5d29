//! Pages: gather, render, and prepare the live view the page will ask for.

use app::{Frame, Live, Page, Theme};
use axum::{
    extract::{OriginalUri, State as Extract},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use domain::board::Freshness;
use jiff::Timestamp;
use leptos::{
    nonce::{provide_nonce, use_nonce},
    prelude::Owner,
};

use super::error;
use crate::{
    State,
    pages::{self, Address, NoPage, sight},
    session::SignedIn,
    views::{self, Key},
};

/// Every page of the navigation, and the rollout's.
pub(super) async fn page(
    Extract(state): Extract<State>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    signed_in: SignedIn,
) -> Response {
    let address = match Address::of(&uri) {
        Ok(address) => address,
        Err(unknown @ NoPage::Unknown) => {
            return error::problem(StatusCode::NOT_FOUND, "Not found", unknown.to_string(), None);
        }
        Err(wrong @ NoPage::Query(_)) => {
            return error::problem(StatusCode::BAD_REQUEST, "Bad address", wrong.to_string(), None);
        }
    };
    let newest = state.board.newest();
    let actor = &signed_in.0;
    let gathered =
        pages::gather(&address, &newest.board, &state.store, actor, state.clock.now()).await;
    let (page, status) = match gathered {
        Ok(Some(page)) => (page, StatusCode::OK),
        Ok(None) => (error::nothing_here(), StatusCode::NOT_FOUND),
        Err(error) => return error::internal(&error),
    };
    let freshness = sight::freshness(&newest.board, actor, &address);
    let is_live = address.is_live() && status == StatusCode::OK;
    let frame = Frame {
        actor: Some(actor.clone()),
        view: uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        version: if is_live { newest.version.to_string() } else { String::new() },
        freshness: freshness.clone(),
        outcome: signed_in.take_outcome().await,
        ..bare_frame(&state, &headers)
    };
    let response = document(&page, &frame, status);
    if is_live {
        let key = Key::of(&address, &newest.board, actor);
        views::prepare(&state, key, page, newest.version, freshness);
    }
    response
}

/// What surrounds a page that is not live and belongs to nobody.
pub fn bare_frame(state: &State, headers: &HeaderMap) -> Frame {
    Frame {
        assets: state.assets.clone(),
        theme: theme(headers),
        actor: None,
        view: String::new(),
        version: String::new(),
        freshness: Freshness::Live,
        outcome: None,
        now: state.clock.now(),
        speed: 1,
    }
}

/// A document, with the nonce of its scripts in the content security policy.
pub fn document(page: &Page, frame: &Frame, status: StatusCode) -> Response {
    let owner = Owner::new();
    let (html, nonce) = owner.with(|| {
        provide_nonce();
        let nonce = use_nonce().map(|nonce| nonce.to_string()).unwrap_or_default();
        (app::document(page, frame), nonce)
    });
    owner.cleanup();
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy(page, &nonce)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    // What one may see changes with roles and time; a stored copy would show yesterday as today.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Scripts run by nonce alone, and nothing comes from another host. The sign-in form is answered
/// with a redirect to the identity provider, and from there to wherever it sends people, which
/// browsers hold against `form-action`: so that page does not say it.
fn policy(page: &Page, nonce: &str) -> String {
    let forms = match page {
        Page::SignIn(_) => "",
        Page::Environments(_)
        | Page::Rollouts(_)
        | Page::Rollout(_)
        | Page::Connections(_)
        | Page::Audit(_)
        | Page::Problem(_) => "form-action 'self'; ",
    };
    format!(
        "default-src 'none'; script-src 'strict-dynamic' 'nonce-{nonce}' 'wasm-unsafe-eval'; \
         style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; {forms}frame-ancestors 'none'"
    )
}

/// The parts of a page that change by themselves.
pub(crate) fn render_live(page: &Page) -> Live {
    let owner = Owner::new();
    let live = owner.with(|| app::live(page));
    owner.cleanup();
    live
}

/// The whole changing region, for a view that nobody in particular looks at.
pub(crate) fn render_region(page: &Page) -> app::Fragment {
    let owner = Owner::new();
    let frame = Frame {
        assets: app::Assets::default(),
        theme: None,
        actor: None,
        view: String::new(),
        version: String::new(),
        freshness: Freshness::Live,
        outcome: None,
        now: Timestamp::UNIX_EPOCH,
        speed: 1,
    };
    let region = owner.with(|| app::region(page, &frame));
    owner.cleanup();
    region
}

/// The choice the theme switch keeps in a cookie.
fn theme(headers: &HeaderMap) -> Option<Theme> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .find_map(|cookie| match cookie.trim() {
            "theme=light" => Some(Theme::Light),
            "theme=dark" => Some(Theme::Dark),
            _ => None,
        })
}
