//! Files of messages. A store that keeps none has nothing to prove.

use std::sync::Arc;

use super::fixture::Database;
use super::scene::{assert_conflict, assert_taken, at, race, some_uuid, user};
use crate::copy::copy;
use crate::id::{AttachmentId, Tenant};
use crate::memory::MemoryStore;
use crate::message::Payload;
use crate::store::{AttachmentRow, Attachments, Store};

/// A new file of `owner`.
fn row(owner: u64, due: Option<i64>) -> AttachmentRow {
    let payload = Payload::from_static(b"{\"n\":\"\xc3\xa4.txt\"}\0");
    let row = AttachmentRow::new(AttachmentId::from(some_uuid()), user(owner), payload);
    AttachmentRow { due: due.map(at), ..row }
}

fn next(row: &AttachmentRow) -> AttachmentRow {
    AttachmentRow { version: row.version + 1, ..row.clone() }
}

async fn put_all(attachments: &dyn Attachments, rows: &[AttachmentRow]) {
    for row in rows {
        attachments.put(row).await.unwrap();
    }
}

/// What is put is what is found, in the order asked.
pub async fn rows_are_kept_whole(store: Arc<dyn Store>) {
    let Some(attachments) = store.talk().attachments() else { return };
    let rows = [row(1, Some(1_000)), row(2, None), row(1, Some(i64::MAX))];
    put_all(attachments, &rows).await;
    let absent = AttachmentId::from(some_uuid());
    let found = attachments.load(&[rows[2].id, absent, rows[0].id, rows[1].id]).await.unwrap();
    assert_eq!(found, [Some(rows[2].clone()), None, Some(rows[0].clone()), Some(rows[1].clone())]);
    assert_eq!(attachments.load(&[]).await.unwrap(), []);
}

/// A row is new once, and changed from the version before.
pub async fn put_compares_the_version(store: Arc<dyn Store>) {
    let Some(attachments) = store.talk().attachments() else { return };
    let first = row(1, Some(1_000));
    assert_conflict(attachments.put(&next(&first)).await);
    attachments.put(&first).await.unwrap();
    assert_taken(attachments.put(&first).await, "attachment");
    let second = AttachmentRow { due: None, payload: Payload::from_static(b"x"), ..next(&first) };
    attachments.put(&second).await.unwrap();
    assert_conflict(attachments.put(&second).await);
    assert_conflict(attachments.put(&next(&next(&second))).await);
    assert_conflict(attachments.put(&AttachmentRow { owner: user(2), ..next(&second) }).await);
    assert_eq!(attachments.load(&[first.id]).await.unwrap(), [Some(second)]);
}

/// Of several changes at once one is told that it was done.
pub async fn a_change_has_one_winner(store: Arc<dyn Store>) {
    if store.talk().attachments().is_none() {
        return;
    }
    let first = row(1, Some(1_000));
    put_all(store.talk().attachments().unwrap(), std::slice::from_ref(&first)).await;
    let dues = [1, 2, 3, 4].map(at);
    let results = race(dues.len(), |nth| {
        let (store, next) = (Arc::clone(&store), AttachmentRow { due: Some(dues[nth]), ..next(&first) });
        async move { store.talk().attachments().unwrap().put(&next).await }
    })
    .await;
    let winner = results.iter().position(Result::is_ok).expect("one wins");
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let stored = store.talk().attachments().unwrap().load(&[first.id]).await.unwrap();
    assert_eq!(stored[0].as_ref().unwrap().due, Some(dues[winner]));
}

/// A row is taken away at its version, once.
pub async fn remove_compares_the_version(store: Arc<dyn Store>) {
    let Some(attachments) = store.talk().attachments() else { return };
    let (first, other) = (row(1, Some(1_000)), row(1, Some(1_000)));
    put_all(attachments, &[first.clone(), next(&first), other.clone()]).await;
    assert_conflict(attachments.remove(first.id, 1).await);
    assert!(attachments.remove(first.id, 2).await.unwrap());
    assert!(!attachments.remove(first.id, 2).await.unwrap());
    assert_eq!(attachments.load(&[first.id, other.id]).await.unwrap(), [None, Some(other)]);
}

