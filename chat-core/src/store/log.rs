//! The entries of conversations, and the messages they write and change.

use std::sync::Arc;

use async_trait::async_trait;

use super::StoreError;
use crate::conversation::{Conversation, Settings, Standing};
use crate::id::{ConversationId, EntryId, Seq, UserId};
use crate::message::{ClientId, Patch, Payload};
use crate::page::Limit;
use crate::time::Timestamp;

/// What one conversation gets in one commit: drafts in order, wholly or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Where.
    pub conversation: ConversationId,
    /// What must still be so at commit.
    pub expected: Expected,
    /// The entries, in order.
    pub drafts: Vec<DraftEntry>,
}

/// The counters of a conversation from which the drafts were decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// How often a right was taken away: always compared.
    pub acl: u64,
    /// How often memberships changed: compared when a draft depends on all of them.
    pub roster: Option<u64>,
}

/// An entry before it has a position.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DraftEntry {
    /// Its id, made by the engine.
    pub id: EntryId,
    /// The time it was decided; the store never lets a conversation's time fall.
    pub at: Timestamp,
    /// Who does it; nil for the system.
    pub by: UserId,
    /// The doer's own id of it: unique with `by` in the conversation.
    pub client_id: ClientId,
    /// Digest of the command, by which a repeat with another body is told.
    pub digest: [u8; 16],
    /// What happened, opaque to the store.
    pub kind: u16,
    /// The position it is about; effects on that message name it themselves.
    pub target: Option<Seq>,
    /// The entry's own data, opaque to the store. Never holds the text of a message.
    pub payload: Option<Payload>,
    /// Whether it takes a right away: then `acl` rises by one in the same write.
    pub takes_right: bool,
    /// What it does, in order.
    pub effects: Vec<Effect>,
}

impl DraftEntry {
    /// A draft without effects.
    pub const fn new(id: EntryId, at: Timestamp, by: UserId, client_id: ClientId, kind: u16) -> Self {
        Self {
            id,
            at,
            by,
            client_id,
            digest: [0; 16],
            kind,
            target: None,
            payload: None,
            takes_right: false,
            effects: Vec::new(),
        }
    }
}

/// What an entry does beside taking its position. The list is closed: new features are new kinds, not new effects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// This entry is a message: a row at its seq, `rev` = seq, `n` = the conversation's next. If its sender has a
    /// member row, his `read` and `delivered` move to it (and `read_n` to its `n`).
    PutMessage {
        /// What was written.
        text: Option<String>,
        /// The rest, opaque.
        payload: Option<Payload>,
    },
    /// Replaces what a message holds; its `rev` becomes this entry's seq, `edited_at` its time. The lane is a
    /// [`StoreError::Conflict`] when there is no such message, it is deleted, or its `rev` is not the expected one.
    SetBody {
        /// The message.
        target: Seq,
        /// The `rev` it must have.
        rev: Seq,
        /// The new text.
        text: Option<String>,
        /// The new rest.
        payload: Option<Payload>,
    },
    /// Deletes a message for good: text, payload, marks and the digest of its entry are gone, `rev` becomes this
    /// entry's seq, `deleted_at` its time, and it counts as unread for nobody any more. The lane is a
    /// [`StoreError::Conflict`] when there is no such message, it is deleted, or its `rev` is not the expected one.
    Tombstone {
        /// The message.
        target: Seq,
        /// The `rev` it must have.
        rev: Seq,
    },
    /// Sets or takes away a membership row. `roster` rises by one; `member_count` follows the row.
    /// A row that was none or banned and becomes a member starts anew: `visible_from` is this entry's seq or 1, `read`
    /// and `delivered` are this entry's seq, `read_n` the conversation's `n`, `since` its time. A member whose
    /// role changes keeps the rest. A banned row keeps nothing but the standing: its positions are 0, `since` is
    /// this entry's time, and it is no member.
    PutMember {
        /// Who.
        user: UserId,
        /// As what; absent takes the row away.
        standing: Option<Standing>,
        /// Where a new member's view begins.
        history: crate::conversation::History,
    },
    /// Changes the conversation's record.
    SetConversation(ConversationPatch),
    /// Puts a mark of `by` under `key` on a message (reactions, pins, votes); the message's `rev` becomes this
    /// entry's seq. The same mark again changes nothing but the `rev`. On a message that is deleted or absent it
    /// does nothing.
    PutMark {
        /// The message.
        target: Seq,
        /// Which mark.
        key: String,
        /// Whose.
        by: UserId,
    },
    /// Takes such a mark away, if it is there; `rev` and the rest as with [`Effect::PutMark`].
    DropMark {
        /// The message.
        target: Seq,
        /// Which mark.
        key: String,
        /// Whose.
        by: UserId,
    },
}

