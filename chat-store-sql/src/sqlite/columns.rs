//! Rows, column by column.

use chat_core::id::{Seq, UserId};
use chat_core::message::{ClientId, Payload};
use chat_core::store::Particulars;
use chat_core::time::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, Type};
use rusqlite::{Error, Result, Row};

use crate::codec::{Code, unpack_client_id};

/// Reads the columns of a row in order, each as what it is.
pub(super) struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    /// From the first column on.
    pub(super) const fn of(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column, as SQLite has it.
    pub(super) fn value<T: FromSql>(&mut self) -> Result<T> {
        let value = self.row.get(self.next);
        self.next += 1;
        value
    }

    /// An id of 16 bytes.
    pub(super) fn id<T>(&mut self, from: impl FnOnce([u8; 16]) -> T) -> Result<T> {
        self.value().map(from)
    }

    /// A user, where there may be none.
    pub(super) fn optional_user(&mut self) -> Result<Option<UserId>> {
        Ok(self.value::<Option<[u8; 16]>>()?.map(UserId::from_bytes))
    }

    /// A counter.
    pub(super) fn count(&mut self) -> Result<u64> {
        let value = self.value::<i64>()?;
        u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(self.next - 1, value))
    }

    /// A position.
    pub(super) fn seq(&mut self) -> Result<Seq> {
        self.count().map(Seq::new)
    }

    /// A position, where there may be none.
    pub(super) fn optional_seq(&mut self) -> Result<Option<Seq>> {
        let value = self.value::<Option<i64>>()?;
        let seq = |value| {
            let value =
                u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(self.next - 1, value))?;
            Ok(Seq::new(value))
        };
        value.map(seq).transpose()
    }

    /// A time.
    pub(super) fn time(&mut self) -> Result<Timestamp> {
        self.value().map(Timestamp::from_millis)
    }

    /// A time, where there may be none.
    pub(super) fn optional_time(&mut self) -> Result<Option<Timestamp>> {
        Ok(self.value::<Option<i64>>()?.map(Timestamp::from_millis))
    }

    /// One of ours.
    pub(super) fn code<C: Code>(&mut self) -> Result<C> {
        let value = self.value()?;
        C::from_code(value).ok_or(Error::IntegralValueOutOfRange(self.next - 1, value))
    }

    /// Opaque bytes, where there may be none.
    pub(super) fn payload(&mut self) -> Result<Option<Payload>> {
        Ok(self.value::<Option<Vec<u8>>>()?.map(Payload::from))
    }

    /// What an account holds that no store looks into.
    pub(super) fn particulars(&mut self) -> Result<Particulars> {
        let column = self.value::<Option<Vec<u8>>>()?;
        Particulars::from_column(column.as_deref()).ok_or_else(|| {
            Error::FromSqlConversionFailure(self.next - 1, Type::Blob, Box::new(FromSqlError::InvalidType))
        })
    }

    /// A client's own id.
    pub(super) fn client_id(&mut self) -> Result<ClientId> {
        let at = self.next;
        self.next += 1;
        let packed = self.row.get_ref(at)?.as_blob();
        let unpacked = packed.and_then(|bytes| unpack_client_id(bytes).ok_or(FromSqlError::InvalidType));
        unpacked.map_err(|error| Error::FromSqlConversionFailure(at, Type::Blob, Box::new(error)))
    }
}
