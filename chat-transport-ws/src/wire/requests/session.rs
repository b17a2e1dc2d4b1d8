//! Requests about the connection itself.

use chat_core::command::{self, More};
use chat_core::{Command, ConversationId, Seq, UserId};

use super::conversations::Which;
use crate::cursor::List;
use crate::problem::Failure;
use crate::wire::fields::shape;
use crate::wire::values::{Cursor, Epoch, Positions};
use crate::wire::{Incoming, Resume};

shape! {
    /// Who one is.
    Auth {
        /// The access token.
        token: String,
        /// Whether nothing is pushed before the first `sync` is answered.
        resume: Option<Resume>,
    }

    /// One part of what the client has.
    Sync {
        /// The epoch its positions are from; of another one everything is `reset`.
        epoch: Option<Epoch>,
        /// How far it has come in its friendships.
        friends: Option<Cursor>,
        /// The last position it has, by conversation.
        conversations: Option<Positions>,
        /// Whether more parts follow.
        more: Option<More>,
        /// Where the list of new conversations goes on.
        next: Option<Cursor>,
    }

    /// A conversation to follow.
    Subscribe {
        /// Which.
        conversation: ConversationId,
        /// The last position one has; else from now on.
        after: Option<Seq>,
    }

    /// People to watch.
    Watch {
        /// Who.
        users: Vec<UserId>,
    }
}

pub(super) fn auth(Auth { token, resume }: Auth) -> Incoming {
    Incoming::Auth { token, resume: resume.unwrap_or_default() }
}

pub(super) fn sync(sync: Sync, user: Option<UserId>) -> Result<Command, Failure> {
    Ok(Command::Sync(command::Sync {
        epoch: sync.epoch.map(|epoch| epoch.0),
        friends: sync.friends.map(|cursor| cursor.key(user, &List::FriendChanges)).transpose()?,
        conversations: sync.conversations.map_or_else(Vec::new, |positions| positions.0),
        more: sync.more.unwrap_or_default(),
        next: sync.next.map(|cursor| cursor.key(user, &List::New)).transpose()?,
    }))
}

pub(super) fn subscribe(Subscribe { conversation, after }: Subscribe) -> Command {
    Command::Subscribe { conversation, after }
}

pub(super) fn unsubscribe(Which { conversation }: Which) -> Command {
    Command::Unsubscribe { conversation }
}

pub(super) fn watch(Watch { users }: Watch) -> Command {
    Command::Watch { users }
}

pub(super) fn unwatch(Watch { users }: Watch) -> Command {
    Command::Unwatch { users }
}
