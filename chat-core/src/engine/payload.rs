//! The format of what stores keep as opaque bytes: compact JSON with one-letter names, absent when empty.
//!
//! Domain types are not serialisable; this is the one place that owns their stored form. A reader of an older or
//! newer version ignores what it does not know.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::attachment::{Attachment, FileName, Rendition, Size};
use crate::conversation::{History, Join, Post, Read, Role};
use crate::id::{Seq, UserId};
use crate::message::{Changes, Content, Metadata, Patch, Payload, Text};

/// What a message holds beside its text.
#[derive(Default, Serialize, Deserialize)]
struct Packed {
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<u64>,
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<PackedAttachment>,
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<String>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    metadata: Option<Map<String, Value>>,
}

/// A file of a message.
#[derive(Serialize, Deserialize)]
struct PackedAttachment {
    #[serde(rename = "i")]
    id: String,
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "f")]
    file: PackedRendition,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    thumbnail: Option<PackedRendition>,
}

/// One form of a file.
#[derive(Serialize, Deserialize)]
pub(super) struct PackedRendition {
    #[serde(rename = "t")]
    content_type: String,
    #[serde(rename = "b")]
    bytes: u64,
    /// Width and height.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    size: Option<(u32, u32)>,
}

/// Packs what a message holds beside its text; nothing when that is all.
pub(super) fn pack_content(content: &Content) -> Option<Payload> {
    let Content { text: _, reply_to, attachments, mentions, metadata } = content;
    if reply_to.is_none() && attachments.is_empty() && mentions.is_empty() && metadata.is_none() {
        return None;
    }
    Some(to_bytes(&Packed {
        reply_to: content.reply_to.map(Seq::get),
        attachments: content.attachments.iter().map(pack_attachment).collect(),
        mentions: content.mentions.iter().map(ToString::to_string).collect(),
        metadata: content.metadata.as_ref().map(|data| data.as_object().clone()),
    }))
}

/// The content of a stored message, `None` when it cannot be read.
pub(super) fn unpack_content(text: Option<&str>, payload: Option<&Payload>) -> Option<Content> {
    let packed: Packed = match payload {
        Some(bytes) => serde_json::from_slice(bytes).ok()?,
        None => Packed::default(),
    };
    let text = match text {
        Some(text) => Some(Text::new(text).ok()?),
        None => None,
    };
    let metadata = match packed.metadata {
        Some(object) => Some(Metadata::new(object).ok()?),
        None => None,
    };
    let reply_to = packed.reply_to.map(Seq::new);
    let attachments = packed.attachments.into_iter().map(unpack_attachment).collect::<Option<_>>()?;
    Some(Content { text, reply_to, attachments, mentions: users(&packed.mentions)?, metadata })
}

fn pack_attachment(attachment: &Attachment) -> PackedAttachment {
    PackedAttachment {
        id: attachment.id.to_string(),
        name: attachment.name.as_str().to_owned(),
        file: pack_rendition(&attachment.file),
        thumbnail: attachment.thumbnail.as_ref().map(pack_rendition),
    }
}

fn unpack_attachment(packed: PackedAttachment) -> Option<Attachment> {
    Some(Attachment {
        id: packed.id.parse().ok()?,
        name: FileName::new(&packed.name).ok()?,
        file: unpack_rendition(packed.file),
        thumbnail: packed.thumbnail.map(unpack_rendition),
    })
}

pub(super) fn pack_rendition(rendition: &Rendition) -> PackedRendition {
    PackedRendition {
        content_type: rendition.content_type.clone(),
        bytes: rendition.bytes,
        size: rendition.size.map(|size| (size.width, size.height)),
    }
}

pub(super) fn unpack_rendition(packed: PackedRendition) -> Rendition {
    let size = packed.size.map(|(width, height)| Size { width, height });
    Rendition { content_type: packed.content_type, bytes: packed.bytes, size }
}

/// What an entry about people or appearance says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Who it is about.
    pub(super) users: Vec<UserId>,
    /// The new role.
    pub(super) role: Option<Role>,
    /// Who became owner by it.
    pub(super) successor: Option<UserId>,
    /// What is new.
    pub(super) changes: Changes,
}

