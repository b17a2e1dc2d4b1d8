//! When people had read up to where.

use std::sync::Arc;
use std::time::Duration;

use crate::common::*;
use chat_core::conformance::{Faults, Loss};
use chat_core::testing::ManualClock;
use chat_core::time::Clock as _;
use chat_core::{Chat, ConversationId, Limit, Limits, MemoryStore, Policies, Seq, Store};

async fn chat(store: Arc<dyn Store>, clock: &ManualClock, limits: Limits) -> Chat {
    let mut policies = Policies::default();
    policies.set("direct", "anyone").unwrap();
    policies.set("group", "anyone").unwrap();
    let chat = Chat::over(store).policies(policies).limits(limits).clock(Arc::new(clock.clone()));
    chat.keep_reads().build().await.unwrap()
}

async fn start() -> (Chat, ManualClock) {
    let clock = ManualClock::default();
    (chat(Arc::new(MemoryStore::new()), &clock, Limits::default()).await, clock)
}

/// What `by` is told of `of`: positions and seconds since `began`.
async fn reads(chat: &Chat, by: u64, id: ConversationId, of: u64, from: u64) -> Vec<u64> {
    let marks = chat.actor(user(by)).reads(id, &[user(of)], Seq::new(from), Limit::default()).await.unwrap();
    marks.into_iter().map(|mark| mark.up_to.get()).collect()
}

async fn report(chat: &Chat, by: u64, id: ConversationId, read: u64) {
    chat.actor(user(by)).report(id, Some(Seq::new(read)), None).await.unwrap();
}

#[tokio::test]
async fn the_time_of_every_read_is_kept_and_the_first_one_stays() {
    let (chat, clock) = start().await;
    let room = group(&chat, &[1, 2, 3]).await;
    for _ in 0..3 {
        say(&chat, 1, room, "hi").await;
    }
    report(&chat, 2, room, 2).await;
    let first = clock.now();
    clock.advance(Duration::from_mins(1));
    report(&chat, 2, room, 2).await;
    report(&chat, 2, room, 1).await;
    report(&chat, 2, room, 4).await;
    let marks =
        chat.actor(user(1)).reads(room, &[user(2), user(3)], Seq::new(1), Limit::default()).await.unwrap();
    let told: Vec<_> = marks.iter().map(|mark| (mark.user, mark.up_to.get(), mark.at)).collect();
    assert_eq!(told, [(user(2), 2, first), (user(2), 4, clock.now())]);
    assert_eq!(reads(&chat, 1, room, 2, 3).await, [4], "from a position on");
}

#[tokio::test]
async fn what_was_only_delivered_is_not_read() {
    let (chat, _clock) = start().await;
    let room = group(&chat, &[1, 2, 3]).await;
    chat.actor(user(2)).report(room, None, Some(Seq::new(1))).await.unwrap();
    assert_eq!(reads(&chat, 1, room, 2, 0).await, [0_u64; 0]);
}

#[tokio::test]
async fn only_members_are_told_and_nothing_of_who_is_none_or_blocked() {
    let (chat, _clock) = start().await;
    let room = group(&chat, &[1, 2, 3]).await;
    report(&chat, 2, room, 1).await;
    let outside = chat.actor(user(9)).reads(room, &[user(2)], Seq::ZERO, Limit::default()).await;
    assert_eq!(code(outside), "not_found");
    assert_eq!(reads(&chat, 1, room, 9, 0).await, [0_u64; 0]);
    chat.actor(user(2)).block(user(1)).await.unwrap();
    assert_eq!(reads(&chat, 1, room, 2, 0).await, [0_u64; 0]);
    assert_eq!(reads(&chat, 3, room, 2, 0).await, [1]);
    chat.actor(user(2)).leave(room, None).await.unwrap();
    assert_eq!(reads(&chat, 3, room, 2, 0).await, [0_u64; 0], "who has left is no member");
    let many: Vec<_> = (0..101).map(user).collect();
    let outcome = chat.actor(user(1)).reads(room, &many, Seq::ZERO, Limit::default()).await;
    assert_eq!(code(outcome), "validation_failed");
}

#[tokio::test]
async fn in_large_conversations_nothing_is_kept() {
    let clock = ManualClock::default();
    let mut limits = Limits::default();
    limits.receipt_members_max = 3;
    let chat = chat(Arc::new(MemoryStore::new()), &clock, limits).await;
    let (small, large) = (group(&chat, &[1, 2, 3]).await, group(&chat, &[1, 2, 3, 4]).await);
    for room in [small, large] {
        report(&chat, 2, room, 1).await;
    }
    assert_eq!(reads(&chat, 1, small, 2, 0).await, [1]);
    assert_eq!(reads(&chat, 1, large, 2, 0).await, [0_u64; 0]);
    chat.actor(user(4)).leave(large, None).await.unwrap();
    assert_eq!(reads(&chat, 1, large, 2, 0).await, [0_u64; 0], "not then, not later");
}

#[tokio::test]
async fn a_chat_that_was_not_asked_to_keeps_nothing() {
    let chat = open_chat().await;
    let room = group(&chat, &[1, 2, 3]).await;
    report(&chat, 2, room, 1).await;
    assert_eq!(reads(&chat, 1, room, 2, 0).await, [0_u64; 0]);
}

#[tokio::test]
async fn what_could_not_be_kept_is_not_acknowledged_and_kept_when_it_is_told_again() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (faults, clock) = (Faults::default(), ManualClock::default());
    let chat = chat(faults.over(store), &clock, Limits::default()).await;
    let room = group(&chat, &[1, 2, 3]).await;
    for loss in Loss::ALL {
        let seq = say(&chat, 1, room, "hi").await;
        faults.fail_call("ReceiptLog::note", loss);
        assert_eq!(code(chat.actor(user(2)).report(room, Some(seq), None).await), "unavailable");
        report(&chat, 2, room, seq.get()).await;
        assert_eq!(reads(&chat, 1, room, 2, seq.get()).await, [seq.get()], "{loss:?}");
    }
}
