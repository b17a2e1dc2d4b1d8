//! From one store into another, while the first is in use.
//!
//! ```
//! use chat_core::{Chat, Draft, MemoryStore, Store, UserId, copy};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (from, to) = (MemoryStore::new(), MemoryStore::new());
//! let chat = Chat::builder(from.clone()).build().await?;
//! let (ana, bo) = (UserId::from(1_u64), UserId::from(2_u64));
//! chat.actor(ana).request_friend(bo).await?;
//! chat.actor(bo).accept_friend(ana).await?;
//! chat.actor(ana).send_to(bo, Draft::text("hello")?).await?;
//!
//! let copied = copy::copy(&from, &to, &|progress| println!("{progress}")).await?;
//! assert_eq!((copied.counts.conversations, copied.counts.entries), (1, 1));
//! assert_eq!(to.talk().meta().await?, from.talk().meta().await?);
//! # Ok(())
//! # }
//! ```
//!
//! What is copied is the same to the letter: positions, ids, versions, the epoch and the digest key. So clients go on
//! at the copy where they were, and what they repeat is a repeat there too.
//!
//! A pass walks both stores and puts what differs; passes follow each other until one finds nothing to put. Then
//! everything is read once more from both sides and compared by hashes. Nothing is kept but the data
//! itself: a copy that was cut off is gone on with by making it again, and a store in use is left by copying it while
//! it is in use, and once more when it is not. A page is bounded in bytes as far as a single row is.
//!
//! The target must be used by nobody else. What it leaves out: other tenants than the stores' own, and the change
//! feeds, whose readers begin anew.

mod attachments;
mod people;
mod print;
mod rows;
mod talk;
mod unit;
mod verify;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use self::attachments::Attachments;
use self::people::{Accounts, Friendships, Logins};
pub use self::print::Counts;
use self::unit::Unit as _;
use crate::id::ConversationId;
use crate::store::{Store, StoreError};

/// Passes after which a copy of a store that is never still is compared all the same.
const PASSES_MAX: u32 = 16;

/// A copy that was found to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// What there is, on both sides.
    pub counts: Counts,
    /// How often both stores were walked.
    pub passes: u32,
}

/// How far a copy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// How much of it is done.
    pub done: u64,
    /// How much there is, where that is known; a store in use may get more.
    pub total: Option<u64>,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.done)?;
        self.total.map_or(Ok(()), |total| write!(f, " of {total}"))
    }
}

/// What a copy is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Copying friendships, counted in pairs.
    Friendships,
    /// Copying accounts.
    Accounts,
    /// Copying logins.
    Logins,
    /// Copying what is known of files of messages.
    Attachments,
    /// Copying conversations, counted in entries and members.
    Conversations {
        /// For which time: 1 is the first.
        pass: u32,
    },
    /// Comparing conversations, counted in the same way.
    Comparison,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Friendships => f.write_str("friendships"),
            Self::Accounts => f.write_str("accounts"),
            Self::Logins => f.write_str("logins"),
            Self::Attachments => f.write_str("attachments"),
            Self::Conversations { pass: 1 } => f.write_str("conversations"),
            Self::Conversations { pass } => write!(f, "conversations, pass {pass}"),
            Self::Comparison => f.write_str("comparison"),
        }
    }
}

/// Why there is no copy, or not yet. What was put stays, and is not put again by the next one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The stores are of different tenants, and derived ids hash the tenant.
    #[error("the two stores are of different tenants")]
    OtherTenant,
    /// There are conversations of another epoch in the target.
    #[error("the target holds something else")]
    Occupied,
    /// The target has something that the source has not: it was used since it was copied, or is no copy of this one.
    #[error("the target holds what the source does not: {0}")]
    Ahead(Parts),
    /// The source changed while it was compared: copied again when nobody uses it, it will be whole.
    #[error("the source changed while it was copied: {0}")]
    Moving(Parts),
    /// The copy is not what was copied, though it was put twice.
    #[error("the copy differs: {0}")]
    Differs(Parts),
    /// The source has something of a kind that the target does not keep at all.
    #[error("the target keeps no {0}")]
    NotKept(Part),
    /// The source failed.
    #[error("the source failed")]
    Source(#[source] StoreError),
    /// The target failed.
    #[error("the target failed")]
    Target(#[source] StoreError),
}

/// A part of a store that is copied and compared by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// All friendships.
    Friendships,
    /// All accounts.
    Accounts,
    /// All logins.
    Logins,
    /// What is known of all files of messages; their bytes are elsewhere.
    Attachments,
    /// A conversation with its log and its members.
    Conversation(ConversationId),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Friendships => f.write_str("friendships"),
            Self::Accounts => f.write_str("accounts"),
            Self::Logins => f.write_str("logins"),
            Self::Attachments => f.write_str("attachments"),
            Self::Conversation(id) => write!(f, "conversation {id}"),
        }
    }
}

