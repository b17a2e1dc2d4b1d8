//! One connected device.

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex};

use futures_util::future::Either;
use uuid::Uuid;

use super::catch_up;
use super::hub::{Holding, lock};
use super::outbox::{Ended, Outbox};
use super::{presence, readers, sync};
use crate::command::{Command, Reply};
use crate::engine::{ActingAs, Core};
use crate::error::{ChatError, Refusal};
use crate::event::Event;
use crate::id::{ConversationId, SessionId, UserId};
use crate::user::Device;

/// How a session begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resume {
    /// Live at once: the first entry of a conversation defines its start.
    #[default]
    Live,
    /// Nothing is passed on before the first `sync` has said from where.
    AwaitSync,
}

/// How a device is told of a conversation that is new to it, and has entries already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum News {
    /// By a summary, after which the next entries follow: for clients that have lists of conversations.
    #[default]
    Summary,
    /// By its entries, from the one with which its user came: for clients that know messages and nothing else. What is
    /// further back than one page of entries is not told.
    Entries,
}

/// A device about to connect.
#[derive(Clone, Debug)]
pub struct Open {
    pub(super) user: UserId,
    pub(super) login: Option<SessionId>,
    pub(super) device: Device,
    pub(super) resume: Resume,
    pub(super) news: News,
}

impl Open {
    /// A device of `user`.
    pub fn new(user: UserId) -> Self {
        Self { user, login: None, device: Device::default(), resume: Resume::Live, news: News::Summary }
    }

    /// The login it belongs to: [`Chat::end_session`](crate::Chat::end_session) ends it.
    #[must_use]
    pub const fn login(mut self, login: SessionId) -> Self {
        self.login = Some(login);
        self
    }

    /// What it calls itself.
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.device = device;
        self
    }

    /// How it is told of conversations that are new to it.
    #[must_use]
    pub const fn news(mut self, news: News) -> Self {
        self.news = news;
        self
    }

    /// How it begins.
    #[must_use]
    pub const fn resume(mut self, resume: Resume) -> Self {
        self.resume = resume;
        self
    }
}

/// What the commands of a session share with its stream of events.
pub(super) struct Line {
    pub(super) core: Arc<Core>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) holding: Holding,
    /// What it reads without being a member.
    pub(super) reading: Mutex<HashSet<ConversationId>>,
    /// What its `sync` has named so far.
    pub(super) named: Mutex<HashSet<ConversationId>>,
    /// One `sync` or `subscribe` at a time.
    pub(super) syncing: tokio::sync::Mutex<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        let hub = &self.core.hub;
        hub.disconnect(&self.holding.person, &self.outbox);
        hub.presence.unwatch_all(&self.core, &self.outbox, lock(&self.outbox.watched).drain());
        for id in lock(&self.reading).drain() {
            if let Some(topic) = hub.topic(id) {
                topic.remove_reader(&self.outbox);
                hub.tidy(&topic);
            }
        }
    }
}

/// One connected device: takes commands, gives events. Dropping it disconnects it.
///
/// A transport polls many [`handle`](Self::handle) futures at once while it reads [`next`](Self::next); it calls
/// `handle` in the order in which commands arrive.
pub struct Session {
    line: Arc<Line>,
    device: Device,
}

impl Session {
    pub(crate) async fn open(core: &Arc<Core>, open: Open) -> Result<Self, ChatError> {
        if open.user.is_system() {
            return Err(Refusal::invalid("/user", "the system has no devices").into());
        }
        if core.hub.connected() as u64 >= core.limits.sockets_per_node_max {
            return Err(ChatError::Overloaded { retry_after: std::time::Duration::from_secs(5) });
        }
        let holding =
            core.hub.hold(open.user, core.limits.sockets_per_user_max).ok_or(Refusal::LimitReached)?;
        let person = Arc::clone(&holding.person);
        {
            let _turn = core.reads.acquire().await.map_err(|_| ChatError::Unavailable(None))?;
            person.ready.get_or_try_init(|| super::refresh::arrive(core, &person)).await?;
        }
        let connection = core.ids.uuid(core.clock.now());
        let outbox = Outbox::new(open.user, open.login, connection, core.hub.events_max);
        let outbox = Arc::new(outbox.news(open.news));
        if open.resume == Resume::AwaitSync {
            outbox.hold();
        }
        let line = Arc::new(Line {
            core: Arc::clone(core),
            outbox: Arc::clone(&outbox),
            holding,
            reading: Mutex::default(),
            named: Mutex::default(),
            syncing: tokio::sync::Mutex::default(),
        });
        core.hub.connect(&person, &outbox);
        if core.stop.is_cancelled() {
            outbox.end(Ended::Shutdown);
        }
        Ok(Self { line, device: open.device })
    }

