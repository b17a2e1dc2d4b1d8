//! What comes in: the commands of a connected session and their replies, transport-neutral and already parsed.
//!
//! A transport turns its frames into these and back; values are validated by their types, so that no rule has to be
//! written twice. Nothing here is serialisable: wire formats belong to transports.

use uuid::Uuid;

use crate::conversation::{History, Join, Kind, Post, Read, Role, Settings};
use crate::friendship::{Action, View};
use crate::id::{ConversationId, Seq, UserId};
use crate::message::{ClientId, Draft, Edit, Entry, Message, Metadata, Patch};
use crate::page::{Limit, Page};
use crate::receipt::Receipt;
use crate::store::{FriendFilter, Window};
use crate::time::Timestamp;
use crate::user::{Profile, Query};

/// Another person, as a client names him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// By id.
    Id(UserId),
    /// By username, compared as the directory compares.
    Username(String),
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A conversation.
    Conversation(ConversationId),
    /// The direct conversation with this user, made when it is not there.
    User(UserId),
}

impl From<ConversationId> for Destination {
    fn from(id: ConversationId) -> Self {
        Self::Conversation(id)
    }
}

impl From<UserId> for Destination {
    fn from(user: UserId) -> Self {
        Self::User(user)
    }
}

/// Whether somebody is typing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typing {
    /// He is; it ends by itself after 6 s.
    Active,
    /// He has stopped.
    Stopped,
}

/// One part of a resume: what a client has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sync {
    /// The epoch its positions are from.
    pub epoch: Option<Uuid>,
    /// How far it has come in its friendships.
    pub friends: Option<u64>,
    /// The last position it has of each conversation.
    pub conversations: Vec<(ConversationId, Seq)>,
    /// Whether more parts follow.
    pub more: More,
    /// Where the list of new conversations goes on.
    pub next: Option<ConversationId>,
}

/// Whether more parts of a `sync` follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum More {
    /// This is the last one.
    #[default]
    No,
    /// They do.
    Yes,
}

/// A group or channel to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewConversation {
    /// Group or channel.
    pub kind: Kind,
    /// The caller's own id of it: a repeat makes the same one.
    pub client_id: ClientId,
    /// Its name.
    pub name: Option<String>,
    /// Its picture.
    pub picture: Option<String>,
    /// The host's or client's own data.
    pub metadata: Option<Metadata>,
    /// First members of a group beside the creator; repeats and oneself are ignored.
    pub members: Vec<UserId>,
    /// Who may join, read and write; what is absent is the default of the kind.
    pub policy: PolicyPatch,
    /// From where new members see.
    pub history: Option<History>,
}

impl NewConversation {
    /// A group of the creator and `members`.
    pub fn group(client_id: ClientId, members: impl IntoIterator<Item = UserId>) -> Self {
        Self { members: members.into_iter().collect(), ..Self::of(Kind::Group, client_id) }
    }

    /// A channel with nobody but its creator.
    pub fn channel(client_id: ClientId) -> Self {
        Self::of(Kind::Channel, client_id)
    }

    /// The same under a name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    fn of(kind: Kind, client_id: ClientId) -> Self {
        Self {
            kind,
            client_id,
            name: None,
            picture: None,
            metadata: None,
            members: Vec::new(),
            policy: PolicyPatch::default(),
            history: None,
        }
    }

    /// The settings it will have.
    pub fn settings(&self) -> Settings {
        let mut settings = self.policy.apply(Settings::of(self.kind));
        settings.history = self.history.unwrap_or(settings.history);
        settings
    }
}

/// A change of who may join, read and write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyPatch {
    /// Who may join.
    pub join: Option<Join>,
    /// Who may read.
    pub read: Option<Read>,
    /// Who may write.
    pub post: Option<Post>,
}

impl PolicyPatch {
    /// The settings after it.
    #[must_use]
    pub fn apply(self, now: Settings) -> Settings {
        Settings {
            join: self.join.unwrap_or(now.join),
            read: self.read.unwrap_or(now.read),
            post: self.post.unwrap_or(now.post),
            history: now.history,
        }
    }

    /// Whether nothing is asked for.
    pub const fn is_empty(&self) -> bool {
        self.join.is_none() && self.read.is_none() && self.post.is_none()
    }
}

/// A change of a conversation's appearance and settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// The name.
    pub name: Patch<String>,
    /// The picture.
    pub picture: Patch<String>,
    /// The host's or client's own data.
    pub metadata: Patch<Metadata>,
    /// Who may join, read and write.
    pub policy: PolicyPatch,
}

