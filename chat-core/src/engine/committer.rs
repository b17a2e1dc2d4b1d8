//! Group commit: while one batch is being written the next one fills; there is no timer.
//!
//! Decisions are made here, when a lane is built, from one view of its conversation. A lane that meets a conflict keeps
//! its place and is decided again from fresh records with the next batch; nothing of it overtakes, other lanes go on.

use std::collections::HashMap;
use std::sync::Arc;

use super::attachments::{self, Record, Released};
use super::decide::{Decision, Rules, View, Writing, decide};
use super::intent::Intent;
use super::queue::{Committed, Company, Job, Turn};
use super::views::{self, Kept};
use super::{Core, OVERLOADED_RETRY, rows};
use crate::command::Changed;
use crate::conversation::Conversation;
use crate::error::{ChatError, Refusal};
use crate::id::{AttachmentId, ConversationId, Seq};
use crate::message::{Entry, Message};
use crate::store::{
    Appended, DraftEntry, Effect, EntryRow, Expected, Lane, LaneDone, MessageRow, Outcome, StoreError,
};

/// How often a lane is decided anew before its jobs are told to come back later.
const ROUNDS_MAX: u8 = 8;

/// A lane on its way into the store.
struct Going {
    id: ConversationId,
    view: View,
    jobs: Vec<Job>,
    /// Files that its messages get or lose.
    files: Files,
}

/// What a lane does to files: first here, then in the log, then the sweep asks the log.
#[derive(Default)]
struct Files {
    /// Hanging on messages that are to be written.
    sent: Vec<Record>,
    /// Hanging on messages that are there.
    added: Vec<Record>,
    freed: Vec<AttachmentId>,
    /// Those, once it is told.
    released: Vec<Released>,
}

impl Files {
    /// Says of each what is about to become of it.
    ///
    /// # Errors
    /// A conflict when one has been taken meanwhile: the lane is decided again.
    async fn announce(&mut self, core: &Core) -> Result<(), ChatError> {
        for record in &self.sent {
            // A repeat gets the first one's answer, and takes nothing.
            if !attachments::is_written(core, record).await? {
                attachments::hang_up(core, record).await?;
            }
        }
        for record in &self.added {
            attachments::hang_up(core, record).await?;
        }
        self.released = attachments::release(core, &self.freed).await?;
        Ok(())
    }

    fn hung(&self) -> Vec<AttachmentId> {
        self.sent.iter().chain(&self.added).map(|record| record.id).collect()
    }
}

