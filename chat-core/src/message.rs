//! What people write: validated content, and messages and entries as they are read.

use std::fmt;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::attachment::Attachment;
use crate::conversation::Role;
use crate::error::Refusal;
use crate::id::{AttachmentId, ConversationId, EntryId, Seq, UserId};
use crate::limits::Limits;
use crate::time::Timestamp;

/// The caller's own id of a command: 1–64 visible ASCII characters, best a UUID, never used twice by a user.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(String);

impl ClientId {
    /// A client id.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for another form.
    pub fn new(text: impl Into<String>) -> Result<Self, Refusal> {
        let text = text.into();
        if (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text))
        } else {
            Err(Refusal::invalid("/client_id", "1 to 64 visible ASCII characters"))
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientId({})", self.0)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<EntryId> for ClientId {
    fn from(id: EntryId) -> Self {
        Self(id.to_string())
    }
}

/// The text of a message: not blank, kept to the letter, without control characters other than line feed and tab.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Text(String);

impl Text {
    /// A text.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when it is blank or holds a control character.
    pub fn new(text: impl Into<String>) -> Result<Self, Refusal> {
        let text = text.into();
        if text.chars().all(char::is_whitespace) {
            return Err(Refusal::invalid("/text", "must not be blank"));
        }
        if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return Err(Refusal::invalid("/text", "control characters are not allowed"));
        }
        Ok(Self(text))
    }

    /// To the letter.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text {
    /// Texts never reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

/// Deepest nesting of metadata, its own object included.
const METADATA_DEPTH_MAX: usize = 8;

/// A host's or client's own data: a JSON object, at most 8 deep, keys kept as text whatever they hold.
#[derive(Clone, PartialEq, Eq)]
pub struct Metadata(Map<String, Value>);

impl Metadata {
    /// Metadata of an object.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when it is nested too deep, or holds NUL somewhere.
    pub fn new(object: Map<String, Value>) -> Result<Self, Refusal> {
        if object.iter().all(|(key, value)| !key.contains('\0') && fits(value, METADATA_DEPTH_MAX - 1)) {
            Ok(Self(object))
        } else {
            Err(Refusal::invalid("/metadata", "nested too deep, or holds NUL"))
        }
    }

    /// The object.
    pub const fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Its JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).expect("an object of JSON values can be written")
    }

    /// From the JSON a store kept.
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({} keys)", self.0.len())
    }
}

fn fits(value: &Value, depth: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.contains('\0'),
        Value::Array(items) => depth > 0 && items.iter().all(|item| fits(item, depth - 1)),
        Value::Object(object) => {
            depth > 0 && object.iter().all(|(key, item)| !key.contains('\0') && fits(item, depth - 1))
        }
    }
}

/// What a message holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Content {
    /// What was written.
    pub text: Option<Text>,
    /// The message this one answers.
    pub reply_to: Option<Seq>,
    /// The files that hang on it; those of a [`Draft`] are named beside its content.
    pub attachments: Vec<Attachment>,
    /// Who is meant, members only once stored.
    pub mentions: Vec<UserId>,
    /// The client's own data.
    pub metadata: Option<Metadata>,
}

impl Content {
    /// Whether every part is within `limits`, and there is something to say.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] naming the first part that is not.
    pub fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        self.check_with(limits, self.attachments.len())
    }

    /// The same with so many attachments.
    fn check_with(&self, limits: &Limits, attachments: usize) -> Result<(), Refusal> {
        if self.text.is_none() && attachments == 0 {
            return Err(Refusal::invalid("/text", "a message needs a text or an attachment"));
        }
        if self.text.as_ref().is_some_and(|text| text.as_str().len() as u64 > limits.text_bytes_max) {
            return Err(Refusal::invalid("/text", "too long"));
        }
        if attachments as u64 > limits.attachments_max {
            return Err(Refusal::invalid("/attachments", "too many"));
        }
        if self.mentions.len() as u64 > limits.mentions_max {
            return Err(Refusal::invalid("/mentions", "too many"));
        }
        if self.metadata.as_ref().is_some_and(|data| data.to_json().len() as u64 > limits.metadata_bytes_max)
        {
            return Err(Refusal::invalid("/metadata", "too large"));
        }
        Ok(())
    }
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Draft {
    /// The caller's id of it: a repeat with the same one is the same message. One is made when absent.
    pub client_id: Option<ClientId>,
    /// What it holds.
    pub content: Content,
    /// The sender's files that will hang on it, in this order.
    pub attachments: Vec<AttachmentId>,
}

