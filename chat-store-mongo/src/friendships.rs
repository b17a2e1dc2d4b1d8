//! Pairs, what each side sees of them, and a feed of changes per user.
//!
//! The pair's document is the record and holds both sides' rows, so all three change in one write. The feeds follow:
//! with the record it is noted whose feed is due, and whoever comes first (the writer, a reader of that feed, the
//! sweep) tells it. A feed is a counter and the last changes, pushed together; telling twice what it knows already
//! does nothing. A reader of a feed first tells what is due to it, so it is never older than a record.

use std::collections::HashMap;

use async_trait::async_trait;
use chat_core::friendship::{Relation, View};
use chat_core::id::{Pair, Side, UserId};
use chat_core::page::Limit;
use chat_core::store::code::{Code, friendship, int};
use chat_core::store::{
    FriendChange, FriendChanges, FriendFilter, FriendRow, Friendships, PairRecord, PutPair, StoreError,
};
use mongodb::bson::{Binary, Document, RawBsonRef, RawDocument, doc};

use crate::database::{Absent, Order, Query, Statement, Table};
use crate::document::{Fields, Read, id};
use crate::error::{Done, Failure, Unreadable};
use crate::key::{Keys, id_in};
use crate::log::LOOKS_MAX;
use crate::store::MongoStore;

/// Changes that a feed keeps.
pub(crate) const FEED_ITEMS_MAX: usize = 256;

#[async_trait]
impl Friendships for MongoStore {
    async fn of(&self, pairs: &[Pair]) -> Result<Vec<Option<PairRecord>>, StoreError> {
        let found = self.pair_documents(pairs.iter().copied()).await?;
        let record = |&pair: &Pair| {
            found.get(&pair).map(|document| read_record(document).map_err(crate::error::Failure::from))
        };
        Ok(pairs.iter().map(|pair| record(pair).transpose()).collect::<Done<_>>()?)
    }

    async fn put(&self, change: &PutPair) -> Result<PairRecord, StoreError> {
        let change = *change;
        self.write(move |store| async move { store.put_pair(&change).await }).await
    }

    async fn fenced(&self, pair: Pair, version: u64) -> Result<(), StoreError> {
        self.write(move |store| async move { store.note_fenced(pair, version).await }).await
    }

    async fn unfenced(&self, limit: Limit) -> Result<Vec<PairRecord>, StoreError> {
        let filter = doc! { "tenant": self.keys().tenant(), "unfenced": true };
        let found = self.database().find(Table::Pairs, Query::new(filter).limit(limit.get())).await?;
        let records: Vec<PairRecord> =
            found.iter().map(|document| read_record(document)).collect::<Read<_>>().map_err(failed)?;
        Ok(records.into_iter().filter(PairRecord::is_fence_due).collect())
    }

    async fn list(
        &self,
        user: UserId,
        filter: FriendFilter,
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Vec<FriendRow>, StoreError> {
        Ok(self.listed(user, filter, after, limit.get() + 1).await?)
    }

    async fn blocks(&self, user: UserId) -> Result<Vec<UserId>, StoreError> {
        Ok(self.blocked(user).await?)
    }

    async fn since(&self, user: UserId, cursor: Option<u64>) -> Result<FriendChanges, StoreError> {
        Ok(self.feed_since(user, cursor).await?)
    }
}

fn failed(unreadable: Unreadable) -> crate::error::Failure {
    unreadable.into()
}

/// Documents by their pair.
type Pairs = HashMap<Pair, mongodb::bson::RawDocumentBuf>;

/// The name of a side in a pair's document.
pub(crate) const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Low => "low",
        Side::High => "high",
    }
}

/// One change that a feed is to be told: of which pair, at which of its versions.
struct Due {
    pair: Pair,
    user: UserId,
    version: i64,
}

impl Due {
    fn document(&self, keys: Keys) -> Document {
        doc! { "who": keys.user(self.user), "version": self.version }
    }

    /// How it stands in the feed.
    fn told(&self) -> Document {
        let other = self.pair.other(self.user).expect("a feed is of one of the two");
        OwnFeed::document(other, self.version)
    }

    /// Tells it, unless the feed knows it already.
    fn statement(&self, keys: Keys) -> Statement {
        let limit = i64::try_from(FEED_ITEMS_MAX).expect("a small number");
        let push = doc! { "recent": { "$each": [self.told()], "$slice": -limit } };
        Statement {
            filter: doc! { "_id": keys.user(self.user), "recent": { "$ne": self.told() } },
            update: doc! { "$inc": { "version": 1_i64 }, "$push": push },
            absent: Absent::Make,
        }
    }
}

