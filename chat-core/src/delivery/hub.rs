//! Who is connected to this node, and what is passed on to them.
//!
//! People are subscribed, not sessions: a session that follows everything live costs no memory per conversation. Locks
//! are taken in this order and never over an await: people → one person's topics → topics → one topic → one person's
//! sessions → one outbox.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::introduction::Introduction;
use super::notify::{self, Interest, Notice};
use super::outbox::{Ended, Lag, Outbox};
use super::person::Person;
use super::presence::PresenceBook;
use super::pump;
use super::topic::{Begin, Pump, Served, Topic};
use crate::conversation::Conversation;
use crate::engine::{Core, rows};
use crate::error::ChatError;
use crate::event::{Event, ReceiptEvent, Shared, TypingEvent};
use crate::friendship::Friendship;
use crate::id::{ConversationId, Pair, Seq, SessionId, UserId};
use crate::limits::Limits;
use crate::message::Entry;

/// Who is connected to this node, and what is passed on to them.
pub(crate) struct Hub {
    core: OnceLock<Weak<Core>>,
    runtime: Handle,
    topics: Mutex<HashMap<ConversationId, Arc<Topic>>>,
    people: Mutex<HashMap<UserId, Here>>,
    logins: Mutex<HashMap<SessionId, Vec<Arc<Outbox>>>>,
    connected: AtomicUsize,
    /// Conversations that were not served a moment ago.
    fresh: Mutex<Vec<Arc<Topic>>>,
    pub(super) presence: PresenceBook,
    pub(super) events_max: usize,
    receipt_members_max: u64,
    /// How many tasks read where conversations stand.
    settling: AtomicUsize,
    /// Whether everybody was compared with the store once, as is done at the start.
    #[cfg(feature = "testing")]
    pub(super) has_compared: std::sync::atomic::AtomicBool,
}

/// Somebody connected, and how many sessions hold him here.
struct Here {
    person: Arc<Person>,
    holders: usize,
}

/// What became of serving somebody a conversation.
#[must_use]
pub(super) enum Subscribed {
    /// It was not served before: its head may have moved since it was read.
    New(Arc<Topic>),
    /// He is served, or is not here any more.
    Known,
    /// He may be no member any more: that has to be read again.
    Stale,
}

impl Subscribed {
    pub(super) const fn is_stale(&self) -> bool {
        matches!(self, Self::Stale)
    }
}

/// Keeps somebody here for as long as it lives.
pub(super) struct Holding {
    hub: Arc<Hub>,
    pub(super) person: Arc<Person>,
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.hub.let_go(&self.person);
    }
}

impl Hub {
    pub(crate) fn new(limits: &Limits, runtime: Handle) -> Self {
        Self {
            core: OnceLock::new(),
            runtime,
            topics: Mutex::default(),
            people: Mutex::default(),
            logins: Mutex::default(),
            connected: AtomicUsize::new(0),
            fresh: Mutex::default(),
            presence: PresenceBook::default(),
            events_max: usize::try_from(limits.session_events_max).unwrap_or(usize::MAX).max(2),
            receipt_members_max: limits.receipt_members_max,
            settling: AtomicUsize::new(0),
            #[cfg(feature = "testing")]
            has_compared: std::sync::atomic::AtomicBool::default(),
        }
    }

    /// Ties the knot: what the hub starts needs the engine.
    pub(crate) fn attach(&self, core: &Arc<Core>) {
        let _ = self.core.set(Arc::downgrade(core));
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, work: impl FnOnce(Arc<Core>) -> F) {
        if let Some(core) = self.core.get().and_then(Weak::upgrade) {
            let tasks = core.tasks.clone();
            let (stop, work) = (core.stop.clone(), work(core));
            // Nothing of this is waited for when the chat ends, least of all a store that does not answer.
            tasks.spawn_on(async move { stop.run_until_cancelled(work).await }, &self.runtime);
        }
    }

    // People come and go.

