//! Calls of a store, as random as can be: right ones, stale ones, and such as no engine makes.
//!
//! Numbers are small, so that calls meet, and mostly relative to what the store in memory holds, so that a sequence
//! still means something after some of its calls were left out.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// How many users there are. The system is 0.
pub(super) const USERS: u64 = 5;
/// How many groups and channels.
pub(super) const ROOMS: u64 = 2;
/// How many `client_id`s are repeated.
pub(super) const CLIENT_IDS: u8 = 6;
/// How many words there are for everything that is text.
pub(super) const WORDS: u8 = 12;
/// How many logins.
pub(super) const LOGINS: u8 = 6;

/// Which conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    Direct(u64, u64),
    Group(u64),
    Channel(u64),
    /// None is ever made here.
    Nowhere,
}

impl Place {
    /// Everywhere.
    pub(super) fn all() -> Vec<Self> {
        let rooms = (1..=ROOMS).flat_map(|number| [Self::Group(number), Self::Channel(number)]);
        rooms.chain([Self::Direct(1, 2), Self::Direct(1, 3), Self::Direct(2, 3), Self::Nowhere]).collect()
    }
}

/// One call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Call {
    Ensure(Place, i64),
    Append(Vec<Strokes>),
    Fence(Place),
    Enter { place: Place, user: u64, role: u8, acl: i64, at: i64 },
    Exit(Place, u64),
    Hide(Place, u64),
    Raise(Vec<(Place, u64, u64, u64)>),
    Pair { low: u64, high: u64, version: i64, state: u8, shown: u8, fence: bool, at: i64 },
    Fenced { low: u64, high: u64, version: u64 },
    Create { user: u64, holds: Holding, state: u8, at: i64 },
    Update { user: u64, holds: Holding, state: u8, version: i64, credential: bool },
    LogIn { login: u8, user: u64, device: u8, at: i64, idle: i64, absolute: i64, keep: u64 },
    Rotate { login: u8, generation: i64, idle: i64 },
    Touch(Vec<(u8, i64)>),
    End(Vec<u8>),
}

/// A lane: drafts for one place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Strokes {
    pub(super) place: Place,
    /// How far off the expectation is; 0 is right.
    pub(super) acl: i64,
    pub(super) roster: Option<i64>,
    pub(super) drafts: Vec<Stroke>,
}

/// A draft.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stroke {
    pub(super) by: u64,
    pub(super) client_id: Option<u8>,
    pub(super) kind: u16,
    pub(super) target: Option<u64>,
    pub(super) payload: Option<u8>,
    pub(super) takes_right: bool,
    pub(super) at: i64,
    pub(super) effects: Vec<Deed>,
}

/// An effect.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Deed {
    Say(Option<u8>, Option<u8>),
    /// The target, how far off its `rev` is, the text.
    Edit(u64, i64, Option<u8>),
    Delete(u64, i64),
    /// Who becomes what: nothing, a role, or banned; seeing all or from here on.
    Member(u64, u8, bool),
    Patch {
        name: Option<u8>,
        picture: Option<u8>,
        metadata: Option<u8>,
        settings: Option<u8>,
        close: bool,
    },
    Mark(u64, u8, u64),
    Unmark(u64, u8, u64),
}

/// What an account takes and gives back, and the words it is found by.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Holding {
    pub(super) take: Vec<(u8, u8)>,
    pub(super) release: Vec<(u8, u8)>,
    pub(super) words: Vec<u8>,
    pub(super) fields: u8,
}

fn user() -> impl Strategy<Value = u64> {
    1..=USERS
}

fn word() -> impl Strategy<Value = u8> {
    0..WORDS
}

/// Mostly right.
fn off() -> impl Strategy<Value = i64> {
    prop_oneof![12 => Just(0), 1 => Just(1), 1 => Just(-1)]
}

fn at() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 0..40_i64, 1 => -5..5_i64, 1 => Just(1 << 40)]
}

fn pair() -> impl Strategy<Value = (u64, u64)> {
    (1..USERS, 1..USERS).prop_map(|(one, other)| {
        let high = if other >= one { other + 1 } else { other };
        (one.min(high), one.max(high))
    })
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        4 => direct(),
        8 => (1..=ROOMS).prop_map(Place::Group),
        6 => (1..=ROOMS).prop_map(Place::Channel),
        1 => Just(Place::Nowhere),
    ]
}

/// Where one enters by himself.
fn channel() -> impl Strategy<Value = Place> {
    prop_oneof![6 => (1..=ROOMS).prop_map(Place::Channel), 1 => Just(Place::Nowhere)]
}

/// What can be hidden.
fn direct() -> impl Strategy<Value = Place> {
    prop_oneof![Just(Place::Direct(1, 2)), Just(Place::Direct(1, 3)), Just(Place::Direct(2, 3))]
}

/// A target: mostly something there is.
fn target() -> impl Strategy<Value = u64> {
    prop_oneof![12 => 1..20_u64, 1 => Just(0), 1 => Just(1 << 40)]
}

