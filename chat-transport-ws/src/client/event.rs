//! What a client tells its application.

use std::ops::Range;
use std::time::Duration;

use super::model::{Conversation, Entry, Friendship, Hello, Presence, Receipt, Typing};

/// Something happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The line stands; what was missed comes now.
    Connected(Box<Hello>),
    /// The line is cut. It is tried again after a while, by itself.
    Disconnected {
        /// The code the server closed it with.
        code: Option<u16>,
        /// When it is tried again.
        retry_after: Duration,
    },
    /// Everything there is to tell of what was missed has been told, but for the entries, which follow.
    Synced {
        /// The life of the server's data, of which all positions now are.
        epoch: String,
    },
    /// The next position of a conversation.
    Entry(Box<Entry>),
    /// A conversation that the client did not have. Its entries go on after its head; what is before is history.
    New(Box<Conversation>),
    /// A conversation was added or changed outside its log.
    Conversation(Box<Conversation>),
    /// Too much was missed: forget the conversation and load its history. Entries go on after `head`.
    Reset {
        /// Which.
        conversation: String,
        /// Its last position.
        head: u64,
    },
    /// A conversation is none of one's own any more.
    Gone(String),
    /// What changed among one's friendships while the line was cut.
    Friendships {
        /// Whether what was known is to be forgotten, and the list loaded.
        reset: bool,
        /// As they are now.
        items: Vec<Friendship>,
        /// Where to go on.
        cursor: String,
    },
    /// What is between oneself and another has changed.
    Friendship {
        /// As it is now.
        friendship: Friendship,
        /// Where to go on.
        cursor: String,
    },
    /// Somebody has received or read.
    Receipt(Receipt),
    /// Somebody is typing, or has stopped.
    Typing(Typing),
    /// Somebody one watches came or went.
    Presence(Presence),
    /// The server has broken a promise: this is for tests and for whoever reads logs.
    Fault(Fault),
    /// It is over: nothing more is tried.
    Over(Over),
}

/// A promise of the protocol that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// An entry came again, or late.
    Repeated {
        /// Where.
        conversation: String,
        /// Which.
        seq: u64,
        /// The last one before it.
        last: u64,
    },
    /// Entries were left out.
    Hole {
        /// Where.
        conversation: String,
        /// Which.
        missing: Range<u64>,
    },
    /// An answer came to a request that was not asked, or for the second time.
    Unasked(u64),
    /// A frame cannot be read.
    Unreadable(String),
}

/// Why a client does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Over {
    /// It was closed by its owner.
    #[error("closed")]
    Closed,
    /// The server does not let it in, also with the newest credentials.
    #[error("the credentials are refused")]
    Refused,
}
