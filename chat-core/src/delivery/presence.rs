//! Who is there: told only to those who watch and may see, coalesced once a second, never stored.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::elsewhere::{self, Elsewhere};
use super::hub::lock;
use super::nodes::{Heard, NodeId};
use super::notify::Connected;
use super::outbox::Outbox;
use super::session::Line;
use super::topic::Topic;
use crate::command::{Presence, Typing};
use crate::conversation::{Act, Actor, permits};
use crate::delivery::Notice;
use crate::engine::{ActingAs, Core};
use crate::error::{ChatError, Refusal};
use crate::event::{Event, Shared, TypingEvent};
use crate::id::{ConversationId, Pair, UserId};
use crate::time::Timestamp;

/// How often changes are told.
pub(super) const TOLD_EVERY: Duration = Duration::from_secs(1);
/// How many pairs are read at once when they are judged again.
const JUDGED_AT_ONCE: usize = 500;
/// Of how many people the last time is kept.
const LAST_SEEN_MAX: usize = 100_000;

/// Who watches whom.
#[derive(Default)]
pub(crate) struct PresenceBook {
    watchers: Mutex<HashMap<UserId, Vec<Watcher>>>,
    /// Who came or went here.
    moved: Mutex<HashSet<UserId>>,
    /// Who came or went elsewhere.
    moved_elsewhere: Mutex<HashSet<UserId>>,
    /// Whom a session that watches him could not be told of.
    untold: Mutex<HashSet<UserId>>,
    last_seen: Mutex<HashMap<UserId, Timestamp>>,
    /// Who of the watched is connected on other nodes.
    pub(super) elsewhere: Elsewhere,
}

struct Watcher {
    outbox: Arc<Outbox>,
    allowed: Allowed,
    /// What it was told last.
    online: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowed {
    /// Oneself and friends.
    Always,
    /// Strangers: while they share a small conversation, which is looked at whenever there is something to tell.
    WhileTogether,
    /// Never across a block.
    Never,
}

impl Allowed {
    fn now(self, core: &Core, watcher: UserId, theirs: &Theirs) -> bool {
        match self {
            Self::Always => true,
            Self::WhileTogether => share_a_small_conversation(core, watcher, theirs),
            Self::Never => false,
        }
    }
}

/// The conversations of somebody who is watched: nothing, of one who is connected nowhere.
type Theirs = HashSet<ConversationId>;

impl PresenceBook {
    /// Somebody came or went.
    pub(super) fn moved(&self, user: UserId) {
        lock(&self.moved).insert(user);
    }

    /// Whether one of a pair watches the other.
    pub(super) fn watches(&self, pair: Pair) -> bool {
        self.is_watched_by(pair.low(), pair.high()) || self.is_watched_by(pair.high(), pair.low())
    }

    fn is_watched_by(&self, watched: UserId, by: UserId) -> bool {
        let watchers = lock(&self.watchers);
        watchers.get(&watched).is_some_and(|all| all.iter().any(|one| one.outbox.user == by))
    }

    fn watch(&self, core: &Core, outbox: &Arc<Outbox>, user: UserId, allowed: Allowed, online: bool) {
        let mut watchers = lock(&self.watchers);
        elsewhere::begin(core, user);
        let all = watchers.entry(user).or_default();
        all.retain(|one| !Arc::ptr_eq(&one.outbox, outbox));
        all.push(Watcher { outbox: Arc::clone(outbox), allowed, online });
    }

    /// This session watches these users no more.
    pub(super) fn unwatch_all(
        &self,
        core: &Core,
        outbox: &Arc<Outbox>,
        users: impl IntoIterator<Item = UserId>,
    ) {
        let mut watchers = lock(&self.watchers);
        for user in users {
            if let Some(all) = watchers.get_mut(&user) {
                all.retain(|one| !Arc::ptr_eq(&one.outbox, outbox));
                if all.is_empty() {
                    watchers.remove(&user);
                    elsewhere::end(core, user);
                }
            }
        }
    }

    /// Whether a stranger watches this user: then it matters whether they share a conversation.
    fn is_watched_by_strangers(&self, user: UserId) -> bool {
        let watchers = lock(&self.watchers);
        watchers.get(&user).is_some_and(|all| all.iter().any(|one| one.allowed == Allowed::WhileTogether))
    }

    /// Tells a user's watchers what changed for them, or one of them who was judged anew.
    fn tell(
        &self,
        core: &Core,
        Moved { user, online, last_seen, theirs }: &Moved,
        judged: Option<(UserId, Allowed)>,
    ) {
        let (user, online, last_seen) = (*user, *online, *last_seen);
        let seen = Event::Presence(Shared::new(Presence { user, online, last_seen }));
        let unseen = Event::Presence(Shared::new(Presence { user, online: false, last_seen: None }));
        let mut untold = false;
        let mut watchers = lock(&self.watchers);
        for one in watchers.get_mut(&user).into_iter().flatten() {
            match judged {
                Some((watcher, _)) if watcher != one.outbox.user => continue,
                Some((_, allowed)) => one.allowed = allowed,
                None => {}
            }
            let allowed = one.allowed.now(core, one.outbox.user, theirs);
            let shown = online && allowed;
            if shown != one.online {
                if one.outbox.offer_fleeting(if allowed { &seen } else { &unseen }) {
                    one.online = shown;
                } else {
                    untold = true;
                }
            }
        }
        drop(watchers);
        if untold {
            // A session that could not take it is told a second later.
            lock(&self.untold).insert(user);
        }
    }

