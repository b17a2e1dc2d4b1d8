//! What this node was not told: read from the store, rarely while nobody else writes to it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::elsewhere;
use super::nodes::{self, Heard, NodeId, Sign};
use super::notify::{self, Inbound, Incoming, Interest, Loss, Notice};
use super::outbox::Ended;
use super::presence;
use super::topic::Topic;
use crate::engine::{Cluster, Core};
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
/// How often the feeds are read while nothing else tells what others write.
const OFTEN: Duration = Duration::from_secs(1);
/// How often at most they are read because something was lost.
const LOST_EVERY: Duration = Duration::from_millis(500);
/// How often they are read while nobody else writes, or others tell of it.
const RARELY: Duration = Duration::from_secs(15);
/// In how many steps, one a second, everything served is looked at.
const SWEEP_STEPS: usize = 60;
/// How many of the watched are asked for in one step when all of them are in doubt.
const ASKED_AT_ONCE: usize = 500;

/// Starts what runs beside the engine.
pub(crate) fn start(core: &Arc<Core>, cluster: Cluster) {
    let (inbound, Incoming { notices: inbox, loss }) = Inbound::bounded(INBOUND_MAX);
    core.notifier.attach(inbound);
    core.notifier.interest(notify::Topic::Nodes, Interest::On);
    spawn(core, receive(Arc::clone(core), inbox));
    spawn(core, compare_for_ever(Arc::clone(core), cluster, loss));
    spawn(core, every_second(Arc::clone(core), cluster));
    spawn(core, look_at_logins(Arc::clone(core)));
    if cluster == Cluster::Notified {
        spawn(core, nodes::announce(Arc::clone(core)));
    }
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
            Notice::Presence { user, node, connected } => presence::heard(&core, user, node, connected),
            Notice::Whereabouts(user) => {
                if core.hub.is_online(user) {
                    elsewhere::tell(&core, user);
                }
            }
            Notice::Node { node, sign } => node_said(&core, node, sign),
        }
    }
}

