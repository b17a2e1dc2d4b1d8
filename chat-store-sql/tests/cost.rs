//! What users do costs what it is, not what was there before: the rows that a server reads for it, counted by the server
//! itself, are as many in a conversation of thousands of messages as in one of a hundred.
//!
//! Counted on tables that have just grown, as they do: what an index is good for is not known to the server yet.

#![cfg(all(feature = "postgres", feature = "mysql"))]
#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "common/servers.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod servers;

use std::collections::BTreeMap;
use std::future::Future;

use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::page::Limit;
use chat_core::store::{FriendFilter, Window};
use chat_core::{ActingAs, Chat, ChatError, ClientId, Draft, Edit, Tenant};

use servers::{Place, Server};

/// Messages before, and after.
const FEW: usize = 100;
const MANY: usize = 4_000;

/// Pairs of others who become friends and say something, too.
const OTHERS: usize = 150;

/// How many more rows may be read where there are more: keys that are looked at on the way.
const SLACK: i64 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn postgres_reads_no_more_where_there_is_more() {
    reads_no_more_where_there_is_more(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_reads_no_more_where_there_is_more() {
    reads_no_more_where_there_is_more(Server::MySql).await;
}

async fn reads_no_more_where_there_is_more(server: Server) {
    let Some(place) = server.place().await else { return };
    // From now on it is counted.
    place.rows_read().await;
    let conversation = between_two(&place).await;
    talk(&place, conversation, 0..FEW).await;
    let few = costs(&place, conversation, "few").await;
    talk(&place, conversation, FEW..MANY).await;
    others(&place).await;
    let many = costs(&place, conversation, "many").await;
    assert!(few.iter().all(|(_, rows)| rows.values().sum::<i64>() > 0), "nothing is counted: {few:?}");
    for ((what, few), (_, many)) in few.iter().zip(&many) {
        let before = |table: &String| few.get(table).copied().unwrap_or(0);
        let dearer: Vec<_> = many.iter().filter(|(table, rows)| **rows > before(table) + SLACK).collect();
        assert!(dearer.is_empty(), "{what} reads {dearer:?} among {MANY} messages, {few:?} among {FEW}");
    }
}

/// Rows of each table or index.
type Rows = BTreeMap<String, i64>;

fn user(number: u64) -> UserId {
    UserId::from(number)
}

/// The same whenever it is said.
fn said(number: usize) -> Draft {
    draft(&format!("said-{number}"))
}

fn draft(client_id: &str) -> Draft {
    Draft::text(client_id).unwrap().client_id(ClientId::new(client_id).unwrap())
}

/// Two friends and what they have said to each other.
async fn between_two(place: &Place) -> ConversationId {
    let store = place.open().await;
    let chat = Chat::over(store.of(Tenant::default())).build().await.unwrap();
    chat.actor(user(1)).request_friend(user(2)).await.unwrap();
    chat.actor(user(2)).accept_friend(user(1)).await.unwrap();
    let id = chat.actor(user(1)).direct(user(2)).await.unwrap().value.id;
    chat.shutdown().await;
    store.close().await;
    id
}

async fn talk(place: &Place, conversation: ConversationId, numbers: std::ops::Range<usize>) {
    let store = place.open().await;
    let chat = Chat::over(store.of(Tenant::default())).build().await.unwrap();
    let actor = chat.actor(user(1));
    let numbers: Vec<usize> = numbers.collect();
    for some in numbers.chunks(50) {
        let sent: Vec<_> = some.iter().map(|number| actor.send(conversation, said(*number))).collect();
        for one in sent {
            one.await.unwrap();
        }
    }
    chat.shutdown().await;
    store.close().await;
}

async fn others(place: &Place) {
    let store = place.open().await;
    let chat = Chat::over(store.of(Tenant::default())).build().await.unwrap();
    for number in (100..).step_by(2).take(OTHERS) {
        let [one, other] = [number, number + 1].map(user);
        chat.actor(one).request_friend(other).await.unwrap();
        chat.actor(other).accept_friend(one).await.unwrap();
        chat.actor(one).send_to(other, Draft::text("hello").unwrap()).await.unwrap();
    }
    chat.shutdown().await;
    store.close().await;
}

/// What each thing that users do reads; done by an engine of its own, whose connections are closed after it.
async fn costs(place: &Place, id: ConversationId, when: &str) -> Vec<(&'static str, Rows)> {
    let limit = Limit::new(20).unwrap();
    let head = head(place, id).await;
    let (recent, middle) = (Seq::new(head.get() - 10), Window::Around(Seq::new(head.get() / 2)));
    let costs = Costs(place);
    vec![
        ("send", costs.of(1, |me| me.send(id, draft(when))).await),
        ("repeat", costs.of(1, |me| me.send(id, said(3))).await),
        (
            "edit",
            costs
                .of(1, |me| async move { me.edit(id, recent, Edit::text("new").unwrap(), None).await })
                .await,
        ),
        ("delete", costs.of(1, |me| async move { me.delete(id, recent, None).await }).await),
        ("history", costs.of(2, |me| async move { me.history(id, None, limit).await }).await),
        ("history around", costs.of(2, |me| async move { me.history(id, Some(middle), limit).await }).await),
        ("entries", costs.of(2, |me| async move { me.entries(id, recent, limit).await }).await),
        ("report", costs.of(2, |me| async move { me.report(id, Some(recent), None).await }).await),
        ("conversations", costs.of(2, |me| async move { me.conversations(None, limit).await }).await),
        ("members", costs.of(2, |me| async move { me.members(id, None, limit).await }).await),
        ("friends", costs.of(2, |me| async move { me.friends(FriendFilter::All, None, limit).await }).await),
    ]
}

async fn head(place: &Place, id: ConversationId) -> Seq {
    let store = place.open().await;
    let head = store.of(Tenant::default()).talk().log().heads(&[id]).await.unwrap()[0].unwrap().head;
    store.close().await;
    head
}

/// Where it is counted.
struct Costs<'p>(&'p Place);

impl Costs<'_> {
    /// How many rows are read for what a user does. What an engine reads when it begins, all changes of the last
    /// seconds among it, is not counted.
    async fn of<T, F>(&self, who: u64, act: impl FnOnce(ActingAs) -> F) -> Rows
    where
        F: Future<Output = Result<T, ChatError>>,
    {
        let before = self.0.rows_read().await;
        let store = self.0.open().await;
        let chat = Chat::over(store.of(Tenant::default())).build().await.unwrap();
        act(chat.actor(user(who))).await.unwrap();
        chat.shutdown().await;
        store.close().await;
        let mut rows = self.0.rows_read().await;
        rows.retain(|table, _| !table.starts_with("chat_changes"));
        for (table, rows) in &mut rows {
            *rows -= before.get(table).copied().unwrap_or(0);
        }
        rows
    }
}
