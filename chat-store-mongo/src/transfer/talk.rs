//! Conversations, their logs and members.

use async_trait::async_trait;
use chat_core::conversation::{Conversation, Membership};
use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::message::Payload;
use chat_core::store::plan::{Kept, NewEntry, NewMessage, Record};
use chat_core::store::{Appended, DraftEntry, EntryCopy, EntryRow, Meta, StoreError, TransferTalk};
use mongodb::bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};

use crate::database::{Absent, KEYS_MAX, Order, Query, Statement, Table};
use crate::dead;
use crate::document::{
    Fields, FromRow as _, MemberRow, Move, Read, Room, TailEntry, entry_document, mark_document, raw,
    read_marks, room_document, seq,
};
use crate::error::{Done, UNREADABLE};
use crate::key::Keys;
use crate::log::change;
use crate::store::MongoStore;

/// Bytes of rows that go through a conversation's document at a time.
const ROWS_BYTES_MAX: usize = 4 << 20;

#[async_trait]
impl TransferTalk for MongoStore {
    async fn put_meta(&self, meta: &Meta) -> Result<(), StoreError> {
        let meta = *meta;
        self.write(move |store| async move {
            if store.database().meta().await? == meta {
                return Ok(());
            }
            let any = Query::new(doc! {}).fields(doc! { "_id": 1 }).limit(1);
            if !store.database().find(Table::Conversations, any).await?.is_empty() {
                return Err(StoreError::Conflict.into());
            }
            store.database().put_meta(&meta).await
        })
        .await
    }

    async fn entries_after(
        &self,
        of: ConversationId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<EntryCopy>, StoreError> {
        Ok(self.entry_copies(of, after, limit).await?)
    }

    async fn put_log(&self, record: &Conversation, rows: &[EntryCopy]) -> Result<(), StoreError> {
        let (record, rows) = (record.clone(), rows.to_vec());
        self.write(|store| async move { store.replace_log(&record, &rows).await }).await
    }

    async fn members_after(
        &self,
        of: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        Ok(self.stored_members(of, after, limit).await?)
    }

    async fn put_members(
        &self,
        of: ConversationId,
        after: Option<UserId>,
        through: Option<UserId>,
        rows: &[Membership],
    ) -> Result<(), StoreError> {
        let rows = rows.to_vec();
        self.write(move |store| async move { store.replace_members(of, after, through, &rows).await }).await
    }
}

impl MongoStore {
    async fn entry_copies(&self, of: ConversationId, after: Seq, limit: usize) -> Done<Vec<EntryCopy>> {
        let Some(room) = self.settled(of).await? else { return Ok(Vec::new()) };
        let (now, keys) = (room.now(), self.keys());
        let first = after.next().max(now.start);
        let last = first.get().saturating_add(limit as u64).saturating_sub(1).min(now.head.get());
        let seqs: Vec<Seq> = (first.get()..=last).map(Seq::new).collect();
        let stored = seqs.iter().filter(|seq| room.waiting(**seq).is_none());
        let rows = self.by_key(Table::Entries, stored.map(|&seq| keys.entry(of, seq)).collect(), Query::keys);
        let rows = rows.await?;
        let copy = |&seq: &Seq| {
            let waiting = room.waiting(seq).map(|entry| &entry.row);
            let row = waiting.or_else(|| rows.get(&keys.entry(of, seq).bytes));
            Ok(read_copy(row.ok_or(StoreError::Corrupt(UNREADABLE))?)?)
        };
        seqs.iter().map(copy).collect()
    }

