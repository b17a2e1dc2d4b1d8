//! One conversation in memory: its record, entries, messages, marks and members, and what effects do to them.
//!
//! A lane is judged wholly before anything of it is written: [`Room::judge`] may refuse, [`Room::apply`] may not.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::conversation::{Conversation, History, Membership, Seat, Standing};
use crate::id::{ConversationId, Seq, UserId};
use crate::message::{ClientId, Payload};
use crate::page::Limit;
use crate::receipt::Receipt;
use crate::store::{
    Appended, ClosedBy, ConversationPatch, DraftEntry, Effect, EntryRow, Lane, LaneDone, Mark, MessageRow,
    Messages, Outcome, StoreError, Window,
};

/// All conversations of a tenant.
#[derive(Default)]
pub(super) struct Rooms {
    pub(super) rooms: BTreeMap<ConversationId, Room>,
    /// Where each user has a row, banned ones included.
    users: BTreeMap<UserId, BTreeSet<ConversationId>>,
}

impl Rooms {
    pub(super) fn get(&self, id: ConversationId) -> Option<&Room> {
        self.rooms.get(&id)
    }

    /// The conversations in which a user has a row, by id.
    pub(super) fn of(&self, user: UserId) -> impl Iterator<Item = &Room> {
        self.users.get(&user).into_iter().flatten().map(|id| &self.rooms[id])
    }

    /// Notes whether `user` has a row in `id`, after it may have changed.
    pub(super) fn index(&mut self, id: ConversationId, user: UserId) {
        let own = self.users.entry(user).or_default();
        if self.rooms.get(&id).is_some_and(|room| room.members.contains_key(&user)) {
            own.insert(id);
        } else {
            own.remove(&id);
        }
    }
}

/// One conversation.
pub(super) struct Room {
    pub(super) record: Conversation,
    /// Position 1 first.
    pub(super) entries: Vec<Stored>,
    /// Number 1 first.
    pub(super) messages: Vec<MessageRow>,
    /// Which entry each sender made under a `client_id`.
    pub(super) made: HashMap<UserId, HashMap<ClientId, Seq>>,
    pub(super) members: BTreeMap<UserId, Membership>,
    pub(super) marks: BTreeSet<Mark>,
}

/// An entry, and the digest of the command behind it.
pub(super) struct Stored {
    pub(super) row: EntryRow,
    pub(super) digest: Option<[u8; 16]>,
}

// Reading.
impl Room {
    pub(super) fn new(record: Conversation) -> Self {
        Self {
            record,
            entries: Vec::new(),
            messages: Vec::new(),
            made: HashMap::new(),
            members: BTreeMap::new(),
            marks: BTreeSet::new(),
        }
    }

    fn stored(&self, seq: Seq) -> Option<&Stored> {
        self.entries.get(index(seq.get())?)
    }

    /// How many messages there are up to `seq`.
    pub(super) fn n_at(&self, seq: Seq) -> u64 {
        self.stored(seq).map_or(0, |stored| stored.row.n)
    }

    pub(super) fn message(&self, seq: Seq) -> Option<&MessageRow> {
        self.messages.get(index(self.n_at(seq))?).filter(|message| message.seq == seq)
    }

    pub(super) fn last(&self) -> Option<&MessageRow> {
        self.messages.last()
    }

    /// The entries after `after`, each with its message as it is now.
    pub(super) fn entries(&self, after: Seq, limit: Limit) -> Vec<EntryRow> {
        let skip = usize::try_from(after.get()).unwrap_or(usize::MAX);
        let stored = self.entries.iter().skip(skip).take(limit.get());
        stored
            .map(|Stored { row, .. }| {
                let own = self.message(row.seq);
                let message = own.or_else(|| self.message(row.target?)).cloned();
                EntryRow { message, ..row.clone() }
            })
            .collect()
    }

    pub(super) fn window(&self, visible_from: Seq, window: Window, limit: Limit) -> Messages {
        let below = |seq: Seq| self.messages.partition_point(|message| message.seq < seq);
        let (first, end, limit) = (below(visible_from), self.messages.len(), limit.get());
        let (from, to) = match window {
            Window::Before(seq) => (below(seq).saturating_sub(limit), below(seq)),
            Window::After(seq) => (below(seq.next()), below(seq.next()).max(first) + limit),
            Window::Around(seq) => {
                let half = limit / 2;
                (below(seq).saturating_sub(half), below(seq).max(first) + (limit - half))
            }
        };
        let (from, to) = (from.max(first), to.clamp(first, end));
        let items = self.messages[from..to].to_vec();
        Messages { items, has_before: from > first, has_after: to < end }
    }

    pub(super) fn find(&self, by: UserId, client_id: &ClientId) -> Option<Outcome> {
        let seq = *self.made.get(&by)?.get(client_id)?;
        let digest = self.stored(seq).and_then(|stored| stored.digest);
        Some(Outcome::Repeat { seq, digest })
    }

