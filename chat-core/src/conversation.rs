//! Conversations: their kinds, settings, roles and who may do what.
//!
//! Kind and policy are two things: a group that anyone may join is a group, not a channel. One table,
//! [`permits`], decides for every door.

use crate::error::Refusal;
use crate::id::{ConversationId, Pair, Seq, UserId};
use crate::receipt::Receipt;
use crate::time::Timestamp;

/// What a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Two people; the id is derived from them.
    Direct,
    /// Up to some thousand members; joining and leaving stand in the log.
    Group,
    /// Any size; joining and leaving do not stand in the log.
    Channel,
}

/// Who may become a member by himself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Join {
    /// Only who is added.
    Invite,
    /// Anyone.
    Open,
}

/// Who may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Read {
    /// Members.
    Members,
    /// Anyone.
    Anyone,
}

/// Who may write messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Post {
    /// Every member.
    Members,
    /// Admins and owners.
    Admins,
}

/// From where a new member sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum History {
    /// From the first entry.
    All,
    /// From his joining.
    FromJoin,
}

/// What is fixed about a conversation by kind or by whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Who may join.
    pub join: Join,
    /// Who may read.
    pub read: Read,
    /// Who may write.
    pub post: Post,
    /// From where new members see.
    pub history: History,
}

impl Settings {
    /// The defaults of a kind.
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Direct | Kind::Group => {
                Self { join: Join::Invite, read: Read::Members, post: Post::Members, history: History::All }
            }
            Kind::Channel => {
                Self { join: Join::Open, read: Read::Anyone, post: Post::Members, history: History::All }
            }
        }
    }

    /// Whether going from here to `next` takes a right away from somebody.
    pub fn takes_right(&self, next: &Self) -> bool {
        (self.join == Join::Open && next.join == Join::Invite)
            || (self.read == Read::Anyone && next.read == Read::Members)
            || (self.post == Post::Members && next.post == Post::Admins)
    }
}

/// What a member is. Ordered: an owner is more than an admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Takes part.
    Member,
    /// Also manages members and appearance.
    Admin,
    /// May do everything.
    Owner,
}

/// How somebody stands to a conversation, as its membership row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// A member with this role.
    Member(Role),
    /// May not come back by himself.
    Banned,
}

impl Standing {
    /// The role, of a member.
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::Member(role) => Some(role),
            Self::Banned => None,
        }
    }
}

/// Words of the wire protocol and of stored payloads, for enums that are nothing but words.
macro_rules! words {
    ($($name:ident { $($variant:ident = $word:literal),+ })+) => {$(
        impl $name {
            /// Its word, as clients and stores know it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value of this word.
            pub fn of(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    )+};
}

words! {
    Role { Member = "member", Admin = "admin", Owner = "owner" }
    Join { Invite = "invite", Open = "open" }
    Read { Members = "members", Anyone = "anyone" }
    Post { Members = "members", Admins = "admins" }
    History { All = "all", FromJoin = "from_join" }
}

/// A conversation, as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conversation {
    /// Which one.
    pub id: ConversationId,
    /// What it is.
    pub kind: Kind,
    /// The two of a direct conversation.
    pub pair: Option<Pair>,
    /// Who made it; absent for direct ones and those of the system.
    pub creator: Option<UserId>,
    /// Position of the last entry; 0 while it is only a shell.
    pub head: Seq,
    /// Position of the first entry that is kept.
    pub start: Seq,
    /// How many messages were ever written.
    pub n: u64,
    /// How often a right was taken away here; compared by every append.
    pub acl: u64,
    /// How often the memberships changed; compared by changes of membership.
    pub roster: u64,
    /// Who may join, read and write.
    pub settings: Settings,
    /// The name for people.
    pub name: Option<String>,
    /// A URL or path of a picture.
    pub picture: Option<String>,
    /// The host's own data: the bytes of a JSON object.
    pub metadata: Option<String>,
    /// How many members there are.
    pub member_count: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Time of the last entry: never falls.
    pub last_at: Timestamp,
    /// Gone for all.
    pub closed: bool,
}

impl Conversation {
    /// A shell: nothing was said yet, and it stands in nobody's list.
    pub fn shell(id: ConversationId, kind: Kind, at: Timestamp) -> Self {
        Self {
            id,
            kind,
            pair: None,
            creator: None,
            head: Seq::ZERO,
            start: Seq::FIRST,
            n: 0,
            acl: 0,
            roster: 0,
            settings: Settings::of(kind),
            name: None,
            picture: None,
            metadata: None,
            member_count: 0,
            created_at: at,
            last_at: at,
            closed: false,
        }
    }
}

/// The row of one user in one conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Membership {
    /// Where.
    pub conversation: ConversationId,
    /// Who.
    pub user: UserId,
    /// As what.
    pub standing: Standing,
    /// The first position this user sees. Above head: the conversation is hidden from him until the next entry.
    pub visible_from: Seq,
    /// How far he has read; at least `visible_from - 1`.
    pub read: Seq,
    /// How many messages there were up to `read`.
    pub read_n: u64,
    /// How far it was delivered to him.
    pub delivered: Seq,
    /// Since when he is a member.
    pub since: Timestamp,
}

