//! Every call lost once, in both ways: an evening of four people is lived again and again, each time with another call
//! to the store failing, and always ends the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::failing::{Faults, Loss};
use super::gated::Gates;
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

/// Does something as a client does who repeats it, with the same `client_id`, until the store has answered.
async fn until_answered<T, F>(call: impl Fn() -> F) -> Result<T, Refusal>
where
    F: Future<Output = Result<T, ChatError>>,
{
    // One call is lost, so one repeat is enough.
    for _ in 0..2 {
        match call().await {
            Ok(value) => return Ok(value),
            Err(ChatError::Refused(refusal)) => return Err(refusal),
            Err(ChatError::Unavailable(_)) => {}
            Err(other) => panic!("a lost call became {other:?}"),
        }
    }
    panic!("one lost call failed twice")
}

/// Four people, numbered from `base`, on a node whose line to the store may fail.
struct Evening {
    store: Arc<dyn Store>,
    faults: Faults,
    clock: ManualClock,
    chat: Chat,
    base: u64,
}

/// What one person sees of it in the end.
#[derive(Debug, PartialEq, Eq)]
struct Sight {
    friends: Vec<(i128, View)>,
    conversations: Vec<Place>,
}

/// A conversation as one of its members sees it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    name: Option<String>,
    role: Option<Role>,
    head: Seq,
    unread: u64,
    texts: Vec<Option<String>>,
    members: Vec<(i128, Role)>,
}

impl Evening {
    async fn new(store: &Arc<dyn Store>, base: u64) -> Self {
        let (faults, clock) = (Faults::default(), ManualClock::default());
        let chat = Chat::over(faults.over(Arc::clone(store))).clock(Arc::new(clock.clone()));
        let chat = chat.build().await.unwrap();
        let evening = Self { store: Arc::clone(store), faults, clock, chat, base };
        for other in [3, 4] {
            evening.actor(1).request_friend(evening.user(other)).await.unwrap();
            evening.actor(other).accept_friend(evening.user(1)).await.unwrap();
        }
        evening
    }

    fn user(&self, number: u64) -> UserId {
        user(self.base + number)
    }

    fn actor(&self, number: u64) -> ActingAs {
        self.chat.actor(self.user(number))
    }

    async fn say(&self, by: u64, to: ConversationId, text: &str) -> Seq {
        until_answered(|| self.actor(by).send(to, draft(text))).await.unwrap().message.seq
    }

    async fn create(&self, by: u64, new: NewConversation) -> ConversationId {
        let actor = self.actor(by);
        until_answered(|| actor.create(new.clone())).await.unwrap().value.id
    }

    /// Leaves; who finds himself outside already has left.
    async fn leave(&self, by: u64, id: ConversationId) {
        let actor = self.actor(by);
        let left = until_answered(|| actor.leave(id, None)).await;
        assert!(matches!(left, Ok(_) | Err(Refusal::NotFound | Refusal::Forbidden)), "{left:?}");
    }

    async fn live(&self) {
        self.meet_and_talk().await;
        self.run_a_group().await;
        self.visit_a_channel().await;
        let (one, two) = (self.actor(1), self.user(2));
        until_answered(|| one.block(two)).await.unwrap();
        let refused = until_answered(|| self.actor(2).send_to(self.user(1), draft("unheard"))).await;
        assert_eq!(refused.unwrap_err(), Refusal::NotAccepted { field: "" });
    }

    async fn meet_and_talk(&self) {
        let (one, two) = (self.actor(1), self.actor(2));
        until_answered(|| two.request_friend(self.user(1))).await.unwrap();
        until_answered(|| one.accept_friend(self.user(2))).await.unwrap();
        let first = until_answered(|| one.send_to(self.user(2), draft("first"))).await.unwrap().message;
        let id = first.conversation;
        let second = self.say(2, id, "second").await;
        self.say(1, id, "third").await;
        let edit = || Edit::text("second, edited").unwrap();
        until_answered(|| two.edit(id, second, edit(), Some(client_id("edit")))).await.unwrap();
        until_answered(|| one.delete(id, first.seq, Some(client_id("delete")))).await.unwrap();
        until_answered(|| two.report(id, Some(second), None)).await.unwrap();
    }

