//! What an append writes, decided from what was read: no I/O, no dialect.
//!
//! A driver reads what [`Wanted`] names, under the locks of its transaction, calls [`plan`], and carries the
//! [`Plan`] out: first its entries, then its writes in order, then the receipts of its senders, then the
//! conversation. Nothing is written for a lane that is refused.

use std::collections::HashMap;

use chat_core::conversation::{Conversation, History, Membership, Standing};
use chat_core::id::{Seq, UserId};
use chat_core::message::{ClientId, Payload};
use chat_core::store::{
    Appended, ClosedBy, ConversationPatch, DraftEntry, Effect, Lane, Outcome, StoreError,
};
use chat_core::time::Timestamp;

/// A conversation with what stores keep beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// As everybody sees it.
    pub(crate) conversation: Conversation,
    /// Position of the last message; zero without one.
    pub(crate) last_message: Seq,
}

/// What the effects of a message's target are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its number among the messages.
    pub(crate) n: u64,
    /// Position of its last change.
    pub(crate) rev: Seq,
    /// Whether it is deleted.
    pub(crate) deleted: bool,
}

/// What must be read beside the conversation and the repeats.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Messages that are changed.
    pub(crate) targets: Vec<Seq>,
    /// Users whose membership is set.
    pub(crate) members: Vec<UserId>,
}

impl Wanted {
    /// What this lane's effects are about.
    pub(crate) fn of(lane: &Lane) -> Self {
        let mut wanted = Self::default();
        for effect in lane.drafts.iter().flat_map(|draft| &draft.effects) {
            match effect {
                Effect::SetBody { target, .. }
                | Effect::Tombstone { target, .. }
                | Effect::PutMark { target, .. }
                | Effect::DropMark { target, .. } => wanted.targets.push(*target),
                Effect::PutMember { user, .. } => wanted.members.push(*user),
                Effect::PutMessage { .. } | Effect::SetConversation(_) => {}
            }
        }
        wanted
    }
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Known {
    /// Where; absent where there is none.
    pub(crate) kept: Option<Kept>,
    /// For each draft its first entry, if it is a repeat.
    pub(crate) repeats: Vec<Option<Outcome>>,
    /// The wanted messages that exist.
    pub(crate) targets: HashMap<Seq, Target>,
    /// The wanted members that have a row.
    pub(crate) members: HashMap<UserId, Membership>,
}

/// An entry to be inserted, with the message it is, if it is one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NewEntry<'l> {
    /// What was asked.
    pub(crate) draft: &'l DraftEntry,
    /// The draft's place in its lane.
    pub(crate) nth: usize,
    /// Where it stands.
    pub(crate) appended: Appended,
    /// Its message.
    pub(crate) message: Option<NewMessage<'l>>,
}

/// What a new message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewMessage<'l> {
    /// What was written.
    pub(crate) text: Option<&'l str>,
    /// The rest.
    pub(crate) body: Option<&'l Payload>,
}

/// One change beside the entries.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Write<'l> {
    /// A message holds something else.
    Body { target: Seq, rev: Seq, at: Timestamp, message: NewMessage<'l> },
    /// A message is deleted, its marks with it.
    Tombstone { target: Seq, n: u64, rev: Seq, at: Timestamp },
    /// A mark is there.
    Mark { target: Seq, rev: Seq, key: &'l str, by: UserId },
    /// A mark is not there.
    Unmark { target: Seq, rev: Seq, key: &'l str, by: UserId },
    /// A membership row is this.
    Member(Membership),
    /// A membership row is gone.
    NoMember(UserId),
}

/// A sender has read what he wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnRead {
    /// Who; nothing when he is no member.
    pub(crate) user: UserId,
    /// Up to here.
    pub(crate) seq: Seq,
    /// How many messages there are up to there.
    pub(crate) n: u64,
}

/// What a lane writes and answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan<'l> {
    /// New rows, ascending.
    pub(crate) entries: Vec<NewEntry<'l>>,
    /// Changes of older rows, in order.
    pub(crate) writes: Vec<Write<'l>>,
    /// What the senders have read, one for each.
    pub(crate) own_reads: Vec<OwnRead>,
    /// The conversation afterwards.
    pub(crate) kept: Kept,
    /// Whether more of it changed than its counters.
    pub(crate) record: Record,
    /// The answers.
    pub(crate) outcomes: Vec<Outcome>,
}

