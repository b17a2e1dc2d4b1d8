//! The log of receipts, where a store has one.

use std::sync::Arc;

use super::scene::{at, race, seq, user};
use crate::id::{ConversationId, UserId};
use crate::store::{ReadMark, ReadsFrom, ReceiptLog, Store};

fn log(store: &Arc<dyn Store>) -> Option<&dyn ReceiptLog> {
    store.talk().receipt_log()
}

fn room(byte: u8) -> ConversationId {
    ConversationId::from_bytes([byte; 16])
}

fn mark(conversation: ConversationId, number: u64, up_to: u64, millis: i64) -> ReadMark {
    ReadMark { conversation, user: user(number), up_to: seq(up_to), at: at(millis) }
}

fn wanted(conversation: ConversationId, number: u64, from: u64) -> ReadsFrom {
    ReadsFrom { conversation, user: user(number), from: seq(from) }
}

/// The positions and times of what was read from a position on.
async fn reads(log: &dyn ReceiptLog, of: ReadsFrom, limit: usize) -> Vec<(u64, i64)> {
    let marks = log.reads(&[of], limit).await.unwrap().remove(0);
    assert!(marks.iter().all(|mark| (mark.conversation, mark.user) == (of.conversation, of.user)));
    marks.into_iter().map(|mark| (mark.up_to.get(), mark.at.millis())).collect()
}

/// Marks are told from a position on, ascending, in the order that was asked, each list for itself.
pub async fn reads_are_told_from_a_position_on(store: Arc<dyn Store>) {
    let Some(log) = log(&store) else { return };
    let (one, other) = (room(1), room(2));
    let marks = [
        mark(one, 1, 300, 3_000),
        mark(one, 1, 5, 1_000),
        mark(one, 1, 256, 2_000),
        mark(one, 2, 7, -5),
        mark(other, 1, 9, i64::MAX),
        mark(other, 1, (1 << 53) - 1, 4_000),
    ];
    log.note(&marks).await.unwrap();
    log.note(&[]).await.unwrap();
    let all = [(5, 1_000), (256, 2_000), (300, 3_000)];
    assert_eq!(reads(log, wanted(one, 1, 0), 10).await, all);
    assert_eq!(reads(log, wanted(one, 1, 5), 10).await, all);
    assert_eq!(reads(log, wanted(one, 1, 6), 1).await, [(256, 2_000)]);
    assert_eq!(reads(log, wanted(one, 1, 301), 10).await, []);
    assert_eq!(reads(log, wanted(one, 3, 0), 10).await, []);
    let asked = [wanted(one, 2, 1), wanted(other, 2, 1), wanted(other, 1, 9), wanted(one, 2, 1)];
    let told = log.reads(&asked, 1).await.unwrap();
    let expected =
        [vec![mark(one, 2, 7, -5)], vec![], vec![mark(other, 1, 9, i64::MAX)], vec![mark(one, 2, 7, -5)]];
    assert_eq!(told, expected);
    assert_eq!(log.reads(&[], 10).await.unwrap(), Vec::<Vec<ReadMark>>::new());
}

/// The first time that is told of a position stays.
pub async fn the_first_time_of_a_read_stays(store: Arc<dyn Store>) {
    let Some(log) = log(&store) else { return };
    let id = room(1);
    log.note(&[mark(id, 1, 3, 1_000), mark(id, 1, 3, 500)]).await.unwrap();
    log.note(&[mark(id, 1, 3, 2_000), mark(id, 1, 4, 2_000)]).await.unwrap();
    assert_eq!(reads(log, wanted(id, 1, 0), 10).await, [(3, 1_000), (4, 2_000)]);
}

/// Of many who tell a time of one position at once, one is believed for ever.
pub async fn of_many_times_of_a_read_one_stays(store: Arc<dyn Store>) {
    let Some(log) = log(&store) else { return };
    let id = room(1);
    race(16, |number| {
        let store = Arc::clone(&store);
        async move {
            let log = store.talk().receipt_log().unwrap();
            let number = i64::try_from(number).unwrap();
            let marks = [mark(id, 1, 1, number), mark(id, 2, 2, number), mark(id, 1, 3, number)];
            log.note(&marks).await.unwrap();
        }
    })
    .await;
    let first = reads(log, wanted(id, 1, 0), 10).await;
    assert_eq!(first.iter().map(|(up_to, _)| *up_to).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(reads(log, wanted(id, 1, 0), 10).await, first);
}

/// A walk tells every mark of a conversation once, by user and position.
pub async fn a_walk_tells_every_read_once(store: Arc<dyn Store>) {
    let Some(log) = log(&store) else { return };
    let id = room(7);
    let mut expected = Vec::new();
    for number in 1..=3 {
        expected.extend([1, 2, 255, 256].map(|up_to| mark(id, number, up_to, 1_000)));
    }
    let mut shuffled = expected.clone();
    shuffled.reverse();
    shuffled.extend([mark(room(6), 1, 1, 1), mark(room(8), 1, 1, 1)]);
    log.note(&shuffled).await.unwrap();
    for limit in [1, 5, 12, 100] {
        let (mut after, mut walked): (Option<(UserId, _)>, _) = (None, Vec::new());
        loop {
            let page = log.walk(id, after, limit).await.unwrap();
            assert!(page.len() <= limit);
            walked.extend(page.iter().copied());
            if page.len() < limit {
                break;
            }
            after = page.last().map(|mark| (mark.user, mark.up_to));
        }
        assert_eq!(walked, expected, "{limit} at a time");
    }
}
