//! One of everything.

use chat_core::command::{
    Changed, Destination, Done, EntriesPage, Friend, FriendsSince, HistoryPage, Member, More,
    NewConversation, Peer, PolicyPatch, Presence, Sent, Standpoint, Summary, Sync, SyncPoint, SyncState,
    Synced, Typing, Update, Who,
};
use chat_core::event::{Event, FriendshipEvent, ReceiptEvent, Shared, TypingEvent};
use chat_core::friendship::{Action, View};
use chat_core::store::{FriendFilter, Window};
use chat_core::{
    Changes, ClientId, Command, Content, ConversationId, Draft, Edit, Entry, EntryId, History, Join, Kind,
    Limit, Message, Metadata, Page, Patch, Post, Profile, Query, Read, Receipt, Relation, Reply, Role, Seq,
    Text, Timestamp, UserId, What,
};
use serde_json::json;
use uuid::Uuid;

pub(super) const ANA: u64 = 1;
const BO: u64 = 2;

pub(super) fn user(number: u64) -> UserId {
    UserId::from(number)
}

/// A UUID of this last digit.
pub(super) fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | number)
}

pub(super) fn conversation(number: u128) -> ConversationId {
    uuid(number).into()
}

pub(super) fn seq(number: u64) -> Seq {
    Seq::new(number)
}

/// 2026-01-02T03:04:05.`millis`Z.
pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_767_323_045_000 + millis)
}

pub(super) fn client_id() -> ClientId {
    ClientId::new("c-1").unwrap()
}

fn metadata() -> Metadata {
    let object = json!({ "a/b": [1, { "~": null }] });
    Metadata::new(object.as_object().unwrap().clone()).unwrap()
}

fn ana() -> Profile {
    Profile::new(user(ANA)).username("ana").full_name("Ana \"A\" Example")
}

fn bo() -> Profile {
    let mut bo = Profile::new(UserId::from_external("bo@host")).username("bo");
    bo.picture = Some("/bo.png".to_owned());
    bo.external_id = Some("bo@host".to_owned());
    bo
}

pub(super) fn content(text: &str) -> Content {
    let mut content = Content::default();
    content.text = Some(Text::new(text).unwrap());
    content
}

pub(super) fn message(number: u64, content: Content) -> Message {
    let id: EntryId = uuid(100 + u128::from(number)).into();
    let mut message = Message::new(id, conversation(1), seq(number), client_id(), content, at(7));
    message.sender = Some(user(ANA));
    message
}

fn full_message() -> Message {
    let mut full = content("hello\n\t\"wörld\" 😀");
    full.reply_to = Some(seq(2));
    full.mentions = vec![user(BO), user(ANA)];
    full.metadata = Some(metadata());
    let mut message = message(3, full);
    message.rev = seq(5);
    message.edited_at = Some(at(8));
    message
}

fn deleted_message() -> Message {
    let mut message = message(4, Content::default());
    message.sender = None;
    message.rev = seq(6);
    message.deleted_at = Some(at(9));
    message
}

fn summary() -> Summary {
    let mut summary = Summary::new(conversation(1), Kind::Group, at(0));
    summary.name = Some("Plans".to_owned());
    summary.picture = Some("/plans.png".to_owned());
    summary.role = Some(Role::Owner);
    summary.head = seq(9);
    summary.standpoint = standpoint();
    summary.last_message = Some(full_message());
    summary.member_count = 3;
    summary.metadata = Some(metadata());
    summary
}

fn direct() -> Summary {
    let mut summary = Summary::new(conversation(2), Kind::Direct, at(0));
    summary.with = Some(bo());
    summary.role = Some(Role::Member);
    summary.member_count = 2;
    summary
}

fn standpoint() -> Standpoint {
    Standpoint { receipt: receipt(), unread: 4 }
}

fn receipt() -> Receipt {
    Receipt { read: seq(5), delivered: seq(7) }
}

fn friend() -> Friend {
    Friend { user: bo(), view: View { relation: Relation::Incoming, blocked: false }, at: at(1) }
}

fn friends_since() -> FriendsSince {
    FriendsSince { cursor: 17, reset: false, items: vec![friend()] }
}

