//! The operations of a parity test: what may happen, how likely it is, and which command it is at a door.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde::{Deserialize, Serialize};

use crate::command::{Command, Destination, NewConversation, PolicyPatch, Update, Who};
use crate::conversation::{History, Join, Post, Read, Role};
use crate::friendship::Action;
use crate::id::{ConversationId, Pair, Seq, Tenant, UserId};
use crate::message::{ClientId, Draft, Edit, Metadata, Patch};

/// How many people there are.
pub(super) const PEOPLE: u64 = 5;
/// How many groups and channels may be made.
pub(super) const ROOMS: u64 = 3;
/// Up to which position operations aim.
const SEQS: u64 = 12;

/// One operation: who does what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in super::super) struct Operation {
    by: u64,
    what: What,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum What {
    Friend(u64, Deed),
    Withdraw(u64),
    SendTo(u64, u8, Option<u8>),
    Send(Place, u8, Option<u8>),
    Edit(Place, u64, u8, Option<u64>),
    Delete(Place, u64),
    Report(Place, Option<u64>, Option<u64>),
    Create(u64, Vec<u64>, #[serde(with = "HistoryName")] History),
    Channel(u64),
    Join(Place),
    Leave(Place),
    Close(Place),
    Add(Place, Vec<u64>),
    Remove(Place, u64),
    SetRole(Place, u64, #[serde(with = "RoleName")] Role),
    Update(Place, Named, Named, Option<u8>),
    Policy(Place, Doors),
    Direct(u64),
}

/// What one does about a friendship.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Deed {
    Request,
    Accept,
    Reject,
    Cancel,
    Remove,
    Block,
    Unblock,
}

/// What becomes of a field: kept, cleared, or this word.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Named {
    Keep,
    Clear,
    Set(u8),
}

/// Which doors are opened (`true`) or shut: for joining, for reading, for writing.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Doors(Option<bool>, Option<bool>, Option<bool>);

#[derive(Serialize, Deserialize)]
#[serde(remote = "History")]
enum HistoryName {
    All,
    FromJoin,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Role")]
pub(super) enum RoleName {
    Member,
    Admin,
    Owner,
}

/// Which conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    Direct(u64, u64),
    Room(u64),
    Channel(u64),
}

impl Place {
    pub(super) fn id(self) -> ConversationId {
        let tenant = Tenant::default();
        match self {
            Self::Direct(one, other) => match Pair::new(user(one), user(other)) {
                Ok(pair) => ConversationId::direct(tenant, pair),
                Err(_) => ConversationId::named(tenant, "nothing"),
            },
            Self::Room(number) => ConversationId::created(tenant, user(number), "room"),
            Self::Channel(number) => ConversationId::created(tenant, user(number), "channel"),
        }
    }
}

pub(super) fn user(number: u64) -> UserId {
    UserId::from(number)
}

pub(super) fn client_id(text: &str) -> ClientId {
    ClientId::new(text).expect("a short word")
}

/// The first so many operations of a life that is always the same.
pub(in super::super) fn operations(count: usize) -> Vec<Operation> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let one = operation();
    let mut next = || one.new_tree(&mut runner).expect("operations are never filtered").current();
    std::iter::repeat_with(&mut next).take(count).collect()
}

/// Every operation, at any time: the store in memory is what is right.
pub(super) fn operation() -> BoxedStrategy<Operation> {
    (people(), what()).prop_map(|(by, what)| Operation { by, what }).boxed()
}

fn people() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 1..=3_u64, 1 => 1..=PEOPLE]
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        2 => (people(), people()).prop_map(|(one, other)| Place::Direct(one, other)),
        6 => Just(Place::Room(1)),
        2 => (1..=ROOMS).prop_map(Place::Room),
        2 => (1..=ROOMS).prop_map(Place::Channel),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => Just(Deed::Request),
        4 => Just(Deed::Accept),
        1 => Just(Deed::Reject),
        1 => Just(Deed::Cancel),
        1 => Just(Deed::Remove),
        1 => Just(Deed::Block),
        3 => Just(Deed::Unblock),
    ]
}

fn named() -> impl Strategy<Value = Named> {
    prop_oneof![2 => Just(Named::Keep), 1 => Just(Named::Clear), 3 => any::<u8>().prop_map(Named::Set)]
}

