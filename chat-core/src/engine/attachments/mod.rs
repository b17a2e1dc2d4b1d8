//! Files of messages: brought, hung on messages, shown to who may see those, and swept.
//!
//! The row of a file says which message it hangs on, the log says whether that message is there. So nothing needs to be
//! written in two places at once: a file is claimed before its message is appended, and told free before the message
//! is deleted; whatever was cut off between is finished by the [sweeper](sweep), which asks the log.

mod record;
mod sweep;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) use record::{Nail, Record};
pub(super) use sweep::{Released, hang_up, is_written, release, settle_all, sweep};

use self::record::State;
use super::payload::unpack_content;
use super::{ActingAs, Core};
use crate::attachment::{Attachment, ByteStream, FileError, Files, Form, NewUpload, Upload};
use crate::error::{ChatError, Refusal};
use crate::id::{AttachmentId, UserId};
use crate::store::{Attachments, MessageRow, Outcome};
use crate::time::Timestamp;

/// Files, where a chat has them.
pub(crate) struct Shelf {
    files: Arc<dyn Files>,
    /// Those of which bytes are coming in on this node.
    busy: Mutex<HashSet<AttachmentId>>,
}

impl Shelf {
    pub(super) fn new(files: Arc<dyn Files>) -> Self {
        Self { files, busy: Mutex::default() }
    }

    /// Takes a file for oneself until the answer is dropped.
    fn hold(&self, id: AttachmentId) -> Result<Held<'_>, Refusal> {
        let mut busy = self.busy.lock().expect("nothing panics while this lock is held");
        if busy.insert(id) { Ok(Held { shelf: self, id }) } else { Err(Refusal::Conflict) }
    }
}

struct Held<'s> {
    shelf: &'s Shelf,
    id: AttachmentId,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.shelf.busy.lock().expect("nothing panics while this lock is held").remove(&self.id);
    }
}

/// A file that may be read.
#[derive(Clone)]
pub struct Readable {
    /// What it is.
    pub attachment: Attachment,
    files: Arc<dyn Files>,
}

impl Readable {
    /// Its bytes, or those of its thumbnail.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] where there is no such form; any failure of the storage.
    pub async fn bytes(&self, form: Form, range: Range<u64>) -> Result<ByteStream, ChatError> {
        Ok(self.files.read(self.attachment.id, form, range).await?)
    }
}

impl Core {
    /// Files and their rows; where there are none nothing of them exists.
    fn shelf(&self) -> Result<(&Shelf, &dyn Attachments), ChatError> {
        let shelf = self.shelf.as_ref().ok_or(Refusal::NotFound)?;
        Ok((shelf, self.store.talk().attachments().ok_or(Refusal::NotFound)?))
    }

    /// When a file that is part of no message goes.
    pub(super) fn unsent_until(&self) -> Timestamp {
        self.clock.now().plus(Duration::from_secs(self.limits.attachment_unsent_seconds_max))
    }

    /// What is known of these files.
    pub(super) async fn records(&self, ids: &[AttachmentId]) -> Result<Vec<Option<Record>>, ChatError> {
        if ids.is_empty() || self.shelf.is_none() {
            return Ok(vec![None; ids.len()]);
        }
        let rows = self.shelf()?.1.load(ids).await?;
        Ok(rows.iter().map(|row| row.as_ref().and_then(Record::of_row)).collect())
    }

    /// The message a file hangs on, as it is now.
    async fn holder(&self, owner: UserId, nail: &Nail) -> Result<Option<MessageRow>, ChatError> {
        let log = self.store.talk().log();
        match log.find(nail.conversation, owner, &nail.client_id).await? {
            Some(Outcome::Repeat { seq, .. }) => Ok(log.at(nail.conversation, &[seq]).await?.pop().flatten()),
            _ => Ok(None),
        }
    }
}

/// Whether a file is still part of its message. Of what cannot be read nothing is taken away.
fn is_part_of(message: &MessageRow, id: AttachmentId) -> bool {
    message.deleted_at.is_none()
        && unpack_content(message.text.as_deref(), message.payload.as_ref())
            .is_none_or(|content| content.attachments.iter().any(|attachment| attachment.id == id))
}

impl ActingAs {
    /// Begins to bring a file: its bytes may come now.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`], [`Refusal::Invalid`] for an empty one, [`Refusal::LimitReached`] with too many that are
    /// part of no message yet, [`Refusal::NotFound`] in a chat without files.
    pub async fn begin_upload(&self, new: NewUpload) -> Result<Upload, ChatError> {
        let (_, rows) = self.core.shelf()?;
        if new.bytes == Some(0) {
            return Err(Refusal::invalid("/bytes", "an empty file").into());
        }
        if new.bytes.is_some_and(|bytes| bytes > self.core.limits.attachment_bytes_max) {
            return Err(Refusal::TooLarge.into());
        }
        if rows.waiting(self.user).await? >= self.core.limits.attachments_unsent_per_user_max {
            return Err(Refusal::LimitReached.into());
        }
        let record = Record {
            id: self.core.ids.uuid(self.core.clock.now()).into(),
            owner: self.user,
            version: 1,
            due: Some(self.core.unsent_until()),
            name: new.name,
            state: State::Coming(new.bytes),
        };
        rows.put(&record.to_row()).await?;
        Ok(uploaded(&record, 0))
    }

