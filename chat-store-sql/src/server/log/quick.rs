//! Appending in one statement, for batches of plain messages in conversations this process knows: one way to the
//! server and back, and one commit, where the other path takes nine.
//!
//! The statement writes everything or nothing. It locks the counters of the conversations in the order of their ids,
//! and goes on only if every head and `acl` is still what the plan was made from, and no entry stands where the index
//! of repeats leads to for one of the drafts. Then the plan is exact:
//!
//! - The statement sees what was committed before it began. A head that is locked and still the known one was that
//!   head before the statement began, because heads only rise: so no entry came in between, and the look for repeats,
//!   which is of that moment, is of the moment of the commit too.
//! - `acl` is compared under the lock, so that a right that was taken away meanwhile is not used.
//! - What else is in the plan changes with the head alone, but for the number of members, which is not written here,
//!   and answered as it is.
//!
//! When something is not as known nothing is written, and the batch is appended on the other path, which decides.

use std::collections::HashMap;
use std::sync::Arc;

use chat_core::id::ConversationId;
use chat_core::store::{Effect, Lane, Outcome, StoreError};

use super::append::{Answer, Asked, entry, own_reads};
use crate::codec::int;
use crate::plan::{Kept, Known, Plan, Record, plan};
use crate::server::columns::Columns;
use crate::server::error::{Done, Failure};
use crate::server::line::Line;
use crate::server::value::{Rows, Value, values};
use crate::server::{Server, in_task};
use crate::statements::server::postgres as sql;

/// What became of a batch.
pub(super) enum Quick {
    /// It is committed.
    Done(Vec<Answer>),
    /// Nothing was written, and the other path decides.
    NotSo,
}

/// Appends these lanes of a batch, if they are plain and all is as known.
pub(super) async fn append(
    server: &Server,
    batch: &Arc<[Lane]>,
    lanes: &[usize],
) -> Result<Quick, StoreError> {
    let known = |nth: &usize| server.known(&batch[*nth]);
    let Some(known) = lanes.iter().map(known).collect::<Option<Vec<Kept>>>() else {
        return Ok(Quick::NotSo);
    };
    let (server, batch, lanes) = (server.clone(), Arc::clone(batch), lanes.to_vec());
    in_task(async move {
        let key = server.current_meta().digest_key;
        let asked: Vec<Asked<'_>> = lanes.iter().map(|nth| Asked::of(&key, &batch[*nth])).collect();
        let Some(plans) = plans(&asked, &known) else { return Ok(Quick::NotSo) };
        let mut line = server.shared.writing(server.tenant_column()).await?;
        let done = execute(&mut line, &asked, &known, &plans).await;
        if done.as_ref().is_err_and(Failure::is_contention) {
            line.end(done.map(drop)).await.ok();
            return Ok(Quick::NotSo);
        }
        let moved = line.end(done).await?;
        Ok(answers(plans, &moved).map_or(Quick::NotSo, Quick::Done))
    })
    .await
}

impl Server {
    /// The conversation of a lane as it was last seen, if the lane holds nothing but plain messages.
    fn known(&self, lane: &Lane) -> Option<Kept> {
        let is_plain = |draft: &chat_core::store::DraftEntry| {
            !draft.takes_right && matches!(draft.effects.as_slice(), [] | [Effect::PutMessage { .. }])
        };
        let is_plain = !lane.drafts.is_empty() && lane.drafts.iter().all(is_plain);
        self.shared.heads.get(self.tenant_column(), lane.conversation).filter(|_| is_plain)
    }
}

/// What is to be written if all is as known; nothing when a lane is refused or repeats itself, or there are two of one
/// conversation.
fn plans<'l>(asked: &[Asked<'l>], known: &[Kept]) -> Option<Vec<Plan<'l>>> {
    let mut seen = std::collections::HashSet::new();
    let plan = |(asked, kept): (&Asked<'l>, &Kept)| {
        let repeats = vec![None; asked.lane.drafts.len()];
        let (targets, members) = (HashMap::new(), HashMap::new());
        let known = Known { kept: Some(kept.clone()), repeats, targets, members };
        let plan = plan(asked.lane, known).ok()?;
        let is_new = plan.entries.len() == asked.lane.drafts.len() && seen.insert(asked.lane.conversation);
        (is_new && plan.writes.is_empty() && plan.record == Record::Same).then_some(plan)
    };
    asked.iter().zip(known).map(plan).collect()
}

/// What stands beside the counters that were moved: `acl`, `roster` and how many members there are.
type Moved = HashMap<ConversationId, [u64; 3]>;

async fn execute(line: &mut Line, asked: &[Asked<'_>], known: &[Kept], plans: &[Plan<'_>]) -> Done<Moved> {
    let lane = |(known, plan): (&Kept, &Plan<'_>)| {
        let (before, after) = (&known.conversation, &plan.kept.conversation);
        [
            Value::from(after.id.as_bytes()),
            Value::from(int(before.head.get())),
            Value::from(int(before.acl)),
            Value::from(int(after.head.get())),
            Value::from(int(after.n)),
            Value::from(int(plan.kept.last_message.get())),
            Value::from(after.last_at.millis()),
        ]
    };
    let lanes: Rows<'_> = known.iter().zip(plans).map(lane).collect();
    let planned: Vec<(&Asked<'_>, &Plan<'_>)> = asked.iter().zip(plans).collect();
    let entries: Rows<'_> = planned
        .iter()
        .flat_map(|(asked, plan)| {
            plan.entries.iter().map(|new| entry(asked.lane.conversation, new, &asked.made[new.nth]))
        })
        .collect();
    let mut reads = own_reads(&planned);
    if reads.is_empty() {
        // Nobody has read anything; the system is no member.
        reads.push([Value::Id(Some([0; 16])), Value::Id(Some([0; 16])), Value::from(0), Value::from(0)]);
    }
    let (tenant, count) = (line.tenant, int(plans.len() as u64));
    let values = values![tenant, &lanes, tenant, &entries, tenant, &reads, count];
    let mut moved = Moved::new();
    for row in &line.query(sql::APPEND, values).await? {
        let mut columns = Columns::of(row);
        let id = columns.id(ConversationId::from_bytes)?;
        moved.insert(id, [columns.count()?, columns.count()?, columns.count()?]);
    }
    Ok(moved)
}

/// The answers, if the statement has written.
fn answers(plans: Vec<Plan<'_>>, moved: &Moved) -> Option<Vec<Answer>> {
    let answer = |plan: Plan<'_>| {
        let mut kept = plan.kept;
        let now = &mut kept.conversation;
        [now.acl, now.roster, now.member_count] = *moved.get(&now.id)?;
        let outcomes: Vec<Outcome> = plan.outcomes;
        Some(Ok((outcomes, kept)))
    };
    plans.into_iter().map(answer).collect()
}
