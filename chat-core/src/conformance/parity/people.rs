//! Two engines, one over each store, with the same people, clock and ids, and a connected device of everybody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::BoxedStrategy;
use tokio::time::timeout;
use uuid::Uuid;

use super::operations::{Operation, PEOPLE, Place, ROOMS, client_id, operation, user};
use super::{Difference, Done, Twins, equal};
use crate::command::{Command, NewConversation, Reply, Sync};
use crate::delivery::{Open, Resume, Session};
use crate::engine::{Chat, Policies, rows};
use crate::event::Event;
use crate::id::{ConversationId, IdSource, Seq, UserId};
use crate::message::What;
use crate::page::Limit;
use crate::store::{FriendFilter, Store, Window};
use crate::testing::ManualClock;
use crate::time::Timestamp;

/// After how many operations everything that one of them sees is compared, not only where something happened.
const VIEW_EVERY: u64 = 24;

/// What somebody is told: a reply, or the code with which he is refused.
pub(in super::super) type Told = Result<Reply, &'static str>;

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

/// One engine of the two.
pub(in super::super) struct One {
    pub(in super::super) chat: Chat,
    clock: ManualClock,
    devices: Vec<Session>,
}

impl One {
    pub(in super::super) async fn new(store: Arc<dyn Store>) -> Self {
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
        chat.settled().await;
        let mut devices = Vec::new();
        for number in 1..=PEOPLE {
            devices.push(chat.open_with(Open::new(user(number))).await.expect("a device connects"));
        }
        Self { chat, clock, devices }
    }

    pub(in super::super) async fn perform(&self, operation: &Operation) -> Told {
        self.clock.advance(Duration::from_millis(3));
        let told = self.ask(operation.actor(), operation.command()).await;
        // By an entry or outside the log: how somebody is told must not depend on which of the two engines is faster.
        self.chat.settled().await;
        told
    }

    async fn ask(&self, who: UserId, command: Command) -> Told {
        self.chat.actor(who).perform(command).await.map_err(|error| error.code())
    }

    /// What a device is told that comes back knowing something of every place, and too much of some.
    async fn returning(&self, number: u64, step: u64) -> Told {
        let open = Open::new(user(number)).resume(Resume::AwaitSync);
        let device = self.chat.open_with(open).await.map_err(|error| error.code())?;
        let known = |(place, salt): (Place, u64)| (place.id(), Seq::new((step + salt) % 20));
        let conversations =
            places(number).into_iter().zip(0..).filter(|(_, salt)| !(step + salt).is_multiple_of(3));
        let request = Sync {
            friends: Some(step % 12),
            conversations: conversations.map(known).collect(),
            ..Sync::default()
        };
        device.handle(Command::Sync(request)).await.map_err(|error| error.code())
    }

    /// What every device was told, once everything was passed on and fetched.
    async fn told(&mut self) -> Vec<ToldToDevice> {
        self.chat.settled().await;
        let mut all = Vec::new();
        for device in &mut self.devices {
            let mut told = ToldToDevice::default();
            for _ in 0..FETCHES_MAX {
                while let Some(event) = device.try_next() {
                    told.take(device.user(), &event);
                }
                if !device.owes() {
                    break;
                }
                if let Ok(event) = timeout(FETCH_MAX, device.next()).await {
                    told.take(device.user(), &event.expect("nothing ends the device"));
                }
            }
            assert!(!device.owes(), "a device does not catch up");
            all.push(told);
        }
        all
    }
}

/// How long a device is waited for that fetches something, and how often.
const FETCH_MAX: Duration = Duration::from_millis(50);
const FETCHES_MAX: u32 = 10_000;

/// What one device was told.
#[derive(Default)]
struct ToldToDevice {
    entries: BTreeMap<ConversationId, Vec<u64>>,
    /// Where it stands in each conversation it follows.
    stands: BTreeMap<ConversationId, u64>,
    /// What came twice, or not at all, without a word.
    faults: Vec<String>,
}

impl ToldToDevice {
    fn take(&mut self, user: UserId, event: &Event) {
        match event {
            Event::Entry(entry) => {
                let (id, seq) = (entry.conversation, entry.seq.get());
                self.entries.entry(id).or_default().push(seq);
                if let Some(last) = self.stands.insert(id, seq)
                    && seq != last + 1
                {
                    self.faults.push(format!("{seq} of {id} after {last}"));
                }
                let (_, gone) = rows::comings_and_goings(&entry.what);
                if gone.contains(&user) || entry.what == What::Closed {
                    self.stands.remove(&id);
                }
            }
            Event::Conversation(summary) => drop(self.stands.insert(summary.id, summary.head.get())),
            Event::Reset { conversation, head } => drop(self.stands.insert(*conversation, head.get())),
            Event::Gone(id) => drop(self.stands.remove(id)),
            _ => {}
        }
    }
}