    /// Holds somebody here, as one more of his sessions unless he has `most` already.
    pub(super) fn hold(self: &Arc<Self>, user: UserId, most: u64) -> Option<Holding> {
        let mut people = lock(&self.people);
        let here =
            people.entry(user).or_insert_with(|| Here { person: Arc::new(Person::new(user)), holders: 0 });
        if here.holders as u64 >= most {
            return None;
        }
        here.holders += 1;
        if here.holders == 1 {
            self.interest(notify::Topic::User(user), Interest::On);
        }
        Some(Holding { hub: Arc::clone(self), person: Arc::clone(&here.person) })
    }

    fn let_go(&self, person: &Arc<Person>) {
        let topics = {
            let mut people = lock(&self.people);
            let Some(here) = people.get_mut(&person.id) else { return };
            here.holders -= 1;
            if here.holders > 0 {
                return;
            }
            people.remove(&person.id);
            self.interest(notify::Topic::User(person.id), Interest::Off);
            lock(&person.topics).take()
        };
        for topic in topics.into_iter().flatten() {
            topic.unsubscribe(person);
            self.tidy(&topic);
        }
    }

    /// Begins to pass events on to a session.
    pub(super) fn connect(&self, person: &Arc<Person>, outbox: &Arc<Outbox>) {
        self.connected.fetch_add(1, Ordering::Relaxed);
        let first = {
            let mut outboxes = lock(&person.outboxes);
            outboxes.push(Arc::clone(outbox));
            outboxes.len() == 1
        };
        if let Some(login) = outbox.login {
            lock(&self.logins).entry(login).or_default().push(Arc::clone(outbox));
        }
        if first {
            self.presence.moved(person.id);
        }
    }

    /// Ends it.
    pub(super) fn disconnect(&self, person: &Arc<Person>, outbox: &Arc<Outbox>) {
        self.connected.fetch_sub(1, Ordering::Relaxed);
        let last = {
            let mut outboxes = lock(&person.outboxes);
            outboxes.retain(|one| !Arc::ptr_eq(one, outbox));
            outboxes.is_empty()
        };
        if let Some(login) = outbox.login {
            let mut logins = lock(&self.logins);
            if let Some(sessions) = logins.get_mut(&login) {
                sessions.retain(|one| !Arc::ptr_eq(one, outbox));
                if sessions.is_empty() {
                    logins.remove(&login);
                }
            }
        }
        if last {
            self.presence.moved(person.id);
        }
    }

    pub(super) fn person(&self, user: UserId) -> Option<Arc<Person>> {
        lock(&self.people).get(&user).map(|here| Arc::clone(&here.person))
    }

    pub(super) fn everybody(&self) -> Vec<Arc<Person>> {
        lock(&self.people).values().map(|here| Arc::clone(&here.person)).collect()
    }

    pub(super) fn is_online(&self, user: UserId) -> bool {
        self.person(user).is_some_and(|person| !lock(&person.outboxes).is_empty())
    }

    /// How many sessions are connected.
    pub(crate) fn connected(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }

    /// Every login that has a session here.
    pub(super) fn logins(&self) -> Vec<SessionId> {
        lock(&self.logins).keys().copied().collect()
    }

    /// Those of some logins that have a session here.
    pub(super) fn are_here(&self, logins: &[SessionId]) -> Vec<SessionId> {
        let here = lock(&self.logins);
        logins.iter().copied().filter(|login| here.contains_key(login)).collect()
    }

    pub(crate) fn end_session(&self, login: SessionId, why: Ended) {
        let sessions = lock(&self.logins).get(&login).cloned().unwrap_or_default();
        for outbox in sessions {
            outbox.end(why);
        }
    }

    pub(crate) fn end_all(&self, why: Ended) {
        for person in self.everybody() {
            person.each(|outbox| outbox.end(why));
        }
    }

    // Conversations are served while somebody is here for them.

    pub(super) fn topic(&self, id: ConversationId) -> Option<Arc<Topic>> {
        lock(&self.topics).get(&id).cloned()
    }

    /// Conversations that have come to be served since the last time.
    pub(super) fn fresh(&self) -> Vec<Arc<Topic>> {
        std::mem::take(&mut *lock(&self.fresh))
    }

    /// Every conversation served.
    pub(super) fn served(&self) -> Vec<Arc<Topic>> {
        lock(&self.topics).values().cloned().collect()
    }