/// Commits until the queue is closed and empty.
pub(super) async fn run(core: Arc<Core>) {
    let mut kept = Kept::default();
    while let Some(turns) = core.queue.take().await {
        let (going, lanes) = build(&core, &mut kept, turns).await;
        if lanes.is_empty() {
            continue;
        }
        metrics::histogram!("chat_commit_drafts").record(count(&lanes));
        let done = core.store.talk().log().append(lanes.clone().into()).await;
        for ((going, lane), done) in going.into_iter().zip(lanes).zip(done) {
            settle(&core, &mut kept, going, lane, done).await;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a batch is far below 2^52")]
fn count(lanes: &[Lane]) -> f64 {
    lanes.iter().map(|lane| lane.drafts.len()).sum::<usize>() as f64
}

/// Decides every job; answers those that need no writing; builds lanes of the others.
async fn build(core: &Core, kept: &mut Kept, turns: Vec<Turn>) -> (Vec<Going>, Vec<Lane>) {
    let wanted = turns
        .iter()
        .map(|(id, jobs)| {
            let structural = jobs.iter().any(|job| job.intent.is_structural());
            let view = kept.take(*id).filter(|_| !structural);
            (*id, view)
        })
        .collect::<Vec<_>>();
    let was_kept: Vec<bool> = wanted.iter().map(|(_, view)| view.is_some()).collect();
    let asked = turns.iter().zip(wanted).map(|((_, jobs), (id, view))| (id, jobs.as_slice(), view)).collect();
    let views = views::load_all(core, asked).await;
    let (mut all, mut lanes) = (Vec::new(), Vec::new());
    for (((id, jobs), view), was_kept) in turns.into_iter().zip(views).zip(was_kept) {
        let view = match view {
            Ok(view) if was_kept && refuses_any(core, &view, &jobs) => {
                views::load(core, id, &jobs, None).await
            }
            other => other,
        };
        match view {
            Ok(view) => {
                let (jobs, drafts, mut files) = decide_all(core, &view, jobs).await;
                if drafts.is_empty() {
                    continue;
                }
                match files.announce(core).await {
                    Ok(()) => {}
                    Err(ChatError::Refused(Refusal::Conflict)) => {
                        again(core, jobs);
                        continue;
                    }
                    Err(error) => {
                        refuse_all(jobs, &error);
                        continue;
                    }
                }
                let structural = jobs.iter().any(|job| job.intent.is_structural());
                let roster = structural.then_some(view.conversation.roster);
                let expected = Expected { acl: view.conversation.acl, roster };
                lanes.push(Lane { conversation: id, expected, drafts });
                all.push(Going { id, view, jobs, files });
            }
            Err(error) => refuse_all(jobs, &error),
        }
    }
    (all, lanes)
}

fn refuse_all(jobs: Vec<Job>, error: &ChatError) {
    for job in jobs {
        let _ = job.waiter.send(Err(error.clone()));
    }
}

fn refuses_any(core: &Core, view: &View, jobs: &[Job]) -> bool {
    jobs.iter().any(|job| decide(view, job.by, &job.intent, core.rules()).is_err())
}

/// The drafts of the jobs that write something; the others are answered.
async fn decide_all(core: &Core, view: &View, jobs: Vec<Job>) -> (Vec<Job>, Vec<DraftEntry>, Files) {
    let rules: Rules<'_> = core.rules();
    let (mut writing, mut drafts) = (Vec::with_capacity(jobs.len()), Vec::with_capacity(jobs.len()));
    let mut files = Files::default();
    for job in jobs {
        match decide(view, job.by, &job.intent, rules) {
            Ok(Decision::Write(mut what)) => {
                let hung = match job.intent {
                    Intent::Send { .. } => &mut files.sent,
                    _ => &mut files.added,
                };
                hung.append(&mut what.hung);
                files.freed.append(&mut what.freed);
                drafts.push(draft(core, &job, what));
                writing.push(job);
            }
            Ok(Decision::Nothing) => {
                let message = job.intent.target().and_then(|seq| view.messages.get(&seq)?.as_ref());
                let message = message.and_then(|row| rows::message(view.conversation.id, row));
                let _ = job.waiter.send(Ok(Committed {
                    conversation: view.conversation.clone(),
                    message,
                    duplicate: false,
                    changed: Changed::No,
                }));
            }
            Err(refusal) => refuse(core, view, job, refusal).await,
        }
    }
    (writing, drafts, files)
}

/// Refuses a job, unless it is the repeat of one that was accepted when it came first.
async fn refuse(core: &Core, view: &View, job: Job, refusal: Refusal) {
    let sees = view.rows.get(&job.by).is_some_and(|row| row.as_ref().is_some_and(|row| row.role().is_some()));
    let answer = match &job.client_id {
        Some(client_id) if sees => {
            match core.store.talk().log().find(view.conversation.id, job.by, client_id).await {
                Ok(Some(Outcome::Repeat { seq, digest })) => {
                    repeated(core, &view.conversation, &job, seq, digest).await
                }
                Ok(_) => Err(refusal.into()),
                Err(error) => Err(error.into()),
            }
        }
        _ => Err(refusal.into()),
    };
    let _ = job.waiter.send(answer);
}

fn draft(core: &Core, job: &Job, what: Writing) -> DraftEntry {
    let now = core.clock.now();
    let id = core.ids.uuid(now).into();
    let client_id = job.client_id.clone().unwrap_or_else(|| crate::id::EntryId::into(id));
    let mut draft = DraftEntry::new(id, now, job.by, client_id, what.kind);
    draft.digest = job.digest;
    draft.target = what.target;
    draft.payload = what.payload;
    draft.takes_right = what.takes_right;
    draft.effects = what.effects;
    draft
}

/// Answers the jobs of a lane by what became of it.
async fn settle(
    core: &Arc<Core>,
    kept: &mut Kept,
    going: Going,
    lane: Lane,
    done: Result<LaneDone, StoreError>,
) {
    match done {
        Ok(done) => succeed(core, kept, going, &lane, done).await,
        Err(StoreError::Conflict) => again(core, going.jobs),
        Err(error @ StoreError::Unavailable(_)) => refuse_all(going.jobs, &error.into()),
        Err(error) if going.jobs.len() > 1 => {
            tracing::warn!(conversation = %going.id, error = %error, "a lane failed, its drafts go out one by one");
            let alone = going.jobs.into_iter().map(|job| Job { company: Company::None, ..job }).collect();
            core.queue.put_back(alone);
        }
        Err(error) => {
            tracing::error!(conversation = %going.id, error = ?error, "a draft could not be stored");
            refuse_all(going.jobs, &error.into());
        }
    }
}

fn again(core: &Core, jobs: Vec<Job>) {
    metrics::counter!("chat_commit_conflicts").increment(1);
    let mut back = Vec::with_capacity(jobs.len());
    for mut job in jobs {
        job.rounds += 1;
        if job.rounds > ROUNDS_MAX {
            let _ = job.waiter.send(Err(ChatError::Overloaded { retry_after: OVERLOADED_RETRY }));
        } else {
            back.push(job);
        }
    }
    if !back.is_empty() {
        core.queue.put_back(back);
    }
}

async fn succeed(core: &Arc<Core>, kept: &mut Kept, going: Going, lane: &Lane, done: LaneDone) {
    let Going { id, view, jobs, files } = going;
    let hung = files.hung();
    if !hung.is_empty() || !files.released.is_empty() {
        core.tasks.spawn(attachments::settle_all(Arc::clone(core), hung, files.released));
    }
    let mut answers = Vec::with_capacity(jobs.len());
    let mut entries: Vec<Entry> = Vec::with_capacity(jobs.len());
    let mut repeats = HashMap::new();
    for ((index, outcome), draft) in done.outcomes.iter().enumerate().zip(&lane.drafts) {
        match *outcome {
            Outcome::Appended(appended) => {
                let entry = written(&view, draft, appended);
                answers.push(entry.message().cloned());
                entries.push(entry);
            }
            Outcome::Repeat { seq, digest } => {
                answers.push(None);
                repeats.insert(index, (seq, digest));
            }
        }
    }
    core.hub.committed(&done.conversation, entries);
    for (index, (job, message)) in jobs.into_iter().zip(answers).enumerate() {
        let answer = match repeats.get(&index) {
            Some(&(seq, digest)) => repeated(core, &done.conversation, &job, seq, digest).await,
            None => Ok(Committed {
                conversation: done.conversation.clone(),
                message,
                duplicate: false,
                changed: Changed::Yes,
            }),
        };
        let _ = job.waiter.send(answer);
    }
    if lane.expected.roster.is_none() && view.conversation.acl == done.conversation.acl {
        debug_assert_eq!(view.conversation.id, id, "a view belongs to its lane");
        kept.put(view, done.conversation);
    }
}

/// The entry a draft has become, with its message as it is now: nothing is read back.
fn written(view: &View, draft: &DraftEntry, appended: Appended) -> Entry {
    let of = view.conversation.id;
    let mut row = EntryRow::of(draft, appended.seq, appended.at, appended.n);
    row.message = message_after(view, draft, appended);
    rows::entry(of, &row)
}

fn message_after(view: &View, draft: &DraftEntry, appended: Appended) -> Option<MessageRow> {
    let known = |target: Seq| view.messages.get(&target).cloned().flatten();
    match draft.effects.first()?.clone() {
        Effect::PutMessage { text, payload } => Some(MessageRow::of(draft, appended, text, payload)),
        Effect::SetBody { target, text, payload, .. } => {
            let row = known(target)?;
            Some(MessageRow { text, payload, rev: appended.seq, edited_at: Some(appended.at), ..row })
        }
        Effect::Tombstone { target, .. } => {
            let row = known(target)?;
            let deleted_at = Some(appended.at);
            Some(MessageRow { text: None, payload: None, rev: appended.seq, deleted_at, ..row })
        }
        Effect::PutMember { .. }
        | Effect::SetConversation(_)
        | Effect::PutMark { .. }
        | Effect::DropMark { .. } => None,
    }
}

/// The answer to a repeat: the first one's result, with the message as it is now.
async fn repeated(
    core: &Core,
    conversation: &Conversation,
    job: &Job,
    seq: Seq,
    digest: Option<[u8; 16]>,
) -> Result<Committed, ChatError> {
    let is_same = match digest {
        Some(first) => first == job.digest,
        // Only a message that was deleted has forgotten its digest: nothing but a message repeats it.
        None => matches!(job.intent, Intent::Send { .. }),
    };
    if !is_same {
        return Err(Refusal::ClientIdReused.into());
    }
    let about = match job.intent {
        Intent::Send { .. } => Some(seq),
        ref other => other.target(),
    };
    let message = match about {
        Some(seq) => message_at(core, conversation.id, seq).await?,
        None => None,
    };
    Ok(Committed { conversation: conversation.clone(), message, duplicate: true, changed: Changed::No })
}

async fn message_at(core: &Core, of: ConversationId, seq: Seq) -> Result<Option<Message>, ChatError> {
    let row = core.store.talk().log().at(of, &[seq]).await?.pop().flatten();
    Ok(row.and_then(|row| rows::message(of, &row)))
}
