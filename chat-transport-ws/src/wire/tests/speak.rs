//! Commands as a client writes them: the other way round than `parse`, and written apart from it.

use chat_core::command::{Destination, More, Typing, Who};
use chat_core::friendship::Action;
use chat_core::store::{FriendFilter, Window};
use chat_core::{ClientId, Command, Limit, Metadata, Patch, Query, Seq, Text, UserId};
use serde_json::{Map, Value, json};

use crate::cursor::{Binding, List};
use crate::wire::values::Word;

/// The frame by which `user` asks for `command`. Optional fields are written only where they say something.
pub(super) fn frame(id: u64, user: UserId, command: &Command) -> Value {
    let mut frame = Map::new();
    frame.insert("id".to_owned(), id.into());
    let (name, fields) = fields(user, command);
    frame.insert("type".to_owned(), name.into());
    frame.extend(fields.0);
    Value::Object(frame)
}

#[derive(Default)]
struct Said(Map<String, Value>);

impl Said {
    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    fn maybe<T: Into<Value>>(self, name: &str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    fn patch<T>(self, name: &str, patch: &Patch<T>, value: impl FnOnce(&T) -> Value) -> Self {
        match patch {
            Patch::Keep => self,
            Patch::Clear => self.with(name, Value::Null),
            Patch::Set(set) => self.with(name, value(set)),
        }
    }

    fn client_id(self, id: Option<&ClientId>) -> Self {
        self.maybe("client_id", id.map(ClientId::as_str))
    }

    fn seq(self, name: &str, seq: Option<Seq>) -> Self {
        self.maybe(name, seq.map(Seq::get))
    }

    fn who(self, who: &Who) -> Self {
        match who {
            Who::Id(user) => self.with("user", user.to_string()),
            Who::Username(name) => self.with("username", name.as_str()),
        }
    }

    fn limit(self, limit: Limit) -> Self {
        if limit == Limit::default() { self } else { self.with("limit", limit.get()) }
    }
}

fn ids<T: ToString>(ids: &[T]) -> Value {
    ids.iter().map(ToString::to_string).collect()
}

fn object(data: &Metadata) -> Value {
    Value::Object(data.as_object().clone())
}

fn fields(user: UserId, command: &Command) -> (&'static str, Said) {
    let said = Said::default();
    let in_conversation =
        |id: &chat_core::ConversationId| Said::default().with("conversation", id.to_string());
    let cursor = |list: &List<'_>, after: &UserId| Binding::new(user, list).cursor(after);
    match command {
        Command::Ping => ("ping", said),
        Command::Sync(_) | Command::Watch { .. } | Command::Unwatch { .. } => about_session(user, command),
        Command::Subscribe { conversation, after } => {
            ("subscribe", in_conversation(conversation).seq("after", *after))
        }
        Command::Unsubscribe { conversation } => ("unsubscribe", in_conversation(conversation)),
        Command::Friend { who, action } => (friend(*action), said.who(who)),
        Command::Friends { filter, after, limit } => {
            let state = (*filter != FriendFilter::All).then(|| filter.word());
            let cursor = after.map(|after| cursor(&List::Friends(*filter), &after));
            ("friend.list", said.maybe("state", state).maybe("cursor", cursor).limit(*limit))
        }
        Command::User { who } => ("user.get", said.who(who)),
        Command::Users { ids: users } => ("user.get", said.with("users", ids(users))),
        Command::Search { query, after, limit } => {
            let cursor = after.map(|after| cursor(&List::Found(query), &after));
            ("user.search", said.with("query", Query::as_str(query)).maybe("cursor", cursor).limit(*limit))
        }
        Command::Send { .. }
        | Command::Edit { .. }
        | Command::Delete { .. }
        | Command::History { .. }
        | Command::Receipt { .. }
        | Command::Typing { .. } => about_messages(command),
        other => about_conversations(user, other),
    }
}

fn about_session(user: UserId, command: &Command) -> (&'static str, Said) {
    let said = Said::default();
    match command {
        Command::Watch { users } => ("presence.watch", said.with("users", ids(users))),
        Command::Unwatch { users } => ("presence.unwatch", said.with("users", ids(users))),
        Command::Sync(sync) => {
            let friends = sync.friends.map(|at| Binding::new(user, &List::FriendChanges).cursor(&at));
            let next = sync.next.map(|next| Binding::new(user, &List::New).cursor(&next));
            let known: Map<String, Value> =
                sync.conversations.iter().map(|(id, seq)| (id.to_string(), seq.get().into())).collect();
            let said = said
                .maybe("epoch", sync.epoch.map(|epoch| epoch.to_string()))
                .maybe("friends", friends)
                .maybe("more", (sync.more == More::Yes).then_some(true))
                .maybe("next", next);
            ("sync", if known.is_empty() { said } else { said.with("conversations", known) })
        }
        other => panic!("{other:?} is not about a session"),
    }
}

fn about_messages(command: &Command) -> (&'static str, Said) {
    let in_conversation =
        |id: &chat_core::ConversationId| Said::default().with("conversation", id.to_string());
    match command {
        Command::Send { to, draft } => {
            let said = match to {
                Destination::Conversation(id) => in_conversation(id),
                Destination::User(user) => Said::default().with("to", user.to_string()),
            };
            let content = &draft.content;
            let mentions = (!content.mentions.is_empty()).then(|| ids(&content.mentions));
            let said = said
                .client_id(draft.client_id.as_ref())
                .maybe("text", content.text.as_ref().map(Text::as_str))
                .maybe("attachments", (!draft.attachments.is_empty()).then(|| ids(&draft.attachments)))
                .seq("reply_to", content.reply_to)
                .maybe("mentions", mentions)
                .maybe("metadata", content.metadata.as_ref().map(object));
            ("message.send", said)
        }
        Command::Edit { conversation, seq, edit, client_id } => {
            let said = in_conversation(conversation)
                .seq("seq", Some(*seq))
                .patch("text", &edit.text, |text| text.as_str().into())
                .patch("attachments", &edit.attachments, |files| ids(files))
                .patch("mentions", &edit.mentions, |users| ids(users))
                .patch("metadata", &edit.metadata, object)
                .seq("rev", edit.rev)
                .client_id(client_id.as_ref());
            ("message.edit", said)
        }
        Command::Delete { conversation, seq, client_id } => {
            let said = in_conversation(conversation).seq("seq", Some(*seq));
            ("message.delete", said.client_id(client_id.as_ref()))
        }
        Command::History { conversation, window, limit } => {
            let said = in_conversation(conversation).limit(*limit);
            let said = match window {
                None => said,
                Some(Window::Before(seq)) => said.seq("before", Some(*seq)),
                Some(Window::After(seq)) => said.seq("after", Some(*seq)),
                Some(Window::Around(seq)) => said.seq("around", Some(*seq)),
            };
            ("history", said)
        }
        Command::Receipt { conversation, read, delivered } => {
            ("receipt", in_conversation(conversation).seq("read", *read).seq("delivered", *delivered))
        }
        Command::Typing { conversation, typing } => {
            ("typing", in_conversation(conversation).with("active", *typing == Typing::Active))
        }
        other => panic!("{other:?} is not about messages"),
    }
}

fn about_conversations(user: UserId, command: &Command) -> (&'static str, Said) {
    let said = Said::default();
    let of = |id: &chat_core::ConversationId| Said::default().with("conversation", id.to_string());
    let change = |id, client_id: &Option<ClientId>| of(id).client_id(client_id.as_ref());
    match command {
        Command::Create(new) => {
            let said = said
                .with("kind", new.kind.word())
                .client_id(Some(&new.client_id))
                .maybe("name", new.name.as_deref())
                .maybe("picture", new.picture.as_deref())
                .maybe("metadata", new.metadata.as_ref().map(object))
                .maybe("members", (!new.members.is_empty()).then(|| ids(&new.members)))
                .maybe("join", new.policy.join.map(Word::word))
                .maybe("read", new.policy.read.map(Word::word))
                .maybe("post", new.policy.post.map(Word::word))
                .maybe("history", new.history.map(Word::word));
            ("conversation.create", said)
        }
        Command::Update { conversation, update, client_id } => {
            let said = change(conversation, client_id)
                .patch("name", &update.name, |name| name.as_str().into())
                .patch("picture", &update.picture, |picture| picture.as_str().into())
                .patch("metadata", &update.metadata, object)
                .maybe("join", update.policy.join.map(Word::word))
                .maybe("read", update.policy.read.map(Word::word))
                .maybe("post", update.policy.post.map(Word::word));
            ("conversation.update", said)
        }
        Command::Conversation { conversation } => ("conversation.get", of(conversation)),
        Command::Conversations { after, limit } => {
            let cursor = after.map(|after| Binding::new(user, &List::Conversations).cursor(&after));
            ("conversation.list", said.maybe("cursor", cursor).limit(*limit))
        }
        Command::Members { conversation, after, limit } => {
            let list = List::Members(*conversation);
            let cursor = after.map(|after| Binding::new(user, &list).cursor(&after));
            ("conversation.members", of(conversation).maybe("cursor", cursor).limit(*limit))
        }
        Command::Join { conversation, client_id } => ("conversation.join", change(conversation, client_id)),
        Command::Leave { conversation, client_id } => ("conversation.leave", change(conversation, client_id)),
        Command::Close { conversation, client_id } => {
            ("conversation.delete", change(conversation, client_id))
        }
        Command::Add { conversation, users, client_id } => {
            ("conversation.add", change(conversation, client_id).with("users", ids(users)))
        }
        Command::Remove { conversation, user, client_id } => {
            ("conversation.remove", change(conversation, client_id).with("user", user.to_string()))
        }
        Command::SetRole { conversation, user, role, client_id } => {
            let said = change(conversation, client_id).with("user", user.to_string());
            ("conversation.set_role", said.with("role", role.word()))
        }
        other => panic!("{other:?} is no request of the socket"),
    }
}

fn friend(action: Action) -> &'static str {
    match action {
        Action::Request => "friend.request",
        Action::Accept => "friend.accept",
        Action::Reject => "friend.reject",
        Action::Cancel => "friend.cancel",
        Action::Remove => "friend.remove",
        Action::Block => "friend.block",
        Action::Unblock => "friend.unblock",
    }
}

#[test]
fn an_optional_field_that_says_nothing_is_not_written() {
    let frame =
        frame(1, UserId::from(1_u64), &Command::Conversations { after: None, limit: Limit::default() });
    assert_eq!(frame, json!({ "id": 1, "type": "conversation.list" }));
}
