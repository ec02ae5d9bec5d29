//! Waiting for something outside to come true, with a deadline.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Short enough not to be felt in a start of seconds, long enough not to load two cores.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Asks until the answer is `true`. An error counts as "not yet", and is told at the deadline.
pub async fn until<F>(
    within: Duration,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<bool>>,
{
    let deadline = Instant::now() + within;
    loop {
        let error = match tokio::time::timeout(within, ask()).await {
            Ok(Ok(true)) => return Ok(()),
            Ok(Ok(false)) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(anyhow::anyhow!("no answer at all")),
        };
        if Instant::now() >= deadline {
            let message = format!("waited {} s for {what}", within.as_secs());
            return Err(match error {
                Some(error) => error.context(message),
                None => anyhow::anyhow!(message),
            });
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Whether a plain HTTP server on the loopback address answers `200` to `GET path`.
pub(crate) async fn answers_ok(port: u16, path: &str) -> anyhow::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}
