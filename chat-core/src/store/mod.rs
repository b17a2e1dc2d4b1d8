//! What a store is: small traits in three groups, that two stores can share between them.
//!
//! - [`People`][]: friendships and accounts.
//! - [`Access`][]: logins.
//! - [`Talk`][]: conversations, their logs, memberships and receipts.
//!
//! No method needs atomicity across groups. Each method is one atomic intention: it is done wholly or not at all,
//! also when its future is dropped. Stores compare and swap; they judge no rule, make no id and know no kind of
//! entry, only the closed list of [`Effect`]s. There are no default bodies: a new ability is a new trait.
//!
//! # Contract of every method
//! - What was answered `Ok` is durable.
//! - Reads that decide or deliver return only what cannot be lost, and never a state older than what this process
//!   was told is committed.
//! - Lookups answer `Option`; lists are pages by key, in the stated order, stable while others write.
//! - Text is compared byte by byte; nothing is folded, trimmed or cut. It never holds NUL: no type lets one in.

mod accounts;
mod attachments;
mod changes;
pub mod code;
mod conversations;
mod friendships;
mod log;
mod memberships;
pub mod packed;
mod particulars;
pub mod plan;
mod receipt_log;
mod receipts;
mod sessions;
mod split;
mod transfer;

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use crate::id::Tenant;

pub use accounts::{Account, AccountState, Accounts, Claim, ClaimKind, Claims, PasswordHash};
pub use attachments::{AttachmentRow, Attachments};
pub use changes::{Change, ChangeCursor, ChangeRing, Changed, Changes};
pub use conversations::{Conversations, Shell};
pub use friendships::{
    FriendChange, FriendChanges, FriendFilter, FriendRow, Friendships, PairRecord, PutPair,
};
pub use log::{
    After, Appended, ClosedBy, ConversationPatch, DraftEntry, Effect, Entries, EntryRow, Expected, Head,
    Lane, LaneDone, Log, Mark, MessageRow, Messages, Outcome, Window,
};
pub use memberships::{Enter, Memberships, Place, Position, SeatQuery};
pub use particulars::{MailProof, Notifications, Notify, Particulars, ProofPurpose};
pub use receipt_log::{ReadMark, ReadsFrom, ReceiptLog};
pub use receipts::{Raise, Raised, Receipts};
pub use sessions::{NewSession, RefreshState, Rotate, SessionRow, Sessions};
pub use split::{SplitBuilder, SplitStore};
pub use transfer::{
    AccountCopy, EntryCopy, PairCopy, SideCopy, TransferAccess, TransferPeople, TransferTalk,
};

/// Why a store did not do what was asked. Sources are kept for the log.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A unique value is taken; says which.
    #[error("{0} is taken")]
    AlreadyExists(&'static str),
    /// What was expected is no longer so: nothing was written; read again.
    #[error("changed meanwhile")]
    Conflict,
    /// A row holds what it never should.
    #[error("corrupt: {0}")]
    Corrupt(&'static str),
    /// The database cannot be reached, or did not answer: nothing was written, or it is unknown.
    #[error("unavailable")]
    Unavailable(#[source] Source),
    /// Any other failure: nothing was written.
    #[error("the database failed")]
    Backend(#[source] Source),
}

/// The cause of a [`StoreError`].
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

impl StoreError {
    /// The database cannot be reached.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(Arc::from(source.into()))
    }

    /// Another failure of the database.
    pub fn backend(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Backend(Arc::from(source.into()))
    }
}

/// What a store's schema holds about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Random, made with the schema, renewed after a restore: positions of another epoch mean nothing.
    pub epoch: Uuid,
    /// Key of the digests by which a repeat with another body is told; travels with the data.
    pub digest_key: [u8; 32],
}

/// Friendships and accounts.
#[async_trait]
pub trait People: Send + Sync + 'static {
    /// Pairs.
    fn friendships(&self) -> &dyn Friendships;

    /// Accounts of our own; a host with its own users never calls it.
    fn accounts(&self) -> &dyn Accounts;

    /// What changed here, for the nodes that were not told.
    fn people_changes(&self) -> &dyn Changes;

    /// All of it as it is, to be read and put.
    fn transfer_people(&self) -> &dyn TransferPeople;

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it does not.
    async fn ping_people(&self) -> Result<(), StoreError>;
}

/// Logins.
#[async_trait]
pub trait Access: Send + Sync + 'static {
    /// Logins.
    fn sessions(&self) -> &dyn Sessions;

    /// What changed here, for the nodes that were not told.
    fn access_changes(&self) -> &dyn Changes;

    /// All of it as it is, to be read and put.
    fn transfer_access(&self) -> &dyn TransferAccess;

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it does not.
    async fn ping_access(&self) -> Result<(), StoreError>;
}

/// Conversations, logs, memberships, receipts.
#[async_trait]
pub trait Talk: Send + Sync + 'static {
    /// Conversations.
    fn conversations(&self) -> &dyn Conversations;

    /// Their entries and messages.
    fn log(&self) -> &dyn Log;

    /// Their members.
    fn memberships(&self) -> &dyn Memberships;

    /// How far everybody has read.
    fn receipts(&self) -> &dyn Receipts;

    /// When that was, in a store that keeps it.
    fn receipt_log(&self) -> Option<&dyn ReceiptLog>;

    /// Files of messages; a store without them serves a chat without them.
    fn attachments(&self) -> Option<&dyn Attachments>;

    /// What changed here, for the nodes that were not told.
    fn talk_changes(&self) -> &dyn Changes;

    /// All of it as it is, to be read and put.
    fn transfer_talk(&self) -> &dyn TransferTalk;

    /// The epoch and the digest key.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn meta(&self) -> Result<Meta, StoreError>;

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it does not.
    async fn ping_talk(&self) -> Result<(), StoreError>;
}

/// A whole store: the three groups of one tenant.
pub trait Store: Send + Sync + 'static {
    /// Whose data this value serves; derived ids hash it.
    fn tenant(&self) -> Tenant;

    /// Friendships and accounts.
    fn people(&self) -> &dyn People;

    /// Logins.
    fn access(&self) -> &dyn Access;

    /// Conversations, logs, memberships, receipts.
    fn talk(&self) -> &dyn Talk;
}