/// Every place that somebody may know of.
fn places(number: u64) -> Vec<Place> {
    let rooms = (1..=ROOMS).flat_map(|number| [Place::Room(number), Place::Channel(number)]);
    let others = (1..=PEOPLE).filter(|&other| other != number);
    rooms.chain(others.map(|other| Place::Direct(number, other))).collect()
}

/// What can be asked of one place; `step` moves pages and windows over it.
fn about(place: Place, step: u64) -> Vec<Command> {
    let conversation = place.id();
    let position = Seq::new(step % 17);
    let window =
        [None, Some(Window::Before(position)), Some(Window::After(position)), Some(Window::Around(position))]
            [usize::try_from(step % 4).unwrap_or(0)];
    let small = Limit::new(1 + step % 7).unwrap_or_default();
    vec![
        Command::Conversation { conversation },
        Command::Members { conversation, after: None, limit: Limit::MAX },
        Command::Entries { conversation, after: Seq::new(step % 5 * 6), limit: small },
        Command::History { conversation, window, limit: small },
    ]
}

/// What somebody can ask beside that.
fn at_large(step: u64) -> Vec<Command> {
    let small = Limit::new(1 + step % 3).unwrap_or_default();
    let one = user(step % PEOPLE + 1);
    vec![
        Command::Conversations { after: None, limit: Limit::MAX },
        Command::Conversations { after: Some(Place::Room(1).id()), limit: small },
        Command::Friends { filter: FriendFilter::All, after: None, limit: Limit::MAX },
        Command::Friends { filter: FriendFilter::Blocked, after: Some(one), limit: small },
        Command::User { who: crate::command::Who::Id(one) },
    ]
}

/// The two, side by side.
pub(super) struct Engines {
    memory: One,
    other: One,
    steps: u64,
}

impl Engines {
    /// Asks both the same, and compares what they say.
    async fn compare(&self, number: u64, commands: Vec<Command>) -> Result<(), Difference> {
        for command in commands {
            let memory = self.memory.ask(user(number), command.clone()).await;
            let other = self.other.ask(user(number), command.clone()).await;
            equal(format_args!("what {number} is told by {command:?}"), &memory, &other)?;
        }
        Ok(())
    }

    /// Compares everything that somebody sees.
    async fn compare_view(&self, number: u64) -> Result<(), Difference> {
        self.compare(number, at_large(self.steps)).await?;
        for (place, step) in places(number).into_iter().zip(self.steps..) {
            self.compare(number, about(place, step)).await?;
        }
        let memory = self.memory.returning(number, self.steps).await;
        let other = self.other.returning(number, self.steps).await;
        equal(format_args!("what {number} is told when he comes back"), &memory, &other)
    }
}

impl Twins for Engines {
    type Step = Operation;

    const REGRESSIONS: (&'static str, &'static str) =
        ("regressions/engine.txt", include_str!("regressions/engine.txt"));

    fn steps() -> BoxedStrategy<Operation> {
        operation()
    }

    async fn new(memory: Arc<dyn Store>, other: Arc<dyn Store>) -> Self {
        Self { memory: One::new(memory).await, other: One::new(other).await, steps: 0 }
    }

    async fn step(&mut self, operation: &Operation) -> Result<Done, Difference> {
        self.steps += 1;
        let (memory, other) = (self.memory.perform(operation).await, self.other.perform(operation).await);
        equal("the reply", &memory, &other)?;
        let who = self.steps % PEOPLE + 1;
        if self.steps.is_multiple_of(VIEW_EVERY) {
            self.compare_view(who).await?;
        } else {
            let at_large = || at_large(self.steps);
            let asked = operation.place().map_or_else(at_large, |place| about(place, self.steps));
            self.compare(who, asked).await?;
        }
        Ok(if memory.is_ok() { Done::Yes } else { Done::No })
    }

    async fn finish(mut self) -> Result<(), Difference> {
        for number in 1..=PEOPLE {
            self.compare_view(number).await?;
        }
        for (memory, other) in self.memory.told().await.into_iter().zip(self.other.told().await) {
            equal("what a device was told", &memory.entries, &other.entries)?;
            for told in [&memory, &other] {
                equal("what it was told twice, or not at all", &Vec::new(), &told.faults)?;
            }
        }
        tokio::join!(self.memory.chat.shutdown(), self.other.chat.shutdown());
        Ok(())
    }
}
