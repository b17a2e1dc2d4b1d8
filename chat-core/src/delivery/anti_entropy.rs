//! What this node was not told: read from the store, rarely while nobody else writes to it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use super::notify::{Inbound, Notice};
use super::outbox::Ended;
use super::presence;
use super::topic::Topic;
use crate::engine::Core;
use crate::error::ChatError;
use crate::event::{ReceiptEvent, TypingEvent};
use crate::id::{ConversationId, SessionId, UserId};
use crate::receipt::Receipt;
use crate::store::{Change, ChangeCursor, Changes};

/// How many changes one read fetches.
const CHANGES_MAX: usize = 1_000;
/// How many heads one slice compares.
const HEADS_SLICE: usize = 500;
/// How many notices wait to be looked at.
const INBOUND_MAX: usize = 4_096;
/// How often logins are asked whether they still live.
const ALIVE_EVERY: Duration = Duration::from_secs(1);

/// Starts what runs beside the engine.
pub(crate) fn start(core: &Arc<Core>, every: Duration) {
    let (notices, inbox) = mpsc::channel(INBOUND_MAX);
    let overflow = Arc::new(Notify::new());
    core.notifier.attach(Inbound { notices, overflow: Arc::clone(&overflow) });
    spawn(core, receive(Arc::clone(core), inbox));
    spawn(core, compare_for_ever(Arc::clone(core), every, overflow));
    spawn(core, every_second(Arc::clone(core)));
}

fn spawn(core: &Arc<Core>, work: impl Future<Output = ()> + Send + 'static) {
    let stop = core.stop.clone();
    core.tasks.spawn(async move { stop.run_until_cancelled(work).await });
}

/// Looks at what other nodes tell.
async fn receive(core: Arc<Core>, mut inbox: mpsc::Receiver<Notice>) {
    while let Some(notice) = inbox.recv().await {
        match notice {
            Notice::Head { conversation, seq } => {
                if let Some(topic) = core.hub.topic(conversation).filter(|topic| seq > topic.head()) {
                    // A forged head must not make a reader spin: what is so is asked of the store.
                    log(read_heads(&core, &[topic]).await);
                }
            }
            Notice::Memberships(user) => core.hub.memberships_moved(user),
            Notice::Friendships(user) => log(friendships_moved(&core, user).await),
            Notice::Session(login) => log(check_logins(&core, &[login]).await),
            Notice::Receipt { conversation, user } => tell_receipt(&core, conversation, user).await,
            Notice::Typing(typing) => log(tell_typing(&core, typing).await),
        }
    }
}

/// A notice that cannot be looked at is lost like one that never came: what changed is found in the feeds.
fn log(looked: Result<(), ChatError>) {
    if let Err(error) = looked {
        tracing::warn!(error = %error, "a notice cannot be looked at");
    }
}

async fn read_heads(core: &Arc<Core>, topics: &[Arc<Topic>]) -> Result<(), ChatError> {
    for slice in topics.chunks(HEADS_SLICE) {
        let ids: Vec<ConversationId> = slice.iter().map(|topic| topic.id).collect();
        let heads = core.store.talk().log().heads(&ids).await?;
        for (topic, head) in slice.iter().zip(heads) {
            if let Some(head) = head {
                core.hub.raise(topic, head.head);
            }
        }
    }
    Ok(())
}

async fn friendships_moved(core: &Arc<Core>, user: UserId) -> Result<(), ChatError> {
    core.hub.friends_moved(user);
    if let Some(person) = core.hub.person(user) {
        person.set_blocks(core.store.people().friendships().blocks(user).await?);
    }
    Ok(())
}

/// Somebody on another node is typing: passed on if he is a member, who need not be connected here.
async fn tell_typing(core: &Arc<Core>, typing: TypingEvent) -> Result<(), ChatError> {
    let (id, user) = (typing.conversation, typing.user);
    if core.hub.topic(id).is_none() {
        return Ok(());
    }
    let row = core.store.talk().memberships().of(id, &[user]).await?.pop().flatten();
    if row.is_some_and(|row| row.role().is_some()) {
        core.hub.typing(typing);
    }
    Ok(())
}

