//! Whether this process has been asleep: stopped by its machine, or cut off from what says who may still be served.
//!
//! A node looks every second whether the logins it serves still live. One that has not done so for the length of a
//! lease, because it did not run, gives no session anything before it has looked again: what was taken away meanwhile
//! on another node is not served. Where nobody else writes to the store nothing can have been taken away.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::nodes::LEASE;

/// When logins were last looked at.
#[derive(Debug)]
pub(crate) struct Pulse {
    /// In milliseconds of the monotonic clock; absent where it does not matter.
    last: Option<AtomicU64>,
    beaten: Notify,
}

fn millis(of: Duration) -> u64 {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX)
}

impl Pulse {
    /// Of a process that others can take something away from.
    pub(crate) fn at(now: Duration) -> Self {
        Self { last: Some(AtomicU64::new(millis(now))), beaten: Notify::new() }
    }

    /// Of a process that is alone.
    pub(crate) fn of_one_alone() -> Self {
        Self { last: None, beaten: Notify::new() }
    }

    /// Logins were looked at just now.
    pub(super) fn beat(&self, now: Duration) {
        if let Some(last) = &self.last {
            last.store(millis(now), Ordering::Release);
            self.beaten.notify_waiters();
        }
    }

    /// Whether logins must be looked at before anything is given out.
    pub(super) fn is_late(&self, now: impl FnOnce() -> Duration) -> bool {
        let late =
            |last: &AtomicU64| millis(now()).saturating_sub(last.load(Ordering::Acquire)) > millis(LEASE);
        self.last.as_ref().is_some_and(late)
    }

    /// Ends when nothing stands in the way of giving out.
    pub(super) async fn in_time(&self, now: impl Fn() -> Duration) {
        while self.is_late(&now) {
            let beaten = self.beaten.notified();
            tokio::pin!(beaten);
            beaten.as_mut().enable();
            if !self.is_late(&now) {
                return;
            }
            beaten.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[tokio::test]
    async fn who_slept_waits_until_it_has_looked() {
        let pulse = Pulse::at(seconds(0));
        assert!(!pulse.is_late(|| seconds(15)));
        assert!(pulse.is_late(|| seconds(16)));
        let now = || seconds(16);
        let waits = pulse.in_time(now);
        tokio::pin!(waits);
        assert!(futures_util::poll!(waits.as_mut()).is_pending());
        pulse.beat(seconds(16));
        waits.await;
        assert!(!pulse.is_late(|| seconds(16)));
    }

    #[test]
    fn who_is_alone_never_waits() {
        assert!(!Pulse::of_one_alone().is_late(|| seconds(1_000)));
    }
}
