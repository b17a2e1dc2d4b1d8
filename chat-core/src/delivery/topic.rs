//! One conversation as this node passes it on: where it stands, and to whom.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::introduction::Introduction;
use super::outbox::{Behind, Lag, Outbox};
use super::person::Person;
use crate::conversation::{Conversation, Kind};
use crate::engine::rows;
use crate::event::{Event, Shared};
use crate::id::{ConversationId, Seq, UserId};
use crate::message::{Entry, What};
use crate::store::Position;

/// How many people an entry is passed to before others get their turn.
const FAN_CHUNK: usize = 256;

/// How many plain entries are passed on at once.
const RUN_MAX: usize = 64;

/// How many entries wait in memory to be passed on; more are read from the store.
const PENDING_MAX: usize = 1_024;

/// What this node needs to know of a conversation to serve it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served {
    pub(super) id: ConversationId,
    pub(super) kind: Kind,
    pub(super) head: Seq,
    pub(super) member_count: u64,
}

impl From<&Conversation> for Served {
    fn from(of: &Conversation) -> Self {
        Self { id: of.id, kind: of.kind, head: of.head, member_count: of.member_count }
    }
}

impl From<&Position> for Served {
    fn from(of: &Position) -> Self {
        Self { id: of.conversation, kind: of.kind, head: of.head, member_count: of.member_count }
    }
}

/// One conversation as this node passes it on.
pub(super) struct Topic {
    pub(super) id: ConversationId,
    pub(super) kind: Kind,
    state: Mutex<State>,
}

struct State {
    /// The last position that was passed on to everybody.
    last: Seq,
    /// A position that is known to exist.
    target: Seq,
    /// Entries that are known already, from `last + 1` on, ascending.
    pending: VecDeque<Shared<Entry>>,
    /// The entry that is being passed on.
    fanning: Option<Fanning>,
    /// Whether a task passes entries on.
    pumping: bool,
    member_count: u64,
    /// Sorted by user.
    subscribers: Vec<Subscriber>,
    /// Sessions that read without being members.
    readers: Vec<Arc<Outbox>>,
    /// Who went by entries that were passed on, the last ones at the end: whose membership was read before is none.
    departures: VecDeque<(Seq, UserId)>,
    /// After this position all departures that were passed on are known.
    departures_after: Seq,
}

/// Departures that are known of one conversation; of an older one memberships are read again.
const DEPARTURES_MAX: usize = 64;

struct Subscriber {
    person: Arc<Person>,
    visible_from: Seq,
}

struct Fanning {
    /// The entry, and plain ones right behind it that go out with it. Never empty.
    run: Vec<Passing>,
    /// Everybody up to this user has them.
    upto: Option<UserId>,
}

/// One entry on its way to everybody.
struct Passing {
    entry: Shared<Entry>,
    full: Event,
    /// Made when the first one needs it.
    bare: Option<Event>,
}

impl Passing {
    fn new(entry: Shared<Entry>) -> Self {
        Self { full: Event::Entry(entry.clone()), entry, bare: None }
    }

    /// As somebody gets it whose view begins at `visible_from`.
    fn seen_from(&mut self, visible_from: Seq) -> Event {
        if rows::is_bare(&self.entry, visible_from) {
            let entry = &self.entry;
            self.bare.get_or_insert_with(|| Event::Entry(Shared::new(rows::bare(entry)))).clone()
        } else {
            self.full.clone()
        }
    }
}

impl Fanning {
    fn first(&self) -> &Shared<Entry> {
        &self.run.first().expect("a run is never empty").entry
    }

    fn last(&self) -> &Shared<Entry> {
        &self.run.last().expect("a run is never empty").entry
    }
}

/// What the pump does next.
pub(super) enum Step {
    /// Pass this entry on.
    Fan(Shared<Entry>),
    /// Read on after this position.
    Read(Seq),
    /// Nothing, and it is noted that nobody pumps any more.
    Rest,
}

/// Whether an entry has reached everybody.
pub(super) enum Fanned {
    /// Others wait for their turn; go on.
    Partly,
    /// It has; these are no longer served: members who went, and readers who may not read any more.
    Wholly { departed: Vec<Arc<Person>>, dismissed: Vec<Arc<Outbox>> },
}

/// What became of an attempt to follow live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// It does.
    Live,
    /// There is more to read first.
    NotYet,
}

/// Whether somebody was taken off.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TakenOff {
    Yes,
    /// He is not served, or goes by an entry that is still to be passed on.
    No,
    /// He may have come again.
    Unsure,
}

/// Whether somebody must begin to pump.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pump {
    /// The caller.
    Start,
    /// Nobody: it runs, or there is nothing to do.
    No,
}

