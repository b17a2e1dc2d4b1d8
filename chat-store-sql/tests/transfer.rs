//! Everything read out of one store and put into the other is there to the letter, and the file is in order.

#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

mod common;

use std::sync::Arc;

use chat_core::conversation::{Conversation, History, Membership, Standing};
use chat_core::friendship::{Friendship, Relation, State, View};
use chat_core::id::{ConversationId, Pair, Seq, SessionId};
use chat_core::message::kind;
use chat_core::store::{
    Account, AccountCopy, Claim, ClaimKind, Claims, Effect, EntryCopy, NewSession, Outcome, PairCopy,
    PasswordHash, PutPair, RefreshState, SessionRow, Store, StoreError, Talk,
};
use chat_core::time::Timestamp;
use chat_core::{MemoryStore, UserId};
use chat_store_sql::sqlite::SqliteStore;
use common::{append, appended, deletion, draft, group, message, open, user};
use uuid::Uuid;

const ALL: usize = 1_000;

/// Everything of a store with one conversation.
#[derive(Debug, PartialEq)]
struct Everything {
    pairs: Vec<PairCopy>,
    accounts: Vec<AccountCopy>,
    sessions: Vec<SessionRow>,
    record: Conversation,
    entries: Vec<EntryCopy>,
    members: Vec<Membership>,
}

async fn everything(store: &dyn Store, id: ConversationId) -> Everything {
    let (people, talk) = (store.people().transfer_people(), store.talk().transfer_talk());
    Everything {
        pairs: people.pairs(None, ALL).await.unwrap(),
        accounts: people.accounts_after(None, ALL).await.unwrap(),
        sessions: store.access().transfer_access().sessions_after(None, ALL).await.unwrap(),
        record: store.talk().conversations().load(&[id]).await.unwrap().remove(0).unwrap(),
        entries: talk.entries_after(id, Seq::ZERO, ALL).await.unwrap(),
        members: talk.members_after(id, None, ALL).await.unwrap(),
    }
}

async fn put(everything: &Everything, from: &dyn Store, to: &dyn Store) {
    let (people, talk) = (to.people().transfer_people(), to.talk().transfer_talk());
    people.put_pairs(&everything.pairs).await.unwrap();
    people.put_accounts(&everything.accounts).await.unwrap();
    to.access().transfer_access().put_sessions(None, None, &everything.sessions).await.unwrap();
    talk.put_meta(&from.talk().meta().await.unwrap()).await.unwrap();
    talk.put_log(&everything.record, &everything.entries).await.unwrap();
    talk.put_members(everything.record.id, None, None, &everything.members).await.unwrap();
}

async fn some_people(store: &dyn Store) {
    let pair = |other| Pair::new(user(1), user(other)).unwrap();
    let shown = View { relation: Relation::Friends, blocked: false };
    for (other, shown) in [(2, [Some(shown), None]), (3, [Some(shown); 2]), (2, [None, Some(shown)])] {
        let now = store.people().friendships().of(&[pair(other)]).await.unwrap().remove(0);
        let expected = now.map_or(0, |record| record.version);
        let friendship = Friendship { state: State::Friends, blocked: [false; 2] };
        let at = Timestamp::from_millis(4);
        let change = PutPair { pair: pair(other), expected, friendship, fence: true, shown, at };
        store.people().friendships().put(&change).await.unwrap();
    }
    for number in [1, 2] {
        store.people().accounts().create(&account(number), &claims(number)).await.unwrap();
        store.access().sessions().create(&session(number), 5).await.unwrap();
    }
}

fn account(number: u64) -> Account {
    let password = PasswordHash("hash".to_owned());
    Account::new(user(number), format!("user{number}"), password, Timestamp::from_millis(1))
}

fn claims(number: u64) -> Claims {
    let claim = |kind| Claim { kind, value: format!("user{number}") };
    let words = vec!["zoe".to_owned(), "anna".to_owned()];
    Claims { take: vec![claim(ClaimKind::Skeleton), claim(ClaimKind::Username)], release: vec![], words }
}

fn session(number: u64) -> SessionRow {
    let at = Timestamp::from_millis(5);
    let refresh = RefreshState {
        generation: 3,
        current: [1; 32],
        previous: Some([2; 32]),
        salt: [3; 16],
        key_id: "k".to_owned(),
        rotated_at: at,
    };
    let id = SessionId::from(Uuid::from_u128(u128::from(number)));
    SessionRow::new(NewSession {
        id,
        user: user(number),
        device: "phone".to_owned(),
        created_at: at,
        idle_until: Timestamp::from_millis(90),
        absolute_until: Timestamp::from_millis(80),
        credential_version: 1,
        refresh,
    })
}