/// Some parts of a store: at least one, and as many as are worth telling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    named: Vec<Part>,
    others: u64,
}

impl Parts {
    /// As many as are named; the others are counted.
    const NAMED_MAX: usize = 100;

    /// Those that are named.
    pub fn named(&self) -> &[Part] {
        &self.named
    }

    /// How many there are besides.
    pub const fn others(&self) -> u64 {
        self.others
    }

    fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    fn add(&mut self, part: Part) {
        if self.named.len() < Self::NAMED_MAX {
            self.named.push(part);
        } else {
            self.others += 1;
        }
    }
}

impl FromIterator<Part> for Parts {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.add(part);
        }
        all
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, part) in self.named.iter().enumerate() {
            write!(f, "{}{part}", if nth == 0 { "" } else { ", " })?;
        }
        if self.others > 0 { write!(f, " and {} others", self.others) } else { Ok(()) }
    }
}

/// Copies everything `from` has of its tenant, and compares; `watch` is told how far it has come.
///
/// # Errors
/// [`CopyError`], which says what to do.
pub async fn copy(
    from: &dyn Store,
    to: &dyn Store,
    watch: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Copied, CopyError> {
    let now = Progress { stage: Stage::Friendships, done: 0, total: None };
    let job = Job { from, to, watch, now: Mutex::new(now) };
    job.take_epoch().await?;
    let mut passes = 0;
    loop {
        passes += 1;
        if !job.pass(passes).await? || passes == PASSES_MAX {
            break;
        }
    }
    let counts = verify::verify(&job).await?;
    Ok(Copied { counts, passes })
}

/// One copy on its way.
struct Job<'a> {
    from: &'a dyn Store,
    to: &'a dyn Store,
    watch: &'a (dyn Fn(Progress) + Send + Sync),
    now: Mutex<Progress>,
}

impl Job<'_> {
    /// Gives the target the source's epoch, unless it has another one that means something.
    async fn take_epoch(&self) -> Result<(), CopyError> {
        if self.from.tenant() != self.to.tenant() {
            return Err(CopyError::OtherTenant);
        }
        let meta = self.from.talk().meta().await.map_err(CopyError::Source)?;
        match self.to.talk().transfer_talk().put_meta(&meta).await {
            Err(StoreError::Conflict) => Err(CopyError::Occupied),
            put => put.map_err(CopyError::Target),
        }
    }

    /// Walks both stores once, and answers whether anything was put.
    async fn pass(&self, pass: u32) -> Result<bool, CopyError> {
        self.begin(Stage::Friendships, None);
        let mut moved = Friendships.copy(self).await?;
        self.begin(Stage::Accounts, None);
        moved |= Accounts.copy(self).await?;
        self.begin(Stage::Logins, None);
        moved |= Logins.copy(self).await?;
        self.begin(Stage::Attachments, None);
        moved |= Attachments.copy(self).await?;
        self.begin(Stage::Conversations { pass }, Some(talk::size(self).await?));
        Ok(talk::copy(self).await? | moved)
    }

    fn begin(&self, stage: Stage, total: Option<u64>) {
        self.tell(|now| *now = Progress { stage, done: 0, total });
    }

    fn done(&self, more: u64) {
        self.tell(|now| now.done += more);
    }

    fn tell(&self, change: impl FnOnce(&mut Progress)) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut now);
        (self.watch)(*now);
    }
}

#[cfg(all(test, feature = "memory"))]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;

    #[tokio::test]
    async fn a_copy_may_be_made_in_a_task_of_its_own() {
        let copied = tokio::spawn(async {
            let (from, to) = (MemoryStore::new(), MemoryStore::new());
            copy(&from, &to, &|_| {}).await
        });
        assert_eq!(copied.await.unwrap().unwrap(), Copied { counts: Counts::default(), passes: 1 });
    }

    #[test]
    fn many_parts_are_counted_and_some_named() {
        let part = |nth: u8| Part::Conversation(ConversationId::from_bytes([nth; 16]));
        let few: Parts = [Part::Logins, part(7)].into_iter().collect();
        assert_eq!(few.to_string(), "logins, conversation 07070707-0707-0707-0707-070707070707");
        let many: Parts = (0..=Parts::NAMED_MAX).map(|_| Part::Accounts).collect();
        assert!(many.to_string().ends_with("accounts and 1 others"), "{many}");
    }
}