/// What a session may ask.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of the types and of the wire protocol")]
pub enum Command {
    /// Whether the server is there.
    Ping,
    /// Compare what the client has with what there is, and go live.
    Sync(Sync),
    /// Follow a conversation one may read without being a member.
    Subscribe { conversation: ConversationId, after: Option<Seq> },
    /// Stop following it.
    Unsubscribe { conversation: ConversationId },
    /// Write a message.
    Send { to: Destination, draft: Draft },
    /// Change one's message.
    Edit { conversation: ConversationId, seq: Seq, edit: Edit, client_id: Option<ClientId> },
    /// Delete a message.
    Delete { conversation: ConversationId, seq: Seq, client_id: Option<ClientId> },
    /// Read messages.
    History { conversation: ConversationId, window: Option<Window>, limit: Limit },
    /// Tell how far one has come.
    Receipt { conversation: ConversationId, read: Option<Seq>, delivered: Option<Seq> },
    /// Tell that one is typing.
    Typing { conversation: ConversationId, typing: Typing },
    /// Be told when these come and go.
    Watch { users: Vec<UserId> },
    /// Not any more.
    Unwatch { users: Vec<UserId> },
    /// Change what is between oneself and another.
    Friend { who: Who, action: Action },
    /// Take back or turn down a request, whichever it is.
    Withdraw { who: Who },
    /// One's friends, requests and blocks.
    Friends { filter: FriendFilter, after: Option<UserId>, limit: Limit },
    /// Make a group or channel.
    Create(NewConversation),
    /// One conversation.
    Conversation { conversation: ConversationId },
    /// One's conversations.
    Conversations { after: Option<ConversationId>, limit: Limit },
    /// The direct conversation with somebody, made when it is not there.
    Direct { user: UserId },
    /// Its members.
    Members { conversation: ConversationId, after: Option<UserId>, limit: Limit },
    /// Change appearance or settings.
    Update { conversation: ConversationId, update: Update, client_id: Option<ClientId> },
    /// Become a member of an open one.
    Join { conversation: ConversationId, client_id: Option<ClientId> },
    /// Stop being a member; of a direct one: hide it.
    Leave { conversation: ConversationId, client_id: Option<ClientId> },
    /// Delete it for all; a direct one: hide it.
    Close { conversation: ConversationId, client_id: Option<ClientId> },
    /// Add members.
    Add { conversation: ConversationId, users: Vec<UserId>, client_id: Option<ClientId> },
    /// Remove a member.
    Remove { conversation: ConversationId, user: UserId, client_id: Option<ClientId> },
    /// Change somebody's role.
    SetRole { conversation: ConversationId, user: UserId, role: Role, client_id: Option<ClientId> },
    /// Entries after a position.
    Entries { conversation: ConversationId, after: Seq, limit: Limit },
    /// Somebody's profile.
    User { who: Who },
    /// Some profiles, those that exist.
    Users { ids: Vec<UserId> },
    /// People by name.
    Search { query: Query, after: Option<UserId>, limit: Limit },
}

/// The answer to a [`Command`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of the types and of the wire protocol")]
#[expect(clippy::large_enum_variant, reason = "a reply is made, rendered and dropped; nobody keeps many")]
pub enum Reply {
    /// Done, nothing to tell.
    Done,
    /// The server's time.
    Pong { server_time: Timestamp },
    /// How each conversation stands, and what is new.
    Synced(Synced),
    /// Where a followed conversation stands.
    Subscribed { head: Seq },
    /// The message, as it is now.
    Sent(Sent),
    /// The message after a change.
    Message(Message),
    /// Messages.
    History(HistoryPage),
    /// Entries, and the head beyond them.
    Entries(EntriesPage),
    /// How far one has come now.
    Receipt(Standpoint),
    /// Who is there.
    Presence(Vec<Presence>),
    /// What is between oneself and another now.
    Friendship(Friend),
    /// Friends, requests, blocks.
    Friends(Page<Friend, UserId>),
    /// A conversation, and whether it was there before.
    Conversation(Done<Summary>),
    /// Conversations.
    Conversations(Page<Summary, ConversationId>),
    /// Members.
    Members(Page<Member, UserId>),
    /// A profile.
    User(Profile),
    /// Profiles.
    Users(Vec<Profile>),
    /// Profiles found.
    Found(Page<Profile, UserId>),
}

