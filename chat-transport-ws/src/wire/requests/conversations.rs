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

pub(super) fn create(new: Create) -> Command {
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
    Command::Create(made)
}

pub(super) fn get(Which { conversation }: Which) -> Command {
    Command::Conversation { conversation }
}

pub(super) fn list(list: Page, user: Option<UserId>) -> Result<Command, Failure> {
    let (after, limit) = page(list.cursor, list.limit, user, &List::Conversations)?;
    Ok(Command::Conversations { after, limit })
}

pub(super) fn members(of: Members, user: Option<UserId>) -> Result<Command, Failure> {
    let (after, limit) = page(of.cursor, of.limit, user, &List::Members(of.conversation))?;
    Ok(Command::Members { conversation: of.conversation, after, limit })
}

pub(super) fn update(change: Update) -> Command {
    let update = command::Update {
        name: change.name,
        picture: change.picture,
        metadata: change.metadata,
        policy: PolicyPatch { join: change.join, read: change.read, post: change.post },
    };
    Command::Update { conversation: change.conversation, update, client_id: change.client_id }
}

pub(super) fn join(Change { conversation, client_id }: Change) -> Command {
    Command::Join { conversation, client_id }
}

pub(super) fn leave(Change { conversation, client_id }: Change) -> Command {
    Command::Leave { conversation, client_id }
}

pub(super) fn delete(Change { conversation, client_id }: Change) -> Command {
    Command::Close { conversation, client_id }
}

pub(super) fn add(Add { conversation, users, client_id }: Add) -> Command {
    Command::Add { conversation, users, client_id }
}

pub(super) fn remove(Remove { conversation, user, client_id }: Remove) -> Command {
    Command::Remove { conversation, user, client_id }
}

pub(super) fn set_role(SetRole { conversation, user, role, client_id }: SetRole) -> Command {
    Command::SetRole { conversation, user, role, client_id }
}
