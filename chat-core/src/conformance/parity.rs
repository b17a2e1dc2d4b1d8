//! Model-based parity: random operations through the engine on the store in memory and on another one, everything
//! observable compared.
//!
//! Both engines get the same clock and the same source of ids, and operations come one after the other, so that every
//! reply must be equal to the letter: ids, positions, times, counts and refusals. After each operation one user's
//! whole view is compared; at the end everybody's, and what their connected devices were told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;
use uuid::Uuid;

use super::{Database, Fixture};
use crate::command::{Command, Destination, NewConversation, PolicyPatch, Reply, Update, Who};
use crate::conversation::{History, Join, Post, Read, Role};
use crate::delivery::{Open, Session};
use crate::engine::{Chat, Policies};
use crate::event::Event;
use crate::friendship::Action;
use crate::id::{ConversationId, IdSource, Pair, Seq, Tenant, UserId};
use crate::memory::MemoryStore;
use crate::message::{ClientId, Draft, Edit, Metadata, Patch};
use crate::page::Limit;
use crate::store::{FriendFilter, Store, Window};
use crate::testing::ManualClock;
use crate::time::Timestamp;

/// How many people there are.
const PEOPLE: u64 = 5;
/// How many groups and channels may be made.
const ROOMS: u64 = 3;
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
enum Place {
    Direct(u64, u64),
    Room(u64),
    Channel(u64),
}

