//! An embeddable chat engine.

pub mod command;
pub mod conversation;
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
pub mod time;
pub mod user;

pub use command::{Command, Reply};
pub use conversation::{
    Conversation, History, Join, Kind, Membership, Post, Read, Role, Seat, Settings, Standing,
};
pub use error::{ChatError, Refusal};
pub use delivery::{Ended, Notice, Notifier, Session};
pub use engine::{Accepts, ActingAs, Chat, ChatBuilder, Policies, UnknownPolicy};
pub use event::Event;
pub use friendship::{Friendship, Relation};
pub use id::{
    ConversationId, EntryId, IdSource, InvalidId, NotAPair, Pair, Seq, SessionId, Side, SystemIds, Tenant,
    UserId,
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
