//! The binary that is shipped, with its assets in it.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use crate::{assets, command, wasm::Profile};

/// Builds into `target/dist/signalbox`.
pub(crate) fn build(root: &Path) -> Result<()> {
    let stamp = assets::build(root, Profile::Release)?;
    // The server reads this at compile time: cargo then embeds changed assets anew.
    let mut cargo = command::cargo(root, ["build", "--release", "-p", "server"]);
    command::run(cargo.env("SIGNALBOX_ASSETS", stamp))?;
    let folder = root.join("target/dist");
    fs::create_dir_all(&folder)?;
    let binary = folder.join("signalbox");
    fs::copy(root.join("target/release/signalbox"), &binary)
        .with_context(|| format!("copy the binary to {}", binary.display()))?;
    eprintln!("{} ({} bytes)", binary.display(), fs::metadata(&binary)?.len());
    Ok(())
}
