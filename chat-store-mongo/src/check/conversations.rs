//! Conversations: each log is walked once, and what stands elsewhere is compared with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use chat_core::conversation::Membership;
use chat_core::id::{Seq, UserId};
use chat_core::store::{EntryRow, MessageRow};
use chat_core::time::Timestamp;
use mongodb::bson::{RawBsonRef, RawDocument, doc};

use super::{Findings, Whose, hex};
use crate::database::{Query, Table};
use crate::dead::place;
use crate::document::{Doing, Fields, FromRow as _, MemberRow, Room};
use crate::error::Done;
use crate::flush::own_reads;
use crate::key::tenant_in;
use crate::memberships::with_own;
use crate::store::{ByKey, MongoStore};

/// How often a conversation that is written to is looked at.
const LOOKS_MAX: u32 = 8;
/// Rows of one command.
const SOME: u64 = 500;

/// One conversation.
struct Check<'s> {
    store: &'s MongoStore,
    room: Room,
    key: String,
    findings: Findings,
    /// How many messages there are up to each position that somebody has read to.
    walked: Walked,
}

/// What the log says up to a position.
#[derive(Default)]
struct Walked {
    head: Seq,
    n: u64,
    last_message: Seq,
    last_at: Timestamp,
    /// The number at each position.
    numbers: BTreeMap<Seq, u64>,
    /// Numbers of messages whose deletion is done.
    dead: BTreeSet<u64>,
    /// Numbers of messages whose deletion may be half done.
    dying: BTreeSet<u64>,
}

impl MongoStore {
    pub(super) async fn check_conversations(&self, whose: Whose, findings: &mut Findings) -> Done<()> {
        let mut after = None;
        loop {
            let found = self.next(Table::Conversations, whose, &mut after, doc! { "_id": 1 }).await?;
            for document in &found {
                let key = Fields(document).bytes("_id")?;
                findings.0.extend(self.check_conversation(key).await?.0);
                if findings.is_full() {
                    return Ok(());
                }
            }
            if found.is_empty() {
                return Ok(());
            }
        }
    }

    /// Looks until nobody has written meanwhile.
    async fn check_conversation(&self, key: &[u8]) -> Done<Findings> {
        let store = tenant_in(key).map_or_else(|| self.clone(), |tenant| self.for_tenant(tenant));
        let filter = doc! { "_id": crate::document::binary(key) };
        let mut last = Findings::default();
        for _ in 0..LOOKS_MAX {
            let Some(document) = self.database().find_one(Table::Conversations, filter.clone()).await? else {
                return Ok(Findings::default());
            };
            let room = match Room::read(&document) {
                Ok(room) => room,
                Err(error) => {
                    last.add(Table::Conversations, hex(key), error.to_string());
                    return Ok(last);
                }
            };
            let (version, flushed) = (room.version, room.flushed);
            let check = Check {
                store: &store,
                room,
                key: hex(key),
                findings: Findings::default(),
                walked: Walked::default(),
            };
            last = check.all().await?;
            let again = Query::new(filter.clone()).fields(doc! { "version": 1, "flushed": 1 });
            let again = self.database().find(Table::Conversations, again).await?;
            let is_same = |now: &RawDocument| {
                Fields(now).int("version") == Ok(version) && Fields(now).seq("flushed") == Ok(flushed)
            };
            if last.0.is_empty() || again.iter().all(|now| is_same(now)) {
                return Ok(last);
            }
        }
        Ok(last)
    }
}

