//! Writing: what values look like to clients, straight from the domain's types into one buffer.
//!
//! Domain types are not serialisable; how they look is declared here and in [`models`](super::models), with
//! [`shown!`](super::show::shown), from which the published schema follows too. An absent value writes no field: no
//! declaration can forget it.

use chat_core::{
    AttachmentId, ClientId, ConversationId, EntryId, Metadata, Patch, Seq, SessionId, Timestamp, UserId,
};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value as Schema, json};
use uuid::Uuid;

use super::fields::{FieldDoc, Need, Value};
use super::values::Word;

/// What a value looks like.
pub(crate) trait Show {
    /// Whether its field is always there.
    const NEED: Need = Need::Required;

    /// As JSON Schema.
    fn schema() -> Schema;

    /// Whether its field is left out.
    fn is_absent(&self) -> bool {
        false
    }

    /// Writes it.
    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

/// What looks like an object with named fields, and has a name of its own in the documents.
pub(crate) trait Model {
    /// Its name in the documents.
    const NAME: &'static str;
    /// What it is, for people.
    const ABOUT: &'static str;

    /// What is published about its fields.
    fn fields() -> Vec<FieldDoc>;

    /// Writes its fields into an object that may hold others.
    fn put<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

/// How a [`Model`] is referred to in the documents.
pub(crate) fn reference<T: Model>() -> Schema {
    json!({ "$ref": format!("#/components/schemas/{}", T::NAME) })
}

/// Writes a [`Model`] as an object.
pub(crate) fn show_model<T: Model, S: Serializer>(model: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    model.put(&mut map)?;
    map.end()
}

/// Gives something that is shown to `serde`.
pub(crate) struct Shown<'a, T>(pub(crate) &'a T);

impl<T: Show> Serialize for Shown<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.show(serializer)
    }
}

/// Writes one field, if there is something to write.
pub(crate) fn field<M: SerializeMap>(
    map: &mut M,
    name: &'static str,
    value: &impl Show,
) -> Result<(), M::Error> {
    if value.is_absent() { Ok(()) } else { map.serialize_entry(name, &Shown(value)) }
}

