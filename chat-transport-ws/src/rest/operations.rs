//! The operations: one table of methods, paths and requests, from which router and documents both follow.
//!
//! Most are requests of the socket under another address. What the path does not say stands in the query of a `GET`
//! and in the body of everything else.

use axum::http::Method;
use axum::routing::MethodFilter;
use chat_core::command::Summary;
use serde_json::Value as Schema;

use super::account_mail as mail;
use super::account_settings as settings;
use super::accounts::{self, Access, Task};
use crate::wire::fields::{FieldDoc, Need};
use crate::wire::requests::Kind;
use crate::wire::show::Show as _;

/// One method of one path.
pub(crate) struct Operation {
    /// The method.
    pub(crate) verb: Verb,
    /// The path after `/v1`; its parameters are fields.
    pub(crate) path: &'static str,
    /// What is done.
    pub(crate) act: Act,
    /// Whether there must be a body.
    pub(crate) body: Body,
    /// What success is called.
    pub(crate) success: Success,
}

/// The methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Reads; fields stand in the query.
    Get,
    /// Makes or does something.
    Post,
    /// Brings something about, however often.
    Put,
    /// Changes something.
    Patch,
    /// Takes something away.
    Delete,
}

/// What an operation does.
pub(crate) enum Act {
    /// One of these requests, by name: the first that knows all fields given, else the first.
    Requests(&'static [&'static str]),
    /// Something about accounts.
    Account(&'static Task),
}

/// Whether there must be a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// None is read.
    Ignored,
    /// There may be one.
    Optional,
    /// There must be one.
    Needed,
}

/// What success is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Success {
    /// 200, or 204 when there is nothing to tell.
    Ok,
    /// 201, or 200 when it was there already.
    Created,
    /// 202: it will be done, or there is nothing to do.
    Accepted,
}

impl Verb {
    /// For the router.
    pub(crate) const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }

    /// Its name.
    pub(crate) const fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }
}

impl Operation {
    const fn new(verb: Verb, path: &'static str, act: Act) -> Self {
        let body = match verb {
            Verb::Get => Body::Ignored,
            Verb::Post | Verb::Patch => Body::Needed,
            Verb::Put | Verb::Delete => Body::Optional,
        };
        Self { verb, path, act, body, success: Success::Ok }
    }

    const fn body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    const fn accepts(self) -> Self {
        Self { success: Success::Accepted, ..self }
    }

    const fn creates(self) -> Self {
        Self { success: Success::Created, ..self }
    }

    /// What it is for, for people.
    pub(crate) fn about(&self) -> String {
        match &self.act {
            Act::Requests(kinds) => {
                kinds.iter().map(|name| Kind::named(name).about.trim()).collect::<Vec<_>>().join(" ")
            }
            Act::Account(task) => task.about.trim().to_owned(),
        }
    }

    /// Its fields, those of the path included; of several requests none of theirs is needed.
    pub(crate) fn fields(&self) -> Vec<FieldDoc> {
        let mut fields = match &self.act {
            Act::Requests([only]) => (Kind::named(only).fields)(),
            Act::Requests(several) => {
                let fields = several.iter().flat_map(|name| (Kind::named(name).fields)());
                fields.map(|field| FieldDoc { need: Need::Optional, ..field }).collect()
            }
            Act::Account(task) => (task.fields)(),
        };
        fields.retain(|field| !self.says(field.name));
        fields
    }

    /// Whether the path says already what this field would say in another way.
    fn says(&self, field: &str) -> bool {
        const INSTEAD: [(&str, &str); 2] = [("user", "username"), ("conversation", "to")];
        INSTEAD.iter().any(|(said, other)| *other == field && self.parameters().any(|name| name == *said))
    }

    /// The names of the path's parameters.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// What it answers: one of these. What is read is answered bare.
    pub(crate) fn answers(&self) -> Vec<Schema> {
        let answer = |name: &&str| match *name {
            "conversation.get" => Summary::schema(),
            name => (Kind::named(name).answer)(),
        };
        match &self.act {
            Act::Requests(kinds) => kinds.iter().map(answer).collect(),
            Act::Account(task) => vec![(task.answer)()],
        }
    }

    /// Whether what it makes may have been there already.
    pub(crate) const fn may_repeat(&self) -> bool {
        matches!(self.act, Act::Requests(_))
    }

    /// Whether anybody may ask.
    pub(crate) fn is_public(&self) -> bool {
        matches!(self.act, Act::Account(task) if task.access == Access::Public)
    }
}

