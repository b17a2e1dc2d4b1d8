//! Documents as values of the core, and back: the format in which everything stands in the database.
//!
//! Ids that stand alone are UUIDs (subtype 4), those in a composed key are its bytes; counters, positions, times and
//! the numbers of enums are 64-bit integers. What is absent has no field.

mod conversation;
mod entry;
mod member;

use bytes::Bytes;
use chat_core::id::{Seq, UserId};
use chat_core::store::code::{Code, int};
use chat_core::time::Timestamp;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document, RawBsonRef, RawDocument, RawDocumentBuf};

pub(crate) use self::conversation::{
    Room, counters, read_conversation, record, record_fields, room_document, settled_fields,
};
pub(crate) use self::entry::{Doing, FromRow, TailEntry, entry_document, mark_document, read_marks};
pub(crate) use self::member::{MemberRow, Move};
use crate::error::{Failure, Unreadable};

/// What a reading gives.
pub(crate) type Read<T> = Result<T, Unreadable>;

/// The fields of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'d>(pub(crate) &'d RawDocument);

impl<'d> Fields<'d> {
    pub(crate) fn get(self, name: &'static str) -> Read<Option<RawBsonRef<'d>>> {
        self.0.get(name).map_err(|_| Unreadable(name))
    }

    /// A field that may be absent, read by `read`, which answers nothing for another type.
    pub(crate) fn optional<T>(
        self,
        name: &'static str,
        read: impl FnOnce(RawBsonRef<'d>) -> Option<T>,
    ) -> Read<Option<T>> {
        self.get(name)?.map(|value| read(value).ok_or(Unreadable(name))).transpose()
    }

    pub(crate) fn required<T>(
        self,
        name: &'static str,
        read: impl FnOnce(RawBsonRef<'d>) -> Option<T>,
    ) -> Read<T> {
        self.optional(name, read)?.ok_or(Unreadable(name))
    }

    pub(crate) fn int(self, name: &'static str) -> Read<i64> {
        self.required(name, as_int)
    }

    pub(crate) fn count(self, name: &'static str) -> Read<u64> {
        self.required(name, as_count)
    }

    pub(crate) fn optional_count(self, name: &'static str) -> Read<Option<u64>> {
        self.optional(name, as_count)
    }

    pub(crate) fn seq(self, name: &'static str) -> Read<Seq> {
        Ok(Seq::new(self.count(name)?))
    }

    pub(crate) fn optional_seq(self, name: &'static str) -> Read<Option<Seq>> {
        Ok(self.optional_count(name)?.map(Seq::new))
    }

    pub(crate) fn time(self, name: &'static str) -> Read<Timestamp> {
        Ok(Timestamp::from_millis(self.int(name)?))
    }

    pub(crate) fn optional_time(self, name: &'static str) -> Read<Option<Timestamp>> {
        Ok(self.optional(name, as_int)?.map(Timestamp::from_millis))
    }

    pub(crate) fn code<T: Code>(self, name: &'static str) -> Read<T> {
        self.required(name, |value| T::from_code(as_int(value)?))
    }

    pub(crate) fn flag(self, name: &'static str) -> Read<bool> {
        self.required(name, RawBsonRef::as_bool)
    }

    pub(crate) fn id<T>(self, name: &'static str, make: impl FnOnce([u8; 16]) -> T) -> Read<T> {
        self.required(name, |value| Some(make(as_id(value)?)))
    }

    pub(crate) fn optional_user(self, name: &'static str) -> Read<Option<UserId>> {
        self.optional(name, |value| as_id(value).map(UserId::from_bytes))
    }

    pub(crate) fn bytes(self, name: &'static str) -> Read<&'d [u8]> {
        self.required(name, as_bytes)
    }

    /// Bytes of a fixed number.
    pub(crate) fn array<const N: usize>(self, name: &'static str) -> Read<[u8; N]> {
        self.required(name, |value| as_bytes(value)?.try_into().ok())
    }

    pub(crate) fn optional_array<const N: usize>(self, name: &'static str) -> Read<Option<[u8; N]>> {
        self.optional(name, |value| as_bytes(value)?.try_into().ok())
    }

    pub(crate) fn payload(self, name: &'static str) -> Read<Option<Bytes>> {
        self.optional(name, |value| as_bytes(value).map(Bytes::copy_from_slice))
    }

    pub(crate) fn text(self, name: &'static str) -> Read<String> {
        self.required(name, |value| value.as_str().map(str::to_owned))
    }

    pub(crate) fn optional_text(self, name: &'static str) -> Read<Option<String>> {
        self.optional(name, |value| value.as_str().map(str::to_owned))
    }

    /// The documents of an array; none where there is no such field.
    pub(crate) fn documents(self, name: &'static str) -> Read<Vec<&'d RawDocument>> {
        let Some(array) = self.optional(name, RawBsonRef::as_array)? else { return Ok(Vec::new()) };
        let document = |value: Result<RawBsonRef<'d>, _>| value.ok()?.as_document();
        array.into_iter().map(|value| document(value).ok_or(Unreadable(name))).collect()
    }
}

fn as_int(value: RawBsonRef<'_>) -> Option<i64> {
    value.as_i64().or_else(|| value.as_i32().map(i64::from))
}

fn as_count(value: RawBsonRef<'_>) -> Option<u64> {
    u64::try_from(as_int(value)?).ok()
}

pub(crate) fn as_bytes(value: RawBsonRef<'_>) -> Option<&[u8]> {
    value.as_binary().map(|binary| binary.bytes)
}

fn as_id(value: RawBsonRef<'_>) -> Option<[u8; 16]> {
    as_bytes(value)?.try_into().ok()
}

/// An id that stands alone.
pub(crate) fn id(bytes: &[u8; 16]) -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: bytes.to_vec() }
}

pub(crate) fn binary(bytes: &[u8]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }
}

pub(crate) fn seq(seq: Seq) -> i64 {
    int(seq.get())
}

/// Sets a field, where there is a value.
pub(crate) fn set(document: &mut Document, name: &str, value: Option<impl Into<Bson>>) {
    if let Some(value) = value {
        document.insert(name, value);
    }
}

/// A document in the form in which it is sent.
pub(crate) fn raw(document: &Document) -> Result<RawDocumentBuf, Failure> {
    Ok(RawDocumentBuf::try_from(document).map_err(mongodb::error::Error::from)?)
}
