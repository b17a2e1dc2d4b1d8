//! Composed keys: whose, where and which, as one run of bytes.
//!
//! Every key is the tenant, then ids, then a number, each in its full width and most significant byte first, so that
//! keys of one kind are equally long and sort as their parts do. One field holds what would else be a compound
//! index, `_id` above all: a row is found, compared and swapped by it alone.

use chat_core::id::{AttachmentId, ConversationId, Pair, Seq, SessionId, Tenant, UserId};
use chat_core::message::ClientId;
use chat_core::store::Claim;
use chat_core::store::code::{Code, pack_client_id, unpack_client_id};
use mongodb::bson::Binary;
use mongodb::bson::spec::BinarySubtype;

/// Bytes of the tenant.
const TENANT: usize = 4;
/// Bytes of an id.
const ID: usize = 16;

/// The keys of one tenant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys(pub(crate) Tenant);

impl Keys {
    /// The tenant as a field, where a key does not hold it.
    pub(crate) fn tenant(self) -> i64 {
        i64::from(self.0.0)
    }

    pub(crate) fn conversation(self, id: ConversationId) -> Binary {
        self.compose(&[id.as_bytes()])
    }

    /// An entry, by its place.
    pub(crate) fn entry(self, of: ConversationId, seq: Seq) -> Binary {
        self.compose(&[of.as_bytes(), &seq.get().to_be_bytes()])
    }

    /// An entry, by who made it under which id.
    pub(crate) fn made(self, of: ConversationId, by: UserId, client_id: &ClientId) -> Binary {
        self.compose(&[of.as_bytes(), by.as_bytes(), &pack_client_id(client_id)])
    }

    /// A message, by its number.
    pub(crate) fn message(self, of: ConversationId, n: u64) -> Binary {
        self.compose(&[of.as_bytes(), &n.to_be_bytes()])
    }

    /// A bucket of deleted messages, by its number.
    pub(crate) fn bucket(self, of: ConversationId, bucket: u64) -> Binary {
        self.compose(&[of.as_bytes(), &bucket.to_be_bytes()])
    }

    /// A member, as the conversation's list has him.
    pub(crate) fn member(self, of: ConversationId, user: UserId) -> Binary {
        self.compose(&[of.as_bytes(), user.as_bytes()])
    }

    /// A mark of how far somebody had read.
    pub(crate) fn read(self, of: ConversationId, user: UserId, up_to: Seq) -> Binary {
        self.compose(&[of.as_bytes(), user.as_bytes(), &up_to.get().to_be_bytes()])
    }

    /// A member, as the user's list has the conversation.
    pub(crate) fn member_of(self, user: UserId, conversation: ConversationId) -> Binary {
        self.compose(&[user.as_bytes(), conversation.as_bytes()])
    }

    pub(crate) fn user(self, user: UserId) -> Binary {
        self.compose(&[user.as_bytes()])
    }

    pub(crate) fn pair(self, pair: Pair) -> Binary {
        self.friend(pair.low(), pair.high())
    }

    /// A pair, as the list of one of the two has it.
    pub(crate) fn friend(self, user: UserId, other: UserId) -> Binary {
        self.compose(&[user.as_bytes(), other.as_bytes()])
    }

    pub(crate) fn session(self, id: SessionId) -> Binary {
        self.compose(&[id.as_bytes()])
    }

    pub(crate) fn attachment(self, id: AttachmentId) -> Binary {
        self.compose(&[id.as_bytes()])
    }

    pub(crate) fn claim(self, claim: &Claim) -> Binary {
        let kind = u8::try_from(claim.kind.code()).expect("there are few kinds");
        self.compose(&[&[kind], claim.value.as_bytes()])
    }

    /// Before every key that begins with these ids.
    pub(crate) fn first<const N: usize>(self, ids: [&[u8; ID]; N]) -> Binary {
        self.bound(ids, 0)
    }

    /// After every key that begins with these ids.
    pub(crate) fn last<const N: usize>(self, ids: [&[u8; ID]; N]) -> Binary {
        self.bound(ids, u8::MAX)
    }

