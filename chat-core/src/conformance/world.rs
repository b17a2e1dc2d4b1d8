//! A store with something of everything in it, for cases about all of it.

use std::sync::Arc;

use super::parity::{One, operations};
use super::scene::{Build, Scene, at, banned, deletion, message, note, some_uuid, user};
use crate::conversation::{Conversation, Kind, Membership, Role, Seat};
use crate::id::{Seq, SessionId, UserId};
use crate::page::Limit;
use crate::store::{
    Account, AccountCopy, AccountState, Claim, ClaimKind, Claims, Effect, Enter, EntryCopy, FriendChanges,
    MessageRow, Meta, NewSession, PairCopy, PasswordHash, ReadMark, RefreshState, SeatQuery, SessionRow,
    Store,
};

/// More than any page holds.
const CROWD: std::ops::Range<u64> = 1_000..1_300;

/// A store on which people live.
pub(super) struct World {
    pub(super) store: Arc<dyn Store>,
    life: One,
    /// A long log with deleted, edited and marked messages.
    pub(super) scene: Scene,
    operations: usize,
}

impl World {
    pub(super) async fn new(store: Arc<dyn Store>) -> Self {
        let life = One::new(Arc::clone(&store)).await;
        let scene = Scene::group(&store, &[1, 2, 3]).await;
        let mut world = Self { store, life, scene, operations: 0 };
        world.go_on(150).await;
        world.talk_long().await;
        world.crowd().await;
        world
    }

    /// So many random operations more.
    pub(super) async fn go_on(&mut self, count: usize) {
        let next = self.operations + count;
        for operation in &operations(next)[self.operations..] {
            // Many are refused, as among people.
            let _ = self.life.perform(operation).await;
        }
        self.operations = next;
    }

    /// Stops what runs beside the store.
    pub(super) async fn end(self) {
        self.life.chat.shutdown().await;
    }

    async fn talk_long(&self) {
        let scene = &self.scene;
        let said = scene.say_many(1, 400).await;
        for nth in [0, 3, 200, 399] {
            scene.delete(said[nth]).await;
        }
        for nth in [5, 399 - 7] {
            self.mark(said[nth], "+1").await;
        }
        scene.put(note(user(1)).with(banned(user(77)))).await;
        scene.read(2, said[250]).await;
        let read = |(nth, user)| ReadMark { conversation: scene.id, user, up_to: said[nth], at: at(7) };
        let reads = [(250, user(2)), (3, user(2)), (9, user(77))].map(read);
        if let Some(log) = self.store.talk().receipt_log() {
            log.note(&reads).await.unwrap();
        }
        self.store.talk().conversations().fence(scene.id).await.unwrap();
    }

    /// Marks a message of the long log.
    pub(super) async fn mark(&self, target: Seq, key: &str) {
        let effect = Effect::PutMark { target, key: key.to_owned(), by: user(2) };
        self.scene.put(note(user(2)).about(target).with(effect)).await;
    }

    /// Deletes a message of the long log that was never changed.
    pub(super) async fn bury(&self, target: Seq) {
        self.scene.put(deletion(user(1), target, target)).await;
    }

    /// Many accounts, logins, members of a channel, and conversations of two.
    async fn crowd(&self) {
        let channel = Scene::shell(&self.store, Kind::Channel).await;
        channel.put(message(user(1), "welcome")).await;
        for number in CROWD {
            let account = account(number);
            let claims =
                Claims { take: claims(number), words: vec![format!("word{number}")], ..Claims::default() };
            self.store.people().accounts().create(&account, &claims).await.unwrap();
            self.store.access().sessions().create(&login(number), 10).await.unwrap();
            let acl = channel.record().await.acl;
            let (conversation, role) = (channel.id, Role::Member);
            let enter = Enter { conversation, user: user(number), role, acl, at: at(5) };
            self.store.talk().memberships().enter(&enter).await.unwrap();
        }
        for number in CROWD.take(80) {
            let scene = Scene::direct(&self.store, number, number + 1).await;
            if number % 3 > 0 {
                scene.say(number, "hi").await;
            }
        }
    }
}

