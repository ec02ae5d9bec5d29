//! One system as a process that cannot outlive the testbed.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};

/// Stands between us and the system. While our end of its standard input is open the system runs;
/// when it closes, because we dropped it or because we died in whatever way, the system is killed.
/// The shell also waits for the system, so that no dead process is left to whoever is process 1.
const SUPERVISOR: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- & system=$!
{ read -r _ <&3; kill -KILL "$system"; } 2>/dev/null & watcher=$!
wait "$system"; status=$?
kill "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null
exit "$status"
"#;

/// A killed system is gone within milliseconds; past this the whole group is killed.
const END_WITHIN: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Lines of a log shown when something went wrong.
const TAIL_LINES: usize = 15;

/// A running system: killed, and waited for, when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    log: PathBuf,
    supervisor: Child,
}

/// Starts `binary` in a process group of its own; both its outputs are added to the file `log`.
pub(crate) fn spawn(
    name: &'static str,
    binary: &Path,
    arguments: &[String],
    log: &Path,
) -> anyhow::Result<Process> {
    let output = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .and_then(|file| Ok((file.try_clone()?, file)))
        .with_context(|| format!("open the log of {name}"))?;
    let supervisor = supervise(binary, arguments, output)
        .with_context(|| format!("start {name} from {}", binary.display()))?;
    Ok(Process { name, log: log.to_path_buf(), supervisor })
}

fn supervise(binary: &Path, arguments: &[String], log: (File, File)) -> std::io::Result<Child> {
    Command::new("sh")
        .args(["-c", SUPERVISOR, "sh"])
        .arg(binary)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(log.0)
        .stderr(log.1)
        .process_group(0)
        .spawn()
}

/// The end of a log.
pub(crate) fn tail(log: &Path) -> String {
    let log = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

impl Process {
    /// The process group the system and its supervisor are in; no other process is.
    pub(crate) fn group(&self) -> u32 {
        self.supervisor.id()
    }

    /// Fails, with the end of its log, if the system is no longer running.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        let Some(status) = self.supervisor.try_wait().context("look after a system")? else {
            return Ok(());
        };
        anyhow::bail!("{} ended early ({status}); its log ends:\n{}", self.name, tail(&self.log))
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        let deadline = Instant::now() + END_WITHIN;
        while Instant::now() < deadline {
            match self.supervisor.try_wait() {
                Ok(None) => std::thread::sleep(LOOK_AGAIN),
                Ok(status) => return status,
                Err(_) => return None,
            }
        }
        None
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        if self.ended().is_none() {
            let group = i32::try_from(self.group()).ok().and_then(Pid::from_raw);
            if let Some(group) = group {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = self.supervisor.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::test_kill_process_group;

    fn lives(group: u32) -> bool {
        Pid::from_raw(i32::try_from(group).expect("a process id"))
            .is_some_and(|group| test_kill_process_group(group).is_ok())
    }

    fn sleeper(folder: &Path) -> Process {
        let arguments = ["600".to_owned()];
        spawn("sleeper", Path::new("sleep"), &arguments, &folder.join("log")).expect("sleep starts")
    }

    #[test]
    fn dropping_a_process_leaves_nothing_of_its_group() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = sleeper(folder.path());
        let group = process.group();
        process.check().expect("it runs");
        assert!(lives(group));
        drop(process);
        assert!(!lives(group));
    }

    #[test]
    fn a_panic_leaves_nothing_of_its_group() {
        let folder = tempfile::tempdir().expect("a folder");
        let process = sleeper(folder.path());
        let group = process.group();
        let panicked = std::thread::spawn(move || {
            let _process = process;
            panic!("as a failing test does");
        })
        .join();
        assert!(panicked.is_err());
        assert!(!lives(group));
    }

    #[test]
    fn a_system_that_ends_by_itself_is_reported_with_the_end_of_its_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let arguments = ["-c", "echo no such flag; exit 3"].map(str::to_owned);
        let log = folder.path().join("log");
        let mut process =
            spawn("shell", Path::new("sh"), &arguments, &log).expect("the shell starts");
        assert!(process.ended().is_some());
        let error = process.check().expect_err("it has ended").to_string();
        assert!(error.contains("shell ended early (exit status: 3)"), "{error}");
        assert!(error.ends_with("no such flag"), "{error}");
    }
}