    /// Serves somebody a conversation that he was a member of at its head as it is given.
    pub(super) fn subscribe(&self, person: &Arc<Person>, served: Served, visible_from: Seq) -> Subscribed {
        self.take_on(person, served, |topic| topic.subscribe(person, served.head, visible_from))
    }

    /// The same where it is new to him, and tells his sessions.
    pub(super) fn introduce(
        &self,
        person: &Arc<Person>,
        served: Served,
        how: &Introduction<'_>,
    ) -> Subscribed {
        self.take_on(person, served, |topic| topic.introduce(person, served.head, how))
    }

    fn take_on(&self, person: &Arc<Person>, served: Served, join: impl FnOnce(&Topic) -> bool) -> Subscribed {
        let mut own = lock(&person.topics);
        // Who went meanwhile is not served: he would stand in the way of the one who has come back.
        let Some(own) = own.as_mut() else { return Subscribed::Known };
        let mut is_member = false;
        let (topic, new) = self.serve(served, |topic| {
            is_member = join(topic);
        });
        if !is_member {
            return Subscribed::Stale;
        }
        if !own.iter().any(|one| Arc::ptr_eq(one, &topic)) {
            own.push(Arc::clone(&topic));
        }
        if new { Subscribed::New(topic) } else { Subscribed::Known }
    }

    /// Serves a session a conversation it is no member of.
    pub(super) fn add_reader(&self, served: Served, outbox: &Arc<Outbox>) -> (Arc<Topic>, bool) {
        self.serve(served, |topic| topic.add_reader(outbox))
    }

    /// Forgets a conversation that serves nobody.
    pub(super) fn tidy(&self, topic: &Arc<Topic>) {
        let mut topics = lock(&self.topics);
        let same = topics.get(&topic.id).is_some_and(|one| Arc::ptr_eq(one, topic));
        if same && topic.is_idle() {
            topics.remove(&topic.id);
            self.interest(notify::Topic::Conversation(topic.id), Interest::Off);
        }
    }

    /// The topic of a conversation, and whether it was not served before.
    fn serve(&self, served: Served, join: impl FnOnce(&Arc<Topic>)) -> (Arc<Topic>, bool) {
        let mut topics = lock(&self.topics);
        let new = !topics.contains_key(&served.id);
        let topic = Arc::clone(topics.entry(served.id).or_insert_with(|| Arc::new(Topic::new(served))));
        join(&topic);
        if new {
            self.interest(notify::Topic::Conversation(served.id), Interest::On);
            lock(&self.fresh).push(Arc::clone(&topic));
        }
        drop(topics);
        (topic, new)
    }

    /// Says what this node wants to be told of; under the lock that decides it, so that it is said in order.
    fn interest(&self, topic: notify::Topic, interest: Interest) {
        if let Some(core) = self.core.get().and_then(Weak::upgrade) {
            core.notifier.interest(topic, interest);
        }
    }

    /// Somebody was taken off a conversation. He may have come again since.
    pub(super) fn departed(&self, person: &Arc<Person>, topic: &Arc<Topic>) {
        if let Some(own) = &mut *lock(&person.topics)
            && !topic.serves(person)
        {
            own.retain(|one| !Arc::ptr_eq(one, topic));
        }
        self.tidy(topic);
    }

    /// Members of a conversation that has just been made a shell: who is here follows it from its first entry.
    pub(crate) fn expect_members(&self, conversation: &Conversation, users: &[UserId]) {
        for person in users.iter().filter_map(|user| self.person(*user)) {
            if conversation.head > Seq::ZERO {
                // Another has made it at the same time, and has written already.
                self.memberships_moved(person.id);
                continue;
            }
            match self.introduce(&person, conversation.into(), &Introduction::empty(Seq::FIRST)) {
                Subscribed::Stale => self.memberships_moved(person.id),
                // Another may have written the first entry since it was read.
                Subscribed::New(topic) => drop(self.settle(vec![topic])),
                Subscribed::Known => {}
            }
        }
    }