    async fn replace_log(&self, record: &Conversation, rows: &[EntryCopy]) -> Done<()> {
        let (keys, of) = (self.keys(), record.id);
        let now = self.settled(of).await?;
        let head = now.as_ref().map_or_else(|| record.start.previous(), |room| room.now().head);
        judge(record, rows, head)?;
        self.rooms().forget(keys.0, of);
        let (old, new): (Vec<_>, Vec<_>) = rows.iter().partition(|copy| copy.entry.seq <= head);
        if let Some(room) = &now {
            // What is replaced must be a row first.
            self.flush(room).await?;
        }
        let mut room = match now {
            Some(room) => Room { flushed: room.now().head, tail: Vec::new(), ..room },
            None => self.put_shell(record).await?,
        };
        self.replace_rows(of, &old).await?;
        // Before the head moves: what is found equal by the next copy has been counted.
        let buried = rows.iter().filter_map(|copy| copy.entry.message.as_ref());
        let buried =
            buried.filter(|message| message.deleted_at.is_some()).map(|message| (message.n, message.rev));
        self.database().change(Table::Dead, dead::notes(keys, of, buried), Order::Any).await?;
        for piece in pieces(keys, of, &new)? {
            room = self.put_piece(room, piece).await?;
        }
        let last_message = rows.iter().rev().find(|copy| copy.entry.message.is_some());
        let last_message = last_message.map_or(Seq::ZERO, |copy| copy.entry.seq).max(room.kept.last_message);
        let kept = Kept { conversation: record.clone(), last_message };
        self.put_step(&room, Room { kept, version: room.version + 1, ..room.clone() }).await
    }

    /// A conversation before its first entry that is put.
    async fn put_shell(&self, record: &Conversation) -> Done<Room> {
        let mut now = record.clone();
        (now.head, now.n) = (record.start.previous(), 0);
        let kept = Kept { conversation: now, last_message: Seq::ZERO };
        let flushed = kept.conversation.head;
        let room = Room { kept, version: 1, flushed, tail: Vec::new(), moves: Vec::new() };
        self.database().insert_one(Table::Conversations, room_document(self.keys(), &room)).await?;
        Ok(room)
    }

    /// Puts rows behind the head: they go the way of an append, so that there is no hole at any moment.
    async fn put_piece(&self, room: Room, piece: Vec<TailEntry>) -> Done<Room> {
        let Some(last) = piece.last() else { return Ok(room) };
        let entry = last.entry()?;
        let mut next = Room { version: room.version + 1, tail: piece, ..room.clone() };
        let now = &mut next.kept.conversation;
        (now.head, now.n, now.last_at) = (entry.seq, entry.n, entry.at);
        self.put_step(&room, next.clone()).await?;
        self.flush(&next).await?;
        Ok(Room { flushed: entry.seq, tail: Vec::new(), ..next })
    }

    async fn put_step(&self, room: &Room, next: Room) -> Done<()> {
        let filter = doc! { "_id": self.keys().conversation(room.now().id), "version": room.version };
        let mut update = change(self, room, &next, Record::Changed);
        update.remove("$currentDate");
        let fixed = doc! { "start": seq(next.now().start), "created_at": next.now().created_at.millis() };
        if let Ok(set) = update.get_document_mut("$set") {
            set.extend(fixed);
        }
        if self.database().swap(Table::Conversations, filter, update).await? {
            Ok(())
        } else {
            Err(StoreError::Conflict.into())
        }
    }

    async fn replace_rows(&self, of: ConversationId, copies: &[&EntryCopy]) -> Done<()> {
        let mut statements = Vec::with_capacity(copies.len());
        for copy in copies {
            let mut row = copy_document(self.keys(), of, copy);
            let key = row.remove("_id").unwrap_or(Bson::Null);
            let optional = [
                "target",
                "payload",
                "digest",
                "message",
                "rev",
                "text",
                "body",
                "edited_at",
                "deleted_at",
                "marks",
            ];
            let gone: Document = optional
                .iter()
                .filter(|name| !row.contains_key(**name))
                .map(|name| ((*name).to_owned(), Bson::from("")))
                .collect();
            let mut update = doc! { "$set": row };
            if !gone.is_empty() {
                update.insert("$unset", gone);
            }
            statements.push(Statement { filter: doc! { "_id": key }, update, absent: Absent::Skip });
        }
        self.database().change(Table::Entries, statements, Order::Any).await
    }