impl Topic {
    pub(super) fn new(served: Served) -> Self {
        let state = State {
            last: served.head,
            target: served.head,
            pending: VecDeque::new(),
            fanning: None,
            pumping: false,
            member_count: served.member_count,
            subscribers: Vec::new(),
            readers: Vec::new(),
            departures: VecDeque::new(),
            departures_after: served.head,
        };
        Self { id: served.id, kind: served.kind, state: Mutex::new(state) }
    }

    /// Takes in entries that this node has just committed.
    pub(super) fn add(&self, entries: Vec<Entry>, member_count: u64) -> Pump {
        let mut state = self.lock();
        state.member_count = member_count;
        if state.pending.len() + entries.len() > PENDING_MAX {
            // They are read back when their turn comes.
            state.pending.clear();
        }
        for entry in entries {
            state.target = state.target.max(entry.seq);
            state.pending.push_back(Shared::new(entry));
        }
        state.pump()
    }

    /// Takes in what was read from the store.
    pub(super) fn read(&self, entries: Vec<Entry>) {
        let mut state = self.lock();
        let known = state.pending.front().map(|entry| entry.seq);
        let gap = entries.into_iter().filter(|entry| known.is_none_or(|known| entry.seq < known));
        let mut pending: VecDeque<Shared<Entry>> = gap.map(Shared::new).collect();
        pending.append(&mut state.pending);
        state.pending = pending;
    }

    /// A position is known to exist.
    pub(super) fn raise(&self, target: Seq) -> Pump {
        let mut state = self.lock();
        state.target = state.target.max(target);
        state.pump()
    }

    /// What the pump does next.
    pub(super) fn step(&self) -> Step {
        let mut state = self.lock();
        while state.pending.front().is_some_and(|entry| entry.seq <= state.last) {
            state.pending.pop_front();
        }
        let next = state.last.next();
        match state.pending.front() {
            Some(entry) if entry.seq == next => {
                let entry = state.pending.pop_front().expect("its front was just seen");
                let mut run = vec![Passing::new(entry.clone())];
                if rows::is_plain(&entry.what) {
                    run.extend(state.plain_after(entry.seq));
                }
                state.fanning = Some(Fanning { run, upto: None });
                Step::Fan(entry)
            }
            _ if state.target > state.last => Step::Read(state.last),
            _ => {
                state.pumping = false;
                Step::Rest
            }
        }
    }

    /// Passes the entry on to the next people, with the plain ones that wait behind it: each session is woken once.
    pub(super) fn fan(&self) -> Fanned {
        let mut guard = self.lock();
        let state = &mut *guard;
        let fanning = state.fanning.as_mut().expect("the pump is passing an entry on");
        let from = match fanning.upto {
            Some(upto) => state.subscribers.partition_point(|one| one.person.id <= upto),
            None => 0,
        };
        let chunk = &state.subscribers[from..state.subscribers.len().min(from + FAN_CHUNK)];
        for one in chunk {
            one.pass(self.id, &mut fanning.run);
        }
        if let Some(last) = chunk.last()
            && from + chunk.len() < state.subscribers.len()
        {
            fanning.upto = Some(last.person.id);
            return Fanned::Partly;
        }
        for reader in &state.readers {
            let lag = |next: Seq| Lag { next, visible_from: Seq::FIRST };
            let shown = fanning.run.iter().map(|one| (lag(one.entry.seq), one.full.clone()));
            reader.offer_entries(self.id, shown);
        }
        let entry = fanning.last().clone();
        state.fanning = None;
        state.last = entry.seq;
        state.depart(&entry)
    }

    /// Serves somebody from here on who was a member at `head`. Not if he may have gone since: no entry that is still to
    /// be passed on would take him off.
    pub(super) fn subscribe(&self, person: &Arc<Person>, head: Seq, visible_from: Seq) -> bool {
        self.lock().subscribe(person, head, visible_from)
    }

    /// The same of somebody to whom it is new, and tells each of his sessions, in one step: nothing is passed on in
    /// between. Who is served already was told, and is told nothing more.
    pub(super) fn introduce(&self, person: &Arc<Person>, head: Seq, how: &Introduction<'_>) -> bool {
        let mut state = self.lock();
        if state.serves(person) {
            return true;
        }
        let readers = state.readers.iter().filter(|reader| reader.user == person.id);
        let reading: Vec<(Arc<Outbox>, Seq)> =
            readers.map(|reader| (Arc::clone(reader), state.passed_to(reader))).collect();
        if !state.subscribe(person, head, how.visible_from) {
            return false;
        }
        person.each(|outbox| {
            let passed = state.passed_to(outbox);
            match reading.iter().find(|(reader, _)| Arc::ptr_eq(reader, outbox)) {
                Some((_, before)) => {
                    outbox.carry_on(self.id, *before, passed, how.visible_from);
                    how.tell_reader(outbox, self.id);
                }
                None if how.is_known_to(outbox) => {}
                None => how.tell(outbox, self.id, passed),
            }
        });
        true
    }