    async fn run_a_group(&self) {
        let (one, three) = (self.actor(1), self.actor(3));
        let new = NewConversation::group(client_id("group"), [self.user(2), self.user(3)]);
        let id = self.create(1, new.named("group")).await;
        until_answered(|| one.add(id, vec![self.user(4)], Some(client_id("add")))).await.unwrap();
        until_answered(|| one.set_role(id, self.user(3), Role::Admin, Some(client_id("role"))))
            .await
            .unwrap();
        self.say(3, id, "hello").await;
        let update = || Update { name: Patch::Set("renamed".to_owned()), ..Update::default() };
        until_answered(|| three.update(id, update(), Some(client_id("rename")))).await.unwrap();
        until_answered(|| three.remove(id, self.user(4), Some(client_id("remove")))).await.unwrap();
        self.leave(2, id).await;
        let closing = NewConversation::group(client_id("closing"), [self.user(3), self.user(4)]);
        let closing = self.create(1, closing.named("closing")).await;
        let closed = until_answered(|| one.close(closing, Some(client_id("close")))).await;
        assert!(matches!(closed, Ok(_) | Err(Refusal::NotFound)), "{closed:?}");
    }

    async fn visit_a_channel(&self) {
        let id = self.create(3, NewConversation::channel(client_id("channel")).named("channel")).await;
        for visitor in [2, 4] {
            let actor = self.actor(visitor);
            until_answered(|| actor.join(id, None)).await.unwrap();
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

    async fn sights(&self) -> Vec<Sight> {
        let mut all = Vec::new();
        for number in 1..=4 {
            all.push(self.sight(number).await);
        }
        all
    }

    /// A device that was connected throughout is told of everything up to every head, in order, without a hole.
    async fn assert_told(&self, mut session: Session) {
        self.chat.catch_up_now().await.unwrap();
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

/// One draft that the store cannot keep, in a lane and batch with others: it alone fails, the others keep their order.
pub async fn a_poison_draft_spoils_nothing_else(store: Arc<dyn Store>) {
    let (faults, gates) = (Faults::default(), Gates::default());
    let store = gates.over(faults.over(store));
    let chat = Chat::over(store).clock(Arc::new(ManualClock::default())).build().await.unwrap();
    let actor = chat.actor(user(1));
    for other in [2, 3] {
        actor.request_friend(user(other)).await.unwrap();
        chat.actor(user(other)).accept_friend(user(1)).await.unwrap();
    }
    faults.poison(client_id("poison"));
    // While the first is on its way to the store, the others gather into one batch of two lanes.
    let mut gate = gates.before("Log::append");
    let first = tokio::spawn(actor.send_to(user(2), draft("first")));
    gate.reached().await;
    let gathered = ["second", "poison", "third"].map(|text| actor.send_to(user(2), draft(text)));
    let elsewhere = actor.send_to(user(3), draft("elsewhere"));
    gate.open();
    first.await.unwrap().unwrap();
    let [second, poison, third] = gathered;
    let stored = [second.await, third.await].map(|sent| sent.unwrap().message.seq.get());
    assert_eq!(stored, [2, 3]);
    assert_eq!(poison.await.unwrap_err().code(), "internal");
    assert_eq!(elsewhere.await.unwrap().message.seq, Seq::new(1));
}

/// Whatever single call is lost, request or reply: who repeats gets what he asked for, exactly once, nothing is left
/// half done, and everybody sees the same in the end as if nothing had been lost.
pub async fn any_single_call(store: Arc<dyn Store>) {
    let undisturbed = Evening::new(&store, 0).await;
    let before = undisturbed.faults.calls();
    undisturbed.live().await;
    let calls = undisturbed.faults.calls() - before;
    let expected = undisturbed.sights().await;
    assert_eq!(expected[0].conversations.len(), 2, "the direct one and the group");

    let lost = (1..=calls).flat_map(|nth| Loss::ALL.map(|loss| (nth, loss)));
    for (round, (nth, loss)) in (1_u64..).zip(lost) {
        let evening = Evening::new(&store, round * 10).await;
        let session = evening.chat.open_with(crate::delivery::Open::new(evening.user(1))).await.unwrap();
        evening.faults.fail(nth, loss);
        evening.live().await;
        // How many calls there are depends a little on what runs beside: the last ones may not have come.
        evening.faults.mend();
        assert_eq!(evening.sights().await, expected, "call {nth} of {calls}: its {loss:?} was lost");
        assert_eq!(evening.store.people().friendships().unfenced(Limit::MAX).await.unwrap(), []);
        evening.assert_told(session).await;
        evening.chat.shutdown().await;
    }
}
