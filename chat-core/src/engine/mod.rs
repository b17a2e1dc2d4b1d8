//! The engine: use cases over a store, one impl block each.
//!
//! Each use case has four beats: load, decide (pure), write on a condition, notify. Whatever takes a position in a
//! log goes through the [committer]; everything a user may do is a method on an [`ActingAs`] handle, or a
//! [`Command`](crate::Command) for [`ActingAs::perform`], which is the one dispatch all doors share.

mod attachments;
mod builder;
mod committer;
mod conversations;
mod decide;
mod fences;
mod friends;
mod intent;
mod members;
mod messages;
mod payload;
mod people;
mod perform;
mod policies;
mod queue;
mod reads;
mod receipts;
pub(crate) mod rows;
mod summaries;
mod system;
mod views;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use attachments::Readable;
pub use builder::{ChatBuilder, Cluster};
pub use policies::{By, EmailClaim, From as Accepts, Policies, UnknownPolicy};
pub use system::System;

use crate::delivery::{Ended, Hub, Liveness, Nodes, Notifier, Open, Pulse, Session, Sign};
use crate::error::{ChatError, Refusal};
use crate::id::{ConversationId, EntryId, IdSource, SessionId, UserId};
use crate::limits::Limits;
use crate::message::ClientId;
use crate::store::{Meta, Store};
use crate::time::{Clock, Timestamp};
use crate::user::{Device, Directory, Profile};
use decide::Rules;
use intent::Intent;
use queue::{Committed, Company, Full, Job, Queue};

/// When to come back after `overloaded`.
const OVERLOADED_RETRY: Duration = Duration::from_millis(500);

/// Everything the engine's parts share.
pub(crate) struct Core {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) notifier: Arc<dyn Notifier>,
    pub(crate) liveness: Arc<dyn Liveness>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) limits: Limits,
    pub(crate) policies: Policies,
    /// Whether it is kept when people had read up to where.
    keeps_reads: bool,
    pub(crate) meta: Meta,
    pub(crate) hub: Arc<Hub>,
    pub(crate) nodes: Nodes,
    pub(crate) pulse: Pulse,
    /// How many sessions may be opened or caught up at the same moment.
    pub(crate) reads: Semaphore,
    /// Everything spawned, so that a shutdown can wait for it.
    pub(crate) tasks: TaskTracker,
    /// Ends the background tasks.
    pub(crate) stop: CancellationToken,
    queue: Queue,
    receipts: receipts::Reports,
    /// Files of messages, where there are any.
    shelf: Option<attachments::Shelf>,
}

impl Core {
    fn rules(&self) -> Rules<'_> {
        Rules { limits: &self.limits, policies: &self.policies, unsent_until: self.unsent_until() }
    }

    /// The profiles of those of `ids` that exist.
    pub(crate) async fn profiles(&self, ids: &[UserId]) -> Result<Vec<Profile>, ChatError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.directory.profiles(ids).await.map_err(|error| {
            tracing::error!(error = ?error, "the directory failed");
            ChatError::Internal("the directory failed")
        })
    }

    /// Finishes what earlier runs have left.
    pub(crate) async fn sweep(&self) -> Result<(), ChatError> {
        fences::sweep(self).await?;
        attachments::sweep(self).await
    }

    /// An id for what its sender gave none.
    fn new_client_id(&self) -> ClientId {
        EntryId::from(self.ids.uuid(self.clock.now())).into()
    }

    /// Queues what somebody wants; the lane's order is the order of these calls.
    fn submit(
        &self,
        conversation: ConversationId,
        by: UserId,
        client_id: Option<ClientId>,
        intent: Intent,
    ) -> Result<oneshot::Receiver<Result<Committed, ChatError>>, ChatError> {
        let (waiter, answer) = oneshot::channel();
        let digest = intent.digest(&self.meta.digest_key);
        let company = Company::Any;
        let job = Job { conversation, by, client_id, intent, digest, rounds: 0, company, waiter };
        match self.queue.push(job) {
            Ok(()) => Ok(answer),
            Err(Full::Overloaded) => Err(ChatError::Overloaded { retry_after: OVERLOADED_RETRY }),
            Err(Full::Closed) => Err(ChatError::Unavailable(None)),
        }
    }
}

/// Waits for what was [submitted](Core::submit).
async fn answered(
    submitted: Result<oneshot::Receiver<Result<Committed, ChatError>>, ChatError>,
) -> Result<Committed, ChatError> {
    // A waiter that is gone means the engine was torn down: whether it was stored is unknown.
    submitted?.await.unwrap_or(Err(ChatError::Unavailable(None)))
}

/// The chat of one tenant: a cheap handle, to be cloned.
///
/// It runs on the tokio runtime it was built on, and spawns only what [`Chat::shutdown`] ends.
#[derive(Clone)]
pub struct Chat {
    core: Arc<Core>,
}

impl Chat {
    /// Begins to put a chat together over `store`.
    pub fn builder(store: impl Store) -> ChatBuilder {
        ChatBuilder::new(Arc::new(store))
    }

