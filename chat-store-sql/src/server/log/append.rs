//! Appending: lock, read what the lanes are judged by, let the planner decide, write what it says.
//!
//! The counters of the conversations are locked in the order of their ids. What follows is read in new statements,
//! which see everything that was committed by who held the locks before: so a repeat is found, and a right is judged,
//! as of the moment of the commit. Every entry is inserted as it is, never "unless it is there": a position that is
//! taken twice is a bug, and must not pass. Lanes fail alone; only what the server refuses fails the batch.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chat_core::conversation::Membership;
use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::message::ClientId;
use chat_core::store::{Change, Effect, Lane, LaneDone, Outcome, StoreError};

#[cfg(feature = "postgres")]
use super::quick::Quick;
use super::{Place, place};
use crate::codec::{dedupe, int, pack_client_id};
use crate::plan::{Kept, Known, NewEntry, Plan, Record, Target, Wanted, Write, plan};
use crate::server::Server;
use crate::server::columns::{Columns, Row};
use crate::server::conversations::{self, update};
use crate::server::dead::bury;
#[cfg(feature = "postgres")]
use crate::server::dialect::Dialect;
use crate::server::error::{Done, UNREADABLE};
use crate::server::found::Found;
use crate::server::line::Line;
use crate::server::memberships::{self, Key, put_members};
use crate::server::value::{Rows, Value, values};
use crate::statements::batched::{
    conversations as batched_conversations, log as batched, members as batched_members,
};
use crate::statements::{log as sql, members as members_sql};

/// Lanes from which on a batch is parted.
const SPLIT_MIN: usize = 8;

/// Who made an entry under which id, as columns.
pub(in crate::server) struct Made {
    place: ConversationId,
    by: UserId,
    pub(in crate::server) client_id: Vec<u8>,
    pub(in crate::server) dedupe: i64,
}

impl Made {
    pub(in crate::server) fn of(
        key: &[u8; 32],
        place: ConversationId,
        by: UserId,
        client_id: &ClientId,
    ) -> Self {
        let client_id = pack_client_id(client_id);
        let dedupe = dedupe(key, by, &client_id);
        Self { place, by, client_id, dedupe }
    }
}

/// The entries that were made first under some ids.
#[derive(Debug, Default)]
pub(in crate::server) struct Firsts {
    found: HashMap<(ConversationId, UserId, Vec<u8>), Outcome>,
    /// Where one of them may be a row that cannot be read.
    unreadable: HashSet<ConversationId>,
}

impl Firsts {
    /// The one made under this id.
    pub(in crate::server) fn of(&self, made: &Made) -> Done<Option<Outcome>> {
        if self.unreadable.contains(&made.place) {
            return Err(StoreError::Corrupt(UNREADABLE).into());
        }
        Ok(self.found.get(&(made.place, made.by, made.client_id.clone())).cloned())
    }

    fn add(&mut self, row: &Row) -> Done<()> {
        let mut columns = Columns::of(row);
        let place = columns.id(ConversationId::from_bytes)?;
        let mut first = || {
            let (seq, by) = (columns.seq()?, columns.id(UserId::from_bytes)?);
            let client_id = columns.optional_bytes()?.unwrap_or_default().to_vec();
            let digest = columns.optional_array()?;
            Ok(((place, by, client_id), Outcome::Repeat { seq, digest }))
        };
        let first: Done<_> = first();
        match first {
            Ok((key, outcome)) => drop(self.found.insert(key, outcome)),
            Err(_) => drop(self.unreadable.insert(place)),
        }
        Ok(())
    }
}

/// The entries that were made first under these ids.
pub(in crate::server) async fn firsts<'m>(
    line: &mut Line,
    made: impl IntoIterator<Item = &'m Made>,
) -> Done<Firsts> {
    let mut keys: Vec<(ConversationId, i64)> =
        made.into_iter().map(|made| (made.place, made.dedupe)).collect();
    keys.sort_unstable();
    keys.dedup();
    let key = |(place, dedupe): &(ConversationId, i64)| [Value::from(place.as_bytes()), Value::from(*dedupe)];
    let keys: Rows<'_> = keys.iter().map(key).collect();
    let mut firsts = Firsts::default();
    if !keys.is_empty() {
        for row in &line.query(batched::FIRSTS, values![&keys, line.tenant]).await? {
            firsts.add(row)?;
        }
    }
    Ok(firsts)
}

/// What became of a lane, and of its conversation.
pub(super) type Answer = Result<(Vec<Outcome>, Kept), StoreError>;

