//! Model-based parity: random operations through the engine on the store in memory and on another one, everything
//! observable compared.
//!
//! Both engines get the same clock and the same source of ids, and operations come one after the other, so that every
//! reply must be equal to the letter: ids, positions, times, counts and refusals. After each operation one user's
//! whole view is compared; at the end everybody's, and what their connected devices were told.

mod operations;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest_state_machine::ReferenceStateMachine as _;
use uuid::Uuid;

pub use self::operations::{Anything, Operation};
use self::operations::{PEOPLE, Place, ROOMS, client_id, user};
use super::{Database, Fixture};
use crate::command::{Command, NewConversation, Reply};
use crate::delivery::{Open, Session};
use crate::engine::{Chat, Policies};
use crate::event::Event;
use crate::id::{ConversationId, IdSource, Seq, Tenant};
use crate::memory::MemoryStore;
use crate::page::Limit;
use crate::store::{FriendFilter, Store, Window};
use crate::testing::ManualClock;
use crate::time::Timestamp;

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
pub(super) struct One {
    pub(super) chat: Chat,
    clock: ManualClock,
    devices: Vec<Session>,
}

impl One {
    pub(super) async fn new(store: Arc<dyn Store>) -> Self {
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

    pub(super) async fn perform(&self, operation: &Operation) -> Result<Reply, &'static str> {
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

/// The first so many operations of a life that is always the same.
pub(super) fn operations(count: usize) -> Vec<Operation> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = Anything::transitions(&());
    let mut next = || strategy.new_tree(&mut runner).expect("operations are never filtered").current();
    std::iter::repeat_with(&mut next).take(count).collect()
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
/// `chat_core::conformance::parity!(parity, Sqlite, 64, 1..40);`
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
