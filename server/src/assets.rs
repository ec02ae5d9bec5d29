//! The built files beside the pages: script, WebAssembly, styles. `cargo xtask wasm` makes them,
//! under names with a hash of their content and compressed beforehand; a debug build reads them from
//! `target/site`, a release build carries them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use axum::{
    body::Body,
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

/// Where they are served: `create_router` mounts [`serve`] at `/assets/{file}`.
const PREFIX: &str = "/assets/";
/// The index the build writes: what a file is for -> its name.
const INDEX: &str = "assets.json";
/// The part of the styles that every page carries.
const FIRST: &str = "first.css";
/// A name never comes back with another content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Set by `cargo xtask dist`; naming it here makes cargo embed changed assets anew.
const _BUILD: Option<&str> = option_env!("SIGNALBOX_ASSETS");

#[derive(RustEmbed)]
#[folder = "../target/site"]
#[allow_missing = true]
struct Site;

/// The names pages link to. An error, in one sentence, when nothing was built.
pub fn load() -> Result<app::Assets> {
    let index =
        Site::get(INDEX).context("the pages' assets are not built: run cargo xtask wasm first")?;
    let index: BTreeMap<String, String> = serde_json::from_slice(&index.data)
        .context("assets.json is damaged: run cargo xtask wasm")?;
    let path = |part: &str| -> Result<String> {
        let file = index
            .get(part)
            .with_context(|| format!("assets.json does not name {part}: run cargo xtask wasm"))?;
        Ok(format!("{PREFIX}{file}"))
    };
    let first = path(FIRST)?;
    let first = first
        .strip_prefix(PREFIX)
        .and_then(Site::get)
        .with_context(|| format!("{FIRST} is not where assets.json says: run cargo xtask wasm"))?;
    Ok(app::Assets {
        js: path("app.js")?,
        wasm: path("app_bg.wasm")?,
        css: path("app.css")?,
        first: String::from_utf8(first.data.into_owned())
            .with_context(|| format!("{FIRST} is damaged: run cargo xtask wasm"))?,
    })
}

/// One asset, in the smallest form the browser takes.
pub async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let Some(kind) = content_type(&file) else { return StatusCode::NOT_FOUND.into_response() };
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let accepted = accepted.unwrap_or_default();
    for (encoding, end) in [("br", ".br"), ("gzip", ".gz"), ("", "")] {
        if !encoding.is_empty() && !accepts(accepted, encoding) {
            continue;
        }
        let Some(found) = Site::get(&format!("{file}{end}")) else { continue };
        let mut response = Response::new(Body::from(found.data));
        let told = response.headers_mut();
        told.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
        told.insert(header::CACHE_CONTROL, header::HeaderValue::from_static(FOR_EVER));
        told.insert(header::VARY, header::HeaderValue::from_static("accept-encoding"));
        if !encoding.is_empty() {
            told.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static(encoding));
        }
        return response;
    }
    StatusCode::NOT_FOUND.into_response()
}

/// By its ending; other files are none of ours, the index and the compressed forms included.
fn content_type(file: &str) -> Option<&'static str> {
    match file.rsplit_once('.')?.1 {
        "js" => Some("text/javascript; charset=utf-8"),
        "wasm" => Some("application/wasm"),
        "css" => Some("text/css; charset=utf-8"),
        _ => None,
    }
}

/// Whether `Accept-Encoding` takes this one: named, and not with `q=0` (RFC 9110 §12.5.3).
fn accepts(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding))
            && !parts.any(|part| {
                part.strip_prefix("q=")
                    .is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight == 0.0))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_taken_when_named_and_not_refused() {
        for (header, encoding, taken) in [
            ("gzip, deflate, br, zstd", "br", true),
            ("gzip;q=1.0, br;q=0", "br", false),
            ("br;q=0.000", "br", false),
            ("BR;q=0.5", "br", true),
            ("brotli", "br", false),
            ("", "gzip", false),
        ] {
            assert_eq!(accepts(header, encoding), taken, "{encoding} in {header:?}");
        }
    }

    #[tokio::test]
    async fn files_that_are_no_assets_are_not_found() {
        for file in
            ["assets.json", "app.css.br", "../Cargo.toml", "../../style/base.css", "none.css", ""]
        {
            let answer = serve(Path(file.to_owned()), HeaderMap::new()).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{file}");
        }
    }

    #[tokio::test]
    async fn a_built_asset_comes_compressed_and_may_be_kept_for_ever() {
        // The test runner builds them; without it there is one sentence to say.
        let assets = match load() {
            Ok(assets) => assets,
            Err(error) => {
                assert!(error.to_string().contains("run cargo xtask wasm"), "{error}");
                return;
            }
        };
        assert!(assets.first.contains(".shell{"), "{}", assets.first);
        for (path, kind) in [
            (assets.js, "text/javascript; charset=utf-8"),
            (assets.wasm, "application/wasm"),
            (assets.css, "text/css; charset=utf-8"),
        ] {
            let file = path.strip_prefix(PREFIX).expect("a path below the prefix").to_owned();
            for (accepted, encoding) in
                [("gzip, br", Some("br")), ("gzip", Some("gzip")), ("", None)]
            {
                let mut headers = HeaderMap::new();
                headers.insert(header::ACCEPT_ENCODING, accepted.parse().expect("a header"));
                let answer = serve(Path(file.clone()), headers).await;
                let told = |name: header::HeaderName| {
                    answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned())
                };
                assert_eq!(answer.status(), StatusCode::OK, "{file}");
                assert_eq!(told(header::CONTENT_ENCODING).as_deref(), encoding, "{file}");
                assert_eq!(told(header::CONTENT_TYPE).as_deref(), Some(kind));
                assert_eq!(told(header::CACHE_CONTROL).as_deref(), Some(FOR_EVER));
                assert_eq!(told(header::VARY).as_deref(), Some("accept-encoding"));
            }
        }
    }
}
