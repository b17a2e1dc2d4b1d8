//! The requests: one table of names, shapes, commands and answers, from which reading and documents both follow.

mod conversations;
mod messages;
mod people;
mod session;

use chat_core::command::{Friend, Member, Sent, Standpoint, Summary};
use chat_core::friendship::Action;
use chat_core::{Command, Limit, Profile, UserId};
use serde_json::Value as Schema;

use super::Incoming;
use super::answers::{
    Amended, Befriended, Conversed, Created, EntriesView, HistoryView, Paged, Pong, Present, Subscribed,
    SyncAnswer, UserOrUsers,
};
use super::fields::{FieldDoc, Fields, Nothing, Shape};
use super::show::{Empty, Show};
use super::values::Cursor;
use crate::cursor::{Key, List};
use crate::problem::Failure;

/// One kind of request.
pub(crate) struct Kind {
    /// Its `type`.
    pub(crate) name: &'static str,
    /// What it is for, for people.
    pub(crate) about: &'static str,
    /// The names of its fields beside `id` and `type`.
    pub(crate) names: &'static [&'static str],
    /// What is published about those.
    pub(crate) fields: fn() -> Vec<FieldDoc>,
    /// Reads them.
    pub(crate) read: fn(Fields<'_>) -> Result<Incoming, Failure>,
    /// What `ok` carries.
    pub(crate) answer: fn() -> Schema,
}

impl Kind {
    /// The request of this `type` in a frame.
    pub(crate) fn of_type(name: &str) -> Option<&'static Self> {
        REQUESTS.iter().find(|kind| kind.name == name)
    }

    /// The request of this name, which is one of ours.
    pub(crate) fn named(name: &str) -> &'static Self {
        let known = REQUESTS.iter().chain(REST_ONLY).find(|kind| kind.name == name);
        known.expect("every operation names a request of the tables")
    }
}

impl Fields<'_> {
    /// Reads a shape that is right when its fields are.
    fn plain<S: Shape, T: Into<Incoming>>(self, make: impl FnOnce(S) -> T) -> Result<Incoming, Failure> {
        self.read(|shape, _| Ok(make(shape).into()))
    }

    /// Reads a shape whose fields must fit each other, or the user.
    fn judged<S: Shape>(
        self,
        make: impl FnOnce(S, Option<UserId>) -> Result<Command, Failure>,
    ) -> Result<Incoming, Failure> {
        self.read(make).map(Incoming::Command)
    }
}

impl From<Command> for Incoming {
    fn from(command: Command) -> Self {
        Self::Command(command)
    }
}

