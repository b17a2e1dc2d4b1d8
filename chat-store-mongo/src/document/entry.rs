//! Entries with their messages: rows of `chat_entries`, and what waits in a conversation's tail to become one.

use chat_core::id::ConversationId;
use chat_core::id::{EntryId, Seq, UserId};
use chat_core::message::Payload;
use chat_core::store::code::int;
use chat_core::store::plan::{NewEntry, Write};
use chat_core::store::{Appended, DraftEntry, EntryRow, Mark, MessageRow};
use mongodb::bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};

use super::{Fields, Read, binary, id, raw, seq, set};
use crate::error::{Done, Unreadable};
use crate::key::{Keys, made_in};

/// The row of a new entry, with the message it is, if it is one.
pub(crate) fn entry_document(keys: Keys, of: ConversationId, entry: &NewEntry<'_>) -> Document {
    let NewEntry { draft, appended, message, .. } = entry;
    let mut row = doc! {
        "_id": keys.entry(of, appended.seq),
        "seq": seq(appended.seq),
        "made": keys.made(of, draft.by, &draft.client_id),
        "n": int(appended.n),
        "id": id(draft.id.as_bytes()),
        "at": appended.at.millis(),
        "kind": i64::from(draft.kind),
        "digest": binary(&draft.digest),
    };
    set(&mut row, "target", draft.target.map(seq));
    set(&mut row, "payload", draft.payload.as_deref().map(binary));
    if let Some(message) = message {
        row.insert("message", keys.message(of, appended.n));
        row.insert("rev", seq(appended.seq));
        set(&mut row, "text", message.text);
        set(&mut row, "body", message.body.map(|body| binary(body)));
    }
    row
}

/// An entry of the tail: the row it becomes, and what it does to older ones.
#[derive(Clone, Debug)]
pub(crate) struct TailEntry {
    pub(crate) seq: Seq,
    pub(crate) row: RawDocumentBuf,
    pub(crate) does: Vec<Doing>,
}

impl TailEntry {
    pub(crate) fn read(document: &RawDocument) -> Read<Self> {
        let fields = Fields(document);
        let row = fields.required("row", |value| value.as_document().map(ToOwned::to_owned))?;
        let does = fields.documents("does")?.into_iter().map(Doing::read).collect::<Read<_>>()?;
        Ok(Self { seq: fields.seq("seq")?, row, does })
    }

    pub(crate) fn document(&self) -> Document {
        let does: Vec<Document> = self.does.iter().map(Doing::document).collect();
        let row = Document::try_from(&self.row).expect("it was made of a document");
        let mut document = doc! { "seq": seq(self.seq), "row": row };
        if !does.is_empty() {
            document.insert("does", does);
        }
        document
    }

    /// Adds what the entry does. To the message that it is itself it is done at once: the row begins with it.
    pub(crate) fn add(&mut self, doing: Doing) -> Done<()> {
        if doing.target() == self.seq {
            let mut row = Document::try_from(&self.row).expect("it was made of a document");
            doing.begin_with(&mut row);
            self.row = raw(&row)?;
        }
        self.does.push(doing);
        Ok(())
    }

    pub(crate) fn entry(&self) -> Read<EntryRow> {
        EntryRow::read(&self.row)
    }

    /// Under which key repeats find it.
    pub(crate) fn made(&self) -> Read<&[u8]> {
        Fields(&self.row).bytes("made")
    }
}

/// What an entry does to a message, in the tail until it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Body { target: Seq, text: Option<String>, body: Option<Payload> },
    Bury { target: Seq, n: u64 },
    Mark { target: Seq, key: String, by: UserId },
    Unmark { target: Seq, key: String, by: UserId },
}

impl Doing {
    /// What a write of a plan does to a message, and at which position.
    pub(crate) fn of(write: &Write<'_>) -> Option<(Seq, Self)> {
        Some(match *write {
            Write::Body { target, rev, message, .. } => {
                let (text, body) = (message.text.map(str::to_owned), message.body.cloned());
                (rev, Self::Body { target, text, body })
            }
            Write::Tombstone { target, n, rev, .. } => (rev, Self::Bury { target, n }),
            Write::Mark { target, rev, key, by } => (rev, Self::Mark { target, key: key.to_owned(), by }),
            Write::Unmark { target, rev, key, by } => (rev, Self::Unmark { target, key: key.to_owned(), by }),
            Write::Member(_) | Write::NoMember(_) => return None,
        })
    }

    /// The message it is done to.
    pub(crate) fn target(&self) -> Seq {
        match self {
            Self::Body { target, .. }
            | Self::Bury { target, .. }
            | Self::Mark { target, .. }
            | Self::Unmark { target, .. } => *target,
        }
    }

