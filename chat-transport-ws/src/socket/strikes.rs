//! How often something has happened of late.

use std::collections::VecDeque;
use std::time::Duration;

/// What is longer ago is forgiven.
const WINDOW: Duration = Duration::from_secs(10);

/// The last times of something that may happen now and then. Holds nothing while it does not.
#[derive(Debug, Default)]
pub(super) struct Strikes(VecDeque<Duration>);

impl Strikes {
    /// Once more. Whether that makes `count` within 10 s.
    pub(super) fn strike(&mut self, now: Duration, count: usize) -> bool {
        while self.0.front().is_some_and(|&then| now.saturating_sub(then) >= WINDOW) {
            self.0.pop_front();
        }
        self.0.push_back(now);
        self.0.len() >= count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_close_together_counts() {
        let mut strikes = Strikes::default();
        let at = Duration::from_millis;
        let struck: Vec<bool> =
            [0, 5_000, 10_000, 14_999, 25_000].map(|millis| strikes.strike(at(millis), 3)).into();
        assert_eq!(struck, [false, false, false, true, false]);
        assert!(strikes.0.len() < 3);
    }
}
