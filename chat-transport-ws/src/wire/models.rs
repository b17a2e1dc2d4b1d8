//! What the domain looks like on the wire.
//!
//! Each declaration names the model, its fields with their types, and where a field comes from; the order here is the
//! order in a frame.

use chat_core::attachment::{Attachment, Rendition, Upload};
use chat_core::command::{Friend, Member, Peer, Presence, Standpoint, Summary, SyncState};
use chat_core::message::{What, kind};
use chat_core::{
    AttachmentId, Changes, ClientId, ConversationId, Entry, EntryId, History, Join, Kind, Message, Metadata,
    Patch, Post, Profile, Read, Relation, Role, Seq, Settings, Timestamp, UserId,
};
use serde::ser::Serializer;
use serde_json::{Value as Schema, json};

use super::show::{NonEmpty, Show, shown};

shown! {
    /// A person, as others see him.
    "Profile": Profile as it {
        /// Who it is.
        id: UserId = it.id,
        /// The unique name.
        username: Option<&str> = it.username.as_deref(),
        /// The name for people.
        full_name: Option<&str> = it.full_name.as_deref(),
        /// A URL or path of a picture.
        picture: Option<&str> = it.picture.as_deref(),
        /// The host's own key of him, where it is a text.
        external_id: Option<&str> = it.external_id.as_deref(),
    }

    /// A message as it is now. Once deleted it has no content.
    "Message": Message as it {
        /// Its id.
        id: EntryId = it.id,
        /// Where it stands.
        conversation: ConversationId = it.conversation,
        /// Its position.
        seq: Seq = it.seq,
        /// Position of its last change: of two versions the one with the higher `rev` is the present one.
        rev: Seq = it.rev,
        /// Who wrote it; absent for the system.
        sender: Option<UserId> = it.sender,
        /// The sender's own id of it.
        client_id: &ClientId = &it.client_id,
        /// What is said.
        text: Option<&str> = it.text(),
        /// The files that hang on it.
        attachments: NonEmpty<'_, Attachment> = NonEmpty(&it.content.attachments),
        /// The position of the message that it answers.
        reply_to: Option<Seq> = it.content.reply_to,
        /// Who is meant.
        mentions: NonEmpty<'_, UserId> = NonEmpty(&it.content.mentions),
        /// The client's own data.
        metadata: Option<&Metadata> = it.content.metadata.as_ref(),
        /// When it was written.
        created_at: Timestamp = it.created_at,
        /// When its content last changed.
        edited_at: Option<Timestamp> = it.edited_at,
        /// When it was deleted.
        deleted_at: Option<Timestamp> = it.deleted_at,
    }

    /// A file that is whole. Its bytes are at `attachments/{id}`, those of its thumbnail at `attachments/{id}/thumbnail`.
    "Attachment": Attachment as it {
        /// Its id.
        id: AttachmentId = it.id,
        /// What its sender called it.
        name: &str = it.name.as_str(),
        /// What it was found to be.
        content_type: &str = &it.file.content_type,
        /// How long it is.
        bytes: u64 = it.file.bytes,
        /// How wide, for a picture, in pixels.
        width: Option<u64> = it.file.size.map(|size| size.width.into()),
        /// How high, for a picture, in pixels.
        height: Option<u64> = it.file.size.map(|size| size.height.into()),
        /// A small picture of it; absent where the file itself is small enough.
        thumbnail: Option<&Rendition> = it.thumbnail.as_ref(),
    }

    /// A small picture of a file.
    "Thumbnail": Rendition as it {
        /// What it is.
        content_type: &str = &it.content_type,
        /// How long it is.
        bytes: u64 = it.bytes,
        /// How wide, in pixels.
        width: Option<u64> = it.size.map(|size| size.width.into()),
        /// How high, in pixels.
        height: Option<u64> = it.size.map(|size| size.height.into()),
    }

    /// How far a file has come.
    "Upload": Upload as it {
        /// The id of the file.
        id: AttachmentId = it.id,
        /// What it is called.
        name: &str = it.name.as_str(),
        /// How long it will be.
        bytes: Option<u64> = it.bytes,
        /// How much of it is there: the `offset` to go on at.
        received: u64 = it.received,
        /// The file, once it is whole.
        attachment: Option<&Attachment> = it.attachment.as_ref(),
    }

    /// One position of a conversation's log.
    "Entry": Entry as it {
        /// Where it stands.
        conversation: ConversationId = it.conversation,
        /// Its position: one more than the one before it.
        seq: Seq = it.seq,
        /// When it was written.
        at: Timestamp = it.at,
        /// Who did it; absent for the system.
        by: Option<UserId> = it.by,
        /// The doer's own id of it.
        client_id: Option<&ClientId> = own_client_id(it),
        /// The position it is about.
        target: Option<Seq> = it.target,
        /// What happened.
        kind: EntryKind = EntryKind(number(&it.what)),
        /// The message that was written or changed, as it is now.
        message: Option<&Message> = it.message(),
        /// Whom it is about.
        users: NonEmpty<'_, UserId> = NonEmpty(users(&it.what)),
        /// Who became owner because the last one left.
        successor: Option<UserId> = successor(&it.what),
        /// The new role.
        role: Option<Role> = role(&it.what),
        /// What is new about the conversation.
        changes: Option<&Changes> = changes(&it.what),
        /// What an unknown kind carries.
        payload: Option<&serde_json::Value> = payload(&it.what),
    }

    /// What is new about a conversation; null is what was taken away.
    "Changes": Changes as it {
        /// The name.
        name: Patch<&str> = patch(&it.name).map(String::as_str),
        /// A URL or path of the picture.
        picture: Patch<&str> = patch(&it.picture).map(String::as_str),
        /// The client's own data.
        metadata: Patch<&Metadata> = patch(&it.metadata),
        /// Who may become a member by himself.
        join: Option<Join> = it.join,
        /// Who may read.
        read: Option<Read> = it.read,
        /// Who may write.
        post: Option<Post> = it.post,
        /// From where new members see.
        history: Option<History> = it.history,
    }

    /// A conversation, as one user has it.
    "Conversation": Summary as it {
        /// Which.
        id: ConversationId = it.id,
        /// What it is.
        kind: Kind = it.kind,
        /// Its name.
        name: Option<&str> = it.name.as_deref(),
        /// A URL or path of its picture.
        picture: Option<&str> = it.picture.as_deref(),
        /// The other of a direct one.
        with: Option<&Profile> = it.with.as_ref(),
        /// One's own role; absent for who only reads.
        role: Option<Role> = it.role,
        /// Its last position.
        head: Seq = it.head,
        /// One has read up to here.
        read: Seq = it.standpoint.receipt.read,
        /// One has received up to here.
        delivered: Seq = it.standpoint.receipt.delivered,
        /// Messages of others after `read`.
        unread: u64 = it.standpoint.unread,
        /// The last message one may see.
        last_message: Option<&Message> = it.last_message.as_ref(),
        /// How many members it has.
        member_count: u64 = it.member_count,
        /// When it was made.
        created_at: Timestamp = it.created_at,
        /// The client's own data.
        metadata: Option<&Metadata> = it.metadata.as_ref(),
        /// Who may join, read and write; absent for direct ones.
        policy: Option<&Settings> = (it.kind != Kind::Direct).then_some(&it.settings),
    }

    /// Who may do what in a group or channel.
    "Policy": Settings as it {
        /// Who may become a member by himself.
        join: Join = it.join,
        /// Who may read.
        read: Read = it.read,
        /// Who may write.
        post: Post = it.post,
        /// From where new members see.
        history: History = it.history,
    }

    /// What is between oneself and another.
    "Friendship": Friend as it {
        /// The other.
        user: &Profile = &it.user,
        /// How far it has come, as one sees it.
        state: Relation = it.view.relation,
        /// Whether one has blocked him.
        blocked: bool = it.view.blocked,
        /// When it last changed.
        at: Timestamp = it.at,
    }

    /// A member of a conversation.
    "Member": Member as it {
        /// Who.
        user: &Profile = &it.user,
        /// As what.
        role: Role = it.role,
        /// Since when.
        since: Timestamp = it.since,
        /// He has read up to here; only in conversations that are small enough.
        read: Option<Seq> = it.receipt.map(|receipt| receipt.read),
        /// He has received up to here; only in conversations that are small enough.
        delivered: Option<Seq> = it.receipt.map(|receipt| receipt.delivered),
    }

    /// Whether somebody is there.
    "Presence": Presence as it {
        /// Who.
        user: UserId = it.user,
        /// Whether he is connected.
        online: bool = it.online,
        /// When he last was, coarsely, if one may know.
        last_seen: Option<Timestamp> = it.last_seen,
    }

    /// How far one has come.
    "Standpoint": Standpoint as it {
        /// One has read up to here.
        read: Seq = it.receipt.read,
        /// One has received up to here.
        delivered: Seq = it.receipt.delivered,
        /// Messages of others after `read`.
        unread: u64 = it.unread,
    }

    /// How far the other of a direct conversation has come.
    "Peer": Peer as it {
        /// Who.
        user: UserId = it.user,
        /// He has read up to here.
        read: Seq = it.receipt.read,
        /// He has received up to here.
        delivered: Seq = it.receipt.delivered,
    }

    /// How a conversation that the client named stands. One that is gone has nothing but its state.
    "SyncState": SyncState as it {
        /// Whether the missing entries follow, or it is to be loaded anew, or is none of one's own any more.
        state: State = State::of(it),
        /// Its last position.
        head: Option<Seq> = State::point(it).map(|point| point.head),
        /// One has read up to here.
        read: Option<Seq> = State::point(it).map(|point| point.standpoint.receipt.read),
        /// One has received up to here.
        delivered: Option<Seq> = State::point(it).map(|point| point.standpoint.receipt.delivered),
        /// Messages of others after `read`.
        unread: Option<u64> = State::point(it).map(|point| point.standpoint.unread),
        /// How far the other of a direct one has come.
        peer: Option<&Peer> = State::point(it).and_then(|point| point.peer.as_ref()),
    }
}

