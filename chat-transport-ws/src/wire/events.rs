//! What is pushed.

use bytes::Bytes;
use chat_core::command::{Friend, Presence, Summary, Typing};
use chat_core::event::{Event, FriendshipEvent, ReceiptEvent, TypingEvent};
use chat_core::{ConversationId, Entry, Seq, UserId};

use serde_json::Value as Schema;

use super::answers::friends_cursor;
use super::buffer::object;
use super::frames::{Closing, Hello};
use super::show::{Model, Show, field, shown};

/// The name under which the encoding of a shared event is kept.
const FORMAT: &str = "chat.v1";

/// Something pushed to a session of `user`; one encoding is shared by all who get the same event.
pub(crate) fn event(event: &Event, user: UserId) -> Bytes {
    match event {
        Event::Entry(shared) => shared.encoded(FORMAT, |entry| frame("entry", entry)),
        Event::Receipt(shared) => shared.encoded(FORMAT, |receipt| frame("receipt", receipt)),
        Event::Typing(shared) => shared.encoded(FORMAT, |typing| frame("typing", typing)),
        Event::Presence(shared) => shared.encoded(FORMAT, |presence| frame("presence", presence)),
        // Only this user's own sessions share it.
        Event::Friendship(shared) => {
            shared.encoded(FORMAT, |step| frame("friendship", &FriendshipView { step, user }))
        }
        Event::Conversation(shared) => shared.encoded(FORMAT, |summary| frame("conversation", summary)),
        Event::Gone(conversation) => frame("conversation", &Gone(*conversation)),
        Event::Reset { conversation, head } => {
            frame("reset", &Reset { conversation: *conversation, head: *head })
        }
        // A later engine's event, which this format has no words for: a client ignores what it does not know.
        _ => frame("unknown", &super::show::Empty),
    }
}

/// One kind of frame that answers nothing.
pub(crate) struct Kind {
    /// Its `type`.
    pub(crate) name: &'static str,
    /// What it tells, for people.
    pub(crate) about: &'static str,
    /// What it carries: one of these.
    pub(crate) models: &'static [fn() -> Schema],
}

macro_rules! events {
    ($($(#[doc = $about:literal])+ $name:literal: $($model:ty)|+;)+) => {
        /// Everything that is pushed.
        pub(crate) static EVENTS: &[Kind] = &[$(Kind {
            name: $name,
            about: concat!($($about),+),
            models: &[$(<$model as Show>::schema),+],
        }),+];
    };
}

events! {
    /// The server's first frame, once it is known who one is.
    "hello": Hello<'_>;
    /// The next position of a conversation.
    "entry": Entry;
    /// Somebody has received or read.
    "receipt": ReceiptEvent;
    /// Somebody is typing, or has stopped.
    "typing": TypingEvent;
    /// Somebody one watches came or went.
    "presence": Presence;
    /// What is between oneself and another has changed.
    "friendship": FriendshipView<'_>;
    /// A conversation was added or changed for this user outside its log, or is gone.
    "conversation": Summary | Gone;
    /// Too much was missed: the conversation is to be loaded anew.
    "reset": Reset;
    /// The server's last frame.
    "closing": Closing;
}

/// A frame that answers nothing.
pub(super) fn frame(name: &'static str, model: &impl Model) -> Bytes {
    object(|map| {
        field(map, "type", &name)?;
        model.put(map)
    })
    .into()
}

/// One step of a user's friendships.
pub(crate) struct FriendshipView<'a> {
    step: &'a FriendshipEvent,
    user: UserId,
}

/// A conversation that is none of the user's any more.
pub(crate) struct Gone(ConversationId);

/// A conversation to be loaded anew.
pub(crate) struct Reset {
    conversation: ConversationId,
    head: Seq,
}

shown! {
    /// Somebody has received or read.
    "ReceiptEvent": ReceiptEvent as it {
        /// Where.
        conversation: ConversationId = it.conversation,
        /// Who.
        user: UserId = it.user,
        /// He has read up to here.
        read: Seq = it.receipt.read,
        /// He has received up to here.
        delivered: Seq = it.receipt.delivered,
    }

    /// Somebody is typing. It ends by itself after 6 s.
    "TypingEvent": TypingEvent as it {
        /// Where.
        conversation: ConversationId = it.conversation,
        /// Who.
        user: UserId = it.user,
        /// Whether he still is.
        active: bool = it.typing == Typing::Active,
    }

    /// What is between oneself and another has changed.
    "FriendshipEvent": FriendshipView<'_> as it {
        /// Where a `sync` goes on.
        cursor: String = friends_cursor(it.step.cursor, it.user),
        /// As it is now.
        friendship: &Friend = &it.step.friend,
    }

    /// A conversation that is none of one's own any more.
    "Gone": Gone as it {
        /// Which.
        id: ConversationId = it.0,
        /// True.
        gone: bool = true,
    }

    /// A conversation that is to be loaded anew, since too much was missed; live entries go on after `head`.
    "Reset": Reset as it {
        /// Which.
        conversation: ConversationId = it.conversation,
        /// Its last position.
        head: Seq = it.head,
    }
}