    async fn stored_members(
        &self,
        of: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Done<Vec<Membership>> {
        let Some(room) = self.settled(of).await? else { return Ok(Vec::new()) };
        let mut filter = self.member_range(of, after, None);
        filter.insert("standing", doc! { "$exists": true });
        let query = Query::new(filter).sort(doc! { "_id": 1 }).limit(limit);
        let reads = crate::flush::own_reads(&room.tail);
        let mut rows = Vec::new();
        for row in self.database().find(Table::Members, query).await? {
            let row = MemberRow::read(&row)?.membership;
            rows.extend(row.map(|row| crate::memberships::with_own(row, &reads)));
        }
        Ok(rows)
    }

    fn member_range(&self, of: ConversationId, after: Option<UserId>, through: Option<UserId>) -> Document {
        let (keys, id) = (self.keys(), of.as_bytes());
        let after = after.map_or_else(|| keys.first([id]), |after| keys.member(of, after));
        let through = through.map_or_else(|| keys.last([id]), |through| keys.member(of, through));
        doc! { "_id": { "$gt": after, "$lte": through } }
    }

    async fn replace_members(
        &self,
        of: ConversationId,
        after: Option<UserId>,
        through: Option<UserId>,
        rows: &[Membership],
    ) -> Done<()> {
        let Some(room) = self.settled(of).await? else { return Err(StoreError::Conflict.into()) };
        let keys = self.keys();
        let kept: Vec<Bson> = rows.iter().map(|row| keys.member(of, row.user).into()).collect();
        let range = self.member_range(of, after, through);
        self.database().delete(Table::Members, doc! { "$and": [range, { "_id": { "$nin": kept } }] }).await?;
        let put = |row: &Membership| {
            let one = Move { user: row.user, version: room.version, row: Some(row.clone()) };
            one.put_statement(keys, of)
        };
        for some in rows.chunks(KEYS_MAX) {
            self.database().change(Table::Members, some.iter().map(put).collect(), Order::Any).await?;
        }
        Ok(())
    }
}

/// Whether these rows may follow a log that ends at `head`.
fn judge(record: &Conversation, rows: &[EntryCopy], head: Seq) -> Result<(), StoreError> {
    let (mut before, mut end) = (record.start.previous(), head);
    for seq in rows.iter().map(|copy| copy.entry.seq) {
        if seq <= before || seq > end.next() {
            return Err(StoreError::Conflict);
        }
        (before, end) = (seq, end.max(seq));
    }
    if end == record.head { Ok(()) } else { Err(StoreError::Conflict) }
}

/// Rows as entries of a tail, as many at a time as a document may hold.
fn pieces(keys: Keys, of: ConversationId, copies: &[&EntryCopy]) -> Done<Vec<Vec<TailEntry>>> {
    let (mut pieces, mut bytes) = (vec![Vec::new()], 0);
    for copy in copies {
        let row: RawDocumentBuf = raw(&copy_document(keys, of, copy))?;
        bytes += row.as_bytes().len();
        if bytes > ROWS_BYTES_MAX {
            bytes = row.as_bytes().len();
            pieces.push(Vec::new());
        }
        let entry = TailEntry { seq: copy.entry.seq, row, does: Vec::new() };
        pieces.last_mut().expect("there is always one").push(entry);
    }
    Ok(pieces)
}

fn copy_document(keys: Keys, of: ConversationId, copy: &EntryCopy) -> Document {
    let EntryRow { seq: at, id, by, client_id, kind, target, n, payload, message, .. } = &copy.entry;
    let mut draft = DraftEntry::new(*id, copy.entry.at, *by, client_id.clone(), *kind);
    (draft.target, draft.payload) = (*target, payload.clone());
    let text = message.as_ref().and_then(|message| message.text.as_deref());
    let body: Option<&Payload> = message.as_ref().and_then(|message| message.payload.as_ref());
    let new = NewEntry {
        draft: &draft,
        nth: 0,
        appended: Appended { seq: *at, at: copy.entry.at, n: *n },
        message: message.as_ref().map(|_| NewMessage { text, body }),
    };
    let mut row = entry_document(keys, of, &new);
    match &copy.digest {
        Some(digest) => row.insert("digest", crate::document::binary(digest)),
        None => row.remove("digest"),
    };
    if let Some(message) = message {
        row.insert("rev", seq(message.rev));
        crate::document::set(&mut row, "edited_at", message.edited_at.map(chat_core::Timestamp::millis));
        crate::document::set(&mut row, "deleted_at", message.deleted_at.map(chat_core::Timestamp::millis));
    }
    if !copy.marks.is_empty() {
        let marks: Vec<Document> = copy.marks.iter().map(|mark| mark_document(&mark.key, mark.by)).collect();
        row.insert("marks", marks);
    }
    row
}

fn read_copy(row: &RawDocument) -> Read<EntryCopy> {
    let digest = Fields(row).optional_array("digest")?;
    Ok(EntryCopy { entry: EntryRow::read(row)?, digest, marks: read_marks(row)? })
}
