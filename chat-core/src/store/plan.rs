//! What an append writes, decided from what was read: no I/O, no dialect. For those who write a store; who uses one
//! never meets it.
//!
//! A store reads what [`Wanted`] names, under the locks of its transaction or before it compares and swaps, calls
//! [`plan`](plan()), and carries the [`Plan`] out: first its entries, then its writes in order, then the receipts of
//! its senders, then the conversation. Nothing is written for a lane that is refused.

use std::collections::{HashMap, HashSet};

use super::{Appended, ClosedBy, ConversationPatch, DraftEntry, Effect, Lane, Outcome, StoreError};
use crate::conversation::{Conversation, History, Membership, Standing};
use crate::id::{Seq, UserId};
use crate::message::{ClientId, Payload};
use crate::time::Timestamp;

/// A conversation with what stores keep beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// As everybody sees it.
    pub conversation: Conversation,
    /// Position of the last message; zero without one.
    pub last_message: Seq,
}

/// What the effects of a message's target are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its number among the messages.
    pub n: u64,
    /// Position of its last change.
    pub rev: Seq,
    /// Whether it is deleted.
    pub deleted: bool,
}

/// What must be read beside the conversation and the repeats.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Messages that are changed.
    pub targets: Vec<Seq>,
    /// Users whose membership is set.
    pub members: Vec<UserId>,
}

impl Wanted {
    /// What this lane's effects are about.
    pub fn of(lane: &Lane) -> Self {
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
pub struct Known {
    /// Where; absent where there is none.
    pub kept: Option<Kept>,
    /// For each draft its first entry, if it is a repeat.
    pub repeats: Vec<Option<Outcome>>,
    /// The wanted messages that exist.
    pub targets: HashMap<Seq, Target>,
    /// The wanted members that have a row.
    pub members: HashMap<UserId, Membership>,
}

/// An entry to be inserted, with the message it is, if it is one.
#[derive(Debug, PartialEq, Eq)]
pub struct NewEntry<'l> {
    /// What was asked.
    pub draft: &'l DraftEntry,
    /// The draft's place in its lane.
    pub nth: usize,
    /// Where it stands.
    pub appended: Appended,
    /// Its message.
    pub message: Option<NewMessage<'l>>,
}

/// What a new message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewMessage<'l> {
    /// What was written.
    pub text: Option<&'l str>,
    /// The rest.
    pub body: Option<&'l Payload>,
}

/// One change beside the entries.
#[derive(Debug, PartialEq, Eq)]
pub enum Write<'l> {
    /// A message holds something else.
    Body {
        /// The message.
        target: Seq,
        /// Position of the change.
        rev: Seq,
        /// Time of the change.
        at: Timestamp,
        /// What it holds now.
        message: NewMessage<'l>,
    },
    /// A message is deleted, its marks with it.
    Tombstone {
        /// The message.
        target: Seq,
        /// Its number among the messages.
        n: u64,
        /// Position of the change.
        rev: Seq,
        /// Time of the change.
        at: Timestamp,
    },
    /// A mark is there.
    Mark {
        /// The message.
        target: Seq,
        /// Position of the change.
        rev: Seq,
        /// Which mark.
        key: &'l str,
        /// Whose.
        by: UserId,
    },
    /// A mark is not there.
    Unmark {
        /// The message.
        target: Seq,
        /// Position of the change.
        rev: Seq,
        /// Which mark.
        key: &'l str,
        /// Whose.
        by: UserId,
    },
    /// A membership row is this.
    Member(Membership),
    /// A membership row is gone.
    NoMember(UserId),
}

/// A sender has read what he wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnRead {
    /// Who; nothing when he is no member.
    pub user: UserId,
    /// Up to here.
    pub seq: Seq,
    /// How many messages there are up to there.
    pub n: u64,
}

/// What a lane writes and answers.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan<'l> {
    /// New rows, ascending.
    pub entries: Vec<NewEntry<'l>>,
    /// Changes of older rows, in order.
    pub writes: Vec<Write<'l>>,
    /// What the senders have read, one for each.
    pub own_reads: Vec<OwnRead>,
    /// The conversation afterwards.
    pub kept: Kept,
    /// Whether more of it changed than its counters.
    pub record: Record,
    /// The answers.
    pub outcomes: Vec<Outcome>,
}

/// Whether the record of a conversation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// It is as it was.
    Same,
    /// It is new.
    Changed,
}