    /// Before and after every key of this tenant that is made of so many ids. Shorter keys sort before longer ones,
    /// whatever is in them: a bound is of the length of what it bounds.
    pub(crate) fn span(self, ids: usize) -> [Binary; 2] {
        [0, u8::MAX].map(|fill| self.compose(&[&vec![fill; ids * ID]]))
    }

    /// These ids and one more, all of whose bytes are the same.
    fn bound<const N: usize>(self, ids: [&[u8; ID]; N], fill: u8) -> Binary {
        let filled = [fill; ID];
        let mut parts: Vec<&[u8]> = ids.into_iter().map(|id| &id[..]).collect();
        parts.push(&filled);
        self.compose(&parts)
    }

    fn compose(self, parts: &[&[u8]]) -> Binary {
        let mut bytes = Vec::with_capacity(TENANT + parts.iter().map(|part| part.len()).sum::<usize>());
        bytes.extend_from_slice(&self.0.0.to_be_bytes());
        for part in parts {
            bytes.extend_from_slice(part);
        }
        Binary { subtype: BinarySubtype::Generic, bytes }
    }
}

/// The `nth` id of a key, its tenant left out.
pub(crate) fn id_in(key: &[u8], nth: usize) -> Option<[u8; ID]> {
    let start = TENANT + nth * ID;
    key.get(start..start + ID)?.try_into().ok()
}

/// The number after the first `ids` ids of a key.
pub(crate) fn seq_in(key: &[u8], ids: usize) -> Option<Seq> {
    let start = TENANT + ids * ID;
    Some(Seq::new(u64::from_be_bytes(key.get(start..start + 8)?.try_into().ok()?)))
}

/// The tenant of a key.
pub(crate) fn tenant_in(key: &[u8]) -> Option<Tenant> {
    Some(Tenant(u32::from_be_bytes(key.get(..TENANT)?.try_into().ok()?)))
}

/// Who made an entry under which id, of a key made by [`Keys::made`].
pub(crate) fn made_in(key: &[u8]) -> Option<(UserId, ClientId)> {
    let client_id = unpack_client_id(key.get(TENANT + 2 * ID..)?)?;
    Some((UserId::from_bytes(id_in(key, 1)?), client_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: Keys = Keys(Tenant(7));

    #[test]
    fn keys_sort_as_their_parts_do() {
        let (a, b) = (ConversationId::from_bytes([1; 16]), ConversationId::from_bytes([2; 16]));
        let mut keys = vec![
            KEYS.entry(b, Seq::FIRST),
            KEYS.entry(a, Seq::new(256)),
            Keys(Tenant(6)).entry(b, Seq::new(9)),
            KEYS.entry(a, Seq::new(255)),
        ];
        keys.sort_by(|one, other| one.bytes.cmp(&other.bytes));
        let expected = [
            Keys(Tenant(6)).entry(b, Seq::new(9)),
            KEYS.entry(a, Seq::new(255)),
            KEYS.entry(a, Seq::new(256)),
            KEYS.entry(b, Seq::FIRST),
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn a_tenant_is_bounded_by_keys_of_the_same_length() {
        let of = ConversationId::from_bytes([0xfe; 16]);
        for (ids, key) in [(1, KEYS.conversation(of)), (2, KEYS.member(of, UserId::from(1_u64)))] {
            let [first, last] = KEYS.span(ids);
            assert_eq!((first.bytes.len(), last.bytes.len()), (key.bytes.len(), key.bytes.len()));
            assert!(first.bytes < key.bytes && key.bytes < last.bytes);
            assert!(last.bytes < Keys(Tenant(8)).span(ids)[0].bytes);
        }
    }

    #[test]
    fn parts_come_back() {
        let (of, by) = (ConversationId::from_bytes([3; 16]), UserId::from(9_u64));
        for text in ["a", "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000"] {
            let client_id = ClientId::new(text).unwrap();
            let key = KEYS.made(of, by, &client_id);
            assert_eq!(made_in(&key.bytes), Some((by, client_id)));
            assert_eq!((tenant_in(&key.bytes), id_in(&key.bytes, 0)), (Some(Tenant(7)), Some([3; 16])));
        }
        assert_eq!(made_in(&[0; 36]), None);
        assert_eq!(id_in(&[0; 19], 0), None);
    }
}