fn deed() -> impl Strategy<Value = Deed> {
    let maybe = || proptest::option::weighted(0.7, word());
    let patch = (maybe(), maybe(), maybe(), proptest::option::weighted(0.3, 0..16_u8), 0..40_u8);
    prop_oneof![
        60 => (maybe(), maybe()).prop_map(|(text, payload)| Deed::Say(text, payload)),
        20 => (target(), off(), maybe()).prop_map(|(target, rev, text)| Deed::Edit(target, rev, text)),
        12 => (target(), off()).prop_map(|(target, rev)| Deed::Delete(target, rev)),
        30 => (user(), 0..5_u8, any::<bool>()).prop_map(|(user, standing, all)| Deed::Member(user, standing, all)),
        10 => patch.prop_map(|(name, picture, metadata, settings, close)| Deed::Patch {
            name, picture, metadata, settings, close: close == 0,
        }),
        16 => (target(), word(), 0..=USERS).prop_map(|(target, key, by)| Deed::Mark(target, key, by)),
        8 => (target(), word(), 0..=USERS).prop_map(|(target, key, by)| Deed::Unmark(target, key, by)),
    ]
}

fn stroke() -> impl Strategy<Value = Stroke> {
    // A message is at most the first effect of an entry: what the engine guarantees is part of the contract.
    let effects = proptest::collection::vec(deed(), 0..3).prop_map(|mut effects| {
        let mut said = false;
        effects.retain(|deed| !matches!(deed, Deed::Say(..)) || !std::mem::replace(&mut said, true));
        effects
    });
    let client_id = proptest::option::weighted(0.4, 0..CLIENT_IDS);
    let about = proptest::option::weighted(0.4, target());
    let payload = proptest::option::weighted(0.3, word());
    (0..=USERS, client_id, prop_oneof![1..20_u16, any::<u16>()], about, payload, 0..8_u8, at(), effects)
        .prop_map(|(by, client_id, kind, target, payload, right, at, effects)| Stroke {
            by,
            client_id,
            kind,
            target,
            payload,
            takes_right: right == 0,
            at,
            effects,
        })
}

fn strokes() -> impl Strategy<Value = Strokes> {
    let roster = proptest::option::weighted(0.3, off());
    (place(), off(), roster, proptest::collection::vec(stroke(), 0..5))
        .prop_map(|(place, acl, roster, drafts)| Strokes { place, acl, roster, drafts })
}

fn holding() -> impl Strategy<Value = Holding> {
    let claims = || proptest::collection::vec((0..3_u8, word()), 0..3);
    (claims(), claims(), proptest::collection::vec(word(), 0..3), any::<u8>())
        .prop_map(|(take, release, words, fields)| Holding { take, release, words, fields })
}

/// Every call, as likely as it is useful.
pub(super) fn call() -> BoxedStrategy<Call> {
    let state = || prop_oneof![3 => Just(0_u8), 1 => 0..4_u8];
    let raise = (place(), user(), 0..20_u64, 0..20_u64);
    let login = || 0..LOGINS;
    prop_oneof![
        8 => (place(), at()).prop_map(|(place, at)| Call::Ensure(place, at)),
        60 => proptest::collection::vec(strokes(), 1..4).prop_map(Call::Append),
        2 => place().prop_map(Call::Fence),
        6 => (channel(), user(), 0..3_u8, off(), at())
            .prop_map(|(place, user, role, acl, at)| Call::Enter { place, user, role, acl, at }),
        4 => (channel(), user()).prop_map(|(place, user)| Call::Exit(place, user)),
        3 => (direct(), user()).prop_map(|(place, user)| Call::Hide(place, user)),
        12 => proptest::collection::vec(raise, 1..4).prop_map(Call::Raise),
        14 => (pair(), off(), 0..24_u8, 0..16_u8, any::<bool>(), at()).prop_map(
            |((low, high), version, state, shown, fence, at)| Call::Pair { low, high, version, state, shown, fence, at }
        ),
        4 => (pair(), 0..6_u64).prop_map(|((low, high), version)| Call::Fenced { low, high, version }),
        5 => (user(), holding(), state(), at())
            .prop_map(|(user, holds, state, at)| Call::Create { user, holds, state, at }),
        8 => (user(), holding(), state(), off(), any::<bool>())
            .prop_map(|(user, holds, state, version, credential)| Call::Update { user, holds, state, version, credential }),
        6 => (login(), user(), word(), at(), (at(), at()), 0..4_u64).prop_map(
            |(login, user, device, at, (idle, absolute), keep)| Call::LogIn { login, user, device, at, idle, absolute, keep }
        ),
        4 => (login(), off(), at()).prop_map(|(login, generation, idle)| Call::Rotate { login, generation, idle }),
        3 => proptest::collection::vec((login(), at()), 0..3).prop_map(Call::Touch),
        2 => proptest::collection::vec(login(), 0..3).prop_map(Call::End),
    ]
    .boxed()
}
