//! People in one database, talk in another, and the line to one of them lost between the two writes that take a right
//! away: the record of the pair, and the fence of the conversation.

use std::sync::Arc;

use chat_core::conformance::{Faults, Loss};
use chat_core::page::Limit;
use chat_core::{Chat, ConversationId, MemoryStore, SplitStore, Store};

use crate::common::{befriend, direct, say, text, user};

/// Two databases that make one, each behind a line of its own.
struct Split {
    store: Arc<dyn Store>,
    people: Faults,
    talk: Faults,
    chat: Chat,
}

impl Split {
    /// Two friends who have talked.
    async fn new() -> (Self, ConversationId) {
        let (people, talk) = (Faults::default(), Faults::default());
        let store = SplitStore::people(people.over(Arc::new(MemoryStore::new())));
        let store: Arc<dyn Store> = Arc::new(store.talk(talk.over(Arc::new(MemoryStore::new()))));
        let chat = Chat::over(Arc::clone(&store)).build().await.unwrap();
        befriend(&chat, 1, 2).await;
        say(&chat, 2, user(1), "in time").await;
        (Self { store, people, talk, chat }, direct(1, 2))
    }

    /// A block whose fence, in the talk's database, is not answered.
    async fn block_without_fence(&self, loss: Loss) {
        self.talk.fail_call("Conversations::fence", loss);
        let blocked = self.chat.actor(user(1)).block(user(2)).await;
        assert_eq!(blocked.unwrap_err().code(), "unavailable");
        assert!(self.talk.is_over());
        assert_eq!(self.unfenced().await, 1, "the people's database knows what is to be finished");
    }

    async fn unfenced(&self) -> usize {
        self.store.people().friendships().unfenced(Limit::MAX).await.unwrap().len()
    }

    async fn acl(&self, of: ConversationId) -> u64 {
        let record = self.store.talk().conversations().load(&[of]).await.unwrap().remove(0);
        record.unwrap().acl
    }

    /// Nothing of the blocked one stands in the log after the block.
    async fn assert_closed(&self, id: ConversationId) {
        let late = self.chat.actor(user(2)).send(id, text("too late")).await;
        assert_eq!(late.unwrap_err().code(), "not_accepted");
        assert!(self.acl(id).await > 0);
        assert_eq!(self.unfenced().await, 0);
        let head = self.store.talk().log().heads(&[id]).await.unwrap().remove(0).unwrap().head;
        assert_eq!(head.get(), 1);
    }
}

#[tokio::test]
async fn a_repeat_finishes_the_fence() {
    for loss in Loss::ALL {
        let (split, id) = Split::new().await;
        split.block_without_fence(loss).await;
        split.chat.actor(user(1)).block(user(2)).await.unwrap();
        assert_eq!(split.unfenced().await, 0, "acked only when it is done");
        split.assert_closed(id).await;
    }
}

#[tokio::test]
async fn a_sweep_finishes_the_fence() {
    for loss in Loss::ALL {
        let (split, id) = Split::new().await;
        split.block_without_fence(loss).await;
        split.chat.catch_up_now().await.unwrap();
        assert_eq!(split.unfenced().await, 0);
        split.assert_closed(id).await;
    }
}

#[tokio::test]
async fn a_reader_finishes_the_fence() {
    for loss in Loss::ALL {
        let (split, id) = Split::new().await;
        split.block_without_fence(loss).await;
        // Another node, which has to read the pair before it decides.
        let other = Chat::over(Arc::clone(&split.store)).build().await.unwrap();
        let late = other.actor(user(2)).send(id, text("too late")).await;
        assert_eq!(late.unwrap_err().code(), "not_accepted");
        split.assert_closed(id).await;
    }
}

#[tokio::test]
async fn a_fence_that_nobody_noted_is_made_once_more_and_harms_nobody() {
    for loss in Loss::ALL {
        let (split, id) = Split::new().await;
        split.people.fail_call("Friendships::fenced", loss);
        let blocked = split.chat.actor(user(1)).block(user(2)).await;
        assert_eq!(blocked.unwrap_err().code(), "unavailable");
        split.chat.actor(user(1)).block(user(2)).await.unwrap();
        split.assert_closed(id).await;
        split.chat.actor(user(1)).unblock(user(2)).await.unwrap();
        befriend(&split.chat, 1, 2).await;
        say(&split.chat, 2, user(1), "again").await;
    }
}
