//! What has to hold before a change goes in.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{assets, command, wasm::Profile};

const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
const NO_CHROMIUM: &str = "no Chromium on the search path; \
    on Debian and Ubuntu `apt-get install chromium` brings it";
const NO_GO: &str = "no Go on the search path, and the testbed builds the real systems with it; \
    on Debian and Ubuntu `apt-get install golang-go` brings it, elsewhere https://go.dev/dl";

/// Everything that needs nothing but Rust and git; stories in a browser where there is one.
pub(crate) fn all(root: &Path) -> Result<()> {
    let start = Instant::now();
    let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    let has_browser = check_chromium(is_ci)?;
    command::run(&mut command::cargo(root, ["fmt", "--all", "--check"]))?;
    lint(root, &["--workspace", "--all-targets"])?;
    lint(
        root,
        &[
            "-p",
            "app",
            "--lib",
            "--features",
            "hydrate",
            "--target",
            "wasm32-unknown-unknown",
            "--target-dir",
            "target/wasm",
        ],
    )?;
    assets::build(root, Profile::Release)?;
    let mut counts = Counts::default();
    run_tests(&mut command::cargo(root, ["test", "--workspace", "--no-fail-fast"]), &mut counts)?;
    counts.conclude(start)?;
    if !has_browser {
        eprintln!("The stories in a browser did not run: {NO_CHROMIUM}.");
    }
    Ok(())
}

/// The same stories against the real systems. Here nothing is left out: a missing tool is a failure.
pub(crate) fn testbed(root: &Path) -> Result<()> {
    const TARGETS: [[&str; 4]; 2] =
        [["-p", "testbed", "--test", "it"], ["-p", "server", "--test", "testbed"]];
    let start = Instant::now();
    require_go()?;
    check_chromium(true)?;
    // Left out of `--all-targets`, because a plain `cargo test` must not start them.
    for target in &TARGETS {
        lint(root, target)?;
    }
    assets::build(root, Profile::Release)?;
    command::run(&mut command::cargo(root, ["run", "-p", "testbed", "--", "build"]))?;
    let mut counts = Counts::default();
    for target in TARGETS {
        run_tests(command::cargo(root, ["test"]).args(target), &mut counts)?;
    }
    counts.conclude(start)
}

pub(crate) fn require_go() -> Result<()> {
    ensure!(command::find(&["go"]).is_some(), NO_GO);
    Ok(())
}

/// Whether there is a browser; where there has to be one, its absence is a failure.
fn check_chromium(is_required: bool) -> Result<bool> {
    let has_browser = command::find(&CHROMIUM).is_some();
    ensure!(has_browser || !is_required, NO_CHROMIUM);
    Ok(has_browser)
}

fn lint(root: &Path, what: &[&str]) -> Result<()> {
    let mut clippy = command::cargo(root, ["clippy"]);
    command::run(clippy.args(what).args(["--", "-D", "warnings"]))
}

/// What the test programs reported, added up.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    programs: usize,
    passed: usize,
    failed: usize,
    ignored: usize,
    /// Commands that ended badly: also a test program that died or did not compile.
    broken: Vec<String>,
}

impl Counts {
    /// Takes `test result: ok. 12 passed; 0 failed; 1 ignored; …`; other lines say nothing.
    fn read(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let count = |word: &str| {
            result
                .split(['.', ';'])
                .find_map(|part| part.trim().strip_suffix(word)?.trim().parse::<usize>().ok())
                .unwrap_or(0)
        };
        self.programs += 1;
        self.passed += count("passed");
        self.failed += count("failed");
        self.ignored += count("ignored");
    }

    fn conclude(self, start: Instant) -> Result<()> {
        eprintln!(
            "{} passed, {} failed, {} ignored in {} test programs, {} s",
            self.passed,
            self.failed,
            self.ignored,
            self.programs,
            start.elapsed().as_secs()
        );
        if !self.broken.is_empty() {
            bail!("`{}` failed", self.broken.join("`, `"));
        }
        ensure!(self.passed > 0, "no test ran");
        Ok(())
    }
}

/// Runs tests, passing on what they say and keeping their counts; goes on after a failure.
fn run_tests(tests: &mut Command, counts: &mut Counts) -> Result<()> {
    let line = command::line(tests);
    eprintln!("$ {line}");
    let mut child =
        tests.stdout(Stdio::piped()).spawn().with_context(|| format!("start {line}"))?;
    let mut out = std::io::stdout();
    for text in BufReader::new(child.stdout.take().context("the tests' output")?).lines() {
        let text = text?;
        writeln!(out, "{text}")?;
        counts.read(&text);
    }
    if !child.wait()?.success() {
        counts.broken.push(line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runners_counts_are_added_up() {
        let mut counts = Counts::default();
        counts.read("running 3 tests");
        counts.read(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s",
        );
        counts.read(
            "test result: FAILED. 40 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        assert_eq!(
            counts,
            Counts { programs: 2, passed: 43, failed: 2, ignored: 1, broken: Vec::new() }
        );
    }
}
