//! The frames around everything: greetings, answers, failures, farewells.

use std::time::Duration;

use bytes::Bytes;
use chat_core::{Limits, Profile, Reply, SessionId, Timestamp};
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value as Schema, json};
use uuid::Uuid;

use super::answers::{Asked, put};
use super::buffer::object;
use super::events::frame;
use super::fit::{Fit, PAGE_BYTES_MAX};
use super::show::{Model, Show, Shown, field, shown};
use crate::problem::Failure;

/// Bytes of a page that are left for what stands around its items.
const ENVELOPE_BYTES: usize = 512;

/// The answer to a request that was done.
pub(crate) fn reply(asked: &Asked, reply: &Reply) -> Bytes {
    let write = |fit| {
        object(|map| {
            field(map, "id", &asked.id)?;
            field(map, "type", &"ok")?;
            put(reply, asked, fit, map)
        })
    };
    fitted(write)
}

/// The answer to a request that was done and has nothing to tell.
pub(crate) fn done(id: u64) -> Bytes {
    object(|map| {
        field(map, "id", &id)?;
        field(map, "type", &"ok")
    })
    .into()
}

/// The same as a body: without id and type.
pub(crate) fn body(asked: &Asked, reply: &Reply) -> Bytes {
    fitted(|fit| object(|map| put(reply, asked, fit, map)))
}

/// A resource by itself.
pub(crate) fn bare(model: &impl Model) -> Bytes {
    object(|map| model.put(map)).into()
}

/// Pages are rarely too large: whether one is, is found out by writing it.
fn fitted(write: impl Fn(Fit) -> Vec<u8>) -> Bytes {
    let whole = write(Fit::Whole);
    if whole.len() < PAGE_BYTES_MAX {
        return whole.into();
    }
    write(Fit::Within(PAGE_BYTES_MAX - ENVELOPE_BYTES)).into()
}

/// The answer to a request that was not done; without an id, to a frame that was none.
pub(crate) fn failure(id: Option<u64>, failure: &Failure) -> Bytes {
    object(|map| {
        field(map, "id", &id)?;
        field(map, "type", &"error")?;
        failure.put(map)
    })
    .into()
}

/// The server's first frame.
pub(crate) fn hello(hello: &Hello<'_>) -> Bytes {
    frame("hello", hello)
}

/// The server's last frame before it closes with this code.
pub(crate) fn closing(code: u16, retry_after: Option<Duration>) -> Bytes {
    frame("closing", &Closing { code, retry_after })
}

/// What the first frame of the server tells.
#[derive(Clone, Debug)]
pub(crate) struct Hello<'a> {
    /// Who one is.
    pub(crate) user: &'a Profile,
    /// One's login.
    pub(crate) session: SessionId,
    /// This connection.
    pub(crate) connection: Uuid,
    /// The life of the store's data.
    pub(crate) epoch: Uuid,
    /// The server's time.
    pub(crate) server_time: Timestamp,
    /// How often the server pings.
    pub(crate) heartbeat: Duration,
    /// The engine's bounds.
    pub(crate) limits: &'a Limits,
}

/// What the last frame of the server tells.
pub(crate) struct Closing {
    code: u16,
    retry_after: Option<Duration>,
}

shown! {
    /// The server's first frame.
    "Hello": Hello<'_> as it {
        /// Who one is.
        user: &Profile = it.user,
        /// One's login.
        session: SessionId = it.session,
        /// This connection.
        connection: Uuid = it.connection,
        /// The life of the store's data: positions of another one mean nothing.
        epoch: Uuid = it.epoch,
        /// The server's time.
        server_time: Timestamp = it.server_time,
        /// How often the server pings; after two pings without a sign of life it closes.
        heartbeat_ms: u64 = millis(it.heartbeat),
        /// Bounds that clients should know, by name.
        limits: ForClients<'_> = ForClients(it.limits),
    }

    /// The server closes the connection now.
    "Closing": Closing as it {
        /// The code of the close that follows.
        code: u64 = it.code.into(),
        /// When to come back.
        retry_after_ms: Option<u64> = it.retry_after.map(millis),
    }

    /// A request was not done.
    "Failure": Failure as it {
        /// What it is, for programs.
        code: &str = it.code.as_str(),
        /// What it is, for people.
        message: &str = &it.message,
        /// What it is about: a JSON pointer, or `?` and the name of a query parameter.
        field: Option<&str> = it.field.as_deref(),
        /// When to try again.
        retry_after_ms: Option<u64> = it.retry_after.map(millis),
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The bounds that clients should know.
struct ForClients<'a>(&'a Limits);

impl ForClients<'_> {
    /// What only protects the server, and what clients cannot do anything about, is not among them.
    const NAMES: [&'static str; 26] = [
        "frame_bytes_max",
        "server_frame_bytes_max",
        "text_bytes_max",
        "metadata_bytes_max",
        "mentions_max",
        "attachments_max",
        "attachment_bytes_max",
        "attachments_unsent_per_user_max",
        "name_codepoints_max",
        "group_members_max",
        "group_members_min",
        "members_per_add_max",
        "conversations_per_user_max",
        "sync_conversations_max",
        "page_items_max",
        "watched_users_max",
        "receipt_members_max",
        "sessions_per_user_max",
        "sockets_per_user_max",
        "password_codepoints_min",
        "password_codepoints_max",
        "username_codepoints_min",
        "username_codepoints_max",
        "full_name_codepoints_min",
        "frames_per_socket_per_second",
        "messages_per_user_per_second",
    ];
}

impl Show for ForClients<'_> {
    fn schema() -> Schema {
        let limits = Self::NAMES.map(|name| (name.to_owned(), u64::schema()));
        json!({ "type": "object", "properties": serde_json::Map::from_iter(limits) })
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = self.0.iter().filter(|(name, _)| Self::NAMES.contains(name));
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in known {
            map.serialize_entry(name, &Shown(&value))?;
        }
        map.end()
    }
}
