//! The pretend world's time: the real one, or one that a test steps by hand.
//!
//! A running clock always tells the real time, whatever its speed: readers compare the world's
//! timestamps with their own clock, and times from the future would look wrong to them. A faster
//! world therefore has *shorter durations*: whoever waits or writes a duration asks
//! [`Clock::scale`] for it first.

use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The time of one pretend world; clones share it.
#[derive(Clone, Debug)]
pub struct Clock(Time);

#[derive(Clone, Debug)]
enum Time {
    Running { speed: f64 },
    Stepped(Arc<watch::Sender<Timestamp>>),
}

/// Durations are never scaled below this, so that even a very fast world takes steps one by one.
const SHORTEST_SCALED: Duration = Duration::from_millis(10);

/// The longest single sleep before a running clock looks at the time again, so that a clock set
/// back or a machine that slept cannot hold a waiter for long.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

impl Clock {
    /// The real time, in a world whose durations are `speed` times shorter. A speed that is not a
    /// positive number counts as 1.
    pub fn running(speed: f64) -> Clock {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        Clock(Time::Running { speed })
    }

    /// A time that stands still at `start` until [`Clock::advance`] moves it.
    pub fn stepped(start: Timestamp) -> Clock {
        Clock(Time::Stepped(Arc::new(watch::channel(start).0)))
    }

    /// What time it is in the pretend world.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else asks")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Time::Running { .. } => Timestamp::now(),
            Time::Stepped(now) => *now.borrow(),
        }
    }

    /// Moves a stepped clock forward and wakes everyone whose time has come; a running clock goes
    /// by itself and is left alone.
    pub fn advance(&self, by: Duration) {
        if let Time::Stepped(now) = &self.0 {
            let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
            now.send_modify(|now| *now = now.saturating_add(by).unwrap_or(Timestamp::MAX));
        }
    }

    /// Resolves as soon as [`Clock::now`] is `time` or later.
    pub async fn wait_until(&self, time: Timestamp) {
        match &self.0 {
            Time::Running { .. } => loop {
                let Ok(left) = Duration::try_from(time.duration_since(self.now())) else { return };
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
            },
            Time::Stepped(now) => {
                // The sender lives in `self`, so the channel cannot close while we wait.
                let _ = now.subscribe().wait_for(|now| *now >= time).await;
            }
        }
    }

    /// How long `duration` takes in this world: divided by the speed of a running clock, unchanged
    /// on a stepped one. Zero stays zero.
    pub fn scale(&self, duration: Duration) -> Duration {
        match &self.0 {
            Time::Running { speed } if *speed != 1.0 && !duration.is_zero() => {
                duration.div_f64(*speed).max(SHORTEST_SCALED)
            }
            Time::Running { .. } | Time::Stepped(_) => duration,
        }
    }
}

/// A time as Kubernetes writes `metav1.Time`: RFC 3339 in UTC, whole seconds.
pub fn kubernetes_time(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-11-02T12:00:00Z".parse().unwrap()
    }

    #[tokio::test]
    async fn a_waiter_on_a_stepped_clock_wakes_when_its_time_has_come_and_not_before() {
        let clock = Clock::stepped(noon());
        let waiter = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.wait_until(noon() + SignedDuration::from_secs(60)).await;
                clock.now()
            }
        });
        clock.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        clock.advance(Duration::from_secs(2));
        assert_eq!(waiter.await.unwrap(), noon() + SignedDuration::from_secs(61));
    }

    #[tokio::test]
    async fn waiting_for_the_past_resolves_at_once() {
        Clock::stepped(noon()).wait_until(noon()).await;
        Clock::running(1.0).wait_until(noon()).await;
    }

    #[test]
    fn a_fast_world_shortens_durations_and_keeps_its_timestamps_real() {
        let fast = Clock::running(10.0);
        assert_eq!(fast.scale(Duration::from_secs(180)), Duration::from_secs(18));
        assert_eq!(fast.scale(Duration::ZERO), Duration::ZERO);
        assert_eq!(fast.scale(Duration::from_millis(1)), SHORTEST_SCALED);
        let behind = Clock::running(1.0).now();
        assert!(fast.now().duration_since(behind) < SignedDuration::from_secs(5));
    }

    #[test]
    fn a_senseless_speed_counts_as_one() {
        for speed in [0.0, -3.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Clock::running(speed).scale(Duration::from_secs(9)).as_secs(), 9);
        }
    }

    #[test]
    fn kubernetes_times_have_whole_seconds() {
        let time = "2026-11-02T12:00:00.123Z".parse().unwrap();
        assert_eq!(kubernetes_time(time), "2026-11-02T12:00:00Z");
    }
}
