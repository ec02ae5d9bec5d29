//! For whoever runs Signalbox: is it alive, is it ready, what does it do.

use std::{fmt::Write, sync::atomic::Ordering};

use axum::{
    extract::State as Extract,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::board::{KindState, Link};

use crate::State;

/// `GET /healthz`: it answers, so it lives.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: ready once every cluster has been read, or is known not to answer; not while it
/// shuts down. A cluster that is away must not take the view of the others with it.
pub(super) async fn ready(Extract(state): Extract<State>) -> Response {
    if *state.closing.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response();
    }
    let board = state.board.newest().board;
    let unread = board
        .clusters
        .values()
        .find(|cluster| matches!(cluster.link, Link::Connecting { error: None, .. }));
    match unread {
        Some(cluster) => {
            let words = format!("cluster {} is still being read\n", cluster.name);
            (StatusCode::SERVICE_UNAVAILABLE, words).into_response()
        }
        None => "ready\n".into_response(),
    }
}

/// `GET /metrics`: Prometheus' text format.
/// <https://prometheus.io/docs/instrumenting/exposition_formats/>
pub(super) async fn metrics(Extract(state): Extract<State>) -> Response {
    let newest = state.board.newest();
    let counts = &state.views.counts;
    let watches = newest.board.environments.iter().map(|e| e.namespaces.len()).sum::<usize>()
        * crate::board::Kind::ALL.len();
    let broken = newest
        .board
        .clusters
        .values()
        .flat_map(|cluster| cluster.kinds.values())
        .filter(|kind| matches!(kind, KindState::Broken { .. }))
        .count();
    let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let table = [
        ("watches", "gauge", "Watches on all clusters.", watches as u64),
        ("kinds_broken", "gauge", "Kinds whose watch does not run.", broken as u64),
        ("rollouts", "gauge", "Rollouts on the board.", newest.board.rollouts.len() as u64),
        ("board_version", "counter", "Boards published.", newest.version.number),
        ("views", "gauge", "Distinct live views.", state.views.len() as u64),
        ("tabs", "gauge", "Tabs connected.", read(&counts.tabs)),
        ("view_renders_total", "counter", "Live views rendered.", read(&counts.renders)),
        ("view_frames_total", "counter", "Frames written.", read(&counts.frames)),
        ("view_bytes_total", "counter", "Bytes handed to tabs.", read(&counts.bytes)),
    ];
    let mut text = String::new();
    for (name, kind, help, value) in table {
        let _ = writeln!(text, "# HELP signalbox_{name} {help}");
        let _ = writeln!(text, "# TYPE signalbox_{name} {kind}");
        let _ = writeln!(text, "signalbox_{name} {value}");
    }
    let _ = writeln!(text, "# HELP signalbox_cluster_up Whether a cluster is seen live.");
    let _ = writeln!(text, "# TYPE signalbox_cluster_up gauge");
    for cluster in newest.board.clusters.values() {
        let up = u8::from(matches!(cluster.link, Link::Live { .. }));
        let _ = writeln!(text, "signalbox_cluster_up{{cluster=\"{}\"}} {up}", cluster.name);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
