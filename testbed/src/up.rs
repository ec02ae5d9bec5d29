//! A testbed for a person: started, shown, and ended with Ctrl-C.

use std::io::Write as _;

use anyhow::Context as _;

use crate::{CANARY, Options, Testbed};

/// Starts a testbed with the canary fixture in it, prints its kubeconfig and waits for Ctrl-C.
pub async fn up() -> anyhow::Result<()> {
    let testbed = Testbed::start(Options::default()).await?;
    testbed.apply(CANARY).await.context("apply the canary")?;
    let mut out = std::io::stdout();
    writeln!(out, "The testbed runs at {}. To look at it:\n", testbed.url())?;
    writeln!(out, "  export KUBECONFIG={}", testbed.admin_kubeconfig().display())?;
    writeln!(out, "  kubectl --namespace canary get rollout checkout --watch\n")?;
    writeln!(out, "Ctrl-C ends it and leaves nothing behind.")?;
    tokio::signal::ctrl_c().await.context("wait for Ctrl-C")
}
