//! The schema that reports were written for, as views over the one that is there.
//!
//! `users(id, username, password_hash, created_at)`, `messages(id, sender_id, receiver_id, group_id, message, timestamp)`,
//! `groups(id, name, created_at)` and the list of members that the original had in prose, `group_members(group_id,
//! user_id)`. The ids of people are integers, of all else 32 hexadecimal digits, times are UTC. Somebody whose id is no
//! integer, because his account came from elsewhere, has NULL there.
//!
//! A message has either a receiver or a group, never both and
//! never neither: that is no constraint but follows from what a conversation is. Deleted messages and accounts and
//! closed groups are not shown. A message without a text (files alone) has NULL there.

use anyhow::{Context as _, bail};
use chat_host::store::Place;
use sqlx::Connection as _;

/// How a database says what they do not all say alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Sqlite,
    Postgres,
    MySql,
}

/// How the ids begin that are integers below 2^48, as hexadecimal digits.
const INTEGERS: &str = "63686174000180008000";

impl Dialect {
    const fn make(self) -> &'static str {
        match self {
            Self::Sqlite => "CREATE VIEW",
            Self::Postgres | Self::MySql => "CREATE OR REPLACE VIEW",
        }
    }

    /// A name that is a word of its own in some of them.
    const fn quoted(self) -> char {
        match self {
            Self::Sqlite | Self::Postgres => '"',
            Self::MySql => '`',
        }
    }

    /// An id as text.
    fn id(self, column: &str) -> String {
        match self {
            Self::Sqlite | Self::MySql => format!("LOWER(HEX({column}))"),
            Self::Postgres => format!("REPLACE(CAST({column} AS TEXT), '-', '')"),
        }
    }

    /// The integer that the id of somebody carries: behind a prefix that no other id has, in its last 48 bits.
    fn person(self, column: &str) -> String {
        let hexadecimal = self.id(column);
        let integer = match self {
            Self::Sqlite => {
                let digit = |nth: usize| {
                    let shift = 4 * (12 - nth);
                    format!(
                        "((instr('0123456789abcdef', substr({hexadecimal}, {}, 1)) - 1) << {shift})",
                        20 + nth
                    )
                };
                (1..=12).map(digit).collect::<Vec<_>>().join(" + ")
            }
            Self::Postgres => format!("CAST(CAST('x0000' || RIGHT({hexadecimal}, 12) AS BIT(64)) AS BIGINT)"),
            Self::MySql => format!("CAST(CONV(RIGHT({hexadecimal}, 12), 16, 10) AS SIGNED)"),
        };
        format!("CASE WHEN SUBSTR({hexadecimal}, 1, 20) = '{INTEGERS}' THEN {integer} END")
    }

    /// Milliseconds as a time.
    fn time(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("strftime('%Y-%m-%d %H:%M:%f', {column} / 1000.0, 'unixepoch')"),
            Self::Postgres => format!("to_timestamp({column} / 1000.0) AT TIME ZONE 'UTC'"),
            Self::MySql => format!("TIMESTAMPADD(MICROSECOND, {column} * 1000, TIMESTAMP('1970-01-01'))"),
        }
    }

    /// Makes all of them, over those of an earlier version.
    fn script(self) -> String {
        let views = self.views().join(";");
        match self {
            Self::Sqlite => format!(
                "BEGIN IMMEDIATE; DROP VIEW IF EXISTS users; DROP VIEW IF EXISTS messages; \
                 DROP VIEW IF EXISTS \"groups\"; DROP VIEW IF EXISTS group_members; {views}; COMMIT"
            ),
            // Of several processes that start at once one makes them at a time. What was granted on a view goes with
            // it, so that they are dropped only where the ids of people were texts.
            Self::Postgres => format!(
                "BEGIN; SELECT pg_advisory_xact_lock(1667785077); \
                 DO $$ BEGIN IF EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = current_schema() \
                 AND table_name = 'users' AND column_name = 'id' AND data_type = 'text') \
                 THEN DROP VIEW users, messages, group_members; END IF; END $$; {views}; COMMIT"
            ),
            Self::MySql => views,
        }
    }

    /// The statements that make the views.
    fn views(self) -> [String; 4] {
        let (make, q) = (self.make(), self.quoted());
        let (id, time) = (|column: &str| self.id(column), |column: &str| self.time(column));
        let person = |column: &str| self.person(column);
        let other = "CASE WHEN c.low = e.by_user THEN c.high ELSE c.low END";
        [
            format!(
                "{make} users AS SELECT {} AS id, a.username AS username, a.password AS password_hash, \
                 {} AS created_at FROM chat_accounts a WHERE a.state <> 4",
                person("a.user_id"),
                time("a.created_at"),
            ),
            format!(
                "{make} messages AS SELECT {} AS id, {} AS sender_id, \
                 CASE WHEN c.kind = 1 THEN {} END AS receiver_id, CASE WHEN c.kind <> 1 THEN {} END AS group_id, \
                 e.text AS message, {} AS {q}timestamp{q} FROM chat_entries e \
                 JOIN chat_conversations c ON c.tenant = e.tenant AND c.id = e.conversation \
                 WHERE e.rev IS NOT NULL AND e.deleted_at IS NULL",
                id("e.id"),
                person("e.by_user"),
                person(other),
                id("c.id"),
                time("e.at"),
            ),
            format!(
                "{make} {q}groups{q} AS SELECT {} AS id, c.name AS name, {} AS created_at FROM chat_conversations c \
                 JOIN chat_heads h ON h.tenant = c.tenant AND h.id = c.id \
                 WHERE c.kind <> 1 AND c.closed = 0 AND h.head > 0",
                id("c.id"),
                time("c.created_at"),
            ),
            format!(
                "{make} group_members AS SELECT {} AS group_id, {} AS user_id FROM chat_members m \
                 JOIN chat_conversations c ON c.tenant = m.tenant AND c.id = m.conversation \
                 WHERE c.kind <> 1 AND c.closed = 0 AND m.standing > 0",
                id("m.conversation"),
                person("m.user_id"),
            ),
        ]
    }
}

