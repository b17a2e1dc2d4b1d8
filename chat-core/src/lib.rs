//! An embeddable chat engine: friends, direct messages, groups, channels, presence and delivery, inside your own
//! process, on the database you already have.
//!
//! ```
//! use chat_core::{Chat, Device, Draft, Event, MemoryStore, UserId};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let chat = Chat::builder(MemoryStore::new()).build().await?;
//! let (ana, bo) = (UserId::from(1_u64), UserId::from(2_u64)); // the host's own ids
//!
//! chat.actor(ana).request_friend(bo).await?;
//! chat.actor(bo).accept_friend(ana).await?;
//!
//! let mut phone = chat.open(bo, Device::new("phone")).await?; // one connected device
//! let sent = chat.actor(ana).send_to(bo, Draft::text("hello")?).await?; // acked = stored
//! let Event::Entry(entry) = phone.next().await? else { panic!("expected an entry") };
//! assert_eq!(entry.message().map(|message| message.id), Some(sent.message.id));
//! # Ok(())
//! # }
//! ```
//!
//! # What it rests on
//!
//! - **A conversation is a log.** Every change takes the next position: 1, 2, 3, … without holes. Whoever knows "up to
//!   41" knows exactly what is missing.
//! - **The store is the truth, everything else is a hint.** A message exists when the store has committed it; answers
//!   come after. Sockets and brokers may lose, repeat and reorder, and nobody ends up wrong.
//! - **Core decides, stores compare and swap, transports translate.** The rules live once, as pure functions.
//! - **Every bound is explicit**: see [`Limits`].
//!
//! # Where things are
//!
//! | module | what it holds |
//! |---|---|
//! | [`id`], [`time`], [`limits`], [`page`], [`error`] | the small words everything else is said in |
//! | [`user`], [`friendship`], [`conversation`], [`message`], [`receipt`] | validated values and pure rules |
//! | [`attachment`] | files of messages, and [`Files`], where their bytes are |
//! | [`command`], [`event`] | what comes in and what goes out, transport-neutral |
//! | [`store`] | the contract of stores, small traits in three groups |
//! | [`copy`](mod@copy) | from one store into another, while the first is in use |
//! | [`engine`] | the use cases: [`Chat`], [`ActingAs`] |
//! | [`delivery`] | sessions, hub, resume, presence, [`Notifier`] |
//! | `accounts` | users and logins of our own (feature `accounts`) |
//! | `memory` | the store in memory (feature `memory`) |
//! | `conformance` | the suite every store must pass (feature `conformance`) |
//! | `testing` | a small world for a host's tests (feature `testing`) |
//!
//! It does no I/O, knows no transport and no database, reads time and randomness only through [`Clock`] and
//! [`IdSource`], installs no logger or recorder, and spawns only what [`Chat::shutdown`] ends.

#[cfg(feature = "accounts")]
pub mod accounts;
pub mod attachment;
pub mod command;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod conversation;
pub mod copy;
pub mod delivery;
pub mod engine;
pub mod error;
pub mod event;
pub mod friendship;
pub mod id;
pub mod limits;
#[cfg(feature = "memory")]
pub mod memory;
pub mod message;
pub mod page;
pub mod receipt;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod user;

pub use attachment::{Attachment, FileName, Files, Upload};
pub use command::{Command, Reply};
pub use conversation::{
    Conversation, History, Join, Kind, Membership, Post, Read, Role, Seat, Settings, Standing,
};
pub use delivery::{Ended, Notice, Notifier, Session};
pub use engine::{Accepts, ActingAs, Chat, ChatBuilder, EmailClaim, Policies, UnknownPolicy};
pub use error::{ChatError, Refusal};
pub use event::Event;
pub use friendship::{Friendship, Relation};
pub use id::{
    AttachmentId, ConversationId, EntryId, IdSource, InvalidId, NotAPair, Pair, Seq, SessionId, Side,
    SystemIds, Tenant, UserId,
};
pub use limits::{Limits, UnknownLimit};
#[cfg(feature = "memory")]
pub use memory::MemoryStore;
pub use message::{
    Changes, ClientId, Content, Draft, Edit, Entry, Message, Metadata, Patch, Payload, Text, What,
};
pub use page::{Limit, Page};
pub use receipt::Receipt;
pub use store::{SplitStore, Store, StoreError};
pub use time::{Clock, SystemClock, Timestamp};
pub use user::{Device, Directory, DirectoryError, Everybody, Profile, Query};
