//! Rows, column by column.

use chat_core::id::{Seq, UserId};
use chat_core::message::{ClientId, Payload};
use chat_core::store::{Particulars, StoreError};
use chat_core::time::Timestamp;
#[cfg(feature = "mysql")]
use sqlx::Row as _;

use super::error::{Done, Failure, UNREADABLE};
use crate::codec::{Code, unpack_client_id};

/// A row of either server.
#[derive(Debug)]
pub(super) enum Row {
    /// Of PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
    /// Of MySQL or MariaDB.
    #[cfg(feature = "mysql")]
    MySql(sqlx::mysql::MySqlRow),
}

impl Row {
    fn int(&self, nth: usize) -> Done<Option<i64>> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => self.bytes(nth)?.map(super::postgres::int).transpose(),
            #[cfg(feature = "mysql")]
            Self::MySql(row) => row.try_get_unchecked(nth).map_err(Failure::from),
        }
    }

    fn bytes(&self, nth: usize) -> Done<Option<&[u8]>> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => super::postgres::bytes(row, nth),
            #[cfg(feature = "mysql")]
            Self::MySql(row) => row.try_get_unchecked(nth).map_err(Failure::from),
        }
    }

    fn text(&self, nth: usize) -> Done<Option<String>> {
        let Some(bytes) = self.bytes(nth)? else { return Ok(None) };
        let text = std::str::from_utf8(bytes).map_err(|_| unreadable())?;
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Ok(Some(super::postgres::unescape(text))),
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Ok(Some(text.to_owned())),
        }
    }
}

/// What a column that is not what it should be means.
pub(super) fn unreadable() -> Failure {
    Failure::Store(StoreError::Corrupt(UNREADABLE))
}

/// Reads the columns of a row in order, each as what it is.
#[derive(Debug)]
pub(super) struct Columns<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> Columns<'r> {
    /// From the first column on.
    pub(super) const fn of(row: &'r Row) -> Self {
        Self { row, next: 0 }
    }

    /// From the first column on, once more: for a row whose key is read before the rest of it.
    pub(super) const fn again(&mut self) -> &mut Self {
        self.next = 0;
        self
    }

    /// Passes over so many columns.
    pub(super) const fn skip(&mut self, columns: usize) {
        self.next += columns;
    }

    fn advance(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    /// A number.
    pub(super) fn int(&mut self) -> Done<i64> {
        self.optional_int()?.ok_or_else(unreadable)
    }

    /// A number, where there may be none.
    pub(super) fn optional_int(&mut self) -> Done<Option<i64>> {
        let nth = self.advance();
        self.row.int(nth)
    }

    /// Text.
    pub(super) fn text(&mut self) -> Done<String> {
        self.optional_text()?.ok_or_else(unreadable)
    }

    /// Text, where there may be none.
    pub(super) fn optional_text(&mut self) -> Done<Option<String>> {
        let nth = self.advance();
        self.row.text(nth)
    }

    /// Bytes, where there may be none.
    pub(super) fn optional_bytes(&mut self) -> Done<Option<&'r [u8]>> {
        let nth = self.advance();
        self.row.bytes(nth)
    }

    /// Bytes of one length.
    pub(super) fn array<const N: usize>(&mut self) -> Done<[u8; N]> {
        self.optional_array()?.ok_or_else(unreadable)
    }

    /// Bytes of one length, where there may be none.
    pub(super) fn optional_array<const N: usize>(&mut self) -> Done<Option<[u8; N]>> {
        let bytes = self.optional_bytes()?;
        bytes.map(|bytes| bytes.try_into().map_err(|_| unreadable())).transpose()
    }

    /// An id of 16 bytes.
    pub(super) fn id<T>(&mut self, from: impl FnOnce([u8; 16]) -> T) -> Done<T> {
        self.array().map(from)
    }

    /// A user, where there may be none.
    pub(super) fn optional_user(&mut self) -> Done<Option<UserId>> {
        Ok(self.optional_array()?.map(UserId::from_bytes))
    }

    /// A counter.
    pub(super) fn count(&mut self) -> Done<u64> {
        u64::try_from(self.int()?).map_err(|_| unreadable())
    }

    /// A position.
    pub(super) fn seq(&mut self) -> Done<Seq> {
        self.count().map(Seq::new)
    }

    /// A position, where there may be none.
    pub(super) fn optional_seq(&mut self) -> Done<Option<Seq>> {
        let seq = |value| u64::try_from(value).map(Seq::new).map_err(|_| unreadable());
        self.optional_int()?.map(seq).transpose()
    }

    /// A time.
    pub(super) fn time(&mut self) -> Done<Timestamp> {
        self.int().map(Timestamp::from_millis)
    }

    /// A time, where there may be none.
    pub(super) fn optional_time(&mut self) -> Done<Option<Timestamp>> {
        Ok(self.optional_int()?.map(Timestamp::from_millis))
    }

    /// One of ours.
    pub(super) fn code<C: Code>(&mut self) -> Done<C> {
        C::from_code(self.int()?).ok_or_else(unreadable)
    }

    /// Opaque bytes, where there may be none.
    pub(super) fn payload(&mut self) -> Done<Option<Payload>> {
        Ok(self.optional_bytes()?.map(|bytes| Payload::from(bytes.to_vec())))
    }

    /// What an account holds that no store looks into.
    pub(super) fn particulars(&mut self) -> Done<Particulars> {
        Particulars::from_column(self.optional_bytes()?).ok_or_else(unreadable)
    }

    /// A client's own id.
    pub(super) fn client_id(&mut self) -> Done<ClientId> {
        let packed = self.optional_bytes()?.ok_or_else(unreadable)?;
        unpack_client_id(packed).ok_or_else(unreadable)
    }
}
