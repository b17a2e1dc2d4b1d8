//! What is PostgreSQL's own: how values look on the wire, how a session is set up, what makes it durable.
//!
//! Ids are `uuid`: 16 bytes without a header, compared byte by byte, and readable to who looks. `text` cannot hold
//! NUL, so a text that does is stored with NUL written as `U+001A 0`, and `U+001A` itself as `U+001A 1`; a text
//! without both, which is every text one meets, stands as it is.

use std::borrow::Cow;

use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgConnectOptions, PgRow, PgTypeInfo, Postgres};
use sqlx::{Arguments as _, ConnectOptions as _, PgConnection, Row as _, Type, ValueRef as _};

use super::columns::unreadable;
use super::error::Done;
use super::value::{Rows, Value};

/// Said to every session of our own. Statements walk an index whatever the statistics say, which are missing when a
/// table has just grown; plans are made once; a server that hears nothing of us gives up our locks.
const SESSION: &str = "\
    SET default_transaction_isolation = 'read committed'; \
    SET default_transaction_read_only = off; \
    SET standard_conforming_strings = on; \
    SET statement_timeout = '5s'; \
    SET lock_timeout = '3s'; \
    SET idle_in_transaction_session_timeout = '10s'; \
    SET tcp_user_timeout = '10s'; \
    SET plan_cache_mode = force_generic_plan; \
    SET enable_seqscan = off; \
    SET enable_hashjoin = off; \
    SET enable_mergejoin = off; \
    SET jit = off; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Said to a session that reads whole tables.
pub(super) const PATIENT: &str = "\
    SET statement_timeout = 0; \
    SET enable_seqscan = on; \
    SET enable_hashjoin = on; \
    SET enable_mergejoin = on";

/// Stands for what `text` cannot hold.
const ESCAPE: char = '\u{1a}';

/// Connects, and sets the session up.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    sqlx::raw_sql(SESSION).execute(&mut connection).await?;
    Ok(connection)
}

/// Reads whether the server keeps what it acknowledges, and whether texts of every script fit.
pub(super) async fn settings(connection: &mut PgConnection) -> Done<Vec<(&'static str, String)>> {
    let text = "SELECT current_setting('fsync'), current_setting('full_page_writes'), \
        current_setting('synchronous_commit'), current_setting('server_encoding')";
    let row = sqlx::query(text).fetch_one(connection).await?;
    let names = ["fsync", "full_page_writes", "synchronous_commit", "server_encoding"];
    let value = |(nth, name): (usize, &'static str)| Ok((name, row.try_get(nth)?));
    let all: Result<_, sqlx::Error> = names.into_iter().enumerate().map(value).collect();
    Ok(all?)
}

/// The values of a statement; a table is one array for each of its columns.
pub(super) fn arguments(values: &[Value<'_>]) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Rows(rows) => {
                for nth in 0..rows.width() {
                    arguments.add(Column(rows, nth)).map_err(sqlx::Error::Encode)?;
                }
            }
            _ => arguments.add(One(value)).map_err(sqlx::Error::Encode)?,
        }
    }
    Ok(arguments)
}

/// Type numbers that PostgreSQL has given out for ever: of a value, and of an array of such.
const fn oids(value: &Value<'_>) -> (u32, u32) {
    match value {
        Value::Int(_) => (20, 1016),
        Value::Id(_) => (2950, 2951),
        Value::Text(_) => (25, 1009),
        Value::Bytes(_) | Value::Rows(_) => (17, 1001),
    }
}

/// Appends a value's bytes, if it has any.
fn write(value: &Value<'_>, buffer: &mut PgArgumentBuffer) -> IsNull {
    let present = match value {
        Value::Int(int) => int.map(|int| buffer.extend_from_slice(&int.to_be_bytes())),
        Value::Id(id) => id.map(|id| buffer.extend_from_slice(&id)),
        Value::Text(text) => text.map(|text| buffer.extend_from_slice(escape(text).as_bytes())),
        Value::Bytes(bytes) => bytes.map(|bytes| buffer.extend_from_slice(bytes)),
        Value::Rows(_) => unreachable!("a table is no value of a table"),
    };
    if present.is_some() { IsNull::No } else { IsNull::Yes }
}

/// One value as a parameter.
struct One<'v>(&'v Value<'v>);

impl Type<Postgres> for One<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for One<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(write(self.0, buffer))
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(Oid(oids(self.0).0)))
    }
}

/// A column of a table as a parameter.
struct Column<'v>(&'v Rows<'v>, usize);

impl Column<'_> {
    fn oids(&self) -> (u32, u32) {
        oids(self.0.column(self.1).next().expect("statements of no rows are not sent"))
    }
}

impl Type<Postgres> for Column<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Column<'_> {
    /// The binary form of arrays: dimensions, whether there are nulls, the type, the length, the first index, and
    /// each value after its length.
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let length = i32::try_from(self.0.iter().len())?;
        for head in [1, 1] {
            buffer.extend_from_slice(&i32::to_be_bytes(head));
        }
        buffer.extend_from_slice(&self.oids().0.to_be_bytes());
        for head in [length, 1] {
            buffer.extend_from_slice(&head.to_be_bytes());
        }
        for value in self.0.column(self.1) {
            let start = buffer.len();
            buffer.extend_from_slice(&(-1_i32).to_be_bytes());
            if let IsNull::No = write(value, buffer) {
                let length = i32::try_from(buffer.len() - start - 4)?;
                buffer[start..start + 4].copy_from_slice(&length.to_be_bytes());
            }
        }
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(Oid(self.oids().1)))
    }
}

/// The bytes of a column, if it has any.
pub(super) fn bytes(row: &PgRow, nth: usize) -> Done<Option<&[u8]>> {
    let value = row.try_get_raw(nth)?;
    if value.is_null() {
        return Ok(None);
    }
    value.as_bytes().map(Some).map_err(|_| unreadable())
}

/// A number of 2, 4 or 8 bytes.
pub(super) fn int(bytes: &[u8]) -> Done<i64> {
    match *bytes {
        [a, b] => Ok(i64::from(i16::from_be_bytes([a, b]))),
        [a, b, c, d] => Ok(i64::from(i32::from_be_bytes([a, b, c, d]))),
        _ => bytes.try_into().map(i64::from_be_bytes).map_err(|_| unreadable()),
    }
}

fn escape(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte == 0 || byte == ESCAPE as u8) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\0' => escaped.extend([ESCAPE, '0']),
            ESCAPE => escaped.extend([ESCAPE, '1']),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// What [`escape`] was given.
pub(super) fn unescape(text: &str) -> String {
    let mut parts = text.split(ESCAPE);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (letter, rest) = match part.strip_prefix('0') {
            Some(rest) => ('\0', rest),
            None => (ESCAPE, part.strip_prefix('1').unwrap_or(part)),
        };
        plain.push(letter);
        plain.push_str(rest);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lead_back() {
        for text in ["", "plain", "a\0b", "\0", "\u{1a}", "\u{1a}0", "x\u{1a}1\0", "0\u{1a}\u{1a}\0\0"] {
            let escaped = escape(text);
            assert!(!escaped.contains('\0'));
            assert_eq!(unescape(&escaped), text, "{text:?}");
        }
        assert!(matches!(escape("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn numbers_have_three_lengths() {
        assert_eq!(int(&[0xff, 0xfe]).unwrap(), -2);
        assert_eq!(int(&[0, 0, 1, 0]).unwrap(), 256);
        assert_eq!(int(&i64::MAX.to_be_bytes()).unwrap(), i64::MAX);
        assert!(int(&[1]).is_err());
    }
}