/// Appends a batch: in two parts, told apart by the conversations' ids, which commit at the same time.
pub(super) async fn append(server: &Server, batch: Arc<[Lane]>) -> Vec<Result<LaneDone, StoreError>> {
    let (even, odd): (Vec<usize>, Vec<usize>) = (0..batch.len()).partition(|nth| {
        batch.len() < SPLIT_MIN || batch[*nth].conversation.as_bytes()[15].is_multiple_of(2)
    });
    let (first, second) = tokio::join!(part(server, &batch, &even), part(server, &batch, &odd));
    let answers = even.into_iter().zip(first).chain(odd.into_iter().zip(second));
    let mut done: Vec<_> = answers.collect();
    done.sort_unstable_by_key(|(nth, _)| *nth);
    done.into_iter().map(|(_, answer)| server.remember(answer)).collect()
}

/// Appends some lanes of a batch.
async fn part(server: &Server, batch: &Arc<[Lane]>, lanes: &[usize]) -> Vec<Answer> {
    if lanes.is_empty() {
        return Vec::new();
    }
    #[cfg(feature = "postgres")]
    if server.shared.dialect == Dialect::Postgres {
        match super::quick::append(server, batch, lanes).await {
            Ok(Quick::Done(answers)) => return answers,
            Ok(Quick::NotSo) => {}
            Err(error) => return vec![Err(error); lanes.len()],
        }
    }
    let (count, key) = (lanes.len(), server.current_meta().digest_key);
    let (batch, lanes) = (Arc::clone(batch), Arc::<[usize]>::from(lanes));
    let done = server.write(move |line| {
        let (batch, lanes) = (Arc::clone(&batch), Arc::clone(&lanes));
        Box::pin(async move {
            let asked: Vec<Asked<'_>> = lanes.iter().map(|nth| Asked::of(&key, &batch[*nth])).collect();
            append_all(line, &asked).await
        })
    });
    done.await.unwrap_or_else(|error| vec![Err(error); count])
}

impl Server {
    /// Keeps what is now known of a conversation, for the next time.
    fn remember(&self, answer: Answer) -> Result<LaneDone, StoreError> {
        let (outcomes, kept) = answer?;
        #[cfg(feature = "postgres")]
        self.shared.heads.put(self.tenant_column(), &kept);
        Ok(LaneDone { outcomes, conversation: kept.conversation })
    }
}

/// A lane with what it asks for.
pub(super) struct Asked<'l> {
    pub(super) lane: &'l Lane,
    pub(super) made: Vec<Made>,
    wanted: Wanted,
}

impl<'l> Asked<'l> {
    pub(super) fn of(key: &[u8; 32], lane: &'l Lane) -> Self {
        let id = lane.conversation;
        let made = lane.drafts.iter().map(|draft| Made::of(key, id, draft.by, &draft.client_id));
        Self { lane, made: made.collect(), wanted: Wanted::of(lane) }
    }
}

