//! The half that the engine talks to, the same over every line: a bounded queue of what is to be told, the topics that
//! are wanted, and the way in for what is heard.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use chat_core::delivery::{Inbound, Interest, Topic};
use chat_core::{Notice, Seq};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::Settings;
use crate::frame::{Opener, Sealer};

/// Notices that wait to be told.
const QUEUE_MAX: usize = 8_192;
/// Notices that are told at once.
pub(crate) const BATCH_MAX: usize = 512;
/// How long telling a batch, or making a line, may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(3);
/// A line on which nothing was heard for so long is dead: every node tells it of itself more often.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(12);
/// The first and the longest pause before a line is made anew.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// What the engine has of a line; what runs it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Courier {
    queue: mpsc::Sender<Notice>,
    wants: Arc<Wants>,
    inbound: Arc<OnceLock<Inbound>>,
    _end: DropGuard,
}

/// What tells.
pub(crate) struct Mouth {
    queue: mpsc::Receiver<Notice>,
    pub(crate) sealer: Sealer,
}

/// What hears.
#[derive(Debug)]
pub(crate) struct Ear {
    pub(crate) wants: Arc<Wants>,
    inbound: Arc<OnceLock<Inbound>>,
    opener: Opener,
}

/// A new line's three parts, and what is cancelled when it ends.
pub(crate) fn courier(settings: &Settings) -> (Courier, Mouth, Ear, CancellationToken) {
    let (sender, queue) = mpsc::channel(QUEUE_MAX);
    let (wants, inbound, end) =
        (Arc::new(Wants::default()), Arc::new(OnceLock::new()), CancellationToken::new());
    let mouth = Mouth { queue, sealer: Sealer::new(settings.key.clone()) };
    let opener = Opener::new(settings.key.clone());
    let ear = Ear { wants: Arc::clone(&wants), inbound: Arc::clone(&inbound), opener };
    (Courier { queue: sender, wants, inbound, _end: end.clone().drop_guard() }, mouth, ear, end)
}

impl Courier {
    pub(crate) fn notify(&self, notice: &Notice) {
        if self.queue.try_send(*notice).is_err() {
            dropped(1, "full");
        }
    }

    pub(crate) fn interest(&self, topic: Topic, interest: Interest) {
        self.wants.set(topic, interest);
    }

    pub(crate) fn attach(&self, inbound: Inbound) {
        if self.inbound.set(inbound).is_err() {
            tracing::error!("a notifier serves one chat: the second one hears nothing");
        }
    }
}

/// Counts what is not told.
pub(crate) fn dropped(notices: usize, why: &'static str) {
    metrics::counter!("chat_notices_dropped", "why" => why).increment(notices as u64);
}

impl Mouth {
    /// What waits, without what says nothing new; nothing when there will be no more.
    pub(crate) async fn next(&mut self) -> Option<Vec<Notice>> {
        let mut batch = Vec::new();
        let count = self.queue.recv_many(&mut batch, BATCH_MAX).await;
        (count > 0).then(|| without_repeats(batch))
    }
}

/// Of the positions of one log the highest, of everything else one of a kind, in order of the last ones.
fn without_repeats(batch: Vec<Notice>) -> Vec<Notice> {
    let mut heads: HashMap<_, Seq> = HashMap::new();
    for notice in &batch {
        if let Notice::Head { conversation, seq } = notice {
            let highest = heads.entry(*conversation).or_insert(*seq);
            *highest = (*highest).max(*seq);
        }
    }
    let mut told = HashSet::new();
    let mut kept = Vec::with_capacity(batch.len());
    for notice in batch.into_iter().rev() {
        let notice = match notice {
            Notice::Head { conversation, .. } => Notice::Head { conversation, seq: heads[&conversation] },
            other => other,
        };
        // Content is told as often as it was said: who comes and goes and comes has come.
        if notice.is_content() || told.insert(key(&notice)) {
            kept.push(notice);
        }
    }
    kept.reverse();
    kept
}

/// What tells positions apart.
fn key(notice: &Notice) -> (std::mem::Discriminant<Notice>, Topic, Option<[u8; 16]>) {
    let of_one = match notice {
        Notice::Receipt { user, .. } => Some(*user.as_bytes()),
        Notice::Session(session) => Some(*session.as_bytes()),
        _ => None,
    };
    (std::mem::discriminant(notice), notice.topic(), of_one)
}

impl Ear {
    /// The line is cut: nothing is heard until it is made anew.
    pub(crate) fn cut(&self) {
        if let Some(inbound) = self.inbound.get() {
            inbound.cut();
        }
    }