    /// Serves somebody no longer who was no member when it stood at `head`, and tells his sessions. Nothing, if he may
    /// have come since his memberships were read, when he had come `arrivals` times: then they are to be read again. Of a
    /// group one goes by an entry: where that is still to be passed on it takes him off, and he has it before him.
    pub(super) fn take_off(&self, person: &Arc<Person>, arrivals: u64, head: Option<Seq>) -> TakenOff {
        let mut state = self.lock();
        let is_over = self.kind == Kind::Channel || head.is_none_or(|head| state.last >= head);
        if !state.serves(person) || !is_over {
            return TakenOff::No;
        }
        if person.arrivals() != arrivals {
            return TakenOff::Unsure;
        }
        self.end_for(&mut state, person);
        TakenOff::Yes
    }

    /// Serves somebody no longer, and tells his sessions.
    pub(super) fn gone(&self, person: &Arc<Person>) {
        self.end_for(&mut self.lock(), person);
    }

    /// In one step, so that whoever comes again at the same time is told so after it.
    fn end_for(&self, state: &mut State, person: &Arc<Person>) {
        state.unsubscribe(person);
        person.each(|outbox| outbox.is_gone(self.id));
    }

    /// Whether this one is served as a member.
    pub(super) fn serves(&self, person: &Arc<Person>) -> bool {
        self.lock().serves(person)
    }

    /// Serves him no longer; nothing when another of his lives is served by now.
    pub(super) fn unsubscribe(&self, person: &Arc<Person>) {
        self.lock().unsubscribe(person);
    }

    /// From where a user is served, if he is.
    pub(super) fn subscription(&self, user: UserId) -> Option<Seq> {
        let state = self.lock();
        let index = state.find(user).ok()?;
        Some(state.subscribers[index].visible_from)
    }

    /// Hides everything before `from` from a user.
    pub(super) fn hide(&self, user: UserId, from: Seq) {
        let mut state = self.lock();
        if let Ok(index) = state.find(user) {
            state.subscribers[index].visible_from = from;
        }
    }

    /// Serves a session that reads without being a member, from `next` on.
    pub(super) fn add_reader(&self, outbox: &Arc<Outbox>) {
        let mut state = self.lock();
        // As a member he is told everything already.
        let is_member = state.find(outbox.user).is_ok();
        if !is_member && !state.readers.iter().any(|reader| Arc::ptr_eq(reader, outbox)) {
            state.readers.push(Arc::clone(outbox));
        }
    }

    /// Serves it no longer; answers whether it was a reader.
    pub(super) fn remove_reader(&self, outbox: &Arc<Outbox>) -> bool {
        let mut state = self.lock();
        let before = state.readers.len();
        state.readers.retain(|reader| !Arc::ptr_eq(reader, outbox));
        state.readers.len() < before
    }

    pub(super) fn is_reader(&self, outbox: &Arc<Outbox>) -> bool {
        self.lock().readers.iter().any(|reader| Arc::ptr_eq(reader, outbox))
    }

    /// Lets a session that has everything before `next` follow live, if that is as far as the hub has passed on to it;
    /// otherwise it goes on from the store. `begin` forgets what waits for it of this conversation.
    pub(super) fn join(&self, outbox: &Arc<Outbox>, lag: Lag, begin: Begin) -> Joined {
        let state = self.lock();
        let behind = Behind::at(lag, state.passed_to(outbox));
        match begin {
            Begin::Anew => outbox.start_at(self.id, behind),
            Begin::Resume(next) => outbox.move_on(self.id, next, behind),
        }
        if matches!(behind, Some(Behind::Lagging(_))) { Joined::NotYet } else { Joined::Live }
    }

    /// The last position that a session was passed, or would have been.
    pub(super) fn passed_to(&self, outbox: &Arc<Outbox>) -> Seq {
        self.lock().passed_to(outbox)
    }

    /// The last position known to exist.
    pub(super) fn head(&self) -> Seq {
        let state = self.lock();
        state.last.max(state.target)
    }

    pub(super) fn member_count(&self) -> u64 {
        self.lock().member_count
    }