/// Locks, reads, plans and writes.
async fn append_all(line: &mut Line, asked: &[Asked<'_>]) -> Done<Vec<Answer>> {
    let known = read(line, asked).await?;
    let mut seen = HashSet::new();
    let plans = asked.iter().zip(known).map(|(asked, known)| {
        let is_second = !seen.insert(asked.lane.conversation);
        let known = known.map_err(StoreError::from)?;
        if is_second { Err(StoreError::Conflict) } else { plan(asked.lane, known) }
    });
    let plans: Vec<Result<Plan<'_>, StoreError>> = plans.collect();
    let planned: Vec<(&Asked<'_>, &Plan<'_>)> =
        asked.iter().zip(&plans).filter_map(|(asked, plan)| Some((asked, plan.as_ref().ok()?))).collect();
    write(line, &planned).await?;
    Ok(plans.into_iter().map(|plan| plan.map(|plan| (plan.outcomes, plan.kept))).collect())
}

/// Everything the lanes are judged by, for each of them. What of it cannot be read is that lane's own failure.
async fn read(line: &mut Line, asked: &[Asked<'_>]) -> Done<Vec<Done<Known>>> {
    let these: Vec<ConversationId> = asked.iter().map(|asked| asked.lane.conversation).collect();
    conversations::lock(line, &these).await?;
    let mut kept = conversations::load(line, &these).await?;
    let firsts = firsts(line, asked.iter().flat_map(|asked| &asked.made)).await?;
    let places = |asked: &Asked<'_>| {
        let id = asked.lane.conversation;
        asked.wanted.targets.iter().map(move |seq| (id, *seq)).collect::<Vec<_>>()
    };
    let targets = targets(line, asked.iter().flat_map(places)).await?;
    let members = members(line, asked).await?;
    let known = asked.iter().map(|Asked { lane, made, wanted }| {
        let id = lane.conversation;
        let mut known = Known {
            kept: kept.take(&id)?,
            repeats: made.iter().map(|made| firsts.of(made)).collect::<Done<_>>()?,
            targets: HashMap::new(),
            members: HashMap::new(),
        };
        for seq in &wanted.targets {
            known.targets.extend(targets.get(&(id, *seq))?.map(|target| (*seq, target)));
        }
        for user in &wanted.members {
            known.members.extend(members.get(&(id, *user))?.map(|row| (*user, row)));
        }
        Ok(known)
    });
    Ok(known.collect())
}

/// The messages at these places, as far as changes of them are judged by that.
pub(in crate::server) async fn targets(
    line: &mut Line,
    places: impl IntoIterator<Item = Place>,
) -> Done<Found<Place, Target>> {
    let places: BTreeSet<Place> = places.into_iter().collect();
    let key = |(id, seq): &Place| [Value::from(id.as_bytes()), Value::from(int(seq.get()))];
    let keys: Rows<'_> = places.iter().map(key).collect();
    if keys.is_empty() {
        return Ok(Found::nothing());
    }
    let rows = line.query(batched::TARGETS, values![&keys, line.tenant]).await?;
    Found::read(&rows, place, |columns| {
        let (n, rev) = (columns.count()?, columns.seq()?);
        Ok(Target { n, rev, deleted: columns.optional_time()?.is_some() })
    })
}

async fn members(line: &mut Line, asked: &[Asked<'_>]) -> Done<Found<Key, Membership>> {
    let keys = asked
        .iter()
        .flat_map(|asked| asked.wanted.members.iter().map(|user| (asked.lane.conversation, *user)))
        .collect::<Vec<Key>>();
    memberships::members(line, &keys).await
}

/// Writes what was planned: a statement for each kind of row, however many lanes there are.
async fn write(line: &mut Line, planned: &[(&Asked<'_>, &Plan<'_>)]) -> Done<()> {
    insert(line, planned).await?;
    for (asked, plan) in planned {
        for write in &plan.writes {
            change(line, asked.lane.conversation, write).await?;
        }
    }
    change_members(line, planned).await?;
    move_own_reads(line, planned).await?;
    move_heads(line, planned).await?;
    for (asked, plan) in planned {
        if plan.record == Record::Changed && !plan.entries.is_empty() {
            update(line, &plan.kept.conversation).await?;
        }
        tell(line, asked.lane, plan);
    }
    Ok(())
}

/// An entry as a row.
pub(super) fn entry<'v>(id: ConversationId, entry: &NewEntry<'v>, made: &'v Made) -> [Value<'v>; 15] {
    let (draft, place) = (entry.draft, entry.appended);
    let (message, seq) = (entry.message, int(place.seq.get()));
    [
        Value::from(id.as_bytes()),
        Value::from(seq),
        Value::from(int(place.n)),
        Value::from(draft.id.as_bytes()),
        Value::from(place.at.millis()),
        Value::from(draft.by.as_bytes()),
        Value::from(made.client_id.as_slice()),
        Value::from(i64::from(draft.kind)),
        Value::from(message.map(|_| seq)),
        Value::from(message.and_then(|message| message.text)),
        Value::from(message.and_then(|message| message.body).map(AsRef::<[u8]>::as_ref)),
        Value::from(draft.target.map(|target| int(target.get()))),
        Value::from(draft.payload.as_deref()),
        Value::from(draft.digest.as_slice()),
        Value::from(made.dedupe),
    ]
}

async fn insert(line: &mut Line, planned: &[(&Asked<'_>, &Plan<'_>)]) -> Done<()> {
    let rows = planned.iter().flat_map(|(asked, plan)| {
        plan.entries.iter().map(|new| entry(asked.lane.conversation, new, &asked.made[new.nth]))
    });
    let rows: Rows<'_> = rows.collect();
    if !rows.is_empty() {
        line.execute(batched::INSERT, values![line.tenant, &rows]).await?;
    }
    Ok(())
}

/// One change of an older row; those of members are written together.
async fn change(line: &mut Line, id: ConversationId, write: &Write<'_>) -> Done<()> {
    let (tenant, key) = (line.tenant, id.as_bytes());
    let seq = |seq: &Seq| int(seq.get());
    match write {
        Write::Body { target, rev, at, message } => {
            let body = message.body.map(AsRef::<[u8]>::as_ref);
            let row = values![seq(rev), at.millis(), message.text, body, tenant, key, seq(target)];
            line.execute(sql::SET_BODY, row).await?;
        }
        Write::Tombstone { target, n, rev, at } => {
            line.execute(sql::BURY, values![seq(rev), at.millis(), tenant, key, seq(target)]).await?;
            line.execute(sql::DROP_MARKS, values![tenant, key, seq(target)]).await?;
            bury(line, id, *n).await?;
        }
        Write::Mark { target, rev, key: mark, by } => {
            line.execute(sql::TOUCH, values![seq(rev), tenant, key, seq(target)]).await?;
            let row = values![tenant, key, seq(target), *mark, by.as_bytes()];
            line.execute(sql::PUT_MARK, row).await?;
        }
        Write::Unmark { target, rev, key: mark, by } => {
            line.execute(sql::TOUCH, values![seq(rev), tenant, key, seq(target)]).await?;
            let row = values![tenant, key, seq(target), *mark, by.as_bytes()];
            line.execute(sql::DROP_MARK, row).await?;
        }
        Write::Member(_) | Write::NoMember(_) => {}
    }
    Ok(())
}

/// Writes what the rows of members have become in the end.
async fn change_members(line: &mut Line, planned: &[(&Asked<'_>, &Plan<'_>)]) -> Done<()> {
    let mut last: BTreeMap<Key, Option<&Membership>> = BTreeMap::new();
    for (asked, plan) in planned {
        let id = asked.lane.conversation;
        for write in &plan.writes {
            match write {
                Write::Member(row) => drop(last.insert((id, row.user), Some(row))),
                Write::NoMember(user) => drop(last.insert((id, *user), None)),
                Write::Body { .. } | Write::Tombstone { .. } | Write::Mark { .. } | Write::Unmark { .. } => {}
            }
        }
    }
    let rows: Vec<Membership> = last.values().flatten().map(|row| (*row).clone()).collect();
    put_members(line, &rows).await?;
    for ((id, user), _) in last.iter().filter(|(_, row)| row.is_none()) {
        line.execute(members_sql::REMOVE, values![line.tenant, id.as_bytes(), user.as_bytes()]).await?;
    }
    Ok(())
}

/// How far the senders have read by writing, in the order of their keys.
pub(super) fn own_reads(planned: &[(&Asked<'_>, &Plan<'_>)]) -> Rows<'static> {
    let reads = planned.iter().flat_map(|(asked, plan)| {
        plan.own_reads.iter().map(|read| ((asked.lane.conversation, read.user), (read.seq, read.n)))
    });
    let reads: BTreeMap<Key, (Seq, u64)> = reads.collect();
    let row = |((id, user), (seq, n)): (&Key, &(Seq, u64))| {
        let numbers = [int(seq.get()), int(*n)].map(Value::from);
        [Value::from(id.as_bytes()), Value::from(user.as_bytes()), numbers[0], numbers[1]]
    };
    reads.iter().map(row).collect()
}