    /// Takes a frame in.
    pub(crate) fn hear(&mut self, frame: &[u8]) {
        let notices = match self.opener.open(frame) {
            Ok(notices) => notices,
            Err(why) => {
                metrics::counter!("chat_notices_refused", "why" => why.name()).increment(1);
                return;
            }
        };
        let Some(inbound) = self.inbound.get() else { return };
        metrics::counter!("chat_notices_heard").increment(notices.len() as u64);
        let wants = self.wants.lock();
        for notice in notices {
            if wants.topics.contains(&notice.topic()) {
                inbound.push(notice);
            }
        }
    }

    /// Tells the engine that something may not have been heard.
    pub(crate) fn lost(&self) {
        if let Some(inbound) = self.inbound.get() {
            inbound.lost();
        }
    }
}

/// The topics that the node wants to hear of.
#[derive(Debug, Default)]
pub(crate) struct Wants {
    state: Mutex<Wanted>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct Wanted {
    topics: HashSet<Topic>,
    /// Those that have come or gone since the line was last told.
    moved: HashSet<Topic>,
}

impl Wants {
    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.state.lock().expect("nothing panics while this lock is held")
    }

    fn set(&self, topic: Topic, interest: Interest) {
        let mut wanted = self.lock();
        match interest {
            Interest::On => wanted.topics.insert(topic),
            Interest::Off => wanted.topics.remove(&topic),
        };
        wanted.moved.insert(topic);
        drop(wanted);
        self.moved.notify_one();
    }

    /// All topics, for a line that has just been made: what moved before is part of it.
    pub(crate) fn all(&self) -> Vec<Topic> {
        let mut wanted = self.lock();
        wanted.moved.clear();
        wanted.topics.iter().copied().collect()
    }

    /// What has come and what has gone, as soon as something has.
    pub(crate) async fn moved(&self) -> (Vec<Topic>, Vec<Topic>) {
        loop {
            let moved = self.take_moved();
            if !moved.0.is_empty() || !moved.1.is_empty() {
                return moved;
            }
            self.moved.notified().await;
        }
    }

    fn take_moved(&self) -> (Vec<Topic>, Vec<Topic>) {
        let mut wanted = self.lock();
        let moved = std::mem::take(&mut wanted.moved);
        moved.into_iter().partition(|topic| wanted.topics.contains(topic))
    }
}

/// How long to wait before a line is made anew: longer each time, until it has worked.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(PAUSES.0)
    }
}

impl Backoff {
    /// Waits.
    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(PAUSES.1);
    }

    /// It has worked.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Runs a line's half until the courier is dropped.
pub(crate) fn spawn(end: &CancellationToken, half: impl Future<Output = ()> + Send + 'static) {
    let end = end.clone();
    tokio::spawn(async move { end.run_until_cancelled(half).await });
}

#[cfg(test)]
mod tests {
    use chat_core::delivery::{Connected, NodeId};
    use chat_core::{ConversationId, UserId};
    use uuid::Uuid;

    use super::*;

    fn head(of: u8, seq: u64) -> Notice {
        Notice::Head { conversation: ConversationId::from_bytes([of; 16]), seq: Seq::new(seq) }
    }

    #[test]
    fn positions_are_told_once_and_content_as_it_was_said() {
        let (user, node) = (UserId::from(1_u64), NodeId(Uuid::nil()));
        let presence = |connected| Notice::Presence { user, node, connected };
        let (here, gone) = (presence(Connected::Yes), presence(Connected::No));
        let batch = vec![head(1, 5), here, head(2, 1), gone, head(1, 4), here, Notice::Memberships(user)];
        let expected = [here, head(2, 1), gone, head(1, 5), here, Notice::Memberships(user)];
        assert_eq!(without_repeats(batch), expected);
    }

    #[tokio::test]
    async fn a_line_is_told_what_has_come_and_what_has_gone() {
        let wants = Wants::default();
        let topic = |number: u64| Topic::User(UserId::from(number));
        wants.set(topic(1), Interest::On);
        wants.set(topic(2), Interest::On);
        assert_eq!(wants.moved().await.0.len(), 2);
        wants.set(topic(1), Interest::Off);
        wants.set(topic(2), Interest::Off);
        wants.set(topic(2), Interest::On);
        assert_eq!(wants.moved().await, (vec![topic(2)], vec![topic(1)]));
        wants.set(topic(3), Interest::On);
        assert_eq!(wants.all().len(), 2);
        assert_eq!(wants.take_moved(), (Vec::new(), Vec::new()), "what all says needs not be said again");
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_nobody_waits() {
        let (courier, mut mouth, _ear, _end) = courier(&Settings::new());
        for seq in 0..20_000 {
            courier.notify(&head(u8::try_from(seq % 200).unwrap(), seq));
        }
        let mut told = 0;
        while !mouth.queue.is_empty() {
            told += 1;
            assert!(mouth.next().await.unwrap().len() <= BATCH_MAX);
        }
        assert_eq!(told, QUEUE_MAX / BATCH_MAX);
    }
}
