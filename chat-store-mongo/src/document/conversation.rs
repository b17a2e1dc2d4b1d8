//! Conversations: the one document in which positions, rights, memberships and new entries change together.

use chat_core::conversation::{Conversation, Settings};
use chat_core::id::{ConversationId, Pair, Seq, UserId};
use chat_core::store::code::{Code, int};
use chat_core::store::plan::Kept;
use chat_core::time::Timestamp;
use mongodb::bson::{Document, RawBsonRef, RawDocument, doc};

use super::{Fields, Move, Read, TailEntry, id, seq, set};
use crate::error::Unreadable;
use crate::key::{Keys, id_in};

/// A conversation with everything that is not yet in rows.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) kept: Kept,
    /// Rises with every change that anybody can see: all that is compared when one is made.
    pub(crate) version: i64,
    /// Up to here entries are rows.
    pub(crate) flushed: Seq,
    /// The entries after that.
    pub(crate) tail: Vec<TailEntry>,
    /// Changes of members' rows that may not be done.
    pub(crate) moves: Vec<Move>,
}

impl Room {
    /// What tells whether a room that was looked at is still the same, and its entries in the same places.
    pub(crate) fn state(&self) -> (i64, Seq) {
        (self.version, self.flushed)
    }

    pub(crate) fn read(document: &RawDocument) -> Read<Self> {
        let fields = Fields(document);
        let kept = Kept { conversation: read_conversation(document)?, last_message: fields.seq("last")? };
        let of = kept.conversation.id;
        let tail = fields.documents("tail")?.into_iter().map(TailEntry::read).collect::<Read<_>>()?;
        let moves = fields
            .documents("moves")?
            .into_iter()
            .map(|document| Move::read(of, document))
            .collect::<Read<_>>()?;
        Ok(Self { kept, version: fields.int("version")?, flushed: fields.seq("flushed")?, tail, moves })
    }

    /// Whether rows are older than what the tail says of them: they must follow before they are read.
    pub(crate) fn is_unsettled(&self) -> bool {
        !self.moves.is_empty() || self.tail.iter().any(|entry| !entry.does.is_empty())
    }

    pub(crate) fn now(&self) -> &Conversation {
        &self.kept.conversation
    }

    /// The entry at a position, if it is in the tail.
    pub(crate) fn waiting(&self, at: Seq) -> Option<&TailEntry> {
        self.tail.iter().find(|entry| entry.seq == at)
    }
}

/// All fields but those that wait to become rows.
pub(crate) fn record_fields() -> Document {
    doc! { "tail": 0, "moves": 0 }
}

/// The fields that tell what is not yet in rows, but not what it says.
pub(crate) fn settled_fields() -> Document {
    doc! { "tail.row.text": 0, "tail.row.body": 0, "tail.row.payload": 0 }
}

/// The document of a new conversation.
pub(crate) fn room_document(keys: Keys, room: &Room) -> Document {
    let now = room.now();
    let mut document = doc! {
        "_id": keys.conversation(now.id),
        "tenant": keys.tenant(),
        "kind": now.kind.code(),
        "start": seq(now.start),
        "created_at": now.created_at.millis(),
        "flushed": seq(room.flushed),
        "tail": room.tail.iter().map(TailEntry::document).collect::<Vec<_>>(),
        "moves": room.moves.iter().map(|one| one.document(keys)).collect::<Vec<_>>(),
    };
    let pair = now.pair.map(|pair| pair.both().map(|user| id(user.as_bytes())).to_vec());
    set(&mut document, "pair", pair);
    set(&mut document, "creator", now.creator.map(|user| id(user.as_bytes())));
    document.extend(counters(room));
    let (record, _) = record(now);
    document.extend(record);
    document
}

/// What every change writes.
pub(crate) fn counters(room: &Room) -> Document {
    let now = room.now();
    doc! {
        "version": room.version,
        "head": seq(now.head),
        "n": int(now.n),
        "last": seq(room.kept.last_message),
        "acl": int(now.acl),
        "roster": int(now.roster),
        "member_count": int(now.member_count),
        "last_at": now.last_at.millis(),
    }
}

/// What is said about a conversation: the fields to set, and those to take away.
pub(crate) fn record(now: &Conversation) -> (Document, Document) {
    let settings = now.settings;
    let mut set = doc! {
        "settings": {
            "join": settings.join.code(),
            "read": settings.read.code(),
            "post": settings.post.code(),
            "history": settings.history.code(),
        },
        "closed": now.closed,
    };
    let mut unset = Document::new();
    for (name, value) in [("name", &now.name), ("picture", &now.picture), ("metadata", &now.metadata)] {
        match value {
            Some(value) => set.insert(name, value),
            None => unset.insert(name, ""),
        };
    }
    (set, unset)
}

pub(crate) fn read_conversation(document: &RawDocument) -> Read<Conversation> {
    let fields = Fields(document);
    let id = id_in(fields.bytes("_id")?, 0).ok_or(Unreadable("_id"))?;
    let kind = fields.code("kind")?;
    let mut now = Conversation::shell(ConversationId::from_bytes(id), kind, Timestamp::default());
    now.pair = read_pair(fields)?;
    now.creator = fields.optional_user("creator")?;
    (now.head, now.start, now.n) = (fields.seq("head")?, fields.seq("start")?, fields.count("n")?);
    (now.acl, now.roster) = (fields.count("acl")?, fields.count("roster")?);
    now.settings = read_settings(fields)?;
    now.name = fields.optional_text("name")?;
    now.picture = fields.optional_text("picture")?;
    now.metadata = fields.optional_text("metadata")?;
    now.member_count = fields.count("member_count")?;
    (now.created_at, now.last_at) = (fields.time("created_at")?, fields.time("last_at")?);
    now.closed = fields.flag("closed")?;
    Ok(now)
}

fn read_settings(fields: Fields<'_>) -> Read<Settings> {
    let settings = Fields(fields.required("settings", RawBsonRef::as_document)?);
    Ok(Settings {
        join: settings.code("join")?,
        read: settings.code("read")?,
        post: settings.code("post")?,
        history: settings.code("history")?,
    })
}

fn read_pair(fields: Fields<'_>) -> Read<Option<Pair>> {
    let Some(both) = fields.optional("pair", RawBsonRef::as_array)? else { return Ok(None) };
    let user = |nth| {
        let binary = both.get_binary(nth).map_err(|_| Unreadable("pair"))?;
        let bytes: [u8; 16] = binary.bytes.try_into().map_err(|_| Unreadable("pair"))?;
        Ok(UserId::from_bytes(bytes))
    };
    Pair::new(user(0)?, user(1)?).map(Some).map_err(|_| Unreadable("pair"))
}
