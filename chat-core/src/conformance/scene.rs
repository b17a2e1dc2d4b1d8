//! What the cases are told with: people, drafts, and a conversation to put them into.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Barrier;
use uuid::Uuid;

use crate::conversation::{Conversation, History, Kind, Membership, Role, Seat, Settings, Standing};
use crate::id::{ConversationId, EntryId, Pair, Seq, UserId};
use crate::message::{ClientId, Payload, kind};
use crate::page::Limit;
use crate::receipt::Receipt;
use crate::store::{
    After, Appended, DraftEntry, Effect, EntryRow, Expected, Lane, LaneDone, Log, Mark, MessageRow, Outcome,
    Raise, Raised, SeatQuery, Shell, Store, StoreError,
};
use crate::time::Timestamp;

pub(super) fn user(number: u64) -> UserId {
    UserId::from(number)
}

pub(super) const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) const fn seq(position: u64) -> Seq {
    Seq::new(position)
}

pub(super) fn limit(items: u64) -> Limit {
    Limit::new(items).unwrap()
}

pub(super) fn pair(a: u64, b: u64) -> Pair {
    Pair::new(user(a), user(b)).unwrap()
}

/// A UUID that no other call of this process answers.
pub(super) fn some_uuid() -> Uuid {
    static LAST: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u128((7 << 76) | (2 << 62) | u128::from(LAST.fetch_add(1, Ordering::Relaxed)))
}

/// Fails the case unless this is a conflict.
#[track_caller]
pub(super) fn assert_conflict<T: Debug>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::Conflict) => {}
        other => panic!("expected a conflict, got {other:?}"),
    }
}

/// Fails the case unless exactly this is taken.
#[track_caller]
pub(super) fn assert_taken<T: Debug>(result: Result<T, StoreError>, what: &str) {
    match result {
        Err(StoreError::AlreadyExists(name)) if name == what => {}
        other => panic!("expected that {what} is taken, got {other:?}"),
    }
}

/// Runs `tasks` tasks that start at the same moment; answers what they made, in their order.
pub(super) async fn race<T, F>(tasks: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(tasks));
    let start = |number| {
        let (barrier, work) = (Arc::clone(&barrier), task(number));
        tokio::spawn(async move {
            barrier.wait().await;
            work.await
        })
    };
    let running: Vec<_> = (0..tasks).map(start).collect();
    let mut done = Vec::with_capacity(tasks);
    for task in running {
        done.push(task.await.unwrap());
    }
    done
}

/// An entry without effects, under its own id.
pub(super) fn note(by: UserId) -> DraftEntry {
    let id = EntryId::from(some_uuid());
    DraftEntry::new(id, at(1_000), by, id.into(), kind::MESSAGE)
}

pub(super) fn message(by: UserId, text: &str) -> DraftEntry {
    note(by).with(Effect::PutMessage { text: Some(text.to_owned()), payload: None })
}

pub(super) fn edit(by: UserId, target: Seq, rev: Seq, text: &str) -> DraftEntry {
    note(by).about(target).with(Effect::SetBody { target, rev, text: Some(text.to_owned()), payload: None })
}

pub(super) fn deletion(by: UserId, target: Seq, rev: Seq) -> DraftEntry {
    note(by).about(target).with(Effect::Tombstone { target, rev })
}

pub(super) fn member(user: UserId, role: Role) -> Effect {
    Effect::PutMember { user, standing: Some(Standing::Member(role)), history: History::All }
}

pub(super) fn banned(user: UserId) -> Effect {
    Effect::PutMember { user, standing: Some(Standing::Banned), history: History::All }
}

pub(super) fn gone(user: UserId) -> Effect {
    Effect::PutMember { user, standing: None, history: History::All }
}

/// Drafts said in one line.
pub(super) trait Build {
    fn with(self, effect: Effect) -> Self;
    fn about(self, target: Seq) -> Self;
    fn under(self, client_id: &str) -> Self;
    fn digest(self, byte: u8) -> Self;
    fn on(self, at: Timestamp) -> Self;
    fn taking_right(self) -> Self;
    fn kind(self, kind: u16) -> Self;
    fn holding(self, payload: &'static [u8]) -> Self;
}

impl Build for DraftEntry {
    fn with(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    fn about(self, target: Seq) -> Self {
        Self { target: Some(target), ..self }
    }

    fn under(self, client_id: &str) -> Self {
        Self { client_id: ClientId::new(client_id).unwrap(), ..self }
    }

    fn digest(self, byte: u8) -> Self {
        Self { digest: [byte; 16], ..self }
    }

    fn on(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }

    fn taking_right(self) -> Self {
        Self { takes_right: true, ..self }
    }

    fn kind(self, kind: u16) -> Self {
        Self { kind, ..self }
    }

    fn holding(self, payload: &'static [u8]) -> Self {
        Self { payload: Some(Payload::from_static(payload)), ..self }
    }
}

/// The place of a draft that was appended.
#[track_caller]
pub(super) fn appended(outcome: &Outcome) -> Appended {
    match outcome {
        Outcome::Appended(place) => *place,
        Outcome::Repeat { .. } => panic!("expected a new entry, got {outcome:?}"),
    }
}

/// Appends one lane as it is.
pub(super) async fn append_lane(store: &dyn Store, lane: Lane) -> Result<LaneDone, StoreError> {
    let mut done = store.talk().log().append(Arc::new([lane])).await;
    assert_eq!(done.len(), 1, "one answer for one lane");
    done.remove(0)
}

/// One conversation of a store.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) store: Arc<dyn Store>,
    pub(super) id: ConversationId,
}

/// Everything that a store keeps of one conversation.
#[derive(Debug, PartialEq)]
pub(super) struct Everything {
    pub(super) record: Conversation,
    pub(super) entries: Vec<EntryRow>,
    pub(super) members: Vec<Membership>,
    pub(super) marks: Vec<Mark>,
}

impl Scene {
    /// A shell without members.
    pub(super) async fn shell(store: &Arc<dyn Store>, kind: Kind) -> Self {
        let id = ConversationId::from(some_uuid());
        let settings = Settings::of(kind);
        let shell = Shell { id, kind, pair: None, creator: Some(user(1)), settings, at: at(1_000) };
        store.talk().conversations().ensure(&shell).await.unwrap();
        Self { store: Arc::clone(store), id }
    }

