//! What `ok` carries: replies of the engine as fields of a frame or of a body.

use chat_core::command::{
    Changed, Done, EntriesPage, FriendsSince, HistoryPage, Presence, Sent, Summary, SyncState, Synced,
};
use chat_core::command::{Friend, Member};
use chat_core::store::Window;
use chat_core::{Command, ConversationId, Entry, Message, Page, Profile, Reply, Seq, Timestamp, UserId};
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value as Schema, json};

use super::buffer::size;
use super::fit::Fit;
use super::show::{Empty, Model, Show, Shown, shown};
use crate::cursor::{Binding, Key, List};

/// What of a command its answer depends on: kept beside the command while it is carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The client's id of the request.
    pub(crate) id: u64,
    user: UserId,
    about: About,
}

#[derive(Clone, Copy, Debug)]
enum About {
    /// A list, whose cursors are bound so.
    List(Binding),
    /// A part of the history.
    History(Option<Window>),
    /// A conversation to be made.
    Creation,
    /// Something else.
    Other,
}

impl Asked {
    /// What of `command`, asked by `user` under this id, its answer depends on.
    pub(crate) fn new(id: u64, user: UserId, command: &Command) -> Self {
        let list = |list| About::List(Binding::new(user, &list));
        let about = match command {
            Command::Friends { filter, .. } => list(List::Friends(*filter)),
            Command::Conversations { .. } => list(List::Conversations),
            Command::Members { conversation, .. } => list(List::Members(*conversation)),
            Command::Search { query, .. } => list(List::Found(query)),
            Command::History { window, .. } => About::History(*window),
            Command::Create(_) => About::Creation,
            _ => About::Other,
        };
        Self { id, user, about }
    }

    /// What cursors of the answer are bound to; of an answer that has none it does not matter.
    fn binding(&self) -> Binding {
        match self.about {
            About::List(binding) => binding,
            _ => Binding::new(self.user, &List::Conversations),
        }
    }
}

/// Writes the fields that answer what was asked.
pub(crate) fn put<M: SerializeMap>(
    reply: &Reply,
    asked: &Asked,
    fit: Fit,
    map: &mut M,
) -> Result<(), M::Error> {
    match reply {
        Reply::Pong { server_time } => Pong(*server_time).put(map),
        Reply::Synced(synced) => SyncAnswer::new(synced, asked.user, fit).put(map),
        Reply::Subscribed { head } => Subscribed(*head).put(map),
        Reply::Sent(sent) => sent.put(map),
        Reply::Message(message) => Amended(message).put(map),
        Reply::History(page) => HistoryView::new(page, asked, fit).put(map),
        Reply::Entries(page) => EntriesView::new(page, fit).put(map),
        Reply::Receipt(standpoint) => standpoint.put(map),
        Reply::Presence(presence) => Present(presence).put(map),
        Reply::Friendship(friend) => Befriended(friend).put(map),
        Reply::Friends(page) => Paged::new(page, &asked.binding(), |friend| friend.user.id, fit).put(map),
        Reply::Conversation(done) if matches!(asked.about, About::Creation) => Created(done).put(map),
        Reply::Conversation(done) => Conversed(&done.value).put(map),
        Reply::Conversations(page) => Paged::new(page, &asked.binding(), |summary| summary.id, fit).put(map),
        Reply::Members(page) => Paged::new(page, &asked.binding(), |member| member.user.id, fit).put(map),
        Reply::User(profile) => UserOrUsers::One(profile).put(map),
        Reply::Users(profiles) => UserOrUsers::Several(profiles).put(map),
        Reply::Found(page) => Paged::new(page, &asked.binding(), |profile| profile.id, fit).put(map),
        // `Done`, and what a later engine may answer that this format has no words for.
        _ => Empty.put(map),
    }
}

/// The server's time.
pub(crate) struct Pong(Timestamp);

/// Where a followed conversation stands.
pub(crate) struct Subscribed(Seq);

/// A message after a change.
pub(crate) struct Amended<'a>(&'a Message);

/// What is between oneself and another now.
pub(crate) struct Befriended<'a>(&'a Friend);

