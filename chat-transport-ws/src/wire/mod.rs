//! The format on the wire: frames of a socket to commands, replies and events to frames.

use std::time::Duration;

use bytes::Bytes;
use chat_core::event::Event;
use chat_core::{Command, Limits, Profile, Reply, SessionId, Timestamp, UserId};
use uuid::Uuid;

use crate::problem::Failure;

/// A frame that is no request at all; it has no id to answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Why, for people.
    pub(crate) reason: String,
}

/// A request: something with an id, which gets exactly one answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    /// The client's own, repeated in the answer.
    pub(crate) id: u64,
    /// What it asks, or why that is not of the right form.
    pub(crate) what: Result<Incoming, Failure>,
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Incoming {
    /// To be let in, or to show a newer token.
    Auth {
        /// What it shows.
        token: String,
        /// Whether anything is pushed before the first `sync`.
        resume: Resume,
    },
    /// Something for the engine.
    Command(Command),
}

/// When a connection goes live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Resume {
    /// At once.
    #[default]
    Live,
    /// With the answer to its first `sync`.
    AwaitSync,
}

/// What of a command its answer depends on: kept beside the command while it is carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    id: u64,
    user: UserId,
}

impl Asked {
    /// What of `command`, asked by `user` under this id, its answer depends on.
    pub(crate) fn new(id: u64, user: UserId, _command: &Command) -> Self {
        Self { id, user }
    }
}

/// What the first frame of the server tells.
#[derive(Clone, Debug)]
pub(crate) struct Hello<'a> {
    pub(crate) user: &'a Profile,
    pub(crate) session: SessionId,
    pub(crate) connection: Uuid,
    pub(crate) epoch: Uuid,
    pub(crate) server_time: Timestamp,
    pub(crate) heartbeat: Duration,
    pub(crate) limits: &'a Limits,
}

/// Reads a frame. `user` is who sends it, once that is known: cursors are bound to him.
pub(crate) fn parse(_text: &str, _user: Option<UserId>) -> Result<Request, Malformed> {
    unimplemented!("lands next")
}

/// The answer to a request that was done.
pub(crate) fn reply(_asked: &Asked, _reply: &Reply) -> Bytes {
    unimplemented!("lands next")
}

/// The answer to a request that was not; without an id, to a frame that was none.
pub(crate) fn failure(_id: Option<u64>, _failure: &Failure) -> Bytes {
    unimplemented!("lands next")
}

/// Something pushed to a session of `user`; one encoding is shared by all who get the same event.
pub(crate) fn event(_event: &Event, _user: UserId) -> Bytes {
    unimplemented!("lands next")
}

/// The server's first frame.
pub(crate) fn hello(_hello: &Hello<'_>) -> Bytes {
    unimplemented!("lands next")
}

/// The server's last frame before it closes with this code.
pub(crate) fn closing(_code: u16, _retry_after: Option<Duration>) -> Bytes {
    unimplemented!("lands next")
}