/// What was done, and whether it changed anything: a door may say "conflict" where the engine says "fine".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done<T> {
    /// The state now.
    pub value: T,
    /// Whether this call brought it about.
    pub changed: Changed,
}

/// Whether a call changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It did.
    Yes,
    /// It was so already, or it is a repeat.
    No,
}

impl Changed {
    /// `Yes` if it is true that something changed.
    pub const fn when(changed: bool) -> Self {
        if changed { Self::Yes } else { Self::No }
    }
}

/// A message that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// As it is now.
    pub message: Message,
    /// Whether it was there already.
    pub duplicate: bool,
}

/// The answer to one part of a [`Sync`].
#[derive(Clone, Debug, PartialEq)]
pub struct Synced {
    /// What changed among one's friendships.
    pub friends: FriendsSince,
    /// How each named conversation stands, in the order named.
    pub conversations: Vec<(ConversationId, SyncState)>,
    /// Conversations the client has not named, in the last part.
    pub new: Page<Summary, ConversationId>,
}

/// What changed among one's friendships.
#[derive(Clone, Debug, PartialEq)]
pub struct FriendsSince {
    /// Where to go on.
    pub cursor: u64,
    /// Forget what was known; `items` are a beginning, the list has all.
    pub reset: bool,
    /// As they are now.
    pub items: Vec<Friend>,
}

/// How a named conversation stands.
#[derive(Clone, Debug, PartialEq)]
pub enum SyncState {
    /// The missing entries come first, then live ones.
    Complete(SyncPoint),
    /// Forget it and load history; live goes on after the head.
    Reset(SyncPoint),
    /// It is none of one's conversations any more.
    Gone,
}

/// Where one stands in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncPoint {
    /// The last position.
    pub head: Seq,
    /// One's own receipt and unread count.
    pub standpoint: Standpoint,
    /// How far the other of a direct one has come.
    pub peer: Option<Peer>,
}

/// One's own receipt and unread count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standpoint {
    /// How far one has read and received.
    pub receipt: Receipt,
    /// Messages after `read` that are not deleted.
    pub unread: u64,
}

/// How far the other of a direct conversation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Who.
    pub user: UserId,
    /// How far.
    pub receipt: Receipt,
}

/// Messages of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// Ascending, as they are now.
    pub items: Vec<Message>,
    /// Whether there are visible ones before.
    pub has_before: bool,
    /// Whether there are ones after.
    pub has_after: bool,
}

/// Entries of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntriesPage {
    /// Ascending and dense.
    pub items: Vec<Entry>,
    /// The last position.
    pub head: Seq,
}

/// Whether somebody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Who.
    pub user: UserId,
    /// Whether he is connected.
    pub online: bool,
    /// When he last was, to the minute, if one may know.
    pub last_seen: Option<Timestamp>,
}

/// What is between oneself and another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Friend {
    /// The other.
    pub user: Profile,
    /// As one sees it.
    pub view: View,
    /// When it last changed.
    pub at: Timestamp,
}

/// A conversation in a list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// Which.
    pub id: ConversationId,
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: Option<String>,
    /// Its picture.
    pub picture: Option<String>,
    /// The other of a direct one.
    pub with: Option<Profile>,
    /// One's own role; absent for who only reads.
    pub role: Option<Role>,
    /// The last position.
    pub head: Seq,
    /// One's own receipt and unread count.
    pub standpoint: Standpoint,
    /// The last message one may see.
    pub last_message: Option<Message>,
    /// How many members there are.
    pub member_count: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// The host's or client's own data.
    pub metadata: Option<Metadata>,
    /// Who may join, read and write.
    pub settings: Settings,
}

impl Summary {
    /// A conversation in which nothing was said yet; what is `pub` may be set afterwards.
    pub const fn new(id: ConversationId, kind: Kind, created_at: Timestamp) -> Self {
        Self {
            id,
            kind,
            name: None,
            picture: None,
            with: None,
            role: None,
            head: Seq::ZERO,
            standpoint: Standpoint { receipt: Receipt { read: Seq::ZERO, delivered: Seq::ZERO }, unread: 0 },
            last_message: None,
            member_count: 0,
            created_at,
            metadata: None,
            settings: Settings::of(kind),
        }
    }
}

/// A member in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: Profile,
    /// As what.
    pub role: Role,
    /// Since when.
    pub since: Timestamp,
    /// How far he has come; only in conversations small enough.
    pub receipt: Option<Receipt>,
}
