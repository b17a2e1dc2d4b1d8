//! Writing, changing, deleting and reading messages.

use std::future::Future;

use super::intent::{Hanging, Intent};
use super::queue::Committed;
use super::{ActingAs, answered, rows};
use crate::command::{Destination, EntriesPage, HistoryPage, Sent};
use crate::conversation::{Act, permits};
use crate::error::{ChatError, Refusal};
use crate::id::{ConversationId, Pair, Seq, UserId};
use crate::message::{ClientId, Content, Draft, Edit, Message, Patch, are_distinct};
use crate::page::Limit;
use crate::store::{After, Window};

impl ActingAs {
    /// Writes a message into a conversation. Its place in line is taken by this call, not by the first poll.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Forbidden`], [`Refusal::NotAccepted`], [`Refusal::Invalid`],
    /// [`Refusal::ClientIdReused`]; [`ChatError::Overloaded`] and [`ChatError::Unavailable`], after which the same
    /// `client_id` may be sent again.
    pub fn send<D: Into<Destination> + 'static>(
        &self,
        to: D,
        draft: Draft,
    ) -> impl Future<Output = Result<Sent, ChatError>> + Send + 'static + use<D> {
        let submitted = self.submit_message(to.into(), draft);
        async move { sent(answered(submitted).await?) }
    }

    /// Writes a message to somebody; the direct conversation is made when it is not there.
    ///
    /// # Errors
    /// As [`ActingAs::send`].
    pub fn send_to(
        &self,
        user: UserId,
        draft: Draft,
    ) -> impl Future<Output = Result<Sent, ChatError>> + Send + 'static + use<> {
        self.send(user, draft)
    }

    fn submit_message(
        &self,
        to: Destination,
        draft: Draft,
    ) -> Result<tokio::sync::oneshot::Receiver<Result<Committed, ChatError>>, ChatError> {
        draft.check(&self.core.limits)?;
        let (conversation, pair) = match to {
            Destination::Conversation(id) => (id, None),
            Destination::User(user) => {
                let pair =
                    Pair::new(self.user, user).map_err(|_| Refusal::invalid("/to", "that is yourself"))?;
                (ConversationId::direct(self.core.store.tenant(), pair), Some(pair))
            }
        };
        let Draft { mut client_id, content, attachments: ids } = draft;
        let files = if ids.is_empty() {
            None
        } else {
            // Files hang on an id that is known before the message is written.
            let client_id = client_id.get_or_insert_with(|| self.core.new_client_id()).clone();
            Some(Hanging { ids, client_id })
        };
        let content = Content { attachments: Vec::new(), ..content };
        let intent = Intent::Send { pair, content, files };
        self.core.submit(conversation, self.user, client_id, intent)
    }

    /// Changes one's own message.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for what is no message one can see, [`Refusal::Forbidden`] for another's,
    /// [`Refusal::Conflict`] when it was deleted or is at another `rev` than the edit names.
    pub async fn edit(
        &self,
        conversation: ConversationId,
        seq: Seq,
        edit: Edit,
        client_id: Option<ClientId>,
    ) -> Result<Message, ChatError> {
        self.check_edit(&edit)?;
        let done = self.commit(conversation, client_id, Intent::Edit { seq, edit }).await?;
        done.message.ok_or(ChatError::Refused(Refusal::NotFound))
    }

    fn check_edit(&self, edit: &Edit) -> Result<(), Refusal> {
        let Edit { text, attachments, mentions, metadata, rev: _ } = edit;
        if text.is_keep() && attachments.is_keep() && mentions.is_keep() && metadata.is_keep() {
            return Err(Refusal::invalid("/text", "nothing to change"));
        }
        if let Patch::Set(ids) = attachments {
            if ids.len() as u64 > self.core.limits.attachments_max {
                return Err(Refusal::invalid("/attachments", "too many"));
            }
            are_distinct(ids)?;
        }
        if let Patch::Set(users) = &edit.mentions
            && users.len() as u64 > self.core.limits.mentions_max
        {
            return Err(Refusal::invalid("/mentions", "too many"));
        }
        // What waits to be committed is bounded by what it was when it came.
        if let Patch::Set(text) = &edit.text
            && text.as_str().len() as u64 > self.core.limits.text_bytes_max
        {
            return Err(Refusal::invalid("/text", "too long"));
        }
        if let Patch::Set(data) = &edit.metadata
            && data.to_json().len() as u64 > self.core.limits.metadata_bytes_max
        {
            return Err(Refusal::invalid("/metadata", "too large"));
        }
        Ok(())
    }

    /// Deletes a message: one's own, or another's as an admin of a group. Once it is done nobody reads the text.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for what is no message one can see, [`Refusal::Forbidden`].
    pub async fn delete(
        &self,
        conversation: ConversationId,
        seq: Seq,
        client_id: Option<ClientId>,
    ) -> Result<Message, ChatError> {
        let done = self.commit(conversation, client_id, Intent::Delete { seq }).await?;
        done.message.ok_or(ChatError::Refused(Refusal::NotFound))
    }

    /// Reads messages as they are now; without a window the last ones.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] where one may not read.
    pub async fn history(
        &self,
        conversation: ConversationId,
        window: Option<Window>,
        limit: Limit,
    ) -> Result<HistoryPage, ChatError> {
        let window = window.unwrap_or(Window::Before(Seq::MAX));
        let log = self.core.store.talk().log();
        // Whom this node serves there is read his page while it is asked whether he still may, and sees as much.
        let served = self.core.hub.visible_from(conversation, self.user);
        let early = async {
            match served {
                Some(from) => Some(log.messages(conversation, from, window, limit).await),
                None => None,
            }
        };
        let (visible_from, early) = tokio::join!(self.visible_from(conversation), early);
        let visible_from = visible_from?;
        let page = match early {
            Some(page) if served == Some(visible_from) => page?,
            _ => log.messages(conversation, visible_from, window, limit).await?,
        };
        let items = page.items.iter().filter_map(|row| rows::message(conversation, row)).collect();
        Ok(HistoryPage { items, has_before: page.has_before, has_after: page.has_after })
    }

    /// Reads entries after a position.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] where one may not read.
    pub async fn entries(
        &self,
        conversation: ConversationId,
        after: Seq,
        limit: Limit,
    ) -> Result<EntriesPage, ChatError> {
        let visible_from = self.visible_from(conversation).await?;
        let after = after.max(visible_from.previous());
        let wanted = [After { conversation, after }];
        let read =
            self.core.store.talk().log().entries(&wanted, limit).await?.pop().ok_or(Refusal::NotFound)?;
        let entry = |row| rows::seen_from(rows::entry(conversation, row), visible_from);
        Ok(EntriesPage { items: read.items.iter().map(entry).collect(), head: read.head })
    }

    /// From where this user may read a conversation.
    pub(super) async fn visible_from(&self, conversation: ConversationId) -> Result<Seq, ChatError> {
        let (found, row) = self.place(conversation).await?;
        let actor = self.as_actor(row.as_ref());
        permits(found.kind, found.settings, actor, Act::Read)?;
        Ok(row.map_or(Seq::FIRST, |row| row.visible_from))
    }
}

fn sent(done: Committed) -> Result<Sent, ChatError> {
    let message = done.message.ok_or(ChatError::Refused(Refusal::NotFound))?;
    Ok(Sent { message, duplicate: done.duplicate })
}