    /// Whether nobody is served and nothing runs: it may be forgotten.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.subscribers.is_empty() && state.readers.is_empty() && !state.pumping
    }

    /// Whether nothing is being passed on.
    #[cfg(feature = "testing")]
    pub(super) fn is_quiet(&self) -> bool {
        !self.lock().pumping
    }

    /// Everybody served.
    pub(super) fn people(&self) -> Vec<Arc<Person>> {
        self.lock().subscribers.iter().map(|one| Arc::clone(&one.person)).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while this lock is held")
    }
}

/// Whether a stream begins or goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// What waits of it is forgotten.
    Anew,
    /// It goes on, if it lags at this position still.
    Resume(Seq),
}

impl State {
    /// Where a user is among those who are served, or would be.
    fn find(&self, user: UserId) -> Result<usize, usize> {
        self.subscribers.binary_search_by_key(&user, |one| one.person.id)
    }

    fn serves(&self, person: &Arc<Person>) -> bool {
        self.find(person.id).is_ok_and(|index| Arc::ptr_eq(&self.subscribers[index].person, person))
    }

    fn unsubscribe(&mut self, person: &Arc<Person>) {
        if self.serves(person)
            && let Ok(index) = self.find(person.id)
        {
            self.subscribers.remove(index);
        }
    }

    /// As [`Topic::subscribe`].
    fn subscribe(&mut self, person: &Arc<Person>, head: Seq, visible_from: Seq) -> bool {
        let went = |(seq, user): &(Seq, UserId)| *user == person.id && *seq > head;
        if head < self.departures_after || self.departures.iter().any(went) {
            return false;
        }
        let new = Subscriber { person: Arc::clone(person), visible_from };
        person.arrived();
        match self.find(person.id) {
            Ok(index) => self.subscribers[index] = new,
            Err(index) => self.subscribers.insert(index, new),
        }
        // As a member he is told everything already.
        self.readers.retain(|reader| reader.user != person.id);
        true
    }

    /// Takes the plain entries that wait right behind `seq`, as many as go out at once.
    fn plain_after(&mut self, mut seq: Seq) -> Vec<Passing> {
        let mut run = Vec::new();
        while run.len() + 1 < RUN_MAX {
            match self.pending.front() {
                Some(next) if next.seq == seq.next() && rows::is_plain(&next.what) => {}
                _ => break,
            }
            let next = self.pending.pop_front().expect("its front was just seen");
            seq = next.seq;
            run.push(Passing::new(next));
        }
        run
    }

    fn pump(&mut self) -> Pump {
        let due = self.target > self.last || !self.pending.is_empty();
        if due && !self.pumping {
            self.pumping = true;
            Pump::Start
        } else {
            Pump::No
        }
    }

    fn passed_to(&self, outbox: &Arc<Outbox>) -> Seq {
        let Some(fanning) = &self.fanning else { return self.last };
        let member = self.find(outbox.user).is_ok();
        let has_it = member && fanning.upto.is_some_and(|upto| outbox.user <= upto);
        if has_it { fanning.last().seq } else { fanning.first().seq.previous() }
    }

    /// Takes off who went by this entry.
    fn depart(&mut self, entry: &Entry) -> Fanned {
        let (_, gone) = rows::comings_and_goings(&entry.what);
        let mut departed = Vec::new();
        let mut dismissed = Vec::new();
        if entry.what == What::Closed {
            departed.extend(self.subscribers.drain(..).map(|one| one.person));
            dismissed.append(&mut self.readers);
            self.departures_after = entry.seq;
        }
        for user in gone {
            self.departures.push_back((entry.seq, *user));
            if self.departures.len() > DEPARTURES_MAX
                && let Some((seq, _)) = self.departures.pop_front()
            {
                self.departures_after = self.departures_after.max(seq);
            }
            if let Ok(index) = self.find(*user) {
                departed.push(self.subscribers.remove(index).person);
            }
        }
        if let What::Updated { changes } = &entry.what
            && changes.read == Some(crate::conversation::Read::Members)
        {
            dismissed.append(&mut self.readers);
        }
        Fanned::Wholly { departed, dismissed }
    }
}

impl Subscriber {
    fn pass(&self, of: ConversationId, run: &mut [Passing]) {
        let visible_from = self.visible_from;
        let visible = run.iter_mut().filter(|one| one.entry.seq >= visible_from);
        let lag = |next: Seq| Lag { next, visible_from };
        let shown: Vec<(Lag, Event)> =
            visible.map(|one| (lag(one.entry.seq), one.seen_from(visible_from))).collect();
        self.person.each(|outbox| outbox.offer_entries(of, shown.iter().cloned()));
    }
}