    /// The same over a store that is already shared.
    pub fn over(store: Arc<dyn Store>) -> ChatBuilder {
        ChatBuilder::new(store)
    }

    /// Everything `user` may do, as methods.
    pub fn actor(&self, user: UserId) -> ActingAs {
        ActingAs { core: Arc::clone(&self.core), user }
    }

    /// Everything the host may do by itself.
    pub fn system(&self) -> System {
        System::new(self.clone())
    }

    /// Connects a device: from now on its [`Session`] is told what happens.
    ///
    /// # Errors
    /// As [`Chat::open_with`].
    pub async fn open(&self, user: UserId, device: Device) -> Result<Session, ChatError> {
        self.open_with(Open::new(user).device(device)).await
    }

    /// Connects a device that says more about itself.
    ///
    /// # Errors
    /// [`Refusal::LimitReached`] when the user has as many sockets as he may; [`ChatError::Overloaded`] when the
    /// node has; any failure of the store.
    pub async fn open_with(&self, open: Open) -> Result<Session, ChatError> {
        Session::open(&self.core, open).await
    }

    /// A login has ended: its sockets end now, with [`Ended::Revoked`].
    ///
    /// Other nodes are told to ask their [`Liveness`], and end only what that says has ended:
    /// where there are several nodes the builder needs one.
    pub fn end_session(&self, session: SessionId) {
        self.core.hub.end_session(session, Ended::Revoked);
        self.core.notifier.notify(&crate::delivery::Notice::Session(session));
    }

    /// How many sessions are connected to this node.
    pub fn connected(&self) -> usize {
        self.core.hub.connected()
    }

    /// Every bound.
    pub fn limits(&self) -> &Limits {
        &self.core.limits
    }

    /// What strangers may do.
    pub fn policies(&self) -> &Policies {
        &self.core.policies
    }

    /// The life of the store's data: positions of another epoch mean nothing.
    pub fn epoch(&self) -> Uuid {
        self.core.meta.epoch
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    /// The injected clock, for doors that need one too.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.core.clock
    }

    /// The injected source of ids and randomness.
    pub fn ids(&self) -> &Arc<dyn IdSource> {
        &self.core.ids
    }

    /// Whether the store can be reached.
    ///
    /// # Errors
    /// [`ChatError::Unavailable`] when a part of it cannot.
    pub async fn ready(&self) -> Result<(), ChatError> {
        let store = &self.core.store;
        store.people().ping_people().await?;
        store.access().ping_access().await?;
        store.talk().ping_talk().await?;
        Ok(())
    }

    /// Reads what changed elsewhere, now instead of when it is due: for tests, and for after a restore.
    ///
    /// # Errors
    /// Any failure of the store.
    pub async fn catch_up_now(&self) -> Result<(), ChatError> {
        crate::delivery::anti_entropy_now(&self.core).await
    }

    /// Waits until everything that is committed was passed on to this node's sessions: for tests.
    #[cfg(feature = "testing")]
    pub async fn settled(&self) {
        while !self.core.hub.is_quiet() {
            tokio::task::yield_now().await;
        }
    }

    /// Ends the chat: what is queued is committed, then every session ends with [`Ended::Shutdown`], then the
    /// background tasks.
    pub async fn shutdown(&self) {
        self.core.queue.close();
        self.core.receipts.close();
        // First, so that a session that opens meanwhile sees it.
        self.core.stop.cancel();
        crate::delivery::say(&self.core, Sign::Leaving);
        self.core.hub.end_all(Ended::Shutdown);
        self.core.tasks.close();
        self.core.tasks.wait().await;
    }
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chat").field("epoch", &self.core.meta.epoch).finish_non_exhaustive()
    }
}

/// Somebody who acts: every use case is a method of this handle.
#[derive(Clone)]
pub struct ActingAs {
    core: Arc<Core>,
    user: UserId,
}

impl ActingAs {
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// Who acts.
    pub const fn user(&self) -> UserId {
        self.user
    }

    pub(crate) const fn of(core: Arc<Core>, user: UserId) -> Self {
        Self { core, user }
    }

    async fn commit(
        &self,
        conversation: ConversationId,
        client_id: Option<ClientId>,
        intent: Intent,
    ) -> Result<Committed, ChatError> {
        answered(self.core.submit(conversation, self.user, client_id, intent)).await
    }
}

impl std::fmt::Debug for ActingAs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ActingAs").field(&self.user).finish()
    }
}

/// A name for people: of a conversation.
fn check_name(name: &str, codepoints_max: u64, field: &'static str) -> Result<(), Refusal> {
    let is_override = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}');
    let count = name.chars().count() as u64;
    if count == 0 || count > codepoints_max || name.chars().all(char::is_whitespace) {
        return Err(Refusal::invalid(field, "too short or too long"));
    }
    if name.chars().any(|c| c.is_control() || is_override(c)) {
        return Err(Refusal::invalid(field, "control or direction-override characters are not allowed"));
    }
    Ok(())
}