/// An entry that was given no id by its doer carries its own, which nobody needs to see.
fn own_client_id(entry: &Entry) -> Option<&ClientId> {
    (entry.client_id != ClientId::from(entry.id)).then_some(&entry.client_id)
}

fn patch<T>(patch: &Patch<T>) -> Patch<&T> {
    match patch {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(value) => Patch::Set(value),
    }
}

/// The number of what happened, the same as in the log.
const fn number(what: &What) -> u16 {
    match what {
        What::Message(_) => kind::MESSAGE,
        What::Edited(_) => kind::EDITED,
        What::Deleted(_) => kind::DELETED,
        What::Created { .. } => kind::CREATED,
        What::Joined { .. } => kind::JOINED,
        What::Left { .. } => kind::LEFT,
        What::Removed { .. } => kind::REMOVED,
        What::Banned { .. } => kind::BANNED,
        What::Unbanned { .. } => kind::UNBANNED,
        What::RoleChanged { .. } => kind::ROLE_CHANGED,
        What::Updated { .. } => kind::UPDATED,
        What::Closed => kind::CLOSED,
        What::Other { kind, .. } | What::Bare { kind } => *kind,
        // Also what a later engine may know: this version cannot show it.
        _ => kind::UNREADABLE,
    }
}

fn users(what: &What) -> &[UserId] {
    match what {
        What::Created { users, .. }
        | What::Joined { users }
        | What::Left { users, .. }
        | What::Removed { users }
        | What::Banned { users }
        | What::Unbanned { users }
        | What::RoleChanged { users, .. } => users,
        _ => &[],
    }
}

