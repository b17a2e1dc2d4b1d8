//! What a client reads: the frames of the protocol as far as it uses them. What it does not know it ignores, so that a
//! newer server can say more.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Profile {
    /// Who it is.
    pub id: String,
    /// The unique name.
    pub username: Option<String>,
    /// The name for people.
    pub full_name: Option<String>,
    /// A URL or path of a picture.
    pub picture: Option<String>,
}

/// A message as it was when this was sent. Of two versions the one with the higher `rev` is the present one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub conversation: String,
    /// Its position.
    pub seq: u64,
    /// Position of its last change.
    pub rev: u64,
    /// Who wrote it; absent for the system.
    pub sender: Option<String>,
    /// The sender's own id of it.
    pub client_id: String,
    /// What is said.
    pub text: Option<String>,
    /// The files that hang on it.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// The position of the message that it answers.
    pub reply_to: Option<u64>,
    /// Who is meant.
    #[serde(default)]
    pub mentions: Vec<String>,
    /// The client's own data.
    pub metadata: Option<Value>,
    /// When it was written.
    pub created_at: String,
    /// When its content last changed.
    pub edited_at: Option<String>,
    /// When it was deleted; it has no content then.
    pub deleted_at: Option<String>,
}

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Attachment {
    /// Its id.
    pub id: String,
    /// What its sender called it.
    pub name: String,
    /// What it was found to be.
    pub content_type: String,
    /// How long it is.
    pub bytes: u64,
    /// How wide, for a picture, in pixels.
    pub width: Option<u32>,
    /// How high, for a picture, in pixels.
    pub height: Option<u32>,
    /// A small picture of it.
    pub thumbnail: Option<Thumbnail>,
}

/// A small picture of a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Thumbnail {
    /// What it is.
    pub content_type: String,
    /// How long it is.
    pub bytes: u64,
    /// How wide, in pixels.
    pub width: Option<u32>,
    /// How high, in pixels.
    pub height: Option<u32>,
}

/// One position of a conversation's log.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Where it stands.
    pub conversation: String,
    /// Its position.
    pub seq: u64,
    /// When it was written.
    pub at: String,
    /// Who did it; absent for the system.
    pub by: Option<String>,
    /// The doer's own id of it.
    pub client_id: Option<String>,
    /// The position it is about.
    pub target: Option<u64>,
    /// What happened: `message`, `edited`, `joined`, …
    pub kind: String,
    /// The message that was written or changed.
    pub message: Option<Message>,
    /// Whom it is about.
    #[serde(default)]
    pub users: Vec<String>,
    /// The new role.
    pub role: Option<String>,
    /// What is new about the conversation.
    pub changes: Option<Value>,
}

/// A conversation, as its user has it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Conversation {
    /// Which.
    pub id: String,
    /// `direct`, `group` or `channel`.
    pub kind: String,
    /// Its name.
    pub name: Option<String>,
    /// A URL or path of its picture.
    pub picture: Option<String>,
    /// The other of a direct one.
    pub with: Option<Profile>,
    /// One's own role; absent for who only reads.
    pub role: Option<String>,
    /// Its last position.
    pub head: u64,
    /// One has read up to here.
    pub read: u64,
    /// One has received up to here.
    pub delivered: u64,
    /// Messages after `read`.
    pub unread: u64,
    /// The last message one may see.
    pub last_message: Option<Message>,
    /// How many members it has.
    pub member_count: u64,
}

/// What is between oneself and another.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Friendship {
    /// The other.
    pub user: Profile,
    /// `none`, `requested`, `incoming` or `friends`.
    pub state: String,
    /// Whether one has blocked him.
    pub blocked: bool,
}

/// Somebody has received or read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// Where.
    pub conversation: String,
    /// Who.
    pub user: String,
    /// He has read up to here.
    pub read: u64,
    /// He has received up to here.
    pub delivered: u64,
}

/// Somebody is typing, or has stopped.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Typing {
    /// Where.
    pub conversation: String,
    /// Who.
    pub user: String,
    /// Whether he still is.
    pub active: bool,
}

/// Somebody came or went.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Presence {
    /// Who.
    pub user: String,
    /// Whether he is connected.
    pub online: bool,
    /// When he last was, if one may know.
    pub last_seen: Option<String>,
}

/// The server's first frame.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Hello {
    /// Oneself.
    pub user: Profile,
    /// The login.
    pub session: String,
    /// This connection.
    pub connection: String,
    /// The life of the server's data: positions of another one mean nothing.
    pub epoch: String,
    /// How often the server pings.
    pub heartbeat_ms: u64,
    /// Every bound, by name.
    pub limits: BTreeMap<String, Value>,
}

/// A message that is stored.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Sent {
    /// As it is now.
    pub message: Message,
    /// Whether it was there already.
    pub duplicate: bool,
}

/// Messages of a conversation, ascending.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct History {
    /// As they are now.
    pub items: Vec<Message>,
    /// Whether there are ones before that one may see.
    pub has_before: bool,
    /// Whether there are ones after.
    pub has_after: bool,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// Where it goes on; absent at the end.
    pub next: Option<String>,
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, thiserror::Error)]
#[error("{code}: {message}")]
#[non_exhaustive]
pub struct Refused {
    /// What it is, for programs.
    pub code: String,
    /// What it is, for people.
    pub message: String,
    /// What it is about: a JSON pointer.
    pub field: Option<String>,
    /// When to try again, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// The answer to one part of a `sync`.
#[derive(Debug, Deserialize)]
pub(super) struct Synced {
    pub(super) friends: FriendChanges,
    pub(super) conversations: BTreeMap<String, Standing>,
    pub(super) new: Page<Conversation>,
}

/// What changed among friendships.
#[derive(Debug, Deserialize)]
pub(super) struct FriendChanges {
    pub(super) cursor: String,
    pub(super) reset: bool,
    pub(super) items: Vec<Friendship>,
}

/// How a conversation stands that was named.
#[derive(Debug, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum Standing {
    Complete,
    Reset { head: u64 },
    Gone,
}

/// A frame that was pushed.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Pushed {
    Hello(Box<Hello>),
    Entry(Box<Entry>),
    Receipt(Receipt),
    Typing(Typing),
    Presence(Presence),
    Friendship {
        cursor: String,
        friendship: Friendship,
    },
    Conversation(Added),
    Reset {
        conversation: String,
        head: u64,
    },
    Closing {
        code: u16,
        retry_after_ms: Option<u64>,
    },
    #[serde(other)]
    Unknown,
}

/// A conversation that came, changed or went.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Added {
    Gone {
        id: String,
        #[serde(rename = "gone")]
        _gone: IgnoredAny,
    },
    Summary(Box<Conversation>),
}

/// What every frame has that tells how to read it.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<'a> {
    pub(super) id: Option<u64>,
    #[serde(rename = "type", borrow)]
    pub(super) kind: std::borrow::Cow<'a, str>,
}