    pub(super) fn marks(&self, seqs: &[Seq]) -> Vec<Mark> {
        self.marks.iter().filter(|mark| seqs.contains(&mark.target)).cloned().collect()
    }

    /// Counted anew, from the end: messages after `read` that are not deleted.
    pub(super) fn unread(&self, row: &Membership) -> u64 {
        if row.role().is_none() {
            return 0;
        }
        let after = self.messages.iter().rev().take_while(|message| message.seq > row.read);
        after.filter(|message| message.deleted_at.is_none()).count() as u64
    }

    pub(super) fn seat(&self, user: UserId) -> Option<Seat> {
        let membership = self.members.get(&user)?.clone();
        let unread = self.unread(&membership);
        let other = self.record.pair.and_then(|pair| self.members.get(&pair.other(user)?));
        let peer = other.map(|row| Receipt { read: row.read, delivered: row.delivered });
        Some(Seat { conversation: self.record.clone(), membership, unread, peer })
    }
}

// Writing.
impl Room {
    /// Appends a lane wholly or not at all; answers also whose membership may have changed.
    pub(super) fn append(&mut self, lane: &Lane) -> Result<(LaneDone, BTreeSet<UserId>), StoreError> {
        self.judge(lane)?;
        let mut moved = BTreeSet::new();
        let outcomes = lane.drafts.iter().map(|draft| self.apply(draft, &mut moved)).collect();
        Ok((LaneDone { outcomes, conversation: self.record.clone() }, moved))
    }

