//! Nodes over one store, each behind gates of its own.

use std::sync::Arc;

use super::gated::{Gate, Gates};
use super::scene::user;
use crate::command::{NewConversation, Sent};
use crate::engine::Chat;
use crate::error::ChatError;
use crate::id::{ConversationId, Pair, Seq};
use crate::message::{ClientId, Draft, Entry, Message};
use crate::page::Limit;
use crate::store::Store;
use crate::testing::ManualClock;

/// A chat on its own gates. Its clock stands still, so that nothing happens beside what a case does.
pub(super) struct Node {
    pub(super) chat: Chat,
    pub(super) gates: Gates,
}

/// Where a schedule stops a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    Before(&'static str),
    After(&'static str),
}

impl Node {
    pub(super) async fn new(store: &Arc<dyn Store>) -> Self {
        let gates = Gates::default();
        let chat = Chat::over(gates.over(Arc::clone(store))).clock(Arc::new(ManualClock::default()));
        Self { chat: chat.build().await.unwrap(), gates }
    }

    pub(super) fn stop(&self, stop: Stop) -> Gate {
        match stop {
            Stop::Before(call) => self.gates.before(call),
            Stop::After(call) => self.gates.after(call),
        }
    }

    pub(super) async fn befriend(&self, a: u64, b: u64) {
        self.chat.actor(user(a)).request_friend(user(b)).await.unwrap();
        self.chat.actor(user(b)).accept_friend(user(a)).await.unwrap();
    }

    /// A group of the first, its owner, and the others, friends of his.
    pub(super) async fn group(&self, people: &[u64]) -> ConversationId {
        for &other in &people[1..] {
            self.befriend(people[0], other).await;
        }
        let members = people[1..].iter().copied().map(user);
        let new = NewConversation::group(client_id(&format!("group-{}", people[0])), members).named("group");
        self.chat.actor(user(people[0])).create(new).await.unwrap().value.id
    }

    /// Sends in a task of its own, which a gate may stop; its place in line is taken by this call.
    pub(super) fn sending(
        &self,
        by: u64,
        to: ConversationId,
        text: &str,
    ) -> tokio::task::JoinHandle<Result<Sent, ChatError>> {
        tokio::spawn(self.chat.actor(user(by)).send(to, draft(text)))
    }

    pub(super) async fn say(&self, by: u64, to: ConversationId, text: &str) -> Result<Sent, ChatError> {
        self.chat.actor(user(by)).send(to, draft(text)).await
    }

    pub(super) async fn history(&self, by: u64, of: ConversationId) -> Vec<Message> {
        self.chat.actor(user(by)).history(of, None, Limit::MAX).await.unwrap().items
    }

    /// The texts of a conversation as somebody reads them; deleted ones are absent.
    pub(super) async fn texts(&self, by: u64, of: ConversationId) -> Vec<Option<String>> {
        let history = self.history(by, of).await;
        history.iter().map(|message| message.text().map(str::to_owned)).collect()
    }

    pub(super) async fn entries(&self, by: u64, of: ConversationId) -> Vec<Entry> {
        self.chat.actor(user(by)).entries(of, Seq::ZERO, Limit::MAX).await.unwrap().items
    }
}

/// A message whose `client_id` is its text, with dashes for spaces.
pub(super) fn draft(text: &str) -> Draft {
    Draft::text(text).unwrap().client_id(client_id(&text.replace(' ', "-")))
}

pub(super) fn client_id(text: &str) -> ClientId {
    ClientId::new(text).unwrap()
}

pub(super) fn direct(store: &Arc<dyn Store>, a: u64, b: u64) -> ConversationId {
    ConversationId::direct(store.tenant(), Pair::new(user(a), user(b)).unwrap())
}

/// The code with which something was refused.
#[track_caller]
pub(super) fn code<T: std::fmt::Debug>(result: &Result<T, ChatError>) -> &'static str {
    match result {
        Ok(value) => panic!("expected a refusal, got {value:?}"),
        Err(error) => error.code(),
    }
}
