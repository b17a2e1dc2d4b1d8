//! Requests about messages.

use chat_core::command::{Destination, Typing};
use chat_core::store::Window;
use chat_core::{
    AttachmentId, ClientId, Command, Content, ConversationId, Draft, Limit, Metadata, Patch, Seq, Text,
    UserId,
};

use super::one_of;
use crate::problem::Failure;
use crate::wire::fields::shape;

shape! {
    /// A message to be written.
    Send {
        /// Where to; or `to`.
        conversation: Option<ConversationId>,
        /// To whom: the direct conversation with him is made when it is not there; or `conversation`.
        to: Option<UserId>,
        /// The client's own id of it: a repeat with the same one is the same message.
        client_id: ClientId,
        /// What is said, kept to the letter; needed where there is no file.
        text: Option<Text>,
        /// One's own files that are part of no message yet, whole, in the order in which they are shown.
        attachments: Option<Vec<AttachmentId>>,
        /// The position of the message that this one answers.
        reply_to: Option<Seq>,
        /// Who is meant. Who is no member is left out.
        mentions: Option<Vec<UserId>>,
        /// The client's own data.
        metadata: Option<Metadata>,
    }

    /// A change of a message: what is absent stays, null clears.
    Edit {
        /// Where it stands.
        conversation: ConversationId,
        /// Its position.
        seq: Seq,
        /// What is said.
        text: Patch<Text>,
        /// Files: those that stay, and new ones.
        attachments: Patch<Vec<AttachmentId>>,
        /// Who is meant.
        mentions: Patch<Vec<UserId>>,
        /// The client's own data.
        metadata: Patch<Metadata>,
        /// Only if the message is still at this `rev`; else the last writer wins.
        rev: Option<Seq>,
        /// The client's own id of this change.
        client_id: Option<ClientId>,
    }

    /// A message to be deleted.
    Delete {
        /// Where it stands.
        conversation: ConversationId,
        /// Its position.
        seq: Seq,
        /// The client's own id of this change.
        client_id: Option<ClientId>,
    }

    /// A part of a conversation's messages; at most one of the positions.
    History {
        /// Where.
        conversation: ConversationId,
        /// The last ones before this position.
        before: Option<Seq>,
        /// The first ones after this position.
        after: Option<Seq>,
        /// Those around this position.
        around: Option<Seq>,
        /// How many at most.
        limit: Option<Limit>,
    }

    /// A part of a conversation's log.
    Entries {
        /// Where.
        conversation: ConversationId,
        /// The first ones after this position.
        after: Option<Seq>,
        /// How many at most.
        limit: Option<Limit>,
    }

    /// How far one has come; at least one of the two.
    Receipt {
        /// Where.
        conversation: ConversationId,
        /// Everything up to here was read, and so has reached a device.
        read: Option<Seq>,
        /// Everything up to here has reached a device.
        delivered: Option<Seq>,
    }

    /// Whether one is typing.
    IsTyping {
        /// Where.
        conversation: ConversationId,
        /// Whether one is. It ends by itself after 6 s.
        active: Typing,
    }
}

pub(super) fn send(send: Send, _: Option<UserId>) -> Result<Command, Failure> {
    let Send { conversation, to, client_id, text, attachments, reply_to, mentions, metadata } = send;
    let to =
        one_of(("/conversation", conversation.map(Destination::from)), ("/to", to.map(Destination::from)))?;
    let attachments = attachments.unwrap_or_default();
    if text.is_none() && attachments.is_empty() {
        return Err(Failure::invalid("/text", "a message needs a text or an attachment"));
    }
    let mut content = Content::default();
    content.text = text;
    content.reply_to = reply_to;
    content.mentions = mentions.unwrap_or_default();
    content.metadata = metadata;
    Ok(Command::Send { to, draft: Draft::new(content).client_id(client_id).attachments(attachments) })
}

pub(super) fn edit(change: Edit) -> Command {
    let Edit { conversation, seq, text, attachments, mentions, metadata, rev, client_id } = change;
    let mut edit = chat_core::Edit::default();
    edit.text = text;
    edit.attachments = attachments;
    edit.mentions = mentions;
    edit.metadata = metadata;
    edit.rev = rev;
    Command::Edit { conversation, seq, edit, client_id }
}

pub(super) fn delete(Delete { conversation, seq, client_id }: Delete) -> Command {
    Command::Delete { conversation, seq, client_id }
}

pub(super) fn history(
    History { conversation, before, after, around, limit }: History,
    _: Option<UserId>,
) -> Result<Command, Failure> {
    let mut given = [
        ("/before", before.map(Window::Before)),
        ("/after", after.map(Window::After)),
        ("/around", around.map(Window::Around)),
    ]
    .into_iter()
    .filter_map(|(name, window)| Some((name, window?)));
    let window = given.next();
    if let (Some((one, _)), Some((other, _))) = (window, given.next()) {
        return Err(Failure::invalid(other, format!("not beside {one}")));
    }
    let window = window.map(|(_, window)| window);
    Ok(Command::History { conversation, window, limit: limit.unwrap_or_default() })
}

pub(super) fn entries(Entries { conversation, after, limit }: Entries) -> Command {
    Command::Entries { conversation, after: after.unwrap_or_default(), limit: limit.unwrap_or_default() }
}

pub(super) fn receipt(
    Receipt { conversation, read, delivered }: Receipt,
    _: Option<UserId>,
) -> Result<Command, Failure> {
    if read.is_none() && delivered.is_none() {
        return Err(Failure::invalid("/read", "this or /delivered is needed"));
    }
    Ok(Command::Receipt { conversation, read, delivered })
}

pub(super) fn typing(IsTyping { conversation, active }: IsTyping) -> Command {
    Command::Typing { conversation, typing: active }
}
