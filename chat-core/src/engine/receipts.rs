//! How far people have come: reports are group-committed like messages, and merged by maximum.

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, oneshot};

use super::{ActingAs, Core, OVERLOADED_RETRY};
use crate::command::Standpoint;
use crate::conversation::{Act, Actor, permits};
use crate::delivery::Notice;
use crate::error::{ChatError, Refusal};
use crate::event::ReceiptEvent;
use crate::id::{ConversationId, Seq};
use crate::limits::Limits;
use crate::receipt::Receipt;
use crate::store::{Raise, Raised};

type Answer = oneshot::Sender<Result<Option<Raised>, ChatError>>;

/// Reports that wait to be committed together.
pub(super) struct Reports {
    waiting: Mutex<Waiting>,
    filled: Notify,
    waiting_max: usize,
}

#[derive(Default)]
struct Waiting {
    reports: Vec<(Raise, Answer)>,
    closed: bool,
}

impl Reports {
    pub(super) fn new(limits: &Limits) -> Self {
        let waiting_max = usize::try_from(limits.queued_drafts_max).unwrap_or(usize::MAX);
        Self { waiting: Mutex::default(), filled: Notify::new(), waiting_max }
    }

    fn push(&self, raise: Raise) -> Result<oneshot::Receiver<Result<Option<Raised>, ChatError>>, ChatError> {
        let (answer, receiver) = oneshot::channel();
        {
            let mut waiting = self.lock();
            if waiting.closed {
                return Err(ChatError::Unavailable(None));
            }
            if waiting.reports.len() >= self.waiting_max {
                return Err(ChatError::Overloaded { retry_after: OVERLOADED_RETRY });
            }
            waiting.reports.push((raise, answer));
        }
        self.filled.notify_one();
        Ok(receiver)
    }

    async fn take(&self) -> Option<Vec<(Raise, Answer)>> {
        loop {
            {
                let mut waiting = self.lock();
                if !waiting.reports.is_empty() {
                    let most = waiting.reports.len().min(512);
                    return Some(waiting.reports.drain(..most).collect());
                }
                if waiting.closed {
                    return None;
                }
            }
            self.filled.notified().await;
        }
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("nothing panics while this lock is held")
    }
}

/// Commits reports until there are no more.
pub(super) async fn run(core: Arc<Core>) {
    while let Some(reports) = core.receipts.take().await {
        let (raises, answers): (Vec<Raise>, Vec<Answer>) = reports.into_iter().unzip();
        match core.store.talk().receipts().raise(raises.clone().into()).await {
            Ok(raised) => {
                // What is not kept is raised all the same; who is not answered tells it again.
                let kept = core.note_reads(&raises, &raised).await;
                for ((raise, raised), answer) in raises.into_iter().zip(raised).zip(answers) {
                    tell(&core, raise, raised);
                    let _ = answer.send(kept.clone().map(|()| raised).map_err(ChatError::from));
                }
            }
            Err(error) => {
                for answer in answers {
                    let _ = answer.send(Err(error.clone().into()));
                }
            }
        }
    }
}

fn tell(core: &Core, raise: Raise, raised: Option<Raised>) {
    let Some(raised) = raised.filter(|raised| raised.after != raised.before) else { return };
    let event = ReceiptEvent { conversation: raise.conversation, user: raise.user, receipt: raised.after };
    core.hub.receipt(event);
    core.notifier.notify(&Notice::Receipt { conversation: raise.conversation, user: raise.user });
}

impl ActingAs {
    /// Tells how far one has read or received; a lower position changes nothing.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when both are absent or one is above the head, [`Refusal::NotFound`] and
    /// [`Refusal::Forbidden`] for who is no member.
    pub async fn report(
        &self,
        conversation: ConversationId,
        read: Option<Seq>,
        delivered: Option<Seq>,
    ) -> Result<Standpoint, ChatError> {
        let head = match self.core.hub.head(conversation) {
            Some(head) if read.max(delivered).is_some_and(|wanted| wanted <= head) => head,
            _ => self.head_for_members(conversation).await?,
        };
        let to = Receipt::reported(read, delivered, head)?;
        let raise = Raise { conversation, user: self.user, to };
        let answer = self.core.receipts.push(raise)?.await.unwrap_or(Err(ChatError::Unavailable(None)))?;
        match answer {
            Some(raised) => Ok(Standpoint { receipt: raised.after, unread: raised.unread }),
            None => Err(self.outsider(conversation).await),
        }
    }

    async fn head_for_members(&self, conversation: ConversationId) -> Result<Seq, ChatError> {
        let talk = self.core.store.talk();
        let row = talk.memberships().of(conversation, &[self.user]).await?.pop().flatten();
        if row.and_then(|row| row.role()).is_none() {
            return Err(self.outsider(conversation).await);
        }
        let found = talk.log().heads(&[conversation]).await?.pop().flatten();
        Ok(found.ok_or(Refusal::NotFound)?.head)
    }

    /// What somebody who is no member is told: that he may not, if he can see the conversation, else nothing.
    pub(super) async fn outsider(&self, conversation: ConversationId) -> ChatError {
        match self.core.store.talk().conversations().load(&[conversation]).await {
            Ok(mut found) => match found.pop().flatten().filter(|found| !found.closed) {
                Some(found) => match permits(found.kind, found.settings, Actor::Person(None), Act::Send) {
                    Ok(()) => Refusal::Forbidden.into(),
                    Err(refusal) => refusal.into(),
                },
                None => Refusal::NotFound.into(),
            },
            Err(error) => error.into(),
        }
    }
}
