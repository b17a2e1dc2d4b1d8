//! What may happen so often to one name: failed attempts to prove who one is, mails to one address; on this node.
//!
//! A fixed table, indexed by a keyed hash of the name: it never grows, holds no name, and cannot be washed out by
//! trying many names. Two names in one place share an allowance; every failure costs a password hash, so that far
//! fewer happen than there are places. Names that exist and names that do not are counted alike.

use std::sync::Mutex;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::error::ChatError;
use crate::id::IdSource;

const PLACES: usize = 1 << 16;

/// The failed attempts of all names.
pub(super) struct FailedAttempts {
    /// Mixed into the hash, so that nobody can choose names that share a place.
    key: [u8; 32],
    /// One attempt is regained in this time.
    interval: Duration,
    /// As many at once as in a period.
    burst: u32,
    /// When, by the monotonic clock, a name will have regained everything.
    restored_at: Mutex<Box<[Duration]>>,
}

/// An attempt under way: counted as failed until forgiven, so that many at once are not let through.
pub(super) struct Attempt<'a> {
    all: &'a FailedAttempts,
    place: usize,
}

impl FailedAttempts {
    pub(super) fn new(per_period: u64, period: Duration, ids: &dyn IdSource) -> Self {
        let burst = u32::try_from(per_period).unwrap_or(u32::MAX).max(1);
        let mut key = [0; 32];
        ids.fill(&mut key);
        Self {
            key,
            interval: period / burst,
            burst,
            restored_at: Mutex::new(vec![Duration::ZERO; PLACES].into_boxed_slice()),
        }
    }

    /// Begins an attempt for this name.
    pub(super) fn begin(&self, name: &[u8], now: Duration) -> Result<Attempt<'_>, ChatError> {
        let place = self.place(name);
        let mut places = self.restored_at.lock().expect("nothing panics while this lock is held");
        let next = places[place].max(now) + self.interval;
        let latest = now + self.interval * self.burst;
        if next > latest {
            return Err(ChatError::RateLimited { retry_after: next.saturating_sub(latest) });
        }
        places[place] = next;
        Ok(Attempt { all: self, place })
    }

    fn place(&self, name: &[u8]) -> usize {
        let hash = Sha256::new().chain_update(self.key).chain_update(name).finalize();
        usize::from(u16::from_be_bytes([hash[0], hash[1]]))
    }
}

impl Attempt<'_> {
    /// It did not fail, or for another reason than what was given.
    pub(super) fn forgive(self) {
        let mut places = self.all.restored_at.lock().expect("nothing panics while this lock is held");
        places[self.place] = places[self.place].saturating_sub(self.all.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SystemIds;

    const START: Duration = Duration::from_hours(1);

    fn attempts(per_minute: u64) -> FailedAttempts {
        FailedAttempts::new(per_minute, Duration::from_mins(1), &SystemIds::default())
    }

    fn fail(attempts: &FailedAttempts, name: &[u8], now: Duration) -> Option<Duration> {
        match attempts.begin(name, now) {
            Ok(_) => None,
            Err(ChatError::RateLimited { retry_after }) => Some(retry_after),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn so_many_at_once_then_one_each_interval() {
        let attempts = attempts(10);
        for _ in 0..10 {
            assert_eq!(fail(&attempts, b"ada", START), None);
        }
        assert_eq!(fail(&attempts, b"ada", START), Some(Duration::from_secs(6)));
        assert_eq!(fail(&attempts, b"ada", START + Duration::from_secs(5)), Some(Duration::from_secs(1)));
        assert_eq!(fail(&attempts, b"ada", START + Duration::from_secs(6)), None);
        assert_eq!(fail(&attempts, b"ada", START + Duration::from_secs(6)), Some(Duration::from_secs(6)));
    }

    #[test]
    fn a_minute_restores_everything_and_no_more() {
        let attempts = attempts(3);
        for round in 0..3 {
            let now = START + Duration::from_mins(round);
            let failed: Vec<bool> = (0..5).map(|_| fail(&attempts, b"ada", now).is_none()).collect();
            assert_eq!(failed, [true, true, true, false, false]);
        }
    }

    #[test]
    fn what_succeeds_is_not_counted() {
        let attempts = attempts(2);
        for _ in 0..100 {
            attempts.begin(b"ada", START).unwrap().forgive();
        }
        assert_eq!(fail(&attempts, b"ada", START), None);
        assert_eq!(fail(&attempts, b"ada", START), None);
        assert!(fail(&attempts, b"ada", START).is_some());
    }

    #[test]
    fn those_under_way_count() {
        let attempts = attempts(2);
        let _under_way = [attempts.begin(b"ada", START).unwrap(), attempts.begin(b"ada", START).unwrap()];
        assert!(fail(&attempts, b"ada", START).is_some());
    }

    #[test]
    fn another_name_has_its_own_and_the_table_does_not_grow() {
        let attempts = attempts(1);
        let refused = (0..1_000_u32).filter(|n| fail(&attempts, &n.to_be_bytes(), START).is_some()).count();
        assert!(refused < 100, "{refused} of 1 000 names shared a place");
        assert_eq!(attempts.restored_at.lock().unwrap().len(), PLACES);
    }

    #[test]
    fn a_limit_of_none_is_one() {
        let attempts = attempts(0);
        assert_eq!(fail(&attempts, b"ada", START), None);
        assert_eq!(fail(&attempts, b"ada", START), Some(Duration::from_mins(1)));
    }
}