    /// How far one's own file has come.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for what is not there, or another's.
    pub async fn upload(&self, id: AttachmentId) -> Result<Upload, ChatError> {
        let record = self.own(id).await?;
        let received = match (&record.state, record.attachment()) {
            (_, Some(attachment)) => attachment.file.bytes,
            _ => self.core.shelf()?.0.files.received(id).await?,
        };
        Ok(uploaded(&record, received))
    }

    /// Brings bytes of one's own file, of which `from` are there. With the last ones it is looked at, and is whole.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::Conflict`] when another number of bytes is there, or somebody else is
    /// bringing some; [`Refusal::TooLarge`]; [`Refusal::Incomplete`] when the line broke, after which
    /// [`ActingAs::upload`] tells where to go on; [`Refusal::UnsupportedType`] and [`Refusal::Invalid`] for a file
    /// that is not taken, and gone then.
    pub async fn receive(&self, id: AttachmentId, from: u64, body: ByteStream) -> Result<Upload, ChatError> {
        let (shelf, _) = self.core.shelf()?;
        let _held = shelf.hold(id)?;
        let record = self.own(id).await?;
        let State::Coming(length) = record.state else { return Err(Refusal::Conflict.into()) };
        if shelf.files.received(id).await? != from {
            return Err(Refusal::Conflict.into());
        }
        let bytes_max = length.unwrap_or(self.core.limits.attachment_bytes_max);
        let received = shelf.files.receive(id, from, bytes_max, body).await;
        if self.core.records(&[id]).await?.pop().flatten().is_none() {
            // It was taken away meanwhile, and what came since would be nobody's.
            shelf.files.remove(id).await?;
            return Err(Refusal::NotFound.into());
        }
        let received = received?;
        if length.is_some_and(|length| received < length) {
            return Ok(uploaded(&record, received));
        }
        self.finish(record, received).await
    }

    /// Looks at a file that has come to its end.
    async fn finish(&self, record: Record, bytes: u64) -> Result<Upload, ChatError> {
        let (shelf, rows) = self.core.shelf()?;
        // Told before anything is made of it: of two who bring it, on two nodes, the other writes nothing any more.
        let record = record.next(record.state.clone(), Some(self.core.unsent_until()));
        rows.put(&record.to_row()).await?;
        let finished = match bytes {
            0 => Err(FileError::Unreadable("an empty file")),
            _ => shelf.files.finish(record.id, bytes).await,
        };
        match finished {
            Ok(finished) => {
                let ready = record.next(State::Ready(finished), Some(self.core.unsent_until()));
                rows.put(&ready.to_row()).await?;
                if let Err(error) = shelf.files.clear(record.id).await {
                    tracing::warn!(%error, "what a file was made of is left to the sweep");
                }
                Ok(uploaded(&ready, bytes))
            }
            Err(error @ (FileError::Unsupported | FileError::Unreadable(_))) => {
                sweep::take_away(&self.core, &record).await?;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes back one's own file that is part of no message.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::Conflict`] once it is part of one, and while bytes of it are coming.
    pub async fn discard(&self, id: AttachmentId) -> Result<(), ChatError> {
        let _held = self.core.shelf()?.0.hold(id)?;
        let record = self.own(id).await?;
        if matches!(record.state, State::Hangs(..)) {
            return Err(Refusal::Conflict.into());
        }
        sweep::take_away(&self.core, &record).await
    }

    /// A file that one may see: one's own until it is part of a message, then if one may see the message.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for every other.
    pub async fn attachment(&self, id: AttachmentId) -> Result<Readable, ChatError> {
        let (shelf, _) = self.core.shelf()?;
        let record = self.core.records(&[id]).await?.pop().flatten().ok_or(Refusal::NotFound)?;
        let attachment = record.attachment().ok_or(Refusal::NotFound)?;
        if self.sees(&record).await? {
            Ok(Readable { attachment, files: Arc::clone(&shelf.files) })
        } else {
            Err(Refusal::NotFound.into())
        }
    }

    async fn sees(&self, record: &Record) -> Result<bool, ChatError> {
        let is_own = record.owner == self.user;
        let State::Hangs(_, nail) = &record.state else { return Ok(is_own) };
        let Some(message) = self.core.holder(record.owner, nail).await? else { return Ok(is_own) };
        match self.visible_from(nail.conversation).await {
            Ok(visible_from) => Ok(message.seq >= visible_from && is_part_of(&message, record.id)),
            Err(ChatError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One's own file that is not going.
    async fn own(&self, id: AttachmentId) -> Result<Record, ChatError> {
        self.core.shelf()?;
        let record = self.core.records(&[id]).await?.pop().flatten();
        let own = record.filter(|record| record.owner == self.user && record.state != State::Going);
        Ok(own.ok_or(Refusal::NotFound)?)
    }
}

fn uploaded(record: &Record, received: u64) -> Upload {
    let attachment = record.attachment();
    let bytes = match (&record.state, &attachment) {
        (State::Coming(length), _) => *length,
        (_, Some(_)) => Some(received),
        _ => None,
    };
    Upload { id: record.id, name: record.name.clone(), bytes, received, attachment }
}