async fn move_own_reads(line: &mut Line, planned: &[(&Asked<'_>, &Plan<'_>)]) -> Done<()> {
    let rows = own_reads(planned);
    if !rows.is_empty() {
        line.execute(batched_members::OWN_READS, values![&rows, line.tenant]).await?;
    }
    Ok(())
}

async fn move_heads(line: &mut Line, planned: &[(&Asked<'_>, &Plan<'_>)]) -> Done<()> {
    let moved = planned.iter().filter(|(_, plan)| !plan.entries.is_empty());
    let row = |(_, plan): &(&Asked<'_>, &Plan<'_>)| {
        let now = &plan.kept.conversation;
        [
            Value::from(now.id.as_bytes()),
            Value::from(int(now.head.get())),
            Value::from(int(now.n)),
            Value::from(int(plan.kept.last_message.get())),
            Value::from(int(now.acl)),
            Value::from(int(now.roster)),
            Value::from(int(now.member_count)),
            Value::from(now.last_at.millis()),
        ]
    };
    let rows: Rows<'_> = moved.map(row).collect();
    if !rows.is_empty() {
        line.execute(batched_conversations::UPDATE_HEADS, values![&rows, line.tenant]).await?;
    }
    Ok(())
}

/// Tells that the log has grown, and whose memberships changed.
fn tell(line: &mut Line, lane: &Lane, plan: &Plan<'_>) {
    if plan.entries.is_empty() {
        return;
    }
    line.tell([Change::Head(lane.conversation)]);
    let moved = plan.entries.iter().flat_map(|entry| &entry.draft.effects);
    line.tell(moved.filter_map(|effect| match effect {
        Effect::PutMember { user, .. } => Some(Change::Memberships(*user)),
        _ => None,
    }));
}
