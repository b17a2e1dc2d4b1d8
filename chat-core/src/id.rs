//! Identifiers: 128-bit values that mean the same on every store.
//!
//! A host keeps its own user ids: integers and strings are folded into reserved UUIDv8 ranges, so no user table is
//! needed and nothing has to be mapped at run time. Ids of direct conversations, groups and channels are *derived*
//! from what identifies them, which makes creating them idempotent without an index.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::time::Timestamp;

/// First 48 bits of a user id that carries an integer ("chat", 1).
const INTEGER_PREFIX: u64 = 0x6368_6174_0001;
/// First 48 bits of a user id that is the hash of a host's string ("chat", 2).
const STRING_PREFIX: u64 = 0x6368_6174_0002;

/// The text is not an id of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct InvalidId;

/// A person, on every store 16 bytes.
///
/// Integers (of 64 bits, signed or not) and strings of the host have ranges of their own; everything else is a UUID.
///
/// ```
/// use chat_core::UserId;
/// assert_eq!(UserId::from(42_u64).to_string(), "42");
/// assert_eq!("-7".parse::<UserId>()?, UserId::from(-7_i64));
/// assert_ne!(UserId::from_external("42"), UserId::from(42_u64));
/// # Ok::<(), chat_core::InvalidId>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Uuid);

impl UserId {
    /// The system itself: nil, shown as an absent `by`.
    pub const SYSTEM: Self = Self(Uuid::nil());

    /// A host's own UUID.
    ///
    /// # Errors
    /// [`InvalidId`] for nil and for the two reserved ranges, which would collide with integers and strings.
    pub fn from_uuid(uuid: Uuid) -> Result<Self, InvalidId> {
        let id = Self(uuid);
        if uuid.is_nil() || id.is_reserved() { Err(InvalidId) } else { Ok(id) }
    }

    /// The id of a host's string key: a hash, the same for ever. The string itself is the host's to keep
    /// ([`Profile::external_id`](crate::Profile::external_id)).
    pub fn from_external(key: &str) -> Self {
        let digest =
            Sha256::new().chain_update(b"chat external user\0").chain_update(key.as_bytes()).finalize();
        let mut low = [0_u8; 16];
        low.copy_from_slice(&digest[..16]);
        Self(compose(STRING_PREFIX, u128::from_be_bytes(low)))
    }

    /// The integer this id carries, if it is one.
    pub fn as_integer(self) -> Option<i128> {
        let bits = self.0.as_u128();
        if prefix(bits) != INTEGER_PREFIX || self.0.get_version_num() != 8 || (bits >> 70) & 0x3f != 0 {
            return None;
        }
        let high = (bits >> 64) & 0x3f;
        let value = (high << 62) | (bits & ((1 << 62) - 1));
        // 68 bits, sign-extended.
        #[expect(clippy::cast_possible_wrap, reason = "the shift pair is the sign extension")]
        Some(((value << 60) as i128) >> 60)
    }

    /// From the 16 bytes a store keeps.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The 16 bytes a store keeps.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// As a UUID, whatever its range.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }

    /// Whether this is the system.
    pub const fn is_system(self) -> bool {
        self.0.is_nil()
    }

    fn is_reserved(self) -> bool {
        self.0.get_version_num() == 8 && matches!(prefix(self.0.as_u128()), INTEGER_PREFIX | STRING_PREFIX)
    }

    fn from_integer(value: i128) -> Self {
        #[expect(clippy::cast_sign_loss, reason = "two's complement, cut to 68 bits")]
        let value = (value as u128) & ((1 << 68) - 1);
        let high = value >> 62;
        Self(compose_fields(INTEGER_PREFIX, high, value & ((1 << 62) - 1)))
    }
}

impl From<u64> for UserId {
    fn from(value: u64) -> Self {
        Self::from_integer(i128::from(value))
    }
}

impl From<i64> for UserId {
    fn from(value: i64) -> Self {
        Self::from_integer(i128::from(value))
    }
}

impl From<u32> for UserId {
    fn from(value: u32) -> Self {
        Self::from_integer(i128::from(value))
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_integer() {
            Some(integer) => integer.fmt(f),
            None => self.0.hyphenated().fmt(f),
        }
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserId({self})")
    }
}

