//! Cursors: where a list goes on, opaque to clients and good for one list of one user only.
//!
//! A cursor is the key of the last item and a digest of list, user and key. Nothing is kept on the server, and any
//! node reads what another wrote. The digest is no secret: who forges one only names a place in a list that he may
//! read anyway. It tells an honest mistake, a cursor carried to another list or user, from the real thing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chat_core::store::FriendFilter;
use chat_core::{ConversationId, Query, Relation, UserId};
use sha2::{Digest, Sha256};

/// Bytes of a key: an id, or a number.
const KEY_BYTES: usize = 16;
/// Bytes of the digest that are kept.
const CHECK_BYTES: usize = 8;

/// A list that has cursors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum List<'a> {
    /// Friends, requests, blocks.
    Friends(FriendFilter),
    /// The user's conversations.
    Conversations,
    /// Conversations that a `sync` did not name.
    New,
    /// Members.
    Members(ConversationId),
    /// People found.
    Found(&'a Query),
    /// What changed among the user's friendships.
    FriendChanges,
}

/// A list of a user: what a cursor is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding([u8; 32]);

/// What a cursor stands for.
pub(crate) trait Key: Sized {
    fn to_bytes(&self) -> [u8; KEY_BYTES];
    fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self;
}

impl Binding {
    /// This list of this user.
    pub(crate) fn new(user: UserId, list: &List<'_>) -> Self {
        let hash = Sha256::new().chain_update(b"chat cursor\0").chain_update(user.as_bytes());
        let hash = match list {
            List::Friends(filter) => hash.chain_update([0, filter_number(*filter)]),
            List::Conversations => hash.chain_update([1]),
            List::New => hash.chain_update([2]),
            List::Members(conversation) => hash.chain_update([3]).chain_update(conversation.as_bytes()),
            List::Found(query) => hash.chain_update([4]).chain_update(query.as_str()),
            List::FriendChanges => hash.chain_update([5]),
        };
        Self(hash.finalize().into())
    }

    /// The cursor after `key`.
    pub(crate) fn cursor(&self, key: &impl Key) -> String {
        let key = key.to_bytes();
        let mut bytes = [0; KEY_BYTES + CHECK_BYTES];
        bytes[..KEY_BYTES].copy_from_slice(&key);
        bytes[KEY_BYTES..].copy_from_slice(&self.check(&key));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The key of a cursor of this list and user; absent for any other text.
    pub(crate) fn key<K: Key>(&self, cursor: &str) -> Option<K> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (key, check) = bytes.split_first_chunk::<KEY_BYTES>()?;
        (check == self.check(key)).then(|| K::from_bytes(*key))
    }

    fn check(&self, key: &[u8; KEY_BYTES]) -> [u8; CHECK_BYTES] {
        let digest = Sha256::new().chain_update(self.0).chain_update(key).finalize();
        let mut check = [0; CHECK_BYTES];
        check.copy_from_slice(&digest[..CHECK_BYTES]);
        check
    }
}

const fn filter_number(filter: FriendFilter) -> u8 {
    match filter {
        FriendFilter::All => 0,
        FriendFilter::Blocked => 1,
        FriendFilter::Relation(Relation::None) => 2,
        FriendFilter::Relation(Relation::Requested) => 3,
        FriendFilter::Relation(Relation::Incoming) => 4,
        FriendFilter::Relation(Relation::Friends) => 5,
    }
}

impl Key for UserId {
    fn to_bytes(&self) -> [u8; KEY_BYTES] {
        *self.as_bytes()
    }

    fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self::from_bytes(bytes)
    }
}

impl Key for ConversationId {
    fn to_bytes(&self) -> [u8; KEY_BYTES] {
        *self.as_bytes()
    }

    fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self::from_bytes(bytes)
    }
}

impl Key for u64 {
    fn to_bytes(&self) -> [u8; KEY_BYTES] {
        u128::from(*self).to_be_bytes()
    }

    #[expect(clippy::cast_possible_truncation, reason = "the digest says that the high half is ours: zero")]
    fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        u128::from_be_bytes(bytes) as Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_list_and_user_only() {
        let (ana, bo) = (UserId::from(1_u64), UserId::from(2_u64));
        let here = ConversationId::from_bytes([1; 16]);
        let there = ConversationId::from_bytes([2; 16]);
        let (one, other) = (Query::new("ann").unwrap(), Query::new("anna").unwrap());
        let mut lists: Vec<List<'_>> = vec![
            List::Friends(FriendFilter::All),
            List::Friends(FriendFilter::Blocked),
            List::Conversations,
            List::New,
            List::Members(here),
            List::Members(there),
            List::Found(&one),
            List::Found(&other),
            List::FriendChanges,
        ];
        lists.extend(
            [Relation::None, Relation::Requested, Relation::Incoming, Relation::Friends]
                .map(|relation| List::Friends(FriendFilter::Relation(relation))),
        );
        let all: Vec<Binding> =
            [ana, bo].iter().flat_map(|user| lists.iter().map(|list| Binding::new(*user, list))).collect();
        for (at, written_for) in all.iter().enumerate() {
            let cursor = written_for.cursor(&bo);
            for (other, read_for) in all.iter().enumerate() {
                assert_eq!(read_for.key::<UserId>(&cursor), (at == other).then_some(bo));
            }
        }
    }

    #[test]
    fn nothing_else_is_a_cursor() {
        let binding = Binding::new(UserId::from(1_u64), &List::Conversations);
        let good = binding.cursor(&7_u64);
        assert_eq!(binding.key(&good), Some(7_u64));
        for bad in ["", "a", "====", &good[1..], &format!("{good}A"), &good.to_lowercase(), "🙂"] {
            assert_eq!(binding.key::<u64>(bad), None, "{bad:?}");
        }
    }
}