/// What changes in a conversation's record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConversationPatch {
    /// The name.
    pub name: Patch<String>,
    /// The picture.
    pub picture: Patch<String>,
    /// The host's own data, as JSON.
    pub metadata: Patch<String>,
    /// Who may join, read and write.
    pub settings: Option<Settings>,
    /// Whether it is now gone for all.
    pub closed: ClosedBy,
}

/// Whether an entry closes its conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClosedBy {
    /// It does not.
    #[default]
    Nothing,
    /// It does, for good.
    ThisEntry,
}

/// What became of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneDone {
    /// For each draft, in order.
    pub outcomes: Vec<Outcome>,
    /// The conversation after the commit.
    pub conversation: Conversation,
}

/// What became of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has a position now.
    Appended(Appended),
    /// There was already an entry of this sender and `client_id`: this one. Nothing was written.
    Repeat {
        /// The first one's position.
        seq: Seq,
        /// The first one's digest; absent once its message was deleted.
        digest: Option<[u8; 16]>,
    },
}

/// Where a draft has come to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its position.
    pub seq: Seq,
    /// Its time: max(draft's, conversation's last).
    pub at: Timestamp,
    /// How many messages there are up to here, this one included if it is one.
    pub n: u64,
}

/// Where entries are wanted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// Which conversation.
    pub conversation: ConversationId,
    /// After this position.
    pub after: Seq,
}

/// Entries of one conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries {
    /// Which conversation.
    pub conversation: ConversationId,
    /// Ascending and dense from `max(after + 1, start)`.
    pub items: Vec<EntryRow>,
    /// The head at the time of reading: `items` may end before it.
    pub head: Seq,
    /// The first position that is kept.
    pub start: Seq,
}

/// An entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryRow {
    /// Its position.
    pub seq: Seq,
    /// Its id.
    pub id: EntryId,
    /// When.
    pub at: Timestamp,
    /// Who; nil for the system.
    pub by: UserId,
    /// The doer's own id of it.
    pub client_id: ClientId,
    /// What happened; [`crate::message::kind::UNREADABLE`] for a row that cannot be read.
    pub kind: u16,
    /// The position it is about.
    pub target: Option<Seq>,
    /// How many messages there are up to here.
    pub n: u64,
    /// The entry's own data.
    pub payload: Option<Payload>,
    /// The message at this position or, if there is none, at `target`: as it is now.
    pub message: Option<MessageRow>,
}

impl EntryRow {
    /// What stands for a row that cannot be read.
    pub fn unreadable(seq: Seq) -> Self {
        let id = EntryId::from_bytes([0; 16]);
        let draft = DraftEntry::new(id, Timestamp::default(), UserId::SYSTEM, id.into(), 0);
        Self { kind: crate::message::kind::UNREADABLE, ..Self::of(&draft, seq, draft.at, 0) }
    }

    /// The row of a draft at its position, without its message.
    pub fn of(draft: &DraftEntry, seq: Seq, at: Timestamp, n: u64) -> Self {
        Self {
            seq,
            id: draft.id,
            at,
            by: draft.by,
            client_id: draft.client_id.clone(),
            kind: draft.kind,
            target: draft.target,
            n,
            payload: draft.payload.clone(),
            message: None,
        }
    }
}

/// A message as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageRow {
    /// Its position.
    pub seq: Seq,
    /// Its number among the conversation's messages: 1, 2, 3, …
    pub n: u64,
    /// Position of its last change.
    pub rev: Seq,
    /// The id of its entry.
    pub id: EntryId,
    /// Who wrote it; nil for the system.
    pub sender: UserId,
    /// The sender's own id of it.
    pub client_id: ClientId,
    /// When.
    pub at: Timestamp,
    /// When its content last changed.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// What was written; absent once deleted.
    pub text: Option<String>,
    /// The rest; absent once deleted.
    pub payload: Option<Payload>,
}

