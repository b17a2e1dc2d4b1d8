//! Laws over arbitrary input: nothing panics, and what is written is read.

use chat_core::command::{Destination, More, Sync, Typing, Who};
use chat_core::friendship::Action;
use chat_core::store::{FriendFilter, Window};
use chat_core::{
    ClientId, Command, Content, ConversationId, Draft, Edit, Limit, Metadata, Patch, Query, Relation, Role,
    Seq, Text, UserId,
};
use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::{samples, speak};
use crate::wire::requests::{Kind, REQUESTS};
use crate::wire::{Incoming, Request, parse};

fn seq() -> impl Strategy<Value = Seq> {
    prop_oneof![Just(0), Just((1_u64 << 53) - 1), 0..1_000_u64].prop_map(Seq::new)
}

fn user() -> impl Strategy<Value = UserId> {
    let external = any::<String>().prop_map(|key| UserId::from_external(&key));
    prop_oneof![any::<i64>().prop_map(UserId::from), any::<u64>().prop_map(UserId::from), external]
}

fn conversation() -> impl Strategy<Value = ConversationId> {
    any::<u128>().prop_map(|bits| Uuid::from_u128(bits).into())
}

fn limit() -> impl Strategy<Value = Limit> {
    (1..=200_u64).prop_map(|items| Limit::new(items).unwrap())
}

fn client_id() -> impl Strategy<Value = ClientId> {
    "[!-~]{1,64}".prop_map(|id| ClientId::new(id).unwrap())
}

fn text() -> impl Strategy<Value = Text> {
    any::<String>().prop_filter_map("no text", |text| Text::new(text).ok())
}

