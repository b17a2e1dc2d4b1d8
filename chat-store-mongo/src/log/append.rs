//! Appending: what a lane is judged by is read, the planner decides, one document is compared and swapped.
//!
//! Nothing is read that is known: of a conversation this process has seen before only repeats are looked for. Whoever
//! finds the version moved reads again and decides anew, so the version is all that is compared.

use std::collections::HashMap;
use std::sync::Arc;

use chat_core::conversation::Membership;
use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::store::plan::{Known, Plan, Record, Target, Wanted, Write, plan};
use chat_core::store::{Appended, DraftEntry, EntryRow, Lane, LaneDone, Outcome, StoreError};
use mongodb::bson::{Binary, Document, RawDocument, doc};

use crate::database::{KEYS_MAX, Query, Table};
use crate::document::{
    Doing, Fields, FromRow as _, Move, Read, Room, TailEntry, counters, entry_document, raw, record,
};
use crate::error::{Done, Failure};
use crate::store::MongoStore;

/// How often a lane is decided before others are let through: each time somebody else came first.
const ROUNDS_MAX: u32 = 64;
/// How often an answer may be lost.
const LOSSES_MAX: u32 = 2;
/// Entries in a tail beyond which nothing is added before they are rows, and their bytes.
const TAIL_MAX: usize = 512;
const TAIL_BYTES_MAX: usize = 2 << 20;

/// Where the state came from that a lane was decided from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// It may be old: it refuses nobody.
    Memory,
    Database,
}

/// A state of a conversation, and up to where its entries are rows: those after it are looked for in its tail.
type State = (i64, Seq);

/// First entries by what repeats find them by.
type Firsts = HashMap<Vec<u8>, EntryRow>;
/// The same with their digests.
type FirstRows = HashMap<Vec<u8>, (EntryRow, Option<[u8; 16]>)>;

/// One lane until it is in the log, or refused.
pub(super) struct Append<'s> {
    store: &'s MongoStore,
    lane: &'s Lane,
    made: Vec<Binary>,
    /// Repeats that were looked for with those of other lanes, and for which state.
    early: Option<(State, Arc<FirstRows>)>,
    /// An answer was lost: what is found of this lane may be of this very call.
    losses: u32,
}

impl<'s> Append<'s> {
    pub(super) fn new(store: &'s MongoStore, lane: &'s Lane) -> Self {
        let made = |draft: &DraftEntry| store.keys().made(lane.conversation, draft.by, &draft.client_id);
        Self { store, lane, made: lane.drafts.iter().map(made).collect(), early: None, losses: 0 }
    }

    /// Lanes of one batch: what all need to know is read at once.
    pub(super) async fn all(store: &'s MongoStore, batch: &'s [Lane]) -> Done<Vec<Self>> {
        let mut appends: Vec<Self> = batch.iter().map(|lane| Self::new(store, lane)).collect();
        if appends.len() < 2 {
            return Ok(appends);
        }
        let tenant = store.keys().0;
        let unknown = batch.iter().map(|lane| lane.conversation);
        let unknown: Vec<ConversationId> =
            unknown.filter(|id| store.rooms().recall(tenant, *id).is_none()).collect();
        for room in store.all_settled(&unknown).await?.into_values() {
            store.rooms().remember(tenant, room);
        }
        // Rows are looked at after the documents, so nothing falls between.
        let recalled = batch.iter().map(|lane| store.rooms().recall(tenant, lane.conversation));
        let states: Vec<Option<State>> = recalled.map(|room| Some(room?.state())).collect();
        let made = appends.iter().flat_map(|append| append.made.iter().cloned()).collect();
        let firsts = Arc::new(store.first_rows(made).await?);
        for (append, state) in appends.iter_mut().zip(states) {
            append.early = state.map(|state| (state, Arc::clone(&firsts)));
        }
        Ok(appends)
    }

