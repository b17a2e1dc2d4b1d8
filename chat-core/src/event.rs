//! What goes out: the events pushed to sessions.
//!
//! An event that goes to many sessions is one shared value; its encoding is made once, by whoever needs it first,
//! and its bytes are shared too.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::command::{Friend, Presence, Summary, Typing};
use crate::id::{ConversationId, Seq, UserId};
use crate::message::Entry;
use crate::receipt::Receipt;

/// Something pushed to a session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The next position of a conversation.
    Entry(Shared<Entry>),
    /// Somebody has received or read.
    Receipt(Shared<ReceiptEvent>),
    /// Somebody is typing.
    Typing(Shared<TypingEvent>),
    /// Somebody one watches came or went.
    Presence(Shared<Presence>),
    /// What is between oneself and another changed.
    Friendship(Shared<FriendshipEvent>),
    /// A conversation was added or changed for this user outside its log.
    Conversation(Shared<Summary>),
    /// A conversation is none of this user's any more.
    Gone(ConversationId),
    /// Too far behind: reload from history, live goes on after `head`.
    Reset {
        /// Which conversation.
        conversation: ConversationId,
        /// Its last position.
        head: Seq,
    },
}

/// Somebody has received or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptEvent {
    /// Where.
    pub conversation: ConversationId,
    /// Who.
    pub user: UserId,
    /// How far.
    pub receipt: Receipt,
}

/// Somebody is typing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypingEvent {
    /// Where.
    pub conversation: ConversationId,
    /// Who.
    pub user: UserId,
    /// Whether he still is.
    pub typing: Typing,
}

/// One step of a user's friendships.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FriendshipEvent {
    /// The position to resume from.
    pub cursor: u64,
    /// As it is now.
    pub friend: Friend,
}

/// A value shared by many sessions, with the bytes of its encoding.
#[derive(Debug)]
pub struct Shared<T>(Arc<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    value: T,
    /// The format that was asked for first, and the bytes in it.
    encoded: OnceLock<(&'static str, Bytes)>,
}

impl<T> Shared<T> {
    /// Shares a value.
    pub fn new(value: T) -> Self {
        Self(Arc::new(Inner { value, encoded: OnceLock::new() }))
    }

    /// Its bytes in `format`: made by `encode` at the first call, shared afterwards. A second format on the same
    /// value is encoded each time.
    pub fn encoded(&self, format: &'static str, encode: impl FnOnce(&T) -> Bytes) -> Bytes {
        if let Some((kept, bytes)) = self.0.encoded.get() {
            return if *kept == format { bytes.clone() } else { encode(&self.0.value) };
        }
        let bytes = encode(&self.0.value);
        let _ = self.0.encoded.set((format, bytes.clone()));
        bytes
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}
