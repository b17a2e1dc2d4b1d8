//! Leaving a store and entering it, call by call: what is put is exactly what is there, once, in any order of repeats.

use std::sync::Arc;

use super::accounts::{account, accounts, claim, username, words};
use super::friendships::{FRIENDS, change, friendships};
use super::scene::{
    Build, Everything, Scene, assert_conflict, assert_taken, banned, edit, member, message, note, pair, seq,
    user,
};
use super::sessions::{login, sessions};
use crate::conversation::{Conversation, Membership, Role};
use crate::id::{SessionId, UserId};
use crate::memory::MemoryStore;
use crate::store::{
    AccountCopy, ClaimKind, Effect, EntryCopy, Meta, PairCopy, SeatQuery, SessionRow, Store, TransferAccess,
    TransferPeople, TransferTalk,
};

fn talk(store: &Arc<dyn Store>) -> &dyn TransferTalk {
    store.talk().transfer_talk()
}

fn people(store: &Arc<dyn Store>) -> &dyn TransferPeople {
    store.people().transfer_people()
}

fn access(store: &Arc<dyn Store>) -> &dyn TransferAccess {
    store.access().transfer_access()
}

/// A conversation in memory with an edited, a deleted and a marked message, receipts and a ban: to be put elsewhere.
async fn elsewhere() -> Scene {
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let scene = Scene::group(&memory, &[1, 2, 3]).await;
    let said = scene.say_many(1, 6).await;
    scene.put(edit(user(1), said[1], said[1], "edited")).await;
    scene.delete(said[2]).await;
    let mark = Effect::PutMark { target: said[3], key: "+1".to_owned(), by: user(2) };
    scene.put(note(user(2)).about(said[3]).with(mark)).await;
    scene.put(message(user(2), "mine").under("x").digest(7)).await;
    scene.put(note(user(1)).with(banned(user(3))).taking_right()).await;
    scene
}

/// What there is to put of it: the record, the entries, the members.
async fn copies(scene: &Scene) -> (Conversation, Vec<EntryCopy>, Vec<Membership>) {
    let from = talk(&scene.store);
    let entries = from.entries_after(scene.id, seq(0), 1_000).await.unwrap();
    (scene.record().await, entries, from.members_after(scene.id, None, 1_000).await.unwrap())
}

/// The record as it is when the log ends at its `rows`th entry.
fn until(record: &Conversation, rows: &[EntryCopy]) -> Conversation {
    let last = &rows.last().expect("there are rows").entry;
    let mut record = record.clone();
    (record.head, record.n) = (last.seq, last.n);
    record
}

/// The same conversation in this store.
fn here(store: &Arc<dyn Store>, scene: &Scene) -> Scene {
    Scene { store: Arc::clone(store), id: scene.id }
}

async fn everything_and_unread(scene: &Scene) -> (Everything, Vec<u64>, Vec<EntryCopy>) {
    let unread = vec![scene.unread(1).await, scene.unread(2).await];
    (scene.everything().await, unread, copies(scene).await.1)
}

/// A log put in pieces is dense at any moment and whole in the end, counts and repeats included; what was put goes on
/// like any other.
pub async fn a_log_is_put_in_pieces(store: Arc<dyn Store>) {
    let scene = elsewhere().await;
    let (record, rows, members) = copies(&scene).await;
    let put = here(&store, &scene);
    for end in [1, 5, rows.len()] {
        let piece = &rows[..end];
        // What was put before is put again, and is there once.
        talk(&store).put_log(&until(&record, piece), piece).await.unwrap();
        let there = put.entries().await;
        assert!(there.iter().map(|row| row.seq.get()).eq(1..=end as u64), "dense up to {end}");
    }
    talk(&store).put_members(scene.id, None, None, &members).await.unwrap();
    talk(&store).put_log(&record, &[]).await.unwrap();
    assert_eq!(everything_and_unread(&put).await, everything_and_unread(&scene).await);

    let again = message(user(2), "mine").under("x").digest(1);
    let known = scene.append(vec![again.clone()]).await;
    assert_eq!(put.append(vec![again]).await, known, "a repeat is one here too");
    for place in [&scene, &put] {
        place.say_many(1, 3).await;
        place.delete(seq(5)).await;
        place.read(2, seq(6)).await;
    }
    let unread = (scene.unread(2).await, scene.unread(1).await);
    assert_eq!((put.unread(2).await, put.unread(1).await), unread);
}

