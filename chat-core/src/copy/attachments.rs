//! What is known of files of messages. Their bytes are no store's, and are copied by who keeps them.

use async_trait::async_trait;

use super::print::Counts;
use super::rows::{Piece, Put, Rows};
use super::{CopyError, Part};
use crate::id::AttachmentId;
use crate::store::{AttachmentRow, Store, StoreError};

/// The rows of all files.
pub(super) struct Attachments;

#[async_trait]
impl Rows for Attachments {
    type Key = AttachmentId;
    type Row = AttachmentRow;

    fn key(row: &AttachmentRow) -> AttachmentId {
        row.id
    }

    fn count(_row: &AttachmentRow, counts: &mut Counts) {
        counts.attachments += 1;
    }

    /// A store that keeps none has none.
    async fn page(
        &self,
        of: &dyn Store,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<AttachmentRow>, StoreError> {
        match of.talk().attachments() {
            Some(attachments) => attachments.after(after, limit).await,
            None => Ok(Vec::new()),
        }
    }
}

#[async_trait]
impl Put for Attachments {
    fn part(&self) -> Part {
        Part::Attachments
    }

    /// Files go: what the source has no more goes here too.
    async fn put(&self, to: &dyn Store, piece: &Piece<Self>) -> Result<bool, CopyError> {
        let Piece { after, through, source, target } = piece;
        if source == target {
            return Ok(false);
        }
        let attachments = to.talk().attachments().ok_or(CopyError::NotKept(Part::Attachments))?;
        attachments.replace(*after, *through, source).await.map_err(CopyError::Target)?;
        Ok(true)
    }
}