impl Place {
    fn id(self) -> ConversationId {
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

fn user(number: u64) -> UserId {
    UserId::from(number)
}

fn client_id(text: &str) -> ClientId {
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
    fn command(&self) -> Command {
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
    fn actor(&self) -> UserId {
        match self.what {
            What::Create(room, ..) | What::Channel(room) => user(room),
            _ => user(self.by),
        }
    }
}

/// Ids that count up, so that two engines make the same ones.
#[derive(Debug, Default)]
struct CountingIds(AtomicU64);

impl IdSource for CountingIds {
    fn uuid(&self, now: Timestamp) -> Uuid {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        crate::id::version_7(millis, 0, count << 2)
    }

    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// One engine of the two, with a connected device of everybody.
struct One {
    chat: Chat,
    clock: ManualClock,
    devices: Vec<Session>,
}

impl One {
    async fn new(store: Arc<dyn Store>) -> Self {
        let clock = ManualClock::default();
        let mut policies = Policies::default();
        for name in ["direct", "group"] {
            policies.set(name, "friends").expect("a policy of this name");
        }
        let chat = Chat::over(store)
            .clock(Arc::new(clock.clone()))
            .ids(Arc::new(CountingIds::default()))
            .policies(policies)
            .build()
            .await
            .expect("the store opens");
        // Some are friends and there is a room already, so that most operations find something to do.
        for (one, other) in [(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (2, 5), (3, 4)] {
            chat.actor(user(one)).request_friend(user(other)).await.expect("a request is free");
            chat.actor(user(other)).accept_friend(user(one)).await.expect("it was just asked");
        }
        let room = NewConversation::group(client_id("room"), [user(2), user(3)]).named("a room");
        chat.actor(user(1)).create(room).await.expect("friends make a room");
        let mut devices = Vec::new();
        for number in 1..=PEOPLE {
            devices.push(chat.open_with(Open::new(user(number))).await.expect("a device connects"));
        }
        Self { chat, clock, devices }
    }

    async fn perform(&self, operation: &Operation) -> Result<Reply, &'static str> {
        self.clock.advance(Duration::from_millis(3));
        let reply = self.chat.actor(operation.actor()).perform(operation.command()).await;
        reply.map_err(|error| error.code())
    }

    /// Everything one user can see.
    async fn view(&self, number: u64) -> Vec<Result<Reply, &'static str>> {
        let actor = self.chat.actor(user(number));
        let limit = Limit::MAX;
        let mut seen = Vec::new();
        let mut ask = async |command: Command| {
            seen.push(actor.perform(command).await.map_err(|error| error.code()));
        };
        ask(Command::Conversations { after: None, limit }).await;
        ask(Command::Friends { filter: FriendFilter::All, after: None, limit }).await;
        let rooms = (1..=ROOMS).flat_map(|number| [Place::Room(number), Place::Channel(number)]);
        let directs = (1..=PEOPLE).map(|other| Place::Direct(number, other));
        for conversation in rooms.chain(directs).map(Place::id) {
            ask(Command::Conversation { conversation }).await;
            ask(Command::Members { conversation, after: None, limit }).await;
            ask(Command::Entries { conversation, after: Seq::ZERO, limit }).await;
            let small = Limit::new(3).unwrap_or_default();
            for window in [None, Some(Window::After(Seq::new(2))), Some(Window::Around(Seq::new(6)))] {
                ask(Command::History { conversation, window, limit: small }).await;
            }
        }
        seen
    }

    /// The entries every device was told, once everything was passed on.
    async fn told(&mut self) -> Vec<BTreeMap<ConversationId, Vec<u64>>> {
        self.chat.settled().await;
        let mut all = Vec::new();
        for device in &mut self.devices {
            let mut told: BTreeMap<ConversationId, Vec<u64>> = BTreeMap::new();
            while let Some(event) = device.try_next() {
                if let Event::Entry(entry) = event {
                    told.entry(entry.conversation).or_default().push(entry.seq.get());
                }
            }
            all.push(told);
        }
        all
    }
}

/// The store in memory and another one, side by side.
pub struct Both {
    runtime: tokio::runtime::Runtime,
    memory: One,
    other: One,
    /// What the other store lives in.
    _database: Arc<dyn Database>,
    steps: u64,
}

impl Both {
    /// Two engines over a fresh store of each kind; `None` when the fixture has none.
    ///
    /// # Panics
    /// When a store does not open.
    pub fn new(fixture: &dyn Fixture) -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let database = runtime.block_on(fixture.fresh())?;
        let (memory, other) = runtime.block_on(async {
            let memory = One::new(Arc::new(MemoryStore::new())).await;
            (memory, One::new(database.store(Tenant::default())).await)
        });
        Some(Self { runtime, memory, other, _database: database, steps: 0 })
    }

    /// Does the same on both, and compares what can be seen of it.
    ///
    /// # Panics
    /// When they differ.
    pub fn apply(mut self, operation: &Operation) -> Self {
        self.steps += 1;
        let Self { runtime, memory, other, steps, .. } = &self;
        runtime.block_on(async {
            let (expected, found) = (memory.perform(operation).await, other.perform(operation).await);
            assert_eq!(expected, found, "the reply to {operation:?}");
            ACCEPTED.fetch_add(u64::from(found.is_ok()), Ordering::Relaxed);
            let who = steps % PEOPLE + 1;
            assert_eq!(
                memory.view(who).await,
                other.view(who).await,
                "the view of {who} after {operation:?}"
            );
        });
        COMPARED.fetch_add(1, Ordering::Relaxed);
        self
    }

    /// Compares everything once more, and what was pushed with what is there.
    ///
    /// # Panics
    /// When something differs, or a device was told anything twice, out of order or with a hole.
    pub fn finish(mut self) {
        let Self { runtime, memory, other, .. } = &mut self;
        runtime.block_on(async {
            for who in 1..=PEOPLE {
                assert_eq!(memory.view(who).await, other.view(who).await, "the view of {who} at the end");
            }
            for (expected, found) in memory.told().await.iter().zip(other.told().await) {
                assert_eq!(*expected, found, "what a device was told");
                for seqs in found.values() {
                    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "in order and once: {seqs:?}");
                }
            }
        });
        runtime.block_on(async { tokio::join!(memory.chat.shutdown(), other.chat.shutdown()) });
    }
}

/// How many operations were compared in this process.
static COMPARED: AtomicU64 = AtomicU64::new(0);

/// How many of them were not refused.
static ACCEPTED: AtomicU64 = AtomicU64::new(0);

/// How many operations were compared in this process so far, and how many of them were not refused.
pub fn compared() -> (u64, u64) {
    (COMPARED.load(Ordering::Relaxed), ACCEPTED.load(Ordering::Relaxed))
}

/// A test that compares a store with the one in memory over random operations: `$cases` sequences of `$steps`
/// operations each; the shortest one that fails is printed.
///
/// ```ignore
/// chat_core::conformance::parity!(parity, Sqlite, 64, 1..40);
/// ```
#[macro_export]
macro_rules! conformance_parity {
    ($name:ident, $fixture:expr, $cases:expr, $steps:expr) => {
        mod $name {
            use super::*;
            use $crate::conformance::parity::{Anything, Both, Operation, StateMachineTest, compared, run};

            struct Parity;

            impl StateMachineTest for Parity {
                type SystemUnderTest = Option<Both>;
                type Reference = Anything;

                fn init_test((): &()) -> Option<Both> {
                    Both::new(&$fixture)
                }

                fn apply(both: Option<Both>, (): &(), operation: Operation) -> Option<Both> {
                    both.map(|both| both.apply(&operation))
                }

                fn teardown(both: Option<Both>, (): ()) {
                    if let Some(both) = both {
                        both.finish();
                    }
                }
            }

            #[test]
            fn everything_observable_is_equal() {
                run::<Parity>($cases, $steps);
                let (compared, accepted) = compared();
                println!("parity: {compared} operations compared, {accepted} of them not refused");
                assert!(accepted * 4 >= compared, "operations that are all refused prove nothing");
            }
        }
    };
}

pub use proptest_state_machine::StateMachineTest;

/// Runs a parity test.
///
/// # Panics
/// With the shortest sequence that shows a difference.
pub fn run<T>(cases: u32, steps: std::ops::Range<usize>)
where
    T: StateMachineTest<Reference = Anything>,
{
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let machine = Anything::sequential_strategy(steps);
    proptest::test_runner::TestRunner::new(config.clone())
        .run(&machine, |(state, transitions, seen)| {
            T::test_sequential(config.clone(), state, transitions, seen);
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}
