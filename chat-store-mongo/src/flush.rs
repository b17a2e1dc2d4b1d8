//! What stands in a conversation's document becomes rows: by whoever comes first, as often as it comes.
//!
//! Every step may be done twice, and by two at once, the slower one with an older document:
//! 1. Entries are inserted; those that are there already stay as they are.
//! 2. Changes of messages are applied in order, each only to a row whose `rev` is lower. Whoever applies one has
//!    applied all before it, so a row with a higher `rev` has them.
//! 3. Members' rows become what the last move says, if their version is lower; receipts of senders only rise.
//! 4. Only then the document lets go of what it held, up to what was done here.

use std::collections::{BTreeMap, HashMap};

use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::store::EntryRow;
use chat_core::store::code::int;
use chat_core::time::Timestamp;
use mongodb::bson::{Binary, Document, doc};

use crate::database::{Absent, KEYS_MAX, Order, Query, Statement, Table};
use crate::dead;
use crate::document::{Doing, Fields, FromRow as _, Room, TailEntry, binary, mark_document, seq};
use crate::error::{Done, Unreadable};
use crate::key::Keys;
use crate::store::MongoStore;

/// How far a sender has read by writing.
pub(crate) type OwnReads = BTreeMap<UserId, (Seq, u64)>;

impl MongoStore {
    /// A conversation whose rows are as new as its document: what the document still holds are entries without
    /// effects on others.
    pub(crate) async fn settled(&self, id: ConversationId) -> Done<Option<Room>> {
        let found =
            self.database().find_one(Table::Conversations, doc! { "_id": self.keys().conversation(id) });
        match found.await? {
            Some(document) => Ok(Some(self.settle(Room::read(&document)?).await?)),
            None => Ok(None),
        }
    }

    /// The same of a conversation that was just read.
    pub(crate) async fn settle(&self, room: Room) -> Done<Room> {
        if !room.is_unsettled() {
            return Ok(room);
        }
        self.flush(&room).await?;
        let flushed = room.now().head;
        Ok(Room { flushed, tail: Vec::new(), moves: Vec::new(), ..room })
    }

    /// Makes rows of everything that this state of a conversation holds.
    pub(crate) async fn flush(&self, room: &Room) -> Done<()> {
        self.flush_all(std::slice::from_ref(room)).await
    }

    /// The same of several conversations, in as many commands as for one.
    pub(crate) async fn flush_all(&self, rooms: &[Room]) -> Done<()> {
        let rooms: Vec<&Room> =
            rooms.iter().filter(|room| !room.tail.is_empty() || !room.moves.is_empty()).collect();
        let keys = self.keys();
        self.insert_entries(&rooms).await?;
        let mut changes = Vec::new();
        for room in &rooms {
            changes.extend(message_changes(keys, room)?);
        }
        self.database().change(Table::Entries, changes, Order::Kept).await?;
        let dead = rooms.iter().flat_map(|room| dead::changes(keys, room.now().id, &room.tail));
        self.database().change(Table::Dead, dead.collect(), Order::Any).await?;
        let moves = rooms.iter().flat_map(|room| moves(keys, room));
        self.database().change(Table::Members, moves.collect(), Order::Any).await?;
        let reads = rooms.iter().flat_map(|room| {
            let of = room.now().id;
            own_reads(&room.tail).into_iter().map(move |(user, read)| own_read(keys, of, user, read))
        });
        self.database().change(Table::Members, reads.collect(), Order::Any).await?;
        let let_go = rooms.iter().map(|room| let_go(keys, room));
        self.database().change(Table::Conversations, let_go.collect(), Order::Any).await
    }

    async fn insert_entries(&self, rooms: &[&Room]) -> Done<()> {
        let entries = rooms.iter().flat_map(|room| room.tail.iter().map(|entry| (room.now().id, entry)));
        let entries: Vec<(ConversationId, &TailEntry)> = entries.collect();
        for entries in entries.chunks(KEYS_MAX) {
            let rows = entries.iter().map(|(_, entry)| entry.row.clone()).collect();
            if self.database().insert(Table::Entries, rows).await? > 0 {
                self.assert_there(entries).await?;
            }
        }
        Ok(())
    }

    /// A row that was refused must be there by its place, and be the same: were it another one of the same `client_id`,
    /// there would be a hole in the log, and were the place another one's, as after a backup that was not of one moment,
    /// what was acknowledged would be gone.
    async fn assert_there(&self, entries: &[(ConversationId, &TailEntry)]) -> Done<()> {
        let keys = entries.iter().map(|(of, entry)| self.keys().entry(*of, entry.seq));
        let query = Query::keys(keys).fields(doc! { "id": 1 });
        let mut there = HashMap::with_capacity(entries.len());
        for row in self.database().find(Table::Entries, query).await? {
            let fields = Fields(&row);
            there.insert(fields.bytes("_id")?.to_vec(), fields.bytes("id")?.to_vec());
        }
        for (of, entry) in entries {
            let id = there.get(&self.keys().entry(*of, entry.seq).bytes).ok_or(Unreadable("made"))?;
            if id != Fields(&entry.row).bytes("id")? {
                return Err(Unreadable("_id").into());
            }
        }
        Ok(())
    }
}

