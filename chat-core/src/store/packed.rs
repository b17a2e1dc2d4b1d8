//! Rows as bytes, the same whatever store they come from: for hashes, journals, and databases that hold bytes.
//!
//! Fields stand one after the other in the order of definition, what may be long with its length before it, what may
//! be absent with a byte that says so. No two different values of a type have the same bytes. Every field is named
//! here, so that one that is added does not compile before it is packed too. The bytes are those of this version of the
//! crate: who keeps them for ever puts a version of his own before them.

use uuid::Uuid;

use super::code::Code;
use super::{
    Account, AccountCopy, AccountState, AttachmentRow, Claim, ClaimKind, EntryCopy, EntryRow, FriendRow,
    MailProof, Mark, MessageRow, Meta, Notifications, Notify, PairCopy, PairRecord, Particulars,
    PasswordHash, ProofPurpose, ReadMark, RefreshState, SessionRow, SideCopy,
};
use crate::conversation::{Conversation, History, Join, Kind, Membership, Post, Read, Settings, Standing};
use crate::friendship::{Friendship, Relation, State, View};
use crate::id::{AttachmentId, ConversationId, EntryId, Pair, Seq, SessionId, UserId};
use crate::message::{ClientId, Payload};
use crate::time::Timestamp;

/// A value that is packed into bytes, and unpacked from them.
///
/// ```
/// use chat_core::store::packed::Packed;
///
/// let mut bytes = Vec::new();
/// Some("ana".to_owned()).pack(&mut bytes);
/// 7_u64.pack(&mut bytes);
/// let mut rest = &bytes[..];
/// assert_eq!(Option::unpack(&mut rest), Some(Some("ana".to_owned())));
/// assert_eq!(u64::unpack(&mut rest), Some(7));
/// assert!(rest.is_empty());
/// ```
pub trait Packed: Sized {
    /// Puts its bytes at the end.
    fn pack(&self, to: &mut Vec<u8>);

    /// Takes its bytes from the beginning; `None` when they are not those of a value.
    fn unpack(from: &mut &[u8]) -> Option<Self>;
}

impl<const N: usize> Packed for [u8; N] {
    fn pack(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self);
    }

    fn unpack(from: &mut &[u8]) -> Option<Self> {
        from.split_off(..N)?.try_into().ok()
    }
}

impl<T: Packed> Packed for Option<T> {
    fn pack(&self, to: &mut Vec<u8>) {
        self.is_some().pack(to);
        if let Some(value) = self {
            value.pack(to);
        }
    }

    fn unpack(from: &mut &[u8]) -> Option<Self> {
        if bool::unpack(from)? { T::unpack(from).map(Some) } else { Some(None) }
    }
}

impl<T: Packed> Packed for Vec<T> {
    fn pack(&self, to: &mut Vec<u8>) {
        (self.len() as u64).pack(to);
        for item in self {
            item.pack(to);
        }
    }

    fn unpack(from: &mut &[u8]) -> Option<Self> {
        (0..u64::unpack(from)?).map(|_| T::unpack(from)).collect()
    }
}

impl<A: Packed, B: Packed> Packed for (A, B) {
    fn pack(&self, to: &mut Vec<u8>) {
        self.0.pack(to);
        self.1.pack(to);
    }

    fn unpack(from: &mut &[u8]) -> Option<Self> {
        Some((A::unpack(from)?, B::unpack(from)?))
    }
}

/// Types that are packed as another one: what they are there, and what that is here, if it is anything.
macro_rules! packed_as {
    ($($type:ty as $other:ty: |$value:ident| $there:expr, |$found:ident| $here:expr;)*) => {$(
        impl Packed for $type {
            fn pack(&self, to: &mut Vec<u8>) {
                let $value = self;
                <$other as Packed>::pack(&$there, to);
            }

            fn unpack(from: &mut &[u8]) -> Option<Self> {
                let $found = <$other as Packed>::unpack(from)?;
                $here
            }
        }
    )*};
}