/// Whether the record of a conversation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// It is as it was.
    Same,
    /// It is new.
    Changed,
}

/// Decides a lane.
///
/// # Errors
/// [`StoreError::Conflict`] when the conversation, or a message, is not as expected.
pub(crate) fn plan(lane: &Lane, known: Known) -> Result<Plan<'_>, StoreError> {
    let Known { kept, repeats, targets, members } = known;
    let kept = kept.ok_or(StoreError::Conflict)?;
    let admitted = is_admitted(lane, &kept.conversation);
    let plan = Plan {
        entries: Vec::with_capacity(lane.drafts.len()),
        writes: Vec::new(),
        own_reads: Vec::new(),
        kept,
        record: Record::Same,
        outcomes: Vec::with_capacity(lane.drafts.len()),
    };
    let mut planner = Planner { targets, members, firsts: HashMap::new(), plan };
    for ((nth, draft), repeat) in lane.drafts.iter().enumerate().zip(repeats) {
        let repeat = repeat.or_else(|| planner.firsts.get(&(draft.by, &draft.client_id)).cloned());
        if let Some(first) = repeat {
            planner.plan.outcomes.push(first);
        } else if admitted {
            planner.append(draft, nth)?;
        } else {
            return Err(StoreError::Conflict);
        }
    }
    Ok(planner.plan)
}

fn is_admitted(lane: &Lane, now: &Conversation) -> bool {
    let expected = lane.expected;
    !now.closed && expected.acl == now.acl && expected.roster.is_none_or(|roster| roster == now.roster)
}

struct Planner<'l> {
    /// Messages as they are after the drafts so far.
    targets: HashMap<Seq, Target>,
    /// Membership rows as they are after the drafts so far.
    members: HashMap<UserId, Membership>,
    /// What was appended in this lane, for repeats within it.
    firsts: HashMap<(UserId, &'l ClientId), Outcome>,
    plan: Plan<'l>,
}

impl<'l> Planner<'l> {
    fn append(&mut self, draft: &'l DraftEntry, nth: usize) -> Result<(), StoreError> {
        let appended = self.allot(draft);
        self.plan.entries.push(NewEntry { draft, nth, appended, message: None });
        for effect in &draft.effects {
            self.apply(draft, appended, effect)?;
        }
        let first = Outcome::Repeat { seq: appended.seq, digest: Some(draft.digest) };
        self.firsts.insert((draft.by, &draft.client_id), first);
        self.plan.outcomes.push(Outcome::Appended(appended));
        Ok(())
    }

    /// The draft's place, and the conversation's counters after it.
    fn allot(&mut self, draft: &DraftEntry) -> Appended {
        let Kept { conversation: now, last_message } = &mut self.plan.kept;
        now.head = now.head.next();
        now.last_at = now.last_at.max(draft.at);
        now.acl += u64::from(draft.takes_right);
        if draft.effects.iter().any(|effect| matches!(effect, Effect::PutMessage { .. })) {
            now.n += 1;
            *last_message = now.head;
        }
        Appended { seq: now.head, at: now.last_at, n: now.n }
    }

    fn apply(&mut self, draft: &DraftEntry, at: Appended, effect: &'l Effect) -> Result<(), StoreError> {
        match effect {
            Effect::PutMessage { text, payload } => {
                self.put_message(draft.by, at, NewMessage { text: text.as_deref(), body: payload.as_ref() });
            }
            Effect::SetBody { target, rev, text, payload } => {
                self.expect_message(*target, *rev)?.rev = at.seq;
                let message = NewMessage { text: text.as_deref(), body: payload.as_ref() };
                self.plan.writes.push(Write::Body { target: *target, rev: at.seq, at: at.at, message });
            }
            Effect::Tombstone { target, rev } => {
                let message = self.expect_message(*target, *rev)?;
                (message.rev, message.deleted) = (at.seq, true);
                let n = message.n;
                self.forget_digest(*target);
                self.plan.writes.push(Write::Tombstone { target: *target, n, rev: at.seq, at: at.at });
            }
            Effect::PutMember { user, standing, history } => self.put_member(*user, *standing, *history, at),
            Effect::SetConversation(patch) => self.set_conversation(patch),
            Effect::PutMark { target, key, by } => {
                if self.touch(*target, at.seq) {
                    let (target, rev, by) = (*target, at.seq, *by);
                    self.plan.writes.push(Write::Mark { target, rev, key, by });
                }
            }
            Effect::DropMark { target, key, by } => {
                if self.touch(*target, at.seq) {
                    let (target, rev, by) = (*target, at.seq, *by);
                    self.plan.writes.push(Write::Unmark { target, rev, key, by });
                }
            }
        }
        Ok(())
    }

