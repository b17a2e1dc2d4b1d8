//! Deleting an account, cut short at every call to the store in turn: the next sweep of another node finishes it.

use std::sync::Arc;

use crate::common::*;
use chat_core::accounts::{AccountOptions, Accounts, Keys, Login, PasswordCost, Registration};
use chat_core::conformance::{Faults, Loss};
use chat_core::store::{AccountState, FriendFilter};
use chat_core::{Chat, ConversationId, Device, Limit, MemoryStore, Policies, Relation, Role, Store, UserId};

const PASSWORD: &str = "correct horse";

/// A node: an engine and its accounts.
struct Node {
    chat: Chat,
    accounts: Accounts,
}

impl Node {
    async fn over(store: Arc<dyn Store>) -> Self {
        let keys = Keys::parse("one AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        let mut options = AccountOptions::new("https://chat.example.org");
        options.password_cost = PasswordCost::new(8, 1).unwrap();
        let accounts = Accounts::builder(Arc::clone(&store), keys, options).build();
        let mut policies = Policies::default();
        policies.set("group", "anyone").unwrap();
        let chat = Chat::over(store).policies(policies).directory(Arc::new(accounts.clone()));
        let chat = chat.build().await.unwrap();
        accounts.connect(Arc::new(chat.clone()));
        Self { chat, accounts }
    }

    async fn register(&self, username: &str) -> UserId {
        self.accounts.register(Registration::new(username, PASSWORD)).await.unwrap().user
    }

    async fn log_in(&self, username: &str) -> Result<(), &'static str> {
        let login = Login { name: username.to_owned(), password: PASSWORD.into() };
        self.accounts.log_in(login, Device::new("phone")).await.map(drop).map_err(|error| error.code())
    }

    /// Leaves nothing running.
    async fn end(self) {
        self.accounts.disconnect();
        self.chat.shutdown().await;
    }
}

/// Ada, who has a friend, an asker, a group of her own, a channel and two logins.
struct Scene {
    ada: UserId,
    others: [UserId; 3],
    group: ConversationId,
    channel: ConversationId,
}

impl Scene {
    async fn set(node: &Node) -> Self {
        let ada = node.register("ada").await;
        let others = [node.register("bob").await, node.register("cleo").await, node.register("dora").await];
        let [bob, cleo, dora] = others;
        let chat = &node.chat;
        chat.actor(ada).request_friend(bob).await.unwrap();
        chat.actor(bob).accept_friend(ada).await.unwrap();
        chat.actor(dora).request_friend(ada).await.unwrap();
        let new = chat_core::command::NewConversation::group(client_id("group"), [bob, cleo]);
        let group = chat.actor(ada).create(new).await.unwrap().value.id;
        chat.actor(ada).send(group, text("farewell")).await.unwrap();
        let channel = chat.system().ensure_channel("lobby").await.unwrap();
        chat.actor(ada).join(channel, None).await.unwrap();
        for _ in 0..2 {
            node.log_in("ada").await.unwrap();
        }
        Self { ada, others, group, channel }
    }

    /// Nothing is left of her but the name and what she wrote.
    async fn assert_gone(&self, node: &Node) {
        let [bob, cleo, dora] = self.others;
        let account = node.accounts.find("ada").await.unwrap().unwrap();
        assert_eq!((account.user, account.state), (self.ada, AccountState::Deleted));
        assert_eq!(node.accounts.sessions(self.ada).await.unwrap(), []);
        assert_eq!(node.log_in("ada").await, Err("unauthenticated"));
        assert_eq!(code(node.accounts.register(Registration::new("ada", PASSWORD)).await), "already_exists");
        for user in [bob, dora] {
            let friends = node.chat.actor(user).friends(FriendFilter::All, None, Limit::MAX).await.unwrap();
            assert!(friends.items.iter().all(|friend| friend.view.relation == Relation::None), "{friends:?}");
        }
        let members = node.chat.actor(bob).members(self.group, None, Limit::MAX).await.unwrap().items;
        let owners = members.iter().filter(|member| member.role == Role::Owner).count();
        let mut members: Vec<UserId> = members.iter().map(|member| member.user.id).collect();
        members.sort_unstable();
        assert_eq!((members, owners), (vec![bob, cleo], 1));
        let listed = node.chat.actor(bob).conversations(None, Limit::MAX).await.unwrap().items;
        let last = listed.iter().find(|one| one.id == self.group).and_then(|one| one.last_message.clone());
        let last = last.and_then(|message| message.content.text);
        assert_eq!(last.map(|text| text.as_str().to_owned()).as_deref(), Some("farewell"));
        let mine = node.chat.actor(self.ada).conversations(None, Limit::MAX).await.unwrap().items;
        assert!(mine.iter().all(|one| one.id != self.group && one.id != self.channel), "{mine:?}");
    }
}

/// Whether a node that ends at its `nth` call got so far.
async fn survives(nth: u64, loss: Loss) -> bool {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let healthy = Node::over(Arc::clone(&store)).await;
    let scene = Scene::set(&healthy).await;
    let faults = Faults::default();
    let dying = Node::over(faults.over(store)).await;
    faults.crash(nth, loss);
    let (password, accounts) = (PASSWORD.into(), dying.accounts.clone());
    let deletion = async {
        // What it answers before it ends, nobody may hear.
        let _ = accounts.delete(scene.ada, &password).await;
        let _ = accounts.sweep().await;
    };
    tokio::select! {
        () = deletion => {}
        () = faults.crashed() => {}
    }
    let has_crashed = faults.is_crashed();
    drop(dying);
    if healthy.accounts.me(scene.ada).await.is_ok() {
        // It ended before anything was deleted; she asks again.
        healthy.accounts.delete(scene.ada, &PASSWORD.into()).await.unwrap();
    }
    healthy.accounts.sweep().await.unwrap();
    scene.assert_gone(&healthy).await;
    healthy.end().await;
    has_crashed
}

#[tokio::test]
async fn a_deletion_is_finished_wherever_it_was_cut_short() {
    for loss in Loss::ALL {
        let mut nth = 1;
        while survives(nth, loss).await {
            nth += 1;
        }
        assert!(nth > 15, "it takes more calls than {nth}");
    }
}
