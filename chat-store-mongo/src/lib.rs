//! A store in a MongoDB database, for any number of processes, on the official driver.
//!
//! It asks little of the server: documents that change one at a time, unique keys, plain indexes. No transaction, no
//! change stream, no aggregation; so a single server will do as well as a replica set, and anything that speaks the
//! protocol and keeps these two promises.
//!
//! ```no_run
//! use chat_core::Store;
//! use chat_store_mongo::{MongoOptions, MongoStore};
//!
//! # async fn open() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MongoStore::open(MongoOptions::new("mongodb://localhost/chat")).await?;
//! store.talk().ping_talk().await?;
//! assert_eq!(store.check().await?, []);
//! store.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The conversation's document
//! Everything that must change together in a conversation stands in one document: its counters and settings, the
//! entries that are not yet rows (`tail`), the changes of members' rows that are not done (`moves`), and `version`,
//! which rises by one with every change that anybody can see.
//!
//! **A change** reads the document, decides, and puts the next state in its place if `version` is still the one it
//! read. A lane of an append is one such step, however many entries it has; so are entering and leaving a channel and
//! hiding a conversation. Whoever comes second finds another version, reads again and decides anew: rights, `roster`,
//! the `rev` of messages and repeats are judged by the same planner as on every store, and only ever against a state
//! that is still there when the step is made. When the answer is lost, the document is read again: what is found of
//! the lane by its entries' ids was appended by it.
//!
//! **The flush** makes rows of what the document holds: entries are inserted, messages changed, members' rows moved,
//! receipts of senders raised; then the document lets go of it. Anybody may flush at any time, from any state of the
//! document however old, twice or at once:
//!
//! - A row that is there is not inserted again, and a row never goes away, so a slow flusher brings no old text back.
//! - A change of a message is applied where `rev` is lower than its position, in order; whoever applied one has applied
//!   all before it.
//! - A change of a member's row is applied where its `version` is lower. A member who has gone leaves a row without a
//!   standing, so that a change which comes late finds it.
//! - Receipts only rise; a deleted message's number is added to its bucket unless it is in it.
//! - The document lets go up to the position that was flushed, never of what came later.
//!
//! Plain messages are flushed after they were acknowledged, many at once where many come; everything else before, so
//! that no document holds a deleted text when the deletion is told.
//!
//! **A reader** reads the document first and the rows after it. What the tail holds of entries he adds to what he
//! finds; does it hold more (the writer is about to flush it, or died) he flushes first. So whoever sees a position
//! sees what was done at it, on every path. A user's conversations are found by his rows: those that are about to
//! change are settled first, and rows are read once more after the documents.
//!
//! # People and logins
//! **Pairs.** The pair's document holds the record and what each side sees, and `due`: whose feed does not know of it
//! yet. A feed is one document per user, a counter and the last 256 changes, pushed together and only if the same
//! change is not among them; so it is dense, and it is told by the writer, by a reader of that feed before he reads,
//! or by the sweep.
//!
//! **Accounts.** An account's document lists what it claims: that is where a claim is decided, in the one write that
//! also compares `version`. Before it, a document per claim keeps others out. One whose account never came is taken
//! over by who wants it: he waits two seconds, raises the `guard` of that account, with which every write of it is
//! compared, and so makes sure that it never will.
//!
//! **Logins.** Which ones a new login pushes out is decided by a compare and swap of a document per user. A login that
//! ended keeps its document without its secrets for a day, so that its end can be told to who polls changes.
//!
//! # Collections
//! All are named `chat_…`. A key is one run of bytes: the tenant (4), ids (16 each), a number (8), most significant
//! byte first. `_id` is such a key; everything that is compared and swapped is found by it alone.
//!
//! | collection | `_id` after the tenant | other indexes | what for |
//! |---|---|---|---|
//! | `chat_conversations` | conversation | `tenant, changed`; `moves.who` | see above |
//! | `chat_entries` | conversation, seq | `made` (conversation, sender, client id), unique; `message` (conversation, number), of messages alone | the log; a row with a `rev` is a message too and holds it and its marks as they are now |
//! | `chat_members` | conversation, user | `member`, `member_of` (the same both ways round), of members alone; `tenant, changed` | standing and receipts |
//! | `chat_reads` | conversation, user, up to | | when it was read, in chats that keep it |
//! | `chat_dead` | conversation, bucket | | which of each 1024 messages are deleted |
//! | `chat_pairs` | low, high | `low.list`, `high.list`; `due.who`; `tenant, unfenced`; `tenant, changed` | both sides of a pair |
//! | `chat_feeds` | user | | the last changes of his pairs |
//! | `chat_accounts`, `chat_claims` | user; kind and value | `tenant, words`; `tenant, state, user` | accounts, and what is unique |
//! | `chat_sessions`, `chat_logins` | login; user | `user`; `tenant, ends_at`; `tenant, changed`; `ended` (expires); `pending` | logins |
//! | `chat_attachments` | attachment | `tenant, due`; `waits` (owner), of those that are due some time | files of messages |
//! | `chat_meta` | | | version of the schema, epoch, digest key; how far was swept |
//!
//! Positions and message numbers are dense, so a page of entries is a list of keys, and a window of history a bounded
//! stretch of `message`: neither walks an index to find where it begins. What changed is read off `changed`, the
//! server's time of the last change of each document, so no change costs a write of its own; what is younger than 30
//! seconds is told again until it is not.
//!
//! # What it costs
//! Round trips, counted by a test:
//!
//! | | before the answer | beside it |
//! |---|---|---|
//! | a message to a conversation that this process has seen | 2: repeats are looked for, the document is swapped | 3, for all that came meanwhile: rows, receipts, the document |
//! | the same where it has not | 3 | 3 |
//! | 256 messages to one conversation | 2 or 3 | 3 |
//! | a page of history, the newest | 2 | |
//! | a page of entries | 1 to 3: none but the document when all of it is in the tail | |
//!
//! Lanes of a batch go beside each other, sixteen at a time. A conversation takes as many lanes a second as its
//! document can be swapped, whoever appends; a lane may hold many messages.
//!
//! # Durability
//! Every write waits for a majority with its journal, every read is of what a majority has, from the primary, whatever
//! the client's own settings are. Every command has a time-out ([`MongoOptions::command_timeout`]); one that runs out
//! is an unknown outcome, and says so. Work goes on when a caller goes away. `retryWrites` may be on: what the driver
//! sends again is compared again.
//!
//! # Backup and restore
//! Any backup of one moment (a snapshot of the volume, `mongodump --oplog` of a replica set). A dump without one moment
//! has documents older than rows: run [`MongoStore::check`]. After a restore, and before anybody connects, call
//! [`MongoStore::renew_epoch`]: clients that are ahead of the copy then start anew.
//!
//! # What to watch
//! - A document holds 16 MB. A lane larger than that is refused, and the engine sends its drafts one by one; a message
//!   takes some 200 000 marks.
//! - Rows of members who left stay, 200 bytes each. Claims of registrations that died stay until somebody wants them.
//! - A busy conversation is one document: its swaps are serial. Watch `chat_conversations` for write conflicts.

mod accounts;
mod attachments;
mod changes;
mod check;
mod conversations;
mod database;
mod dead;
mod document;
mod error;
mod flush;
mod friendships;
mod key;
mod log;
mod memberships;
mod options;
mod receipt_log;
mod receipts;
mod rooms;
mod schema;
mod sessions;
mod store;
mod sweep;
mod transfer;

pub use self::check::Problem;
pub use self::error::OpenError;
pub use self::options::MongoOptions;
pub use self::store::MongoStore;
