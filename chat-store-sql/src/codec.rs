//! How values of the core become columns that every database has: 16-byte ids, integers of 64 bits, text, bytes.
//!
//! The numbers written here stand in databases for ever. They are given out once and never used again for
//! something else.

use chat_core::conversation::{History, Join, Kind, Post, Read, Role, Standing};
use chat_core::friendship::{Friendship, Relation, Shown, State};
use chat_core::id::{Side, UserId};
use chat_core::message::ClientId;
use chat_core::store::{AccountState, ClaimKind};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A value that stands in a column as a number.
pub(crate) trait Code: Sized + Copy {
    /// Its number.
    fn code(self) -> i64;

    /// The value of a number, if it is one of ours.
    fn from_code(code: i64) -> Option<Self>;
}

macro_rules! codes {
    ($($type:ty { $($value:pat => $code:literal => $made:expr),* $(,)? })*) => {
        $(impl Code for $type {
            fn code(self) -> i64 {
                match self { $($value => $code),* }
            }

            fn from_code(code: i64) -> Option<Self> {
                match code { $($code => Some($made),)* _ => None }
            }
        })*
    };
}

/// The same for values without fields: the pattern is the value.
macro_rules! plain_codes {
    ($($type:ident { $($name:ident = $code:literal),* $(,)? })*) => {
        codes! { $($type { $($type::$name => $code => $type::$name),* })* }
    };
}

plain_codes! {
    Kind { Direct = 1, Group = 2, Channel = 3 }
    Join { Invite = 1, Open = 2 }
    Read { Members = 1, Anyone = 2 }
    Post { Members = 1, Admins = 2 }
    History { All = 1, FromJoin = 2 }
    Relation { None = 0, Requested = 1, Incoming = 2, Friends = 3 }
    AccountState { Active = 1, Disabled = 2, Deleting = 3, Deleted = 4 }
    ClaimKind { Username = 1, Skeleton = 2, Email = 3 }
}

codes! {
    // Members are above zero: the statements say `standing > 0`.
    Standing {
        Standing::Banned => 0 => Standing::Banned,
        Standing::Member(Role::Member) => 1 => Standing::Member(Role::Member),
        Standing::Member(Role::Admin) => 2 => Standing::Member(Role::Admin),
        Standing::Member(Role::Owner) => 3 => Standing::Member(Role::Owner),
    }
    State {
        State::None => 0 => State::None,
        State::Requested { by: Side::Low, shown: Shown::Yes } => 1
            => State::Requested { by: Side::Low, shown: Shown::Yes },
        State::Requested { by: Side::High, shown: Shown::Yes } => 2
            => State::Requested { by: Side::High, shown: Shown::Yes },
        State::Requested { by: Side::Low, shown: Shown::Hidden } => 3
            => State::Requested { by: Side::Low, shown: Shown::Hidden },
        State::Requested { by: Side::High, shown: Shown::Hidden } => 4
            => State::Requested { by: Side::High, shown: Shown::Hidden },
        State::Friends => 5 => State::Friends,
    }
    bool { false => 0 => false, true => 1 => true }
}

/// The friendship of a state and the two block flags.
pub(crate) fn friendship(state: State, low: bool, high: bool) -> Friendship {
    Friendship { state, blocked: [low, high] }
}

/// A counter or position as a column; what no counter reaches becomes the highest number.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A client's id as bytes: a UUID in its usual form is NUL and its 16 bytes, everything else is its ASCII, which
/// holds no NUL. Most are UUIDs, and a third of a short message's row would be its id in text.
pub(crate) fn pack_client_id(id: &ClientId) -> Vec<u8> {
    let text = id.as_str();
    match Uuid::try_parse(text) {
        Ok(uuid) if uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text => {
            let mut packed = Vec::with_capacity(17);
            packed.push(0);
            packed.extend_from_slice(uuid.as_bytes());
            packed
        }
        _ => text.as_bytes().to_vec(),
    }
}

/// The client's id of what [`pack_client_id`] made, if it is that.
pub(crate) fn unpack_client_id(packed: &[u8]) -> Option<ClientId> {
    let text = match packed {
        [0, uuid @ ..] => Uuid::from_slice(uuid).ok()?.hyphenated().to_string(),
        ascii => std::str::from_utf8(ascii).ok()?.to_owned(),
    };
    ClientId::new(text).ok()
}

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
    use super::*;

    fn all_codes<T: Code + PartialEq + std::fmt::Debug>(expected: usize) {
        let values: Vec<(i64, T)> =
            (-1..=16).filter_map(|n| T::from_code(n).map(|value| (n, value))).collect();
        assert_eq!(values.len(), expected);
        assert!(values.iter().all(|&(code, value)| value.code() == code), "{values:?}");
    }

    #[test]
    fn codes_lead_back() {
        all_codes::<Kind>(3);
        all_codes::<Join>(2);
        all_codes::<Read>(2);
        all_codes::<Post>(2);
        all_codes::<History>(2);
        all_codes::<Relation>(4);
        all_codes::<AccountState>(4);
        all_codes::<ClaimKind>(3);
        all_codes::<Standing>(4);
        all_codes::<State>(6);
        all_codes::<bool>(2);
    }

    #[test]
    fn client_ids_lead_back_and_never_meet() {
        let texts = [
            "a",
            "sixteen-letters!",
            "seventeen-letters",
            "0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000",
            "0190AAAA-bbbb-7ccc-8ddd-eeeeffff0000",
            "0190aaaabbbb7ccc8dddeeeeffff0000",
            "{0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000}",
        ];
        let packed: Vec<Vec<u8>> =
            texts.iter().map(|text| pack_client_id(&ClientId::new(*text).unwrap())).collect();
        for (text, packed) in texts.iter().zip(&packed) {
            assert_eq!(unpack_client_id(packed).unwrap().as_str(), *text);
        }
        assert_eq!(packed[3].len(), 17);
        let distinct: std::collections::HashSet<_> = packed.iter().collect();
        assert_eq!(distinct.len(), texts.len());
        assert_eq!(unpack_client_id(&[0, 1, 2]), None);
        assert_eq!(unpack_client_id(&[0xff]), None);
        assert_eq!(unpack_client_id(&[]), None);
    }

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