fn account(number: u64) -> Account {
    let password = PasswordHash("$argon2id$…".to_owned());
    let mut account = Account::new(user(number), format!("user{number}"), password, at(1_000));
    if number.is_multiple_of(10) {
        (account.state, account.version) = (AccountState::Deleted, 7);
        account.bio = Some("ß İ e\u{301}".to_owned());
        account.particulars.locale = Some("tr".to_owned());
    }
    account
}

fn claims(number: u64) -> Vec<Claim> {
    let claim = |kind| Claim { kind, value: format!("user{number}") };
    vec![claim(ClaimKind::Username), claim(ClaimKind::Skeleton)]
}

/// A login that was refreshed once.
pub(super) fn login(number: u64) -> SessionRow {
    let refresh = RefreshState {
        generation: number,
        current: [1; 32],
        previous: number.is_multiple_of(2).then_some([2; 32]),
        salt: [3; 16],
        key_id: "key".to_owned(),
        rotated_at: at(1_000),
    };
    SessionRow::new(NewSession {
        id: SessionId::from(some_uuid()),
        user: user(number),
        device: "phone".to_owned(),
        created_at: at(1_000),
        idle_until: at(10_000),
        absolute_until: at(20_000),
        credential_version: 1,
        refresh,
    })
}

/// All that a store holds, and what it makes of it.
#[derive(Debug, PartialEq)]
pub(super) struct Whole {
    meta: Meta,
    pairs: Vec<PairCopy>,
    accounts: Vec<AccountCopy>,
    logins: Vec<SessionRow>,
    rooms: Vec<Room>,
    sights: Vec<Sight>,
}

/// A conversation.
#[derive(Debug, PartialEq)]
struct Room {
    record: Conversation,
    entries: Vec<EntryCopy>,
    members: Vec<Membership>,
    reads: Vec<ReadMark>,
    last: Option<MessageRow>,
}

/// What one user is told.
#[derive(Debug, PartialEq)]
struct Sight {
    friends: FriendChanges,
    blocks: Vec<UserId>,
    seats: Vec<Seat>,
}

/// More rows than there are.
const ALL: usize = 10_000;

impl Whole {
    pub(super) async fn of(store: &dyn Store) -> Self {
        let people = store.people().transfer_people();
        let mut rooms = Vec::new();
        for record in store.talk().conversations().walk(None, ALL).await.unwrap() {
            rooms.push(Room::of(store, record).await);
        }
        let mut sights = Vec::new();
        for number in (1..=5).chain([77, CROWD.start, CROWD.start + 1]) {
            sights.push(Sight::of(store, user(number)).await);
        }
        Self {
            meta: store.talk().meta().await.unwrap(),
            pairs: people.pairs(None, ALL).await.unwrap(),
            accounts: people.accounts_after(None, ALL).await.unwrap(),
            logins: store.access().transfer_access().sessions_after(None, ALL).await.unwrap(),
            rooms,
            sights,
        }
    }
}

impl Room {
    async fn of(store: &dyn Store, record: Conversation) -> Self {
        let (id, talk) = (record.id, store.talk().transfer_talk());
        let entries = talk.entries_after(id, Seq::ZERO, ALL).await.unwrap();
        let members = talk.members_after(id, None, ALL).await.unwrap();
        let reads = match store.talk().receipt_log() {
            Some(log) => log.walk(id, None, ALL).await.unwrap(),
            None => Vec::new(),
        };
        let last = store.talk().log().last(&[id]).await.unwrap().remove(0);
        Self { record, entries, members, reads, last }
    }
}

impl Sight {
    async fn of(store: &dyn Store, user: UserId) -> Self {
        let friendships = store.people().friendships();
        let query = SeatQuery::Listed { after: None, limit: Limit::MAX };
        Self {
            friends: friendships.since(user, Some(0)).await.unwrap(),
            blocks: friendships.blocks(user).await.unwrap(),
            seats: store.talk().memberships().seats(user, query).await.unwrap(),
        }
    }
}
