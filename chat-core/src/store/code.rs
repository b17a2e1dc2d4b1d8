//! How values become what every database has: numbers, bytes. For those who write a store.
//!
//! The numbers written here stand in databases for ever. They are given out once and never used again for
//! something else; and a copy from one database to another finds the same ones.

use uuid::Uuid;

use super::{AccountState, ClaimKind, Notify, ProofPurpose};
use crate::conversation::{History, Join, Kind, Post, Read, Role, Standing};
use crate::friendship::{Friendship, Relation, Shown, State};
use crate::id::Side;
use crate::message::ClientId;

/// No word that accounts are found by has as many characters.
const WORD_CHARACTERS_MAX: usize = 256;

/// The end of all words that begin with this one: they come before it in the order of bytes, and what comes between
/// them and it begins so too.
///
/// ```
/// use chat_core::store::code::beyond;
///
/// assert_eq!(beyond("ana"), "anb");
/// assert!("ana\u{10FFFF}\u{10FFFF}".to_owned() < beyond("ana"));
/// assert_eq!(beyond("an\u{D7FF}"), "an\u{E000}", "there is no character between");
/// ```
pub fn beyond(word: &str) -> String {
    let mut characters: Vec<char> = word.chars().collect();
    while let Some(last) = characters.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            characters.push(next);
            return characters.into_iter().collect();
        }
    }
    // Nothing but last characters, or nothing at all: every word there can be.
    char::MAX.to_string().repeat(WORD_CHARACTERS_MAX)
}

/// A value that is stored as a number.
pub trait Code: Sized + Copy {
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
    Notify { All = 1, Mentions = 2, Nothing = 3 }
    ProofPurpose { VerifyEmail = 1, ResetPassword = 2 }
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
pub fn friendship(state: State, low: bool, high: bool) -> Friendship {
    Friendship { state, blocked: [low, high] }
}

/// A counter or position as a column; what no counter reaches becomes the highest number.
pub fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A client's id as bytes: a UUID in its usual form is NUL and its 16 bytes, everything else is its ASCII, which
/// holds no NUL. Most are UUIDs, and a third of a short message's row would be its id in text.
pub fn pack_client_id(id: &ClientId) -> Vec<u8> {
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
pub fn unpack_client_id(packed: &[u8]) -> Option<ClientId> {
    let text = match packed {
        [0, uuid @ ..] => Uuid::from_slice(uuid).ok()?.hyphenated().to_string(),
        ascii => std::str::from_utf8(ascii).ok()?.to_owned(),
    };
    ClientId::new(text).ok()
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
        all_codes::<Notify>(3);
        all_codes::<ProofPurpose>(2);
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
}
