//! What the engine's tests share: a chat in memory, people as numbers, and short words for what they do.

use std::sync::Arc;
use std::time::Duration;

use chat_core::command::{Destination, NewConversation, Sync, Synced};
use chat_core::conformance::Gates;
use chat_core::delivery::{Open, Resume};
use chat_core::memory::MemoryStore;
use chat_core::{
    Chat, ChatError, ClientId, Command, ConversationId, Draft, Entry, Event, Limits, Pair, Policies, Reply,
    Seq, Session, Store, Tenant, UserId,
};

/// Long enough for anything that is going to happen at all.
pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) fn user(number: u64) -> UserId {
    UserId::from(number)
}

pub(crate) fn direct(one: u64, other: u64) -> ConversationId {
    ConversationId::direct(Tenant::default(), Pair::new(user(one), user(other)).unwrap())
}

pub(crate) async fn chat() -> Chat {
    Chat::builder(MemoryStore::new()).build().await.unwrap()
}

pub(crate) async fn chat_with(store: Arc<dyn Store>, limits: Limits) -> Chat {
    Chat::over(store).limits(limits).build().await.unwrap()
}

/// A chat in which strangers may do what friends may.
pub(crate) async fn open_chat() -> Chat {
    Chat::builder(MemoryStore::new()).policies(open_policies()).build().await.unwrap()
}

/// Strangers may do what friends may.
pub(crate) fn open_policies() -> Policies {
    let mut policies = Policies::default();
    policies.set("direct", "anyone").unwrap();
    policies.set("group", "anyone").unwrap();
    policies
}

pub(crate) async fn befriend(chat: &Chat, one: u64, other: u64) {
    chat.actor(user(one)).request_friend(user(other)).await.unwrap();
    chat.actor(user(other)).accept_friend(user(one)).await.unwrap();
}

pub(crate) fn text(text: &str) -> Draft {
    Draft::text(text).unwrap()
}

pub(crate) fn client_id(id: &str) -> ClientId {
    ClientId::new(id).unwrap()
}

pub(crate) async fn say(chat: &Chat, by: u64, to: impl Into<Destination> + 'static, what: &str) -> Seq {
    chat.actor(user(by)).send(to, text(what)).await.unwrap().message.seq
}

/// A group of the first, who makes it, and the others.
pub(crate) async fn group(chat: &Chat, people: &[u64]) -> ConversationId {
    let members = people[1..].iter().map(|number| user(*number));
    let id = format!("group-{people:?}").replace(' ', "");
    let new = NewConversation::group(client_id(&id), members).named("a group");
    chat.actor(user(people[0])).create(new).await.unwrap().value.id
}

pub(crate) async fn device(chat: &Chat, number: u64) -> Session {
    chat.open_with(Open::new(user(number))).await.unwrap()
}

/// A device that waits for its `sync`, and the answer to it.
pub(crate) async fn resume(chat: &Chat, number: u64, has: &[(ConversationId, Seq)]) -> (Session, Synced) {
    let session = chat.open_with(Open::new(user(number)).resume(Resume::AwaitSync)).await.unwrap();
    let request = Sync { epoch: Some(chat.epoch()), conversations: has.to_vec(), ..Sync::default() };
    let Reply::Synced(synced) = session.handle(Command::Sync(request)).await.unwrap() else {
        panic!("a sync is answered as one")
    };
    (session, synced)
}

pub(crate) async fn event(session: &mut Session) -> Event {
    tokio::time::timeout(LONG, session.next()).await.expect("an event was expected").unwrap()
}

/// The next entry; other events are passed over.
pub(crate) async fn entry(session: &mut Session) -> Entry {
    loop {
        if let Event::Entry(entry) = event(session).await {
            return Entry::clone(&entry);
        }
    }
}

/// The positions of the next `count` entries.
pub(crate) async fn seqs(session: &mut Session, count: usize) -> Vec<u64> {
    let mut seqs = Vec::new();
    for _ in 0..count {
        seqs.push(entry(session).await.seq.get());
    }
    seqs
}

/// What was refused, by its code.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, ChatError>) -> &'static str {
    result.expect_err("a refusal was expected").code()
}

/// A chat behind gates in which strangers may do what friends may.
pub(crate) async fn gated(events_max: u64) -> (Chat, Gates) {
    let gates = Gates::default();
    let mut limits = Limits::default();
    limits.set("session_events_max", events_max).unwrap();
    let store = gates.over(Arc::new(MemoryStore::new()));
    (Chat::over(store).policies(open_policies()).limits(limits).build().await.unwrap(), gates)
}

/// Everything that a session is told until nothing comes any more: the store is in memory and answers at once.
pub(crate) async fn told(chat: &Chat, session: &mut Session) -> Vec<Event> {
    chat.settled().await;
    let mut events = Vec::new();
    loop {
        let quiet = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            event = session.next() => events.push(event.unwrap()),
            () = quiet => return events,
        }
    }
}

pub(crate) fn seqs_in(events: &[Event], room: ConversationId) -> Vec<u64> {
    let seq = |event: &Event| match event {
        Event::Entry(entry) if entry.conversation == room => Some(entry.seq.get()),
        _ => None,
    };
    events.iter().filter_map(seq).collect()
}