impl MongoStore {
    async fn pair_documents(&self, pairs: impl Iterator<Item = Pair>) -> Done<Pairs> {
        let keys: Vec<Binary> = pairs.map(|pair| self.keys().pair(pair)).collect();
        let found = self.by_key(Table::Pairs, keys, Query::keys).await?;
        found.into_values().map(|document| Ok((read_pair(&document)?, document))).collect()
    }

    async fn put_pair(&self, change: &PutPair) -> Done<PairRecord> {
        if int(change.expected) == i64::MAX {
            return Err(StoreError::Conflict.into());
        }
        let (keys, pair, version) = (self.keys(), change.pair, change.expected + 1);
        let due: Vec<Due> = Side::BOTH
            .into_iter()
            .filter(|side| change.shown[side.index()].is_some())
            .map(|side| Due { pair, user: pair.user(side), version: int(version) })
            .collect();
        let update = pair_update(keys, change, &due);
        if change.expected == 0 {
            // A document that is there has a version.
            let filter = doc! { "_id": keys.pair(pair), "version": { "$lt": 1_i64 } };
            if !self.database().make(Table::Pairs, filter, update).await? {
                return Err(StoreError::Conflict.into());
            }
        } else {
            let filter = doc! { "_id": keys.pair(pair), "version": int(change.expected) };
            if !self.database().swap(Table::Pairs, filter, update).await? {
                return Err(StoreError::Conflict.into());
            }
        }
        self.tell(&due).await.map_err(Failure::after_commit)?;
        let now = match change.expected {
            0 => None,
            _ => self.pair_documents(std::iter::once(pair)).await?.remove(&pair),
        };
        let now = now.map(|document| read_record(&document)).transpose()?;
        let fence_due = if change.fence { version } else { now.map_or(0, |now| now.fence_due) };
        let fenced = now.map_or(0, |now| now.fenced);
        let record = PairRecord::stored(pair, change.friendship, version, change.at);
        Ok(record.fences(fence_due, fenced))
    }

    /// Tells feeds what is due, notes where it came to stand, and then that it is done.
    async fn tell(&self, due: &[Due]) -> Done<()> {
        if due.is_empty() {
            return Ok(());
        }
        let keys = self.keys();
        let statements = due.iter().map(|due| due.statement(keys)).collect();
        self.database().change(Table::Feeds, statements, Order::Any).await?;
        let users = due.iter().map(|due| keys.user(due.user)).collect();
        let feeds = self.by_key(Table::Feeds, users, Query::keys).await?;
        let mut done = Vec::with_capacity(due.len());
        for due in due {
            let told = feeds.get(&keys.user(due.user).bytes).map(|feed| read_feed(feed)).transpose()?;
            let other = due.pair.other(due.user);
            let place = told.unwrap_or_default().place_of(other, due.version);
            let side = due.pair.side(due.user).map_or("low", side_name);
            let mut update = doc! { "$pull": { "due": due.document(keys) } };
            if let Some(place) = place {
                update.insert("$max", doc! { format!("{side}.told"): int(place) });
            }
            let filter = doc! { "_id": keys.pair(due.pair) };
            done.push(Statement { filter, update, absent: Absent::Skip });
        }
        self.database().change(Table::Pairs, done, Order::Any).await
    }

    /// Tells a user's feed everything that is due to it.
    pub(crate) async fn tell_due(&self, user: UserId) -> Done<()> {
        let who = self.keys().user(user);
        let found = self.database().find(Table::Pairs, Query::new(doc! { "due.who": who })).await?;
        for document in &found {
            self.tell(&read_due(document)?).await?;
        }
        Ok(())
    }

    async fn note_fenced(&self, pair: Pair, version: u64) -> Done<()> {
        let key = self.keys().pair(pair);
        let done = doc! { "$max": { "fenced": int(version) }, "$set": { "unfenced": false } };
        let filter = doc! { "_id": key.clone(), "fence_due": { "$lte": int(version) } };
        if !self.database().swap(Table::Pairs, filter, done).await? {
            let raised = doc! { "$max": { "fenced": int(version) } };
            self.database().swap(Table::Pairs, doc! { "_id": key }, raised).await?;
        }
        Ok(())
    }

    /// A user's rows by the other's id: first those whose other has the lower id, then the rest.
    async fn listed(
        &self,
        user: UserId,
        admitted: FriendFilter,
        after: Option<UserId>,
        most: usize,
    ) -> Done<Vec<FriendRow>> {
        let mut rows = Vec::new();
        for side in [Side::High, Side::Low] {
            if rows.len() < most {
                let wanted = side_filter(side, admitted);
                for document in self.side(user, side, after, wanted, most - rows.len()).await? {
                    rows.extend(read_side(&document, side)?.map(|(row, _)| row));
                }
            }
        }
        Ok(rows)
    }

