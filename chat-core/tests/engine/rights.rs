//! Who may see and do what, tried by the side doors.

use std::sync::{Arc, Mutex};

use crate::common::*;
use chat_core::command::NewConversation;
use chat_core::delivery::{Inbound, Interest, Topic};
use chat_core::{Chat, Edit, History, MemoryStore, Notice, Notifier, UserId};

#[tokio::test]
async fn the_id_of_a_deleted_message_opens_no_other() {
    let chat = open_chat().await;
    let mut new = NewConversation::group(client_id("g"), [user(2), user(3)]);
    new.history = Some(History::FromJoin);
    let room = chat.actor(user(1)).create(new).await.unwrap().value.id;
    let secret = say(&chat, 1, room, "before his time").await;
    chat.actor(user(1)).add(room, vec![user(4)], None).await.unwrap();
    let late = chat.actor(user(4));
    let own = late.send(room, text("mine").client_id(client_id("c"))).await.unwrap().message.seq;
    late.delete(room, own, None).await.unwrap();
    let edit = late.edit(room, secret, Edit::text("x").unwrap(), Some(client_id("c"))).await;
    assert_eq!(code(edit), "client_id_reused");
    let delete = late.delete(room, secret, Some(client_id("c"))).await;
    assert_eq!(code(delete), "client_id_reused");
    let again = late.send(room, text("mine").client_id(client_id("c"))).await.unwrap();
    assert!(again.duplicate && again.message.deleted_at.is_some(), "its own repeat is one still");
}

#[tokio::test]
async fn an_edit_of_the_text_keeps_the_mentions() {
    let chat = open_chat().await;
    let room = group(&chat, &[1, 2, 3]).await;
    let sent = chat.actor(user(1)).send(room, text("@2").mentions([user(2)])).await.unwrap().message;
    chat.actor(user(1)).remove(room, user(3), None).await.unwrap();
    let edited = chat.actor(user(1)).edit(room, sent.seq, Edit::text("@2!").unwrap(), None).await.unwrap();
    assert_eq!(edited.content.mentions, [user(2)], "what is absent is unchanged");
}

#[tokio::test]
async fn too_large_an_edit_is_refused_before_it_waits() {
    let chat = open_chat().await;
    let room = group(&chat, &[1, 2, 3]).await;
    let seq = say(&chat, 1, room, "x").await;
    let long = "x".repeat(20_000);
    // Nobody may see the message; the shape is judged first all the same.
    let edit = chat.actor(user(9)).edit(room, seq, Edit::text(&long).unwrap(), None).await;
    assert_eq!(code(edit), "validation_failed");
}

/// Writes down what its node wants to be told of.
#[derive(Clone, Default)]
struct Wants(Arc<Mutex<Vec<(Topic, Interest)>>>);

impl Notifier for Wants {
    fn notify(&self, _notice: &Notice) {}

    fn interest(&self, topic: Topic, interest: Interest) {
        self.0.lock().unwrap().push((topic, interest));
    }

    fn attach(&self, _inbound: Inbound) {}
}

#[tokio::test]
async fn a_node_asks_for_what_concerns_the_people_it_serves() {
    let wants = Wants::default();
    let chat = Chat::builder(MemoryStore::new()).notifier(Arc::new(wants.clone())).build().await.unwrap();
    let person: UserId = user(1);
    let (one, two) = (device(&chat, 1).await, device(&chat, 1).await);
    drop(one);
    let on = (Topic::User(person), Interest::On);
    let heard = || wants.0.lock().unwrap().clone();
    assert_eq!(heard(), [on], "once for all his devices");
    drop(two);
    assert_eq!(heard(), [on, (Topic::User(person), Interest::Off)]);
}