/// Every request but `auth`, by the name under which its frame is kept.
pub(super) fn commands() -> Vec<(&'static str, Command)> {
    let id = || Some(client_id());
    let one = conversation(1);
    let who = || Who::Id(user(BO));
    vec![
        ("ping", Command::Ping),
        ("sync", Command::Sync(full_sync())),
        ("sync, nothing known", Command::Sync(Sync::default())),
        ("subscribe", Command::Subscribe { conversation: one, after: Some(seq(3)) }),
        ("unsubscribe", Command::Unsubscribe { conversation: one }),
        ("message.send", Command::Send { to: Destination::Conversation(one), draft: full_draft() }),
        (
            "message.send, to a user",
            Command::Send {
                to: Destination::User(user(BO)),
                draft: Draft::new(content("hi")).client_id(client_id()),
            },
        ),
        (
            "message.edit",
            Command::Edit { conversation: one, seq: seq(3), edit: full_edit(), client_id: id() },
        ),
        (
            "message.edit, clearing",
            Command::Edit { conversation: one, seq: seq(3), edit: clearing_edit(), client_id: None },
        ),
        ("message.delete", Command::Delete { conversation: one, seq: seq(3), client_id: id() }),
        ("history", Command::History { conversation: one, window: None, limit: Limit::default() }),
        (
            "history, before",
            Command::History { conversation: one, window: Some(Window::Before(seq(9))), limit: Limit::MAX },
        ),
        (
            "history, after",
            Command::History {
                conversation: one,
                window: Some(Window::After(Seq::ZERO)),
                limit: Limit::new(1).unwrap(),
            },
        ),
        (
            "history, around",
            Command::History {
                conversation: one,
                window: Some(Window::Around(Seq::MAX)),
                limit: Limit::default(),
            },
        ),
        ("receipt", Command::Receipt { conversation: one, read: Some(seq(5)), delivered: Some(seq(7)) }),
        ("typing", Command::Typing { conversation: one, typing: Typing::Active }),
        ("typing, no more", Command::Typing { conversation: one, typing: Typing::Stopped }),
        ("presence.watch", Command::Watch { users: vec![user(BO)] }),
        ("presence.unwatch", Command::Unwatch { users: vec![user(BO), user(3)] }),
        ("friend.request", Command::Friend { who: who(), action: Action::Request }),
        (
            "friend.request, by name",
            Command::Friend { who: Who::Username("bo".to_owned()), action: Action::Request },
        ),
        ("friend.accept", Command::Friend { who: who(), action: Action::Accept }),
        ("friend.reject", Command::Friend { who: who(), action: Action::Reject }),
        ("friend.cancel", Command::Friend { who: who(), action: Action::Cancel }),
        ("friend.remove", Command::Friend { who: who(), action: Action::Remove }),
        ("friend.block", Command::Friend { who: who(), action: Action::Block }),
        ("friend.unblock", Command::Friend { who: who(), action: Action::Unblock }),
        ("friend.list", Command::Friends { filter: FriendFilter::All, after: None, limit: Limit::default() }),
        (
            "friend.list, a state, onwards",
            Command::Friends {
                filter: FriendFilter::Relation(Relation::Incoming),
                after: Some(user(BO)),
                limit: Limit::MAX,
            },
        ),
        ("conversation.create", Command::Create(full_group())),
        ("conversation.create, a channel", Command::Create(NewConversation::channel(client_id()))),
        ("conversation.get", Command::Conversation { conversation: one }),
        ("conversation.list", Command::Conversations { after: Some(one), limit: Limit::MAX }),
        (
            "conversation.members",
            Command::Members { conversation: one, after: Some(user(BO)), limit: Limit::default() },
        ),
        (
            "conversation.update",
            Command::Update { conversation: one, update: full_update(), client_id: id() },
        ),
        (
            "conversation.update, clearing",
            Command::Update {
                conversation: one,
                update: Update {
                    name: Patch::Clear,
                    picture: Patch::Clear,
                    metadata: Patch::Clear,
                    policy: PolicyPatch::default(),
                },
                client_id: None,
            },
        ),
        ("conversation.join", Command::Join { conversation: one, client_id: id() }),
        ("conversation.leave", Command::Leave { conversation: one, client_id: None }),
        ("conversation.delete", Command::Close { conversation: one, client_id: None }),
        ("conversation.add", Command::Add { conversation: one, users: vec![user(BO)], client_id: id() }),
        ("conversation.remove", Command::Remove { conversation: one, user: user(BO), client_id: None }),
        (
            "conversation.set_role",
            Command::SetRole { conversation: one, user: user(BO), role: Role::Admin, client_id: id() },
        ),
        ("user.get", Command::User { who: who() }),
        ("user.get, by name", Command::User { who: Who::Username("bo".to_owned()) }),
        ("user.get, several", Command::Users { ids: vec![user(BO), UserId::from_external("x"), user(3)] }),
        (
            "user.search",
            Command::Search {
                query: Query::new("bo example").unwrap(),
                after: None,
                limit: Limit::default(),
            },
        ),
    ]
}

fn full_sync() -> Sync {
    Sync {
        epoch: Some(uuid(7)),
        friends: Some(17),
        conversations: vec![(conversation(1), seq(3)), (conversation(2), Seq::ZERO)],
        more: More::Yes,
        next: Some(conversation(2)),
    }
}

fn full_draft() -> Draft {
    let mut full = content(" verbatim \n");
    full.reply_to = Some(seq(2));
    full.mentions = vec![user(BO)];
    full.metadata = Some(metadata());
    Draft::new(full).client_id(client_id())
}

fn full_edit() -> Edit {
    let mut edit = Edit::text("better").unwrap();
    edit.mentions = Patch::Set(vec![user(BO)]);
    edit.metadata = Patch::Set(metadata());
    edit.rev = Some(seq(5));
    edit
}

fn clearing_edit() -> Edit {
    let mut edit = Edit::default();
    edit.text = Patch::Clear;
    edit.mentions = Patch::Clear;
    edit.metadata = Patch::Clear;
    edit
}

fn full_group() -> NewConversation {
    let mut group = NewConversation::group(client_id(), [user(BO), user(3)]).named("Plans");
    group.picture = Some("/plans.png".to_owned());
    group.metadata = Some(metadata());
    group.policy = PolicyPatch { join: Some(Join::Open), read: Some(Read::Anyone), post: Some(Post::Admins) };
    group.history = Some(History::FromJoin);
    group
}

fn full_update() -> Update {
    Update {
        name: Patch::Set("Plans".to_owned()),
        picture: Patch::Set("/plans.png".to_owned()),
        metadata: Patch::Set(metadata()),
        policy: PolicyPatch {
            join: Some(Join::Invite),
            read: Some(Read::Members),
            post: Some(Post::Members),
        },
    }
}

/// Every answer, by the name under which its frame is kept, with a command that it answers.
pub(super) fn replies() -> Vec<(&'static str, Command, Reply)> {
    let one = conversation(1);
    let get = || Command::Conversation { conversation: one };
    let history = |window| Command::History { conversation: one, window, limit: Limit::default() };
    let done = |changed| Done { value: summary(), changed };
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

pub(super) fn entry(number: u64, what: What) -> Entry {
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
pub(super) fn events() -> Vec<(&'static str, Event)> {
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

pub(super) fn me() -> Profile {
    ana()
}
