//! What waits to be committed: one lane per conversation, taken in turn, bounded in every direction.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use tokio::sync::{Notify, oneshot};

use super::intent::Intent;
use crate::command::Changed;
use crate::conversation::Conversation;
use crate::error::ChatError;
use crate::id::{ConversationId, UserId};
use crate::limits::Limits;
use crate::message::{ClientId, Message};

/// Something that waits to be committed.
pub(crate) struct Job {
    /// Where.
    pub(crate) conversation: ConversationId,
    /// Who wants it.
    pub(crate) by: UserId,
    /// The caller's own id of it.
    pub(crate) client_id: Option<ClientId>,
    /// What.
    pub(crate) intent: Intent,
    /// Digest of the command as it came.
    pub(crate) digest: [u8; 16],
    /// How often its lane met a conflict.
    pub(crate) rounds: u8,
    /// Whether it must go out alone, since a batch with it has failed.
    pub(crate) company: Company,
    /// Whom to tell.
    pub(crate) waiter: oneshot::Sender<Result<Committed, ChatError>>,
}

/// Whether a job may share its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Company {
    Any,
    None,
}

/// What became of a [`Job`].
#[derive(Clone, Debug)]
pub(crate) struct Committed {
    /// The conversation after it.
    pub(crate) conversation: Conversation,
    /// The message it is about, as it is now.
    pub(crate) message: Option<Message>,
    /// Whether it was there already under the same `client_id`.
    pub(crate) duplicate: bool,
    /// Whether it changed anything.
    pub(crate) changed: Changed,
}

/// Why nothing more is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// Too much waits.
    Overloaded,
    /// The engine is being shut down.
    Closed,
}

/// One turn: jobs of one conversation.
pub(crate) type Turn = (ConversationId, Vec<Job>);

/// What waits to be committed.
pub(crate) struct Queue {
    lanes: Mutex<Lanes>,
    filled: Notify,
    drafts_max: usize,
    bytes_max: usize,
    per_user_max: usize,
    batch: Room,
}

/// What there is room for in a batch.
#[derive(Clone, Copy, Debug)]
struct Room {
    drafts: usize,
    bytes: usize,
}

impl Room {
    /// Whether a draft fits, after which there is so much less room. The first one always does.
    fn take(&mut self, bytes: usize, is_first: bool) -> bool {
        let fits = is_first || (self.drafts > 0 && bytes <= self.bytes);
        if fits {
            self.drafts = self.drafts.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        fits
    }
}

#[derive(Default)]
struct Lanes {
    waiting: HashMap<ConversationId, VecDeque<Job>>,
    order: VecDeque<ConversationId>,
    per_user: HashMap<UserId, usize>,
    drafts: usize,
    bytes: usize,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(limits: &Limits) -> Self {
        let size = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            lanes: Mutex::default(),
            filled: Notify::new(),
            drafts_max: size(limits.queued_drafts_max),
            bytes_max: size(limits.queued_bytes_max),
            per_user_max: size(limits.queued_drafts_per_user_max),
            batch: Room { drafts: size(limits.batch_drafts_max).max(1), bytes: size(limits.batch_bytes_max) },
        }
    }

    /// Puts a job at the end of its lane.
    pub(crate) fn push(&self, job: Job) -> Result<(), Full> {
        let mut lanes = self.lock();
        let bytes = job.intent.bytes();
        if lanes.closed {
            return Err(Full::Closed);
        }
        let of_user = lanes.per_user.get(&job.by).copied().unwrap_or(0);
        let full = lanes.drafts >= self.drafts_max || lanes.bytes + bytes > self.bytes_max;
        if full || (of_user >= self.per_user_max && !job.by.is_system()) {
            return Err(Full::Overloaded);
        }
        lanes.insert(job, VecDeque::push_back);
        drop(lanes);
        self.filled.notify_one();
        Ok(())
    }

    /// Puts jobs back to the front of their lane, in their order: nothing overtakes them.
    pub(crate) fn put_back(&self, jobs: Vec<Job>) {
        let mut lanes = self.lock();
        for job in jobs.into_iter().rev() {
            lanes.insert(job, VecDeque::push_front);
        }
        drop(lanes);
        self.filled.notify_one();
    }

    /// The next batch: each waiting conversation's first jobs, in turn. `None` once closed and empty.
    pub(crate) async fn take(&self) -> Option<Vec<Turn>> {
        loop {
            {
                let mut lanes = self.lock();
                if !lanes.order.is_empty() {
                    return Some(lanes.take(self.batch));
                }
                if lanes.closed {
                    return None;
                }
            }
            self.filled.notified().await;
        }
    }

    /// Takes nothing more in; what waits is still committed.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lanes> {
        self.lanes.lock().expect("nothing panics while this lock is held")
    }
}

