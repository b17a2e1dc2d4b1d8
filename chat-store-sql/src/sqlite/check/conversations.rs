//! Conversations: the log is walked once, and what stands elsewhere is compared with it.

use chat_core::conversation::Membership;
use chat_core::id::{ConversationId, Seq};
use chat_core::store::{EntryRow, MessageRow, Outcome};
use chat_core::time::Timestamp;
use rusqlite::{Connection, Row, params};

use super::{Findings, alone};
use crate::plan::Kept;
use crate::sqlite::columns::Columns;
use crate::sqlite::conversations::load;
use crate::sqlite::dead;
use crate::sqlite::error::Done;
use crate::sqlite::log::{Counters, Made, first, n_at, read_entry};
use crate::sqlite::memberships::read_member;
use crate::statements::{check as sql, conversations as conversations_sql, log as log_sql};

pub(super) fn check(connection: &Connection, digest_key: &[u8; 32], findings: &mut Findings) -> Done<()> {
    let nowhere = "there is no such conversation";
    alone(connection, findings, "chat_conversations", sql::WITHOUT_HEAD, "there are no counters")?;
    alone(connection, findings, "chat_heads", sql::HEAD_ALONE, nowhere)?;
    alone(connection, findings, "chat_entries", sql::ENTRY_ALONE, nowhere)?;
    alone(connection, findings, "chat_members", sql::MEMBER_ALONE, nowhere)?;
    alone(connection, findings, "chat_marks", sql::MARK_ALONE, "there is no such message, or it is deleted")?;
    let mut statement = connection.prepare(sql::CONVERSATIONS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()?
        && !findings.is_full()
    {
        let tenant: i64 = row.get(0)?;
        let id = ConversationId::from_bytes(row.get(1)?);
        Check { connection, digest_key, tenant, id, findings }.all()?;
    }
    Ok(())
}

/// One conversation.
struct Check<'c> {
    connection: &'c Connection,
    digest_key: &'c [u8; 32],
    tenant: i64,
    id: ConversationId,
    findings: &'c mut Findings,
}

/// What the log says up to a position.
#[derive(Default)]
struct Walked {
    head: Seq,
    n: u64,
    last_message: Seq,
    last_at: Timestamp,
    dead: dead::Rows,
}