impl MessageRow {
    /// A row without anything but its place, for a store to fill in.
    pub fn empty(seq: Seq, n: u64) -> Self {
        let id = EntryId::from_bytes([0; 16]);
        Self {
            seq,
            n,
            rev: seq,
            id,
            sender: UserId::SYSTEM,
            client_id: id.into(),
            at: Timestamp::default(),
            edited_at: None,
            deleted_at: None,
            text: None,
            payload: None,
        }
    }

    /// The row of a new message.
    pub fn of(
        draft: &DraftEntry,
        appended: Appended,
        text: Option<String>,
        payload: Option<Payload>,
    ) -> Self {
        Self {
            seq: appended.seq,
            n: appended.n,
            rev: appended.seq,
            id: draft.id,
            sender: draft.by,
            client_id: draft.client_id.clone(),
            at: appended.at,
            edited_at: None,
            deleted_at: None,
            text,
            payload,
        }
    }
}

/// Which part of a conversation's messages is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The last ones before this position.
    Before(Seq),
    /// The first ones after this position.
    After(Seq),
    /// Half (rounded down) before, the others from this position on; neither makes up for what the other lacks.
    Around(Seq),
}

/// A part of a conversation's messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    /// Ascending by position, as they are now, deleted ones included.
    pub items: Vec<MessageRow>,
    /// Whether there are visible ones before `items`; without any, before where they would stand.
    pub has_before: bool,
    /// Whether there are visible ones after `items`; without any, after where they would stand.
    pub has_after: bool,
}

/// Where a log begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last position.
    pub head: Seq,
    /// The first position that is kept.
    pub start: Seq,
}

/// A mark on a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The message.
    pub target: Seq,
    /// Which mark.
    pub key: String,
    /// Whose.
    pub by: UserId,
}

/// The entries of conversations.
///
/// # Contract
/// - A lane is appended wholly or not at all, in its order; lanes are independent; one lane per conversation in a
///   batch (a second one of the same conversation is [`StoreError::Conflict`]).
/// - Positions are dense: the entry after `seq` is `seq + 1`, for ever. No entry is written outside `append`.
/// - Rights are judged at commit: [`Lane::expected`] is compared inside the write, once, with the conversation as it
///   is before the lane; another value is [`StoreError::Conflict`] and writes nothing. A closed or absent
///   conversation is a conflict too.
/// - Drafts are applied in order: each sees the effects of those before it in its lane.
/// - Idempotent by (conversation, `by`, `client_id`) over all entries that are kept, repeats within one lane
///   included. Repeats are looked for before the effects are judged: a repeat has no effect.
///   A lane of nothing but repeats is answered whatever `expected` says, of a closed conversation too.
/// - A change is visible from the moment its position is: whoever sees head ≥ seq sees the effects of seq.
/// - After a tombstone is answered no row holds the text.
#[async_trait]
pub trait Log: Send + Sync {
    /// Appends every lane, in one commit where the database can; answers in the order of the lanes.
    async fn append(&self, batch: Arc<[Lane]>) -> Vec<Result<LaneDone, StoreError>>;

    /// Entries of several conversations in the order wanted, at most `limit` of each, each with its message as it is
    /// now. Conversations that do not exist are left out.
    ///
    /// # Errors
    /// Any [`StoreError`]; a row that cannot be read is [`EntryRow::unreadable`], not an error.
    async fn entries(&self, wanted: &[After], limit: Limit) -> Result<Vec<Entries>, StoreError>;

    /// Messages of one conversation from `visible_from` on.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn messages(
        &self,
        of: ConversationId,
        visible_from: Seq,
        window: Window,
        limit: Limit,
    ) -> Result<Messages, StoreError>;

    /// The messages at these positions, absent where there is none.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn at(&self, of: ConversationId, seqs: &[Seq]) -> Result<Vec<Option<MessageRow>>, StoreError>;

    /// The last message of each conversation, also when it is deleted; absent where there is none.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn last(&self, of: &[ConversationId]) -> Result<Vec<Option<MessageRow>>, StoreError>;

    /// Where these logs begin and end, absent where there is none.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn heads(&self, of: &[ConversationId]) -> Result<Vec<Option<Head>>, StoreError>;

    /// The entry this sender made under this `client_id`, as an [`Outcome::Repeat`].
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn find(
        &self,
        of: ConversationId,
        by: UserId,
        client_id: &ClientId,
    ) -> Result<Option<Outcome>, StoreError>;

    /// The marks on these messages, ordered by target, key and whose they are.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn marks(&self, of: ConversationId, seqs: &[Seq]) -> Result<Vec<Mark>, StoreError>;
}