/// A row put again replaces the one at its position with its message, marks and digest, and no other.
pub async fn a_row_is_replaced(store: Arc<dyn Store>) {
    let scene = elsewhere().await;
    let (_, young, _) = copies(&scene).await;
    let record = until(&scene.record().await, &young);
    talk(&store).put_log(&record, &young).await.unwrap();
    scene.delete(seq(5)).await;
    scene.put(edit(user(1), seq(6), seq(6), "later")).await;
    let (record, old, members) = copies(&scene).await;
    let rows = [&old[4..6], &old[young.len()..]].concat();
    for _ in 0..2 {
        talk(&store).put_log(&record, &rows).await.unwrap();
        talk(&store).put_members(scene.id, None, None, &members).await.unwrap();
        let put = here(&store, &scene);
        assert_eq!(everything_and_unread(&put).await, everything_and_unread(&scene).await);
    }
}

/// Rows that would leave a hole, go back, or do not end where the record says are refused, and nothing of them is put.
pub async fn holes_are_refused(store: Arc<dyn Store>) {
    let scene = elsewhere().await;
    let (record, rows, _) = copies(&scene).await;
    let put = async |record: &Conversation, rows: &[EntryCopy]| talk(&store).put_log(record, rows).await;
    assert_conflict(put(&record, &rows[1..]).await);
    assert_conflict(put(&record, &rows[..3]).await);
    assert_conflict(put(&until(&record, &rows[..3]), &rows[..4]).await);
    assert_eq!(store.talk().conversations().load(&[scene.id]).await.unwrap(), [None]);

    let piece = &rows[..4];
    put(&until(&record, piece), piece).await.unwrap();
    let before = here(&store, &scene).everything().await;
    assert_conflict(put(&until(&record, &rows[..3]), &rows[..3]).await);
    assert_conflict(put(&record, &rows[5..]).await);
    let gap = [rows[4].clone(), rows[6].clone()];
    assert_conflict(put(&until(&record, &gap), &gap).await);
    let reverse = [rows[3].clone(), rows[2].clone()];
    assert_conflict(put(&until(&record, piece), &reverse).await);
    assert_eq!(here(&store, &scene).everything().await, before);
}

/// Members of a range become exactly those put; the others stay, and everybody's list follows.
pub async fn members_of_a_range_are_replaced(store: Arc<dyn Store>) {
    let scene = elsewhere().await;
    let (record, rows, members) = copies(&scene).await;
    assert_conflict(talk(&store).put_members(scene.id, None, None, &members).await);
    talk(&store).put_log(&record, &rows).await.unwrap();
    let row = |number: u64| Membership { user: user(number), ..members[0].clone() };
    let put = async |after: Option<u64>, through: Option<u64>, numbers: &[u64]| {
        let rows: Vec<Membership> = numbers.iter().map(|&number| row(number)).collect();
        talk(&store).put_members(scene.id, after.map(user), through.map(user), &rows).await.unwrap();
    };
    let there = async || -> Vec<UserId> {
        let rows = talk(&store).members_after(scene.id, None, 1_000).await.unwrap();
        rows.into_iter().map(|row| row.user).collect()
    };
    put(None, None, &[1, 3, 5, 7, 9]).await;
    put(Some(3), Some(7), &[4, 7]).await;
    assert_eq!(there().await, [1, 3, 4, 7, 9].map(user));
    put(Some(7), None, &[8]).await;
    put(None, Some(1), &[]).await;
    assert_eq!(there().await, [3, 4, 7, 8].map(user));
    for (number, listed) in [(1, 0), (4, 1), (5, 0), (8, 1), (9, 0)] {
        let ids = [scene.id];
        let seats = store.talk().memberships().seats(user(number), SeatQuery::These(&ids)).await.unwrap();
        assert_eq!(seats.len(), listed, "{number}");
    }
    assert_eq!(here(&store, &scene).record().await.member_count, record.member_count, "the record's own");
    let page = talk(&store).members_after(scene.id, Some(user(4)), 1).await.unwrap();
    assert!(page.into_iter().map(|row| row.user).eq([user(7)]));
}

