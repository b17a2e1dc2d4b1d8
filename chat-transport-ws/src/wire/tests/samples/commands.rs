//! Every request.

use chat_core::command::{Destination, More, NewConversation, PolicyPatch, Sync, Typing, Update, Who};
use chat_core::friendship::Action;
use chat_core::store::{FriendFilter, Window};
use chat_core::{
    Command, Draft, Edit, History, Join, Limit, Patch, Post, Query, Read, Relation, Role, Seq, UserId,
};

use super::{BO, client_id, content, conversation, metadata, seq, user, uuid};

/// Every request but `auth`, by the name under which its frame is kept.
pub(in crate::wire::tests) fn commands() -> Vec<Sample> {
    [about_the_connection(), about_messages(), about_people(), about_conversations()].concat()
}

/// A command under a name.
type Sample = (&'static str, Command);

fn about_the_connection() -> Vec<Sample> {
    let one = conversation(1);
    vec![
        ("ping", Command::Ping),
        ("sync", Command::Sync(full_sync())),
        ("sync, nothing known", Command::Sync(Sync::default())),
        ("subscribe", Command::Subscribe { conversation: one, after: Some(seq(3)) }),
        ("unsubscribe", Command::Unsubscribe { conversation: one }),
        ("presence.watch", Command::Watch { users: vec![user(BO)] }),
        ("presence.unwatch", Command::Unwatch { users: vec![user(BO), user(3)] }),
    ]
}

fn about_messages() -> Vec<Sample> {
    let id = || Some(client_id());
    let one = conversation(1);
    vec![
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
    ]
}

fn about_people() -> Vec<Sample> {
    let who = || Who::Id(user(BO));
    vec![
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

fn about_conversations() -> Vec<Sample> {
    let id = || Some(client_id());
    let one = conversation(1);
    vec![
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
    ]
}

pub(super) fn full_sync() -> Sync {
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
    Draft::new(full).client_id(client_id()).attachments([uuid(20).into(), uuid(21).into()])
}

fn full_edit() -> Edit {
    let mut edit = Edit::text("better").unwrap();
    edit.attachments = Patch::Set(vec![uuid(21).into()]);
    edit.mentions = Patch::Set(vec![user(BO)]);
    edit.metadata = Patch::Set(metadata());
    edit.rev = Some(seq(5));
    edit
}

fn clearing_edit() -> Edit {
    let mut edit = Edit::default();
    edit.text = Patch::Clear;
    edit.attachments = Patch::Clear;
    edit.mentions = Patch::Clear;
    edit.metadata = Patch::Clear;
    edit
}

pub(super) fn full_group() -> NewConversation {
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