impl Check<'_> {
    async fn all(mut self) -> Done<Findings> {
        self.log().await?;
        self.compare_counters();
        self.dead().await?;
        self.members().await?;
        Ok(self.findings)
    }

    fn find(&mut self, table: Table, part: impl Display, finding: impl Into<String>) {
        let key = format!("{} {part}", self.key);
        self.findings.add(table, key, finding);
    }

    async fn log(&mut self) -> Done<()> {
        let (start, flushed, head) = (self.room.now().start, self.room.flushed, self.room.now().head);
        self.walked.head = start.previous();
        self.walked.n = self.store.numbers(&self.room, &[start.previous()]).await?.pop().unwrap_or(0);
        let mut next = start.get();
        while next <= flushed.get() {
            let last = (next + SOME - 1).min(flushed.get());
            let rows = self.rows(next, last).await?;
            for seq in (next..=last).map(Seq::new) {
                let row = rows.get(&self.store.keys().entry(self.room.now().id, seq).bytes);
                self.entry(seq, row.map(|row| &**row));
            }
            next = last + 1;
        }
        for entry in self.room.tail.clone() {
            if entry.seq > flushed {
                self.entry(entry.seq, Some(&entry.row));
            }
            self.dying(&entry.does);
        }
        let beyond = self.rows(head.get() + 1, head.get() + SOME).await?;
        if !beyond.is_empty() {
            self.find(Table::Entries, head, format!("{} rows are beyond the head", beyond.len()));
        }
        Ok(())
    }

    async fn rows(&self, first: u64, last: u64) -> Done<ByKey> {
        let id = self.room.now().id;
        let keys = (first..=last).map(|seq| self.store.keys().entry(id, Seq::new(seq))).collect();
        self.store.by_key(Table::Entries, keys, Query::keys).await
    }

    fn entry(&mut self, seq: Seq, row: Option<&RawDocument>) {
        let Some(row) = row else {
            self.find(Table::Entries, seq, "the entry is missing");
            self.walked.head = seq;
            return;
        };
        match EntryRow::read(row) {
            Ok(entry) => self.compare_entry(row, &entry, seq),
            Err(error) => self.find(Table::Entries, seq, error.to_string()),
        }
        self.walked.head = seq;
    }

    fn compare_entry(&mut self, row: &RawDocument, entry: &EntryRow, seq: Seq) {
        if entry.seq != seq || seq != self.walked.head.next() {
            self.find(Table::Entries, seq, format!("holds {}, and follows {}", entry.seq, self.walked.head));
        }
        let n = self.walked.n + u64::from(entry.message.is_some());
        if entry.n != n {
            self.find(Table::Entries, seq, format!("n is {}, not {n}", entry.n));
        }
        if entry.at < self.walked.last_at {
            self.find(Table::Entries, seq, "its time is before the one of the entry before");
        }
        let made = self.store.keys().made(self.room.now().id, entry.by, &entry.client_id);
        if Fields(row).bytes("made") != Ok(&made.bytes) {
            self.find(Table::Entries, seq, "not found by its client_id");
        }
        if let Some(message) = &entry.message {
            self.message(row, message);
        }
        (self.walked.n, self.walked.last_at) = (entry.n, entry.at);
        self.walked.numbers.insert(seq, entry.n);
    }

    fn message(&mut self, row: &RawDocument, message: &MessageRow) {
        let (seq, id) = (message.seq, self.room.now().id);
        self.walked.last_message = seq;
        let number = self.store.keys().message(id, message.n);
        if Fields(row).bytes("message") != Ok(&number.bytes) {
            self.find(Table::Entries, seq, "not found by its number");
        }
        if message.rev < seq {
            self.find(Table::Entries, seq, "rev is before its own position");
        }
        if message.deleted_at.is_none() {
            return;
        }
        if message.rev <= self.room.flushed {
            self.walked.dead.insert(message.n);
        } else {
            self.walked.dying.insert(message.n);
        }
        let holds = |name| Fields(row).get(name).ok().flatten().is_some();
        if ["text", "body", "digest", "marks"].into_iter().any(holds) {
            self.find(Table::Entries, seq, "deleted, and still holds something");
        }
    }

    fn dying(&mut self, does: &[Doing]) {
        for doing in does {
            if let Doing::Bury { n, .. } = doing {
                self.walked.dying.insert(*n);
            }
        }
    }

    fn compare_counters(&mut self) {
        let (walked, now) = (&self.walked, self.room.now());
        let pairs = [
            ("head", now.head.get(), walked.head.get()),
            ("n", now.n, walked.n),
            ("last", self.room.kept.last_message.get(), walked.last_message.get()),
        ];
        let is_before = now.last_at < walked.last_at;
        for (what, found, expected) in pairs {
            self.findings.compare(Table::Conversations, &self.key, what, &found, &expected);
        }
        if is_before {
            self.find(Table::Conversations, "", "last_at is before the last entry");
        }
    }

    async fn dead(&mut self) -> Done<()> {
        let id = self.room.now().id;
        let last = place(self.room.now().n.max(1)).0;
        let keys = (0..=last).map(|bucket| self.store.keys().bucket(id, bucket)).collect();
        let found = self.store.by_key(Table::Dead, keys, Query::keys).await?;
        let mut noted = BTreeSet::new();
        for bucket in 0..=last {
            let Some(document) = found.get(&self.store.keys().bucket(id, bucket).bytes) else { continue };
            let fields = Fields(document);
            let places = fields.required("dead", RawBsonRef::as_array)?;
            let before = noted.len();
            let numbers = places.into_iter().filter_map(|place| place.ok()?.as_i64());
            noted.extend(numbers.map(|place| bucket * 1024 + 1 + place.unsigned_abs()));
            let count = (noted.len() - before) as u64;
            self.findings.compare(Table::Dead, &self.key, "count", &fields.count("count")?, &count);
        }
        for n in self.walked.dead.difference(&noted).copied().collect::<Vec<_>>() {
            if !self.walked.dying.contains(&n) {
                self.find(Table::Dead, n, "deleted, and not counted");
            }
        }
        for n in noted.difference(&self.walked.dead).copied().collect::<Vec<_>>() {
            if !self.walked.dying.contains(&n) {
                self.find(Table::Dead, n, "counted, and not deleted");
            }
        }
        Ok(())
    }

    async fn members(&mut self) -> Done<()> {
        let id = self.room.now().id;
        let range = doc! {
            "$gt": self.store.keys().first([id.as_bytes()]),
            "$lte": self.store.keys().last([id.as_bytes()]),
        };
        let mut rows: BTreeMap<UserId, Option<Membership>> = BTreeMap::new();
        for row in self.store.database().find(Table::Members, Query::new(doc! { "_id": range })).await? {
            match MemberRow::read(&row) {
                Ok(MemberRow { membership: Some(row), .. }) => rows.insert(row.user, Some(row)),
                Ok(_) => None,
                Err(error) => {
                    self.find(Table::Members, "", error.to_string());
                    None
                }
            };
        }
        rows.extend(self.room.moves.iter().map(|one| (one.user, one.row.clone())));
        let members: Vec<Membership> =
            rows.into_values().flatten().filter(|row| row.role().is_some()).collect();
        let count = members.len() as u64;
        let (key, now) = (self.key.clone(), self.room.now().member_count);
        self.findings.compare(Table::Conversations, key, "member_count", &now, &count);
        let reads = own_reads(&self.room.tail);
        for row in members {
            self.member(&with_own(row, &reads));
        }
        Ok(())
    }

    /// With the count of deleted messages right, `read_n` is all that what is unread hangs on.
    fn member(&mut self, member: &Membership) {
        let head = self.room.now().head;
        if member.read > member.delivered || member.delivered > head {
            self.find(Table::Members, member.user, "read, delivered and head are out of order");
        }
        let before = self.walked.numbers.range(..=member.read).next_back();
        let n = before.map_or(0, |(_, n)| *n);
        if member.read >= self.room.now().start && member.read_n != n {
            self.find(Table::Members, member.user, format!("read_n is {}, not {n}", member.read_n));
        }
    }
}
