//! Pairs, accounts and logins.

use chat_core::friendship::View;
use chat_core::id::{Side, UserId};
use chat_core::store::PairRecord;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Findings, alone};
use crate::sqlite::columns::Columns;
use crate::sqlite::error::Done;
use crate::sqlite::friendships::read_record;
use crate::statements::check as sql;

pub(super) fn check(connection: &Connection, findings: &mut Findings) -> Done<()> {
    alone(connection, findings, "chat_friends", sql::SIDE_ALONE, "there is no such pair")?;
    alone(connection, findings, "chat_claims", sql::CLAIM_ALONE, "there is no such account")?;
    alone(connection, findings, "chat_account_words", sql::WORD_ALONE, "there is no such account")?;
    alone(connection, findings, "chat_sessions", sql::SESSION_ENDS, "ends_at is not the earlier end")?;
    let mut statement = connection.prepare(sql::PAIRS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()?
        && !findings.is_full()
    {
        let tenant: i64 = row.get(9)?;
        match read_record(row) {
            Ok(record) => pair(connection, findings, tenant, &record)?,
            Err(error) => findings.add("chat_pairs", tenant, error.to_string()),
        }
    }
    Ok(())
}

/// One side's row.
struct Seen {
    view: View,
    any_block: bool,
    /// The side was shown something.
    is_shown: bool,
}

fn pair(connection: &Connection, findings: &mut Findings, tenant: i64, record: &PairRecord) -> Done<()> {
    let [low, high] = record.pair.both();
    let key = format!("{tenant}/{low}/{high}");
    if record.fence_due > record.version {
        findings.add("chat_pairs", &key, "a fence is due for a version that never was");
    }
    for side in Side::BOTH {
        let (user, other) = (record.pair.user(side), record.pair.user(side.other()));
        let Some(seen) = seen(connection, tenant, user, other)? else {
            findings.add("chat_friends", &key, format!("the row of {user} is missing"));
            continue;
        };
        let any_block = record.friendship.is_blocked();
        findings.compare("chat_friends", &key, "any_block", &seen.any_block, &any_block);
        if seen.is_shown {
            findings.compare("chat_friends", &key, "the view", &seen.view, &record.friendship.view(side));
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
