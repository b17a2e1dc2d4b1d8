//! How long to wait before the next try: twice as long each time, and by chance less, so that thousands of clients do
//! not return at once.

use std::time::Duration;

/// The waits between tries that fail.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
}

impl Backoff {
    pub(super) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, tries: 0 }
    }

    /// The next wait: anything from nothing to twice the bound before, by `chance` of 0 to 1.
    pub(super) fn next(&mut self, chance: f64) -> Duration {
        let bound = self.first.saturating_mul(2_u32.saturating_pow(self.tries)).min(self.longest);
        self.tries = self.tries.saturating_add(1);
        bound.mul_f64(chance)
    }

    /// It worked: the next failure is the first again.
    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }
}

/// A number from 0 to 1 that nobody else has.
pub(super) fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness everybody waits the whole time: slower, not wrong.
    if getrandom::fill(&mut bytes).is_err() {
        return 1.0;
    }
    f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_double_up_to_the_longest_and_begin_anew() {
        let second = Duration::from_secs(1);
        let mut backoff = Backoff::new(second, second * 10);
        let bounds: Vec<u64> = (0..6).map(|_| backoff.next(1.0).as_secs()).collect();
        assert_eq!(bounds, [1, 2, 4, 8, 10, 10]);
        assert_eq!(backoff.next(0.25), second * 10 / 4);
        backoff.reset();
        assert_eq!(backoff.next(1.0), second);
        assert!((0..100).map(|_| chance()).all(|chance| (0.0..=1.0).contains(&chance)));
    }
}
