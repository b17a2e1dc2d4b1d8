//! Users by name and names of users, for clients that know nothing but names.

use std::collections::HashMap;
use std::hash::Hash;

use chat_core::user::{Directory, DirectoryError};
use chat_core::{ChatError, ConversationId, Refusal, UserId};

use crate::Host;

/// What one caller has learnt of names and conversations; thrown away before it becomes large.
#[derive(Clone, Debug, Default)]
pub struct Names {
    users: HashMap<UserId, String>,
    /// The other of a direct conversation.
    others: HashMap<ConversationId, String>,
}

/// How much is kept of either.
const KEPT_MAX: usize = 1_024;

impl Names {
    /// What a user is called; nothing, when there is none.
    ///
    /// # Errors
    /// Any failure of the store.
    pub async fn of(&mut self, host: &Host, user: UserId) -> Result<String, ChatError> {
        if let Some(name) = self.users.get(&user) {
            return Ok(name.clone());
        }
        let found = host.accounts.profiles(&[user]).await.map_err(failed)?;
        let name = found.into_iter().next().and_then(|profile| profile.username).unwrap_or_default();
        keep(&mut self.users, user, &name);
        Ok(name)
    }

    /// Whom a direct conversation of `me` is with.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when it is none of his; any failure of the store.
    pub async fn other(
        &mut self,
        host: &Host,
        me: UserId,
        conversation: ConversationId,
    ) -> Result<String, ChatError> {
        if let Some(name) = self.others.get(&conversation) {
            return Ok(name.clone());
        }
        let summary = host.chat.actor(me).conversation(conversation).await?;
        let name = summary.with.and_then(|profile| profile.username).unwrap_or_default();
        keep(&mut self.others, conversation, &name);
        Ok(name)
    }
}

fn keep<K: Eq + Hash>(kept: &mut HashMap<K, String>, key: K, name: &str) {
    if kept.len() >= KEPT_MAX {
        kept.clear();
    }
    kept.insert(key, name.to_owned());
}

/// The user of this name.
///
/// # Errors
/// [`Refusal::NotFound`] when there is none; any failure of the store.
pub async fn named(host: &Host, name: &str) -> Result<UserId, ChatError> {
    // Two things of the accounts are called so; this is the one that others may ask.
    let found = Directory::find(&host.accounts, &[name]).await.map_err(failed)?;
    Ok(found.into_iter().next().ok_or(Refusal::NotFound)?.id)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failed(error: DirectoryError) -> ChatError {
    tracing::error!(?error, "the directory failed");
    ChatError::Internal("the directory failed")
}
