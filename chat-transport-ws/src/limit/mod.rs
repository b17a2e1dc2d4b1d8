//! How much one user, socket or address may do: rates, and how many sockets at a time.
//!
//! One [`Limiter`] per router, asked by every door, so that a limit cannot be walked around by changing doors: a host with
//! doors of its own asks the same ([`Options::limiter`](crate::Options::limiter)). What it
//! keeps is of this node and does not grow with the number of those who knock. Failed logins are counted where passwords are
//! checked, with the accounts.

mod admission;
mod rate;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use chat_core::friendship::Action;
use chat_core::time::Clock;
use chat_core::{ChatError, Command, Limits, UserId};

use admission::Admission;
pub use admission::{Full, Place};
use rate::{Rate, Rates};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// Something that may be done only so often, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// A message is sent.
    Message(UserId),
    /// Somebody is asked to be a friend.
    FriendRequest(UserId),
    /// Somebody logs in or tries to.
    Login(IpAddr),
    /// An account is made.
    Registration(IpAddr),
    /// A mail is asked for.
    MailRequest(IpAddr),
}

impl Act {
    /// What `command` counts as, when `user` gives it.
    pub fn of(user: UserId, command: &Command) -> Option<Self> {
        match command {
            Command::Send { .. } => Some(Self::Message(user)),
            Command::Friend { action: Action::Request, .. } => Some(Self::FriendRequest(user)),
            _ => None,
        }
    }
}

/// Too often: when it may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

impl From<RetryAfter> for ChatError {
    fn from(RetryAfter(retry_after): RetryAfter) -> Self {
        Self::RateLimited { retry_after }
    }
}

/// Who has done how much of late.
pub struct Limiter {
    clock: Arc<dyn Clock>,
    messages: Rates<UserId>,
    friend_requests: Rates<UserId>,
    logins: Rates<IpAddr>,
    registrations: Rates<IpAddr>,
    mail_requests: Rates<IpAddr>,
    frames: Rate,
    sockets: Arc<Admission>,
}

impl Limiter {
    /// The rates of `limits`, measured by `clock`: a burst of five times for messages and frames, of once for others.
    pub fn new(limits: &Limits, clock: Arc<dyn Clock>) -> Self {
        let messages = Rate::new(limits.messages_per_user_per_second, SECOND, 5);
        let friend_requests = Rate::new(limits.friend_requests_per_user_per_hour, HOUR, 1);
        let logins = Rate::new(limits.logins_per_address_per_minute, MINUTE, 1);
        let registrations = Rate::new(limits.registrations_per_address_per_hour, HOUR, 1);
        let mail_requests = Rate::new(limits.mail_requests_per_address_per_hour, HOUR, 1);
        Self {
            clock,
            messages: Rates::new(messages),
            friend_requests: Rates::new(friend_requests),
            logins: Rates::new(logins),
            registrations: Rates::new(registrations),
            mail_requests: Rates::new(mail_requests),
            frames: Rate::new(limits.frames_per_socket_per_second, SECOND, 5),
            sockets: Admission::new(limits),
        }
    }

    /// Counts `act` if it may be done now.
    ///
    /// # Errors
    /// [`RetryAfter`] when it may not; it is not counted then.
    pub fn check(&self, act: Act) -> Result<(), RetryAfter> {
        let now = self.clock.monotonic();
        match act {
            Act::Message(user) => self.messages.take(user, now),
            Act::FriendRequest(user) => self.friend_requests.take(user, now),
            Act::Login(address) => self.logins.take(network(address), now),
            Act::Registration(address) => self.registrations.take(network(address), now),
            Act::MailRequest(address) => self.mail_requests.take(network(address), now),
        }
    }

    /// Counts a frame of one socket, whose allowance is `used`, if it may come now.
    ///
    /// # Errors
    /// [`RetryAfter`] when it may not; it is not counted then.
    pub fn check_frame(&self, used: &mut Used) -> Result<(), RetryAfter> {
        used.0 = self.frames.take(used.0, self.clock.monotonic())?;
        Ok(())
    }

    /// A place for one more socket from this address; where that is not known, only the node's limit holds. Asked
    /// before anything else is, for who knocks is not yet known.
    ///
    /// # Errors
    /// [`Full`] when there is none.
    pub fn admit(&self, address: Option<IpAddr>) -> Result<Place, Full> {
        self.sockets.admit(address)
    }
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").finish_non_exhaustive()
    }
}

/// How much of an allowance is used: kept by whom it belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used(Duration);

/// Whom an address belongs to: with IPv6 everybody has 2^64 of them, so it is the network that counts.
fn network(address: IpAddr) -> IpAddr {
    const NETWORK: u128 = !0 << 64;
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_counts_as_its_network() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }

    /// A clock that stands still until it is moved.
    #[derive(Default)]
    struct Still(std::sync::Mutex<Duration>);

    impl Still {
        fn pass(&self, time: Duration) {
            *self.0.lock().unwrap() += time;
        }
    }

    impl Clock for Still {
        fn now(&self) -> chat_core::Timestamp {
            chat_core::Timestamp::default()
        }

        fn monotonic(&self) -> Duration {
            *self.0.lock().unwrap()
        }

        fn sleep(&self, _: Duration) -> chat_core::time::Sleep {
            Box::pin(std::future::pending())
        }
    }

    /// How often `act` may be done at this moment.
    fn allowed(mut act: impl FnMut() -> Result<(), RetryAfter>) -> u64 {
        (0..10_000).take_while(|_| act().is_ok()).count() as u64
    }

    #[test]
    fn every_rate_has_its_burst_and_comes_back_at_its_pace() {
        let (limits, clock) = (Limits::default(), Arc::new(Still::default()));
        let limiter = Limiter::new(&limits, clock.clone());
        let (user, address) = (UserId::from(1_u32), IpAddr::from([192, 0, 2, 1]));
        for (act, count, period, bursts) in [
            (Act::Message(user), limits.messages_per_user_per_second, SECOND, 5),
            (Act::FriendRequest(user), limits.friend_requests_per_user_per_hour, HOUR, 1),
            (Act::Login(address), limits.logins_per_address_per_minute, MINUTE, 1),
            (Act::Registration(address), limits.registrations_per_address_per_hour, HOUR, 1),
            (Act::MailRequest(address), limits.mail_requests_per_address_per_hour, HOUR, 1),
        ] {
            assert_eq!(allowed(|| limiter.check(act)), count * bursts, "{act:?}: burst");
            clock.pass(period);
            assert_eq!(allowed(|| limiter.check(act)), count, "{act:?}: a period later");
        }
        let mut used = Used::default();
        assert_eq!(allowed(|| limiter.check_frame(&mut used)), limits.frames_per_socket_per_second * 5);
    }

    #[test]
    fn one_does_not_pay_for_another() {
        let limiter = Limiter::new(&Limits::default(), Arc::new(Still::default()));
        let act = |user: u32| Act::Message(UserId::from(user));
        assert!(allowed(|| limiter.check(act(1))) > 0);
        assert!(limiter.check(act(1)).is_err());
        assert!(limiter.check(act(2)).is_ok());
    }
}