/// Makes the views in this database, or leaves those that are there.
///
/// # Errors
/// When it is no relational database, or refuses them.
pub(crate) async fn make(place: &Place) -> anyhow::Result<()> {
    const WHAT: &str = "cannot make the views for reports";
    match place {
        Place::Sqlite(path) => {
            let connection = rusqlite::Connection::open(path).context(WHAT)?;
            connection.busy_timeout(std::time::Duration::from_secs(10)).context(WHAT)?;
            connection.execute_batch(&Dialect::Sqlite.script()).context(WHAT)?;
        }
        Place::Postgres(url) => {
            let mut line = sqlx::PgConnection::connect(url.expose()).await.map_err(hidden).context(WHAT)?;
            sqlx::raw_sql(sqlx::AssertSqlSafe(Dialect::Postgres.script()))
                .execute(&mut line)
                .await
                .context(WHAT)?;
            line.close().await.context(WHAT)?;
        }
        Place::MySql(url) => {
            let mut line =
                sqlx::MySqlConnection::connect(url.expose()).await.map_err(hidden).context(WHAT)?;
            sqlx::raw_sql(sqlx::AssertSqlSafe(Dialect::MySql.script()))
                .execute(&mut line)
                .await
                .context(WHAT)?;
            line.close().await.context(WHAT)?;
        }
        Place::MongoDb(_) | Place::Memory => {
            bail!("--store: expected a relational database: sqlite:PATH, postgres://… or mysql://…")
        }
    }
    Ok(())
}

/// An error of a driver, which may repeat the address with its password.
fn hidden(_: sqlx::Error) -> anyhow::Error {
    anyhow::Error::msg("the database cannot be reached")
}

#[cfg(test)]
mod tests {
    use chat_core::UserId;

    use super::*;

    #[test]
    fn sqlite_takes_them_twice() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let schema = "CREATE TABLE chat_accounts (user_id, username, password, created_at, state);
            CREATE TABLE chat_conversations (tenant, id, kind, low, high, name, created_at, closed);
            CREATE TABLE chat_heads (tenant, id, head);
            CREATE TABLE chat_members (tenant, conversation, user_id, standing);
            CREATE TABLE chat_entries (tenant, conversation, id, by_user, at, rev, text, deleted_at);";
        connection.execute_batch(schema).unwrap();
        connection.execute_batch("CREATE VIEW users AS SELECT 'an earlier one' AS id").unwrap();
        for _ in 0..2 {
            connection.execute_batch(&Dialect::Sqlite.script()).unwrap();
        }
        for (nth, integer) in [1, 42, 0x00fe_dcba_9876_i64].into_iter().enumerate() {
            let id = UserId::from(integer);
            let row = (&id.as_bytes()[..], format!("user {nth}"), 1500);
            connection.execute("INSERT INTO chat_accounts VALUES (?, ?, 'h', ?, 1)", row).unwrap();
            let row: (i64, String) = connection
                .query_row(
                    "SELECT id, created_at FROM users WHERE username = ?",
                    [format!("user {nth}")],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .unwrap();
            assert_eq!(row, (integer, "1970-01-01 00:00:01.500".to_owned()));
        }
        let other = UserId::from_external("somebody");
        let row = (&other.as_bytes()[..], "other", 1500);
        connection.execute("INSERT INTO chat_accounts VALUES (?, ?, 'h', ?, 1)", row).unwrap();
        let id: Option<i64> = connection
            .query_row("SELECT id FROM users WHERE username = 'other'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(id, None);
    }
}
