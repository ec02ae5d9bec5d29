//! The command line: reads it, runs what it asks for, and ends in order on Ctrl+C or SIGTERM.
#![recursion_limit = "256"]

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use server::{
    Running,
    clock::Clock,
    config::Config,
    demo::{self, Demo},
    start,
    telemetry::{self, Format},
};

/// The release control plane for Argo CD and Argo Rollouts.
#[derive(Parser)]
#[command(name = "signalbox", version)]
struct Line {
    #[command(subcommand)]
    command: Command,
    /// How log lines look; SIGNALBOX_LOG filters them.
    #[arg(long, global = true, value_enum, default_value_t, env = "SIGNALBOX_LOG_FORMAT")]
    log_format: Format,
}

#[derive(Subcommand)]
enum Command {
    /// Serve. Without a file: the kubeconfig's cluster, read-only.
    Serve {
        #[arg(long, env = "SIGNALBOX_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Say whether a configuration is right, without starting. Ends with 2 if it is not.
    Check {
        #[arg(long, env = "SIGNALBOX_CONFIG")]
        config: Option<PathBuf>,
    },
    /// A pretend world in which everything works: no cluster needed.
    Demo(Demo),
}

/// A configuration is wrong.
const WRONG_CONFIGURATION: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let line = Line::parse();
    telemetry::start(line.log_format);
    let done = match line.command {
        Command::Serve { config } => match read(config.as_deref()) {
            Ok(config) => serve(config).await,
            Err(code) => return code,
        },
        Command::Check { config } => match read(config.as_deref()) {
            Ok(config) => writeln!(std::io::stdout(), "{}", config.summary()).map_err(Into::into),
            Err(code) => return code,
        },
        Command::Demo(demo) => show(demo).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "signalbox: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn read(path: Option<&Path>) -> Result<Config, ExitCode> {
    Config::load(path).map_err(|error| {
        let _ = writeln!(std::io::stderr(), "signalbox: {error:#}");
        ExitCode::from(WRONG_CONFIGURATION)
    })
}

async fn serve(config: Config) -> anyhow::Result<()> {
    until_told(start(config, Clock::system()).await?).await
}

async fn show(demo: Demo) -> anyhow::Result<()> {
    let shown = demo::start(&demo).await?;
    writeln!(std::io::stdout(), "{}", shown.words)?;
    // The pretend world ends with `shown.world`, after the server.
    until_told(shown.running).await
}

async fn until_told(mut running: Running) -> anyhow::Result<()> {
    use tokio::signal::{ctrl_c, unix};
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    tokio::select! {
        told = ctrl_c() => told?,
        _ = terminate.recv() => {}
        error = running.failed() => return Err(error),
    }
    running.shutdown().await
}