    async fn blocked(&self, user: UserId) -> Done<Vec<UserId>> {
        let mut others = Vec::new();
        for side in [Side::High, Side::Low] {
            let blocked = doc! { "any_block": true };
            for document in self.side(user, side, None, blocked, usize::MAX).await? {
                others.extend(read_pair(&document)?.other(user));
            }
        }
        Ok(others)
    }

    /// The pairs in which a user is on this side, by the other's id.
    async fn side(
        &self,
        user: UserId,
        side: Side,
        after: Option<UserId>,
        mut filter: Document,
        most: usize,
    ) -> Done<Vec<mongodb::bson::RawDocumentBuf>> {
        let (keys, list) = (self.keys(), format!("{}.list", side_name(side)));
        let from = after.map_or_else(|| keys.first([user.as_bytes()]), |after| keys.friend(user, after));
        filter.insert(&list, doc! { "$gt": from, "$lte": keys.last([user.as_bytes()]) });
        let query = Query::new(filter).sort(doc! { list: 1 });
        let query = if most == usize::MAX { query } else { query.limit(most) };
        self.database().find(Table::Pairs, query).await
    }

    /// What a feed says, with rows that are not younger than it: where one was changed in between, both are read again.
    async fn feed_since(&self, user: UserId, cursor: Option<u64>) -> Done<FriendChanges> {
        for _ in 0..LOOKS_MAX {
            if let Some(changes) = self.read_feed_since(user, cursor).await? {
                return Ok(changes);
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn read_feed_since(&self, user: UserId, cursor: Option<u64>) -> Done<Option<FriendChanges>> {
        self.tell_due(user).await?;
        let found = self.database().find_one(Table::Feeds, doc! { "_id": self.keys().user(user) }).await?;
        let feed = found.map(|document| read_feed(&document)).transpose()?.unwrap_or_default();
        let last = feed.version;
        let cursor = cursor.unwrap_or(last);
        let stands = FriendChanges { items: Vec::new(), cursor: last, reset: false };
        if cursor == last {
            return Ok(Some(stands));
        }
        let Some(changed) = feed.after(cursor) else {
            return Ok(Some(FriendChanges { reset: true, ..stands }));
        };
        let pairs =
            changed.into_iter().filter_map(|(place, other)| Some((place, Pair::new(user, other).ok()?)));
        let pairs: Vec<(u64, Pair)> = pairs.collect();
        let documents = self.pair_documents(pairs.iter().map(|(_, pair)| *pair)).await?;
        let mut items = Vec::with_capacity(pairs.len());
        for (version, pair) in pairs {
            let Some(document) = documents.get(&pair) else { continue };
            let side = pair.side(user).ok_or(Unreadable("recent"))?;
            let Some((row, told)) = read_side(document, side)? else { continue };
            if told > version || read_due(document)?.iter().any(|due| due.user == user) {
                return Ok(None);
            }
            items.push(FriendChange { version, row });
        }
        Ok(Some(FriendChanges { items, ..stands }))
    }
}

fn pair_update(keys: Keys, change: &PutPair, due: &[Due]) -> Document {
    let pair = change.pair;
    let version = int(change.expected + 1);
    let [low, high] = change.friendship.blocked;
    let mut set = doc! {
        "tenant": keys.tenant(),
        "state": change.friendship.state.code(),
        "blocked": [low, high],
        "any_block": change.friendship.is_blocked(),
        "version": version,
        "at": change.at.millis(),
    };
    if change.fence {
        set.insert("fence_due", version);
        set.insert("unfenced", true);
    }
    for side in Side::BOTH {
        let name = side_name(side);
        set.insert(format!("{name}.list"), keys.friend(pair.user(side), pair.user(side.other())));
        if let Some(View { relation, blocked }) = change.shown[side.index()] {
            set.insert(format!("{name}.relation"), relation.code());
            set.insert(format!("{name}.blocked"), blocked);
            set.insert(format!("{name}.at"), change.at.millis());
        }
    }
    let mut update = doc! { "$set": set, "$currentDate": { "changed": true } };
    if !due.is_empty() {
        let due: Vec<Document> = due.iter().map(|due| due.document(keys)).collect();
        update.insert("$push", doc! { "due": { "$each": due } });
    }
    update
}

/// What the row of one side must hold to be in a list.
fn side_filter(side: Side, admitted: FriendFilter) -> Document {
    let name = side_name(side);
    let (relation, blocked) = (format!("{name}.relation"), format!("{name}.blocked"));
    match admitted {
        FriendFilter::All => {
            doc! { "$or": [{ relation: { "$gte": Relation::Requested.code() } }, { blocked: true }] }
        }
        FriendFilter::Relation(Relation::None) => doc! { relation: Relation::None.code(), blocked: true },
        FriendFilter::Relation(wanted) => doc! { relation: wanted.code() },
        FriendFilter::Blocked => doc! { blocked: true },
    }
}

fn read_pair(document: &RawDocument) -> Read<Pair> {
    let key = Fields(document).bytes("_id")?;
    let user = |nth| id_in(key, nth).map(UserId::from_bytes).ok_or(Unreadable("_id"));
    Pair::new(user(0)?, user(1)?).map_err(|_| Unreadable("_id"))
}

pub(crate) fn read_record(document: &RawDocument) -> Read<PairRecord> {
    let fields = Fields(document);
    let blocked = fields.required("blocked", RawBsonRef::as_array)?;
    let blocked = |nth| blocked.get_bool(nth).map_err(|_| Unreadable("blocked"));
    let between = friendship(fields.code("state")?, blocked(0)?, blocked(1)?);
    let (version, at) = (fields.count("version")?, fields.time("at")?);
    let number = |name| Ok(fields.optional_count(name)?.unwrap_or(0));
    let record = PairRecord::stored(read_pair(document)?, between, version, at);
    Ok(record.fences(number("fence_due")?, number("fenced")?))
}

/// What a side sees and where that stands in its feed; nothing where it was never shown anything.
pub(crate) fn read_side(document: &RawDocument, side: Side) -> Read<Option<(FriendRow, u64)>> {
    let pair = read_pair(document)?;
    let Some(seen) = Fields(document).optional(side_name(side), RawBsonRef::as_document)? else {
        return Ok(None);
    };
    let seen = Fields(seen);
    if seen.get("relation")?.is_none() {
        return Ok(None);
    }
    let view = View { relation: seen.code("relation")?, blocked: seen.flag("blocked")? };
    let row = FriendRow { other: pair.user(side.other()), view, at: seen.time("at")? };
    Ok(Some((row, seen.optional_seq("told")?.map_or(0, chat_core::Seq::get))))
}

fn read_due(document: &RawDocument) -> Read<Vec<Due>> {
    let pair = read_pair(document)?;
    let read = |due| {
        let fields = Fields(due);
        let user = id_in(fields.bytes("who")?, 0).map(UserId::from_bytes).ok_or(Unreadable("due"))?;
        Ok(Due { pair, user, version: fields.int("version")? })
    };
    Fields(document).documents("due")?.into_iter().map(read).collect()
}

/// A user's feed: where it stands, and its last changes, of whom and at which version of the pair.
#[derive(Debug, Default)]
pub(crate) struct OwnFeed {
    pub(crate) version: u64,
    recent: Vec<(UserId, i64)>,
}

impl OwnFeed {
    /// A change of a pair with somebody, as a feed has it.
    pub(crate) fn document(other: UserId, version: i64) -> Document {
        doc! { "other": id(other.as_bytes()), "version": version }
    }

    /// The place before the first recent change.
    fn before(&self) -> u64 {
        self.version.saturating_sub(self.recent.len() as u64)
    }

    /// The place of each recent change.
    pub(crate) fn places(&self) -> impl Iterator<Item = (u64, UserId, i64)> {
        let places = self.before() + 1..;
        places.zip(&self.recent).map(|(place, &(other, version))| (place, other, version))
    }

    fn place_of(&self, other: Option<UserId>, version: i64) -> Option<u64> {
        self.places().find(|&(_, whom, of)| Some(whom) == other && of == version).map(|(place, ..)| place)
    }

    /// The latest change of each pair after a place; nothing when these are not known any more, or never were.
    fn after(&self, cursor: u64) -> Option<Vec<(u64, UserId)>> {
        if !(self.before()..=self.version).contains(&cursor) {
            return None;
        }
        let after = self.places().filter(|(place, ..)| *place > cursor);
        let latest: HashMap<UserId, u64> = after.map(|(place, other, _)| (other, place)).collect();
        let mut latest: Vec<(u64, UserId)> =
            latest.into_iter().map(|(other, place)| (place, other)).collect();
        latest.sort_unstable();
        Some(latest)
    }
}

pub(crate) fn read_feed(document: &RawDocument) -> Read<OwnFeed> {
    let fields = Fields(document);
    let read = |told| {
        let fields = Fields(told);
        // A place of which nothing is known any more has nobody in it.
        let other = fields.optional_user("other")?.unwrap_or(UserId::SYSTEM);
        Ok((other, fields.optional("version", RawBsonRef::as_i64)?.unwrap_or(0)))
    };
    let recent = fields.documents("recent")?.into_iter().map(read).collect::<Read<_>>()?;
    Ok(OwnFeed { version: fields.count("version")?, recent })
}
