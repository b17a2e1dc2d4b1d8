//! Collections, their indexes, and the document that says what they are: made, or verified, whenever a store opens.

use chat_core::store::{Meta, StoreError};
use mongodb::bson::{Document, RawDocument, doc};
use uuid::Uuid;

use crate::database::{Database, Table};
use crate::document::{Fields, Read, binary, id};
use crate::error::{Done, OpenError};

/// The version of all this. Another one is written by another program.
pub(crate) const VERSION: i64 = 1;

/// Seconds that a tombstone of a login stays.
const ENDED_SECONDS: i64 = 86_400;

/// The document that says what the collections are.
const META: &str = "store";

/// One index: on what, and whether each of its keys is there once.
struct Index {
    table: Table,
    name: &'static str,
    key: &'static [&'static str],
    kind: Kind,
}

enum Kind {
    Plain,
    Unique,
    /// Documents go so many seconds after the time in it.
    Expiring(i64),
}

impl Index {
    const fn plain(table: Table, name: &'static str, key: &'static [&'static str]) -> Self {
        Self { table, name, key, kind: Kind::Plain }
    }

    fn document(&self) -> Document {
        let key: Document = self.key.iter().map(|field| ((*field).to_owned(), 1_i32.into())).collect();
        let mut document = doc! { "name": self.name, "key": key };
        match self.kind {
            Kind::Plain => None,
            Kind::Unique => document.insert("unique", true),
            Kind::Expiring(seconds) => document.insert("expireAfterSeconds", seconds),
        };
        document
    }
}

/// Every index beside `_id`, with what is looked up by it.
const INDEXES: [Index; 21] = [
    // What changed, for who was not told.
    Index::plain(Table::Conversations, "chat_changed", &["tenant", "changed"]),
    // Conversations whose members' rows are about to change, by whom it concerns.
    Index::plain(Table::Conversations, "chat_moves", &["moves.who"]),
    // Repeats. Every entry has this key: it holds the entry's own id where the sender gave none.
    Index { table: Table::Entries, name: "chat_made", key: &["made"], kind: Kind::Unique },
    // Pages of history, by the number of the message. Only messages have it.
    Index::plain(Table::Entries, "chat_messages", &["message"]),
    // The members of a conversation, and the conversations of a user. Only who is a member has them.
    Index::plain(Table::Members, "chat_member", &["member"]),
    Index::plain(Table::Members, "chat_member_of", &["member_of"]),
    Index::plain(Table::Members, "chat_changed", &["tenant", "changed"]),
    // The list of each of the two.
    Index::plain(Table::Pairs, "chat_low", &["low.list"]),
    Index::plain(Table::Pairs, "chat_high", &["high.list"]),
    // Pairs of which a feed was not told yet, by whose it is.
    Index::plain(Table::Pairs, "chat_due", &["due.who"]),
    Index::plain(Table::Pairs, "chat_unfenced", &["tenant", "unfenced"]),
    Index::plain(Table::Pairs, "chat_changed", &["tenant", "changed"]),
    // Search, by the beginning of a word.
    Index::plain(Table::Accounts, "chat_words", &["tenant", "words"]),
    Index::plain(Table::Accounts, "chat_state", &["tenant", "state", "user"]),
    Index::plain(Table::Sessions, "chat_user", &["user"]),
    Index::plain(Table::Sessions, "chat_ends", &["tenant", "ends_at"]),
    Index::plain(Table::Sessions, "chat_changed", &["tenant", "changed"]),
    // Users of whom logins are about to end.
    Index::plain(Table::Logins, "chat_pending", &["pending"]),
    // Files that must be looked after, and how many of a user's are. Only those have them.
    Index::plain(Table::Attachments, "chat_due", &["tenant", "due"]),
    Index::plain(Table::Attachments, "chat_waits", &["waits"]),
    // Tombstones go by themselves where the server does it, and by the sweep everywhere.
    Index {
        table: Table::Sessions,
        name: "chat_ended",
        key: &["ended"],
        kind: Kind::Expiring(ENDED_SECONDS),
    },
];

impl Database {
    /// Makes what is not there, and reads what the store says of itself.
    pub(crate) async fn prepare(&self) -> Result<Meta, OpenError> {
        let meta = self.found_or_new().await?;
        for table in Table::ALL {
            let indexes: Vec<&Index> = INDEXES.iter().filter(|index| index.table == table).collect();
            if !indexes.is_empty() {
                let documents = indexes.into_iter().map(Index::document).collect();
                self.make_indexes(table, documents).await.map_err(StoreError::from)?;
            }
        }
        Ok(meta)
    }

    async fn found_or_new(&self) -> Result<Meta, OpenError> {
        let new = Meta { epoch: random_epoch(), digest_key: random() };
        let made = doc! { "$setOnInsert": {
            "version": VERSION,
            "epoch": id(new.epoch.as_bytes()),
            "digest_key": binary(&new.digest_key),
        } };
        self.put(Table::Meta, doc! { "_id": META }, made).await.map_err(StoreError::from)?;
        let (found, meta) = self.stored_meta().await.map_err(StoreError::from)?;
        if found > VERSION { Err(OpenError::NewerSchema { found, known: VERSION }) } else { Ok(meta) }
    }

    /// What the store says of itself now: other processes may have renewed it.
    pub(crate) async fn meta(&self) -> Done<Meta> {
        Ok(self.stored_meta().await?.1)
    }

    async fn stored_meta(&self) -> Done<(i64, Meta)> {
        let found = self.find_one(Table::Meta, doc! { "_id": META }).await?;
        let found = found.ok_or(StoreError::Corrupt("the store has no meta document"))?;
        Ok(read_meta(&found)?)
    }

    pub(crate) async fn put_meta(&self, meta: &Meta) -> Done<()> {
        let set = doc! { "epoch": id(meta.epoch.as_bytes()), "digest_key": binary(&meta.digest_key) };
        self.swap(Table::Meta, doc! { "_id": META }, doc! { "$set": set }).await?;
        Ok(())
    }

    /// The indexes that should be there and are not.
    pub(crate) async fn missing_indexes(&self) -> Done<Vec<(&'static str, &'static str)>> {
        let mut missing = Vec::new();
        for table in Table::ALL {
            let wanted: Vec<&Index> = INDEXES.iter().filter(|index| index.table == table).collect();
            if wanted.is_empty() {
                continue;
            }
            let there = self.indexes(table).await?;
            let absent = wanted.iter().filter(|index| !there.iter().any(|name| name == index.name));
            missing.extend(absent.map(|index| (table.name(), index.name)));
        }
        Ok(missing)
    }
}

fn read_meta(document: &RawDocument) -> Read<(i64, Meta)> {
    let fields = Fields(document);
    let meta = Meta { epoch: fields.id("epoch", Uuid::from_bytes)?, digest_key: fields.array("digest_key")? };
    Ok((fields.int("version")?, meta))
}

pub(crate) fn random_epoch() -> Uuid {
    uuid::Builder::from_random_bytes(random()).into_uuid()
}

/// Bytes of the system's randomness.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("without the system's randomness no key can be made");
    bytes
}
