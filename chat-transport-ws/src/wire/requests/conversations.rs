//! Requests about conversations and their members.

use chat_core::command::{self, NewConversation, PolicyPatch};
use chat_core::{
    ClientId, Command, ConversationId, History, Join, Kind, Limit, Metadata, Patch, Post, Read, Role, UserId,
};

use super::page;
use crate::cursor::List;
use crate::problem::Failure;
use crate::wire::fields::shape;
use crate::wire::values::{Cursor, NewKind};

shape! {
    /// A conversation.
    Which {
        /// Which.
        conversation: ConversationId,
    }

    /// A change of a conversation that needs no more words.
    Change {
        /// Which.
        conversation: ConversationId,
        /// The client's own id of this change.
        client_id: Option<ClientId>,
    }

    /// A group or channel to be made.
    Create {
        /// What it is.
        kind: NewKind,
        /// The client's own id of it: a repeat makes the same one.
        client_id: ClientId,
        /// Its name.
        name: Option<String>,
        /// A URL or path of its picture.
        picture: Option<String>,
        /// The client's own data.
        metadata: Option<Metadata>,
        /// First members of a group beside oneself.
        members: Option<Vec<UserId>>,
        /// Who may become a member by himself.
        join: Option<Join>,
        /// Who may read.
        read: Option<Read>,
        /// Who may write.
        post: Option<Post>,
        /// From where new members see.
        history: Option<History>,
    }

    /// A change of a conversation: what is absent stays, null clears.
    Update {
        /// Which.
        conversation: ConversationId,
        /// Its name.
        name: Patch<String>,
        /// A URL or path of its picture.
        picture: Patch<String>,
        /// The client's own data.
        metadata: Patch<Metadata>,
        /// Who may become a member by himself.
        join: Option<Join>,
        /// Who may read.
        read: Option<Read>,
        /// Who may write.
        post: Option<Post>,
        /// The client's own id of this change.
        client_id: Option<ClientId>,
    }

    /// A part of one's conversations.
    Page {
        /// Where to go on.
        cursor: Option<Cursor>,
        /// How many at most.
        limit: Option<Limit>,
    }

    /// A part of a conversation's members.
    Members {
        /// Which conversation.
        conversation: ConversationId,
        /// Where to go on.
        cursor: Option<Cursor>,
        /// How many at most.
        limit: Option<Limit>,
    }

    /// Members to be added.
    Add {
        /// Where.
        conversation: ConversationId,
        /// Who.
        users: Vec<UserId>,
        /// The client's own id of this change.
        client_id: Option<ClientId>,
    }

    /// A member to be removed.
    Remove {
        /// From where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// The client's own id of this change.
        client_id: Option<ClientId>,
    }

    /// A member's new role.
    SetRole {
        /// Where.
        conversation: ConversationId,
        /// Whose.
        user: UserId,
        /// What he becomes.
        role: Role,
        /// The client's own id of this change.
        client_id: Option<ClientId>,
    }
}

pub(super) fn create(new: Create, _: Option<UserId>) -> Result<Command, Failure> {
    let mut made = match new.kind.0 {
        Kind::Channel => NewConversation::channel(new.client_id),
        Kind::Group | Kind::Direct => NewConversation::group(new.client_id, []),
    };
    made.name = new.name;
    made.picture = new.picture;
    made.metadata = new.metadata;
    made.members = new.members.unwrap_or_default();
    made.policy = PolicyPatch { join: new.join, read: new.read, post: new.post };
    made.history = new.history;
    Ok(Command::Create(made))
}

pub(super) fn get(of: Which, _: Option<UserId>) -> Result<Command, Failure> {
    Ok(Command::Conversation { conversation: of.conversation })
}

pub(super) fn list(list: Page, user: Option<UserId>) -> Result<Command, Failure> {
    let (after, limit) = page(list.cursor, list.limit, user, &List::Conversations)?;
    Ok(Command::Conversations { after, limit })
}

pub(super) fn members(of: Members, user: Option<UserId>) -> Result<Command, Failure> {
    let (after, limit) = page(of.cursor, of.limit, user, &List::Members(of.conversation))?;
    Ok(Command::Members { conversation: of.conversation, after, limit })
}

pub(super) fn update(change: Update, _: Option<UserId>) -> Result<Command, Failure> {
    let update = command::Update {
        name: change.name,
        picture: change.picture,
        metadata: change.metadata,
        policy: PolicyPatch { join: change.join, read: change.read, post: change.post },
    };
    Ok(Command::Update { conversation: change.conversation, update, client_id: change.client_id })
}

pub(super) fn join(this: Change, _: Option<UserId>) -> Result<Command, Failure> {
    Ok(Command::Join { conversation: this.conversation, client_id: this.client_id })
}

pub(super) fn leave(this: Change, _: Option<UserId>) -> Result<Command, Failure> {
    Ok(Command::Leave { conversation: this.conversation, client_id: this.client_id })
}

pub(super) fn delete(this: Change, _: Option<UserId>) -> Result<Command, Failure> {
    Ok(Command::Close { conversation: this.conversation, client_id: this.client_id })
}

pub(super) fn add(add: Add, _: Option<UserId>) -> Result<Command, Failure> {
    Ok(Command::Add { conversation: add.conversation, users: add.users, client_id: add.client_id })
}

pub(super) fn remove(remove: Remove, _: Option<UserId>) -> Result<Command, Failure> {
    Ok(Command::Remove { conversation: remove.conversation, user: remove.user, client_id: remove.client_id })
}

pub(super) fn set_role(set: SetRole, _: Option<UserId>) -> Result<Command, Failure> {
    Ok(Command::SetRole {
        conversation: set.conversation,
        user: set.user,
        role: set.role,
        client_id: set.client_id,
    })
}
