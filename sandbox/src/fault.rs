//! What can go wrong with a cluster, as one value for tests and for the control page.

use crate::kubernetes::kinds::Kind;
use std::time::Duration;

/// One thing to do to a cluster's API.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The listener closes and every connection is cut.
    StopApi,
    /// The listener opens again at the same port.
    StartApi,
    /// Every open watch ends, as when a load balancer drops it.
    CutWatches,
    /// The history is forgotten: open watches and the next resume are told 410.
    Compact,
    /// Every answer waits this long; zero ends it.
    Delay(Duration),
    /// Connections are accepted and not answered, watches fall silent.
    HalfOpen(bool),
    /// Lists and watch events break off in the middle of their JSON.
    Truncate(bool),
    /// Every watch event is sent twice.
    DuplicateEvents(bool),
    /// A watch from a forgotten version is answered HTTP 410 instead of an ERROR event.
    GoneAsHttp(bool),
    /// A custom kind, its definition and its objects disappear.
    Uninstall(&'static Kind),
    /// A custom kind is defined again; what [`Fault::Uninstall`] took away comes back.
    Install(&'static Kind),
    /// All troubles end and the API is open.
    Clear,
}

impl Fault {
    /// Reads a fault as the control page names it. `kind` is `plural.group`.
    pub(crate) fn parse(
        name: &str,
        kind: Option<&str>,
        milliseconds: Option<u64>,
    ) -> Result<Fault, String> {
        let kind = || {
            let name = kind.ok_or("this fault needs a kind such as rollouts.argoproj.io")?;
            Kind::find_resource(name).ok_or_else(|| format!("no kind is named {name}"))
        };
        Ok(match name {
            "stop-api" => Fault::StopApi,
            "start-api" => Fault::StartApi,
            "cut-watches" => Fault::CutWatches,
            "compact" => Fault::Compact,
            "delay" => Fault::Delay(Duration::from_millis(
                milliseconds.ok_or("this fault needs a number of milliseconds")?,
            )),
            "half-open" => Fault::HalfOpen(true),
            "truncate" => Fault::Truncate(true),
            "duplicate-events" => Fault::DuplicateEvents(true),
            "gone-as-http" => Fault::GoneAsHttp(true),
            "uninstall" => Fault::Uninstall(kind()?),
            "install" => Fault::Install(kind()?),
            "clear" => Fault::Clear,
            other => return Err(format!("no fault is named {other}")),
        })
    }
}
