//! What must follow elsewhere from what happens here, and how the engine of this crate does it.

use async_trait::async_trait;

use crate::conversation::Kind;
use crate::engine::{ActingAs, Chat};
use crate::error::{ChatError, Refusal};
use crate::id::{SessionId, UserId};
use crate::page::Limit;
use crate::store::FriendFilter;

/// What must follow elsewhere. [`Chat`] is one; a host that has more to do wraps it.
#[async_trait]
pub trait Hooks: Send + Sync + 'static {
    /// These logins have ended on this node: their sockets are closed. Must not block.
    fn sessions_ended(&self, sessions: &[SessionId]);

    /// This account is being deleted: friendships and groups are left. Called again after a failure, so what is done
    /// already must be no error.
    ///
    /// # Errors
    /// Any; the account stays `Deleting` then and is tried again by the next sweep.
    async fn leave(&self, user: UserId) -> Result<(), ChatError>;
}

/// Sockets are closed, friendships and requests end, groups and channels are left (an owner is succeeded). Messages
/// stay, and so do direct conversations: they are the other side's too.
#[async_trait]
impl Hooks for Chat {
    fn sessions_ended(&self, sessions: &[SessionId]) {
        for &session in sessions {
            self.end_session(session);
        }
    }

    async fn leave(&self, user: UserId) -> Result<(), ChatError> {
        let actor = self.actor(user);
        leave_friends(&actor).await?;
        leave_conversations(&actor).await
    }
}

async fn leave_friends(actor: &ActingAs) -> Result<(), ChatError> {
    let mut after = None;
    loop {
        let page = actor.friends(FriendFilter::All, after, Limit::MAX).await?;
        for friend in page.items {
            let other = friend.user.id;
            unless_gone(actor.withdraw(other).await)?;
            unless_gone(actor.remove_friend(other).await)?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn leave_conversations(actor: &ActingAs) -> Result<(), ChatError> {
    let mut after = None;
    loop {
        let page = actor.conversations(after, Limit::MAX).await?;
        for conversation in page.items.iter().filter(|one| one.kind != Kind::Direct) {
            unless_gone(actor.leave(conversation.id, None).await)?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// What is not there any more, or is being deleted too, need not be left.
fn unless_gone<T>(outcome: Result<T, ChatError>) -> Result<(), ChatError> {
    match outcome {
        Ok(_) | Err(ChatError::Refused(Refusal::NotFound)) => Ok(()),
        Err(error) => Err(error),
    }
}
