//! Whether the file holds what the contract promises.
//!
//! Everything that is derived is counted anew and compared: positions and message numbers, counters, the map of
//! deleted messages, receipts (and with both of these what is unread), the index of repeats, both sides of every
//! pair. It reads one state of the file from its beginning to its end, on a thread and a connection of its own, and
//! changes nothing.

mod conversations;
mod people;

use std::fmt;

use rusqlite::Connection;

use super::database::{Purpose, connect};
use super::error::{Done, OpenError};
use super::options::SqliteOptions;

/// Problems after which a check goes on no further.
const PROBLEMS_MAX: usize = 1000;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The table it was found in; empty for the file.
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
struct Findings(Vec<Problem>);

impl Findings {
    fn add(&mut self, table: &'static str, key: impl fmt::Display, finding: impl Into<String>) {
        if !self.is_full() {
            self.0.push(Problem { table, key: key.to_string(), finding: finding.into() });
        }
    }

    /// Adds a finding unless both are the same.
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

    fn is_full(&self) -> bool {
        self.0.len() >= PROBLEMS_MAX
    }
}

/// Every problem of the file, up to a bound.
pub(super) fn check(options: &SqliteOptions, digest_key: &[u8; 32]) -> Result<Vec<Problem>, OpenError> {
    let connection = connect(options, Purpose::Read)?;
    connection.execute_batch("BEGIN")?;
    let mut findings = Findings::default();
    file(&connection, &mut findings)?;
    people::check(&connection, &mut findings)?;
    conversations::check(&connection, digest_key, &mut findings)?;
    Ok(findings.0)
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

/// Rows that lead nowhere, by a statement that counts them.
fn alone(
    connection: &Connection,
    findings: &mut Findings,
    table: &'static str,
    text: &str,
    finding: &str,
) -> Done<()> {
    let count: i64 = connection.query_row(text, [], |row| row.get(0))?;
    if count > 0 {
        findings.add(table, format!("{count} rows"), finding);
    }
    Ok(())
}