/// Messages, one edited, one deleted, one with a mark; somebody is banned.
async fn some_talk(store: &SqliteStore) -> ConversationId {
    let id = group(store, "talk", 3).await;
    for number in 0..4 {
        appended(store, id, vec![message(user(1), &format!("m{number}"), "hello")]).await;
    }
    let (marked, banned) = (Seq::new(3), Some(Standing::Banned));
    let mut mark = draft(user(2), "mark", 900);
    mark.target = Some(marked);
    mark.effects = vec![Effect::PutMark { target: marked, key: "+1".to_owned(), by: user(2) }];
    let mut ban = draft(user(1), "ban", kind::REMOVED);
    let history = History::All;
    ban.effects = vec![Effect::PutMember { user: user(3), standing: banned, history }];
    appended(store, id, vec![mark, ban, deletion(user(1), "d", Seq::new(4))]).await;
    id
}

#[tokio::test]
async fn what_leaves_a_store_enters_another_to_the_letter() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, memory, to) = (open(one.path()).await, MemoryStore::new(), open(other.path()).await);
    some_people(&from).await;
    let id = some_talk(&from).await;
    let there = everything(&from, id).await;

    put(&there, &from, &memory).await;
    assert_eq!(everything(&memory, id).await, there);
    for _ in 0..2 {
        put(&there, &memory, &to).await;
        assert_eq!(everything(&to, id).await, there);
    }
    assert_eq!(to.check().await.unwrap(), []);
    for store in [&from as &dyn Store, &memory, &to] {
        let feed = store.people().friendships().since(user(1), Some(0)).await.unwrap();
        assert_eq!(feed.items.iter().map(|change| change.version).collect::<Vec<_>>(), [1, 2]);
        let repeat = append_of(store, id).await;
        assert!(matches!(repeat, Outcome::Repeat { seq, .. } if seq == Seq::new(2)));
        assert_eq!(store.talk().log().last(&[id]).await.unwrap()[0].as_ref().unwrap().seq, Seq::new(5));
    }
}

/// What becomes of the first message when it comes again.
async fn append_of(store: &dyn Store, id: ConversationId) -> Outcome {
    let lane = common::lane(id, vec![message(user(1), "m0", "hello")]);
    let done = store.talk().log().append(Arc::from(vec![lane])).await.remove(0);
    done.unwrap().outcomes.remove(0)
}

#[tokio::test]
async fn what_is_put_again_replaces_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    some_people(&store).await;
    let id = some_talk(&store).await;
    let before = everything(&store, id).await;
    appended(&store, id, vec![deletion(user(1), "d2", Seq::new(5)), message(user(2), "new", "new")]).await;
    let after = everything(&store, id).await;

    // The log is as long as it is; what its rows hold is replaced.
    let talk = Talk::transfer_talk(&store);
    let fell = talk.put_log(&before.record, &before.entries).await;
    assert!(matches!(fell, Err(StoreError::Conflict)));
    talk.put_log(&after.record, &before.entries).await.unwrap();
    let alive = everything(&store, id).await;
    assert_eq!(alive.entries[..before.entries.len()], before.entries);
    assert_eq!(store.check().await.unwrap(), []);
    talk.put_log(&after.record, &after.entries).await.unwrap();
    assert_eq!(everything(&store, id).await, after);
    assert_eq!(store.check().await.unwrap(), []);

    let hole = [after.entries[0].clone(), after.entries[2].clone()];
    let mut new = after.record.clone();
    (new.id, new.head) = (ConversationId::from_bytes([9; 16]), Seq::new(3));
    assert!(matches!(talk.put_log(&new, &hole).await, Err(StoreError::Conflict)));
    assert!(append(&store, new.id, vec![]).await.is_err(), "nothing was made of it");
}

#[tokio::test]
async fn claims_move_among_the_accounts_of_one_call() {
    let directory = tempfile::tempdir().unwrap();
    let (sqlite, memory) = (open(directory.path()).await, MemoryStore::new());
    for store in [&sqlite as &dyn Store, &memory] {
        some_people(store).await;
        let people = store.people().transfer_people();
        let mut copies = people.accounts_after(None, ALL).await.unwrap();
        let [one, other] = &mut copies[..] else { panic!("two accounts") };
        std::mem::swap(&mut one.claims, &mut other.claims);
        let alone = people.put_accounts(&copies[..1]).await;
        assert!(matches!(alone, Err(StoreError::AlreadyExists("username"))), "{alone:?}");
        people.put_accounts(&copies).await.unwrap();
        assert_eq!(people.accounts_after(None, ALL).await.unwrap(), copies);
        let first = Claim { kind: ClaimKind::Username, value: "user1".to_owned() };
        let owner = store.people().accounts().claimed(&[first]).await.unwrap();
        assert_eq!(owner, [Some(UserId::from(2_u64))]);
    }
}