    /// Those whom a user watches here, or who watch him here.
    fn others_of(&self, core: &Core, user: UserId) -> Vec<UserId> {
        let mut others: HashSet<UserId> = HashSet::new();
        if let Some(person) = core.hub.person(user) {
            person.each(|outbox| others.extend(lock(&outbox.watched).iter()));
        }
        others.extend(lock(&self.watchers).get(&user).into_iter().flatten().map(|one| one.outbox.user));
        others.into_iter().collect()
    }
}

/// How somebody stands who may have come or gone.
struct Moved {
    user: UserId,
    online: bool,
    last_seen: Option<Timestamp>,
    theirs: Theirs,
}

impl Moved {
    async fn read(core: &Arc<Core>, user: UserId) -> Self {
        let book = &core.hub.presence;
        let online = is_online(core, user);
        let theirs = if online && book.is_watched_by_strangers(user) {
            theirs(core, user).await
        } else {
            Theirs::new()
        };
        Self { user, online, last_seen: None, theirs }
    }
}

/// Whether somebody is connected, here or elsewhere.
fn is_online(core: &Core, user: UserId) -> bool {
    core.hub.is_online(user) || core.hub.presence.elsewhere.holds(user)
}

async fn theirs(core: &Arc<Core>, user: UserId) -> Theirs {
    match core.hub.person(user) {
        Some(person) => person.topics().iter().map(|topic| topic.id).collect(),
        None if core.hub.presence.elsewhere.holds(user) => elsewhere::conversations(core, user).await,
        None => Theirs::new(),
    }
}

/// Tells everybody who watches, here and on other nodes, what has changed since the last time.
pub(super) async fn tell_all(core: &Arc<Core>) {
    let book = &core.hub.presence;
    let moved = std::mem::take(&mut *lock(&book.moved));
    let minute = core.clock.now().millis().div_euclid(60_000) * 60_000;
    for user in moved {
        elsewhere::tell(core, user);
        tell_here(core, user, minute).await;
    }
    // Taken before there are new ones; nobody has come or gone by it.
    let untold = std::mem::take(&mut *lock(&book.untold));
    let moved_elsewhere = std::mem::take(&mut *lock(&book.moved_elsewhere));
    for user in moved_elsewhere {
        tell_here(core, user, minute).await;
    }
    for user in untold {
        let mut moved = Moved::read(core, user).await;
        moved.last_seen = lock(&book.last_seen).get(&user).copied();
        book.tell(core, &moved, None);
    }
}

async fn tell_here(core: &Arc<Core>, user: UserId, minute: i64) {
    let book = &core.hub.presence;
    let mut moved = Moved::read(core, user).await;
    moved.last_seen = (!moved.online).then_some(Timestamp::from_millis(minute));
    {
        let mut seen = lock(&book.last_seen);
        if seen.len() >= LAST_SEEN_MAX {
            seen.clear();
        }
        match moved.last_seen {
            Some(at) => seen.insert(user, at),
            None => seen.remove(&user),
        };
    }
    book.tell(core, &moved, None);
}

/// A node says whether it has somebody's sessions.
pub(super) fn heard(core: &Core, user: UserId, node: NodeId, connected: Connected) {
    if node == core.nodes.own() {
        return;
    }
    let (book, now) = (&core.hub.presence, core.clock.monotonic());
    match core.nodes.hear(node, now) {
        Heard::NoRoom => return,
        // It holds others as well.
        Heard::New => book.elsewhere.ask_anew(),
        Heard::Known => {}
    }
    if book.elsewhere.note(user, node, connected, now) {
        lock(&book.moved_elsewhere).insert(user);
    }
}

/// Asks where these users are, and believes no longer what nobody has confirmed since they were asked for before.
pub(super) fn ask(core: &Core, users: &[UserId]) {
    let book = &core.hub.presence;
    let gone = book.elsewhere.doubt(users, core.clock.monotonic());
    lock(&book.moved_elsewhere).extend(gone);
    elsewhere::ask(core, users);
}

/// Nodes are gone, and whoever was connected there with them.
pub(super) fn nodes_gone(core: &Core, dead: &[NodeId]) {
    if !dead.is_empty() {
        let book = &core.hub.presence;
        lock(&book.moved_elsewhere).extend(book.elsewhere.forget(dead));
    }
}

/// What is between two people changed: who may see whom is judged again.
pub(super) async fn judge_again(core: &Arc<Core>, pair: Pair) {
    match may_see(core, pair.low(), &[pair.high()]).await {
        // It is the same from both sides.
        Ok(allowed) => judged(core, pair, allowed.first().copied().unwrap_or(Allowed::Never)).await,
        Err(error) => tracing::warn!(error = %error, "who may see whom cannot be judged"),
    }
}

/// What is between a user and somebody changed, perhaps on another node: everybody is judged again whom he watches
/// here, or who watches him.
pub(super) async fn judge_all_again(core: &Arc<Core>, user: UserId) -> Result<(), ChatError> {
    for others in core.hub.presence.others_of(core, user).chunks(JUDGED_AT_ONCE) {
        let allowed = may_see(core, user, others).await?;
        for (other, allowed) in others.iter().zip(allowed) {
            if let Ok(pair) = Pair::new(user, *other) {
                judged(core, pair, allowed).await;
            }
        }
    }
    Ok(())
}

/// Tells each of two people who watches the other what he may see of him.
async fn judged(core: &Arc<Core>, pair: Pair, allowed: Allowed) {
    let book = &core.hub.presence;
    for (watched, watcher) in [(pair.low(), pair.high()), (pair.high(), pair.low())] {
        if book.is_watched_by(watched, watcher) {
            let online = is_online(core, watched);
            let strangers = online && allowed == Allowed::WhileTogether;
            let theirs = if strangers { theirs(core, watched).await } else { Theirs::new() };
            let moved = Moved { user: watched, online, last_seen: None, theirs };
            book.tell(core, &moved, Some((watcher, allowed)));
        }
    }
}

/// Whether `watcher` may see each of `watched`: friends, and members of small conversations they share; never across
/// a block.
async fn may_see(core: &Arc<Core>, watcher: UserId, watched: &[UserId]) -> Result<Vec<Allowed>, ChatError> {
    let others: Vec<UserId> = watched.iter().copied().filter(|user| *user != watcher).collect();
    let pairs: Vec<Pair> = others.iter().filter_map(|user| Pair::new(watcher, *user).ok()).collect();
    let records = core.store.people().friendships().of(&pairs).await?;
    let judged: HashMap<Pair, _> = pairs.into_iter().zip(records).collect();
    Ok(watched
        .iter()
        .map(|&user| {
            let Ok(pair) = Pair::new(watcher, user) else { return Allowed::Always };
            let friendship = judged.get(&pair).copied().flatten().map(|record| record.friendship);
            let friendship = friendship.unwrap_or_default();
            if friendship.is_blocked() {
                Allowed::Never
            } else if friendship.is_friends() {
                Allowed::Always
            } else {
                Allowed::WhileTogether
            }
        })
        .collect())
}

fn share_a_small_conversation(core: &Core, watcher: UserId, theirs: &Theirs) -> bool {
    let Some(watcher) = core.hub.person(watcher) else { return false };
    let is_small = |topic: &Topic| topic.member_count() <= core.limits.receipt_members_max;
    watcher.topics().iter().any(|topic| theirs.contains(&topic.id) && is_small(topic))
}

/// Begins to watch.
pub(super) async fn watch(line: &Arc<Line>, users: &[UserId]) -> Result<Vec<Presence>, ChatError> {
    let core = &line.core;
    {
        let watched = lock(&line.outbox.watched);
        let new = users.iter().filter(|user| !watched.contains(user)).count();
        if (watched.len() + new) as u64 > core.limits.watched_users_max {
            return Err(Refusal::LimitReached.into());
        }
    }
    let allowed = may_see(core, line.outbox.user, users).await?;
    let book = &core.hub.presence;
    lock(&line.outbox.watched).extend(users);
    let mut presences = Vec::with_capacity(users.len());
    for (&user, allowed) in users.iter().zip(allowed) {
        let theirs = if allowed == Allowed::WhileTogether { theirs(core, user).await } else { Theirs::new() };
        let may_see = allowed.now(core, line.outbox.user, &theirs);
        let online = may_see && is_online(core, user);
        book.watch(core, &line.outbox, user, allowed, online);
        let seen = || lock(&book.last_seen).get(&user).copied();
        let last_seen = if may_see && !online { seen() } else { None };
        presences.push(Presence { user, online, last_seen });
    }
    Ok(presences)
}

/// Stops watching.
pub(super) fn unwatch(line: &Arc<Line>, users: &[UserId]) {
    let mut watched = lock(&line.outbox.watched);
    let gone: Vec<UserId> = users.iter().copied().filter(|user| watched.remove(user)).collect();
    drop(watched);
    line.core.hub.presence.unwatch_all(&line.core, &line.outbox, gone);
}

impl ActingAs {
    /// Tells the others that one is typing. Nothing is stored.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] and [`Refusal::Forbidden`] where one may not write.
    pub async fn typing(&self, conversation: ConversationId, typing: Typing) -> Result<(), ChatError> {
        let core = self.core();
        let (found, row) = core.place(conversation, self.user()).await?;
        permits(found.kind, found.settings, Actor::Person(row.map(|row| row.standing)), Act::Send)?;
        let event = TypingEvent { conversation, user: self.user(), typing };
        core.hub.typing(event);
        core.notifier.notify(&Notice::Typing(event));
        Ok(())
    }
}
