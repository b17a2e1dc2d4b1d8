//! Rows as bytes that are the same whatever store they were read from, and hashes of many.
//!
//! Every field is named, so that one that is added does not compile before it is compared too. The bytes are never
//! kept: both sides of a comparison are made by the same program.

use std::ops::AddAssign;

use sha2::{Digest, Sha256};

use crate::conversation::{Conversation, History, Join, Kind, Membership, Post, Read, Settings, Standing};
use crate::friendship::{Friendship, Relation, State, View};
use crate::id::{ConversationId, EntryId, Pair, Seq, SessionId, UserId};
use crate::message::{ClientId, Payload};
use crate::store::code::Code;
use crate::store::{
    Account, AccountCopy, AccountState, Claim, ClaimKind, EntryCopy, EntryRow, FriendRow, Mark, MessageRow,
    PairCopy, PairRecord, PasswordHash, RefreshState, SessionRow, SideCopy,
};
use crate::time::Timestamp;

/// How much there is of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Pairs between which there is or was something.
    pub pairs: u64,
    /// Accounts, tombstones included.
    pub accounts: u64,
    /// Logins.
    pub logins: u64,
    /// Conversations, closed ones and shells included.
    pub conversations: u64,
    /// Their entries.
    pub entries: u64,
    /// The marks on their messages.
    pub marks: u64,
    /// Their membership rows, banned ones included.
    pub members: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        let Self { pairs, accounts, logins, conversations, entries, marks, members } = more;
        self.pairs += pairs;
        self.accounts += accounts;
        self.logins += logins;
        self.conversations += conversations;
        self.entries += entries;
        self.marks += marks;
        self.members += members;
    }
}

/// Rows of one side of a comparison: how many, and a hash of them in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Print {
    pub(super) counts: Counts,
    hash: Sha256,
}

impl Print {
    /// Adds a row to the hash.
    pub(super) fn add(&mut self, row: &impl Canonical) {
        row.feed(&mut self.hash);
    }

    /// What is compared of it.
    pub(super) fn finish(self) -> Fingerprint {
        Fingerprint { counts: self.counts, hash: self.hash.finalize().into() }
    }
}

/// What two sides that hold the same have alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) counts: Counts,
    hash: [u8; 32],
}

/// Something whose bytes say what it is: no two different values of a type have the same.
pub(super) trait Canonical {
    /// Its bytes, on the way into a hash.
    fn feed(&self, hash: &mut Sha256);
}

impl Canonical for [u8] {
    fn feed(&self, hash: &mut Sha256) {
        (self.len() as u64).feed(hash);
        hash.update(self);
    }
}

impl<T: Canonical> Canonical for Option<T> {
    fn feed(&self, hash: &mut Sha256) {
        match self {
            None => 0_u8.feed(hash),
            Some(value) => {
                1_u8.feed(hash);
                value.feed(hash);
            }
        }
    }
}

impl<T: Canonical> Canonical for Vec<T> {
    fn feed(&self, hash: &mut Sha256) {
        (self.len() as u64).feed(hash);
        for item in self {
            item.feed(hash);
        }
    }
}

impl<T: Canonical> Canonical for [T; 2] {
    fn feed(&self, hash: &mut Sha256) {
        for item in self {
            item.feed(hash);
        }
    }
}

/// Types that are fed as a value they have.
macro_rules! fed_as {
    ($($type:ty: $value:ident => $as:expr;)*) => {$(
        impl Canonical for $type {
            fn feed(&self, hash: &mut Sha256) {
                let $value = self;
                $as.feed(hash);
            }
        }
    )*};
}

/// Types that are fed as their bytes, all of one length.
macro_rules! fed_bytes {
    ($($type:ty: $value:ident => $bytes:expr;)*) => {$(
        impl Canonical for $type {
            fn feed(&self, hash: &mut Sha256) {
                let $value = self;
                hash.update($bytes);
            }
        }
    )*};
}

/// Structs that are fed field by field: all fields, or it does not compile.
macro_rules! fed_fields {
    ($($type:ident { $($field:ident),* $(,)? })*) => {$(
        impl Canonical for $type {
            fn feed(&self, hash: &mut Sha256) {
                let Self { $($field),* } = self;
                $($field.feed(hash);)*
            }
        }
    )*};
}

fed_bytes! {
    u8: value => [*value];
    u16: value => value.to_be_bytes();
    u64: value => value.to_be_bytes();
    i64: value => value.to_be_bytes();
    [u8; 16]: value => value;
    [u8; 32]: value => value;
    UserId: id => id.as_bytes();
    ConversationId: id => id.as_bytes();
    EntryId: id => id.as_bytes();
    SessionId: id => id.as_bytes();
}

fed_as! {
    bool: value => u8::from(*value);
    Seq: seq => seq.get();
    Timestamp: at => at.millis();
    String: text => text.as_bytes();
    Payload: bytes => bytes[..];
    ClientId: id => id.as_str().as_bytes();
    PasswordHash: hash => hash.0;
    Pair: pair => pair.both();
    State: state => state.code();
    Standing: standing => standing.code();
    Relation: relation => relation.code();
    Kind: kind => kind.code();
    Join: join => join.code();
    Read: read => read.code();
    Post: post => post.code();
    History: history => history.code();
    AccountState: state => state.code();
    ClaimKind: kind => kind.code();
}

fed_fields! {
    PairCopy { record, sides }
    PairRecord { pair, friendship, version, fence_due, fenced, at }
    Friendship { state, blocked }
    SideCopy { row, version }
    FriendRow { other, view, at }
    View { relation, blocked }
    AccountCopy { account, claims, words }
    Account {
        user, username, full_name, email, email_verified_at, picture, bio, password, credential_version, state,
        version, created_at,
    }
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
    Membership { conversation, user, standing, visible_from, read, read_n, delivered, since }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(rows: &[impl Canonical]) -> Fingerprint {
        let mut print = Print::default();
        for row in rows {
            print.add(row);
        }
        print.finish()
    }

    #[test]
    fn no_two_values_are_the_same_bytes() {
        let text = |text: &str| Some(text.to_owned());
        let pairs = [
            [text("ab"), text("c")],
            [text("a"), text("bc")],
            [text("abc"), None],
            [None, text("abc")],
            [text("abc"), text("")],
        ];
        let prints: Vec<_> = pairs.iter().map(|pair| fingerprint(pair)).collect();
        for (nth, print) in prints.iter().enumerate() {
            assert_eq!(prints.iter().position(|other| other == print), Some(nth));
        }
    }

    #[test]
    fn the_order_of_rows_counts() {
        assert_ne!(fingerprint(&[1_u64, 2]), fingerprint(&[2_u64, 1]));
        assert_eq!(fingerprint(&[1_u64, 2]), fingerprint(&[1_u64, 2]));
    }
}
