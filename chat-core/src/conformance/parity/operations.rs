//! The operations of a parity test: what may happen, how likely it is, and which command it is at a door.

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

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
#[derive(Clone, Debug)]
pub struct Operation {
    by: u64,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Friend(u64, Action),
    Withdraw(u64),
    SendTo(u64, u8, Option<u8>),
    Send(Place, u8, Option<u8>),
    Edit(Place, u64, u8, Option<u64>),
    Delete(Place, u64),
    Report(Place, Option<u64>, Option<u64>),
    Create(u64, Vec<u64>, History),
    Channel(u64),
    Join(Place),
    Leave(Place),
    Close(Place),
    Add(Place, Vec<u64>),
    Remove(Place, u64),
    SetRole(Place, u64, Role),
    Rename(Place, u8),
    Policy(Place, PolicyPatch),
    Direct(u64),
}

/// Which conversation.
#[derive(Clone, Copy, Debug)]
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

/// The model knows nothing: every operation is allowed at any time, and the store in memory is what is right.
#[derive(Clone, Debug)]
pub struct Anything;

impl ReferenceStateMachine for Anything {
    type State = ();
    type Transition = Operation;

    fn init_state() -> BoxedStrategy<()> {
        Just(()).boxed()
    }

    fn transitions((): &()) -> BoxedStrategy<Operation> {
        (people(), what()).prop_map(|(by, what)| Operation { by, what }).boxed()
    }

    fn apply((): (), _operation: &Operation) {}
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

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => Just(Action::Request),
        4 => Just(Action::Accept),
        1 => Just(Action::Reject),
        1 => Just(Action::Cancel),
        1 => Just(Action::Remove),
        1 => Just(Action::Block),
        3 => Just(Action::Unblock),
    ]
}

fn policy() -> impl Strategy<Value = PolicyPatch> {
    let join = proptest::option::of(prop_oneof![Just(Join::Open), Just(Join::Invite)]);
    let read = proptest::option::of(prop_oneof![Just(Read::Anyone), Just(Read::Members)]);
    let post = proptest::option::of(prop_oneof![Just(Post::Members), Just(Post::Admins)]);
    (join, read, post).prop_map(|(join, read, post)| PolicyPatch { join, read, post })
}

fn what() -> impl Strategy<Value = What> {
    let seq = || 1..=SEQS;
    let role = prop_oneof![Just(Role::Member), Just(Role::Admin), Just(Role::Owner)];
    let history = prop_oneof![Just(History::All), Just(History::FromJoin)];
    let some = || proptest::collection::vec(people(), 1..4);
    let repeated = || proptest::option::weighted(0.3, 0_u8..6);
    prop_oneof![
        6 => (people(), action()).prop_map(|(other, action)| What::Friend(other, action)),
        1 => people().prop_map(What::Withdraw),
        6 => (people(), any::<u8>(), repeated()).prop_map(|(to, text, id)| What::SendTo(to, text, id)),
        12 => (place(), any::<u8>(), repeated()).prop_map(|(to, text, id)| What::Send(to, text, id)),
        4 => (place(), seq(), any::<u8>(), proptest::option::weighted(0.3, seq()))
            .prop_map(|(of, seq, text, rev)| What::Edit(of, seq, text, rev)),
        4 => (place(), seq()).prop_map(|(of, seq)| What::Delete(of, seq)),
        5 => (place(), proptest::option::of(seq()), proptest::option::of(seq()))
            .prop_map(|(of, read, delivered)| What::Report(of, read, delivered)),
        4 => (1..=ROOMS, some(), history).prop_map(|(room, who, history)| What::Create(room, who, history)),
        2 => (1..=ROOMS).prop_map(What::Channel),
        3 => place().prop_map(What::Join),
        2 => place().prop_map(What::Leave),
        1 => place().prop_map(What::Close),
        3 => (place(), some()).prop_map(|(to, who)| What::Add(to, who)),
        2 => (place(), people()).prop_map(|(of, who)| What::Remove(of, who)),
        3 => (place(), people(), role).prop_map(|(of, who, role)| What::SetRole(of, who, role)),
        1 => (place(), any::<u8>()).prop_map(|(of, name)| What::Rename(of, name)),
        2 => (place(), policy()).prop_map(|(of, policy)| What::Policy(of, policy)),
        1 => people().prop_map(What::Direct),
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
        let object = serde_json::Map::from_iter([("$ne".to_owned(), serde_json::Value::Null)]);
        draft = draft.metadata(Metadata::new(object).expect("flat"));
    }
    match id {
        Some(id) => draft.client_id(client_id(&format!("same-{id}"))),
        None => draft,
    }
}

impl Operation {
    /// As the command it is at a door.
    pub(super) fn command(&self) -> Command {
        let seq = |number: u64| Seq::new(number);
        let seqs = |number: Option<u64>| number.map(Seq::new);
        let people = |numbers: &[u64]| numbers.iter().map(|number| user(*number)).collect::<Vec<_>>();
        match &self.what {
            What::Friend(other, action) => Command::Friend { who: Who::Id(user(*other)), action: *action },
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
            What::Rename(of, name) => {
                let update =
                    Update { name: Patch::Set(word(*name).replace(['\t', '\n'], "")), ..Update::default() };
                Command::Update { conversation: of.id(), update, client_id: None }
            }
            What::Policy(of, policy) => {
                let update = Update { policy: *policy, ..Update::default() };
                Command::Update { conversation: of.id(), update, client_id: None }
            }
            What::Direct(other) => Command::Direct { user: user(*other) },
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
