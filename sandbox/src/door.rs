//! A listening port of the pretend world that can be closed and opened again at the same address.
//!
//! Closing cuts every connection, as the death of a server does. While it is closed the port stays
//! bound without listening: connections are refused and nobody else can take the address.

use anyhow::Context;
use axum::Router;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// Connections waiting to be accepted, the usual size.
const BACKLOG: u32 = 1024;

pub(crate) struct Door {
    address: SocketAddr,
    router: Router,
    tls: Option<TlsAcceptor>,
    state: Mutex<State>,
    /// Ends the listening task when the door is dropped while its lock is held elsewhere.
    running: Arc<std::sync::Mutex<Option<tokio::task::AbortHandle>>>,
}

enum State {
    Open(JoinHandle<()>),
    /// Bound, not listening.
    Closed(TcpSocket),
    /// Opening failed; the next attempt binds anew.
    Lost,
}

/// A bound port whose routes are not known yet, because they name its own address.
pub(crate) struct Bound {
    socket: TcpSocket,
    pub(crate) address: SocketAddr,
}

impl Bound {
    /// A free port on the loopback interface.
    pub(crate) fn anywhere() -> anyhow::Result<Bound> {
        let socket = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = socket.local_addr().context("ask the socket for its address")?;
        Ok(Bound { socket, address })
    }

    pub(crate) fn open(self, router: Router, tls: Option<TlsAcceptor>) -> anyhow::Result<Door> {
        let listener = self.socket.listen(BACKLOG).context("listen")?;
        let task = tokio::spawn(accept(listener, router.clone(), tls.clone()));
        let running = Arc::new(std::sync::Mutex::new(Some(task.abort_handle())));
        let state = Mutex::new(State::Open(task));
        Ok(Door { address: self.address, router, tls, state, running })
    }
}

impl Door {
    /// Closes the port and cuts its connections; does nothing if it is closed.
    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        let mut state = self.state.lock().await;
        if let State::Open(task) = &mut *state {
            task.abort();
            // Cancelled, as asked: the listener and its connections are dropped now.
            let _ = task.await;
            *state = State::Lost;
            *state = State::Closed(bind(self.address)?);
        }
        Ok(())
    }

    /// Opens the port again; does nothing if it is open.
    pub(crate) async fn open(&self) -> anyhow::Result<()> {
        let mut state = self.state.lock().await;
        let socket = match std::mem::replace(&mut *state, State::Lost) {
            State::Open(task) => {
                *state = State::Open(task);
                return Ok(());
            }
            State::Closed(socket) => socket,
            State::Lost => bind(self.address)?,
        };
        let listener = socket.listen(BACKLOG).context("listen again")?;
        let task = tokio::spawn(accept(listener, self.router.clone(), self.tls.clone()));
        *self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            Some(task.abort_handle());
        *state = State::Open(task);
        Ok(())
    }

    pub(crate) async fn is_open(&self) -> bool {
        matches!(*self.state.lock().await, State::Open(_))
    }
}

impl Door {
    /// Stops listening and cuts the connections without waiting for it; the end of the door.
    pub(crate) fn abort(&self) {
        let running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(task) = &*running {
            task.abort();
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.abort();
    }
}

fn bind(address: SocketAddr) -> anyhow::Result<TcpSocket> {
    let socket = TcpSocket::new_v4().context("make a socket")?;
    // Connections of the previous listener may linger in TIME_WAIT.
    socket.set_reuseaddr(true).context("set SO_REUSEADDR")?;
    socket.bind(address).with_context(|| format!("bind {address}"))?;
    Ok(socket)
}

/// Serves until it is dropped; its connections go with it.
async fn accept(listener: TcpListener, router: Router, tls: Option<TlsAcceptor>) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::task::yield_now().await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        // Small watch events should not wait for company.
        let _ = stream.set_nodelay(true);
        let (router, tls) = (router.clone(), tls.clone());
        connections.spawn(async move {
            match tls {
                None => serve(stream, router).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => serve(stream, router).await,
                    Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
                },
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended early");
    }
}