    pub(super) fn lane(&self) -> &'s Lane {
        self.lane
    }

    /// Appends the lane wholly, or answers why not.
    pub(super) async fn run(mut self) -> Done<LaneDone> {
        let id = self.lane.conversation;
        let _turn = self.store.rooms().turn(id).await;
        for _ in 0..ROUNDS_MAX {
            let (room, source) = self.room().await?;
            let (known, firsts) = self.known(&room).await?;
            let planned = match plan(self.lane, known) {
                Ok(planned) if !planned.entries.is_empty() => planned,
                // Refused, or nothing but repeats: both are answered from what is so now.
                other if source == Source::Database => return Ok(self.answer(other?, &firsts)),
                _ => {
                    self.store.rooms().forget(self.store.keys().0, id);
                    continue;
                }
            };
            let next = self.next(&room, &planned)?;
            if self.swap(&room, &next, planned.record).await? {
                let done = self.answer(planned, &firsts);
                self.store.follow(next).await.map_err(Failure::after_commit)?;
                return Ok(done);
            }
            self.store.rooms().forget(self.store.keys().0, id);
        }
        Err(StoreError::Conflict.into())
    }

    /// The conversation, settled, with room for more.
    async fn room(&self) -> Done<(Room, Source)> {
        let id = self.lane.conversation;
        if let Some(room) = self.store.rooms().recall(self.store.keys().0, id) {
            return Ok((Room::clone(&room), Source::Memory));
        }
        let room = self.store.settled(id).await?.ok_or(StoreError::Conflict)?;
        let bytes: usize = room.tail.iter().map(|entry| entry.row.as_bytes().len()).sum();
        if room.tail.len() < TAIL_MAX && bytes < TAIL_BYTES_MAX {
            return Ok((room, Source::Database));
        }
        self.store.flush(&room).await?;
        Ok((Room { flushed: room.now().head, tail: Vec::new(), ..room }, Source::Database))
    }

    async fn known(&mut self, room: &Room) -> Done<(Known, Firsts)> {
        let firsts = self.firsts(room).await?;
        let repeat = |made: &Binary| {
            let found = firsts.get(&made.bytes)?;
            Some(Outcome::Repeat { seq: found.0.seq, digest: found.1 })
        };
        let repeats = self.made.iter().map(repeat).collect();
        let wanted = Wanted::of(self.lane);
        let known = Known {
            kept: Some(room.kept.clone()),
            repeats,
            targets: self.targets(room, wanted.targets).await?,
            members: self.members(wanted.members).await?,
        };
        Ok((known, firsts.into_iter().map(|(made, (entry, _))| (made, entry)).collect()))
    }

    /// The first entries under the ids of the drafts: rows are looked at after the document, so nothing falls between.
    async fn firsts(&mut self, room: &Room) -> Done<FirstRows> {
        let mut firsts = FirstRows::new();
        for entry in &room.tail {
            let made = entry.made()?;
            if self.made.iter().any(|key| key.bytes == made) {
                firsts.insert(made.to_vec(), read_first(&entry.row)?);
            }
        }
        let missing = self.made.iter().filter(|made| !firsts.contains_key(&made.bytes));
        if let Some((_, early)) = self.early.take().filter(|(state, _)| *state == room.state()) {
            let found: Vec<_> = missing.filter_map(|made| early.get_key_value(&made.bytes)).collect();
            firsts.extend(found.into_iter().map(|(made, first)| (made.clone(), first.clone())));
        } else {
            let missing = missing.cloned().collect();
            firsts.extend(self.store.first_rows(missing).await?);
        }
        Ok(firsts)
    }

    async fn targets(&self, room: &Room, wanted: Vec<Seq>) -> Done<HashMap<Seq, Target>> {
        let (of, keys) = (self.lane.conversation, self.store.keys());
        let mut targets = HashMap::new();
        let mut rows = Vec::new();
        for target in wanted {
            match room.waiting(target) {
                Some(entry) => targets.extend(read_target(&entry.row)?.map(|found| (target, found))),
                None => rows.push(keys.entry(of, target)),
            }
        }
        if rows.is_empty() {
            return Ok(targets);
        }
        let fields = doc! { "seq": 1, "n": 1, "rev": 1, "deleted_at": 1 };
        let found = self.store.by_key(Table::Entries, rows, |keys| Query::keys(keys).fields(fields.clone()));
        for row in found.await?.values() {
            let at = Fields(row).seq("seq")?;
            targets.extend(read_target(row)?.map(|target| (at, target)));
        }
        Ok(targets)
    }

    async fn members(&self, wanted: Vec<UserId>) -> Done<HashMap<UserId, Membership>> {
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = self.store.member_rows(self.lane.conversation, &wanted).await?;
        Ok(rows.into_values().filter_map(|row| row.membership).map(|row| (row.user, row)).collect())
    }

    /// The conversation after the plan.
    fn next(&self, room: &Room, planned: &Plan<'_>) -> Done<Room> {
        let (of, keys, version) = (self.lane.conversation, self.store.keys(), room.version + 1);
        let mut next = Room { kept: planned.kept.clone(), version, ..room.clone() };
        for entry in &planned.entries {
            let row = raw(&entry_document(keys, of, entry))?;
            next.tail.push(TailEntry { seq: entry.appended.seq, row, does: Vec::new() });
        }
        for write in &planned.writes {
            match (Doing::of(write), write) {
                (Some((rev, doing)), _) => {
                    let entry = next.tail.iter_mut().rev().find(|entry| entry.seq == rev);
                    entry.expect("a write is of an entry of its plan").add(doing)?;
                }
                (None, Write::Member(row)) => {
                    next.moves.push(Move { user: row.user, version, row: Some(row.clone()) });
                }
                (None, Write::NoMember(user)) => next.moves.push(Move { user: *user, version, row: None }),
                (None, _) => unreachable!("everything else is done to a message"),
            }
        }
        Ok(next)
    }

    /// Puts the next state in the place of the one it was decided from; answers whether it was still there.
    async fn swap(&mut self, room: &Room, next: &Room, changed: Record) -> Done<bool> {
        let update = change(self.store, room, next, changed);
        let filter = doc! {
            "_id": self.store.keys().conversation(self.lane.conversation),
            "version": room.version,
        };
        match self.store.database().swap(Table::Conversations, filter, update).await {
            Err(failure) if failure.is_unknown() && self.losses < LOSSES_MAX => {
                tracing::debug!(%failure, "whether a lane was appended is unknown: it is read again");
                self.losses += 1;
                Ok(false)
            }
            other => {
                if other.is_err() {
                    self.store.rooms().forget(self.store.keys().0, self.lane.conversation);
                }
                other
            }
        }
    }

    /// The answer; what an answer was lost of and is found now was appended by this call.
    fn answer(&self, planned: Plan<'_>, firsts: &Firsts) -> LaneDone {
        let mut outcomes = planned.outcomes;
        if self.losses > 0 {
            for ((outcome, draft), made) in outcomes.iter_mut().zip(&self.lane.drafts).zip(&self.made) {
                if let Some(own) = firsts.get(&made.bytes).filter(|first| first.id == draft.id) {
                    *outcome = Outcome::Appended(Appended { seq: own.seq, at: own.at, n: own.n });
                }
            }
        }
        LaneDone { outcomes, conversation: planned.kept.conversation }
    }
}

