//! What is MySQL's and MariaDB's own: how values look on the wire, how a session is set up, what makes it durable.

use std::fmt::Write as _;

use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlTypeInfo};
use sqlx::{Arguments as _, ConnectOptions as _, MySql, MySqlConnection, Row as _, Type};

use super::error::Done;
use super::value::{Rows, Value};

/// Said to every session of our own.
const SESSION: &str = "\
    SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE; \
    SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', SESSION autocommit = 1, \
    SESSION innodb_lock_wait_timeout = 3";

/// Said to MariaDB: statements that take too long, and transactions that hear nothing of us, end.
const SESSION_OF_MARIADB: &str = "SET SESSION max_statement_time = 5, SESSION idle_transaction_timeout = 10";

/// Said to MySQL, which ends long reads alone.
const SESSION_OF_MYSQL: &str = "SET SESSION max_execution_time = 5000";

/// Connects, and sets the session up.
pub(super) async fn connect(options: &MySqlConnectOptions) -> Result<MySqlConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    sqlx::raw_sql(SESSION).execute(&mut connection).await?;
    let limits = if is_mariadb(&mut connection).await? { SESSION_OF_MARIADB } else { SESSION_OF_MYSQL };
    sqlx::raw_sql(limits).execute(&mut connection).await?;
    Ok(connection)
}

/// What is said to a session that reads whole tables.
pub(super) async fn patient(connection: &mut MySqlConnection) -> Result<&'static str, sqlx::Error> {
    Ok(if is_mariadb(connection).await? {
        "SET SESSION max_statement_time = 0"
    } else {
        "SET SESSION max_execution_time = 0"
    })
}

async fn is_mariadb(connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
    let row = sqlx::query("SELECT VERSION()").fetch_one(connection).await?;
    Ok(row.try_get::<String, _>(0)?.contains("MariaDB"))
}

/// Reads whether the server keeps what it acknowledges, and how long a statement may be.
pub(super) async fn settings(connection: &mut MySqlConnection) -> Done<Vec<(&'static str, String)>> {
    let text = "SELECT CAST(@@innodb_flush_log_at_trx_commit AS CHAR), CAST(@@log_bin AS CHAR), \
        CAST(@@sync_binlog AS CHAR), CAST(@@innodb_doublewrite AS CHAR), CAST(@@max_allowed_packet AS CHAR)";
    let row = sqlx::query(text).fetch_one(connection).await?;
    let names = [
        "innodb_flush_log_at_trx_commit",
        "log_bin",
        "sync_binlog",
        "innodb_doublewrite",
        super::open::PACKET,
    ];
    let value = |(nth, name): (usize, &'static str)| Ok((name, row.try_get(nth)?));
    let all: Result<_, sqlx::Error> = names.into_iter().enumerate().map(value).collect();
    Ok(all?)
}

/// The values of a statement; a table is one text of JSON.
pub(super) fn arguments(values: &[Value<'_>]) -> Result<MySqlArguments, sqlx::Error> {
    let mut arguments = MySqlArguments::default();
    for value in values {
        match value {
            Value::Rows(rows) => arguments.add(json(rows)),
            _ => arguments.add(One(value)),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// Rows as an array of arrays: numbers as numbers, everything else in hexadecimal digits, so that no byte of it means
/// anything to JSON.
fn json(rows: &Rows<'_>) -> String {
    let mut json = String::from("[");
    for (nth, row) in rows.iter().enumerate() {
        json.push_str(if nth == 0 { "[" } else { ",[" });
        for (nth, value) in row.iter().enumerate() {
            json.push_str(if nth == 0 { "" } else { "," });
            match value {
                Value::Int(Some(int)) => write!(json, "{int}").expect("memory takes all"),
                Value::Id(Some(id)) => hexadecimal(&mut json, id),
                Value::Text(Some(text)) => hexadecimal(&mut json, text.as_bytes()),
                Value::Bytes(Some(bytes)) => hexadecimal(&mut json, bytes),
                Value::Int(None) | Value::Id(None) | Value::Text(None) | Value::Bytes(None) => {
                    json.push_str("null");
                }
                Value::Rows(_) => unreachable!("a table is no value of a table"),
            }
        }
        json.push(']');
    }
    json.push(']');
    json
}

fn hexadecimal(json: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    json.push('"');
    for byte in bytes {
        json.push(char::from(DIGITS[usize::from(byte >> 4)]));
        json.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    json.push('"');
}

/// One value as a parameter.
struct One<'v>(&'v Value<'v>);

impl Type<MySql> for One<'_> {
    fn type_info() -> MySqlTypeInfo {
        <i64 as Type<MySql>>::type_info()
    }
}

impl Encode<'_, MySql> for One<'_> {
    fn encode_by_ref(&self, buffer: &mut Vec<u8>) -> Result<IsNull, BoxDynError> {
        match self.0 {
            Value::Int(int) => <Option<i64> as Encode<'_, MySql>>::encode_by_ref(int, buffer),
            Value::Id(id) => <Option<&[u8]> as Encode<'_, MySql>>::encode_by_ref(
                &id.as_ref().map(<[u8; 16]>::as_slice),
                buffer,
            ),
            Value::Text(text) => <Option<&str> as Encode<'_, MySql>>::encode_by_ref(text, buffer),
            Value::Bytes(bytes) => <Option<&[u8]> as Encode<'_, MySql>>::encode_by_ref(bytes, buffer),
            Value::Rows(_) => unreachable!("tables are given as text"),
        }
    }

    fn produces(&self) -> Option<MySqlTypeInfo> {
        Some(match self.0 {
            Value::Int(_) => <i64 as Type<MySql>>::type_info(),
            Value::Text(_) => <str as Type<MySql>>::type_info(),
            Value::Id(_) | Value::Bytes(_) | Value::Rows(_) => <[u8] as Type<MySql>>::type_info(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_arrays_of_plain_digits() {
        let mut rows = Rows::default();
        rows.push([Value::from(-7), Value::from(&[0xab; 16]), Value::from("ä\0"), Value::Bytes(None)]);
        rows.push([Value::Int(None), Value::Id(None), Value::Text(None), Value::from(&b"\"]"[..])]);
        let id = "AB".repeat(16);
        assert_eq!(json(&rows), format!("[[-7,\"{id}\",\"C3A400\",null],[null,null,null,\"225D\"]]"));
    }
}