impl Draft {
    /// A message of a text.
    ///
    /// # Errors
    /// As [`Text::new`].
    pub fn text(text: impl Into<String>) -> Result<Self, Refusal> {
        Ok(Self::new(Content { text: Some(Text::new(text)?), ..Content::default() }))
    }

    /// A message of this content.
    pub const fn new(content: Content) -> Self {
        Self { client_id: None, content, attachments: Vec::new() }
    }

    /// Whether it may be sent, whoever sends it.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] naming the first part that may not be.
    pub fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        self.content.check_with(limits, self.attachments.len())?;
        are_distinct(&self.attachments)
    }

    /// The same under the caller's own id.
    #[must_use]
    pub fn client_id(mut self, client_id: ClientId) -> Self {
        self.client_id = Some(client_id);
        self
    }

    /// The same as an answer to the message at `seq`.
    #[must_use]
    pub const fn reply_to(mut self, seq: Seq) -> Self {
        self.content.reply_to = Some(seq);
        self
    }

    /// The same with these files hanging on it.
    #[must_use]
    pub fn attachments(mut self, ids: impl IntoIterator<Item = AttachmentId>) -> Self {
        self.attachments = ids.into_iter().collect();
        self
    }

    /// The same meaning these people.
    #[must_use]
    pub fn mentions(mut self, users: impl IntoIterator<Item = UserId>) -> Self {
        self.content.mentions = users.into_iter().collect();
        self
    }

    /// The same with the client's own data.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.content.metadata = Some(metadata);
        self
    }
}

/// Whether no file is named twice.
///
/// # Errors
/// [`Refusal::Invalid`] when one is.
pub(crate) fn are_distinct(attachments: &[AttachmentId]) -> Result<(), Refusal> {
    let named = |(nth, id)| attachments[..nth].contains(id);
    if attachments.iter().enumerate().any(named) {
        return Err(Refusal::invalid("/attachments", "one is named twice"));
    }
    Ok(())
}

/// A change of one field: left as it is, cleared, or set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Unchanged.
    #[default]
    Keep,
    /// Taken away.
    Clear,
    /// Replaced.
    Set(T),
}

impl<T> Patch<T> {
    /// The field after the change.
    pub fn apply(self, now: Option<T>) -> Option<T> {
        match self {
            Self::Keep => now,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// Whether nothing is asked for.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The same for another type.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(f(value)),
        }
    }
}

/// What an edit changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Edit {
    /// The text.
    pub text: Patch<Text>,
    /// The files that hang on it: those that stay, and new ones of the sender's.
    pub attachments: Patch<Vec<AttachmentId>>,
    /// Who is meant.
    pub mentions: Patch<Vec<UserId>>,
    /// The client's own data.
    pub metadata: Patch<Metadata>,
    /// Only if the message is still at this `rev`.
    pub rev: Option<Seq>,
}

impl Edit {
    /// An edit of the text.
    ///
    /// # Errors
    /// As [`Text::new`].
    pub fn text(text: impl Into<String>) -> Result<Self, Refusal> {
        Ok(Self { text: Patch::Set(Text::new(text)?), ..Self::default() })
    }

    /// The same, only if the message is still at this `rev`.
    #[must_use]
    pub const fn only_at(mut self, rev: Seq) -> Self {
        self.rev = Some(rev);
        self
    }
}

/// A message as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The id of its entry.
    pub id: EntryId,
    /// Where it stands.
    pub conversation: ConversationId,
    /// Its position.
    pub seq: Seq,
    /// Position of its last change; a higher one wins everywhere.
    pub rev: Seq,
    /// Who wrote it; absent for the system.
    pub sender: Option<UserId>,
    /// The sender's own id of it.
    pub client_id: ClientId,
    /// What it holds; nothing once deleted.
    pub content: Content,
    /// When it was written.
    pub created_at: Timestamp,
    /// When its content last changed.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

impl Message {
    /// A message as its sender wrote it; what is `pub` may be set afterwards.
    pub const fn new(
        id: EntryId,
        conversation: ConversationId,
        seq: Seq,
        client_id: ClientId,
        content: Content,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            conversation,
            seq,
            rev: seq,
            sender: None,
            client_id,
            content,
            created_at,
            edited_at: None,
            deleted_at: None,
        }
    }

    /// The text, unless there is none or it was deleted.
    pub fn text(&self) -> Option<&str> {
        self.content.text.as_ref().map(Text::as_str)
    }
}

