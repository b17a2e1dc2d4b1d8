//! What is SQLite's own: the lock, backups, checks, damaged rows, and sparse logs.

#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

mod common;

use std::path::Path;

use chat_core::id::{ConversationId, Seq, Tenant};
use chat_core::message::{ClientId, kind};
use chat_core::page::Limit;
use chat_core::store::{After, Conversations, EntryRow, Log, Memberships, Outcome, StoreError, Talk, Window};
use chat_store_sql::sqlite::{Durability, OpenError, SqliteOptions, SqliteStore};
use common::{append, appended, deletion, draft, group, message, open, user};
use rusqlite::Connection;

/// Changes the closed file behind the store's back.
fn damage(directory: &Path, text: &str) {
    let connection = Connection::open(directory.join("chat.db")).unwrap();
    connection.pragma_update(None, "ignore_check_constraints", true).unwrap();
    connection.execute_batch(text).unwrap();
}

/// A group with ten messages, the fourth of them deleted, read up to the second by user 2.
async fn some_talk(store: &SqliteStore) -> ConversationId {
    let id = group(store, "talk", 3).await;
    for number in 0..10 {
        appended(store, id, vec![message(user(1), &format!("m{number}"), "hello")]).await;
    }
    appended(store, id, vec![deletion(user(1), "d", Seq::new(5))]).await;
    id
}

async fn all_entries(store: &SqliteStore, of: ConversationId) -> Vec<EntryRow> {
    let after = After { conversation: of, after: Seq::ZERO };
    store.entries(&[after], Limit::MAX).await.unwrap().remove(0).items
}

#[tokio::test]
async fn a_file_is_open_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.db");
    let store = SqliteStore::open(SqliteOptions::new(&path)).await.unwrap();
    let second = SqliteStore::open(SqliteOptions::new(&path)).await;
    assert!(matches!(second, Err(OpenError::InUse(used)) if used == path));
    drop(store);
    let again = SqliteStore::open(SqliteOptions::new(&path).durability(Durability::Normal)).await.unwrap();
    again.close().await.unwrap();
    SqliteStore::open(SqliteOptions::new(&path)).await.unwrap();
}

#[tokio::test]
async fn a_place_that_is_none_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = SqliteOptions::new(directory.path().join("no").join("chat.db"));
    assert!(matches!(SqliteStore::open(nowhere).await, Err(OpenError::Io(_))));
    let other = directory.path().join("other.db");
    std::fs::write(&other, vec![b'x'; 8192]).unwrap();
    assert!(matches!(SqliteStore::open(SqliteOptions::new(other)).await, Err(OpenError::Database(_))));
}

#[tokio::test]
async fn a_closed_store_is_unavailable_and_has_moved_everything_into_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let other_tenant = store.for_tenant(Tenant(1));
    let id = some_talk(&store).await;
    store.close().await.unwrap();
    store.close().await.unwrap();
    assert!(!directory.path().join("chat.db-wal").exists());
    assert!(matches!(store.heads(&[id]).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(other_tenant.fence(id).await, Err(StoreError::Unavailable(_))));
    let done = append(&store, id, vec![message(user(1), "late", "late")]).await;
    assert!(matches!(done, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn a_backup_taken_under_load_is_a_store_of_one_moment() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let id = some_talk(&store).await;
    let (writing, copy) = (store.clone(), directory.path().join("copy").join("chat.db"));
    std::fs::create_dir(copy.parent().unwrap()).unwrap();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let writer = tokio::spawn(async move {
        let mut number = 0;
        while stopped.try_recv().is_err() || number == 0 {
            appended(&writing, id, vec![message(user(2), &format!("w{number}"), "more")]).await;
            number += 1;
        }
    });
    let before = store.heads(&[id]).await.unwrap()[0].unwrap();
    store.backup(&copy).await.unwrap();
    store.backup(&copy).await.unwrap();
    stop.send(()).unwrap();
    writer.await.unwrap();

    let restored = open(copy.parent().unwrap()).await;
    assert_eq!(restored.check().await.unwrap(), []);
    assert_eq!(store.check().await.unwrap(), []);
    let head = restored.heads(&[id]).await.unwrap()[0].unwrap().head;
    assert!(before.head <= head && head <= store.heads(&[id]).await.unwrap()[0].unwrap().head);
    let old = all_entries(&store, id).await;
    let kept = all_entries(&restored, id).await;
    assert_eq!(kept[..10], old[..10]);
    assert!(
        std::fs::read_dir(copy.parent().unwrap())
            .unwrap()
            .all(|file| { !file.unwrap().file_name().to_string_lossy().contains("partial") })
    );
}

#[tokio::test]
async fn a_backup_replaces_no_database_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let id = some_talk(&store).await;
    let refused = store.backup(&directory.path().join("chat.db")).await;
    assert!(
        matches!(refused, Err(OpenError::Io(error)) if error.kind() == std::io::ErrorKind::AlreadyExists)
    );
    assert_eq!(all_entries(&store, id).await.len(), 12);
}

#[tokio::test]
async fn a_renewed_epoch_stays() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let before = store.meta().await.unwrap();
    let epoch = store.renew_epoch().await.unwrap();
    assert_ne!(epoch, before.epoch);
    drop(store);
    let after = open(directory.path()).await.meta().await.unwrap();
    assert_eq!((after.epoch, after.digest_key), (epoch, before.digest_key));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_keeps_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let id = some_talk(&store).await;
    let good = all_entries(&store, id).await;
    drop(store);
    damage(
        directory.path(),
        "UPDATE chat_entries SET id = x'00' WHERE seq = 3; \
         UPDATE chat_entries SET text = CAST(x'ff' AS TEXT) WHERE seq = 4; \
         DELETE FROM chat_entries WHERE seq = 6; \
         UPDATE chat_entries SET client_id = x'0001' WHERE seq = 7;",
    );
    let store = open(directory.path()).await;
    let entries = all_entries(&store, id).await;
    for (expected, entry) in good.iter().zip(&entries) {
        match entry.seq.get() {
            3 | 4 | 6 | 7 => assert_eq!(*entry, EntryRow::unreadable(expected.seq)),
            _ => assert_eq!(entry, expected),
        }
    }
    assert_eq!(entries.len(), good.len());

    let window = store.messages(id, Seq::new(1), Window::Before(Seq::MAX), Limit::MAX).await.unwrap();
    let seqs: Vec<u64> = window.items.iter().map(|message| message.seq.get()).collect();
    assert_eq!(seqs, [2, 5, 8, 9, 10, 11]);
    assert_eq!(appended(&store, id, vec![message(user(2), "on", "on")]).await, [Seq::new(13)]);
    let tables: Vec<&str> = store.check().await.unwrap().iter().map(|problem| problem.table).collect();
    assert!(tables.contains(&"chat_entries"), "{tables:?}");
}

