//! What changed, for whoever was not told: the feed behind anti-entropy.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;

use super::StoreError;
use crate::id::{ConversationId, SessionId, UserId};

/// Something that moved; what it is now must be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Change {
    /// A log has grown.
    Head(ConversationId),
    /// A user's memberships changed, a shell made for him included; receipts are not told.
    Memberships(UserId),
    /// A user's friendships changed, or a block that concerns him: told for both of a pair whatever each sees.
    Friendships(UserId),
    /// A login was ended or its tokens changed; one that begins or is used is not told.
    Session(SessionId),
}

/// Where a reader of changes stands; opaque to everybody but the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChangeCursor(pub [u8; 16]);

/// Changes after a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// What moved, repeats possible.
    pub items: Vec<Change>,
    /// Where to go on.
    pub cursor: ChangeCursor,
    /// Some changes before `cursor` are no longer known (or there was no cursor): compare everything.
    pub lagged: bool,
}

/// What changed.
///
/// # Contract
/// - At least once: whatever is committed before the call is in the answer, or was in an earlier one of this cursor's
///   line, or `lagged` is set.
/// - Costs in proportion to what changed, not to what there is.
#[async_trait]
pub trait Changes: Send + Sync {
    /// What changed after `cursor`, at most `limit` items; without a cursor nothing but where to begin.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn since(&self, cursor: Option<ChangeCursor>, limit: usize) -> Result<Changed, StoreError>;
}

/// The last changes of a store that lives in one process, in memory: bounded, lost with the process, and then
/// `lagged`.
#[derive(Debug)]
pub struct ChangeRing {
    /// Tells this process's cursors from those of another life.
    life: u64,
    capacity: usize,
    state: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    /// How many changes there were before the first that is kept.
    dropped: u64,
    items: VecDeque<Change>,
}

impl ChangeRing {
    /// A ring of the last `capacity` changes; `life` is random for each process.
    pub fn new(life: u64, capacity: usize) -> Self {
        Self { life, capacity, state: Mutex::default() }
    }

    /// Notes what was just committed.
    pub fn push(&self, changes: impl IntoIterator<Item = Change>) {
        let mut ring = self.state.lock().expect("nothing panics while this lock is held");
        for change in changes {
            if ring.items.len() == self.capacity {
                ring.items.pop_front();
                ring.dropped += 1;
            }
            ring.items.push_back(change);
        }
    }

    fn cursor(&self, position: u64) -> ChangeCursor {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.life.to_be_bytes());
        bytes[8..].copy_from_slice(&position.to_be_bytes());
        ChangeCursor(bytes)
    }

    fn position(&self, cursor: ChangeCursor) -> Option<u64> {
        let (life, position) = cursor.0.split_at(8);
        let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().expect("half of 16 bytes"));
        (number(life) == self.life).then(|| number(position))
    }
}

#[async_trait]
impl Changes for ChangeRing {
    async fn since(&self, cursor: Option<ChangeCursor>, limit: usize) -> Result<Changed, StoreError> {
        let ring = self.state.lock().expect("nothing panics while this lock is held");
        let last = ring.dropped + ring.items.len() as u64;
        let from = cursor.and_then(|cursor| self.position(cursor));
        let Some(from) = from.filter(|from| (ring.dropped..=last).contains(from)) else {
            return Ok(Changed { items: Vec::new(), cursor: self.cursor(last), lagged: true });
        };
        let skip = usize::try_from(from - ring.dropped).expect("within the ring");
        let items: Vec<Change> = ring.items.iter().skip(skip).take(limit).copied().collect();
        let cursor = self.cursor(from + items.len() as u64);
        Ok(Changed { items, cursor, lagged: false })
    }
}