    /// A group whose first entry makes these its members, the first one as owner.
    pub(super) async fn group(store: &Arc<dyn Store>, users: &[u64]) -> Self {
        let scene = Self::shell(store, Kind::Group).await;
        let mut created = note(user(users[0])).kind(kind::CREATED);
        for &number in users {
            let role = if number == users[0] { Role::Owner } else { Role::Member };
            created = created.with(member(user(number), role));
        }
        scene.put(created).await;
        scene
    }

    /// A direct conversation in which nothing was said yet.
    pub(super) async fn direct(store: &Arc<dyn Store>, a: u64, b: u64) -> Self {
        let pair = pair(a, b);
        let id = ConversationId::direct(store.tenant(), pair);
        let settings = Settings::of(Kind::Direct);
        let shell =
            Shell { id, kind: Kind::Direct, pair: Some(pair), creator: None, settings, at: at(1_000) };
        store.talk().conversations().ensure(&shell).await.unwrap();
        Self { store: Arc::clone(store), id }
    }

    pub(super) fn log(&self) -> &dyn Log {
        self.store.talk().log()
    }

    pub(super) async fn record(&self) -> Conversation {
        let mut found = self.store.talk().conversations().load(&[self.id]).await.unwrap();
        found.remove(0).expect("the conversation is there")
    }

    /// A lane for this conversation as it is now.
    pub(super) async fn lane(&self, drafts: Vec<DraftEntry>) -> Lane {
        let expected = Expected { acl: self.record().await.acl, roster: None };
        Lane { conversation: self.id, expected, drafts }
    }

    pub(super) async fn try_append(&self, drafts: Vec<DraftEntry>) -> Result<LaneDone, StoreError> {
        append_lane(&*self.store, self.lane(drafts).await).await
    }

    pub(super) async fn append(&self, drafts: Vec<DraftEntry>) -> Vec<Outcome> {
        self.try_append(drafts).await.unwrap().outcomes
    }

    /// Appends one draft that is no repeat.
    pub(super) async fn put(&self, draft: DraftEntry) -> Appended {
        appended(&self.append(vec![draft]).await[0])
    }

    pub(super) async fn say(&self, by: u64, text: &str) -> Seq {
        self.put(message(user(by), text)).await.seq
    }

    /// `count` messages in one lane; answers their positions.
    pub(super) async fn say_many(&self, by: u64, count: usize) -> Vec<Seq> {
        let drafts = (0..count).map(|number| message(user(by), &format!("text {number}"))).collect();
        self.append(drafts).await.iter().map(|outcome| appended(outcome).seq).collect()
    }

    pub(super) async fn delete(&self, target: Seq) -> Appended {
        let rev = self.message(target).await.expect("there is a message").rev;
        self.put(deletion(user(1), target, rev)).await
    }

    pub(super) async fn message(&self, at: Seq) -> Option<MessageRow> {
        self.log().at(self.id, &[at]).await.unwrap().remove(0)
    }

    /// All entries, read in pages.
    pub(super) async fn entries(&self) -> Vec<EntryRow> {
        let mut all: Vec<EntryRow> = Vec::new();
        loop {
            let after = all.last().map_or(Seq::ZERO, |row| row.seq);
            let wanted = [After { conversation: self.id, after }];
            let mut answer = self.log().entries(&wanted, Limit::MAX).await.unwrap();
            let page = answer.remove(0).items;
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    pub(super) async fn row(&self, number: u64) -> Option<Membership> {
        let found = self.store.talk().memberships().of(self.id, &[user(number)]).await;
        found.unwrap().remove(0)
    }

    pub(super) async fn seat(&self, number: u64) -> Option<Seat> {
        let ids = [self.id];
        let found = self.store.talk().memberships().seats(user(number), SeatQuery::These(&ids)).await;
        found.unwrap().pop()
    }

    pub(super) async fn unread(&self, number: u64) -> u64 {
        self.seat(number).await.expect("there is a row").unread
    }

    pub(super) async fn raise(&self, number: u64, read: u64, delivered: u64) -> Option<Raised> {
        let to = Receipt { read: seq(read), delivered: seq(delivered) };
        let raise = Raise { conversation: self.id, user: user(number), to };
        self.store.talk().receipts().raise(Arc::new([raise])).await.unwrap().remove(0)
    }

    pub(super) async fn read(&self, number: u64, read: Seq) -> Raised {
        self.raise(number, read.get(), 0).await.expect("there is a member")
    }

    pub(super) async fn everything(&self) -> Everything {
        let entries = self.entries().await;
        let seqs: Vec<Seq> = entries.iter().map(|row| row.seq).collect();
        Everything {
            record: self.record().await,
            members: self.store.talk().memberships().list(self.id, None, 1_000).await.unwrap(),
            marks: self.log().marks(self.id, &seqs).await.unwrap(),
            entries,
        }
    }
}
