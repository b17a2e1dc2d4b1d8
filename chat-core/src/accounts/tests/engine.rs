//! Beside the engine of this crate: it sees the accounts as its directory and carries out what follows.

use super::*;
use crate::command::NewConversation;
use crate::conversation::Role;
use crate::delivery::{Ended, Open, Session};
use crate::engine::Chat;
use crate::event::Event;
use crate::friendship::Relation;
use crate::message::{ClientId, Draft, Text};
use crate::page::Limit;
use crate::store::FriendFilter;

impl World {
    /// An engine over the same store, and connected.
    async fn engine(&self) -> Chat {
        let chat = Chat::over(self.store.clone())
            .directory(Arc::new(self.accounts.clone()))
            .liveness(Arc::new(self.accounts.clone()))
            .clock(Arc::new(self.clock.clone()))
            .build()
            .await
            .unwrap();
        self.accounts.connect(Arc::new(chat.clone()));
        chat
    }
}

async fn befriend(chat: &Chat, one: UserId, two: UserId) {
    chat.actor(one).request_friend(two).await.unwrap();
    chat.actor(two).accept_friend(one).await.unwrap();
}

async fn open(chat: &Chat, tokens: &Tokens) -> Session {
    chat.open_with(Open::new(tokens.user.id).login(tokens.session)).await.unwrap()
}

async fn ended(session: &mut Session) -> Ended {
    loop {
        if let Err(ended) = session.next().await {
            return ended;
        }
    }
}

#[tokio::test]
async fn sockets_of_a_login_that_ends_here_are_closed() {
    let world = World::new();
    let [ada, bob] = [world.register("ada").await.user, world.register("bob").await.user];
    let (first, second) = (world.log_in("ada").await, world.log_in("ada").await);
    let chat = world.engine().await;
    let (mut closed, mut still_open) = (open(&chat, &first).await, open(&chat, &second).await);
    world.accounts.log_out(first.session).await.unwrap();
    assert_eq!(ended(&mut closed).await, Ended::Revoked);
    chat.actor(bob).request_friend(ada).await.unwrap();
    assert!(matches!(still_open.next().await, Ok(Event::Friendship(_))));
}

#[tokio::test]
async fn sockets_of_a_login_that_ended_on_another_node_are_closed_too() {
    let world = World::new();
    world.register("ada").await;
    let tokens = world.log_in("ada").await;
    let chat = world.engine().await;
    let mut session = open(&chat, &tokens).await;
    world.node(KEY).accounts.log_out(tokens.session).await.unwrap();
    let closed = ended(&mut session);
    tokio::pin!(closed);
    let ended = loop {
        tokio::select! {
            ended = &mut closed => break ended,
            () = tokio::task::yield_now() => world.clock.advance(Duration::from_secs(1)),
        }
    };
    assert_eq!(ended, Ended::Revoked);
}

#[tokio::test]
async fn whoever_deletes_himself_leaves_friends_and_groups_and_his_messages_stay() {
    let world = World::new();
    let [ada, bob, cleo] = ["ada", "bob", "cleo"];
    let [ada, bob, cleo] = [world.register(ada).await, world.register(bob).await, world.register(cleo).await]
        .map(|account| account.user);
    let chat = world.engine().await;
    befriend(&chat, ada, bob).await;
    befriend(&chat, ada, cleo).await;
    let dora = world.register("dora").await.user;
    chat.actor(ada).request_friend(dora).await.unwrap();
    let group = NewConversation::group(ClientId::new("group").unwrap(), [bob, cleo]);
    let group = chat.actor(ada).create(group).await.unwrap().value.id;
    chat.actor(ada).send(group, Draft::text("farewell").unwrap()).await.unwrap();
    chat.actor(ada).send_to(bob, Draft::text("farewell").unwrap()).await.unwrap();

    world.accounts.delete(ada, &PASSWORD.into()).await.unwrap();
    let swept = world.accounts.sweep().await.unwrap();
    assert_eq!(swept, Swept { accounts_deleted: 1, ..Swept::default() });

    for user in [bob, cleo, dora] {
        let friends = chat.actor(user).friends(FriendFilter::All, None, Limit::MAX).await.unwrap();
        assert!(friends.items.iter().all(|friend| friend.view.relation == Relation::None), "{friends:?}");
    }
    let members = chat.actor(bob).members(group, None, Limit::MAX).await.unwrap().items;
    let mut members: Vec<_> = members.iter().map(|member| (member.user.id, member.role)).collect();
    members.sort_unstable();
    assert_eq!(members.iter().map(|(user, _)| *user).collect::<Vec<_>>(), [bob, cleo]);
    assert_eq!(members.iter().filter(|(_, role)| *role == Role::Owner).count(), 1);
    let listed = chat.actor(bob).conversations(None, Limit::MAX).await.unwrap().items;
    assert_eq!(listed.len(), 2);
    for conversation in listed {
        let text = conversation.last_message.and_then(|message| message.content.text);
        assert_eq!(text.as_ref().map(Text::as_str), Some("farewell"));
    }
    assert_eq!(refused(chat.actor(bob).request_friend(ada).await).0, "not_found");
}

#[tokio::test]
async fn leaving_can_be_repeated_and_does_not_stumble_over_others_who_left() {
    let world = World::new();
    let [ada, bob] = [world.register("ada").await.user, world.register("bob").await.user];
    let chat = world.engine().await;
    befriend(&chat, ada, bob).await;
    for user in [ada, bob] {
        world.accounts.delete(user, &PASSWORD.into()).await.unwrap();
    }
    chat.leave(ada).await.unwrap();
    let swept = world.accounts.sweep().await.unwrap();
    assert_eq!(swept, Swept { accounts_deleted: 2, ..Swept::default() });
}

#[tokio::test]
async fn what_is_disconnected_is_let_go() {
    let world = World::new();
    let user = world.register("ada").await.user;
    assert_eq!(Arc::strong_count(&world.host), 2);
    world.accounts.disconnect();
    assert_eq!(Arc::strong_count(&world.host), 1);
    world.log_in("ada").await;
    world.accounts.end_all(user).await.unwrap();
    assert_eq!(world.host.take_ended(), []);
}
