//! People by name, who talk to each other.

use std::sync::Arc;

use super::ManualClock;
use crate::command::{Command, Reply, Sent, Sync};
use crate::delivery::{Open, Resume, Session};
use crate::engine::{Chat, ChatBuilder};
use crate::event::Event;
use crate::id::{ConversationId, Pair, Seq, UserId};
use crate::memory::MemoryStore;
use crate::message::Draft;
use crate::store::Store;

/// A chat in memory and its people, each known by a name.
#[derive(Clone, Debug)]
pub struct World {
    start: Start,
    clock: ManualClock,
}

/// A world is put together before its first `await`.
#[derive(Clone)]
enum Start {
    Prepared(Arc<dyn Store>),
    Running(Chat),
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Prepared(_) => "Prepared",
            Self::Running(_) => "Running",
        })
    }
}

/// Where a device stood when its line was cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    friends: Option<u64>,
    conversations: Vec<(ConversationId, Seq)>,
}

/// A connected device of somebody.
#[derive(Debug)]
pub struct Connected {
    session: Session,
    chat: Chat,
    place: Place,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A world in memory.
    pub fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new()))
    }

    /// A world on a store of your own.
    pub fn on(store: Arc<dyn Store>) -> Self {
        Self { start: Start::Prepared(store), clock: ManualClock::default() }
    }

    /// The same with two friends in it.
    #[must_use]
    pub async fn with_friends(self, one: &str, other: &str) -> Self {
        let world = self.running().await;
        let (one, other) = (world.user(one), world.user(other));
        world.chat().actor(one).request_friend(other).await.expect("a request is free");
        world.chat().actor(other).accept_friend(one).await.expect("it was just asked");
        world
    }

    /// The same, started: [`World::chat`] is there.
    #[must_use]
    pub async fn running(self) -> Self {
        let chat = match self.start {
            Start::Running(chat) => chat,
            Start::Prepared(store) => {
                let builder: ChatBuilder = Chat::over(store).clock(Arc::new(self.clock.clone()));
                builder.build().await.expect("a chat in memory starts")
            }
        };
        Self { start: Start::Running(chat), clock: self.clock }
    }

    /// The chat itself.
    ///
    /// # Panics
    /// Before [`World::running`] or [`World::with_friends`].
    pub fn chat(&self) -> &Chat {
        match &self.start {
            Start::Running(chat) => chat,
            Start::Prepared(_) => panic!("a world is started by `running` or `with_friends`"),
        }
    }

    /// The world's clock.
    pub const fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Who bears this name.
    pub fn user(&self, name: &str) -> UserId {
        UserId::from_external(name)
    }

    /// The direct conversation of two.
    ///
    /// # Panics
    /// When they are the same.
    pub fn direct(&self, one: &str, other: &str) -> ConversationId {
        let pair = Pair::new(self.user(one), self.user(other)).expect("two different people");
        ConversationId::direct(crate::Tenant::default(), pair)
    }

    /// `one` says something to `other`; it is stored when this returns.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn say(&self, one: &str, other: &str, text: &str) -> Sent {
        let draft = Draft::text(text).expect("a plain text");
        self.chat().actor(self.user(one)).send_to(self.user(other), draft).await.expect("friends may talk")
    }

    /// Connects a device that follows everything from now on.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn connect(&self, name: &str) -> Connected {
        let open = Open::new(self.user(name));
        let session = self.chat().open_with(open).await.expect("a device may connect");
        Connected { session, chat: self.chat().clone(), place: Place::default() }
    }

    /// Connects a device again that knows where it stood.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn resume(&self, name: &str, place: Place) -> Connected {
        let open = Open::new(self.user(name)).resume(Resume::AwaitSync);
        let session = self.chat().open_with(open).await.expect("a device may connect");
        let sync = Sync {
            epoch: Some(self.chat().epoch()),
            friends: place.friends,
            conversations: place.conversations.clone(),
            ..Sync::default()
        };
        let reply = session.handle(Command::Sync(sync)).await.expect("a device may resume");
        assert!(matches!(reply, Reply::Synced(_)), "a sync is answered as one");
        Connected { session, chat: self.chat().clone(), place }
    }
}

impl Connected {
    /// The texts of the messages that arrive, up to all that is stored by now.
    ///
    /// # Panics
    /// When the session has ended.
    pub async fn texts(&mut self) -> Vec<String> {
        let heads = self.heads().await;
        let mut texts = Vec::new();
        while heads.iter().any(|(id, head)| self.last_of(*id) < *head) {
            let event = self.session.next().await.expect("the session lives");
            if let Event::Entry(entry) = &event {
                texts.extend(entry.message().and_then(|message| message.text()).map(str::to_owned));
            }
            self.note(&event);
        }
        texts
    }

    /// The next event.
    ///
    /// # Panics
    /// When the session has ended.
    pub async fn event(&mut self) -> Event {
        let event = self.session.next().await.expect("the session lives");
        self.note(&event);
        event
    }

    /// The session itself.
    pub const fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Cuts the line; what was not taken yet is lost, as on a real one.
    pub fn disconnect(self) -> Place {
        self.place
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Entry(entry) => self.place.raise(entry.conversation, entry.seq),
            Event::Reset { conversation, head } => self.place.raise(*conversation, *head),
            Event::Friendship(step) => self.place.friends = Some(step.cursor),
            _ => {}
        }
    }

    fn last_of(&self, id: ConversationId) -> Seq {
        let known = self.place.conversations.iter().find(|(known, _)| *known == id);
        known.map_or(Seq::ZERO, |(_, seq)| *seq)
    }

    /// Where all conversations of this user end now.
    async fn heads(&self) -> Vec<(ConversationId, Seq)> {
        let actor = self.chat.actor(self.session.user());
        let page = actor.conversations(None, crate::Limit::MAX).await.expect("the store answers");
        page.items.iter().map(|summary| (summary.id, summary.head)).collect()
    }
}

impl Place {
    fn raise(&mut self, id: ConversationId, seq: Seq) {
        match self.conversations.iter_mut().find(|(known, _)| *known == id) {
            Some((_, last)) => *last = seq.max(*last),
            None => self.conversations.push((id, seq)),
        }
    }
}