#[derive(Default, Serialize, Deserialize)]
struct PackedFacts {
    #[serde(rename = "u", default, skip_serializing_if = "Vec::is_empty")]
    users: Vec<String>,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
    /// Fields that changed; `null` for what was cleared.
    #[serde(rename = "c", default, skip_serializing_if = "Map::is_empty")]
    changes: Map<String, Value>,
}

/// Packs what an entry about people or appearance says.
pub(super) fn pack_facts(facts: &Facts) -> Payload {
    to_bytes(&PackedFacts {
        users: facts.users.iter().map(ToString::to_string).collect(),
        role: facts.role.map(|role| role.name().to_owned()),
        successor: facts.successor.map(|user| user.to_string()),
        changes: pack_changes(&facts.changes),
    })
}

/// What an entry about people or appearance says, `None` when it cannot be read.
pub(super) fn unpack_facts(payload: Option<&Payload>) -> Option<Facts> {
    let packed: PackedFacts = match payload {
        Some(bytes) => serde_json::from_slice(bytes).ok()?,
        None => PackedFacts::default(),
    };
    Some(Facts {
        users: users(&packed.users)?,
        role: packed.role.map(|name| Role::of(&name).ok_or(())).transpose().ok()?,
        successor: packed.successor.map(|user| user.parse()).transpose().ok()?,
        changes: unpack_changes(&packed.changes)?,
    })
}

fn pack_changes(changes: &Changes) -> Map<String, Value> {
    let mut map = Map::new();
    let mut patch = |name: &str, patch: Patch<Value>| match patch {
        Patch::Keep => {}
        Patch::Clear => drop(map.insert(name.to_owned(), Value::Null)),
        Patch::Set(value) => drop(map.insert(name.to_owned(), value)),
    };
    let word = |word: Option<&'static str>| word.map_or(Patch::Keep, |word| Patch::Set(word.into()));
    patch("name", changes.name.clone().map(Value::String));
    patch("picture", changes.picture.clone().map(Value::String));
    patch("metadata", changes.metadata.clone().map(|data| Value::Object(data.as_object().clone())));
    patch("join", word(changes.join.map(Join::name)));
    patch("read", word(changes.read.map(Read::name)));
    patch("post", word(changes.post.map(Post::name)));
    patch("history", word(changes.history.map(History::name)));
    map
}

fn unpack_changes(map: &Map<String, Value>) -> Option<Changes> {
    let text = |name: &str| match map.get(name) {
        None => Some(Patch::Keep),
        Some(Value::Null) => Some(Patch::Clear),
        Some(Value::String(text)) => Some(Patch::Set(text.clone())),
        Some(_) => None,
    };
    Some(Changes {
        name: text("name")?,
        picture: text("picture")?,
        metadata: match map.get("metadata") {
            None => Patch::Keep,
            Some(Value::Null) => Patch::Clear,
            Some(Value::Object(object)) => Patch::Set(Metadata::new(object.clone()).ok()?),
            Some(_) => return None,
        },
        join: word(map, "join", Join::of)?,
        read: word(map, "read", Read::of)?,
        post: word(map, "post", Post::of)?,
        history: word(map, "history", History::of)?,
    })
}

/// The enum of a word: `None` when it is none of its words, a present `None` where the field is absent.
#[expect(clippy::option_option, reason = "unreadable and absent are two different things")]
fn word<T>(map: &Map<String, Value>, name: &str, of: fn(&str) -> Option<T>) -> Option<Option<T>> {
    match map.get(name) {
        None => Some(None),
        Some(value) => of(value.as_str()?).map(Some),
    }
}

fn users(texts: &[String]) -> Option<Vec<UserId>> {
    texts.iter().map(|text| text.parse().ok()).collect()
}

pub(super) fn to_bytes(value: &impl Serialize) -> Payload {
    serde_json::to_vec(value).expect("plain structs can be written").into()
}