/// What is due is listed, the longest due first, a few at a time.
pub async fn due_ones_are_listed_in_order(store: Arc<dyn Store>) {
    let Some(attachments) = store.talk().attachments() else { return };
    let rows =
        [row(1, Some(3_000)), row(2, None), row(1, Some(1_000)), row(3, Some(2_000)), row(1, Some(2_001))];
    put_all(attachments, &rows).await;
    let due = |limit| attachments.due(at(2_000), limit);
    assert_eq!(due(10).await.unwrap(), [rows[2].clone(), rows[3].clone()]);
    assert_eq!(due(1).await.unwrap(), [rows[2].clone()]);
    attachments.put(&AttachmentRow { due: None, ..next(&rows[2]) }).await.unwrap();
    assert_eq!(due(10).await.unwrap(), [rows[3].clone()]);
}

/// What waits is counted for each owner.
pub async fn waiting_ones_are_counted(store: Arc<dyn Store>) {
    let Some(attachments) = store.talk().attachments() else { return };
    let rows = [row(1, Some(1_000)), row(1, Some(i64::MAX)), row(1, None), row(2, Some(1_000))];
    put_all(attachments, &rows).await;
    let waiting = async |owner| attachments.waiting(user(owner)).await.unwrap();
    assert_eq!((waiting(1).await, waiting(2).await, waiting(3).await), (2, 1, 0));
    attachments.put(&AttachmentRow { due: None, ..next(&rows[0]) }).await.unwrap();
    attachments.put(&AttachmentRow { due: Some(at(5)), ..next(&rows[2]) }).await.unwrap();
    attachments.remove(rows[3].id, 1).await.unwrap();
    assert_eq!((waiting(1).await, waiting(2).await), (2, 0));
}

/// Rows are walked by id, and those of a range are replaced.
pub async fn rows_of_a_range_are_replaced(store: Arc<dyn Store>) {
    let Some(attachments) = store.talk().attachments() else { return };
    let mut rows: Vec<_> = (0..5).map(|nth| row(1, (nth % 2 == 0).then_some(nth))).collect();
    rows.sort_by_key(|row| row.id);
    put_all(attachments, &rows).await;
    assert_eq!(attachments.after(None, 2).await.unwrap(), rows[..2]);
    assert_eq!(attachments.after(Some(rows[1].id), 10).await.unwrap(), rows[2..]);
    let kept = AttachmentRow { version: 9, due: None, ..rows[2].clone() };
    let (after, through) = (Some(rows[0].id), Some(rows[3].id));
    attachments.replace(after, through, std::slice::from_ref(&kept)).await.unwrap();
    let expected = [rows[0].clone(), kept, rows[4].clone()];
    assert_eq!(attachments.after(None, 10).await.unwrap(), expected);
    attachments.replace(None, None, &[]).await.unwrap();
    assert_eq!(attachments.after(None, 10).await.unwrap(), []);
}

/// Tenants see their own.
pub async fn attachments_are_apart(database: Arc<dyn Database>) {
    let (one, other) = (database.store(Tenant(1)), database.store(Tenant(2)));
    let (Some(ones), Some(others)) = (one.talk().attachments(), other.talk().attachments()) else { return };
    let row = row(1, Some(1_000));
    put_all(ones, std::slice::from_ref(&row)).await;
    assert_eq!(others.load(&[row.id]).await.unwrap(), [None]);
    assert_eq!(others.due(at(2_000), 10).await.unwrap(), []);
    assert_eq!(others.waiting(row.owner).await.unwrap(), 0);
    assert_eq!(others.after(None, 10).await.unwrap(), []);
    assert!(!others.remove(row.id, 1).await.unwrap());
    others.replace(None, None, &[]).await.unwrap();
    assert_eq!(ones.after(None, 10).await.unwrap(), [row]);
}

/// What is known of files follows a copy, into the store and out of it again; files that went go there too.
pub async fn attachments_follow_a_copy(store: Arc<dyn Store>) {
    if store.talk().attachments().is_none() {
        return;
    }
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let back: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let here = memory.talk().attachments().expect("memory keeps them");
    let rows = [row(1, Some(1_000)), row(2, None), row(1, Some(i64::MAX))];
    put_all(here, &rows).await;
    for gone in [None, Some(&rows[0])] {
        if let Some(gone) = gone {
            assert!(here.remove(gone.id, 1).await.unwrap());
        }
        let copied = copy(&*memory, &*store, &|_| {}).await.unwrap();
        assert_eq!(copied.counts.attachments, if gone.is_some() { 2 } else { 3 });
        copy(&*store, &*back, &|_| {}).await.unwrap();
        let expected = here.after(None, 10).await.unwrap();
        assert_eq!(store.talk().attachments().unwrap().after(None, 10).await.unwrap(), expected);
        assert_eq!(back.talk().attachments().unwrap().after(None, 10).await.unwrap(), expected);
    }
}