/// A conversation as it is now.
pub(crate) struct Conversed<'a>(&'a Summary);

/// A conversation that was made.
pub(crate) struct Created<'a>(&'a Done<Summary>);

/// Who is there.
pub(crate) struct Present<'a>(&'a [Presence]);

/// A profile, or several.
pub(crate) enum UserOrUsers<'a> {
    /// A profile.
    One(&'a Profile),
    /// Those that exist.
    Several(&'a [Profile]),
}

impl<'a> UserOrUsers<'a> {
    const fn one(&self) -> Option<&'a Profile> {
        if let Self::One(profile) = self { Some(*profile) } else { None }
    }

    const fn several(&self) -> Option<&'a [Profile]> {
        if let Self::Several(profiles) = self { Some(*profiles) } else { None }
    }
}

/// A part of a list.
pub(crate) struct Paged<'a, T> {
    items: &'a [T],
    next: Option<String>,
}

impl<'a, T: Show> Paged<'a, T> {
    fn new<K: Key>(page: &'a Page<T, K>, binding: &Binding, key: impl Fn(&T) -> K, fit: Fit) -> Self {
        let items = &page.items[fit.around(&page.items, 0)];
        let next = if items.len() < page.items.len() {
            items.last().map(|last| binding.cursor(&key(last)))
        } else {
            page.next.as_ref().map(|next| binding.cursor(next))
        };
        Self { items, next }
    }
}

/// A part of the messages.
pub(crate) struct HistoryView<'a> {
    items: &'a [Message],
    has_before: bool,
    has_after: bool,
}

impl<'a> HistoryView<'a> {
    fn new(page: &'a HistoryPage, asked: &Asked, fit: Fit) -> Self {
        let centre = match asked.about {
            About::History(Some(Window::After(_))) => 0,
            About::History(Some(Window::Around(seq))) => {
                page.items.iter().position(|message| message.seq >= seq).unwrap_or(page.items.len())
            }
            _ => page.items.len(),
        };
        let kept = fit.around(&page.items, centre);
        Self {
            has_before: page.has_before || kept.start > 0,
            has_after: page.has_after || kept.end < page.items.len(),
            items: &page.items[kept],
        }
    }
}

/// A part of the log.
pub(crate) struct EntriesView<'a> {
    items: &'a [Entry],
    head: Seq,
}

impl<'a> EntriesView<'a> {
    fn new(page: &'a EntriesPage, fit: Fit) -> Self {
        Self { items: &page.items[fit.around(&page.items, 0)], head: page.head }
    }
}

/// The answer to one part of a `sync`.
pub(crate) struct SyncAnswer<'a> {
    friends: FriendsView<'a>,
    conversations: States<'a>,
    new: Paged<'a, Summary>,
}

impl<'a> SyncAnswer<'a> {
    fn new(synced: &'a Synced, user: UserId, fit: Fit) -> Self {
        let friends = FriendsView::new(&synced.friends, user);
        let conversations = States(&synced.conversations);
        let fit = match fit {
            Fit::Whole => Fit::Whole,
            Fit::Within(bytes) => Fit::Within(bytes.saturating_sub(size(&friends) + size(&conversations))),
        };
        let new = Paged::new(&synced.new, &Binding::new(user, &List::New), |summary| summary.id, fit);
        Self { friends, conversations, new }
    }
}

/// What changed among one's friendships.
pub(crate) struct FriendsView<'a> {
    cursor: String,
    reset: bool,
    items: &'a [Friend],
}

impl<'a> FriendsView<'a> {
    fn new(since: &'a FriendsSince, user: UserId) -> Self {
        Self { cursor: friends_cursor(since.cursor, user), reset: since.reset, items: &since.items }
    }
}

/// The cursor of a position in one's friendships.
pub(crate) fn friends_cursor(position: u64, user: UserId) -> String {
    Binding::new(user, &List::FriendChanges).cursor(&position)
}

/// How named conversations stand, by id.
pub(crate) struct States<'a>(&'a [(ConversationId, SyncState)]);