    /// Does it to a row that is not there yet.
    fn begin_with(&self, row: &mut Document) {
        let at = row.get("at").cloned().unwrap_or(Bson::Null);
        let mut marks = row.remove("marks").and_then(|marks| marks.as_array().cloned()).unwrap_or_default();
        match self {
            Self::Body { text, body, .. } => {
                row.insert("edited_at", at);
                row.remove("text");
                row.remove("body");
                set(row, "text", text.as_deref());
                set(row, "body", body.as_deref().map(binary));
            }
            Self::Bury { .. } => {
                row.insert("deleted_at", at);
                for gone in ["text", "body", "digest"] {
                    row.remove(gone);
                }
                return;
            }
            Self::Mark { key, by, .. } => {
                let mark = Bson::Document(mark_document(key, *by));
                if !marks.contains(&mark) {
                    marks.push(mark);
                }
            }
            Self::Unmark { key, by, .. } => {
                let mark = Bson::Document(mark_document(key, *by));
                marks.retain(|one| *one != mark);
            }
        }
        if !marks.is_empty() {
            row.insert("marks", marks);
        }
    }

    fn read(document: &RawDocument) -> Read<Self> {
        let fields = Fields(document);
        let target = fields.seq("target")?;
        let mark = || Ok((fields.text("key")?, fields.id("by", UserId::from_bytes)?));
        Ok(match fields.text("does")?.as_str() {
            "body" => {
                Self::Body { target, text: fields.optional_text("text")?, body: fields.payload("body")? }
            }
            "bury" => Self::Bury { target, n: fields.count("n")? },
            "mark" => mark().map(|(key, by)| Self::Mark { target, key, by })?,
            "unmark" => mark().map(|(key, by)| Self::Unmark { target, key, by })?,
            _ => return Err(Unreadable("does")),
        })
    }

    fn document(&self) -> Document {
        match self {
            Self::Body { target, text, body } => {
                let mut document = doc! { "does": "body", "target": seq(*target) };
                set(&mut document, "text", text.as_deref());
                set(&mut document, "body", body.as_deref().map(binary));
                document
            }
            Self::Bury { target, n } => doc! { "does": "bury", "target": seq(*target), "n": int(*n) },
            Self::Mark { target, key, by } => {
                doc! { "does": "mark", "target": seq(*target), "key": key, "by": id(by.as_bytes()) }
            }
            Self::Unmark { target, key, by } => {
                doc! { "does": "unmark", "target": seq(*target), "key": key, "by": id(by.as_bytes()) }
            }
        }
    }
}

/// A mark as it stands in its message's row.
pub(crate) fn mark_document(key: &str, by: UserId) -> Document {
    doc! { "key": key, "by": id(by.as_bytes()) }
}

/// The marks of a row, ordered.
pub(crate) fn read_marks(row: &RawDocument) -> Read<Vec<Mark>> {
    let fields = Fields(row);
    let target = fields.seq("seq")?;
    let read = |mark| {
        let fields = Fields(mark);
        Ok(Mark { target, key: fields.text("key")?, by: fields.id("by", UserId::from_bytes)? })
    };
    let mut marks = fields.documents("marks")?.into_iter().map(read).collect::<Read<Vec<_>>>()?;
    marks.sort_unstable();
    Ok(marks)
}

/// What a row is read as.
pub(crate) trait FromRow: Sized {
    fn read(row: &RawDocument) -> Read<Self>;
}

impl FromRow for EntryRow {
    fn read(row: &RawDocument) -> Read<Self> {
        let fields = Fields(row);
        let (mut draft, place) = read_origin(fields)?;
        let kind = fields.int("kind")?;
        draft.kind = u16::try_from(kind).map_err(|_| Unreadable("kind"))?;
        draft.target = fields.optional_seq("target")?;
        draft.payload = fields.payload("payload")?;
        let mut entry = Self::of(&draft, place.seq, place.at, place.n);
        if fields.get("rev")?.is_some() {
            entry.message = Some(read_message(fields, &draft, place)?);
        }
        Ok(entry)
    }
}

impl FromRow for MessageRow {
    fn read(row: &RawDocument) -> Read<Self> {
        let fields = Fields(row);
        let (draft, place) = read_origin(fields)?;
        read_message(fields, &draft, place)
    }
}

/// Who made an entry, and where it stands.
fn read_origin(fields: Fields<'_>) -> Read<(DraftEntry, Appended)> {
    let (by, client_id) = made_in(fields.bytes("made")?).ok_or(Unreadable("made"))?;
    let (entry, at) = (fields.id("id", EntryId::from_bytes)?, fields.time("at")?);
    let place = Appended { seq: fields.seq("seq")?, at, n: fields.count("n")? };
    Ok((DraftEntry::new(entry, at, by, client_id, 0), place))
}

fn read_message(fields: Fields<'_>, draft: &DraftEntry, place: Appended) -> Read<MessageRow> {
    let mut message = MessageRow::of(draft, place, fields.optional_text("text")?, fields.payload("body")?);
    message.rev = fields.seq("rev")?;
    message.edited_at = fields.optional_time("edited_at")?;
    message.deleted_at = fields.optional_time("deleted_at")?;
    Ok(message)
}