const fn successor(what: &What) -> Option<UserId> {
    if let What::Left { successor, .. } = what { *successor } else { None }
}

const fn role(what: &What) -> Option<Role> {
    if let What::RoleChanged { role, .. } = what { Some(*role) } else { None }
}

fn changes(what: &What) -> Option<&Changes> {
    match what {
        What::Created { changes, .. } | What::Updated { changes } => Some(changes),
        _ => None,
    }
}

const fn payload(what: &What) -> Option<&serde_json::Value> {
    if let What::Other { payload, .. } = what { payload.as_ref() } else { None }
}

/// What happened, as a word; `x` and the number where this version has no word for it.
struct EntryKind(u16);

impl EntryKind {
    const WORDS: [(u16, &'static str); 13] = [
        (kind::MESSAGE, "message"),
        (kind::EDITED, "edited"),
        (kind::DELETED, "deleted"),
        (kind::CREATED, "created"),
        (kind::JOINED, "joined"),
        (kind::LEFT, "left"),
        (kind::REMOVED, "removed"),
        (kind::BANNED, "banned"),
        (kind::UNBANNED, "unbanned"),
        (kind::ROLE_CHANGED, "role_changed"),
        (kind::UPDATED, "updated"),
        (kind::CLOSED, "closed"),
        (kind::UNREADABLE, "unreadable"),
    ];
}

impl Show for EntryKind {
    fn schema() -> Schema {
        let words = Self::WORDS.map(|(_, word)| word);
        json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": "^x[0-9]+$" }] })
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Self::WORDS.iter().find(|(number, _)| *number == self.0) {
            Some((_, word)) => serializer.serialize_str(word),
            None => serializer.collect_str(&format_args!("x{}", self.0)),
        }
    }
}

/// How a named conversation stands, as a word.
struct State(&'static str);

impl State {
    const fn of(state: &SyncState) -> Self {
        match state {
            SyncState::Complete(_) => Self("complete"),
            SyncState::Reset(_) => Self("reset"),
            SyncState::Gone => Self("gone"),
        }
    }

    const fn point(state: &SyncState) -> Option<&chat_core::command::SyncPoint> {
        match state {
            SyncState::Complete(point) | SyncState::Reset(point) => Some(point),
            SyncState::Gone => None,
        }
    }
}

impl Show for State {
    fn schema() -> Schema {
        json!({ "type": "string", "enum": ["complete", "reset", "gone"] })
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}
