//! Whether a store holds what the contract promises: what is compared, whatever database it was read from.
//!
//! Everything that is derived is counted anew: positions and message numbers, counters, the map of deleted messages,
//! receipts (and with both of these what is unread), the index of repeats, both sides of every pair. Nothing here
//! reads; a store walks its tables and shows what it finds.

use std::fmt;

use chat_core::conversation::Membership;
use chat_core::friendship::View;
use chat_core::id::{ConversationId, Seq, Side};
use chat_core::store::{EntryRow, MessageRow, Outcome, PairRecord};
use chat_core::time::Timestamp;

use crate::dead;
use crate::plan::Kept;

/// Problems after which a check goes on no further.
const PROBLEMS_MAX: usize = 1000;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The table it was found in; the kind of store where it is about the whole.
    pub table: &'static str,
    /// Which row, or which group of rows.
    pub key: String,
    /// What is wrong with it.
    pub finding: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.table, self.key, self.finding)
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Problem>);

impl Findings {
    /// Adds one.
    pub(crate) fn add(&mut self, table: &'static str, key: impl fmt::Display, finding: impl Into<String>) {
        if !self.is_full() {
            self.0.push(Problem { table, key: key.to_string(), finding: finding.into() });
        }
    }

    /// Adds one unless both are the same.
    fn compare<T: PartialEq + fmt::Debug>(
        &mut self,
        table: &'static str,
        key: impl fmt::Display,
        what: &str,
        found: &T,
        expected: &T,
    ) {
        if found != expected {
            self.add(table, key, format!("{what} is {found:?}, not {expected:?}"));
        }
    }

    /// Adds one of rows that lead nowhere, if there are any.
    pub(crate) fn alone(&mut self, table: &'static str, count: i64, finding: &str) {
        if count > 0 {
            self.add(table, format!("{count} rows"), finding);
        }
    }

    /// Whether there are so many that it is enough.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= PROBLEMS_MAX
    }

    /// All of them.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.0
    }
}

/// What is counted by a statement of rows that lead nowhere: where, by which statement, and what is wrong with them.
pub(crate) const ALONE: &[(&str, &str, &str)] = {
    use crate::statements::check as sql;
    const NOWHERE: &str = "there is no such conversation";
    const NOBODY: &str = "there is no such account";
    &[
        ("chat_friends", sql::SIDE_ALONE, "there is no such pair"),
        ("chat_claims", sql::CLAIM_ALONE, NOBODY),
        ("chat_account_words", sql::WORD_ALONE, NOBODY),
        ("chat_sessions", sql::SESSION_ENDS, "ends_at is not the earlier end"),
        ("chat_conversations", sql::WITHOUT_HEAD, "there are no counters"),
        ("chat_heads", sql::HEAD_ALONE, NOWHERE),
        ("chat_entries", sql::ENTRY_ALONE, NOWHERE),
        ("chat_members", sql::MEMBER_ALONE, NOWHERE),
        ("chat_marks", sql::MARK_ALONE, "there is no such message, or it is deleted"),
    ]
};

/// One side's row of a pair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// What it says.
    pub(crate) view: View,
    /// Whether it says that either has blocked the other.
    pub(crate) any_block: bool,
    /// Whether the side was shown something.
    pub(crate) is_shown: bool,
}

/// Compares a pair with both sides' rows.
pub(crate) fn pair(findings: &mut Findings, tenant: i64, record: &PairRecord, sides: [Option<Seen>; 2]) {
    let [low, high] = record.pair.both();
    let key = format!("{tenant}/{low}/{high}");
    if record.fence_due > record.version {
        findings.add("chat_pairs", &key, "a fence is due for a version that never was");
    }
    for side in Side::BOTH {
        let Some(seen) = sides[side.index()] else {
            let user = record.pair.user(side);
            findings.add("chat_friends", &key, format!("the row of {user} is missing"));
            continue;
        };
        let any_block = record.friendship.is_blocked();
        findings.compare("chat_friends", &key, "any_block", &seen.any_block, &any_block);
        if seen.is_shown {
            findings.compare("chat_friends", &key, "the view", &seen.view, &record.friendship.view(side));
        }
    }
}

/// One conversation under examination: its log is walked once, and what stands elsewhere is compared with it.
#[derive(Debug)]
pub(crate) struct Walk<'f> {
    findings: &'f mut Findings,
    tenant: i64,
    id: ConversationId,
    head: Seq,
    n: u64,
    last_message: Seq,
    last_at: Timestamp,
    dead: dead::Rows,
    members: u64,
}

