//! What was answered stays: after the store is closed and opened again everything is as it was.

use std::sync::Arc;

use super::fixture::Database;
use super::scene::{Build, Scene, at, banned, message, note, pair, user};
use crate::friendship::{Friendship, State};
use crate::id::{Side, Tenant};
use crate::store::{Account, Claim, ClaimKind, Claims, Effect, Outcome, PasswordHash, PutPair, Store};

/// Closes the database and opens it again; the store before must be dropped.
async fn reopen(database: &Arc<dyn Database>, store: Arc<dyn Store>) -> Arc<dyn Store> {
    drop(store);
    database.reopen().await;
    database.store(Tenant::default())
}

/// The epoch and the digest key are made once.
pub async fn the_epoch_stays(database: Arc<dyn Database>) {
    let store = database.store(Tenant::default());
    let meta = store.talk().meta().await.unwrap();
    assert!(!meta.epoch.is_nil());
    let store = reopen(&database, store).await;
    assert_eq!(store.talk().meta().await.unwrap(), meta);
}

/// A conversation is the same after opening again, and goes on at the next position.
pub async fn conversations_stay(database: Arc<dyn Database>) {
    let store = database.store(Tenant::default());
    let scene = Scene::group(&store, &[1, 2, 3]).await;
    let id = scene.id;
    scene.say_many(1, 5).await;
    scene.delete(crate::id::Seq::new(3)).await;
    scene.put(note(user(1)).with(banned(user(3))).taking_right()).await;
    let mark = Effect::PutMark { target: crate::id::Seq::new(4), key: "+1".to_owned(), by: user(2) };
    scene.put(note(user(2)).with(mark)).await;
    scene.put(message(user(1), "last").under("x").digest(9)).await;
    scene.read(2, crate::id::Seq::new(4)).await;
    let before = scene.everything().await;
    let unread = scene.unread(2).await;
    drop(scene);

    let store = reopen(&database, store).await;
    let scene = Scene { store: Arc::clone(&store), id };
    assert_eq!(scene.everything().await, before);
    assert_eq!(scene.unread(2).await, unread);
    let head = before.record.head;
    let again = scene.append(vec![message(user(1), "last").under("x").digest(1)]).await;
    assert_eq!(again, [Outcome::Repeat { seq: head, digest: Some([9; 16]) }]);
    assert_eq!(scene.say(1, "on").await, head.next());
}

/// Friendships, their feeds, accounts and claims stay.
pub async fn people_stay(database: Arc<dyn Database>) {
    let store = database.store(Tenant::default());
    let friendship = Friendship { state: State::Friends, blocked: [false, true] };
    let shown = Side::BOTH.map(|side| Some(friendship.view(side)));
    let put = PutPair { pair: pair(1, 2), expected: 0, friendship, fence: true, shown, at: at(5) };
    let record = store.people().friendships().put(&put).await.unwrap();
    let account = Account::new(user(1), "ana".to_owned(), PasswordHash("hash".to_owned()), at(0));
    let claim = Claim { kind: ClaimKind::Username, value: "ana".to_owned() };
    let claims = Claims { take: vec![claim.clone()], words: vec!["ana".to_owned()], ..Claims::default() };
    store.people().accounts().create(&account, &claims).await.unwrap();
    let feed = store.people().friendships().since(user(2), Some(0)).await.unwrap();

    let store = reopen(&database, store).await;
    let (friendships, accounts) = (store.people().friendships(), store.people().accounts());
    assert_eq!(friendships.of(&[pair(1, 2)]).await.unwrap(), [Some(record)]);
    assert_eq!(friendships.since(user(2), Some(0)).await.unwrap(), feed);
    assert_eq!(friendships.unfenced(crate::page::Limit::MAX).await.unwrap(), [record]);
    assert_eq!(accounts.load(&[user(1)]).await.unwrap(), [Some(account)]);
    assert_eq!(accounts.claimed(&[claim]).await.unwrap(), [Some(user(1))]);
}

/// A database that answers says so.
pub async fn the_database_answers(database: Arc<dyn Database>) {
    let store = database.store(Tenant::default());
    store.people().ping_people().await.unwrap();
    store.access().ping_access().await.unwrap();
    store.talk().ping_talk().await.unwrap();
}