impl Check<'_> {
    fn all(&mut self) -> Done<()> {
        let loaded = load(&mut self.connection.prepare_cached(conversations_sql::ONE)?, self.tenant, self.id);
        let kept = match loaded {
            Ok(Some(kept)) => kept,
            // Found already as a record without counters.
            Ok(None) => return Ok(()),
            Err(failure) => {
                self.find("chat_conversations", "", format!("cannot be read: {failure:?}"));
                return Ok(());
            }
        };
        let walked = self.log(&kept)?;
        self.compare_counters(&kept, &walked);
        let stored = dead::stored(self.connection, self.tenant, self.id)?;
        if stored != walked.dead {
            self.find("chat_dead", "", "not what the log says".to_owned());
        }
        self.members(&kept)
    }

    fn find(&mut self, table: &'static str, part: impl std::fmt::Display, finding: String) {
        self.findings.add(table, format!("{}/{} {part}", self.tenant, self.id), finding);
    }

    fn compare<T: PartialEq + std::fmt::Debug>(
        &mut self,
        table: &'static str,
        what: &str,
        found: &T,
        expected: &T,
    ) {
        let key = format!("{}/{}", self.tenant, self.id);
        self.findings.compare(table, key, what, found, expected);
    }

    fn compare_counters(&mut self, kept: &Kept, walked: &Walked) {
        let now = &kept.conversation;
        self.compare("chat_heads", "head", &now.head, &walked.head);
        self.compare("chat_heads", "n", &now.n, &walked.n);
        self.compare("chat_heads", "last_message", &kept.last_message, &walked.last_message);
        if now.last_at < walked.last_at {
            self.find("chat_heads", "", "last_at is before the last entry".to_owned());
        }
    }

    fn log(&mut self, kept: &Kept) -> Done<Walked> {
        let before = kept.conversation.start.previous();
        let n = n_at(self.connection, self.tenant, self.id, &counters(kept), before)?;
        let mut walked = Walked { head: before, n, ..Walked::default() };
        let mut statement = self.connection.prepare_cached(sql::LOG)?;
        let mut rows = statement.query(params![self.tenant, self.id.as_bytes()])?;
        while let Some(row) = rows.next()?
            && !self.findings.is_full()
        {
            match read_entry(row) {
                Ok(entry) => self.entry(row, &entry, &mut walked)?,
                Err(error) => {
                    self.find("chat_entries", walked.head.next(), format!("cannot be read: {error}"));
                    walked.head = walked.head.next();
                }
            }
        }
        Ok(walked)
    }

    fn entry(&mut self, row: &Row<'_>, entry: &EntryRow, walked: &mut Walked) -> Done<()> {
        let seq = entry.seq;
        if seq != walked.head.next() {
            self.find("chat_entries", seq, format!("follows {}", walked.head));
        }
        let n = walked.n + u64::from(entry.message.is_some());
        if entry.n != n {
            self.find("chat_entries", seq, format!("n is {}, not {n}", entry.n));
        }
        if entry.at < walked.last_at {
            self.find("chat_entries", seq, "its time is before the one of the entry before".to_owned());
        }
        if let Some(message) = &entry.message {
            self.message(row, message, walked)?;
            walked.last_message = seq;
        }
        (walked.head, walked.n, walked.last_at) = (seq, entry.n, entry.at);
        self.repeat(entry)
    }

    fn message(&mut self, row: &Row<'_>, message: &MessageRow, walked: &mut Walked) -> Done<()> {
        if message.rev < message.seq {
            self.find("chat_entries", message.seq, "rev is before its own position".to_owned());
        }
        if message.deleted_at.is_some() {
            dead::count(&mut walked.dead, message.n);
            let digest: Option<Vec<u8>> = row.get(14)?;
            if message.text.is_some() || message.payload.is_some() || digest.is_some() {
                self.find("chat_entries", message.seq, "deleted, and still holds something".to_owned());
            }
        }
        Ok(())
    }

    /// The index of repeats leads to this entry, and to none before it.
    fn repeat(&mut self, entry: &EntryRow) -> Done<()> {
        let made = Made::of(self.digest_key, entry.by, &entry.client_id);
        let mut statement = self.connection.prepare_cached(log_sql::FIRST)?;
        match first(&mut statement, self.tenant, self.id, &made)? {
            Some(Outcome::Repeat { seq, .. }) if seq == entry.seq => {}
            Some(_) => self.find("chat_entries", entry.seq, "its client_id was used before".to_owned()),
            None => self.find("chat_entries", entry.seq, "not found by its client_id".to_owned()),
        }
        Ok(())
    }

    fn members(&mut self, kept: &Kept) -> Done<()> {
        let mut members = 0;
        let mut statement = self.connection.prepare_cached(sql::MEMBERS)?;
        let mut rows = statement.query(params![self.tenant, self.id.as_bytes()])?;
        while let Some(row) = rows.next()?
            && !self.findings.is_full()
        {
            match read_member(&mut Columns::of(row)) {
                Ok(member) if member.role().is_some() => {
                    members += 1;
                    self.member(kept, &member)?;
                }
                Ok(_) => {}
                Err(error) => self.find("chat_members", "", format!("cannot be read: {error}")),
            }
        }
        self.compare("chat_heads", "member_count", &kept.conversation.member_count, &members);
        Ok(())
    }

    /// With the map of deleted messages right, `read_n` is all that what is unread hangs on.
    fn member(&mut self, kept: &Kept, member: &Membership) -> Done<()> {
        if member.read > member.delivered || member.delivered > kept.conversation.head {
            self.find("chat_members", member.user, "read, delivered and head are out of order".to_owned());
        }
        let n = n_at(self.connection, self.tenant, self.id, &counters(kept), member.read)?;
        if member.read_n != n {
            self.find("chat_members", member.user, format!("read_n is {}, not {n}", member.read_n));
        }
        Ok(())
    }
}

fn counters(kept: &Kept) -> Counters {
    let Kept { conversation: now, last_message } = kept;
    Counters { head: now.head, start: now.start, n: now.n, last_message: *last_message }
}
