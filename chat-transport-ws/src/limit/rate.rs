//! The generic cell rate algorithm: all there is to remember of somebody is until when his allowance is used.
//!
//! It is two lines of arithmetic, and our own because the map around it must be bounded, which none of the crates' is.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;
use std::time::Duration;

use super::RetryAfter;

/// How many keys one rate keeps apart: some 3 MB. Beyond, those nearest to a full allowance are forgotten.
const KEYS_MAX: usize = 65_536;

/// One for every `interval`, after a burst.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    interval: Duration,
    /// How far ahead of time an allowance may be used.
    ahead_max: Duration,
}

impl Rate {
    /// `count` per `period`, after a burst of `bursts` times as many. A count of zero lets nothing through.
    pub(super) fn new(count: u64, period: Duration, bursts: u32) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let interval = period.checked_div(count).unwrap_or(period);
        Self { interval, ahead_max: interval.saturating_mul(count.saturating_mul(bursts)) }
    }

    /// Until when an allowance that was used until `used` is used after one more at `now`.
    pub(super) fn take(&self, used: Duration, now: Duration) -> Result<Duration, RetryAfter> {
        let used = used.max(now) + self.interval;
        let early = used.saturating_sub(now + self.ahead_max);
        if early.is_zero() { Ok(used) } else { Err(RetryAfter(early)) }
    }
}

/// A rate for each key.
#[derive(Debug)]
pub(super) struct Rates<K> {
    rate: Rate,
    /// Until when each one's allowance is used. Who is not here has all of his.
    used: Mutex<HashMap<K, Duration>>,
}

impl<K: Copy + Eq + Hash> Rates<K> {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, used: Mutex::default() }
    }

    pub(super) fn take(&self, key: K, now: Duration) -> Result<(), RetryAfter> {
        let mut used = self.used.lock().expect("nothing panics while this lock is held");
        let until = self.rate.take(used.get(&key).copied().unwrap_or_default(), now)?;
        if used.len() >= KEYS_MAX && !used.contains_key(&key) {
            forget_half(&mut used);
        }
        used.insert(key, until);
        Ok(())
    }
}

/// Forgets the half whose allowance is full, or will be first: of all keys these tell the least.
fn forget_half<K: Copy + Eq + Hash>(used: &mut HashMap<K, Duration>) {
    let mut keys: Vec<(Duration, K)> = used.iter().map(|(key, until)| (*until, *key)).collect();
    let half = keys.len() / 2;
    let (forgotten, ..) = keys.select_nth_unstable_by_key(half, |(until, _)| *until);
    for (_, key) in forgotten {
        used.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_refused_says_when_to_come_back_and_means_it() {
        let rate = Rate::new(10, SECOND, 2);
        let now = SECOND * 100;
        let mut used = Duration::ZERO;
        for _ in 0..20 {
            used = rate.take(used, now).unwrap();
        }
        let RetryAfter(wait) = rate.take(used, now).unwrap_err();
        assert_eq!(wait, SECOND / 10);
        assert!(rate.take(used, now + wait.mul_f64(0.999)).is_err());
        assert!(rate.take(used, now + wait).is_ok());
    }

    #[test]
    fn a_rate_of_zero_lets_nothing_through_and_a_huge_one_everything() {
        assert_eq!(Rate::new(0, SECOND, 5).take(Duration::ZERO, SECOND), Err(RetryAfter(SECOND)));
        let huge = Rate::new(u64::MAX, SECOND, 5);
        let mut used = Duration::ZERO;
        for _ in 0..1000 {
            used = huge.take(used, SECOND).unwrap();
        }
    }

    #[test]
    fn however_many_come_the_map_stays_bounded_and_remembers_who_is_over() {
        let rates = Rates::new(Rate::new(1, SECOND, 5));
        let greedy = u32::MAX;
        for _ in 0..5 {
            rates.take(greedy, SECOND).unwrap();
        }
        for key in 0..200_000 {
            rates.take(key, SECOND).unwrap();
            assert!(rates.used.lock().unwrap().len() <= KEYS_MAX);
        }
        assert!(rates.take(greedy, SECOND).is_err());
    }
}
