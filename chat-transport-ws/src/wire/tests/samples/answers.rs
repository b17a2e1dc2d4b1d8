//! Every answer and every event.

use chat_core::command::{
    Changed, Done, EntriesPage, HistoryPage, Member, Peer, Presence, Sent, SyncPoint, SyncState, Synced,
    Typing,
};
use chat_core::event::{Event, FriendshipEvent, ReceiptEvent, Shared, TypingEvent};
use chat_core::store::FriendFilter;
use chat_core::{
    Changes, ClientId, Command, Entry, EntryId, History, Join, Limit, Page, Patch, Post, Query, Read, Reply,
    Role, What,
};
use serde_json::json;

use super::commands::{full_group, full_sync};
use super::{
    ANA, BO, ana, at, bo, client_id, conversation, deleted_message, direct, friend, friends_since,
    full_message, metadata, receipt, seq, standpoint, summary, user, uuid,
};

/// Every answer, by the name under which its frame is kept, with a command that it answers.
pub(in crate::wire::tests) fn replies() -> Vec<Sample> {
    [about_the_connection_and_messages(), about_people_and_conversations()].concat()
}

/// An answer under a name, with what it answers.
type Sample = (&'static str, Command, Reply);

fn about_the_connection_and_messages() -> Vec<Sample> {
    let one = conversation(1);
    let get = || Command::Conversation { conversation: one };
    let history = |window| Command::History { conversation: one, window, limit: Limit::default() };
    vec![
        ("nothing", Command::Unsubscribe { conversation: one }, Reply::Done),
        ("pong", Command::Ping, Reply::Pong { server_time: at(0) }),
        ("synced", Command::Sync(full_sync()), Reply::Synced(full_synced())),
        ("subscribed", get(), Reply::Subscribed { head: seq(9) }),
        ("sent", get(), Reply::Sent(Sent { message: full_message(), duplicate: false })),
        ("sent before", get(), Reply::Sent(Sent { message: deleted_message(), duplicate: true })),
        ("message", get(), Reply::Message(full_message())),
        (
            "history",
            history(None),
            Reply::History(HistoryPage {
                items: vec![full_message(), deleted_message()],
                has_before: true,
                has_after: false,
            }),
        ),
        (
            "entries",
            get(),
            Reply::Entries(EntriesPage {
                items: vec![entry(8, What::Closed), entry(9, What::Unreadable)],
                head: seq(9),
            }),
        ),
        ("receipt", get(), Reply::Receipt(standpoint())),
        (
            "presence",
            get(),
            Reply::Presence(vec![
                Presence { user: user(BO), online: true, last_seen: None },
                Presence { user: user(3), online: false, last_seen: Some(at(0)) },
            ]),
        ),
    ]
}

fn about_people_and_conversations() -> Vec<Sample> {
    let one = conversation(1);
    let get = || Command::Conversation { conversation: one };
    let done = |changed| Done { value: summary(), changed };
    vec![
        ("friendship", get(), Reply::Friendship(friend())),
        (
            "friends",
            Command::Friends { filter: FriendFilter::All, after: None, limit: Limit::default() },
            Reply::Friends(Page { items: vec![friend()], next: Some(bo().id) }),
        ),
        ("conversation", get(), Reply::Conversation(done(Changed::No))),
        ("created", Command::Create(full_group()), Reply::Conversation(done(Changed::Yes))),
        ("created before", Command::Create(full_group()), Reply::Conversation(done(Changed::No))),
        (
            "conversations",
            Command::Conversations { after: None, limit: Limit::default() },
            Reply::Conversations(Page { items: vec![summary(), direct()], next: Some(conversation(2)) }),
        ),
        (
            "members",
            Command::Members { conversation: one, after: None, limit: Limit::default() },
            Reply::Members(Page {
                items: vec![
                    Member { user: ana(), role: Role::Owner, since: at(0), receipt: Some(receipt()) },
                    Member { user: bo(), role: Role::Member, since: at(1), receipt: None },
                ],
                next: None,
            }),
        ),
        ("user", get(), Reply::User(bo())),
        ("users", get(), Reply::Users(vec![ana(), bo()])),
        (
            "found",
            Command::Search { query: Query::new("bo").unwrap(), after: None, limit: Limit::default() },
            Reply::Found(Page { items: vec![bo()], next: Some(bo().id) }),
        ),
    ]
}

fn full_synced() -> Synced {
    let peer = Peer { user: user(BO), receipt: receipt() };
    let point = |peer| SyncPoint { head: seq(9), standpoint: standpoint(), peer };
    Synced {
        friends: friends_since(),
        conversations: vec![
            (conversation(1), SyncState::Complete(point(None))),
            (conversation(2), SyncState::Reset(point(Some(peer)))),
            (conversation(3), SyncState::Gone),
        ],
        new: Page { items: vec![direct()], next: Some(conversation(2)) },
    }
}

pub(in crate::wire::tests) fn entry(number: u64, what: What) -> Entry {
    let id: EntryId = uuid(100 + u128::from(number)).into();
    let mut entry = Entry::new(id, conversation(1), seq(number), at(7), client_id(), what);
    entry.by = Some(user(ANA));
    entry
}

fn changes() -> Changes {
    let mut changes = Changes::default();
    changes.name = Patch::Set("Plans".to_owned());
    changes.picture = Patch::Clear;
    changes.metadata = Patch::Set(metadata());
    changes.join = Some(Join::Open);
    changes.read = Some(Read::Anyone);
    changes.post = Some(Post::Admins);
    changes.history = Some(History::All);
    changes
}

/// Every kind of entry.
fn entries() -> Vec<(&'static str, Entry)> {
    let users = || vec![user(BO)];
    let about = |number, target, what| {
        let mut entry = entry(number, what);
        entry.target = Some(seq(target));
        entry
    };
    let mut of_system = entry(12, What::Closed);
    of_system.by = None;
    of_system.client_id = ClientId::from(of_system.id);
    let mut created = Changes::default();
    created.name = Patch::Set("Plans".to_owned());
    vec![
        ("entry, message", entry(3, What::Message(full_message()))),
        ("entry, edited", about(5, 3, What::Edited(full_message()))),
        ("entry, deleted", about(6, 4, What::Deleted(deleted_message()))),
        ("entry, created", entry(1, What::Created { users: vec![user(ANA), user(BO)], changes: created })),
        ("entry, joined", entry(7, What::Joined { users: users() })),
        ("entry, left", entry(7, What::Left { users: users(), successor: None })),
        ("entry, left, with a successor", entry(7, What::Left { users: users(), successor: Some(user(3)) })),
        ("entry, removed", entry(8, What::Removed { users: users() })),
        ("entry, banned", entry(8, What::Banned { users: users() })),
        ("entry, unbanned", entry(8, What::Unbanned { users: users() })),
        ("entry, role_changed", entry(9, What::RoleChanged { users: users(), role: Role::Admin })),
        ("entry, updated", entry(10, What::Updated { changes: changes() })),
        ("entry, closed", of_system),
        ("entry, unreadable", entry(13, What::Unreadable)),
        ("entry, unknown", entry(14, What::Other { kind: 4_000, payload: Some(json!({ "a": 1 })) })),
        ("entry, unknown, without payload", entry(14, What::Other { kind: 4_000, payload: None })),
        ("entry, bare", about(15, 1, What::Bare { kind: chat_core::message::kind::EDITED })),
    ]
}

/// Every event, by the name under which its frame is kept.
pub(in crate::wire::tests) fn events() -> Vec<(&'static str, Event)> {
    let typing = |typing| {
        Event::Typing(Shared::new(TypingEvent { conversation: conversation(1), user: user(BO), typing }))
    };
    let receipt = ReceiptEvent { conversation: conversation(1), user: user(BO), receipt: receipt() };
    let presence = Presence { user: user(BO), online: false, last_seen: Some(at(0)) };
    let mut events: Vec<(&'static str, Event)> =
        entries().into_iter().map(|(name, entry)| (name, Event::Entry(Shared::new(entry)))).collect();
    events.extend([
        ("receipt", Event::Receipt(Shared::new(receipt))),
        ("typing", typing(Typing::Active)),
        ("typing, no more", typing(Typing::Stopped)),
        ("presence", Event::Presence(Shared::new(presence))),
        ("friendship", Event::Friendship(Shared::new(FriendshipEvent { cursor: 18, friend: friend() }))),
        ("conversation", Event::Conversation(Shared::new(direct()))),
        ("conversation, gone", Event::Gone(conversation(1))),
        ("reset", Event::Reset { conversation: conversation(1), head: seq(9) }),
    ]);
    events
}
