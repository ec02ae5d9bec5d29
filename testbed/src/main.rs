//! `testbed build` makes the tools; `testbed up` starts a cluster for a person to look at.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let done = match command.as_deref() {
        Some("build") => testbed::tools::ensure(&testbed::tools::default_bin_dir()).map(drop),
        Some("up") => testbed::up().await,
        _ => {
            eprintln!("usage: testbed build | testbed up");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("testbed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
