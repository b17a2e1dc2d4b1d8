//! Members: rows of `chat_members`, and moves, which wait in a conversation until the rows follow.

use chat_core::conversation::Membership;
use chat_core::id::{ConversationId, UserId};
use chat_core::store::code::{Code, int};
use mongodb::bson::{Document, RawDocument, doc};

use super::{Fields, Read, id, seq};
use crate::database::{Absent, Statement};
use crate::error::Unreadable;
use crate::key::{Keys, id_in};

/// A row, also of who is none any more: it stays, so that a change which comes late finds it newer.
#[derive(Clone, Debug)]
pub(crate) struct MemberRow {
    /// The row, if there is one for anybody to see.
    pub(crate) membership: Option<Membership>,
    /// The version of the conversation that last moved it.
    pub(crate) version: i64,
}

impl MemberRow {
    pub(crate) fn read(row: &RawDocument) -> Read<Self> {
        let fields = Fields(row);
        let key = fields.bytes("_id")?;
        let (of, user) = id_in(key, 0).zip(id_in(key, 1)).ok_or(Unreadable("_id"))?;
        let (of, user) = (ConversationId::from_bytes(of), UserId::from_bytes(user));
        Ok(Self { membership: read_membership(fields, of, user)?, version: fields.int("version")? })
    }
}

fn read_membership(fields: Fields<'_>, of: ConversationId, user: UserId) -> Read<Option<Membership>> {
    if fields.get("standing")?.is_none() {
        return Ok(None);
    }
    let (standing, visible_from) = (fields.code("standing")?, fields.seq("visible_from")?);
    let mut row = Membership::new(of, user, standing, visible_from, fields.time("since")?);
    (row.read, row.delivered) = (fields.seq("read")?, fields.seq("delivered")?);
    row.read_n = fields.count("read_n")?;
    Ok(Some(row))
}

/// A change of one member's row, decided with a version of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) user: UserId,
    /// The version of the conversation that decided it.
    pub(crate) version: i64,
    /// What the row becomes; absent when it goes.
    pub(crate) row: Option<Membership>,
}

impl Move {
    pub(crate) fn read(of: ConversationId, document: &RawDocument) -> Read<Self> {
        let fields = Fields(document);
        let user = fields.id("user", UserId::from_bytes)?;
        Ok(Self { user, version: fields.int("version")?, row: read_membership(fields, of, user)? })
    }

    pub(crate) fn document(&self, keys: Keys) -> Document {
        let mut document = doc! {
            "who": keys.user(self.user),
            "user": id(self.user.as_bytes()),
            "version": self.version,
        };
        if let Some(row) = &self.row {
            document.extend(place(row));
            document.extend(positions(row));
        }
        document
    }

    /// The change of the row: nothing when the row is as new or newer. Positions that rose meanwhile are kept, except
    /// for who is banned, of whom nothing is.
    pub(crate) fn statement(&self, keys: Keys, of: ConversationId) -> Statement {
        let key = keys.member(of, self.user);
        let mut placed = doc! { "version": self.version, "tenant": keys.tenant() };
        let mut update = Document::new();
        match &self.row {
            Some(row) if row.role().is_some() => {
                placed.extend(place(row));
                placed.insert("member", key.clone());
                placed.insert("member_of", keys.member_of(self.user, of));
                update.insert("$max", positions(row));
            }
            Some(row) => {
                placed.extend(place(row));
                placed.extend(positions(row));
                update.insert("$unset", doc! { "member": "", "member_of": "" });
            }
            None => {
                update.insert("$unset", doc! { "member": "", "member_of": "", "standing": "" });
            }
        }
        update.insert("$set", placed);
        update.insert("$currentDate", doc! { "changed": true });
        let filter = doc! { "_id": key, "version": { "$lt": self.version } };
        Statement { filter, update, absent: Absent::Make }
    }
}

impl Move {
    /// The same whatever the row is: exactly this, positions included.
    pub(crate) fn put_statement(&self, keys: Keys, of: ConversationId) -> Statement {
        let mut statement = self.statement(keys, of);
        statement.filter.remove("version");
        statement.update.remove("$currentDate");
        statement.update.remove("$max");
        if let (Some(row), Ok(set)) = (&self.row, statement.update.get_document_mut("$set")) {
            set.extend(positions(row));
        }
        statement
    }
}

fn place(row: &Membership) -> Document {
    doc! {
        "standing": row.standing.code(),
        "visible_from": seq(row.visible_from),
        "since": row.since.millis(),
    }
}

fn positions(row: &Membership) -> Document {
    doc! { "read": seq(row.read), "read_n": int(row.read_n), "delivered": seq(row.delivered) }
}