/// A node is alive or leaves. One that has come, or come back, may hold people who are watched here.
fn node_said(core: &Core, node: NodeId, sign: Sign) {
    match sign {
        Sign::Alive => {
            let heard = core.nodes.hear(node, core.clock.monotonic());
            if heard == Heard::New && node != core.nodes.own() {
                core.hub.presence.elsewhere.ask_anew();
            }
        }
        Sign::Leaving => {
            core.nodes.forget(node);
            presence::nodes_gone(core, &[node]);
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
    presence::judge_all_again(core, user).await
}

/// Somebody on another node is typing: passed on if he is a member, who need not be connected here.
async fn tell_typing(core: &Arc<Core>, typing: TypingEvent) -> Result<(), ChatError> {
    let (id, user) = (typing.conversation, typing.user);
    if !core.hub.topic(id).is_some_and(|topic| core.hub.is_small(&topic)) {
        return Ok(());
    }
    let row = core.store.talk().memberships().of(id, &[user]).await?.pop().flatten();
    if row.is_some_and(|row| row.role().is_some()) {
        core.hub.typing(typing);
    }
    Ok(())
}

async fn tell_receipt(core: &Arc<Core>, conversation: ConversationId, user: UserId) {
    // In a large conversation only he himself is told.
    let is_told = |topic: &Topic| core.hub.is_small(topic) || core.hub.person(user).is_some();
    if !core.hub.topic(conversation).is_some_and(|topic| is_told(&topic)) {
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
    // Most are somewhere else.
    let logins = core.hub.are_here(logins);
    if logins.is_empty() {
        return Ok(());
    }
    let alive = core.liveness.alive(&logins).await?;
    for (login, _) in logins.iter().zip(alive).filter(|(_, alive)| !alive) {
        core.hub.end_session(*login, Ended::Revoked);
    }
    Ok(())
}

async fn every_second(core: Arc<Core>, cluster: Cluster) {
    let mut sweep = Sweep::default();
    loop {
        core.clock.sleep(presence::TOLD_EVERY).await;
        presence::nodes_gone(&core, &core.nodes.expire(core.clock.monotonic()));
        presence::tell_all(&core).await;
        // What has come to be served while notices of it were not asked for yet is looked at once more.
        let fresh = core.hub.fresh();
        if cluster != Cluster::Alone {
            log(sweep.step(&core, fresh).await);
        }
    }
}

/// By itself: nothing that waits for the store stands before it.
async fn look_at_logins(core: Arc<Core>) {
    loop {
        core.clock.sleep(ALIVE_EVERY).await;
        // Taken before it is looked: what is taken away meanwhile is found by the next look.
        let now = core.clock.monotonic();
        match check_all_logins(&core).await {
            Ok(()) => core.pulse.beat(now),
            Err(error) => tracing::warn!(error = %error, "logins cannot be checked"),
        }
    }
}

async fn check_all_logins(core: &Arc<Core>) -> Result<(), ChatError> {
    for slice in core.hub.logins().chunks(1_000) {
        check_logins(core, slice).await?;
    }
    Ok(())
}

/// What is looked at slowly, so that each conversation served here, and each person watched, is seen once a minute:
/// whatever no notice and no feed has told of is found by it.
#[derive(Default)]
struct Sweep {
    topics: Vec<Arc<Topic>>,
    watched: Vec<UserId>,
    /// The watched who are in doubt, asked for more quickly.
    doubted: Vec<UserId>,
    /// What came to be served in the second before.
    fresh: Vec<Arc<Topic>>,
    /// Steps that are left of this round.
    steps: usize,
}

impl Sweep {
    async fn step(&mut self, core: &Arc<Core>, fresh: Vec<Arc<Topic>>) -> Result<(), ChatError> {
        let elsewhere = &core.hub.presence.elsewhere;
        if self.steps == 0 {
            self.topics = core.hub.served();
            self.watched = elsewhere.watched();
            self.steps = SWEEP_STEPS;
        }
        if elsewhere.is_in_doubt() {
            self.doubted = elsewhere.watched();
        }
        let (mut topics, watched) =
            (share(&mut self.topics, self.steps), share(&mut self.watched, self.steps));
        self.steps -= 1;
        presence::ask(core, &watched);
        elsewhere::ask(core, &self.doubted.split_off(self.doubted.len().saturating_sub(ASKED_AT_ONCE)));
        topics.append(&mut std::mem::replace(&mut self.fresh, fresh));
        read_heads(core, &topics).await
    }
}

/// Takes what is due in the first of so many steps.
fn share<T>(of: &mut Vec<T>, steps: usize) -> Vec<T> {
    of.split_off(of.len() - of.len().div_ceil(steps))
}

/// Where the readers of changes stand.
#[derive(Default)]
struct Cursors {
    people: Option<ChangeCursor>,
    access: Option<ChangeCursor>,
    talk: Option<ChangeCursor>,
}

async fn compare_for_ever(core: Arc<Core>, cluster: Cluster, loss: Arc<Loss>) {
    let mut cursors = Cursors::default();
    loop {
        if let Err(error) = compare(&core, &mut cursors).await {
            tracing::warn!(error = %error, "changes cannot be read");
        }
        if let Err(error) = core.sweep().await {
            tracing::warn!(error = %error, "what was left over cannot be finished");
        }
        #[cfg(feature = "testing")]
        core.hub.has_compared.store(true, std::sync::atomic::Ordering::Relaxed);
        let began = core.clock.monotonic();
        if pause(&core, cluster, &loss).await == Woken::SomethingLost {
            core.hub.presence.elsewhere.ask_anew();
            // At once, unless it was just done: what is lost by doing too much is not made good by doing more.
            let since = core.clock.monotonic().saturating_sub(began);
            core.clock.sleep(LOST_EVERY.saturating_sub(since)).await;
        }
    }
}

/// Why a pause is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Woken {
    /// It was long enough.
    InTime,
    /// Notices may have been lost.
    SomethingLost,
}

/// Waits as long as the store may be left alone.
async fn pause(core: &Core, cluster: Cluster, loss: &Loss) -> Woken {
    let began = core.clock.monotonic();
    loop {
        let step = if cluster == Cluster::Alone { RARELY } else { OFTEN };
        tokio::select! {
            () = core.clock.sleep(step) => {}
            () = loss.noticed.notified() => {
                if loss.was_cut() {
                    // By its own sign a node knows that the line is whole again.
                    core.nodes.forget(core.nodes.own());
                }
                return Woken::SomethingLost;
            }
        }
        let now = core.clock.monotonic();
        let may_go_on = cluster == Cluster::Notified && core.nodes.is_line_open(now);
        if !may_go_on || now.saturating_sub(began) >= RARELY {
            return Woken::InTime;
        }
    }
}

async fn compare(core: &Arc<Core>, cursors: &mut Cursors) -> Result<(), ChatError> {
    let store = &core.store;
    read(core, store.talk().talk_changes(), &mut cursors.talk).await?;
    read(core, store.people().people_changes(), &mut cursors.people).await?;
    read(core, store.access().access_changes(), &mut cursors.access).await
}

/// Reads one feed to its end, which is a page that is not full; when it has forgotten something everything is
/// compared. What cannot be looked at is read again: the cursor moves only behind what was.
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
        let is_last = changed.items.len() < CHANGES_MAX;
        let mut items = changed.items;
        items.sort_unstable();
        items.dedup();
        let (mut behind, mut logins) = (Vec::new(), Vec::new());
        for change in items {
            match change {
                Change::Head(conversation) => behind.extend(core.hub.topic(conversation)),
                Change::Memberships(user) => core.hub.memberships_moved(user),
                Change::Friendships(user) => friendships_moved(core, user).await?,
                Change::Session(login) => logins.push(login),
            }
        }
        check_logins(core, &logins).await?;
        read_heads(core, &behind).await?;
        *cursor = Some(changed.cursor);
        if is_last {
            return Ok(());
        }
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