impl Membership {
    /// A row of somebody who begins at `from`: he sees from `visible_from`, and everything before `from` counts
    /// as read.
    pub fn new(
        conversation: ConversationId,
        user: UserId,
        standing: Standing,
        visible_from: Seq,
        since: Timestamp,
    ) -> Self {
        let read = visible_from.previous();
        Self { conversation, user, standing, visible_from, read, read_n: 0, delivered: read, since }
    }

    /// The role, of a member.
    pub const fn role(&self) -> Option<Role> {
        self.standing.role()
    }
}

/// A membership with its conversation: what a list shows, and what a resume compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The conversation.
    pub conversation: Conversation,
    /// This user's row in it.
    pub membership: Membership,
    /// Messages after `read` that are not deleted.
    pub unread: u64,
    /// How far the other of a direct conversation has come.
    pub peer: Option<Receipt>,
}

impl Seat {
    /// Whether this stands in the user's list: a member, not closed, not hidden.
    pub fn is_listed(&self) -> bool {
        self.membership.role().is_some()
            && !self.conversation.closed
            && self.membership.visible_from <= self.conversation.head
    }
}

/// What a rule is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Read history, entries, members.
    Read,
    /// Write a message.
    Send,
    /// Edit a message.
    Edit(Whose),
    /// Delete a message.
    Delete(Whose),
    /// Become a member by oneself.
    Join,
    /// Stop being a member.
    Leave,
    /// Add members.
    Add,
    /// Remove a member of this role.
    Remove(Role),
    /// Change name, picture or metadata.
    Update,
    /// Change who may join, read or write.
    SetPolicy,
    /// Change somebody's role.
    SetRole,
    /// Delete the conversation for all.
    Close,
}

/// Whose message an act is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// One's own.
    Own,
    /// Somebody else's.
    Others,
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The host or the server itself.
    System,
    /// Somebody who stands so to the conversation; absent when he has no row.
    Person(Option<Standing>),
}

/// Whether `actor` may do `act` in a conversation of this kind and these settings: the one table for every door.
///
/// # Errors
/// [`Refusal::NotFound`] for who may not know that it exists, [`Refusal::Forbidden`] for who sees it and lacks the
/// right.
pub fn permits(kind: Kind, settings: Settings, actor: Actor, act: Act) -> Result<(), Refusal> {
    let role = match actor {
        Actor::System if matches!(act, Act::Join | Act::Leave) => return Err(Refusal::Forbidden),
        Actor::System => return Ok(()),
        Actor::Person(Some(Standing::Member(role))) => role,
        Actor::Person(standing) => return permits_outsider(kind, settings, standing, act),
    };
    let allowed = match (act, kind) {
        (Act::Read | Act::Join | Act::Leave | Act::Edit(Whose::Own) | Act::Delete(Whose::Own), _)
        | (Act::Send, Kind::Direct) => true,
        (Act::Edit(Whose::Others), _)
        | (
            Act::Delete(Whose::Others)
            | Act::Add
            | Act::Remove(_)
            | Act::Update
            | Act::SetPolicy
            | Act::SetRole
            | Act::Close,
            Kind::Direct,
        ) => false,
        (Act::Send, Kind::Group | Kind::Channel) => settings.post == Post::Members || role >= Role::Admin,
        (Act::Delete(Whose::Others) | Act::Add | Act::Update, Kind::Group | Kind::Channel) => {
            role >= Role::Admin
        }
        (Act::Remove(target), Kind::Group | Kind::Channel) => {
            role == Role::Owner || (role == Role::Admin && target == Role::Member)
        }
        (Act::SetPolicy | Act::SetRole | Act::Close, Kind::Group | Kind::Channel) => role == Role::Owner,
    };
    if allowed { Ok(()) } else { Err(Refusal::Forbidden) }
}

fn permits_outsider(
    kind: Kind,
    settings: Settings,
    standing: Option<Standing>,
    act: Act,
) -> Result<(), Refusal> {
    let readable = kind != Kind::Direct && settings.read == Read::Anyone;
    let open = kind != Kind::Direct && settings.join == Join::Open;
    match (act, standing) {
        (Act::Join, Some(Standing::Banned)) if open || readable => Err(Refusal::Forbidden),
        (Act::Join, None) if open => Ok(()),
        (Act::Read, None) if readable => Ok(()),
        (_, None) if readable => Err(Refusal::Forbidden),
        _ => Err(Refusal::NotFound),
    }
}

/// Who becomes owner when the last owner leaves: the longest-serving admin, else member; ties by id.
pub fn successor<'a>(staying: impl IntoIterator<Item = &'a Membership>) -> Option<UserId> {
    staying
        .into_iter()
        .filter_map(|row| row.role().map(|role| (std::cmp::Reverse(role), row.since, row.user)))
        .min()
        .map(|(_, _, user)| user)
}
