//! Rows of `chat_entries` as entries and messages.

use chat_core::id::{EntryId, Seq, UserId};
use chat_core::store::{Appended, DraftEntry, EntryRow, MessageRow};
use rusqlite::{Result, Row};

use crate::sqlite::columns::Columns;

/// An entry, with its own message.
pub(in crate::sqlite) fn read_entry(row: &Row<'_>) -> Result<EntryRow> {
    let mut columns = Columns::of(row);
    let (seq, n, rev) = (columns.seq()?, columns.count()?, columns.optional_seq()?);
    let (mut draft, place) = read_origin(&mut columns, seq, n)?;
    let message = read_content(&mut columns, &draft, place, rev.unwrap_or(seq))?;
    draft.kind = columns.value()?;
    draft.target = columns.optional_seq()?;
    draft.payload = columns.payload()?;
    let mut entry = EntryRow::of(&draft, place.seq, place.at, place.n);
    entry.message = rev.map(|_| message);
    Ok(entry)
}

/// The message of a row that is one.
pub(super) fn read_message(row: &Row<'_>) -> Result<MessageRow> {
    let mut columns = Columns::of(row);
    let (seq, n, rev) = (columns.seq()?, columns.count()?, columns.seq()?);
    let (draft, place) = read_origin(&mut columns, seq, n)?;
    read_content(&mut columns, &draft, place, rev)
}

/// Who made an entry, and where it stands.
fn read_origin(columns: &mut Columns<'_>, seq: Seq, n: u64) -> Result<(DraftEntry, Appended)> {
    let (id, by) = (columns.id(EntryId::from_bytes)?, columns.id(UserId::from_bytes)?);
    let (client_id, at) = (columns.client_id()?, columns.time()?);
    Ok((DraftEntry::new(id, at, by, client_id, 0), Appended { seq, at, n }))
}

fn read_content(
    columns: &mut Columns<'_>,
    draft: &DraftEntry,
    place: Appended,
    rev: Seq,
) -> Result<MessageRow> {
    let (edited_at, deleted_at) = (columns.optional_time()?, columns.optional_time()?);
    let mut message = MessageRow::of(draft, place, columns.value()?, columns.payload()?);
    (message.rev, message.edited_at, message.deleted_at) = (rev, edited_at, deleted_at);
    Ok(message)
}