macro_rules! requests {
    ($(#[doc = $what:literal])+ $list:ident: $($(#[doc = $about:literal])+ $name:literal $shape:ty => $how:ident $make:expr, $answer:ty;)+) => {
        $(#[doc = $what])+
        pub(crate) static $list: &[Kind] = &[$(Kind {
            name: $name,
            about: concat!($($about),+),
            names: <$shape as Shape>::NAMES,
            fields: <$shape as Shape>::fields,
            read: |fields| fields.$how($make),
            answer: <$answer as Show>::schema,
        }),+];
    };
}

requests! {
    /// Every request of a frame.
    REQUESTS:

    /// Lets the connection in, or renews its token. Before anything else, unless the connection was let in by how
    /// it was opened.
    "auth" session::Auth => plain session::auth, Empty;
    /// Whether the server is there.
    "ping" Nothing => plain |_: Nothing| Command::Ping, Pong;
    /// Compares what the client has with what there is, in parts, and goes live.
    "sync" session::Sync => judged session::sync, SyncAnswer<'_>;
    /// Follows a conversation that one reads without being a member.
    "subscribe" session::Subscribe => plain session::subscribe, Subscribed;
    /// Stops following it.
    "unsubscribe" conversations::Which => plain session::unsubscribe, Empty;
    /// Writes a message, into a conversation or to a user.
    "message.send" messages::Send => judged messages::send, Sent;
    /// Changes one's own message.
    "message.edit" messages::Edit => plain messages::edit, Amended<'_>;
    /// Deletes a message for all.
    "message.delete" messages::Delete => plain messages::delete, Amended<'_>;
    /// Reads messages as they are now: the last ones, or those before, after or around a position.
    "history" messages::History => judged messages::history, HistoryView<'_>;
    /// Tells how far one has received and read.
    "receipt" messages::Receipt => judged messages::receipt, Standpoint;
    /// Tells that one is typing, or has stopped.
    "typing" messages::IsTyping => plain messages::typing, Empty;
    /// Is told from now on when these come and go.
    "presence.watch" session::Watch => plain session::watch, Present<'_>;
    /// Is not told any more.
    "presence.unwatch" session::Watch => plain session::unwatch, Present<'_>;
    /// Asks somebody for friendship; of two who ask each other, friends become at once.
    "friend.request" people::Other => judged people::friend(Action::Request), Befriended<'_>;
    /// Accepts what the other has asked.
    "friend.accept" people::Other => judged people::friend(Action::Accept), Befriended<'_>;
    /// Turns down what the other has asked.
    "friend.reject" people::Other => judged people::friend(Action::Reject), Befriended<'_>;
    /// Takes back what one has asked.
    "friend.cancel" people::Other => judged people::friend(Action::Cancel), Befriended<'_>;
    /// Ends a friendship.
    "friend.remove" people::Other => judged people::friend(Action::Remove), Befriended<'_>;
    /// Refuses all contact; the other is never told.
    "friend.block" people::Other => judged people::friend(Action::Block), Befriended<'_>;
    /// Ends one's own block.
    "friend.unblock" people::Other => judged people::friend(Action::Unblock), Befriended<'_>;
    /// One's friends, requests and blocks.
    "friend.list" people::Friends => judged people::friends, Paged<'_, Friend>;
    /// Makes a group or channel.
    "conversation.create" conversations::Create => plain conversations::create, Created<'_>;
    /// One conversation.
    "conversation.get" conversations::Which => plain conversations::get, Conversed<'_>;
    /// One's conversations.
    "conversation.list" conversations::Page => judged conversations::list, Paged<'_, Summary>;
    /// The members of a conversation.
    "conversation.members" conversations::Members => judged conversations::members, Paged<'_, Member>;
    /// Changes name, picture, metadata or who may join, read and write.
    "conversation.update" conversations::Update => plain conversations::update, Conversed<'_>;
    /// Becomes a member of an open conversation.
    "conversation.join" conversations::Change => plain conversations::join, Conversed<'_>;
    /// Stops being a member; hides a direct conversation from oneself.
    "conversation.leave" conversations::Change => plain conversations::leave, Conversed<'_>;
    /// Deletes a conversation for all; hides a direct one from oneself.
    "conversation.delete" conversations::Change => plain conversations::delete, Conversed<'_>;
    /// Adds members, all or none; those who are members already are passed over.
    "conversation.add" conversations::Add => plain conversations::add, Conversed<'_>;
    /// Removes a member.
    "conversation.remove" conversations::Remove => plain conversations::remove, Conversed<'_>;
    /// Changes a member's role.
    "conversation.set_role" conversations::SetRole => plain conversations::set_role, Conversed<'_>;
    /// Somebody's profile; with `users`, those of several, as `items`.
    "user.get" people::Person => judged people::user, UserOrUsers<'_>;
    /// People by words of their names.
    "user.search" people::Search => judged people::search, Paged<'_, Profile>;
}

requests! {
    /// What only REST can ask, since a frame has other words for it.
    REST_ONLY:

    /// Takes back or turns down a friend request, whichever it is.
    "friend.withdraw" people::Other => judged people::withdraw, Befriended<'_>;
    /// The direct conversation with somebody, made when it is not there.
    "conversation.direct" people::Another => plain people::direct, Conversed<'_>;
    /// Somebody's profile.
    "user.profile" people::Another => plain people::profile, Profile;
    /// The profile of who has this username.
    "user.named" people::Named => plain people::named, Profile;
    /// The entries of a conversation after a position, in order and without holes.
    "conversation.entries" messages::Entries => plain messages::entries, EntriesView<'_>;
}

/// A key and a limit, as every list takes them.
fn page<K: Key>(
    cursor: Option<Cursor>,
    limit: Option<Limit>,
    user: Option<UserId>,
    list: &List<'_>,
) -> Result<(Option<K>, Limit), Failure> {
    let after = cursor.map(|cursor| cursor.key(user, list)).transpose()?;
    Ok((after, limit.unwrap_or_default()))
}

/// One of two fields of which exactly one must be there.
pub(crate) fn one_of<T>(
    first: (&'static str, Option<T>),
    second: (&'static str, Option<T>),
) -> Result<T, Failure> {
    match (first, second) {
        ((_, Some(value)), (_, None)) | ((_, None), (_, Some(value))) => Ok(value),
        ((name, None), (other, None)) => Err(Failure::invalid(name, format!("this or {other} is needed"))),
        ((name, Some(_)), (other, Some(_))) => Err(Failure::invalid(other, format!("not beside {name}"))),
    }
}
