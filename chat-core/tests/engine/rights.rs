//! Who may see and do what, tried by the side doors.

use std::sync::{Arc, Mutex};

use crate::common::*;
use chat_core::command::NewConversation;
use chat_core::delivery::{Inbound, Interest, Topic};
use chat_core::testing::ManualClock;
use chat_core::{
    Chat, Command, Edit, Event, History, Limit, MemoryStore, Notice, Notifier, Policies, Reply, UserId,
};

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

#[tokio::test]
async fn who_shares_no_conversation_any_more_sees_nobody_come_or_go() {
    let clock = ManualClock::default();
    let mut policies = Policies::default();
    policies.set("direct", "anyone").unwrap();
    policies.set("group", "anyone").unwrap();
    let store = Arc::new(MemoryStore::new());
    let chat = Chat::over(store).policies(policies).clock(Arc::new(clock.clone())).build().await.unwrap();
    let room = group(&chat, &[1, 2, 3]).await;
    let mut removed = device(&chat, 2).await;
    let watched = device(&chat, 3).await;
    let watch = Command::Watch { users: vec![user(3)] };
    let Reply::Presence(now) = removed.handle(watch).await.unwrap() else { panic!("presence is answered") };
    assert!(now[0].online);
    chat.actor(user(1)).remove(room, user(2), None).await.unwrap();
    chat.settled().await;
    let mut told = Vec::new();
    let (mut gone, mut again) = (Some(watched), None);
    for round in 0..200 {
        if round == 50 {
            drop(gone.take());
        }
        if round == 100 {
            again = Some(device(&chat, 3).await);
        }
        clock.advance(std::time::Duration::from_millis(100));
        tokio::task::yield_now().await;
        while let Some(event) = removed.try_next() {
            if let Event::Presence(presence) = event {
                told.push((presence.online, presence.last_seen));
            }
        }
    }
    assert!(again.is_some() && told.iter().all(|(online, seen)| !online && seen.is_none()), "{told:?}");
    let page = chat.actor(user(2)).conversations(None, Limit::MAX).await.unwrap();
    assert!(page.items.is_empty());
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
    let always = (Topic::Nodes, Interest::On);
    assert_eq!(heard(), [always, on], "once for all his devices");
    drop(two);
    assert_eq!(heard(), [always, on, (Topic::User(person), Interest::Off)]);
}

#[tokio::test]
async fn who_may_not_write_does_not_type_either() {
    let chat = open_chat().await;
    let room = group(&chat, &[1, 2, 3]).await;
    let policy =
        chat_core::command::PolicyPatch { post: Some(chat_core::Post::Admins), ..Default::default() };
    let update = chat_core::command::Update { policy, ..Default::default() };
    chat.actor(user(1)).update(room, update, None).await.unwrap();
    let _connected = device(&chat, 2).await;
    let typing = chat_core::command::Typing::Active;
    assert_eq!(code(chat.actor(user(2)).typing(room, typing).await), "forbidden");
    assert_eq!(code(chat.actor(user(9)).typing(room, typing).await), "not_found");
    chat.actor(user(1)).typing(room, typing).await.unwrap();
}
