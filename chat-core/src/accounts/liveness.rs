//! Which logins are alive, remembered for at most a second, and which were used since the last sweep.
//!
//! A login ends once and never comes back. So "ended" is never overwritten by an answer that was under way when the
//! login ended, and such an answer counts from when it was asked for, not from when it came.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::id::SessionId;
use crate::time::Timestamp;

/// How old what is remembered may be.
const FRESH: Duration = Duration::from_secs(1);

/// Most logins remembered at a time; more are asked for every time.
const REMEMBERED_MAX: usize = 1 << 16;

#[derive(Clone, Copy)]
struct Known {
    is_alive: bool,
    asked_at: Duration,
}

/// What is known of logins.
#[derive(Default)]
pub(super) struct Liveness {
    known: Mutex<HashMap<SessionId, Known>>,
    used: Mutex<HashMap<SessionId, Timestamp>>,
}

impl Liveness {
    /// Whether it is alive, if that was asked within the last second.
    pub(super) fn recall(&self, session: SessionId, now: Duration) -> Option<bool> {
        self.known().get(&session).filter(|known| is_fresh(known, now)).map(|known| known.is_alive)
    }

    /// Remembers answers to a question asked at `asked_at`.
    pub(super) fn learn(
        &self,
        answers: impl Iterator<Item = (SessionId, bool)>,
        asked_at: Duration,
        now: Duration,
    ) {
        let mut known = self.known();
        for (session, is_alive) in answers {
            if has_room(&mut known, session, now) {
                let before = known.entry(session).or_insert(Known { is_alive, asked_at });
                if before.is_alive {
                    *before = Known { is_alive, asked_at: before.asked_at.max(asked_at) };
                }
            }
        }
    }

    /// These have ended here and now.
    pub(super) fn end(&self, sessions: &[SessionId], now: Duration) {
        let mut known = self.known();
        for &session in sessions {
            if has_room(&mut known, session, now) {
                known.insert(session, Known { is_alive: false, asked_at: now });
            }
        }
    }

    /// It was used.
    pub(super) fn note_use(&self, session: SessionId, now: Timestamp) {
        let mut used = self.used.lock().expect("nothing panics while this lock is held");
        if used.len() < REMEMBERED_MAX || used.contains_key(&session) {
            used.insert(session, now);
        }
    }

    /// What was used since this was last called.
    pub(super) fn take_used(&self) -> Vec<(SessionId, Timestamp)> {
        let mut used = self.used.lock().expect("nothing panics while this lock is held");
        std::mem::take(&mut *used).into_iter().collect()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SessionId, Known>> {
        self.known.lock().expect("nothing panics while this lock is held")
    }
}

fn is_fresh(known: &Known, now: Duration) -> bool {
    now.saturating_sub(known.asked_at) < FRESH
}

/// Whether this one can be remembered; forgets what is no longer fresh when there is no other room.
fn has_room(known: &mut HashMap<SessionId, Known>, session: SessionId, now: Duration) -> bool {
    if known.len() >= REMEMBERED_MAX && !known.contains_key(&session) {
        known.retain(|_, known| is_fresh(known, now));
    }
    known.len() < REMEMBERED_MAX || known.contains_key(&session)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const AT: Duration = Duration::from_secs(100);

    fn id(n: usize) -> SessionId {
        SessionId::from(Uuid::from_u128(n as u128))
    }

    fn learn(liveness: &Liveness, n: usize, is_alive: bool, asked_at: Duration) {
        liveness.learn(std::iter::once((id(n), is_alive)), asked_at, asked_at);
    }

    #[test]
    fn an_answer_is_good_for_less_than_a_second() {
        let liveness = Liveness::default();
        learn(&liveness, 1, true, AT);
        learn(&liveness, 2, false, AT);
        let last = AT + Duration::from_millis(999);
        assert_eq!(liveness.recall(id(1), last), Some(true));
        assert_eq!(liveness.recall(id(2), last), Some(false));
        assert_eq!(liveness.recall(id(1), AT + FRESH), None);
        assert_eq!(liveness.recall(id(3), AT), None);
    }

    #[test]
    fn what_ends_here_is_known_at_once_and_no_late_answer_revives_it() {
        let liveness = Liveness::default();
        learn(&liveness, 1, true, AT);
        liveness.end(&[id(1), id(2)], AT);
        learn(&liveness, 1, true, AT);
        learn(&liveness, 2, true, AT);
        assert_eq!(liveness.recall(id(1), AT), Some(false));
        assert_eq!(liveness.recall(id(2), AT), Some(false));
    }

    #[test]
    fn an_answer_counts_from_when_it_was_asked_for() {
        let liveness = Liveness::default();
        liveness.learn(std::iter::once((id(1), true)), AT, AT + FRESH);
        assert_eq!(liveness.recall(id(1), AT + FRESH), None);
    }

    #[test]
    fn it_is_bounded_and_makes_room_of_what_is_old() {
        let liveness = Liveness::default();
        for n in 0..=REMEMBERED_MAX {
            learn(&liveness, n, true, AT);
        }
        assert_eq!(liveness.recall(id(REMEMBERED_MAX - 1), AT), Some(true));
        assert_eq!(liveness.recall(id(REMEMBERED_MAX), AT), None);
        learn(&liveness, REMEMBERED_MAX, true, AT + FRESH);
        assert_eq!(liveness.recall(id(REMEMBERED_MAX), AT + FRESH), Some(true));
        assert_eq!(liveness.known().len(), 1);
    }

    #[test]
    fn uses_are_taken_once_with_the_latest_time() {
        let liveness = Liveness::default();
        liveness.note_use(id(1), Timestamp::from_millis(1));
        liveness.note_use(id(1), Timestamp::from_millis(2));
        assert_eq!(liveness.take_used(), [(id(1), Timestamp::from_millis(2))]);
        assert_eq!(liveness.take_used(), []);
    }
}
