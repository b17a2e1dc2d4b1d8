//! What the host may do by itself, as nobody in particular.

use super::{ActingAs, Chat};
use crate::command::{Destination, NewConversation, Sent};
use crate::conversation::{Kind, Settings};
use crate::error::ChatError;
use crate::id::{ConversationId, UserId};
use crate::message::{ClientId, Draft};
use crate::store::Shell;

/// The host itself: passes the same table of rights, as a row of its own.
#[derive(Clone, Debug)]
pub struct System {
    chat: Chat,
}

impl System {
    pub(super) const fn new(chat: Chat) -> Self {
        Self { chat }
    }

    /// The acting handle of the system, for everything that is not below.
    pub fn actor(&self) -> ActingAs {
        self.chat.actor(UserId::SYSTEM)
    }

    /// Writes a message as the system: its `sender` is absent.
    ///
    /// # Errors
    /// As [`ActingAs::send`].
    pub async fn send(&self, to: ConversationId, draft: Draft) -> Result<Sent, ChatError> {
        self.actor().send(Destination::Conversation(to), draft).await
    }

    /// The channel of this name, made when it is not there: the same one whoever asks, and how often.
    ///
    /// # Errors
    /// [`Refusal::Invalid`](crate::Refusal::Invalid) for a bad name; any failure of the store.
    pub async fn ensure_channel(&self, name: &str) -> Result<ConversationId, ChatError> {
        let core = &self.chat.core;
        super::check_name(name, core.limits.name_codepoints_max, "/name")?;
        let id = ConversationId::named(core.store.tenant(), name);
        let conversations = core.store.talk().conversations();
        if conversations.load(&[id]).await?.pop().flatten().is_some_and(|found| found.head.get() > 0) {
            return Ok(id);
        }
        let settings = Settings::of(Kind::Channel);
        let at = core.clock.now();
        let shell = Shell { id, kind: Kind::Channel, pair: None, creator: None, settings, at };
        conversations.ensure(&shell).await?;
        let client_id = ClientId::new("ensure_channel")?;
        let new = NewConversation::channel(client_id.clone()).named(name);
        self.actor().commit(id, Some(client_id), super::Intent::Create(Box::new(new))).await?;
        Ok(id)
    }

    /// Makes a user a member of a channel.
    ///
    /// # Errors
    /// [`Refusal::NotFound`](crate::Refusal::NotFound); any failure of the store.
    pub async fn add_to(&self, channel: ConversationId, user: UserId) -> Result<(), ChatError> {
        self.actor().add(channel, vec![user], None).await.map(drop)
    }
}
