//! What may stand in a field: the domain's validated values, read from JSON.

use std::borrow::Cow;

use chat_core::accounts::Secret;
use chat_core::command::{More, Typing};
use chat_core::store::{FriendFilter, Notify};
use chat_core::{
    AttachmentId, ClientId, ConversationId, Device, History, Join, Kind, Limit, Metadata, Post, Query, Read,
    Refusal, Relation, Role, Seq, SessionId, Text, UserId,
};
use serde_json::{Value as Schema, json};
use uuid::Uuid;

use super::fields::{At, Ids, Source, Value, integer};
use crate::cursor::{Binding, Key, List};
use crate::json::{Json, to_map};
use crate::problem::Failure;

/// A value that is one of some words.
pub(crate) trait Word: Copy + PartialEq + 'static {
    /// Each with its word.
    const WORDS: &'static [(&'static str, Self)];

    /// Its word.
    fn word(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(_, value)| *value == self);
        found.map_or("", |(word, _)| word)
    }
}

macro_rules! words {
    ($($type:ty { $($word:literal = $value:expr),+ $(,)? })+) => {$(
        impl Word for $type {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, $value)),+];
        }

        impl Value for $type {
            fn schema() -> Schema {
                json!({ "type": "string", "enum": [$($word),+] })
            }

            fn read(json: Json<'_>, at: &At<'_>, _ids: &mut Ids) -> Result<Self, Failure> {
                let word = text(json, at)?;
                let found = Self::WORDS.iter().find(|(known, _)| *known == word);
                found.map(|(_, value)| *value).ok_or_else(|| at.refuse(concat!("must be one of" $(, " ", $word)+)))
            }
        }
    )+};
}

words! {
    Kind { "direct" = Self::Direct, "group" = Self::Group, "channel" = Self::Channel }
    Role { "member" = Self::Member, "admin" = Self::Admin, "owner" = Self::Owner }
    Join { "invite" = Self::Invite, "open" = Self::Open }
    Read { "members" = Self::Members, "anyone" = Self::Anyone }
    Post { "members" = Self::Members, "admins" = Self::Admins }
    History { "all" = Self::All, "from_join" = Self::FromJoin }
    Relation {
        "none" = Self::None, "requested" = Self::Requested, "incoming" = Self::Incoming, "friends" = Self::Friends,
    }
    FriendFilter {
        "friends" = Self::Relation(Relation::Friends),
        "requested" = Self::Relation(Relation::Requested),
        "incoming" = Self::Relation(Relation::Incoming),
        "none" = Self::Relation(Relation::None),
        "blocked" = Self::Blocked,
    }
    Notify { "all" = Self::All, "mentions" = Self::Mentions, "nothing" = Self::Nothing }
    NewKind { "group" = Self(Kind::Group), "channel" = Self(Kind::Channel) }
}

/// The kind of a conversation that can be made: direct ones make themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewKind(pub(crate) Kind);

/// Positions by conversation, in the order given.
#[derive(Debug)]
pub(crate) struct Positions(pub(crate) Vec<(ConversationId, Seq)>);

/// The epoch a client knows. What cannot be one is one that we never had.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(pub(crate) Uuid);

/// A cursor as a client sent it; which list it must be of is known once the other fields are.
#[derive(Debug)]
pub(crate) struct Cursor {
    text: String,
    field: String,
}

impl Cursor {
    /// The key it stands for. Before it is known who asks, it stands for none: nobody is answered then.
    ///
    /// # Errors
    /// `validation_failed` when it is not of this list and user.
    pub(crate) fn key<K: Key>(self, user: Option<UserId>, list: &List<'_>) -> Result<K, Failure> {
        let Some(user) = user else { return Ok(K::from_bytes([0; 16])) };
        let key = Binding::new(user, list).key(&self.text);
        key.ok_or_else(|| Failure::invalid(self.field, "is not a cursor of this list"))
    }
}

fn text<'a>(json: Json<'a>, at: &At<'_>) -> Result<Cow<'a, str>, Failure> {
    match json {
        Json::Text(text) => Ok(text),
        other => Err(at.mistyped("a string", &other)),
    }
}

fn boolean(json: &Json<'_>, at: &At<'_>) -> Result<bool, Failure> {
    match json {
        Json::Bool(value) => Ok(*value),
        other => Err(at.mistyped("a boolean", other)),
    }
}

/// What a domain type found wrong, told about this place.
fn told_at(at: &At<'_>) -> impl FnOnce(Refusal) -> Failure {
    let field = at.to_string();
    move |refusal| Failure::invalid(field, refusal.to_string())
}