fn doors() -> impl Strategy<Value = Doors> {
    let door = || proptest::option::of(any::<bool>());
    (door(), door(), door()).prop_map(|(join, read, write)| Doors(join, read, write))
}

fn what() -> impl Strategy<Value = What> {
    let seq = || 1..=SEQS;
    let role = prop_oneof![Just(Role::Member), Just(Role::Admin), Just(Role::Owner)];
    let history = prop_oneof![Just(History::All), Just(History::FromJoin)];
    let some = || proptest::collection::vec(people(), 1..4);
    let repeated = || proptest::option::weighted(0.3, 0_u8..6);
    prop_oneof![
        60 => (people(), deed()).prop_map(|(other, deed)| What::Friend(other, deed)),
        10 => people().prop_map(What::Withdraw),
        60 => (people(), any::<u8>(), repeated()).prop_map(|(to, text, id)| What::SendTo(to, text, id)),
        120 => (place(), any::<u8>(), repeated()).prop_map(|(to, text, id)| What::Send(to, text, id)),
        40 => (place(), seq(), any::<u8>(), proptest::option::weighted(0.3, seq()))
            .prop_map(|(of, seq, text, rev)| What::Edit(of, seq, text, rev)),
        40 => (place(), seq()).prop_map(|(of, seq)| What::Delete(of, seq)),
        50 => (place(), proptest::option::of(seq()), proptest::option::of(seq()))
            .prop_map(|(of, read, delivered)| What::Report(of, read, delivered)),
        40 => (1..=ROOMS, some(), history).prop_map(|(room, who, history)| What::Create(room, who, history)),
        20 => (1..=ROOMS).prop_map(What::Channel),
        30 => place().prop_map(What::Join),
        20 => place().prop_map(What::Leave),
        3 => place().prop_map(What::Close),
        30 => (place(), some()).prop_map(|(to, who)| What::Add(to, who)),
        20 => (place(), people()).prop_map(|(of, who)| What::Remove(of, who)),
        30 => (place(), people(), role).prop_map(|(of, who, role)| What::SetRole(of, who, role)),
        20 => (place(), named(), named(), proptest::option::of(any::<u8>()))
            .prop_map(|(of, name, picture, metadata)| What::Update(of, name, picture, metadata)),
        20 => (place(), doors()).prop_map(|(of, doors)| What::Policy(of, doors)),
        10 => people().prop_map(What::Direct),
    ]
}

/// The word a number stands for: plain ones, and ones that stores like to fold.
fn word(number: u8) -> String {
    const WORDS: [&str; 8] = ["one", "ONE", "İstanbul ", "straße", "e\u{301}", "é", "👩‍👩‍👧", "tab\tand\nline"];
    format!("{}{}", WORDS[usize::from(number % 8)], number / 64)
}

fn draft(text: u8, id: Option<u8>) -> Draft {
    let mut draft = Draft::text(word(text)).expect("words are not blank");
    if text.is_multiple_of(5) {
        draft = draft.mentions([user(u64::from(text % 7))]);
    }
    if text.is_multiple_of(7) {
        draft = draft.reply_to(Seq::new(u64::from(text) % SEQS + 1));
    }
    if text.is_multiple_of(11) {
        draft = draft.metadata(metadata(text));
    }
    match id {
        Some(id) => draft.client_id(client_id(&format!("same-{id}"))),
        None => draft,
    }
}

/// Metadata as a host may have it, with keys that mean something to some databases.
fn metadata(number: u8) -> Metadata {
    let value = serde_json::json!({ "$ne": null, "a.b": word(number), "": [i64::MIN, u64::MAX, 0.1, -0.0] });
    let serde_json::Value::Object(object) = value else { unreachable!("it is one") };
    Metadata::new(object).expect("flat")
}

impl Deed {
    const fn action(self) -> Action {
        match self {
            Self::Request => Action::Request,
            Self::Accept => Action::Accept,
            Self::Reject => Action::Reject,
            Self::Cancel => Action::Cancel,
            Self::Remove => Action::Remove,
            Self::Block => Action::Block,
            Self::Unblock => Action::Unblock,
        }
    }
}

impl Named {
    fn patch(self) -> Patch<String> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(number) => Patch::Set(word(number).replace(['\t', '\n'], "")),
        }
    }
}

