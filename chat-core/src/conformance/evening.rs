//! An evening of four people, in which everything is done that a client can repeat: what cases live again and again,
//! each time with another failure, and compare in the end.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::failing::Faults;
use super::node::{client_id, draft};
use super::scene::user;
use crate::command::{NewConversation, Update};
use crate::conversation::Role;
use crate::delivery::Session;
use crate::engine::{ActingAs, Chat};
use crate::error::{ChatError, Refusal};
use crate::event::Event;
use crate::friendship::View;
use crate::id::{ConversationId, Seq, UserId};
use crate::message::{Edit, Patch};
use crate::page::Limit;
use crate::store::{FriendFilter, Store};
use crate::testing::ManualClock;

/// Four people, numbered from `base`, on a node whose line to the store may fail, and on the next one when it ends.
pub(super) struct Evening {
    pub(super) store: Arc<dyn Store>,
    pub(super) faults: Faults,
    clock: ManualClock,
    first: Chat,
    /// Where they go on when the first node has ended.
    second: OnceLock<Chat>,
    base: u64,
}

/// What one person sees of it in the end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sight {
    friends: Vec<(i128, View)>,
    pub(super) conversations: Vec<Place>,
}

/// A conversation as one of its members sees it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    name: Option<String>,
    role: Option<Role>,
    head: Seq,
    unread: u64,
    texts: Vec<Option<String>>,
    members: Vec<(i128, Role)>,
}

impl Evening {
    pub(super) async fn new(store: &Arc<dyn Store>, base: u64) -> Self {
        let (faults, clock) = (Faults::default(), ManualClock::default());
        let first = node(faults.over(Arc::clone(store)), &clock).await;
        let evening = Self { store: Arc::clone(store), faults, clock, first, second: OnceLock::new(), base };
        for other in [3, 4] {
            evening.actor(1).request_friend(evening.user(other)).await.unwrap();
            evening.actor(other).accept_friend(evening.user(1)).await.unwrap();
        }
        evening
    }

    pub(super) fn user(&self, number: u64) -> UserId {
        user(self.base + number)
    }

    /// The node that runs now.
    pub(super) fn chat(&self) -> &Chat {
        self.second.get().unwrap_or(&self.first)
    }

    /// Waits for the end of the only node, and starts another one, whose line is whole.
    async fn moves_on(&self) {
        if self.second.get().is_some() {
            std::future::pending::<()>().await;
        }
        self.faults.crashed().await;
        let second = node(Arc::clone(&self.store), &self.clock).await;
        assert!(self.second.set(second).is_ok(), "one thing is done at a time");
    }

    /// From now on nothing fails, and nobody waits for what has.
    pub(super) async fn is_whole(&self) {
        self.faults.mend();
        if self.faults.is_crashed() && self.second.get().is_none() {
            self.moves_on().await;
        }
    }

    fn actor(&self, number: u64) -> ActingAs {
        self.chat().actor(self.user(number))
    }

    /// Does something as a client does who repeats it, with the same `client_id`, until the store has answered; at
    /// another node, when the first one ends.
    async fn until_answered<T>(&self, call: impl AsyncFn() -> Result<T, ChatError>) -> Result<T, Refusal> {
        // One call is lost, or one node, so one repeat is enough.
        for _ in 0..2 {
            let answer = tokio::select! {
                answer = call() => answer,
                () = self.moves_on() => continue,
            };
            match answer {
                Ok(value) => return Ok(value),
                Err(ChatError::Refused(refusal)) => return Err(refusal),
                Err(ChatError::Unavailable(_)) => {}
                Err(other) => panic!("a lost call became {other:?}"),
            }
        }
        panic!("one lost call failed twice")
    }

    async fn say(&self, by: u64, to: ConversationId, text: &str) -> Seq {
        self.until_answered(async || self.actor(by).send(to, draft(text)).await).await.unwrap().message.seq
    }

    async fn create(&self, by: u64, new: NewConversation) -> ConversationId {
        self.until_answered(async || self.actor(by).create(new.clone()).await).await.unwrap().value.id
    }

    /// Leaves; who finds himself outside already has left.
    async fn leave(&self, by: u64, id: ConversationId) {
        let left = self.until_answered(async || self.actor(by).leave(id, None).await).await;
        assert!(matches!(left, Ok(_) | Err(Refusal::NotFound | Refusal::Forbidden)), "{left:?}");
    }

    pub(super) async fn live(&self) {
        self.meet_and_talk().await;
        self.run_a_group().await;
        self.visit_a_channel().await;
        self.until_answered(async || self.actor(1).block(self.user(2)).await).await.unwrap();
        let refused =
            self.until_answered(async || self.actor(2).send_to(self.user(1), draft("unheard")).await).await;
        assert_eq!(refused.unwrap_err(), Refusal::NotAccepted { field: "" });
    }

