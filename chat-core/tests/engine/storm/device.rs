//! A device: what it has, and what it must never be sent.

use std::collections::{BTreeMap, BTreeSet};

use chat_core::command::{Sync, SyncState};
use chat_core::delivery::{Open, Resume};
use chat_core::{Chat, Command, ConversationId, Entry, Event, Limit, Reply, Seq, Session, UserId, What};

use super::history::History;
use crate::common::*;

/// Long enough for what has begun, on a store in memory.
async fn a_while() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// A device of somebody, connected to a node.
#[derive(Debug)]
pub(super) struct Device {
    who: u64,
    session: Session,
    /// The last position of each conversation.
    last: BTreeMap<ConversationId, Seq>,
    /// Conversations that it was told it is out of.
    out: BTreeSet<ConversationId>,
}

impl Device {
    pub(super) async fn open(chat: &Chat, who: u64) -> Self {
        let session = device(chat, who).await;
        Self { who, session, last: BTreeMap::new(), out: BTreeSet::new() }
    }

    pub(super) fn user(&self) -> UserId {
        user(self.who)
    }

    pub(super) fn last_of(&self, place: ConversationId) -> Option<Seq> {
        self.last.get(&place).copied()
    }

    /// The same after its line was cut: it says what it has, and is told how that stands.
    pub(super) async fn resume(mut self, chat: &Chat) -> Self {
        let session = chat.open_with(Open::new(self.user()).resume(Resume::AwaitSync)).await.unwrap();
        let conversations = self.last.iter().map(|(id, last)| (*id, *last)).collect();
        let request = Sync { epoch: Some(chat.epoch()), conversations, ..Sync::default() };
        let Reply::Synced(synced) = session.handle(Command::Sync(request)).await.unwrap() else {
            panic!("a sync is answered as one")
        };
        for (id, state) in synced.conversations {
            match state {
                SyncState::Complete(point) => assert!(point.head >= self.last[&id]),
                SyncState::Reset(point) => drop(self.last.insert(id, point.head)),
                SyncState::Gone => self.is_out(id),
            }
        }
        for summary in synced.new.items {
            self.is_in(summary.id, summary.head);
        }
        Self { session, ..self }
    }

    /// Takes what is pushed, until nothing comes for a while.
    pub(super) async fn take(&mut self, history: &mut History) {
        loop {
            let event = tokio::select! {
                biased;
                event = self.session.next() => event.expect("the session lives"),
                () = a_while() => return,
            };
            match event {
                Event::Entry(entry) => self.take_entry(&entry, history),
                Event::Reset { conversation, head } => drop(self.last.insert(conversation, head)),
                Event::Conversation(summary) if !self.last.contains_key(&summary.id) => {
                    self.is_in(summary.id, summary.head);
                }
                Event::Gone(id) => self.is_out(id),
                _ => {}
            }
        }
    }

    fn take_entry(&mut self, entry: &Entry, history: &mut History) {
        let (id, seq) = (entry.conversation, entry.seq);
        if let Some(last) = self.last.insert(id, seq) {
            assert_eq!(seq, last.next(), "{} of {id:?}: every position once, in order", self.who);
        } else if self.out.remove(&id) {
            let is_back = matches!(&entry.what, What::Joined { users } if users.contains(&self.user()));
            assert!(is_back, "{} is out of {id:?} and is sent {seq}", self.who);
        }
        history.was_pushed(self.user(), entry);
        if let What::Removed { users } | What::Left { users, .. } = &entry.what
            && users.contains(&self.user())
        {
            self.is_out(id);
        }
    }

    fn is_in(&mut self, id: ConversationId, head: Seq) {
        self.out.remove(&id);
        self.last.insert(id, head);
    }

    fn is_out(&mut self, id: ConversationId) {
        self.last.remove(&id);
        self.out.insert(id);
    }

    /// Whether something of what is his has not come yet, or something that is not has not gone.
    pub(super) async fn is_behind(&self, chat: &Chat) -> bool {
        let his = chat.actor(self.user()).conversations(None, Limit::MAX).await.unwrap().items;
        let heads: BTreeMap<ConversationId, Seq> =
            his.iter().map(|summary| (summary.id, summary.head)).collect();
        // What nothing was said in since the device came is not known to it.
        let is_known = |id: &ConversationId| self.last.contains_key(id) || self.out.contains(id);
        self.last.iter().any(|(id, last)| heads.get(id) != Some(last))
            || heads.keys().any(|id| self.out.contains(id))
            || heads.keys().filter(|id| !is_known(id)).count() + self.last.len() != heads.len()
    }
}