    /// Reads where conversations stand that have come to be served since they were read: until it is done, whether it is
    /// waited for or not. Answers what came of the first attempt.
    pub(super) fn settle(&self, topics: Vec<Arc<Topic>>) -> oneshot::Receiver<Result<(), ChatError>> {
        let (tried, outcome) = oneshot::channel();
        self.settling.fetch_add(1, Ordering::Relaxed);
        self.spawn(|core| async move {
            super::refresh::settle(&core, &topics, tried).await;
            core.hub.settling.fetch_sub(1, Ordering::Relaxed);
        });
        outcome
    }

    /// Entries were committed by this node.
    pub(crate) fn committed(&self, conversation: &Conversation, entries: Vec<Entry>) {
        let Some(first) = entries.first() else { return };
        let before = first.seq.previous();
        self.spread_word(conversation, &entries);
        let served = Served { head: before, ..conversation.into() };
        if before == Seq::ZERO
            && let Some(pair) = conversation.pair
        {
            // The two of them are members before the first entry, and of no other is it known yet.
            for person in pair.both().iter().filter_map(|user| self.person(*user)) {
                let how = Introduction::empty(Seq::FIRST);
                if let Subscribed::Stale = self.introduce(&person, served, &how) {
                    self.memberships_moved(person.id);
                }
            }
        }
        let mut arrivals = entries.iter().flat_map(|entry| rows::comings_and_goings(&entry.what).0);
        // They are subscribed by the pump, when it comes to the entry that makes them members.
        let somebody_comes = arrivals.any(|user| self.person(*user).is_some());
        if somebody_comes {
            // Under the lock under which a conversation is forgotten that serves nobody: one that pumps is not.
            let mut pump = Pump::No;
            let (topic, _) = self.serve(served, |topic| pump = topic.add(entries, conversation.member_count));
            self.pump(&topic, pump);
        } else if let Some(topic) = self.topic(conversation.id) {
            let pump = topic.add(entries, conversation.member_count);
            self.pump(&topic, pump);
        }
    }

    fn spread_word(&self, conversation: &Conversation, entries: &[Entry]) {
        let Some(core) = self.core.get().and_then(Weak::upgrade) else { return };
        core.notifier.notify(&Notice::Head { conversation: conversation.id, seq: conversation.head });
        for entry in entries {
            let (arrived, gone) = rows::comings_and_goings(&entry.what);
            for user in arrived.iter().chain(gone) {
                core.notifier.notify(&Notice::Memberships(*user));
            }
        }
        if let (Some(pair), Some(first)) = (conversation.pair, entries.first())
            && first.seq == Seq::FIRST
        {
            pair.both().into_iter().for_each(|user| core.notifier.notify(&Notice::Memberships(user)));
        }
    }

    /// A position is known to exist.
    pub(super) fn raise(&self, topic: &Arc<Topic>, head: Seq) {
        let pump = topic.raise(head);
        self.pump(topic, pump);
    }

    pub(super) fn pump(&self, topic: &Arc<Topic>, pump: Pump) {
        if pump == Pump::Start {
            let topic = Arc::clone(topic);
            self.spawn(|core| pump::run(core, topic));
        }
    }

    /// The last position of a served conversation.
    pub(crate) fn head(&self, id: ConversationId) -> Option<Seq> {
        self.topic(id).map(|topic| topic.head())
    }

    /// Whether somebody is served here as a member.
    pub(crate) fn is_member_here(&self, id: ConversationId, user: UserId) -> bool {
        self.visible_from(id, user).is_some()
    }

    /// From where on somebody is served a conversation, as a member with a session here.
    pub(crate) fn visible_from(&self, id: ConversationId, user: UserId) -> Option<Seq> {
        self.topic(id)?.subscription(user)
    }

    /// Somebody's memberships changed outside their logs.
    pub(crate) fn memberships_moved(&self, user: UserId) {
        if let Some(person) = self.person(user)
            && lock(&person.moving).begin()
        {
            self.spawn(|core| async move { super::refresh::memberships(&core, &person).await });
        }
    }