    async fn meet_and_talk(&self) {
        let (one, two) = (|| self.actor(1), || self.actor(2));
        self.until_answered(async || two().request_friend(self.user(1)).await).await.unwrap();
        self.until_answered(async || one().accept_friend(self.user(2)).await).await.unwrap();
        let first = self
            .until_answered(async || one().send_to(self.user(2), draft("first")).await)
            .await
            .unwrap()
            .message;
        let id = first.conversation;
        let second = self.say(2, id, "second").await;
        self.say(1, id, "third").await;
        let edit = || Edit::text("second, edited").unwrap();
        self.until_answered(async || two().edit(id, second, edit(), Some(client_id("edit"))).await)
            .await
            .unwrap();
        self.until_answered(async || one().delete(id, first.seq, Some(client_id("delete"))).await)
            .await
            .unwrap();
        self.until_answered(async || two().report(id, Some(second), None).await).await.unwrap();
    }

    async fn run_a_group(&self) {
        let (one, three) = (|| self.actor(1), || self.actor(3));
        let new = NewConversation::group(client_id("group"), [self.user(2), self.user(3)]);
        let id = self.create(1, new.named("group")).await;
        self.until_answered(async || one().add(id, vec![self.user(4)], Some(client_id("add"))).await)
            .await
            .unwrap();
        self.until_answered(async || {
            one().set_role(id, self.user(3), Role::Admin, Some(client_id("role"))).await
        })
        .await
        .unwrap();
        self.say(3, id, "hello").await;
        let update = || Update { name: Patch::Set("renamed".to_owned()), ..Update::default() };
        self.until_answered(async || three().update(id, update(), Some(client_id("rename"))).await)
            .await
            .unwrap();
        self.until_answered(async || three().remove(id, self.user(4), Some(client_id("remove"))).await)
            .await
            .unwrap();
        self.leave(2, id).await;
        let closing = NewConversation::group(client_id("closing"), [self.user(3), self.user(4)]);
        let closing = self.create(1, closing.named("closing")).await;
        let closed = self.until_answered(async || one().close(closing, Some(client_id("close"))).await).await;
        assert!(matches!(closed, Ok(_) | Err(Refusal::NotFound)), "{closed:?}");
    }

    async fn visit_a_channel(&self) {
        let id = self.create(3, NewConversation::channel(client_id("channel")).named("channel")).await;
        for visitor in [2, 4] {
            self.until_answered(async || self.actor(visitor).join(id, None).await).await.unwrap();
            self.say(visitor, id, &format!("hello from {visitor}")).await;
        }
        self.leave(4, id).await;
    }

    fn relative(&self, user: UserId) -> i128 {
        user.as_integer().unwrap() - i128::from(self.base)
    }

    async fn sight(&self, number: u64) -> Sight {
        let actor = self.actor(number);
        let friends = actor.friends(FriendFilter::All, None, Limit::MAX).await.unwrap().items;
        let mut conversations = Vec::new();
        for summary in actor.conversations(None, Limit::MAX).await.unwrap().items {
            let history = actor.history(summary.id, None, Limit::MAX).await.unwrap().items;
            let members = actor.members(summary.id, None, Limit::MAX).await.unwrap().items;
            conversations.push(Place {
                name: summary.name,
                role: summary.role,
                head: summary.head,
                unread: summary.standpoint.unread,
                texts: history.iter().map(|message| message.text().map(str::to_owned)).collect(),
                members: members.iter().map(|member| (self.relative(member.user.id), member.role)).collect(),
            });
        }
        conversations.sort_unstable();
        let friends = friends.iter().map(|friend| (self.relative(friend.user.id), friend.view)).collect();
        Sight { friends, conversations }
    }

    pub(super) async fn sights(&self) -> Vec<Sight> {
        let mut all = Vec::new();
        for number in 1..=4 {
            all.push(self.sight(number).await);
        }
        all
    }

    /// A device that was connected throughout is told of everything up to every head, in order, without a hole.
    pub(super) async fn assert_told(&self, mut session: Session) {
        self.chat().catch_up_now().await.unwrap();
        let mut missing = BTreeMap::new();
        for summary in self.actor(1).conversations(None, Limit::MAX).await.unwrap().items {
            missing.insert(summary.id, (Seq::ZERO, summary.head));
        }
        while missing.values().any(|(told, head)| told < head) {
            let event = tokio::select! {
                event = session.next() => event.unwrap(),
                // What could not be read is tried again after a while.
                () = tokio::task::yield_now() => {
                    self.clock.advance(std::time::Duration::from_secs(1));
                    continue;
                }
            };
            match event {
                Event::Entry(entry) => {
                    let Some((told, _)) = missing.get_mut(&entry.conversation) else { continue };
                    // The first one of a conversation says where it begins for this device.
                    let follows = *told == Seq::ZERO || entry.seq == told.next();
                    assert!(follows, "{} after {told} is not the next entry", entry.seq);
                    *told = entry.seq;
                }
                // What is new is told as a summary, and goes on after its head.
                Event::Conversation(summary) => {
                    if let Some((told, _)) = missing.get_mut(&summary.id) {
                        *told = summary.head.max(*told);
                    }
                }
                _ => {}
            }
        }
    }
}

/// A node over this store. Its clock stands still.
async fn node(store: Arc<dyn Store>, clock: &ManualClock) -> Chat {
    Chat::over(store).clock(Arc::new(clock.clone())).build().await.unwrap()
}