/// Types that are packed as their number.
macro_rules! packed_codes {
    ($($type:ty),* $(,)?) => {$(
        impl Packed for $type {
            fn pack(&self, to: &mut Vec<u8>) {
                to.push(u8::try_from(self.code()).expect("a handful of values"));
            }

            fn unpack(from: &mut &[u8]) -> Option<Self> {
                Self::from_code(i64::from(<[u8; 1]>::unpack(from)?[0]))
            }
        }
    )*};
}

/// Structs that are packed field by field: all fields, or it does not compile.
macro_rules! packed_fields {
    ($($type:ident { $($field:ident),* $(,)? })*) => {$(
        impl Packed for $type {
            fn pack(&self, to: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($field.pack(to);)*
            }

            fn unpack(from: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: Packed::unpack(from)?),* })
            }
        }
    )*};
}

packed_as! {
    u16 as [u8; 2]: |number| number.to_be_bytes(), |bytes| Some(Self::from_be_bytes(bytes));
    u32 as [u8; 4]: |number| number.to_be_bytes(), |bytes| Some(Self::from_be_bytes(bytes));
    u64 as [u8; 8]: |number| number.to_be_bytes(), |bytes| Some(Self::from_be_bytes(bytes));
    i64 as [u8; 8]: |number| number.to_be_bytes(), |bytes| Some(Self::from_be_bytes(bytes));
    Uuid as [u8; 16]: |id| id.into_bytes(), |bytes| Some(Self::from_bytes(bytes));
    UserId as [u8; 16]: |id| *id.as_bytes(), |bytes| Some(Self::from_bytes(bytes));
    ConversationId as [u8; 16]: |id| *id.as_bytes(), |bytes| Some(Self::from_bytes(bytes));
    EntryId as [u8; 16]: |id| *id.as_bytes(), |bytes| Some(Self::from_bytes(bytes));
    AttachmentId as [u8; 16]: |id| *id.as_bytes(), |bytes| Some(Self::from_bytes(bytes));
    SessionId as [u8; 16]: |id| *id.as_bytes(), |bytes| Some(Self::from_bytes(bytes));
    Seq as u64: |seq| seq.get(), |number| Some(Self::new(number));
    Timestamp as i64: |at| at.millis(), |millis| Some(Self::from_millis(millis));
    ClientId as String: |id| id.as_str().to_owned(), |text| Self::new(text).ok();
    PasswordHash as String: |hash| hash.0.clone(), |hash| Some(Self(hash));
    Pair as (UserId, UserId): |pair| (pair.low(), pair.high()), |both| Self::new(both.0, both.1).ok();
    [bool; 2] as (bool, bool): |both| (both[0], both[1]), |both| Some([both.0, both.1]);
    [Option<SideCopy>; 2] as (Option<SideCopy>, Option<SideCopy>): |both| (both[0], both[1]), |both| {
        Some([both.0, both.1])
    };
}

impl Packed for String {
    fn pack(&self, to: &mut Vec<u8>) {
        pack_bytes(self.as_bytes(), to);
    }

    fn unpack(from: &mut &[u8]) -> Option<Self> {
        unpack_bytes(from).and_then(|bytes| Self::from_utf8(bytes.to_vec()).ok())
    }
}

impl Packed for Payload {
    fn pack(&self, to: &mut Vec<u8>) {
        pack_bytes(self, to);
    }

    fn unpack(from: &mut &[u8]) -> Option<Self> {
        unpack_bytes(from).map(Self::copy_from_slice)
    }
}

fn pack_bytes(bytes: &[u8], to: &mut Vec<u8>) {
    (bytes.len() as u64).pack(to);
    to.extend_from_slice(bytes);
}

fn unpack_bytes<'b>(from: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = u64::unpack(from)?;
    from.split_off(..usize::try_from(length).ok()?)
}

packed_codes! {
    bool, Kind, Join, Read, Post, History, Standing, State, Relation, AccountState, ClaimKind, Notify,
    ProofPurpose,
}