/// One position of a log, as it is passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// Where it stands.
    pub conversation: ConversationId,
    /// Its position.
    pub seq: Seq,
    /// When it was written.
    pub at: Timestamp,
    /// Who did it; absent for the system.
    pub by: Option<UserId>,
    /// The doer's own id of it.
    pub client_id: ClientId,
    /// The position it is about.
    pub target: Option<Seq>,
    /// What happened.
    pub what: What,
}

impl Entry {
    /// An entry of the system about nothing before it; what is `pub` may be set afterwards.
    pub const fn new(
        id: EntryId,
        conversation: ConversationId,
        seq: Seq,
        at: Timestamp,
        client_id: ClientId,
        what: What,
    ) -> Self {
        Self { id, conversation, seq, at, by: None, client_id, target: None, what }
    }

    /// The message this entry wrote or changed, as it is now.
    pub const fn message(&self) -> Option<&Message> {
        match &self.what {
            What::Message(message) | What::Edited(message) | What::Deleted(message) => Some(message),
            _ => None,
        }
    }

    /// Higher when what the entry shows has changed: the key, with its position, under which its encoding is kept.
    pub fn rev(&self) -> Seq {
        self.message().map_or(self.seq, |message| message.rev)
    }
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A message was written.
    Message(Message),
    /// A message was changed; as it is now.
    Edited(Message),
    /// A message was deleted; without content.
    Deleted(Message),
    /// The conversation was made, with these people and appearance.
    Created {
        /// The first members, the creator included.
        users: Vec<UserId>,
        /// Name, picture and settings.
        changes: Changes,
    },
    /// These became members.
    Joined {
        /// Who.
        users: Vec<UserId>,
    },
    /// These left by themselves.
    Left {
        /// Who.
        users: Vec<UserId>,
        /// Who became owner by it.
        successor: Option<UserId>,
    },
    /// These were removed.
    Removed {
        /// Who.
        users: Vec<UserId>,
    },
    /// These were removed and may not come back by themselves.
    Banned {
        /// Who.
        users: Vec<UserId>,
    },
    /// These may come back.
    Unbanned {
        /// Who.
        users: Vec<UserId>,
    },
    /// Somebody's role changed.
    RoleChanged {
        /// Who.
        users: Vec<UserId>,
        /// To what.
        role: Role,
    },
    /// Name, picture, metadata or settings changed.
    Updated {
        /// What is new.
        changes: Changes,
    },
    /// The conversation is gone for all.
    Closed,
    /// What the store holds here cannot be read; the position exists all the same.
    Unreadable,
    /// A kind this version does not know, passed on as it is.
    Other {
        /// Its number.
        kind: u16,
        /// Its own data, if it is JSON.
        payload: Option<Value>,
    },
    /// About something from before this member's time: only the kind's number, no content.
    Bare {
        /// The kind's number.
        kind: u16,
    },
}

/// What is new about a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// The name.
    pub name: Patch<String>,
    /// The picture.
    pub picture: Patch<String>,
    /// The host's own data.
    pub metadata: Patch<Metadata>,
    /// Who may join.
    pub join: Option<crate::conversation::Join>,
    /// Who may read.
    pub read: Option<crate::conversation::Read>,
    /// Who may write.
    pub post: Option<crate::conversation::Post>,
    /// From where new members see.
    pub history: Option<crate::conversation::History>,
}

/// The numbers of the kinds this version knows. Stores never look at them.
pub mod kind {
    /// A message.
    pub const MESSAGE: u16 = 1;
    /// A message was changed.
    pub const EDITED: u16 = 2;
    /// A message was deleted.
    pub const DELETED: u16 = 3;
    /// A conversation was made.
    pub const CREATED: u16 = 4;
    /// Members joined.
    pub const JOINED: u16 = 5;
    /// Members left.
    pub const LEFT: u16 = 6;
    /// Members were removed.
    pub const REMOVED: u16 = 7;
    /// Members were banned.
    pub const BANNED: u16 = 8;
    /// Bans were lifted.
    pub const UNBANNED: u16 = 9;
    /// A role changed.
    pub const ROLE_CHANGED: u16 = 10;
    /// The appearance changed.
    pub const UPDATED: u16 = 11;
    /// The conversation was closed.
    pub const CLOSED: u16 = 12;
    /// Never stored: shown for what cannot be read.
    pub const UNREADABLE: u16 = 13;
}

/// Opaque bytes of an entry or message, owned by the engine and kept by stores as they are.
pub type Payload = Bytes;
