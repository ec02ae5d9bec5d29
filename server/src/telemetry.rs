//! What the process says about itself: one line per event on standard error, as text or JSON.
//!
//! Requests are logged without headers, queries and bodies, so no token can slip in.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// What is logged unless `SIGNALBOX_LOG` says otherwise. The client library warns about every
/// refused watch; we say that once, in words.
const FILTER: &str = "info,kube_runtime=error,kube_client=off,tower_sessions=warn,sqlx=warn";

/// Starts logging; a second call changes nothing.
pub fn start(format: Format) {
    let filter =
        EnvFilter::try_from_env("SIGNALBOX_LOG").unwrap_or_else(|_| EnvFilter::new(FILTER));
    let lines = match format {
        Format::Text => {
            let is_read_by_a_person = std::io::stderr().is_terminal();
            fmt::layer().with_ansi(is_read_by_a_person).with_writer(std::io::stderr).boxed()
        }
        Format::Json => fmt::layer().json().with_writer(std::io::stderr).boxed(),
    };
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}