async fn tell_receipt(core: &Arc<Core>, conversation: ConversationId, user: UserId) {
    if core.hub.topic(conversation).is_none() {
        return;
    }
    match core.store.talk().memberships().of(conversation, &[user]).await {
        Ok(rows) => {
            for row in rows.into_iter().flatten() {
                let receipt = Receipt { read: row.read, delivered: row.delivered };
                core.hub.receipt(ReceiptEvent { conversation, user, receipt });
            }
        }
        Err(error) => tracing::warn!(error = %error, "a receipt cannot be read"),
    }
}

async fn check_logins(core: &Arc<Core>, logins: &[SessionId]) -> Result<(), ChatError> {
    let alive = core.liveness.alive(logins).await?;
    for (login, _) in logins.iter().zip(alive).filter(|(_, alive)| !alive) {
        core.hub.end_session(*login, Ended::Revoked);
    }
    Ok(())
}

async fn every_second(core: Arc<Core>) {
    loop {
        core.clock.sleep(presence::TOLD_EVERY.min(ALIVE_EVERY)).await;
        presence::tell_all(&core);
        let logins = core.hub.logins();
        for slice in logins.chunks(1_000) {
            if let Err(error) = check_logins(&core, slice).await {
                tracing::warn!(error = %error, "logins cannot be checked");
            }
        }
    }
}

/// Where the readers of changes stand.
#[derive(Default)]
struct Cursors {
    people: Option<ChangeCursor>,
    access: Option<ChangeCursor>,
    talk: Option<ChangeCursor>,
}

async fn compare_for_ever(core: Arc<Core>, every: Duration, overflow: Arc<Notify>) {
    let mut cursors = Cursors::default();
    loop {
        if let Err(error) = compare(&core, &mut cursors).await {
            tracing::warn!(error = %error, "changes cannot be read");
        }
        if let Err(error) = core.sweep().await {
            tracing::warn!(error = %error, "what was left over cannot be finished");
        }
        tokio::select! {
            () = core.clock.sleep(every) => {}
            () = overflow.notified() => {}
        }
    }
}

async fn compare(core: &Arc<Core>, cursors: &mut Cursors) -> Result<(), ChatError> {
    let store = &core.store;
    read(core, store.talk().talk_changes(), &mut cursors.talk).await?;
    read(core, store.people().people_changes(), &mut cursors.people).await?;
    read(core, store.access().access_changes(), &mut cursors.access).await
}

/// Reads one feed to its end; when it has forgotten something everything is compared. What cannot be looked at is
/// read again: the cursor moves only behind what was.
async fn read(
    core: &Arc<Core>,
    changes: &dyn Changes,
    cursor: &mut Option<ChangeCursor>,
) -> Result<(), ChatError> {
    loop {
        let changed = changes.since(*cursor, CHANGES_MAX).await?;
        if changed.lagged {
            everything(core).await?;
            *cursor = Some(changed.cursor);
            return Ok(());
        }
        if changed.items.is_empty() {
            *cursor = Some(changed.cursor);
            return Ok(());
        }
        let mut items = changed.items;
        items.sort_unstable();
        items.dedup();
        let mut behind = Vec::new();
        for change in items {
            match change {
                Change::Head(conversation) => behind.extend(core.hub.topic(conversation)),
                Change::Memberships(user) => core.hub.memberships_moved(user),
                Change::Friendships(user) => friendships_moved(core, user).await?,
                Change::Session(login) => check_logins(core, &[login]).await?,
            }
        }
        read_heads(core, &behind).await?;
        *cursor = Some(changed.cursor);
    }
}

/// Compares all that this node serves with the store, at once: for tests, and when a feed has forgotten something.
pub(crate) async fn everything_now(core: &Arc<Core>) -> Result<(), ChatError> {
    everything(core).await?;
    core.sweep().await
}

async fn everything(core: &Arc<Core>) -> Result<(), ChatError> {
    for person in core.hub.everybody() {
        super::refresh::compare(core, &person).await?;
        friendships_moved(core, person.id).await?;
    }
    read_heads(core, &core.hub.served()).await?;
    check_logins(core, &core.hub.logins()).await
}
