//! Ports a testbed keeps for as long as it lives, even while nobody listens on them.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context as _, bail};

/// Below the range from which Linux gives ports to outgoing connections (32768 and up): a server
/// that is stopped and comes back must not find its port taken by a client's own end.
/// <https://docs.kernel.org/networking/ip-sysctl.html> (`ip_local_port_range`)
const RANGE: std::ops::Range<u16> = 21_000..32_000;

/// One port of the loopback address that no other testbed on this machine uses.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    /// Held, never read: the lock ends with the process, however it ends.
    _claim: File,
}

/// Claims the first free port: nobody listens on it, and no other testbed holds its file.
pub(crate) fn claim() -> anyhow::Result<Port> {
    let folder = std::env::temp_dir().join("signalbox-testbed-ports");
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    for number in RANGE {
        let Ok(file) = File::create(folder.join(number.to_string())) else { continue };
        if file.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
            return Ok(Port { number, _claim: file });
        }
    }
    bail!("no port between {} and {} is free", RANGE.start, RANGE.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_port_is_given_to_nobody_else_until_it_is_dropped() {
        let first = claim().expect("a port");
        let second = claim().expect("another port");
        assert_ne!(first.number, second.number);
        assert!(RANGE.contains(&first.number));
        TcpListener::bind((Ipv4Addr::LOCALHOST, first.number)).expect("nobody listens on it");
    }
}