#[tokio::test]
async fn a_lane_of_a_damaged_conversation_fails_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let (bad, good) = (group(&store, "bad", 1).await, group(&store, "good", 1).await);
    drop(store);
    let hex = bad.as_uuid().simple();
    damage(directory.path(), &format!("UPDATE chat_conversations SET kind = 99 WHERE id = x'{hex}'"));
    let store = open(directory.path()).await;
    let lanes = [bad, good].map(|id| common::lane(id, vec![message(user(1), "m", "m")]));
    let done = store.append(std::sync::Arc::from(lanes)).await;
    assert!(matches!(done[0], Err(StoreError::Corrupt(_))), "{:?}", done[0]);
    assert!(done[1].is_ok());
    assert_eq!(store.heads(&[bad, good]).await.unwrap().map_heads(), [1, 2]);
}

/// Heads as numbers.
trait MapHeads {
    fn map_heads(self) -> Vec<u64>;
}

impl MapHeads for Vec<Option<chat_core::store::Head>> {
    fn map_heads(self) -> Vec<u64> {
        self.into_iter().map(|head| head.unwrap().head.get()).collect()
    }
}

#[tokio::test]
async fn a_check_finds_every_kind_of_damage() {
    let damages = [
        ("UPDATE chat_heads SET head = head + 1", "chat_heads"),
        ("UPDATE chat_heads SET n = n + 1", "chat_heads"),
        ("UPDATE chat_heads SET last_message = 2", "chat_heads"),
        ("UPDATE chat_heads SET member_count = 7", "chat_heads"),
        ("UPDATE chat_heads SET last_at = 0", "chat_heads"),
        ("DELETE FROM chat_heads", "chat_conversations"),
        ("DELETE FROM chat_conversations", "chat_heads"),
        ("DELETE FROM chat_entries WHERE seq = 5", "chat_entries"),
        ("UPDATE chat_entries SET n = 1 WHERE seq = 5", "chat_entries"),
        ("UPDATE chat_entries SET at = 1 WHERE seq = 5", "chat_entries"),
        ("UPDATE chat_entries SET dedupe = 1 WHERE seq = 5", "chat_entries"),
        ("UPDATE chat_entries SET text = 'left' WHERE deleted_at IS NOT NULL", "chat_entries"),
        ("UPDATE chat_entries SET kind = 'x' WHERE seq = 5", "chat_entries"),
        ("UPDATE chat_dead SET dead = 2", "chat_dead"),
        ("DELETE FROM chat_dead", "chat_dead"),
        ("UPDATE chat_members SET read_n = 3", "chat_members"),
        ("UPDATE chat_members SET delivered = 1000", "chat_members"),
        ("UPDATE chat_members SET conversation = zeroblob(16)", "chat_members"),
        (
            "INSERT INTO chat_marks SELECT tenant, conversation, 5, '+1', user_id FROM chat_members",
            "chat_marks",
        ),
        ("INSERT INTO chat_claims VALUES (0, 1, 'nobody', zeroblob(16))", "chat_claims"),
        ("INSERT INTO chat_account_words VALUES (0, 'nobody', zeroblob(16))", "chat_account_words"),
        ("INSERT INTO chat_friends VALUES (0, x'01', x'02', 0, 0, 0, 0, 1)", "chat_friends"),
        (
            "INSERT INTO chat_pairs VALUES (0, x'00000000000000000000000000000001', \
             x'00000000000000000000000000000002', 5, 0, 0, 1, 0, 0, 0)",
            "chat_friends",
        ),
    ];
    let whole = tempfile::tempdir().unwrap();
    let store = open(whole.path()).await;
    some_talk(&store).await;
    assert_eq!(store.check().await.unwrap(), []);
    store.close().await.unwrap();
    for (text, table) in damages {
        let directory = tempfile::tempdir().unwrap();
        std::fs::copy(whole.path().join("chat.db"), directory.path().join("chat.db")).unwrap();
        damage(directory.path(), text);
        let problems = open(directory.path()).await.check().await.unwrap();
        assert!(problems.iter().any(|problem| problem.table == table), "{text}: {problems:?}");
    }
}