/// What the step from one state of a conversation to the next writes.
pub(crate) fn change(store: &MongoStore, room: &Room, next: &Room, changed: Record) -> Document {
    let mut set = counters(next);
    let mut update = Document::new();
    if changed == Record::Changed {
        let (fields, gone) = record(next.now());
        set.extend(fields);
        if !gone.is_empty() {
            update.insert("$unset", gone);
        }
    }
    update.insert("$set", set);
    let tail: Vec<Document> = next.tail[room.tail.len()..].iter().map(TailEntry::document).collect();
    let moves: Vec<Document> =
        next.moves[room.moves.len()..].iter().map(|one| one.document(store.keys())).collect();
    let mut push = Document::new();
    if !tail.is_empty() {
        push.insert("tail", doc! { "$each": tail });
        update.insert("$currentDate", doc! { "changed": true });
    }
    if !moves.is_empty() {
        push.insert("moves", doc! { "$each": moves });
    }
    if !push.is_empty() {
        update.insert("$push", push);
    }
    update
}

impl MongoStore {
    /// The rows that repeats of these would find.
    async fn first_rows(&self, made: Vec<Binary>) -> Done<FirstRows> {
        let mut firsts = FirstRows::new();
        for keys in made.chunks(KEYS_MAX) {
            let query = Query::among("made", keys.to_vec()).fields(doc! { "text": 0, "body": 0, "marks": 0 });
            for row in self.database().find(Table::Entries, query).await? {
                firsts.insert(Fields(&row).bytes("made")?.to_vec(), read_first(&row)?);
            }
        }
        Ok(firsts)
    }

    /// Lets rows follow a state that was just put: before it is told, unless it is entries alone.
    pub(crate) async fn follow(&self, room: Room) -> Done<()> {
        let id = room.now().id;
        if room.is_unsettled() {
            self.rooms().forget(self.keys().0, id);
            let room = self.settle(room).await?;
            self.rooms().remember(self.keys().0, room);
            return Ok(());
        }
        self.rooms().remember(self.keys().0, room.clone());
        if self.rooms().is_first_due(self.keys().0, room) {
            tokio::spawn(self.clone().flush_beside());
        }
        Ok(())
    }

    /// Flushes what is due while others go on, many conversations at once.
    async fn flush_beside(self) {
        let tenant = self.keys().0;
        while let Some((_permit, rooms)) = self.rooms().begin_flush(tenant).await {
            if rooms.is_empty() {
                return;
            }
            match self.flush_all(&rooms).await {
                Ok(()) => rooms.iter().for_each(|room| self.rooms().let_go(tenant, room.now())),
                Err(failure) if failure.is_unknown() => {
                    tracing::debug!(%failure, "conversations stay as they are until they are used");
                }
                // One of them is at fault: it does not stand in the way of the others.
                Err(_) => self.flush_each(&rooms).await,
            }
        }
    }

    async fn flush_each(&self, rooms: &[Room]) {
        for room in rooms {
            match self.flush(room).await {
                Ok(()) => self.rooms().let_go(self.keys().0, room.now()),
                Err(failure) => {
                    tracing::error!(conversation = %room.now().id, %failure, "entries cannot become rows");
                }
            }
        }
    }
}

fn read_first(row: &RawDocument) -> Read<(EntryRow, Option<[u8; 16]>)> {
    Ok((EntryRow::read(row)?, Fields(row).optional_array("digest")?))
}

/// What a message is judged by; nothing for an entry that is none.
fn read_target(row: &RawDocument) -> Read<Option<Target>> {
    let fields = Fields(row);
    let Some(rev) = fields.optional_seq("rev")? else { return Ok(None) };
    let deleted = fields.optional_time("deleted_at")?.is_some();
    Ok(Some(Target { n: fields.count("n")?, rev, deleted }))
}