impl Value for String {
    fn schema() -> Schema {
        json!({ "type": "string" })
    }

    fn read(json: Json<'_>, at: &At<'_>, _ids: &mut Ids) -> Result<Self, Failure> {
        let text = text(json, at)?;
        if text.chars().any(char::is_control) {
            return Err(at.refuse("control characters are not allowed"));
        }
        Ok(text.into_owned())
    }
}

impl Value for Secret {
    fn schema() -> Schema {
        json!({ "type": "string", "format": "password" })
    }

    fn read(json: Json<'_>, at: &At<'_>, _ids: &mut Ids) -> Result<Self, Failure> {
        Ok(text(json, at)?.into_owned().into())
    }
}

impl Value for Device {
    fn schema() -> Schema {
        json!({ "type": "string", "maxLength": 128 })
    }

    fn read(json: Json<'_>, at: &At<'_>, ids: &mut Ids) -> Result<Self, Failure> {
        let name = String::read(json, at, ids)?;
        if name.chars().count() > 128 {
            return Err(at.refuse("must have at most 128 characters"));
        }
        Ok(Self::new(&name))
    }
}

impl Value for AttachmentId {
    fn schema() -> Schema {
        json!({ "type": "string", "format": "uuid", "description": "The id of a file." })
    }

    fn read(json: Json<'_>, at: &At<'_>, ids: &mut Ids) -> Result<Self, Failure> {
        Ok(text(json, at)?.parse().unwrap_or_else(|_| {
            ids.name_nothing();
            Uuid::nil().into()
        }))
    }
}

impl Value for SessionId {
    fn schema() -> Schema {
        json!({ "type": "string", "format": "uuid", "description": "The id of a login." })
    }

    fn read(json: Json<'_>, at: &At<'_>, ids: &mut Ids) -> Result<Self, Failure> {
        Ok(text(json, at)?.parse().unwrap_or_else(|_| {
            ids.name_nothing();
            Uuid::nil().into()
        }))
    }
}

impl Value for bool {
    fn schema() -> Schema {
        json!({ "type": "boolean" })
    }

    fn read(json: Json<'_>, at: &At<'_>, _ids: &mut Ids) -> Result<Self, Failure> {
        boolean(&json, at)
    }
}

impl Value for Typing {
    fn schema() -> Schema {
        bool::schema()
    }

    fn read(json: Json<'_>, at: &At<'_>, _ids: &mut Ids) -> Result<Self, Failure> {
        Ok(if boolean(&json, at)? { Self::Active } else { Self::Stopped })
    }
}

impl Value for More {
    fn schema() -> Schema {
        bool::schema()
    }

    fn read(json: Json<'_>, at: &At<'_>, _ids: &mut Ids) -> Result<Self, Failure> {
        Ok(if boolean(&json, at)? { Self::Yes } else { Self::No })
    }
}

impl Value for super::Resume {
    fn schema() -> Schema {
        bool::schema()
    }

    fn read(json: Json<'_>, at: &At<'_>, _ids: &mut Ids) -> Result<Self, Failure> {
        Ok(if boolean(&json, at)? { Self::AwaitSync } else { Self::Live })
    }
}

impl Value for Seq {
    fn schema() -> Schema {
        json!({ "type": "integer", "minimum": 0, "maximum": Self::MAX.get() })
    }

    fn read(json: Json<'_>, at: &At<'_>, ids: &mut Ids) -> Result<Self, Failure> {
        let in_range = |number: &u64| *number <= Self::MAX.get();
        match integer(&json, at).map(|number| Some(number).filter(in_range)) {
            Ok(Some(number)) => Ok(Self::new(number)),
            // In a path it is an id like any other.
            _ if at.source() == Source::Path => {
                ids.name_nothing();
                Ok(Self::ZERO)
            }
            Ok(None) => Err(at.refuse("must be below 2^53")),
            Err(failure) => Err(failure),
        }
    }
}

impl Value for Limit {
    fn schema() -> Schema {
        json!({ "type": "integer", "minimum": 1, "maximum": Self::MAX.get(), "default": Self::default().get() })
    }

    fn read(json: Json<'_>, at: &At<'_>, _ids: &mut Ids) -> Result<Self, Failure> {
        Self::new(integer(&json, at)?).ok_or_else(|| at.refuse("must be from 1 to 200"))
    }
}