    fn put_message(&mut self, by: UserId, at: Appended, message: NewMessage<'l>) {
        let entry = self.plan.entries.last_mut().expect("the entry was pushed before its effects");
        entry.message = Some(message);
        self.targets.insert(at.seq, Target { n: at.n, rev: at.seq, deleted: false });
        let read = OwnRead { user: by, seq: at.seq, n: at.n };
        match self.plan.own_reads.iter_mut().find(|read| read.user == by) {
            Some(earlier) => *earlier = read,
            None => self.plan.own_reads.push(read),
        }
    }

    /// The message, if it is there, alive and at this `rev`.
    fn expect_message(&mut self, target: Seq, rev: Seq) -> Result<&mut Target, StoreError> {
        let message = self.targets.get_mut(&target).ok_or(StoreError::Conflict)?;
        if message.deleted || message.rev != rev { Err(StoreError::Conflict) } else { Ok(message) }
    }

    /// A repeat of a message that this lane made and deleted has no digest either.
    fn forget_digest(&mut self, target: Seq) {
        for first in self.firsts.values_mut() {
            if let Outcome::Repeat { seq, digest } = first
                && *seq == target
            {
                *digest = None;
            }
        }
    }

    /// Raises a message's `rev`; answers whether it is there and alive.
    fn touch(&mut self, target: Seq, rev: Seq) -> bool {
        match self.targets.get_mut(&target) {
            Some(message) if !message.deleted => {
                message.rev = rev;
                true
            }
            Some(_) | None => false,
        }
    }

    fn put_member(&mut self, user: UserId, standing: Option<Standing>, history: History, at: Appended) {
        let now = &mut self.plan.kept.conversation;
        now.roster += 1;
        let before = self.members.get(&user).and_then(Membership::role);
        let after = standing.and_then(Standing::role);
        match (before.is_some(), after.is_some()) {
            (false, true) => now.member_count += 1,
            (true, false) => now.member_count = now.member_count.saturating_sub(1),
            (false, false) | (true, true) => {}
        }
        let Some(standing) = standing else {
            self.members.remove(&user);
            self.plan.writes.push(Write::NoMember(user));
            return;
        };
        let row = match self.members.get(&user) {
            Some(row) if row.role().is_some() && after.is_some() => {
                let mut row = row.clone();
                row.standing = standing;
                row
            }
            Some(_) | None => newcomer(now, user, standing, history, at),
        };
        self.members.insert(user, row.clone());
        self.plan.writes.push(Write::Member(row));
    }

    fn set_conversation(&mut self, patch: &ConversationPatch) {
        let ConversationPatch { name, picture, metadata, settings, closed } = patch.clone();
        let now = &mut self.plan.kept.conversation;
        now.name = name.apply(now.name.take());
        now.picture = picture.apply(now.picture.take());
        now.metadata = metadata.apply(now.metadata.take());
        now.settings = settings.unwrap_or(now.settings);
        now.closed = now.closed || closed == ClosedBy::ThisEntry;
        self.plan.record = Record::Changed;
    }
}

/// The row of somebody who was no member: a new member's view begins here, a banned row holds nothing.
fn newcomer(
    now: &Conversation,
    user: UserId,
    standing: Standing,
    history: History,
    at: Appended,
) -> Membership {
    let visible_from = match (standing, history) {
        (Standing::Banned, _) => Seq::ZERO,
        (Standing::Member(_), History::All) => Seq::new(1),
        (Standing::Member(_), History::FromJoin) => at.seq,
    };
    let mut row = Membership::new(now.id, user, standing, visible_from, at.at);
    if standing != Standing::Banned {
        (row.read, row.read_n, row.delivered) = (at.seq, at.n, at.seq);
    }
    row
}