impl Doors {
    fn policy(self) -> PolicyPatch {
        let Self(join, read, post) = self;
        PolicyPatch {
            join: join.map(|open| if open { Join::Open } else { Join::Invite }),
            read: read.map(|open| if open { Read::Anyone } else { Read::Members }),
            post: post.map(|open| if open { Post::Members } else { Post::Admins }),
        }
    }
}

impl Operation {
    /// As the command it is at a door.
    pub(super) fn command(&self) -> Command {
        let seq = |number: u64| Seq::new(number);
        let seqs = |number: Option<u64>| number.map(Seq::new);
        let people = |numbers: &[u64]| numbers.iter().map(|number| user(*number)).collect::<Vec<_>>();
        match &self.what {
            What::Friend(other, deed) => {
                Command::Friend { who: Who::Id(user(*other)), action: deed.action() }
            }
            What::Withdraw(other) => Command::Withdraw { who: Who::Id(user(*other)) },
            What::SendTo(to, text, id) => {
                Command::Send { to: Destination::User(user(*to)), draft: draft(*text, *id) }
            }
            What::Send(to, text, id) => {
                Command::Send { to: Destination::Conversation(to.id()), draft: draft(*text, *id) }
            }
            What::Edit(of, at, text, rev) => {
                let mut edit = Edit::text(word(*text)).expect("words are not blank");
                edit.rev = seqs(*rev);
                Command::Edit { conversation: of.id(), seq: seq(*at), edit, client_id: None }
            }
            What::Delete(of, at) => Command::Delete { conversation: of.id(), seq: seq(*at), client_id: None },
            What::Report(of, read, delivered) => {
                let (read, delivered) = (seqs(*read), seqs(*delivered));
                Command::Receipt { conversation: of.id(), read, delivered }
            }
            What::Create(_, members, history) => {
                let mut new = NewConversation::group(client_id("room"), people(members)).named("a room");
                new.history = Some(*history);
                Command::Create(new)
            }
            What::Channel(_) => Command::Create(NewConversation::channel(client_id("channel")).named("news")),
            What::Join(of) => Command::Join { conversation: of.id(), client_id: None },
            What::Leave(of) => Command::Leave { conversation: of.id(), client_id: None },
            What::Close(of) => Command::Close { conversation: of.id(), client_id: None },
            What::Add(to, who) => Command::Add { conversation: to.id(), users: people(who), client_id: None },
            What::Remove(of, who) => {
                Command::Remove { conversation: of.id(), user: user(*who), client_id: None }
            }
            What::SetRole(of, who, role) => {
                Command::SetRole { conversation: of.id(), user: user(*who), role: *role, client_id: None }
            }
            What::Update(of, name, picture, number) => {
                let (name, picture) = (name.patch(), picture.patch());
                let metadata = number.map_or(Patch::Keep, |number| Patch::Set(metadata(number)));
                let update = Update { name, picture, metadata, policy: PolicyPatch::default() };
                Command::Update { conversation: of.id(), update, client_id: None }
            }
            What::Policy(of, doors) => {
                let update = Update { policy: doors.policy(), ..Update::default() };
                Command::Update { conversation: of.id(), update, client_id: None }
            }
            What::Direct(other) => Command::Direct { user: user(*other) },
        }
    }

    /// Where it happens, if it happens in a conversation.
    pub(super) fn place(&self) -> Option<Place> {
        match self.what {
            What::Friend(..) | What::Withdraw(_) => None,
            What::SendTo(other, ..) | What::Direct(other) => Some(Place::Direct(self.by, other)),
            What::Create(room, ..) => Some(Place::Room(room)),
            What::Channel(room) => Some(Place::Channel(room)),
            What::Send(of, ..)
            | What::Edit(of, ..)
            | What::Delete(of, _)
            | What::Report(of, ..)
            | What::Join(of)
            | What::Leave(of)
            | What::Close(of)
            | What::Add(of, _)
            | What::Remove(of, _)
            | What::SetRole(of, ..)
            | What::Update(of, ..)
            | What::Policy(of, _) => Some(of),
        }
    }

    /// Who does it: rooms are made by the one whose number they bear, so that they can be found again.
    pub(super) fn actor(&self) -> UserId {
        match self.what {
            What::Create(room, ..) | What::Channel(room) => user(room),
            _ => user(self.by),
        }
    }
}