    /// Whether the lane may be applied: nothing but repeats, or everything is as expected.
    fn judge(&self, lane: &Lane) -> Result<(), StoreError> {
        let mut own = HashSet::new();
        let mut new = Vec::new();
        for draft in &lane.drafts {
            let is_first = own.insert((draft.by, &draft.client_id));
            if is_first && self.find(draft.by, &draft.client_id).is_none() {
                new.push(draft);
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let moved = self.record.acl != lane.expected.acl
            || lane.expected.roster.is_some_and(|roster| self.record.roster != roster);
        if self.record.closed || moved {
            return Err(StoreError::Conflict);
        }
        let mut revs = Revs { room: self, touched: BTreeMap::new() };
        for (draft, seq) in new.into_iter().zip(self.record.head.get() + 1..) {
            draft.effects.iter().try_for_each(|effect| revs.judge(effect, Seq::new(seq)))?;
        }
        Ok(())
    }

    fn apply(&mut self, draft: &DraftEntry, moved: &mut BTreeSet<UserId>) -> Outcome {
        if let Some(repeat) = self.find(draft.by, &draft.client_id) {
            return repeat;
        }
        let record = &mut self.record;
        record.head = record.head.next();
        record.last_at = record.last_at.max(draft.at);
        record.acl += u64::from(draft.takes_right);
        record.n += u64::from(draft.effects.iter().any(|effect| matches!(effect, Effect::PutMessage { .. })));
        let place = Appended { seq: record.head, at: record.last_at, n: record.n };

        let row = EntryRow::of(draft, place.seq, place.at, place.n);
        self.entries.push(Stored { row, digest: Some(draft.digest) });
        self.made.entry(draft.by).or_default().insert(draft.client_id.clone(), place.seq);
        for effect in &draft.effects {
            self.take_effect(effect, draft, place);
            if let Effect::PutMember { user, .. } = effect {
                moved.insert(*user);
            }
        }
        Outcome::Appended(place)
    }

    fn take_effect(&mut self, effect: &Effect, draft: &DraftEntry, place: Appended) {
        match effect {
            Effect::PutMessage { text, payload } => {
                self.messages.push(MessageRow::of(draft, place, text.clone(), payload.clone()));
                self.raise(draft.by, Receipt { read: place.seq, delivered: place.seq });
            }
            Effect::SetBody { target, text, payload, .. } => {
                self.set_body(*target, text.clone(), payload.clone(), place);
            }
            Effect::Tombstone { target, .. } => self.bury(*target, place),
            Effect::PutMember { user, standing, history } => {
                self.put_member(*user, *standing, *history, place);
            }
            Effect::SetConversation(patch) => self.set_conversation(patch.clone()),
            Effect::PutMark { target, key, by } => {
                if self.touch(*target, place.seq) {
                    self.marks.insert(Mark { target: *target, key: key.clone(), by: *by });
                }
            }
            Effect::DropMark { target, key, by } => {
                if self.touch(*target, place.seq) {
                    self.marks.remove(&Mark { target: *target, key: key.clone(), by: *by });
                }
            }
        }
    }

    fn message_mut(&mut self, seq: Seq) -> Option<&mut MessageRow> {
        let at = index(self.n_at(seq))?;
        self.messages.get_mut(at).filter(|message| message.seq == seq)
    }

    fn set_body(&mut self, target: Seq, text: Option<String>, payload: Option<Payload>, place: Appended) {
        let message = self.message_mut(target).expect("judged before");
        message.rev = place.seq;
        message.edited_at = Some(place.at);
        message.text = text;
        message.payload = payload;
    }

    fn bury(&mut self, target: Seq, place: Appended) {
        let message = self.message_mut(target).expect("judged before");
        message.rev = place.seq;
        message.deleted_at = Some(place.at);
        message.text = None;
        message.payload = None;
        self.marks.retain(|mark| mark.target != target);
        let entry = index(target.get()).and_then(|at| self.entries.get_mut(at)).expect("judged before");
        entry.digest = None;
    }

    /// Moves the `rev` of a message that is there and not deleted; answers whether it is.
    fn touch(&mut self, target: Seq, seq: Seq) -> bool {
        let alive = self.message_mut(target).filter(|message| message.deleted_at.is_none());
        alive.map(|message| message.rev = seq).is_some()
    }

    fn put_member(&mut self, user: UserId, standing: Option<Standing>, history: History, place: Appended) {
        self.record.roster += 1;
        let was = self.members.get(&user).filter(|row| row.role().is_some());
        let row = match (standing, was) {
            (None, _) => None,
            (Some(Standing::Banned), _) => {
                Some(Membership::new(self.record.id, user, Standing::Banned, Seq::ZERO, place.at))
            }
            (Some(standing), Some(was)) => Some(Membership { standing, ..was.clone() }),
            (Some(standing), None) => {
                let visible_from = if history == History::All { Seq::FIRST } else { place.seq };
                let new = Membership::new(self.record.id, user, standing, visible_from, place.at);
                Some(Membership { read: place.seq, read_n: place.n, delivered: place.seq, ..new })
            }
        };
        self.set_row(user, row);
    }

    fn set_conversation(&mut self, patch: ConversationPatch) {
        let record = &mut self.record;
        record.name = patch.name.apply(record.name.take());
        record.picture = patch.picture.apply(record.picture.take());
        record.metadata = patch.metadata.apply(record.metadata.take());
        record.settings = patch.settings.unwrap_or(record.settings);
        record.closed |= patch.closed == ClosedBy::ThisEntry;
    }

    /// Puts or takes away a row; `member_count` follows.
    pub(super) fn set_row(&mut self, user: UserId, row: Option<Membership>) {
        let is_member = row.as_ref().is_some_and(|row| row.role().is_some());
        let was = match row {
            Some(row) => self.members.insert(user, row),
            None => self.members.remove(&user),
        };
        let was_member = was.is_some_and(|row| row.role().is_some());
        self.record.member_count += u64::from(is_member);
        self.record.member_count -= u64::from(was_member);
    }

    /// Raises a member's receipt to what is reported, cut to the head; answers it before and after.
    pub(super) fn raise(&mut self, user: UserId, to: Receipt) -> Option<(Receipt, Receipt)> {
        let head = self.record.head;
        let row = self.members.get(&user).filter(|row| row.role().is_some())?;
        let before = Receipt { read: row.read, delivered: row.delivered };
        let after = before.merge(Receipt { read: to.read.min(head), delivered: to.delivered.min(head) });
        let read_n = self.n_at(after.read);
        let row = self.members.get_mut(&user).expect("just seen");
        (row.read, row.read_n, row.delivered) = (after.read, read_n, after.delivered);
        Some((before, after))
    }
}

/// While a lane is judged: the `rev` of each message it has touched so far, absent once it is deleted.
struct Revs<'a> {
    room: &'a Room,
    touched: BTreeMap<Seq, Option<Seq>>,
}

impl Revs<'_> {
    /// The `rev` of a message that is there and not deleted.
    fn of(&self, target: Seq) -> Option<Seq> {
        let stored = || self.room.message(target).filter(|row| row.deleted_at.is_none()).map(|row| row.rev);
        self.touched.get(&target).copied().unwrap_or_else(stored)
    }

    fn judge(&mut self, effect: &Effect, seq: Seq) -> Result<(), StoreError> {
        match effect {
            Effect::PutMessage { .. } => {
                self.touched.insert(seq, Some(seq));
            }
            Effect::SetBody { target, rev, .. } | Effect::Tombstone { target, rev } => {
                if self.of(*target) != Some(*rev) {
                    return Err(StoreError::Conflict);
                }
                let alive = matches!(effect, Effect::SetBody { .. });
                self.touched.insert(*target, alive.then_some(seq));
            }
            Effect::PutMark { target, .. } | Effect::DropMark { target, .. } => {
                if self.of(*target).is_some() {
                    self.touched.insert(*target, Some(seq));
                }
            }
            Effect::PutMember { .. } | Effect::SetConversation(_) => {}
        }
        Ok(())
    }
}

/// Where the thing of this number (1, 2, 3, …) stands in a vector.
pub(super) fn index(number: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(1)?).ok()
}