impl Value for UserId {
    fn schema() -> Schema {
        json!({ "type": "string", "description": "The id of a user." })
    }

    fn read(json: Json<'_>, at: &At<'_>, ids: &mut Ids) -> Result<Self, Failure> {
        Ok(text(json, at)?.parse().unwrap_or_else(|_| {
            ids.name_nothing();
            Self::SYSTEM
        }))
    }
}

impl Value for ConversationId {
    fn schema() -> Schema {
        json!({ "type": "string", "format": "uuid", "description": "The id of a conversation." })
    }

    fn read(json: Json<'_>, at: &At<'_>, ids: &mut Ids) -> Result<Self, Failure> {
        Ok(conversation_id(&text(json, at)?, ids))
    }
}

fn conversation_id(text: &str, ids: &mut Ids) -> ConversationId {
    text.parse().unwrap_or_else(|_| {
        ids.name_nothing();
        Uuid::nil().into()
    })
}

impl Value for ClientId {
    fn schema() -> Schema {
        json!({ "type": "string", "pattern": "^[!-~]{1,64}$", "description": "A UUID, never used twice by its user." })
    }

    fn read(json: Json<'_>, at: &At<'_>, _ids: &mut Ids) -> Result<Self, Failure> {
        Self::new(text(json, at)?).map_err(told_at(at))
    }
}

impl Value for Text {
    fn schema() -> Schema {
        json!({ "type": "string", "minLength": 1 })
    }

    fn read(json: Json<'_>, at: &At<'_>, _ids: &mut Ids) -> Result<Self, Failure> {
        Self::new(text(json, at)?).map_err(told_at(at))
    }
}

impl Value for Query {
    fn schema() -> Schema {
        json!({ "type": "string", "minLength": 1, "maxLength": 128 })
    }

    fn read(json: Json<'_>, at: &At<'_>, _ids: &mut Ids) -> Result<Self, Failure> {
        Self::new(&text(json, at)?).ok_or_else(|| at.refuse("must have from 1 to 128 characters"))
    }
}

impl Value for Metadata {
    fn schema() -> Schema {
        json!({ "type": "object", "description": "The client's or host's own data, at most 8 deep." })
    }

    fn read(json: Json<'_>, at: &At<'_>, _ids: &mut Ids) -> Result<Self, Failure> {
        match json {
            Json::Object(entries) => Self::new(to_map(entries)).map_err(told_at(at)),
            other => Err(at.mistyped("an object", &other)),
        }
    }
}

impl<T: Value> Value for Vec<T> {
    fn schema() -> Schema {
        json!({ "type": "array", "items": T::schema() })
    }

    fn read(json: Json<'_>, at: &At<'_>, ids: &mut Ids) -> Result<Self, Failure> {
        let items = match json {
            Json::List(items) => items,
            other => return Err(at.mistyped("an array", &other)),
        };
        let read = |(index, item)| match item {
            Json::Null => Err(At::Index(at, index).refuse("must not be null")),
            item => T::read(item, &At::Index(at, index), ids),
        };
        items.into_iter().enumerate().map(read).collect()
    }
}

impl Value for Positions {
    fn schema() -> Schema {
        json!({
            "type": "object",
            "additionalProperties": Seq::schema(),
            "description": "The last position the client has, by conversation.",
        })
    }

    fn read(json: Json<'_>, at: &At<'_>, ids: &mut Ids) -> Result<Self, Failure> {
        let entries = match json {
            Json::Object(entries) => entries,
            other => return Err(at.mistyped("an object", &other)),
        };
        let read = |(key, seq): (Cow<'_, str>, Json<'_>)| {
            Ok((conversation_id(&key, ids), Seq::read(seq, &At::Key(at, &key), ids)?))
        };
        entries.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl Value for Epoch {
    fn schema() -> Schema {
        json!({ "type": "string", "format": "uuid", "description": "`epoch` of the `hello` its positions are from." })
    }

    fn read(json: Json<'_>, at: &At<'_>, _ids: &mut Ids) -> Result<Self, Failure> {
        Ok(Self(text(json, at)?.parse().unwrap_or(Uuid::nil())))
    }
}

impl Value for Cursor {
    fn schema() -> Schema {
        json!({ "type": "string", "description": "An opaque cursor: `next` of the page before." })
    }

    fn read(json: Json<'_>, at: &At<'_>, _ids: &mut Ids) -> Result<Self, Failure> {
        Ok(Self { text: text(json, at)?.into_owned(), field: at.to_string() })
    }
}