/// Logins of a range too.
pub async fn logins_of_a_range_are_replaced(store: Arc<dyn Store>) {
    let id = |number: u128| SessionId::from(uuid::Uuid::from_u128(number));
    let row = |number: u128| SessionRow { id: id(number), ..login(1, 1_000) };
    let put = async |after: Option<u128>, through: Option<u128>, numbers: &[u128]| {
        let rows: Vec<SessionRow> = numbers.iter().map(|&number| row(number)).collect();
        access(&store).put_sessions(after.map(id), through.map(id), &rows).await.unwrap();
    };
    put(None, None, &[1, 3, 5, u128::MAX]).await;
    put(Some(1), Some(5), &[2, 5]).await;
    put(Some(1), Some(5), &[2, 5]).await;
    let of_user = sessions(&store).of_user(user(1)).await.unwrap();
    assert_eq!(of_user, [1, 2, 5, u128::MAX].map(row));
    put(Some(5), None, &[]).await;
    assert_eq!(access(&store).sessions_after(None, 9).await.unwrap(), [1, 2, 5].map(row));
    assert_eq!(access(&store).sessions_after(Some(id(1)), 1).await.unwrap(), [row(2)]);
}

/// Accounts are put with exactly their claims and words, also where they take over each other's in one call; what
/// somebody else has refuses the whole call.
pub async fn accounts_are_put_whole(store: Arc<dyn Store>) {
    let copy = |number: u64, name: &str| AccountCopy {
        account: account(number, name),
        claims: vec![claim(ClaimKind::Username, name)],
        words: words(&[name]),
    };
    let first = [copy(1, "ana"), copy(2, "bo"), copy(3, "cy")];
    for _ in 0..2 {
        people(&store).put_accounts(&first).await.unwrap();
        assert_eq!(people(&store).accounts_after(None, 9).await.unwrap(), first);
    }
    let swapped = [copy(1, "bo"), copy(2, "ana")];
    people(&store).put_accounts(&swapped).await.unwrap();
    assert_eq!(people(&store).accounts_after(None, 2).await.unwrap(), swapped);
    assert_taken(people(&store).put_accounts(&[copy(1, "dee"), copy(2, "cy")]).await, "username");
    assert_eq!(
        people(&store).accounts_after(Some(user(1)), 9).await.unwrap(),
        [copy(2, "ana"), copy(3, "cy")]
    );
    let owners = accounts(&store).claimed(&[&username("bo").take[..], &username("dee").take].concat()).await;
    assert_eq!(owners.unwrap(), [Some(user(1)), None]);
    assert_eq!(super::accounts::found(&store, &["b"]).await, [user(1)]);
}

/// Pairs are put with both sides' feeds: a cursor of before means the same, and new changes follow the highest.
pub async fn feeds_go_on_where_they_were(store: Arc<dyn Store>) {
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for (low, high, versions) in [(1, 2, 3), (1, 3, 1), (2, 3, 2), (1, 2, 1)] {
        let pair = pair(low, high);
        for _ in 0..versions {
            let record = friendships(&memory).of(&[pair]).await.unwrap().remove(0);
            let version = record.map_or(0, |record| record.version);
            friendships(&memory).put(&change(pair, version, FRIENDS)).await.unwrap();
        }
    }
    let copies: Vec<PairCopy> = people(&memory).pairs(None, 9).await.unwrap();
    for _ in 0..2 {
        people(&store).put_pairs(&copies[1..]).await.unwrap();
        people(&store).put_pairs(&copies).await.unwrap();
        assert_eq!(people(&store).pairs(None, 9).await.unwrap(), copies);
    }
    let next = change(pair(1, 3), 1, FRIENDS);
    for place in [&memory, &store] {
        friendships(place).put(&next).await.unwrap();
    }
    for number in 1..=3 {
        let stands = friendships(&memory).since(user(number), None).await.unwrap().cursor;
        for cursor in stands.saturating_sub(2)..=stands {
            let [expected, found] =
                [&memory, &store].map(|place| friendships(place).since(user(number), Some(cursor)));
            assert_eq!(found.await.unwrap(), expected.await.unwrap(), "{number} after {cursor}");
        }
    }
    assert_eq!(people(&store).pairs(Some(pair(1, 2)), 1).await.unwrap().len(), 1);
}

/// Epoch and digest key are those put, as long as no row depends on them.
pub async fn the_meaning_of_rows_is_put_first(store: Arc<dyn Store>) {
    let meta = Meta { epoch: super::scene::some_uuid(), digest_key: [0xa5; 32] };
    for _ in 0..2 {
        talk(&store).put_meta(&meta).await.unwrap();
        assert_eq!(store.talk().meta().await.unwrap(), meta);
    }
    let scene = Scene::group(&store, &[1]).await;
    scene.put(note(user(1)).with(member(user(2), Role::Member))).await;
    talk(&store).put_meta(&meta).await.unwrap();
    assert_conflict(talk(&store).put_meta(&Meta { digest_key: [1; 32], ..meta }).await);
    assert_eq!(store.talk().meta().await.unwrap(), meta);
}