    /// Whose it is.
    pub fn user(&self) -> UserId {
        self.line.outbox.user
    }

    /// The login it belongs to.
    pub fn login(&self) -> Option<SessionId> {
        self.line.outbox.login
    }

    /// This connection, different each time.
    pub fn connection(&self) -> Uuid {
        self.line.outbox.connection
    }

    /// What the device calls itself.
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// Does what a command says. Messages take their place in line by this call, not by the first poll; a reply to
    /// `sync` or `subscribe` is ready in the same poll in which the session goes live.
    ///
    /// # Errors
    /// What the use cases say; [`Refusal::Unauthenticated`] once the session has ended.
    pub fn handle(
        &self,
        command: Command,
    ) -> impl Future<Output = Result<Reply, ChatError>> + Send + 'static + use<> {
        let line = Arc::clone(&self.line);
        if line.outbox.ended().is_some() {
            return Either::Left(Either::Left(std::future::ready(Err(Refusal::Unauthenticated.into()))));
        }
        let actor = ActingAs::of(Arc::clone(&line.core), line.outbox.user);
        match command {
            Command::Sync(_)
            | Command::Subscribe { .. }
            | Command::Unsubscribe { .. }
            | Command::Watch { .. }
            | Command::Unwatch { .. } => Either::Right(Box::pin(own(line, command))),
            other => Either::Left(Either::Right(actor.perform(other))),
        }
    }

    /// The next event. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Ended`] when the session is over.
    pub async fn next(&mut self) -> Result<Event, Ended> {
        loop {
            let outbox = Arc::clone(&self.line.outbox);
            if let Some(ended) = outbox.ended() {
                return Err(ended);
            }
            if self.is_late() {
                let core = Arc::clone(&self.line.core);
                // On the heap: it is rare, as below.
                let in_time = Box::pin(async move { core.pulse.in_time(|| core.clock.monotonic()).await });
                tokio::select! {
                    biased;
                    () = outbox.over() => {}
                    () = in_time => {}
                }
                continue;
            }
            if let Some(event) = self.try_next() {
                return Ok(event);
            }
            let Some(chore) = outbox.chore() else {
                outbox.wake.notified().await;
                continue;
            };
            // Its end waits for no store. On the heap: it is rare, and would make every waiting task a kilobyte larger.
            let fetch = Box::pin(catch_up::fetch(&self.line, chore));
            tokio::select! {
                biased;
                () = outbox.over() => {}
                () = fetch => {}
            }
        }
    }

    /// The next event, if one waits already.
    pub fn try_next(&mut self) -> Option<Event> {
        if self.is_late() {
            return None;
        }
        self.line.outbox.pop()
    }

    /// Whether something is to be fetched before everything that it is told waits for it.
    #[cfg(feature = "testing")]
    pub fn owes(&self) -> bool {
        self.line.outbox.owes()
    }

    /// Whether this process has slept, and does not know yet what was taken away meanwhile.
    fn is_late(&self) -> bool {
        let core = &self.line.core;
        core.pulse.is_late(|| core.clock.monotonic())
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("user", &self.user()).finish_non_exhaustive()
    }
}

/// The commands that are about the session itself.
async fn own(line: Arc<Line>, command: Command) -> Result<Reply, ChatError> {
    match command {
        Command::Sync(request) => Ok(Reply::Synced(sync::sync(&line, request).await?)),
        Command::Subscribe { conversation, after } => {
            Ok(Reply::Subscribed { head: readers::subscribe(&line, conversation, after).await? })
        }
        Command::Unsubscribe { conversation } => {
            readers::unsubscribe(&line, conversation);
            Ok(Reply::Done)
        }
        Command::Watch { users } => Ok(Reply::Presence(presence::watch(&line, &users).await?)),
        Command::Unwatch { users } => {
            presence::unwatch(&line, &users);
            Ok(Reply::Done)
        }
        _ => Err(Refusal::invalid("/type", "not about the session").into()),
    }
}