impl Lanes {
    fn insert(&mut self, job: Job, put: fn(&mut VecDeque<Job>, Job)) {
        let id = job.conversation;
        self.drafts += 1;
        self.bytes += job.intent.bytes();
        *self.per_user.entry(job.by).or_default() += 1;
        let lane = self.waiting.entry(id).or_default();
        if lane.is_empty() {
            self.order.push_back(id);
        }
        put(lane, job);
    }

    fn take(&mut self, mut room: Room) -> Vec<Turn> {
        let lanes = self.order.len().min(room.drafts);
        let share = (room.drafts / self.order.len()).max(1);
        let mut turns: Vec<Turn> = Vec::with_capacity(lanes);
        for _ in 0..lanes {
            let Some(id) = self.order.pop_front() else { break };
            let jobs = self.take_lane(id, share, &mut room, turns.is_empty());
            if jobs.is_empty() {
                break;
            }
            turns.push((id, jobs));
        }
        turns
    }

    /// The first jobs of a lane that may go out together: either one that changes who is who, or plain ones that
    /// change different messages.
    fn take_lane(
        &mut self,
        id: ConversationId,
        most: usize,
        room: &mut Room,
        is_first_lane: bool,
    ) -> Vec<Job> {
        let lane = self.waiting.get_mut(&id).expect("what stands in the order waits");
        let mut jobs: Vec<Job> = Vec::with_capacity(most.min(lane.len()));
        while jobs.len() < most {
            let Some(next) = lane.front() else { break };
            let alone = next.intent.is_structural() || next.company == Company::None;
            let same_target = next.intent.target().is_some()
                && jobs.iter().any(|job| job.intent.target() == next.intent.target());
            let bytes = next.intent.bytes();
            if !jobs.is_empty() && (alone || same_target) {
                break;
            }
            if !room.take(bytes, is_first_lane && jobs.is_empty()) {
                break;
            }
            let job = lane.pop_front().expect("its front was just seen");
            self.drafts -= 1;
            self.bytes -= bytes;
            if let Some(count) = self.per_user.get_mut(&job.by) {
                *count -= 1;
                if *count == 0 {
                    self.per_user.remove(&job.by);
                }
            }
            jobs.push(job);
            if alone {
                break;
            }
        }
        if lane.is_empty() {
            self.waiting.remove(&id);
        } else if jobs.is_empty() {
            // There is no room for it any more: it is the first of the next batch.
            self.order.push_front(id);
        } else {
            self.order.push_back(id);
        }
        jobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Content, Text};

    fn room(number: u8) -> ConversationId {
        ConversationId::from_bytes([number; 16])
    }

    fn job(number: u8, bytes: usize) -> Job {
        let content = Content { text: Some(Text::new("x".repeat(bytes)).unwrap()), ..Content::default() };
        Job {
            conversation: room(number),
            by: UserId::from(u64::from(number)),
            client_id: None,
            intent: Intent::Send { pair: None, content, files: None },
            digest: [0; 16],
            rounds: 0,
            company: Company::Any,
            waiter: oneshot::channel().0,
        }
    }

    /// How many drafts of which conversation go out with each batch, until nothing waits.
    async fn batches(drafts_max: u64, bytes_max: u64, jobs: &[(u8, usize)]) -> Vec<Vec<(u8, usize)>> {
        let mut limits = Limits::default();
        (limits.batch_drafts_max, limits.batch_bytes_max) = (drafts_max, bytes_max);
        let queue = Queue::new(&limits);
        for (number, bytes) in jobs {
            queue.push(job(*number, *bytes)).unwrap();
        }
        queue.close();
        let mut batches = Vec::new();
        while let Some(turns) = queue.take().await {
            let turn = |(id, jobs): &Turn| (id.as_bytes()[0], jobs.len());
            batches.push(turns.iter().map(turn).collect());
        }
        batches
    }

    #[tokio::test]
    async fn a_batch_has_so_many_drafts_of_each_in_turn() {
        let jobs = [(1, 1), (1, 1), (1, 1), (2, 1), (3, 1)];
        assert_eq!(batches(3, 100_000, &jobs).await, [vec![(1, 1), (2, 1), (3, 1)], vec![(1, 2)]]);
    }

    #[tokio::test]
    async fn a_batch_has_so_many_bytes_and_one_that_is_larger_goes_alone() {
        // Each draft counts 256 bytes beside its text.
        let jobs = [(1, 700), (1, 700), (2, 700), (3, 9_000), (2, 700)];
        let expected = [vec![(1, 2)], vec![(2, 2)], vec![(3, 1)]];
        assert_eq!(batches(512, 2_000, &jobs).await, expected);
    }
}
