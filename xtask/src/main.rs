//! Builds, runs and tests Signalbox with nothing but cargo: `cargo xtask demo`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

mod assets;
mod command;
mod css;
mod dist;
mod test;
mod wasm;

#[cfg(test)]
mod contrast;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, runs and tests Signalbox")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the pages' assets and run the embedded demo; arguments go to `signalbox demo`
    Demo {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Format check, lints and all tests that need nothing but Rust and git
    Test {
        /// The stories against the real systems instead (needs Go)
        #[arg(long)]
        testbed: bool,
    },
    /// The real systems the stories run against
    Testbed {
        #[command(subcommand)]
        task: TestbedTask,
    },
    /// Build the pages' assets alone, into target/site
    Wasm {
        /// Fast to build, big to send
        #[arg(long)]
        dev: bool,
    },
    /// Build the release binary, assets embedded, into target/dist
    Dist,
}

#[derive(Subcommand)]
enum TestbedTask {
    /// Build and start them, and keep them until interrupted
    Up {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> Result<()> {
    let root = workspace()?;
    match Arguments::parse().task {
        Task::Demo { arguments } => {
            assets::build(&root, wasm::Profile::Release)?;
            let mut demo = command::cargo(&root, ["run", "-p", "server", "--", "demo"]);
            command::run(demo.args(arguments))
        }
        Task::Test { testbed: false } => test::all(&root),
        Task::Test { testbed: true } => test::testbed(&root),
        Task::Testbed { task: TestbedTask::Up { arguments } } => {
            test::require_go()?;
            let mut up = command::cargo(&root, ["run", "-p", "testbed", "--", "up"]);
            command::run(up.args(arguments))
        }
        Task::Wasm { dev } => {
            let profile = if dev { wasm::Profile::Dev } else { wasm::Profile::Release };
            assets::build(&root, profile).map(|_| ())
        }
        Task::Dist => dist::build(&root),
    }
}

/// The folder above this crate's.
fn workspace() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("xtask stands in a workspace")?.to_owned())
}
