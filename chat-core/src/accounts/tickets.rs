//! Tickets: what a browser shows to open a socket, since it cannot send headers there. Good once, for half a minute,
//! at the node that gave them; kept in memory only, as hashes.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::secret::Secret;
use super::sessions::Identity;
use crate::error::ChatError;
use crate::id::{IdSource, UserId};
use crate::limits::Limits;

/// How long a ticket is good.
pub(super) const LIFETIME: Duration = Duration::from_secs(30);

/// A ticket for one socket.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ticket {
    /// What is shown to open the socket.
    pub ticket: Secret,
    /// How long it is good, in seconds.
    pub expires_in: u64,
}

type Digest = [u8; 32];

/// The tickets that have been given and not been shown.
pub(super) struct Tickets {
    of_all_max: usize,
    of_user_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<Digest, Identity>,
    /// In the order in which they were given, which is the order in which they end; those shown are still in it.
    ends: VecDeque<(Duration, Digest)>,
    of_user: HashMap<UserId, usize>,
}

impl Tickets {
    /// As many tickets as sockets: of one user, and of all.
    pub(super) fn new(limits: &Limits) -> Self {
        let most = |limit| usize::try_from(limit).unwrap_or(usize::MAX).max(1);
        Self {
            of_all_max: most(limits.sockets_per_node_max),
            of_user_max: most(limits.sockets_per_user_max),
            state: Mutex::default(),
        }
    }

    /// A new ticket.
    pub(super) fn give(
        &self,
        identity: Identity,
        ids: &dyn IdSource,
        now: Duration,
    ) -> Result<Secret, ChatError> {
        let mut random = Zeroizing::new([0; 32]);
        ids.fill(&mut *random);
        let ticket = Secret::from(URL_SAFE_NO_PAD.encode(*random));
        let digest = Sha256::digest(ticket.expose()).into();
        let mut state = self.state.lock().expect("nothing panics while this lock is held");
        state.forget_ended(now);
        let retry_after = state.ends.front().map_or(LIFETIME, |(ends, _)| ends.saturating_sub(now));
        if state.ends.len() >= self.of_all_max {
            return Err(ChatError::Overloaded { retry_after });
        }
        let of_user = state.of_user.entry(identity.user).or_default();
        if *of_user >= self.of_user_max {
            return Err(ChatError::RateLimited { retry_after: LIFETIME });
        }
        *of_user += 1;
        state.waiting.insert(digest, identity);
        state.ends.push_back((now + LIFETIME, digest));
        Ok(ticket)
    }

    /// Whose ticket this is, once.
    pub(super) fn take(&self, ticket: &str, now: Duration) -> Option<Identity> {
        let digest: Digest = Sha256::digest(ticket).into();
        let mut state = self.state.lock().expect("nothing panics while this lock is held");
        state.forget_ended(now);
        state.take(&digest)
    }
}

impl State {
    fn take(&mut self, digest: &Digest) -> Option<Identity> {
        let identity = self.waiting.remove(digest)?;
        if let Some(of_user) = self.of_user.get_mut(&identity.user) {
            *of_user -= 1;
            if *of_user == 0 {
                self.of_user.remove(&identity.user);
            }
        }
        Some(identity)
    }

    fn forget_ended(&mut self, now: Duration) {
        while self.ends.front().is_some_and(|(ends, _)| *ends <= now) {
            if let Some((_, digest)) = self.ends.pop_front() {
                self.take(&digest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SessionId, SystemIds};
    use crate::time::Timestamp;
    use uuid::Uuid;

    const AT: Duration = Duration::from_secs(100);

    fn identity(user: u64) -> Identity {
        let session = SessionId::from(Uuid::from_u128(user.into()));
        Identity { user: UserId::from(user), session, expires_at: Timestamp::from_millis(0) }
    }

    fn tickets(of_all: u64, of_user: u64) -> Tickets {
        Tickets::new(&Limits {
            sockets_per_node_max: of_all,
            sockets_per_user_max: of_user,
            ..Limits::default()
        })
    }

    fn give(tickets: &Tickets, user: u64, now: Duration) -> Result<Secret, &'static str> {
        tickets.give(identity(user), &SystemIds::default(), now).map_err(|error| error.code())
    }

    #[test]
    fn a_ticket_is_good_once() {
        let tickets = tickets(9, 9);
        let [one, two] = [1, 2].map(|user| give(&tickets, user, AT).unwrap());
        assert_eq!(tickets.take(two.expose(), AT), Some(identity(2)));
        assert_eq!(tickets.take(two.expose(), AT), None);
        assert_eq!(tickets.take(one.expose(), AT), Some(identity(1)));
    }

    #[test]
    fn a_ticket_is_good_for_half_a_minute() {
        let tickets = tickets(9, 9);
        let [one, two] = [1, 2].map(|user| give(&tickets, user, AT).unwrap());
        assert_eq!(tickets.take(one.expose(), AT + Duration::from_millis(29_999)), Some(identity(1)));
        assert_eq!(tickets.take(two.expose(), AT + LIFETIME), None);
    }

    #[test]
    fn what_is_no_ticket_is_refused() {
        let tickets = tickets(9, 9);
        let ticket = give(&tickets, 1, AT).unwrap();
        for text in ["", "\0", &ticket.expose()[1..], &format!("{}A", ticket.expose())] {
            assert_eq!(tickets.take(text, AT), None);
        }
    }

    #[test]
    fn one_user_cannot_take_them_all() {
        let tickets = tickets(9, 2);
        let first = give(&tickets, 1, AT).unwrap();
        give(&tickets, 1, AT).unwrap();
        assert_eq!(give(&tickets, 1, AT).unwrap_err(), "rate_limited");
        assert!(give(&tickets, 2, AT).is_ok());
        assert!(tickets.take(first.expose(), AT).is_some());
        assert!(give(&tickets, 1, AT).is_ok());
        assert!(give(&tickets, 1, AT + LIFETIME).is_ok());
    }

    #[test]
    fn there_are_so_many_and_no_more_and_nothing_stays_behind() {
        let tickets = tickets(2, 9);
        give(&tickets, 1, AT).unwrap();
        give(&tickets, 2, AT).unwrap();
        assert_eq!(give(&tickets, 3, AT).unwrap_err(), "overloaded");
        assert!(give(&tickets, 3, AT + LIFETIME).is_ok());
        let state = tickets.state.lock().unwrap();
        assert_eq!((state.waiting.len(), state.ends.len(), state.of_user.len()), (1, 1, 1));
    }
}
