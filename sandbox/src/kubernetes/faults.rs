//! What can be wrong with an API while it runs. A test or the control page sets it; every request
//! and every open watch looks at it.

use std::time::Duration;
use tokio::sync::watch;

/// The present troubles of one API; the default is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Troubles {
    /// Every answer waits this long.
    pub delay: Duration,
    /// Connections are accepted and never answered; open watches fall silent.
    pub half_open: bool,
    /// Answers to lists and watch events break off in the middle of their JSON.
    pub truncate: bool,
    /// Every watch event is sent twice.
    pub duplicate_events: bool,
    /// A watch from a forgotten version is answered HTTP 410 instead of an ERROR event.
    pub gone_as_http: bool,
    /// Counts up to cut the watches that are open.
    cuts: u64,
}

/// The switchboard of one API's troubles.
pub(crate) struct Faults(watch::Sender<Troubles>);

impl Faults {
    pub(crate) fn none() -> Faults {
        Faults(watch::channel(Troubles::default()).0)
    }

    pub(crate) fn now(&self) -> Troubles {
        self.0.borrow().clone()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Troubles> {
        self.0.subscribe()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Troubles)) {
        self.0.send_modify(change);
    }

    pub(crate) fn cut_watches(&self) {
        self.0.send_modify(|troubles| troubles.cuts += 1);
    }

    /// Ends every trouble; watches that were cut stay cut.
    pub(crate) fn clear(&self) {
        self.0.send_modify(|troubles| {
            *troubles = Troubles { cuts: troubles.cuts, ..Troubles::default() };
        });
    }

    /// Resolves when answers may be given: not half open, and after the delay.
    pub(crate) async fn admit(&self) {
        let mut troubles = self.subscribe();
        // The sender lives in `self`.
        let _ = troubles.wait_for(|troubles| !troubles.half_open).await;
        let delay = troubles.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }
}

impl Troubles {
    pub(crate) fn cuts(&self) -> u64 {
        self.cuts
    }
}
