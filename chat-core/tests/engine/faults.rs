//! A store that fails once, at every call in turn: nothing stays wrong.

use std::sync::Arc;
use std::time::Duration;

use crate::common::*;
use chat_core::conformance::{Faults, Loss};
use chat_core::testing::ManualClock;
use chat_core::{Chat, Event, MemoryStore, Store};

/// Two nodes on one store that tell each other nothing; the calls of the second may fail.
async fn nodes() -> (Chat, Chat, Faults, ManualClock) {
    let policies = open_policies();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (faults, clock) = (Faults::default(), ManualClock::default());
    let one = Chat::over(Arc::clone(&store)).policies(policies).build().await.unwrap();
    let two = Chat::over(faults.over(store)).policies(policies).clock(Arc::new(clock.clone()));
    (one, two.build().await.unwrap(), faults, clock)
}

#[tokio::test]
async fn what_one_failed_read_has_hidden_is_found_by_the_next() {
    for nth in 1..=12 {
        for loss in Loss::ALL {
            let (one, two, faults, clock) = nodes().await;
            let room = group(&one, &[1, 2, 3]).await;
            let mut bo = device(&two, 2).await;
            // The feeds are at their beginning before anything happens.
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            let channel = one.system().ensure_channel("lobby").await.unwrap();
            one.actor(user(2)).join(channel, None).await.unwrap();
            say(&one, 1, room, "told by nobody").await;
            faults.fail(nth, loss);
            let (mut said, mut joined) = (false, false);
            let converge = async {
                while !(said && joined) {
                    clock.advance(Duration::from_secs(1));
                    tokio::select! {
                        biased;
                        event = bo.next() => match event.unwrap() {
                            Event::Entry(entry) => said |= entry.conversation == room,
                            Event::Conversation(summary) => joined |= summary.id == channel,
                            _ => {}
                        },
                        () = tokio::task::yield_now() => {}
                    }
                }
            };
            let converged = tokio::time::timeout(LONG / 4, converge).await;
            assert!(converged.is_ok(), "call {nth}, {loss:?} lost: said {said}, joined {joined}");
        }
    }
}
