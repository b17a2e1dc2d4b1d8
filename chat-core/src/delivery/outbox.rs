//! What waits for one session, bounded.
//!
//! A session that does not keep up loses nothing: when its queue is full it keeps, per conversation, the position it
//! must go on from, and marks for the rest; it is then fed from the store at its own pace and joins live again.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Mutex;

use tokio::sync::Notify;
use uuid::Uuid;

use super::session::News;
use crate::event::{Event, FriendshipEvent, Shared};
use crate::id::{ConversationId, Seq, SessionId, UserId};

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ended {
    /// Its login has ended.
    #[error("the login has ended")]
    Revoked,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Shutdown,
}

/// Where a session stands in a conversation that it does not follow live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// It goes on from the store.
    Lagging(Lag),
    /// It has read further than the hub has passed on: live entries before this one are repeats.
    Ahead(Seq),
}

impl Behind {
    /// Where a session stands that lacks everything from `lag` on and is passed on to after `passed`; nothing where it
    /// follows live.
    pub(super) fn at(lag: Lag, passed: Seq) -> Option<Self> {
        match lag.next.cmp(&passed.next()) {
            Ordering::Less => Some(Self::Lagging(lag)),
            Ordering::Equal => None,
            Ordering::Greater => Some(Self::Ahead(lag.next)),
        }
    }
}

/// Where a session goes on from the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lag {
    /// The next position it lacks.
    pub(super) next: Seq,
    /// Where its user's view begins.
    pub(super) visible_from: Seq,
}

/// What waits for one session.
pub(crate) struct Outbox {
    pub(super) user: UserId,
    pub(super) login: Option<SessionId>,
    pub(super) connection: Uuid,
    state: Mutex<State>,
    pub(super) wake: Notify,
    /// Whom the session watches.
    pub(super) watched: Mutex<HashSet<UserId>>,
    /// How it is told of conversations that are new to it.
    pub(super) news: News,
    events_max: usize,
}

#[derive(Default)]
struct State {
    /// What the session has fetched itself: given out before what waits.
    fetched: VecDeque<Event>,
    events: VecDeque<Event>,
    /// The cursor up to which the session knows the friendships: earlier steps are repeats.
    friends_known: u64,
    ended: Option<Ended>,
    /// Absent while the session follows everything live, which is nearly always.
    backlog: Option<Box<Backlog>>,
}

/// What a session must fetch itself.
#[derive(Debug, Default)]
struct Backlog {
    behind: HashMap<ConversationId, Behind>,
    /// Before the last part of its first `sync`: only what is named here is passed on. The rest is noted.
    held: Option<HashSet<ConversationId>>,
    /// Friendships are to be read from this cursor.
    friends_from: Option<u64>,
    /// Before its first `sync`: no friendships are passed on.
    friends_held: bool,
    /// Conversations of which the receipts are to be read.
    receipts: HashSet<ConversationId>,
    /// Conversations of which the summary is to be read.
    summaries: HashSet<ConversationId>,
}

/// One piece of what a session must fetch itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chore {
    /// Entries of these conversations.
    Entries(Vec<(ConversationId, Lag)>),
    /// Friendships from this cursor.
    Friends(u64),
    /// The receipts of this conversation.
    Receipts(ConversationId),
    /// The summary of this conversation.
    Summary(ConversationId),
}

/// How many lagging conversations are read at once.
const LAGGING_AT_ONCE: usize = 16;

impl Outbox {
    pub(super) fn new(user: UserId, login: Option<SessionId>, connection: Uuid, events_max: usize) -> Self {
        Self {
            user,
            login,
            connection,
            state: Mutex::default(),
            wake: Notify::new(),
            watched: Mutex::default(),
            news: News::default(),
            events_max,
        }
    }

    /// The same, told of new conversations in another way.
    pub(super) fn news(self, news: News) -> Self {
        Self { news, ..self }
    }

    /// Passes nothing on until a `sync` says from where.
    pub(super) fn hold(&self) {
        let mut state = self.lock();
        let backlog = state.backlog.get_or_insert_default();
        backlog.held = Some(HashSet::new());
        backlog.friends_held = true;
    }

    /// Whether this has waited for its first `sync`, or waits for its last part.
    pub(super) fn is_held(&self) -> bool {
        self.lock().backlog.as_ref().is_some_and(|backlog| backlog.held.is_some())
    }

    /// Lets everything through.
    pub(super) fn release(&self) {
        let mut state = self.lock();
        let Some(backlog) = &mut state.backlog else { return };
        backlog.held = None;
        state.tidy();
        drop(state);
        self.wake.notify_one();
    }