/// The operations on conversations and people.
pub(crate) static OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, "/users", Act::Requests(&["user.search", "user.named"])),
    Operation::new(Verb::Get, "/users/{user}", Act::Requests(&["user.profile"])),
    Operation::new(Verb::Get, "/friends", Act::Requests(&["friend.list"])),
    Operation::new(Verb::Delete, "/friends/{user}", Act::Requests(&["friend.remove"])),
    Operation::new(Verb::Put, "/friends/{user}/request", Act::Requests(&["friend.request"])),
    Operation::new(Verb::Delete, "/friends/{user}/request", Act::Requests(&["friend.withdraw"])),
    Operation::new(Verb::Put, "/friends/{user}/accept", Act::Requests(&["friend.accept"])),
    Operation::new(Verb::Put, "/friends/{user}/block", Act::Requests(&["friend.block"])),
    Operation::new(Verb::Delete, "/friends/{user}/block", Act::Requests(&["friend.unblock"])),
    Operation::new(Verb::Put, "/direct/{user}", Act::Requests(&["conversation.direct"])).creates(),
    Operation::new(Verb::Get, "/conversations", Act::Requests(&["conversation.list"])),
    Operation::new(Verb::Post, "/conversations", Act::Requests(&["conversation.create"])).creates(),
    Operation::new(Verb::Get, "/conversations/{conversation}", Act::Requests(&["conversation.get"])),
    Operation::new(Verb::Patch, "/conversations/{conversation}", Act::Requests(&["conversation.update"])),
    Operation::new(Verb::Delete, "/conversations/{conversation}", Act::Requests(&["conversation.delete"])),
    Operation::new(Verb::Post, "/conversations/{conversation}/join", Act::Requests(&["conversation.join"]))
        .body(Body::Optional),
    Operation::new(Verb::Post, "/conversations/{conversation}/leave", Act::Requests(&["conversation.leave"]))
        .body(Body::Optional),
    Operation::new(
        Verb::Get,
        "/conversations/{conversation}/members",
        Act::Requests(&["conversation.members"]),
    ),
    Operation::new(Verb::Post, "/conversations/{conversation}/members", Act::Requests(&["conversation.add"])),
    Operation::new(
        Verb::Delete,
        "/conversations/{conversation}/members/{user}",
        Act::Requests(&["conversation.remove"]),
    ),
    Operation::new(
        Verb::Put,
        "/conversations/{conversation}/members/{user}/role",
        Act::Requests(&["conversation.set_role"]),
    )
    .body(Body::Needed),
    Operation::new(
        Verb::Get,
        "/conversations/{conversation}/entries",
        Act::Requests(&["conversation.entries"]),
    ),
    Operation::new(Verb::Get, "/conversations/{conversation}/messages", Act::Requests(&["history"])),
    Operation::new(Verb::Post, "/conversations/{conversation}/messages", Act::Requests(&["message.send"]))
        .creates(),
    Operation::new(
        Verb::Patch,
        "/conversations/{conversation}/messages/{seq}",
        Act::Requests(&["message.edit"]),
    ),
    Operation::new(
        Verb::Delete,
        "/conversations/{conversation}/messages/{seq}",
        Act::Requests(&["message.delete"]),
    ),
    Operation::new(Verb::Put, "/conversations/{conversation}/receipt", Act::Requests(&["receipt"]))
        .body(Body::Needed),
];

/// The operations on accounts and logins of our own.
pub(crate) static ACCOUNT_OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Post, "/accounts", Act::Account(&accounts::REGISTER)).creates(),
    Operation::new(Verb::Get, "/me", Act::Account(&accounts::ME)),
    Operation::new(Verb::Patch, "/me", Act::Account(&accounts::UPDATE)),
    Operation::new(Verb::Delete, "/me", Act::Account(&accounts::DELETE)).body(Body::Needed),
    Operation::new(Verb::Get, "/me/notifications", Act::Account(&settings::NOTIFICATIONS)),
    Operation::new(Verb::Patch, "/me/notifications", Act::Account(&settings::UPDATE_NOTIFICATIONS)),
    Operation::new(Verb::Post, "/me/password", Act::Account(&accounts::CHANGE_PASSWORD)),
    Operation::new(Verb::Post, "/email-verifications", Act::Account(&mail::REQUEST_VERIFICATION)).accepts(),
    Operation::new(Verb::Post, "/email-verifications/confirm", Act::Account(&mail::VERIFY)),
    Operation::new(Verb::Post, "/password-resets", Act::Account(&mail::REQUEST_RESET)).accepts(),
    Operation::new(Verb::Post, "/password-resets/confirm", Act::Account(&mail::RESET)),
    Operation::new(Verb::Post, "/sessions", Act::Account(&accounts::LOG_IN)).creates(),
    Operation::new(Verb::Post, "/sessions/refresh", Act::Account(&accounts::REFRESH)),
    Operation::new(Verb::Get, "/sessions", Act::Account(&accounts::SESSIONS)),
    Operation::new(Verb::Delete, "/sessions", Act::Account(&accounts::LOG_OUT_ALL)),
    Operation::new(Verb::Delete, "/sessions/current", Act::Account(&accounts::LOG_OUT)),
    Operation::new(Verb::Delete, "/sessions/{session}", Act::Account(&accounts::END_SESSION)),
    Operation::new(Verb::Post, "/tickets", Act::Account(&accounts::TICKET)).body(Body::Optional).creates(),
];