fn json(depth: u32) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Those that every parser reads exactly.
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 4.0)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(depth, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn metadata() -> impl Strategy<Value = Metadata> {
    prop::collection::btree_map(any::<String>(), json(5), 0..4)
        .prop_filter_map("no metadata", |map| Metadata::new(map.into_iter().collect()).ok())
}

fn patch<T: std::fmt::Debug + Clone>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Patch<T>> {
    prop_oneof![Just(Patch::Keep), Just(Patch::Clear), value.prop_map(Patch::Set)]
}

fn draft() -> impl Strategy<Value = Draft> {
    let optional =
        (prop::option::of(seq()), prop::collection::vec(user(), 0..3), prop::option::of(metadata()));
    (client_id(), text(), optional).prop_map(|(client_id, text, (reply_to, mentions, metadata))| {
        let mut content = Content::default();
        content.text = Some(text);
        content.reply_to = reply_to;
        content.mentions = mentions;
        content.metadata = metadata;
        Draft::new(content).client_id(client_id)
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let mentions = patch(prop::collection::vec(user(), 0..3));
    (patch(text()), mentions, patch(metadata()), prop::option::of(seq())).prop_map(
        |(text, mentions, metadata, rev)| {
            let mut edit = Edit::default();
            edit.text = text;
            edit.mentions = mentions;
            edit.metadata = metadata;
            edit.rev = rev;
            edit
        },
    )
}

fn sync() -> impl Strategy<Value = Sync> {
    let known = prop::collection::btree_map(conversation(), seq(), 0..5);
    let more = prop_oneof![Just(More::No), Just(More::Yes)];
    let epoch = prop::option::of(any::<u128>().prop_map(Uuid::from_u128));
    (epoch, prop::option::of(any::<u64>()), known, more, prop::option::of(conversation())).prop_map(
        |(epoch, friends, known, more, next)| Sync {
            epoch,
            friends,
            conversations: known.into_iter().collect(),
            more,
            next,
        },
    )
}

fn window() -> impl Strategy<Value = Option<Window>> {
    prop_oneof![
        Just(None),
        seq().prop_map(|seq| Some(Window::Before(seq))),
        seq().prop_map(|seq| Some(Window::After(seq))),
        seq().prop_map(|seq| Some(Window::Around(seq))),
    ]
}

fn filter() -> impl Strategy<Value = FriendFilter> {
    let relations = [Relation::None, Relation::Requested, Relation::Incoming, Relation::Friends];
    let mut filters = vec![FriendFilter::All, FriendFilter::Blocked];
    filters.extend(relations.map(FriendFilter::Relation));
    prop::sample::select(filters)
}

fn command() -> impl Strategy<Value = Command> {
    let to = prop_oneof![conversation().prop_map(Destination::from), user().prop_map(Destination::from)];
    let who = prop_oneof![user().prop_map(Who::Id), "[a-zäö ]{1,20}".prop_map(Who::Username)];
    let query = any::<String>()
        .prop_filter("controls", |text| !text.chars().any(char::is_control))
        .prop_filter_map("no query", |text| Query::new(&text));
    let role = prop::sample::select(vec![Role::Member, Role::Admin, Role::Owner]);
    let optional_id = || prop::option::of(client_id());
    let typing = prop_oneof![Just(Typing::Active), Just(Typing::Stopped)];
    prop_oneof![
        sync().prop_map(Command::Sync),
        (to, draft()).prop_map(|(to, draft)| Command::Send { to, draft }),
        (conversation(), seq(), edit(), optional_id()).prop_map(|(conversation, seq, edit, client_id)| {
            Command::Edit { conversation, seq, edit, client_id }
        }),
        (conversation(), window(), limit()).prop_map(|(conversation, window, limit)| Command::History {
            conversation,
            window,
            limit
        }),
        (conversation(), typing).prop_map(|(conversation, typing)| Command::Typing { conversation, typing }),
        (who, prop::sample::select(Action::ALL.to_vec()))
            .prop_map(|(who, action)| Command::Friend { who, action }),
        (filter(), prop::option::of(user()), limit()).prop_map(|(filter, after, limit)| Command::Friends {
            filter,
            after,
            limit
        }),
        (conversation(), prop::option::of(user()), limit())
            .prop_map(|(conversation, after, limit)| Command::Members { conversation, after, limit }),
        (query, prop::option::of(user()), limit()).prop_map(|(query, after, limit)| Command::Search {
            query,
            after,
            limit
        }),
        (conversation(), user(), role, optional_id()).prop_map(|(conversation, user, role, client_id)| {
            Command::SetRole { conversation, user, role, client_id }
        }),
        (conversation(), prop::collection::vec(user(), 0..4), optional_id())
            .prop_map(|(conversation, users, client_id)| Command::Add { conversation, users, client_id }),
    ]
}

proptest! {
    #[test]
    fn arbitrary_text_is_answered(text in any::<String>()) {
        let _ = parse(&text, None);
    }

    #[test]
    fn arbitrary_bytes_that_are_text_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&String::from_utf8_lossy(&bytes), Some(samples::user(samples::ANA)));
    }

    /// A request of a known type gets an answer with its id, whatever its fields are.
    #[test]
    fn arbitrary_fields_are_answered(
        kind in (0..REQUESTS.len()).prop_map(|at| REQUESTS[at].name),
        fields in prop::collection::btree_map(any::<String>(), json(6), 0..6),
        known in prop::collection::vec(json(3), 12),
        id in 0..1_u64 << 53,
    ) {
        let mut frame: serde_json::Map<String, Value> = fields.into_iter().collect();
        let fields = (Kind::named(kind).fields)();
        frame.extend(fields.iter().map(|field| field.name.to_owned()).zip(known));
        frame.insert("id".to_owned(), id.into());
        frame.insert("type".to_owned(), kind.into());
        let request = parse(&Value::Object(frame).to_string(), Some(samples::user(samples::ANA)));
        prop_assert_eq!(request.map(|request| request.id), Ok(id));
    }

    /// A good frame that was damaged in one place is answered.
    #[test]
    fn damaged_frames_are_answered(command in command(), at in any::<prop::sample::Index>(), with in any::<char>()) {
        let frame = speak::frame(7, samples::user(samples::ANA), &command).to_string();
        let mut chars: Vec<char> = frame.chars().collect();
        let at = at.index(chars.len());
        chars[at] = with;
        let _ = parse(&chars.into_iter().collect::<String>(), Some(samples::user(samples::ANA)));
    }

    #[test]
    fn what_is_written_is_read(command in command(), user in user(), id in 0..1_u64 << 53) {
        let frame = speak::frame(id, user, &command).to_string();
        let read = parse(&frame, Some(user));
        prop_assert_eq!(read, Ok(Request { id, what: Ok(Incoming::Command(command)) }));
    }
}