    /// The next entries of a conversation, from the hub: ascending, and the session is woken once.
    pub(super) fn offer_entries(&self, of: ConversationId, entries: impl Iterator<Item = (Lag, Event)>) {
        let mut state = self.lock();
        if state.ended.is_some() {
            return;
        }
        for (lag, event) in entries {
            state.offer_entry(of, lag, event, self.events_max);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// A step of the user's friendships that follows the one at `before`.
    pub(super) fn offer_friend(&self, before: u64, step: &Shared<FriendshipEvent>) {
        let mut state = self.lock();
        if state.ended.is_some() || step.cursor <= state.friends_known {
            return;
        }
        if state
            .backlog
            .as_ref()
            .is_some_and(|backlog| backlog.friends_held || backlog.friends_from.is_some())
        {
            return;
        }
        if state.events.len() < self.events_max {
            state.events.push_back(Event::Friendship(step.clone()));
        } else {
            state.backlog.get_or_insert_default().friends_from = Some(before);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Somebody's receipt: what does not fit is read later.
    pub(super) fn offer_receipt(&self, of: ConversationId, event: &Event) {
        self.offer(of, event, |backlog| {
            backlog.receipts.insert(of);
        });
    }

    /// A summary, or that a conversation is gone: what does not fit is read later.
    pub(super) fn offer_summary(&self, of: ConversationId, event: &Event) {
        self.offer(of, event, Backlog::owe_summary(of));
    }

    fn offer(&self, of: ConversationId, event: &Event, otherwise: impl FnOnce(&mut Backlog)) {
        let mut state = self.lock();
        if state.ended.is_some() {
            return;
        }
        state.offer(event, self.events_max, of, otherwise);
        drop(state);
        self.wake.notify_one();
    }

    /// Typing and presence: dropped when the session does not keep up. Whether it was taken, or there is nobody any
    /// more who could.
    pub(super) fn offer_fleeting(&self, event: &Event) -> bool {
        let mut state = self.lock();
        let held = state.backlog.as_ref().is_some_and(|backlog| backlog.held.is_some());
        if state.ended.is_some() {
            return true;
        }
        let has_room = !held && state.events.len() < self.events_max / 2;
        if has_room {
            state.events.push_back(event.clone());
            drop(state);
            self.wake.notify_one();
        }
        has_room
    }

    /// The next event that waits.
    pub(super) fn pop(&self) -> Option<Event> {
        let mut state = self.lock();
        if let Some(event) = state.fetched.pop_front() {
            if state.fetched.is_empty() {
                state.fetched = VecDeque::new();
            }
            return Some(event);
        }
        let event = state.events.pop_front();
        if event.is_some() && state.events.is_empty() && state.events.capacity() > 64 {
            // What a burst has taken is given back.
            state.events = VecDeque::new();
        }
        event
    }

    pub(super) fn ended(&self) -> Option<Ended> {
        self.lock().ended
    }

    pub(super) fn end(&self, why: Ended) {
        let mut state = self.lock();
        state.ended.get_or_insert(why);
        state.fetched = VecDeque::new();
        state.events = VecDeque::new();
        state.backlog = None;
        drop(state);
        self.wake.notify_one();
    }

    /// Waits until it is over.
    pub(super) async fn over(&self) {
        while self.ended().is_none() {
            self.wake.notified().await;
        }
    }

    /// Begins a conversation's stream at a position, and lets it through; what waits of it is forgotten.
    pub(super) fn start_at(&self, of: ConversationId, behind: Option<Behind>) {
        let mut state = self.lock();
        state.forget(of);
        if let Some(behind) = behind {
            state.backlog.get_or_insert_default().behind.insert(of, behind);
        }
        if let Some(held) = state.backlog.as_mut().and_then(|backlog| backlog.held.as_mut()) {
            held.insert(of);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// A conversation is new to this session: its summary, unless it is told by entries, and where its stream begins. One
    /// that waits for its `sync` is told that by it.
    pub(super) fn introduce(&self, of: ConversationId, summary: Option<&Event>, behind: Option<Behind>) {
        let mut state = self.lock();
        if state.ended.is_some() {
            return;
        }
        let is_held = state.backlog.as_ref().is_some_and(|backlog| !backlog.lets_through(of));
        if !is_held {
            state.forget(of);
        }
        if let Some(summary) = summary {
            state.offer(summary, self.events_max, of, Backlog::owe_summary(of));
        }
        if let Some(behind) = behind.filter(|_| !is_held) {
            state.backlog.get_or_insert_default().behind.insert(of, behind);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// What was passed on to others before this session was to be told is read by it; nothing, where it stands already.
    pub(super) fn lag_from(&self, of: ConversationId, lag: Lag) {
        let mut state = self.lock();
        if state.ended.is_none() {
            state.backlog.get_or_insert_default().behind.entry(of).or_insert(Behind::Lagging(lag));
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Ends a conversation's stream, and tells that it is gone.
    pub(super) fn is_gone(&self, of: ConversationId) {
        let mut state = self.lock();
        if state.ended.is_some() {
            return;
        }
        state.forget(of);
        state.offer(&Event::Gone(of), self.events_max, of, Backlog::owe_summary(of));
        drop(state);
        self.wake.notify_one();
    }

    /// A stream goes on that was passed on up to `before` so far, and is after `now` from here on.
    pub(super) fn carry_on(&self, of: ConversationId, before: Seq, now: Seq, visible_from: Seq) {
        let mut state = self.lock();
        let next = match state.backlog.as_ref().and_then(|backlog| backlog.behind.get(&of)) {
            Some(Behind::Lagging(_)) => return,
            Some(Behind::Ahead(next)) => *next,
            None => before.next(),
        };
        let lag = Lag { next, visible_from };
        // What lies before his view as a member was his to read, and is not passed on to a member.
        let reads = (next < visible_from).then_some(Behind::Lagging(lag));
        if let Some(behind) = reads.or_else(|| Behind::at(lag, now)) {
            state.backlog.get_or_insert_default().behind.insert(of, behind);
        } else if let Some(backlog) = &mut state.backlog {
            backlog.behind.remove(&of);
            state.tidy();
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Whether there is something that it must fetch itself, and may.
    #[cfg(feature = "testing")]
    pub(super) fn owes(&self) -> bool {
        let state = self.lock();
        state.backlog.as_ref().is_some_and(|backlog| {
            let lags = |(id, behind): (&ConversationId, &Behind)| {
                matches!(behind, Behind::Lagging(_)) && backlog.lets_through(*id)
            };
            backlog.behind.iter().any(lags)
                || backlog.friends_from.is_some()
                || backlog.summaries.iter().chain(&backlog.receipts).any(|id| backlog.lets_through(*id))
        })
    }

    /// Ends a conversation's stream: what waits of it is forgotten.
    pub(super) fn forget(&self, of: ConversationId) {
        self.lock().forget(of);
    }

    /// Takes in entries that were fetched from `lag` on, if the session still lags there; then it goes on from `next`.
    /// A stream that was begun anew or has ended meanwhile takes nothing in.
    pub(super) fn take_in(&self, of: ConversationId, lag: Lag, next: Seq, entries: Vec<Event>) -> TakenIn {
        let mut state = self.lock();
        let behind = state.backlog.as_mut().and_then(|backlog| backlog.behind.get_mut(&of));
        match behind {
            Some(behind) if *behind == Behind::Lagging(lag) => *behind = Behind::Lagging(Lag { next, ..lag }),
            _ => return TakenIn::No,
        }
        state.fetched.extend(entries);
        TakenIn::Yes
    }

    /// Takes in the present state of something.
    pub(super) fn take_in_state(&self, events: Vec<Event>) {
        let mut state = self.lock();
        if state.ended.is_none() {
            state.fetched.extend(events);
        }
    }

    /// Changes where it stands in a conversation in which it lags at `next`; nothing when it does not any more.
    pub(super) fn move_on(&self, of: ConversationId, next: Seq, behind: Option<Behind>) {
        let mut state = self.lock();
        let Some(backlog) = &mut state.backlog else { return };
        if matches!(backlog.behind.get(&of), Some(Behind::Lagging(lag)) if lag.next == next) {
            match behind {
                Some(behind) => drop(backlog.behind.insert(of, behind)),
                None => drop(backlog.behind.remove(&of)),
            }
        }
        state.tidy();
    }

    /// Takes in friendships that were fetched from `cursor` up to `now`, if they are still wanted from there.
    pub(super) fn take_in_friends(&self, cursor: u64, now: u64, passed: u64, steps: Vec<FriendshipEvent>) {
        {
            let mut state = self.lock();
            if state.backlog.as_ref().and_then(|backlog| backlog.friends_from) != Some(cursor) {
                return;
            }
            state.fetched.extend(steps.into_iter().map(|step| Event::Friendship(Shared::new(step))));
        }
        self.friends_from(now, passed);
    }

    /// The session knows the friendships up to `cursor`: it follows them live if no more was `passed` on, else it
    /// reads them from there.
    pub(super) fn friends_from(&self, cursor: u64, passed: u64) {
        let mut state = self.lock();
        state.friends_known = cursor;
        let from = (passed > cursor).then_some(cursor);
        if from.is_none() && state.backlog.is_none() {
            return;
        }
        let backlog = state.backlog.get_or_insert_default();
        backlog.friends_held = false;
        backlog.friends_from = from;
        state.tidy();
        drop(state);
        self.wake.notify_one();
    }

    /// What was taken off the list was not done: later.
    pub(super) fn owe(&self, chore: &Chore) {
        let mut state = self.lock();
        if state.ended.is_some() {
            return;
        }
        match chore {
            Chore::Receipts(of) => drop(state.backlog.get_or_insert_default().receipts.insert(*of)),
            Chore::Summary(of) => drop(state.backlog.get_or_insert_default().summaries.insert(*of)),
            // These stay on the list until they are done.
            Chore::Entries(_) | Chore::Friends(_) => {}
        }
    }

    /// What the session must fetch next, while nothing else waits. Receipts and summaries are taken off the list.
    pub(super) fn chore(&self) -> Option<Chore> {
        let mut state = self.lock();
        let backlog = state.backlog.as_mut()?;
        let lagging = |(id, behind): (&ConversationId, &Behind)| match behind {
            Behind::Lagging(lag) if backlog.lets_through(*id) => Some((*id, *lag)),
            Behind::Lagging(_) | Behind::Ahead(_) => None,
        };
        let mut lagging: Vec<_> = backlog.behind.iter().filter_map(lagging).collect();
        if !lagging.is_empty() {
            lagging.truncate(LAGGING_AT_ONCE);
            return Some(Chore::Entries(lagging));
        }
        if let Some(cursor) = backlog.friends_from {
            return Some(Chore::Friends(cursor));
        }
        let released = |id: &&ConversationId| backlog.lets_through(**id);
        let summary = backlog.summaries.iter().find(released).copied();
        let receipts = backlog.receipts.iter().find(released).copied();
        let chore = if let Some(id) = summary {
            backlog.summaries.remove(&id);
            Some(Chore::Summary(id))
        } else if let Some(id) = receipts {
            backlog.receipts.remove(&id);
            Some(Chore::Receipts(id))
        } else {
            None
        };
        state.tidy();
        chore
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while this lock is held")
    }
}

/// Whether what was fetched is still wanted.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TakenIn {
    Yes,
    No,
}

impl Backlog {
    /// Notes that a summary is to be read.
    fn owe_summary(of: ConversationId) -> impl FnOnce(&mut Self) {
        move |backlog| {
            backlog.summaries.insert(of);
        }
    }

    /// Whether events of this conversation are passed on.
    fn lets_through(&self, of: ConversationId) -> bool {
        self.held.as_ref().is_none_or(|released| released.contains(&of))
    }
}

impl State {
    /// Puts an event into the queue, or notes it where it does not fit or is not to be passed on yet.
    fn offer(
        &mut self,
        event: &Event,
        events_max: usize,
        of: ConversationId,
        otherwise: impl FnOnce(&mut Backlog),
    ) {
        let held = self.backlog.as_ref().is_some_and(|backlog| !backlog.lets_through(of));
        if !held && self.events.len() < events_max {
            self.events.push_back(event.clone());
        } else {
            otherwise(self.backlog.get_or_insert_default());
        }
    }

    fn offer_entry(&mut self, of: ConversationId, lag: Lag, event: Event, events_max: usize) {
        if let Some(backlog) = &mut self.backlog {
            if !backlog.lets_through(of) {
                backlog.behind.entry(of).or_insert(Behind::Lagging(lag));
                return;
            }
            match backlog.behind.get(&of) {
                Some(Behind::Lagging(_)) => return,
                Some(Behind::Ahead(next)) if lag.next < *next => return,
                Some(Behind::Ahead(_)) => drop(backlog.behind.remove(&of)),
                None => {}
            }
            self.tidy();
        }
        if self.events.len() < events_max {
            self.events.push_back(event);
        } else {
            metrics::counter!("chat_sessions_lagging").increment(1);
            self.backlog.get_or_insert_default().behind.insert(of, Behind::Lagging(lag));
        }
    }

    /// Drops what waits of a conversation's entries.
    fn forget(&mut self, of: ConversationId) {
        let keep = |event: &Event| !matches!(event, Event::Entry(entry) if entry.conversation == of);
        self.fetched.retain(keep);
        self.events.retain(keep);
        if let Some(backlog) = &mut self.backlog {
            backlog.behind.remove(&of);
            self.tidy();
        }
    }

    /// Gives an empty backlog back.
    fn tidy(&mut self) {
        let empty = self.backlog.as_ref().is_some_and(|backlog| {
            backlog.behind.is_empty()
                && backlog.held.is_none()
                && backlog.friends_from.is_none()
                && !backlog.friends_held
                && backlog.receipts.is_empty()
                && backlog.summaries.is_empty()
        });
        if empty {
            self.backlog = None;
        }
    }
}
