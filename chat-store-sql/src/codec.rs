//! How values of the core become columns that every database has: 16-byte ids, integers of 64 bits, text, bytes.
//! What all stores share of it is [`chat_core::store::code`].

use chat_core::id::UserId;
use sha2::{Digest, Sha256};

pub(crate) use chat_core::store::code::{Code, friendship, int, pack_client_id, unpack_client_id};

/// What stands in the index by which repeats are found: 8 bytes that tell most ids apart; the row they lead to is
/// compared to the letter. An index of the ids themselves would be twice the size.
///
/// Ids made one after the other come to stand side by side, so that a batch changes few pages of the index: a UUID
/// gives its first 6 bytes, where the time of a UUIDv7 is, and any other text its last 2, where a counter moves.
/// The rest is a keyed hash, so that nobody can make many ids of the same bytes.
pub(crate) fn dedupe(key: &[u8; 32], by: UserId, packed_client_id: &[u8]) -> i64 {
    let hash = |hashed: &[u8]| {
        Sha256::new().chain_update(key).chain_update(by.as_bytes()).chain_update(hashed).finalize()
    };
    let mut bytes = [0; 8];
    if let [0, uuid @ ..] = packed_client_id {
        bytes[..6].copy_from_slice(&uuid[..6]);
        bytes[6..].copy_from_slice(&hash(packed_client_id)[..2]);
    } else {
        let (head, tail) = packed_client_id.split_at(packed_client_id.len().saturating_sub(2));
        bytes[..6].copy_from_slice(&hash(head)[..6]);
        bytes[6..6 + tail.len()].copy_from_slice(tail);
    }
    i64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use chat_core::message::ClientId;

    use super::*;

    fn dedupe_of(by: u64, client_id: &str) -> i64 {
        dedupe(&[1; 32], UserId::from(by), &pack_client_id(&ClientId::new(client_id).unwrap()))
    }

    #[test]
    fn the_dedupe_key_depends_on_everything() {
        for id in ["x", "client-41", "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000"] {
            let packed = pack_client_id(&ClientId::new(id).unwrap());
            assert_eq!(dedupe_of(1, id), dedupe(&[1; 32], UserId::from(1_u64), &packed));
            assert_ne!(dedupe_of(1, id), dedupe(&[2; 32], UserId::from(1_u64), &packed));
            assert_ne!(dedupe_of(1, id), dedupe_of(2, id));
        }
        assert_ne!(dedupe_of(1, "x"), dedupe_of(1, "y"));
        assert_ne!(dedupe_of(1, "client-41"), dedupe_of(1, "client-51"));
        let (one, other) = ("0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000", "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0001");
        assert_ne!(dedupe_of(1, one), dedupe_of(1, other));
    }

    #[test]
    fn ids_made_one_after_the_other_stand_side_by_side() {
        let first = dedupe_of(1, "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000");
        let later = dedupe_of(1, "0190aaaa-bbbc-7000-8000-000000000000");
        assert_eq!((later >> 16) - (first >> 16), 1, "a millisecond later");
        assert_eq!(dedupe_of(1, "00000041") + 1, dedupe_of(1, "00000042"));
    }
}
