//! Rows of `chat_entries` as entries and messages.

use chat_core::id::{EntryId, Seq, UserId};
use chat_core::store::{Appended, DraftEntry, EntryRow, MessageRow};

use crate::server::columns::Columns;
use crate::server::error::Done;

/// An entry, with its own message.
pub(in crate::server) fn read_entry(columns: &mut Columns<'_>) -> Done<EntryRow> {
    let (seq, n, rev) = (columns.seq()?, columns.count()?, columns.optional_seq()?);
    let (mut draft, place) = read_origin(columns, seq, n)?;
    let message = read_content(columns, &draft, place, rev.unwrap_or(seq))?;
    draft.kind = u16::try_from(columns.count()?).map_err(|_| crate::server::columns::unreadable())?;
    draft.target = columns.optional_seq()?;
    draft.payload = columns.payload()?;
    let mut entry = EntryRow::of(&draft, place.seq, place.at, place.n);
    entry.message = rev.map(|_| message);
    Ok(entry)
}

/// The message of a row that is one.
pub(super) fn read_message(columns: &mut Columns<'_>) -> Done<MessageRow> {
    let (seq, n, rev) = (columns.seq()?, columns.count()?, columns.seq()?);
    let (draft, place) = read_origin(columns, seq, n)?;
    read_content(columns, &draft, place, rev)
}

/// Who made an entry, and where it stands.
fn read_origin(columns: &mut Columns<'_>, seq: Seq, n: u64) -> Done<(DraftEntry, Appended)> {
    let (id, by) = (columns.id(EntryId::from_bytes)?, columns.id(UserId::from_bytes)?);
    let (client_id, at) = (columns.client_id()?, columns.time()?);
    Ok((DraftEntry::new(id, at, by, client_id, 0), Appended { seq, at, n }))
}

fn read_content(
    columns: &mut Columns<'_>,
    draft: &DraftEntry,
    place: Appended,
    rev: Seq,
) -> Done<MessageRow> {
    let (edited_at, deleted_at) = (columns.optional_time()?, columns.optional_time()?);
    let mut message = MessageRow::of(draft, place, columns.optional_text()?, columns.payload()?);
    (message.rev, message.edited_at, message.deleted_at) = (rev, edited_at, deleted_at);
    Ok(message)
}