impl<'f> Walk<'f> {
    /// At the beginning of its log: after `before`, up to which there are `n` messages.
    pub(crate) fn new(
        findings: &'f mut Findings,
        tenant: i64,
        id: ConversationId,
        before: Seq,
        n: u64,
    ) -> Self {
        let (last_message, last_at, dead) = (Seq::ZERO, Timestamp::default(), dead::Rows::new());
        Self { findings, tenant, id, head: before, n, last_message, last_at, dead, members: 0 }
    }

    /// Whether there are so many problems that it is enough.
    pub(crate) fn is_over(&self) -> bool {
        self.findings.is_full()
    }

    /// The position that was reached.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) const fn head(&self) -> Seq {
        self.head
    }

    fn find(&mut self, table: &'static str, part: impl fmt::Display, finding: impl Into<String>) {
        self.findings.add(table, format!("{}/{} {part}", self.tenant, self.id), finding);
    }

    fn compare<T: PartialEq + fmt::Debug>(
        &mut self,
        table: &'static str,
        what: &str,
        found: &T,
        expected: &T,
    ) {
        let key = format!("{}/{}", self.tenant, self.id);
        self.findings.compare(table, key, what, found, expected);
    }

    /// The next entry, whether it has a digest, and what the index of repeats leads to under its id.
    pub(crate) fn entry(&mut self, entry: &EntryRow, has_digest: bool, first: Option<&Outcome>) {
        let seq = entry.seq;
        if seq != self.head.next() {
            self.find("chat_entries", seq, format!("follows {}", self.head));
        }
        let n = self.n + u64::from(entry.message.is_some());
        if entry.n != n {
            self.find("chat_entries", seq, format!("n is {}, not {n}", entry.n));
        }
        if entry.at < self.last_at {
            self.find("chat_entries", seq, "its time is before the one of the entry before");
        }
        if let Some(message) = &entry.message {
            self.message(message, has_digest);
            self.last_message = seq;
        }
        (self.head, self.n, self.last_at) = (seq, entry.n, entry.at);
        match first {
            Some(Outcome::Repeat { seq, .. }) if *seq == entry.seq => {}
            Some(_) => self.find("chat_entries", seq, "its client_id was used before"),
            None => self.find("chat_entries", seq, "not found by its client_id"),
        }
    }

    /// The next entry cannot be read.
    pub(crate) fn unreadable(&mut self, why: &impl fmt::Debug) {
        self.head = self.head.next();
        self.find("chat_entries", self.head, format!("cannot be read: {why:?}"));
    }

    fn message(&mut self, message: &MessageRow, has_digest: bool) {
        if message.rev < message.seq {
            self.find("chat_entries", message.seq, "rev is before its own position");
        }
        if message.deleted_at.is_some() {
            dead::count(&mut self.dead, message.n);
            if message.text.is_some() || message.payload.is_some() || has_digest {
                self.find("chat_entries", message.seq, "deleted, and still holds something");
            }
        }
    }

    /// The log was walked to its end: its counters, and the map of deleted messages.
    pub(crate) fn compare_log(&mut self, kept: &Kept, stored: &dead::Rows) {
        let now = &kept.conversation;
        let (head, n, last_message) = (self.head, self.n, self.last_message);
        self.compare("chat_heads", "head", &now.head, &head);
        self.compare("chat_heads", "n", &now.n, &n);
        self.compare("chat_heads", "last_message", &kept.last_message, &last_message);
        if now.last_at < self.last_at {
            self.find("chat_heads", "", "last_at is before the last entry");
        }
        if *stored != self.dead {
            self.find("chat_dead", "", "not what the log says");
        }
    }

    /// A member, and how many messages there are up to what he has read. With the map of deleted messages right,
    /// `read_n` is all that what is unread hangs on.
    pub(crate) fn member(&mut self, kept: &Kept, member: &Membership, n: u64) {
        self.members += 1;
        if member.read > member.delivered || member.delivered > kept.conversation.head {
            self.find("chat_members", member.user, "read, delivered and head are out of order");
        }
        if member.read_n != n {
            self.find("chat_members", member.user, format!("read_n is {}, not {n}", member.read_n));
        }
    }

    /// A member's row cannot be read.
    pub(crate) fn unreadable_member(&mut self, why: &impl fmt::Debug) {
        self.find("chat_members", "", format!("cannot be read: {why:?}"));
    }

    /// All members were seen.
    pub(crate) fn compare_members(&mut self, kept: &Kept) {
        let members = self.members;
        self.compare("chat_heads", "member_count", &kept.conversation.member_count, &members);
    }
}