impl FromStr for UserId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.len() <= 20 {
            let integer: i128 = text.parse().map_err(|_| InvalidId)?;
            let id = Self::from_integer(integer);
            // Only the one way we write it: no plus sign, no leading zeros, nothing past 64 bits.
            let fits = i64::try_from(integer).is_ok() || u64::try_from(integer).is_ok();
            return if fits && id.to_string() == text { Ok(id) } else { Err(InvalidId) };
        }
        let id = Self(canonical_uuid(text)?);
        if id.0.is_nil() || id.as_integer().is_some() { Err(InvalidId) } else { Ok(id) }
    }
}

/// Ids that are plain UUIDs.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// From the 16 bytes a store keeps.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes a store keeps.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// As a UUID.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                canonical_uuid(text).map(Self)
            }
        }
    };
}

uuid_id! {
    /// A conversation. Derived, see [`ConversationId::direct`], [`ConversationId::created`], [`ConversationId::named`].
    ConversationId
}
uuid_id! {
    /// An entry of a log; for a message this is the message's id.
    EntryId
}
uuid_id! {
    /// A login: one device of one user. A host without sessions of its own derives it from what it has.
    SessionId
}

uuid_id! {
    /// A file that hangs, or will hang, on a message.
    AttachmentId
}

impl ConversationId {
    /// The one direct conversation of a pair: the same for whoever computes it, so two first messages meet.
    pub fn direct(tenant: Tenant, pair: Pair) -> Self {
        Self(derived(tenant, b"direct", &[pair.low().as_bytes(), pair.high().as_bytes()]))
    }

    /// A group or channel made by `creator` with this `client_id`: a repeat makes the same one.
    pub fn created(tenant: Tenant, creator: UserId, client_id: &str) -> Self {
        Self(derived(tenant, b"created", &[creator.as_bytes(), client_id.as_bytes()]))
    }

    /// The channel of this name that the host ensures.
    pub fn named(tenant: Tenant, name: &str) -> Self {
        Self(derived(tenant, b"named", &[name.as_bytes()]))
    }
}

/// Which tenant of a shared store this is; derived ids hash it. One `Store` value serves one tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant(pub u32);

/// Two different people, unordered: the key of everything that exists between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    low: UserId,
    high: UserId,
}

/// Which of a [`Pair`] somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one with the lower id.
    Low,
    /// The one with the higher id.
    High,
}

impl Side {
    /// Both, low first.
    pub const BOTH: [Self; 2] = [Self::Low, Self::High];

    /// The opposite side.
    pub const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }

    /// 0 for low, 1 for high: the place in arrays kept per side.
    pub const fn index(self) -> usize {
        match self {
            Self::Low => 0,
            Self::High => 1,
        }
    }
}

/// A pair of one person with himself, or with the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pair takes two different people")]
pub struct NotAPair;

impl Pair {
    /// The pair of `a` and `b`, whichever comes first.
    ///
    /// # Errors
    /// [`NotAPair`] when they are the same, or one is the system.
    pub fn new(a: UserId, b: UserId) -> Result<Self, NotAPair> {
        if a == b || a.is_system() || b.is_system() {
            return Err(NotAPair);
        }
        Ok(if a < b { Self { low: a, high: b } } else { Self { low: b, high: a } })
    }

    /// The one with the lower id.
    pub const fn low(self) -> UserId {
        self.low
    }

    /// The one with the higher id.
    pub const fn high(self) -> UserId {
        self.high
    }

    /// Both, low first.
    pub const fn both(self) -> [UserId; 2] {
        [self.low, self.high]
    }

    /// Who is on this side.
    pub const fn user(self, side: Side) -> UserId {
        match side {
            Side::Low => self.low,
            Side::High => self.high,
        }
    }

    /// The side of `user`, if he is one of the two.
    pub fn side(self, user: UserId) -> Option<Side> {
        if user == self.low {
            Some(Side::Low)
        } else if user == self.high {
            Some(Side::High)
        } else {
            None
        }
    }

