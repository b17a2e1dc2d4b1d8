//! Whether the file holds what the contract promises: one state of it is read from its beginning to its end, on a
//! thread and a connection of its own, and nothing is changed.

use chat_core::friendship::View;
use chat_core::id::{ConversationId, Side, UserId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::Columns;
use super::conversations::load;
use super::database::{Purpose, connect};
use super::dead::stored;
use super::error::{Done, OpenError};
use super::friendships::read_record;
use super::log::{Counters, Made, first, n_at, read_entry};
use super::memberships::read_member;
use super::options::SqliteOptions;
use crate::check::{ALONE, Findings, Problem, Seen, Walk, pair};
use crate::plan::Kept;
use crate::statements::{check as sql, conversations as conversations_sql, log as log_sql};

/// Every problem of the file, up to a bound.
pub(super) fn check(options: &SqliteOptions, digest_key: &[u8; 32]) -> Result<Vec<Problem>, OpenError> {
    let connection = connect(options, Purpose::Read)?;
    connection.execute_batch("BEGIN")?;
    let mut findings = Findings::default();
    file(&connection, &mut findings)?;
    for (table, text, finding) in ALONE {
        findings.alone(table, connection.query_row(text, [], |row| row.get(0))?, finding);
    }
    pairs(&connection, &mut findings)?;
    conversations(&connection, digest_key, &mut findings)?;
    Ok(findings.into_problems())
}

/// What SQLite itself knows of the file: its pages, and that every index holds what its table does.
fn file(connection: &Connection, findings: &mut Findings) -> Done<()> {
    let mut statement = connection.prepare("PRAGMA integrity_check(100)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let said: String = row.get(0)?;
        if said != "ok" {
            findings.add("file", "", said);
        }
    }
    Ok(())
}

fn pairs(connection: &Connection, findings: &mut Findings) -> Done<()> {
    let mut statement = connection.prepare(sql::PAIRS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()?
        && !findings.is_full()
    {
        let tenant: i64 = row.get(9)?;
        match read_record(row) {
            Ok(record) => {
                let side = |side: Side| {
                    seen(connection, tenant, record.pair.user(side), record.pair.user(side.other()))
                };
                pair(findings, tenant, &record, [side(Side::Low)?, side(Side::High)?]);
            }
            Err(error) => findings.add("chat_pairs", tenant, error.to_string()),
        }
    }
    Ok(())
}

fn seen(connection: &Connection, tenant: i64, user: UserId, other: UserId) -> Done<Option<Seen>> {
    let mut statement = connection.prepare_cached(sql::SIDE)?;
    let read = |row: &Row<'_>| {
        let mut columns = Columns::of(row);
        Ok(Seen {
            view: View { relation: columns.code()?, blocked: columns.code()? },
            any_block: columns.code()?,
            is_shown: columns.optional_seq()?.is_some(),
        })
    };
    Ok(statement.query_row(params![tenant, user.as_bytes(), other.as_bytes()], read).optional()?)
}

fn conversations(connection: &Connection, digest_key: &[u8; 32], findings: &mut Findings) -> Done<()> {
    let mut statement = connection.prepare(sql::CONVERSATIONS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()?
        && !findings.is_full()
    {
        let tenant: i64 = row.get(0)?;
        let id = ConversationId::from_bytes(row.get(1)?);
        let conversation = Conversation { connection, digest_key, tenant, id };
        match load(&mut connection.prepare_cached(conversations_sql::ONE)?, tenant, id) {
            Ok(Some(kept)) => conversation.check(&kept, findings)?,
            // Found already as a record without counters.
            Ok(None) => {}
            Err(failure) => {
                let finding = format!("cannot be read: {failure:?}");
                findings.add("chat_conversations", format!("{tenant}/{id}"), finding);
            }
        }
    }
    Ok(())
}

/// One conversation.
struct Conversation<'c> {
    connection: &'c Connection,
    digest_key: &'c [u8; 32],
    tenant: i64,
    id: ConversationId,
}

impl Conversation<'_> {
    fn check(&self, kept: &Kept, findings: &mut Findings) -> Done<()> {
        let before = kept.conversation.start.previous();
        let n = n_at(self.connection, self.tenant, self.id, &counters(kept), before)?;
        let mut walk = Walk::new(findings, self.tenant, self.id, before, n);
        self.log(&mut walk)?;
        walk.compare_log(kept, &stored(self.connection, self.tenant, self.id)?);
        self.members(kept, &mut walk)
    }

    fn log(&self, walk: &mut Walk<'_>) -> Done<()> {
        let mut statement = self.connection.prepare_cached(sql::LOG)?;
        let mut repeats = self.connection.prepare_cached(log_sql::FIRST)?;
        let mut rows = statement.query(params![self.tenant, self.id.as_bytes()])?;
        while let Some(row) = rows.next()?
            && !walk.is_over()
        {
            match read_entry(row) {
                Ok(entry) => {
                    let digest: Option<Vec<u8>> = row.get(14)?;
                    let made = Made::of(self.digest_key, entry.by, &entry.client_id);
                    let first = first(&mut repeats, self.tenant, self.id, &made)?;
                    walk.entry(&entry, digest.is_some(), first.as_ref());
                }
                Err(error) => walk.unreadable(&error),
            }
        }
        Ok(())
    }

    fn members(&self, kept: &Kept, walk: &mut Walk<'_>) -> Done<()> {
        let mut statement = self.connection.prepare_cached(sql::MEMBERS)?;
        let mut rows = statement.query(params![self.tenant, self.id.as_bytes()])?;
        while let Some(row) = rows.next()?
            && !walk.is_over()
        {
            match read_member(&mut Columns::of(row)) {
                Ok(member) if member.role().is_some() => {
                    let n = n_at(self.connection, self.tenant, self.id, &counters(kept), member.read)?;
                    walk.member(kept, &member, n);
                }
                Ok(_) => {}
                Err(error) => walk.unreadable_member(&error),
            }
        }
        walk.compare_members(kept);
        Ok(())
    }
}

fn counters(kept: &Kept) -> Counters {
    let Kept { conversation: now, last_message } = kept;
    Counters { head: now.head, start: now.start, n: now.n, last_message: *last_message }
}