/// The name of a field that Rust has to write as `r#name`.
pub(crate) fn plain(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// Declares what a type looks like: its name in the documents, and each field with its type and where it comes from.
macro_rules! shown {
    ($($(#[doc = $about:literal])+ $name:literal: $type:ty as $it:ident {
        $($(#[doc = $doc:literal])+ $field:ident: $shown:ty = $value:expr,)+
    })+) => {$(
        impl $crate::wire::show::Model for $type {
            const NAME: &'static str = $name;
            const ABOUT: &'static str = concat!($($about),+);

            fn fields() -> Vec<$crate::wire::fields::FieldDoc> {
                vec![$($crate::wire::fields::FieldDoc {
                    name: $crate::wire::show::plain(stringify!($field)),
                    about: concat!($($doc),+),
                    need: <$shown as $crate::wire::show::Show>::NEED,
                    schema: <$shown as $crate::wire::show::Show>::schema(),
                },)+]
            }

            fn put<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                let $it = self;
                $(
                    let value: $shown = $value;
                    $crate::wire::show::field(map, $crate::wire::show::plain(stringify!($field)), &value)?;
                )+
                Ok(())
            }
        }

        impl $crate::wire::show::Show for $type {
            fn schema() -> serde_json::Value {
                $crate::wire::show::reference::<Self>()
            }

            fn show<S: serde::ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::wire::show::show_model(self, serializer)
            }
        }
    )+};
}
pub(crate) use shown;

/// An object that has no fields of its own.
pub(crate) struct Empty;

impl Model for Empty {
    const NAME: &'static str = "Empty";
    const ABOUT: &'static str = "Nothing.";

    fn fields() -> Vec<FieldDoc> {
        Vec::new()
    }

    fn put<M: SerializeMap>(&self, _: &mut M) -> Result<(), M::Error> {
        Ok(())
    }
}

impl Show for Empty {
    fn schema() -> Schema {
        reference::<Self>()
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        show_model(self, serializer)
    }
}

/// Shown as themselves, by their `Display`.
macro_rules! as_text {
    ($($type:ty: $schema:expr;)+) => {$(
        impl Show for $type {
            fn schema() -> Schema {
                $schema
            }

            fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )+};
}

as_text! {
    AttachmentId: <AttachmentId as Value>::schema();
    ConversationId: <ConversationId as Value>::schema();
    EntryId: json!({ "type": "string", "format": "uuid" });
    SessionId: <SessionId as Value>::schema();
    UserId: <UserId as Value>::schema();
    Uuid: json!({ "type": "string", "format": "uuid" });
}

/// Words and validated values that are read as they are written.
macro_rules! as_word {
    ($($type:ty)+) => {$(
        impl Show for $type {
            fn schema() -> Schema {
                <Self as Value>::schema()
            }

            fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }
    )+};
}

as_word! {
    chat_core::Kind chat_core::Role chat_core::Join chat_core::Read chat_core::Post chat_core::History
    chat_core::Relation chat_core::store::Notify
}

impl Show for ClientId {
    fn schema() -> Schema {
        <Self as Value>::schema()
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Show for str {
    fn schema() -> Schema {
        json!({ "type": "string" })
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl Show for String {
    fn schema() -> Schema {
        str::schema()
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl Show for bool {
    fn schema() -> Schema {
        json!({ "type": "boolean" })
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*self)
    }
}

impl Show for u64 {
    fn schema() -> Schema {
        json!({ "type": "integer", "minimum": 0, "maximum": Seq::MAX.get() })
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(*self)
    }
}

impl Show for Seq {
    fn schema() -> Schema {
        u64::schema()
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.get())
    }
}

impl Show for Metadata {
    fn schema() -> Schema {
        <Self as Value>::schema()
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_object().serialize(serializer)
    }
}

/// Any JSON.
impl Show for serde_json::Value {
    fn schema() -> Schema {
        json!(true)
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
}

impl Show for Timestamp {
    fn schema() -> Schema {
        json!({ "type": "string", "format": "date-time" })
    }

    /// RFC 3339 in UTC with milliseconds; what no such text can say is shown as the nearest that one can.
    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// 9999-12-31T23:59:59.999Z.
        const LAST: i64 = 253_402_300_799_999;
        /// 0000-01-01T00:00:00.000Z.
        const FIRST: i64 = -62_167_219_200_000;

        let millis = self.millis().clamp(FIRST, LAST);
        let at = time::OffsetDateTime::from_unix_timestamp(millis.div_euclid(1_000))
            .expect("these years can be told");
        let (date, time, millis) = (at.date(), at.time(), millis.rem_euclid(1_000));
        serializer.collect_str(&format_args!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{millis:03}Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
        ))
    }
}

impl<T: Show> Show for Option<T> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        T::schema()
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.show(serializer),
            None => serializer.serialize_unit(),
        }
    }
}

/// In a change, what was taken away is null: it is there, and it is nothing.
impl<T: Show> Show for Patch<T> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({ "anyOf": [T::schema(), { "type": "null" }] })
    }

    fn is_absent(&self) -> bool {
        self.is_keep()
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Set(value) => value.show(serializer),
            Self::Keep | Self::Clear => serializer.serialize_unit(),
        }
    }
}

impl<T: Show + ?Sized> Show for &T {
    const NEED: Need = T::NEED;

    fn schema() -> Schema {
        T::schema()
    }

    fn is_absent(&self) -> bool {
        (**self).is_absent()
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).show(serializer)
    }
}

impl<T: Show> Show for [T] {
    fn schema() -> Schema {
        json!({ "type": "array", "items": T::schema() })
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Shown))
    }
}

/// A list that is left out when it is empty.
pub(crate) struct NonEmpty<'a, T>(pub(crate) &'a [T]);

impl<T: Show> Show for NonEmpty<'_, T> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        <[T]>::schema()
    }

    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.show(serializer)
    }
}