    /// The other of the two, if `user` is one of them.
    pub fn other(self, user: UserId) -> Option<UserId> {
        self.side(user).map(|side| self.user(side.other()))
    }
}

/// A position in a conversation's log: 1, 2, 3, …; 0 is before the first. Below 2^53, so JSON carries it exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(u64);

impl Seq {
    /// Before the first entry.
    pub const ZERO: Self = Self(0);
    /// That of the first entry.
    pub const FIRST: Self = Self(1);
    /// The highest position there can be.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// A position; what is above [`Seq::MAX`] becomes it.
    pub const fn new(value: u64) -> Self {
        if value > Self::MAX.0 { Self::MAX } else { Self(value) }
    }

    /// As a number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The position after this one.
    pub const fn next(self) -> Self {
        Self::new(self.0 + 1)
    }

    /// The position before this one; nothing comes before zero.
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where new ids and randomness come from; injected, so that a whole cluster can run in one deterministic test.
pub trait IdSource: Send + Sync + 'static {
    /// A new UUIDv7. Never the same twice in a process, also after the clock stepped back.
    fn uuid(&self, now: Timestamp) -> Uuid;

    /// Fills `bytes` with randomness fit for secrets.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness, and UUIDv7 with a process-wide counter.
#[derive(Debug, Default)]
pub struct SystemIds {
    /// Last milliseconds and counter given out.
    last: Mutex<(u64, u16)>,
}

impl IdSource for SystemIds {
    fn uuid(&self, now: Timestamp) -> Uuid {
        let mut random = [0_u8; 8];
        self.fill(&mut random);
        let (millis, counter) = {
            let mut last = self.last.lock().expect("nothing panics while this lock is held");
            *last = step(*last, u64::try_from(now.millis()).unwrap_or(0));
            *last
        };
        version_7(millis, counter, u64::from_be_bytes(random))
    }

    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("without the system's randomness no secret can be made");
    }
}

/// The next (milliseconds, counter) after `last`: time never goes back, a full counter borrows a millisecond.
pub(crate) fn step(last: (u64, u16), now_millis: u64) -> (u64, u16) {
    if now_millis > last.0 {
        (now_millis, 0)
    } else if last.1 < 0x0fff {
        (last.0, last.1 + 1)
    } else {
        (last.0 + 1, 0)
    }
}

/// A UUIDv7 of its parts: 48 bits of milliseconds, a 12-bit counter, 62 random bits.
pub(crate) fn version_7(millis: u64, counter: u16, random: u64) -> Uuid {
    let bits = (u128::from(millis & 0xffff_ffff_ffff) << 80)
        | (7 << 76)
        | (u128::from(counter & 0x0fff) << 64)
        | (2 << 62)
        | u128::from(random >> 2);
    Uuid::from_u128(bits)
}

/// Lower-case, hyphenated: the one form we write is the one form we read.
fn canonical_uuid(text: &str) -> Result<Uuid, InvalidId> {
    let uuid = Uuid::try_parse(text).map_err(|_| InvalidId)?;
    let mut buffer = Uuid::encode_buffer();
    if uuid.hyphenated().encode_lower(&mut buffer) == text { Ok(uuid) } else { Err(InvalidId) }
}

fn prefix(bits: u128) -> u64 {
    u64::try_from(bits >> 80).expect("48 bits fit")
}

/// A UUIDv8 of a prefix and the low 74 bits of `rest`.
fn compose(prefix: u64, rest: u128) -> Uuid {
    compose_fields(prefix, (rest >> 62) & 0x0fff, rest & ((1 << 62) - 1))
}

fn compose_fields(prefix: u64, custom_b: u128, custom_c: u128) -> Uuid {
    Uuid::from_u128((u128::from(prefix) << 80) | (8 << 76) | (custom_b << 64) | (2 << 62) | custom_c)
}

/// A UUIDv8 hashed from a tenant, a purpose and length-prefixed parts.
fn derived(tenant: Tenant, purpose: &[u8], parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(b"chat derived id\0");
    hash.update(tenant.0.to_be_bytes());
    for part in std::iter::once(&purpose).chain(parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
