//! What is known of a file, and what may become of it. Pure; its stored form is owned here.
//!
//! A file is *coming*, then *ready*, then it *hangs* on one message: of its owner, in one conversation, under one
//! `client_id`. That is written before the message, so that two messages never share a file; whether the message is
//! there is asked of the log, which alone knows. What *goes* is nobody's any more.

use serde::{Deserialize, Serialize};

use super::super::payload::{PackedRendition, pack_rendition, to_bytes, unpack_rendition};
use crate::attachment::{Attachment, FileName, Finished};
use crate::error::Refusal;
use crate::id::{AttachmentId, ConversationId, UserId};
use crate::message::ClientId;
use crate::store::AttachmentRow;
use crate::time::Timestamp;

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: AttachmentId,
    pub(crate) owner: UserId,
    pub(crate) version: u64,
    pub(crate) due: Option<Timestamp>,
    pub(crate) name: FileName,
    pub(crate) state: State,
}

/// Where a file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is on its way, this long if that is known.
    Coming(Option<u64>),
    /// It is whole, and part of no message.
    Ready(Finished),
    /// It is part of a message, or of one that is being written.
    Hangs(Finished, Nail),
    /// It is being taken away.
    Going,
}

/// Which message a file hangs on: its owner's of this id in this conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nail {
    pub(crate) conversation: ConversationId,
    pub(crate) client_id: ClientId,
}

impl Record {
    /// The file as it is shown, once it is whole.
    pub(crate) fn attachment(&self) -> Option<Attachment> {
        let (State::Ready(found) | State::Hangs(found, _)) = &self.state else { return None };
        let Finished { file, thumbnail } = found.clone();
        Some(Attachment { id: self.id, name: self.name.clone(), file, thumbnail })
    }

    /// The same one step on.
    pub(super) fn next(&self, state: State, due: Option<Timestamp>) -> Self {
        Self { version: self.version + 1, state, due, ..self.clone() }
    }

    /// The file hanging on a message of `by`. One that hangs there already is one step on too: whoever looked after it
    /// before the message had it again does not take it away.
    ///
    /// # Errors
    /// [`Refusal::NotFoundAt`] for what is not his, [`Refusal::Conflict`] for what is not whole or hangs elsewhere.
    pub(crate) fn hung(&self, by: UserId, nail: &Nail, due: Timestamp) -> Result<Self, Refusal> {
        match &self.state {
            State::Going => Err(Refusal::NotFoundAt { field: "/attachments" }),
            _ if self.owner != by => Err(Refusal::NotFoundAt { field: "/attachments" }),
            State::Hangs(_, there) if there == nail => Ok(self.next(self.state.clone(), Some(due))),
            State::Ready(found) => Ok(self.next(State::Hangs(found.clone(), nail.clone()), Some(due))),
            State::Coming(_) | State::Hangs(..) => Err(Refusal::Conflict),
        }
    }
}

/// The stored form.
#[derive(Serialize, Deserialize)]
struct Packed {
    #[serde(rename = "n")]
    name: String,
    /// How long it will be, while it is coming.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    file: Option<PackedRendition>,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    thumbnail: Option<PackedRendition>,
    /// Conversation and `client_id` of its message.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    message: Option<(String, String)>,
    #[serde(rename = "g", default, skip_serializing_if = "std::ops::Not::not")]
    going: bool,
}

impl Record {
    pub(super) fn to_row(&self) -> AttachmentRow {
        let mut packed = Packed {
            name: self.name.as_str().to_owned(),
            length: None,
            file: None,
            thumbnail: None,
            message: None,
            going: false,
        };
        match &self.state {
            State::Coming(length) => packed.length = *length,
            State::Ready(found) => packed.put(found),
            State::Hangs(found, nail) => {
                packed.put(found);
                packed.message = Some((nail.conversation.to_string(), nail.client_id.as_str().to_owned()));
            }
            State::Going => packed.going = true,
        }
        let mut row = AttachmentRow::new(self.id, self.owner, to_bytes(&packed));
        row.version = self.version;
        row.due = self.due;
        row
    }

    /// `None` when it cannot be read.
    pub(super) fn of_row(row: &AttachmentRow) -> Option<Self> {
        let packed: Packed = serde_json::from_slice(&row.payload).ok()?;
        let name = FileName::new(&packed.name).ok()?;
        let nail = match &packed.message {
            Some((conversation, client_id)) => Some(Nail {
                conversation: conversation.parse().ok()?,
                client_id: ClientId::new(client_id.as_str()).ok()?,
            }),
            None => None,
        };
        let found = packed.file.map(|file| Finished {
            file: unpack_rendition(file),
            thumbnail: packed.thumbnail.map(unpack_rendition),
        });
        let state = match (packed.going, found, nail) {
            (true, ..) => State::Going,
            (false, None, _) => State::Coming(packed.length),
            (false, Some(found), None) => State::Ready(found),
            (false, Some(found), Some(nail)) => State::Hangs(found, nail),
        };
        Some(Self { id: row.id, owner: row.owner, version: row.version, due: row.due, name, state })
    }
}

impl Packed {
    fn put(&mut self, found: &Finished) {
        self.file = Some(pack_rendition(&found.file));
        self.thumbnail = found.thumbnail.as_ref().map(pack_rendition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachment::{Rendition, Size};

    fn record(state: State) -> Record {
        Record {
            id: AttachmentId::from_bytes([7; 16]),
            owner: UserId::from(1_u64),
            version: 3,
            due: Some(Timestamp::from_millis(9)),
            name: FileName::new("a.png").unwrap(),
            state,
        }
    }

    fn found() -> Finished {
        let size = Some(Size { width: 3, height: 2 });
        let file = Rendition { content_type: "image/png".to_owned(), bytes: 70, size };
        Finished { thumbnail: Some(Rendition { bytes: 7, ..file.clone() }), file }
    }

    fn nail(client_id: &str) -> Nail {
        Nail {
            conversation: ConversationId::from_bytes([1; 16]),
            client_id: ClientId::new(client_id).unwrap(),
        }
    }

    fn states() -> [State; 5] {
        let hangs = State::Hangs(found(), nail("a"));
        [State::Coming(None), State::Coming(Some(9)), State::Ready(found()), hangs, State::Going]
    }

    #[test]
    fn every_state_is_stored() {
        for state in states() {
            let record = record(state);
            assert_eq!(Record::of_row(&record.to_row()), Some(record));
        }
    }

    #[test]
    fn only_ones_own_whole_file_is_hung_up_and_only_once() {
        let (owner, now) = (UserId::from(1_u64), Timestamp::from_millis(50));
        let absent = Refusal::NotFoundAt { field: "/attachments" };
        let hung = |state: State, by| record(state).hung(by, &nail("a"), now).map(|record| record.version);
        for state in states() {
            assert_eq!(hung(state, UserId::from(2_u64)), Err(absent), "another's is not there");
        }
        let outcomes = states().map(|state| hung(state, owner));
        assert_eq!(outcomes, [Err(Refusal::Conflict), Err(Refusal::Conflict), Ok(4), Ok(4), Err(absent)]);
        let elsewhere = record(State::Hangs(found(), nail("b"))).hung(owner, &nail("a"), now);
        assert_eq!(elsewhere, Err(Refusal::Conflict));
    }
}
