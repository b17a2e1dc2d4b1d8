//! The format on the wire: frames of a socket to commands, replies and events to frames.
//!
//! - Reading: [`parse`] takes a frame apart by [`requests`], whose shapes are read by [`fields`] out of [`values`].
//! - Writing: [`reply`], [`failure`], [`event`], [`hello`] and [`closing`] put frames together out of [`models`] and
//!   [`answers`], each written by [`show`] straight from the domain's types.
//!
//! Both ways the declarations are also the published schema (`spec`). Domain types are serialisable nowhere else. What
//! a request means, and whether it is allowed, is not decided here.

pub(crate) mod answers;
mod buffer;
pub(crate) mod events;
pub(crate) mod fields;
mod fit;
pub(crate) mod frames;
pub(crate) mod models;
pub(crate) mod requests;
pub(crate) mod show;
pub(crate) mod values;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use chat_core::{Command, UserId};

use crate::json::Json;
use crate::problem::{Code, Failure};
use fields::{Fields, Source};
use requests::Kind;

pub(crate) use answers::Asked;
pub(crate) use events::event;
pub(crate) use frames::{Hello, closing, done, failure, hello, reply};

/// A frame that is no request at all; it has no id to answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Why, for people.
    pub(crate) reason: Cow<'static, str>,
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Self::new(Code::Malformed, malformed.reason)
    }
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

/// Ids are below this: 2^53, up to which every JSON parser is exact.
const ID_END: u64 = 1 << 53;

/// Reads a frame. `user` is who sends it, once that is known: cursors are bound to him.
///
/// # Errors
/// [`Malformed`] for what cannot be parsed, is no object, or has no proper `id` and `type`.
pub(crate) fn parse(text: &str, user: Option<UserId>) -> Result<Request, Malformed> {
    let malformed = |reason: &'static str| Malformed { reason: reason.into() };
    let json = Json::parse(text).map_err(|error| Malformed { reason: error.to_string().into() })?;
    let Json::Object(mut object) = json else { return Err(malformed("a request is an object")) };
    let id = match only(&mut object, "id").ok_or(malformed("a request has one id"))? {
        Json::Number(number) => number.as_u64().filter(|id| *id < ID_END),
        _ => None,
    };
    let id = id.ok_or(malformed("the id is a whole number from 0, below 2^53"))?;
    let Some(Json::Text(name)) = only(&mut object, "type") else {
        return Err(malformed("a request has one type, a string"));
    };
    let what = match Kind::of_type(&name) {
        Some(kind) => Fields::of(user, Source::Body).with_body(object).and_then(kind.read),
        None => Err(Failure::invalid("/type", "there is no request of this type")),
    };
    Ok(Request { id, what })
}

/// Takes the one value of this name; absent when there is none, or more than one.
fn only<'a>(object: &mut Vec<(Cow<'a, str>, Json<'a>)>, name: &str) -> Option<Json<'a>> {
    let at = object.iter().position(|(key, _)| key == name)?;
    let (_, value) = object.remove(at);
    object.iter().all(|(key, _)| key != name).then_some(value)
}