impl Show for States<'_> {
    fn schema() -> Schema {
        json!({ "type": "object", "additionalProperties": SyncState::schema() })
    }

    fn show<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, state)| (Shown(id), Shown(state))))
    }
}

shown! {
    /// The server is there.
    "Pong": Pong as it {
        /// The server's time.
        server_time: Timestamp = it.0,
    }

    /// A conversation is followed.
    "Subscribed": Subscribed as it {
        /// Its last position.
        head: Seq = it.0,
    }

    /// A message is stored.
    "Sent": Sent as it {
        /// As it is now.
        message: &Message = &it.message,
        /// Whether it was there already.
        duplicate: bool = it.duplicate,
    }

    /// A message was changed or deleted.
    "Amended": Amended<'_> as it {
        /// As it is now.
        message: &Message = it.0,
    }

    /// What was done between two people.
    "Befriended": Befriended<'_> as it {
        /// As it is now.
        friendship: &Friend = it.0,
    }

    /// What was done to a conversation, or read of it.
    "Conversed": Conversed<'_> as it {
        /// As it is now.
        conversation: &Summary = it.0,
    }

    /// A conversation was made.
    "Created": Created<'_> as it {
        /// As it is now.
        conversation: &Summary = &it.0.value,
        /// Whether it was there already.
        duplicate: bool = it.0.changed == Changed::No,
    }

    /// Who is there.
    "Present": Present<'_> as it {
        /// Each of those asked for.
        presence: &[Presence] = it.0,
    }

    /// A profile, or several.
    "UserOrUsers": UserOrUsers<'_> as it {
        /// The one asked for.
        user: Option<&Profile> = it.one(),
        /// Those of the several asked for that exist.
        items: Option<&[Profile]> = it.several(),
    }

    /// A part of one's friends, requests and blocks.
    "FriendPage": Paged<'_, Friend> as it {
        /// In order of the other's id.
        items: &[Friend] = it.items,
        /// Where the list goes on; absent at its end.
        next: Option<&str> = it.next.as_deref(),
    }

    /// A part of one's conversations.
    "ConversationPage": Paged<'_, Summary> as it {
        /// In order of id.
        items: &[Summary] = it.items,
        /// Where the list goes on; absent at its end.
        next: Option<&str> = it.next.as_deref(),
    }

    /// A part of a conversation's members.
    "MemberPage": Paged<'_, Member> as it {
        /// In order of id.
        items: &[Member] = it.items,
        /// Where the list goes on; absent at its end.
        next: Option<&str> = it.next.as_deref(),
    }

    /// A part of the people found.
    "ProfilePage": Paged<'_, Profile> as it {
        /// In order of id.
        items: &[Profile] = it.items,
        /// Where the list goes on; absent at its end.
        next: Option<&str> = it.next.as_deref(),
    }

    /// A part of a conversation's messages.
    "MessagePage": HistoryView<'_> as it {
        /// In order of position, as they are now.
        items: &[Message] = it.items,
        /// Whether there are ones before that one may see.
        has_before: bool = it.has_before,
        /// Whether there are ones after.
        has_after: bool = it.has_after,
    }

    /// A part of a conversation's log.
    "EntryPage": EntriesView<'_> as it {
        /// In order of position, without holes.
        items: &[Entry] = it.items,
        /// The log's last position.
        head: Seq = it.head,
        /// Whether there are ones after these.
        has_after: bool = it.items.last().is_some_and(|last| last.seq < it.head),
    }

    /// How everything stands that the client named, and what it did not name.
    "Synced": SyncAnswer<'_> as it {
        /// What changed among one's friendships.
        friends: &FriendsView<'_> = &it.friends,
        /// How each named conversation stands, by id.
        conversations: &States<'_> = &it.conversations,
        /// Conversations that were not named.
        new: &Paged<'_, Summary> = &it.new,
    }

    /// What changed among one's friendships.
    "FriendChanges": FriendsView<'_> as it {
        /// Where to go on.
        cursor: &str = &it.cursor,
        /// Whether what was known is to be forgotten, and the list loaded.
        reset: bool = it.reset,
        /// As they are now.
        items: &[Friend] = it.items,
    }
}
