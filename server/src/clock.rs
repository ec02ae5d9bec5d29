//! What time it is. Asked here and nowhere else, so that a test can hold time still.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// The time, or one that a test steps by hand; clones share it.
#[derive(Clone, Debug)]
pub struct Clock(Time);

#[derive(Clone, Debug)]
enum Time {
    System,
    Stepped(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// The machine's own time.
    pub fn system() -> Self {
        Self(Time::System)
    }

    /// A time that stands still until [`Clock::advance`] moves it.
    pub fn stepped(start: Timestamp) -> Self {
        Self(Time::Stepped(Arc::new(Mutex::new(start))))
    }

    /// What time it is.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else asks")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Time::System => Timestamp::now(),
            Time::Stepped(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a stepped clock forward; the machine's goes by itself.
    pub fn advance(&self, by: SignedDuration) {
        if let Time::Stepped(now) = &self.0 {
            let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
            *now = now.saturating_add(by).unwrap_or(Timestamp::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stepped_clock_moves_only_by_hand() {
        let start = Timestamp::UNIX_EPOCH;
        let clock = Clock::stepped(start);
        let shared = clock.clone();
        assert_eq!(clock.now(), start);
        shared.advance(SignedDuration::from_secs(5));
        assert_eq!(clock.now().as_second(), 5);
    }
}