/// Messages far apart, hundreds of entries without one between them: windows are as exact as elsewhere.
#[tokio::test]
async fn windows_of_a_sparse_log_are_exact() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let id = group(&store, "sparse", 2).await;
    let mut seqs = Vec::new();
    for (stretch, notes) in [0, 3, 400, 64, 65, 66, 1, 150].into_iter().enumerate() {
        let notes = (0..notes).map(|number| draft(user(2), &format!("n{stretch}-{number}"), kind::UPDATED));
        appended(&store, id, notes.collect()).await;
        seqs.extend(appended(&store, id, vec![message(user(1), &format!("m{stretch}"), "m")]).await);
    }
    appended(&store, id, (0..200).map(|n| draft(user(2), &format!("e{n}"), kind::UPDATED)).collect()).await;
    let head = store.heads(&[id]).await.unwrap()[0].unwrap().head;

    for limit in [1, 3, 8, 200] {
        for at in (0..=head.get() + 1).step_by(7).chain(seqs.iter().map(|seq| seq.get())) {
            for visible_from in [1, 5, 410, 700] {
                let (at, first) = (Seq::new(at), Seq::new(visible_from));
                let visible: Vec<Seq> = seqs.iter().copied().filter(|&seq| seq >= first).collect();
                let (older, newer): (Vec<Seq>, Vec<Seq>) = visible.iter().partition(|&&seq| seq < at);
                let page =
                    store.messages(id, first, Window::Before(at), Limit::new(limit).unwrap()).await.unwrap();
                let count = usize::try_from(limit).unwrap().min(older.len());
                let found: Vec<Seq> = page.items.iter().map(|message| message.seq).collect();
                assert_eq!(found, older[older.len() - count..], "before {at} from {first}, {limit}");
                assert_eq!((page.has_before, page.has_after), (older.len() > count, !newer.is_empty()));

                let newer: Vec<Seq> = newer.into_iter().filter(|&seq| seq > at).collect();
                let page =
                    store.messages(id, first, Window::After(at), Limit::new(limit).unwrap()).await.unwrap();
                let count = usize::try_from(limit).unwrap().min(newer.len());
                let found: Vec<Seq> = page.items.iter().map(|message| message.seq).collect();
                assert_eq!(found, newer[..count], "after {at} from {first}, {limit}");
                assert_eq!(
                    (page.has_before, page.has_after),
                    (visible.len() > newer.len(), newer.len() > count)
                );
            }
        }
    }
    assert_eq!(store.last(&[id]).await.unwrap()[0].as_ref().map(|message| message.seq), seqs.last().copied());
}

#[tokio::test]
async fn equal_ids_of_many_senders_and_kinds_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let id = group(&store, "ids", 50).await;
    let ids = ["1", "2", "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000", "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0001"];
    let mut made = Vec::new();
    for by in (1..=50).map(user) {
        let seqs = appended(&store, id, ids.map(|id| message(by, id, "m")).to_vec()).await;
        made.extend(ids.into_iter().zip(seqs).map(|(id, seq)| (by, id, seq)));
    }
    for (by, client_id, seq) in made {
        let found = store.find(id, by, &ClientId::new(client_id).unwrap()).await.unwrap();
        assert_eq!(found, Some(Outcome::Repeat { seq, digest: Some([7; 16]) }));
    }
    assert_eq!(store.of(id, &[user(50)]).await.unwrap()[0].as_ref().unwrap().read, Seq::new(201));
}
