//! Conversations as this process last saw them committed: what a one-statement append is planned from.
//!
//! Nothing here is believed: the statement compares the head and `acl` with what is in the database, and writes only
//! where they are the same. So an entry that is old, or thrown away, costs time and nothing else.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use chat_core::id::ConversationId;

use crate::plan::Kept;

/// Conversations that are remembered.
const KEPT_MAX: usize = 4096;

/// A conversation of a tenant.
type Key = (i64, ConversationId);

/// What was seen last.
#[derive(Debug, Default)]
pub(super) struct Heads(Mutex<HashMap<Key, Kept>>);

impl Heads {
    /// As it was last seen.
    pub(super) fn get(&self, tenant: i64, id: ConversationId) -> Option<Kept> {
        self.all().get(&(tenant, id)).cloned()
    }

    /// Remembers what was committed, or read under a lock that was held to the commit. What was seen later, of two
    /// that come at once, stands further.
    pub(super) fn put(&self, tenant: i64, kept: &Kept) {
        let key = (tenant, kept.conversation.id);
        let mut all = self.all();
        if all.len() >= KEPT_MAX && !all.contains_key(&key) {
            // Whoever is spoken in comes back at once.
            all.clear();
        }
        if all.get(&key).is_none_or(|seen| seen.conversation.head <= kept.conversation.head) {
            all.insert(key, kept.clone());
        }
    }

    /// Forgets one that may have changed without its head moving.
    pub(super) fn forget(&self, tenant: i64, id: ConversationId) {
        self.all().remove(&(tenant, id));
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, Kept>> {
        self.0.lock().expect("nothing panics under this lock")
    }
}

#[cfg(test)]
mod tests {
    use chat_core::conversation::{Conversation, Kind};
    use chat_core::{Seq, Timestamp};

    use super::*;

    fn kept(number: u8, head: u64) -> Kept {
        let id = ConversationId::from_bytes([number; 16]);
        let mut conversation = Conversation::shell(id, Kind::Group, Timestamp::default());
        conversation.head = Seq::new(head);
        Kept { conversation, last_message: Seq::ZERO }
    }

    #[test]
    fn the_furthest_is_remembered() {
        let (heads, id) = (Heads::default(), kept(1, 0).conversation.id);
        heads.put(0, &kept(1, 5));
        heads.put(0, &kept(1, 4));
        assert_eq!(heads.get(0, id), Some(kept(1, 5)));
        assert_eq!(heads.get(7, id), None, "another tenant's is another");
        heads.forget(0, id);
        assert_eq!(heads.get(0, id), None);
    }
}