    /// Somebody has hidden a direct conversation up to `visible_from`: it is gone, and what came since follows.
    pub(crate) fn hidden(&self, id: ConversationId, user: UserId, visible_from: Seq) {
        let (Some(person), Some(topic)) = (self.person(user), self.topic(id)) else { return };
        topic.hide(user, visible_from);
        for outbox in person.sessions() {
            outbox.offer_summary(id, &Event::Gone(id));
            if outbox.is_held() {
                outbox.forget(id);
            } else {
                topic.join(&outbox, Lag { next: visible_from, visible_from }, Begin::Anew);
            }
        }
    }

    /// Somebody is no member any more, outside the log.
    pub(crate) fn gone(&self, id: ConversationId, user: UserId) {
        let Some(person) = self.person(user) else { return };
        if let Some(topic) = self.topic(id) {
            topic.gone(&person);
            self.departed(&person, &topic);
        } else {
            person.each(|outbox| outbox.is_gone(id));
        }
    }

    /// Whether nothing is being passed on.
    #[cfg(feature = "testing")]
    pub(crate) fn is_quiet(&self) -> bool {
        let topics = || self.served().iter().all(|topic| topic.is_quiet());
        let is_quiet = |person: &Arc<Person>| !lock(&person.feed).reading && !lock(&person.moving).comparing;
        // What ends with one of them may begin with the other.
        let has_begun = self.has_compared.load(Ordering::Relaxed);
        let settles = || self.settling.load(Ordering::Relaxed) > 0;
        has_begun && !settles() && (0..2).all(|_| topics() && self.everybody().iter().all(is_quiet))
    }

    // Other things that are passed on.

    /// Somebody has received or read.
    pub(crate) fn receipt(&self, receipt: ReceiptEvent) {
        let event = Event::Receipt(Shared::new(receipt));
        let topic = self.topic(receipt.conversation);
        let small = topic.filter(|topic| self.is_small(topic));
        match small {
            Some(topic) => {
                for person in topic.people().iter().filter(|one| !one.is_blocked_with(receipt.user)) {
                    person.each(|outbox| outbox.offer_receipt(receipt.conversation, &event));
                }
            }
            None => {
                if let Some(person) = self.person(receipt.user) {
                    person.each(|outbox| outbox.offer_receipt(receipt.conversation, &event));
                }
            }
        }
    }

    /// Whether everybody in a conversation is told what one of them does beside writing, or only he himself.
    pub(super) fn is_small(&self, topic: &Topic) -> bool {
        topic.member_count() <= self.receipt_members_max
    }

    /// Somebody is typing; told in conversations small enough, to members it is meant for.
    pub(crate) fn typing(&self, typing: TypingEvent) {
        let Some(topic) = self.topic(typing.conversation) else { return };
        if !self.is_small(&topic) {
            return;
        }
        let event = Event::Typing(Shared::new(typing));
        for person in topic.people() {
            if person.id != typing.user && !person.is_blocked_with(typing.user) {
                person.each(|outbox| {
                    // Who does not keep up need not know of it.
                    outbox.offer_fleeting(&event);
                });
            }
        }
    }

    /// Whether there is a block between somebody connected here and another.
    pub(crate) fn is_blocked(&self, here: UserId, other: UserId) -> bool {
        self.person(here).is_some_and(|person| person.is_blocked_with(other))
    }

    /// What is between two people changed.
    pub(crate) fn pair_changed(&self, pair: Pair, friendship: Friendship) {
        for user in pair.both() {
            if let (Some(person), Some(other)) = (self.person(user), pair.other(user)) {
                person.set_block(other, friendship);
            }
        }
        if self.presence.watches(pair) {
            self.spawn(|core| async move { super::presence::judge_again(&core, pair).await });
        }
    }

    /// A user's friendships have a new step.
    pub(crate) fn friends_moved(&self, user: UserId) {
        let Some(person) = self.person(user) else { return };
        let start = {
            let mut feed = lock(&person.feed);
            feed.moved = true;
            !std::mem::replace(&mut feed.reading, true)
        };
        if start {
            self.spawn(|core| pump::friends(core, person));
        }
    }
}

/// Nothing panics while one of these locks is held.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while this lock is held")
}
