//! How much there is, and hashes of rows.

use std::ops::AddAssign;

use sha2::{Digest, Sha256};

use crate::store::packed::Packed;

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
    /// When their members had read up to where.
    pub reads: u64,
    /// Files of messages, those included that are part of none.
    pub attachments: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        let Self { pairs, accounts, logins, conversations, entries, marks, members, reads, attachments } =
            more;
        self.pairs += pairs;
        self.accounts += accounts;
        self.logins += logins;
        self.conversations += conversations;
        self.entries += entries;
        self.marks += marks;
        self.members += members;
        self.reads += reads;
        self.attachments += attachments;
    }
}

/// Rows of one side of a comparison: how many, and a hash of them in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Print {
    pub(super) counts: Counts,
    hash: Sha256,
    /// The bytes of one row, kept for the next one.
    row: Vec<u8>,
}

impl Print {
    /// Adds a row to the hash.
    pub(super) fn add(&mut self, row: &impl Packed) {
        self.row.clear();
        row.pack(&mut self.row);
        self.hash.update(&self.row);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(rows: &[u64]) -> Fingerprint {
        let mut print = Print::default();
        for row in rows {
            print.add(row);
        }
        print.finish()
    }

    #[test]
    fn rows_and_their_order_count() {
        assert_ne!(fingerprint(&[1, 2]), fingerprint(&[2, 1]));
        assert_ne!(fingerprint(&[1, 2]), fingerprint(&[1, 2, 0]));
        assert_eq!(fingerprint(&[1, 2]), fingerprint(&[1, 2]));
    }
}