/// The document lets go of what is rows now, and of no more.
fn let_go(keys: Keys, room: &Room) -> Statement {
    let head = seq(room.now().head);
    let mut gone = doc! { "tail": { "seq": { "$lte": head } } };
    if !room.moves.is_empty() {
        gone.insert("moves", doc! { "version": { "$lte": room.version } });
    }
    Statement {
        filter: doc! { "_id": keys.conversation(room.now().id) },
        update: doc! { "$max": { "flushed": head }, "$pull": gone },
        absent: Absent::Skip,
    }
}

/// How far the senders of these entries have read by writing them.
pub(crate) fn own_reads(tail: &[TailEntry]) -> OwnReads {
    let messages = tail.iter().filter_map(|entry| EntryRow::read(&entry.row).ok());
    let messages = messages.filter(|entry| entry.message.is_some());
    messages.map(|entry| (entry.by, (entry.seq, entry.n))).collect()
}

fn own_read(keys: Keys, of: ConversationId, user: UserId, (read, n): (Seq, u64)) -> Statement {
    Statement {
        filter: doc! { "_id": keys.member(of, user), "standing": { "$gte": 1 } },
        update: doc! { "$max": { "read": seq(read), "read_n": int(n), "delivered": seq(read) } },
        absent: Absent::Skip,
    }
}

/// The last move of each user.
fn moves(keys: Keys, room: &Room) -> Vec<Statement> {
    let last: BTreeMap<UserId, _> = room.moves.iter().map(|one| (one.user, one)).collect();
    last.into_values().map(|one| one.statement(keys, room.now().id)).collect()
}

/// What the entries of a tail do to messages, in order.
fn message_changes(keys: Keys, room: &Room) -> Done<Vec<Statement>> {
    let mut changes = Vec::new();
    for entry in room.tail.iter().filter(|entry| !entry.does.is_empty()) {
        let at = entry.entry()?.at;
        let mut targets: BTreeMap<Seq, Change<'_>> = BTreeMap::new();
        for doing in &entry.does {
            targets.entry(doing.target()).or_default().add(doing);
        }
        for (target, change) in targets {
            changes.extend(change.statements(keys.entry(room.now().id, target), entry.seq, at));
        }
    }
    Ok(changes)
}

/// What one entry does to one message.
#[derive(Default)]
struct Change<'t> {
    body: Option<(Option<&'t str>, Option<&'t [u8]>)>,
    is_buried: bool,
    /// Marks, and whether they are there afterwards.
    marks: BTreeMap<(&'t str, UserId), bool>,
}

impl<'t> Change<'t> {
    fn add(&mut self, doing: &'t Doing) {
        match doing {
            Doing::Body { text, body, .. } => self.body = Some((text.as_deref(), body.as_deref())),
            Doing::Bury { .. } => self.is_buried = true,
            Doing::Mark { key, by, .. } => {
                self.marks.insert((key.as_str(), *by), true);
            }
            Doing::Unmark { key, by, .. } => {
                self.marks.insert((key.as_str(), *by), false);
            }
        }
    }

    /// Marks are taken away first, then everything else is done with the new `rev`: none of it to a row that has it.
    fn statements(self, key: Binary, rev: Seq, at: Timestamp) -> Vec<Statement> {
        let filter = doc! { "_id": key, "rev": { "$lt": seq(rev) } };
        let statement = |update| Statement { filter: filter.clone(), update, absent: Absent::Skip };
        if self.is_buried {
            let gone = doc! { "text": "", "body": "", "digest": "", "marks": "" };
            let set = doc! { "rev": seq(rev), "deleted_at": at.millis() };
            return vec![statement(doc! { "$set": set, "$unset": gone })];
        }
        let (put, taken): (Vec<_>, Vec<_>) = self.marks.into_iter().partition(|(_, is_there)| *is_there);
        let mark = |((key, by), _): &((&str, UserId), bool)| mark_document(key, *by);
        let mut statements: Vec<Statement> =
            taken.iter().map(|one| statement(doc! { "$pull": { "marks": mark(one) } })).collect();
        let mut update = if let Some((text, body)) = self.body {
            body_change(rev, at, text, body)
        } else {
            doc! { "$set": { "rev": seq(rev) } }
        };
        if !put.is_empty() {
            let put: Vec<Document> = put.iter().map(mark).collect();
            update.insert("$addToSet", doc! { "marks": { "$each": put } });
        }
        statements.push(statement(update));
        statements
    }
}

fn body_change(rev: Seq, at: Timestamp, text: Option<&str>, body: Option<&[u8]>) -> Document {
    let mut set = doc! { "rev": seq(rev), "edited_at": at.millis() };
    let mut unset = Document::new();
    match text {
        Some(text) => set.insert("text", text),
        None => unset.insert("text", ""),
    };
    match body {
        Some(body) => set.insert("body", binary(body)),
        None => unset.insert("body", ""),
    };
    let mut update = doc! { "$set": set };
    if !unset.is_empty() {
        update.insert("$unset", unset);
    }
    update
}