/// Decides a lane.
///
/// # Errors
/// [`StoreError::Conflict`] when the conversation, or a message, is not as expected.
pub fn plan(lane: &Lane, known: Known) -> Result<Plan<'_>, StoreError> {
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
    let (firsts, deleted) = (HashMap::new(), HashSet::new());
    let mut planner = Planner { targets, members, firsts, deleted, plan };
    for ((nth, draft), repeat) in lane.drafts.iter().enumerate().zip(repeats) {
        let repeat = repeat.or_else(|| planner.firsts.get(&(draft.by, &draft.client_id)).cloned());
        if let Some(first) = repeat {
            planner.plan.outcomes.push(planner.as_it_is_now(first));
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
    /// The messages that this lane has deleted so far.
    deleted: HashSet<Seq>,
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
                self.deleted.insert(*target);
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

    /// A repeat of a message that this lane has deleted has no digest, whether the lane has made it or it was there.
    fn as_it_is_now(&self, first: Outcome) -> Outcome {
        match first {
            Outcome::Repeat { seq, .. } if self.deleted.contains(&seq) => {
                Outcome::Repeat { seq, digest: None }
            }
            first => first,
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
        (Standing::Member(_), History::All) => Seq::FIRST,
        (Standing::Member(_), History::FromJoin) => at.seq,
    };
    let mut row = Membership::new(now.id, user, standing, visible_from, at.at);
    if standing != Standing::Banned {
        (row.read, row.read_n, row.delivered) = (at.seq, at.n, at.seq);
    }
    row
}

#[cfg(test)]
mod tests {
    use crate::conversation::{Kind, Role};
    use crate::id::{ConversationId, EntryId};
    use crate::message::Patch;
    use crate::store::Expected;

    use super::*;

    const MEMBER: Option<Standing> = Some(Standing::Member(Role::Member));

    fn user(number: u64) -> UserId {
        UserId::from(number)
    }

    fn draft(by: u64, client_id: &str, effects: Vec<Effect>) -> DraftEntry {
        let (id, at) = (EntryId::from_bytes([1; 16]), Timestamp::from_millis(5));
        let mut draft = DraftEntry::new(id, at, user(by), ClientId::new(client_id).unwrap(), 1);
        draft.effects = effects;
        draft
    }

    fn says(by: u64, client_id: &str) -> DraftEntry {
        draft(by, client_id, vec![Effect::PutMessage { text: Some("hello".to_owned()), payload: None }])
    }

    fn lane(drafts: Vec<DraftEntry>) -> Lane {
        let expected = Expected { acl: 3, roster: None };
        Lane { conversation: ConversationId::from_bytes([9; 16]), expected, drafts }
    }

    /// A conversation with 10 entries, 4 of them messages.
    fn known(lane: &Lane) -> Known {
        let mut now = Conversation::shell(lane.conversation, Kind::Group, Timestamp::from_millis(9));
        (now.head, now.n, now.acl, now.member_count) = (Seq::new(10), 4, 3, 2);
        let target = Target { n: 2, rev: Seq::new(6), deleted: false };
        Known {
            kept: Some(Kept { conversation: now, last_message: Seq::new(8) }),
            repeats: vec![None; lane.drafts.len()],
            targets: HashMap::from([(Seq::new(6), target)]),
            members: HashMap::new(),
        }
    }

    #[test]
    fn places_are_allotted_in_order() {
        let lane = lane(vec![says(1, "a"), draft(2, "b", Vec::new()), says(1, "c")]);
        let plan = plan(&lane, known(&lane)).unwrap();
        let places: Vec<_> =
            plan.entries.iter().map(|entry| (entry.appended.seq.get(), entry.appended.n)).collect();
        assert_eq!(places, [(11, 5), (12, 5), (13, 6)]);
        assert!(plan.entries.iter().all(|entry| entry.appended.at == Timestamp::from_millis(9)));
        assert_eq!((plan.kept.conversation.n, plan.kept.last_message), (6, Seq::new(13)));
        assert_eq!(plan.own_reads, [OwnRead { user: user(1), seq: Seq::new(13), n: 6 }]);
        assert_eq!((plan.writes.len(), plan.record), (0, Record::Same));
    }

    #[test]
    fn a_lane_of_repeats_is_answered_whatever_is_expected() {
        let mut lane = lane(vec![says(1, "a"), says(1, "a")]);
        lane.expected.acl = 99;
        let first = Outcome::Repeat { seq: Seq::new(4), digest: None };
        let mut repeats = known(&lane);
        repeats.repeats = vec![Some(first.clone()); 2];
        let plan = plan(&lane, repeats).unwrap();
        assert_eq!((plan.outcomes, plan.entries.len()), (vec![first.clone(), first], 0));

        let refused = super::plan(&lane, known(&lane)).unwrap_err();
        assert!(matches!(refused, StoreError::Conflict));
    }

    #[test]
    fn a_repeat_inside_a_lane_answers_the_first() {
        let lane = lane(vec![says(1, "a"), says(2, "a"), says(1, "a")]);
        let plan = plan(&lane, known(&lane)).unwrap();
        assert_eq!(plan.entries.len(), 2);
        assert_eq!(plan.outcomes[2], Outcome::Repeat { seq: Seq::new(11), digest: Some([0; 16]) });
    }

    #[test]
    fn a_repeat_of_what_the_lane_has_deleted_has_no_digest() {
        let there = Seq::new(6);
        let delete = Effect::Tombstone { target: there, rev: there };
        let lane = lane(vec![says(1, "a"), draft(1, "b", vec![delete]), says(1, "a")]);
        let mut known = known(&lane);
        let first = Outcome::Repeat { seq: there, digest: Some([7; 16]) };
        (known.repeats[0], known.repeats[2]) = (Some(first.clone()), Some(first.clone()));
        let planned = plan(&lane, known).unwrap();
        assert_eq!(planned.outcomes[0], first);
        assert_eq!(planned.outcomes[2], Outcome::Repeat { seq: there, digest: None });
    }

    #[test]
    fn a_message_made_in_the_lane_can_be_changed_in_it() {
        let own = Seq::new(11);
        let delete = Effect::Tombstone { target: own, rev: own };
        let lane = lane(vec![says(1, "a"), draft(1, "b", vec![delete.clone()]), says(1, "a")]);
        let planned = plan(&lane, known(&lane)).unwrap();
        let (rev, at) = (Seq::new(12), Timestamp::from_millis(9));
        assert_eq!(planned.writes, [Write::Tombstone { target: own, n: 5, rev, at }]);
        assert_eq!(planned.outcomes[2], Outcome::Repeat { seq: own, digest: None });

        let twice = super::tests::lane(vec![says(1, "a"), draft(1, "b", vec![delete.clone(), delete])]);
        assert!(matches!(plan(&twice, known(&twice)), Err(StoreError::Conflict)));
    }

    #[test]
    fn marks_on_what_is_not_there_write_nothing() {
        let mark = |target| Effect::PutMark { target: Seq::new(target), key: "+1".to_owned(), by: user(2) };
        let lane = lane(vec![draft(2, "a", vec![mark(6), mark(7)])]);
        let plan = plan(&lane, known(&lane)).unwrap();
        let target = Seq::new(6);
        assert_eq!(plan.writes, [Write::Mark { target, rev: Seq::new(11), key: "+1", by: user(2) }]);
    }

    #[test]
    fn memberships_follow_their_rows() {
        let put = |standing, history| Effect::PutMember { user: user(7), standing, history };
        let effects = vec![
            put(MEMBER, History::FromJoin),
            put(Some(Standing::Member(Role::Admin)), History::All),
            put(Some(Standing::Banned), History::All),
            put(None, History::All),
        ];
        let lane = lane(vec![draft(1, "a", effects)]);
        let plan = plan(&lane, known(&lane)).unwrap();
        let rows: Vec<_> = plan
            .writes
            .iter()
            .map(|write| match write {
                Write::Member(row) => {
                    Some((row.standing, row.visible_from.get(), row.read.get(), row.read_n))
                }
                _ => None,
            })
            .collect();
        let admin = Standing::Member(Role::Admin);
        let expected = [
            Some((MEMBER.unwrap(), 11, 11, 4)),
            Some((admin, 11, 11, 4)),
            Some((Standing::Banned, 0, 0, 0)),
            None,
        ];
        assert_eq!(rows, expected);
        assert_eq!((plan.kept.conversation.roster, plan.kept.conversation.member_count), (4, 2));
    }

    #[test]
    fn the_record_is_written_only_when_it_changes() {
        let patch = ConversationPatch { name: Patch::Set("new".to_owned()), ..ConversationPatch::default() };
        let mut entry = draft(1, "a", vec![Effect::SetConversation(patch)]);
        entry.takes_right = true;
        let lane = lane(vec![entry]);
        let plan = plan(&lane, known(&lane)).unwrap();
        assert_eq!((plan.record, plan.kept.conversation.acl), (Record::Changed, 4));
        assert_eq!(plan.kept.conversation.name.as_deref(), Some("new"));
    }
}