packed_fields! {
    Meta { epoch, digest_key }
    PairCopy { record, sides }
    PairRecord { pair, friendship, version, fence_due, fenced, at }
    Friendship { state, blocked }
    SideCopy { row, version }
    FriendRow { other, view, at }
    View { relation, blocked }
    AccountCopy { account, claims, words }
    Account {
        user, username, full_name, email, email_verified_at, picture, bio, password, credential_version, state,
        version, created_at, particulars,
    }
    Particulars { locale, notifications, proofs, updated_at }
    Notifications { direct, groups, channels, friend_requests, previews, sounds }
    MailProof { purpose, hash, email, expires_at }
    Claim { kind, value }
    SessionRow {
        id, user, device, created_at, last_seen_at, idle_until, absolute_until, credential_version, refresh,
    }
    RefreshState { generation, current, previous, salt, key_id, rotated_at }
    Conversation {
        id, kind, pair, creator, head, start, n, acl, roster, settings, name, picture, metadata, member_count,
        created_at, last_at, closed,
    }
    Settings { join, read, post, history }
    EntryCopy { entry, digest, marks }
    EntryRow { seq, id, at, by, client_id, kind, target, n, payload, message }
    MessageRow { seq, n, rev, id, sender, client_id, at, edited_at, deleted_at, text, payload }
    Mark { target, key, by }
    ReadMark { conversation, user, up_to, at }
    AttachmentRow { id, owner, version, due, payload }
    Membership { conversation, user, standing, visible_from, read, read_n, delivered, since }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    fn packed(value: &impl Packed) -> Vec<u8> {
        let mut bytes = Vec::new();
        value.pack(&mut bytes);
        bytes
    }

    #[track_caller]
    fn leads_back<T: Packed + PartialEq + Debug>(value: &T) {
        let bytes = packed(value);
        let mut rest = &bytes[..];
        assert_eq!(T::unpack(&mut rest).as_ref(), Some(value));
        assert!(rest.is_empty());
        for cut in 0..bytes.len() {
            assert_eq!(T::unpack(&mut &bytes[..cut]), None, "cut off at {cut}");
        }
    }

    #[test]
    fn rows_lead_back() {
        let (one, other) = (UserId::from(1_u64), UserId::from(2_u64));
        let id = ConversationId::from_bytes([7; 16]);
        let mut record = Conversation::shell(id, Kind::Channel, Timestamp::from_millis(-1));
        record.name = Some("İstanbul \u{1F469}".to_owned());
        leads_back(&record);
        leads_back(&Membership::new(id, one, Standing::Banned, Seq::ZERO, Timestamp::from_millis(i64::MIN)));
        let mut entry = EntryRow::unreadable(Seq::new(u64::MAX));
        entry.message = Some(MessageRow::empty(Seq::new(2), 1));
        entry.payload = Some(Payload::from_static(b"\0"));
        let marks = vec![Mark { target: Seq::new(2), key: "+1".to_owned(), by: one }];
        leads_back(&EntryCopy { entry, digest: Some([9; 16]), marks });
        let pair = Pair::new(one, other).expect("two people");
        let view = View { relation: Relation::Friends, blocked: true };
        let row = FriendRow { other, view, at: Timestamp::default() };
        leads_back(&PairCopy {
            record: PairRecord::nothing(pair),
            sides: [None, Some(SideCopy { row, version: 3 })],
        });
        let account = Account::new(one, "ana".to_owned(), PasswordHash(String::new()), Timestamp::default());
        let claims = vec![Claim { kind: ClaimKind::Email, value: "a@b".to_owned() }];
        leads_back(&AccountCopy { account, claims, words: vec![] });
    }

    #[test]
    fn no_two_values_have_the_same_bytes() {
        let text = |text: &str| Some(text.to_owned());
        let pairs = [
            (text("ab"), text("c")),
            (text("a"), text("bc")),
            (text("abc"), None),
            (None, text("abc")),
            (text("abc"), text("")),
        ];
        let packed: std::collections::HashSet<_> = pairs.iter().map(packed).collect();
        assert_eq!(packed.len(), pairs.len());
    }
}
