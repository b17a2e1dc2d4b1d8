//! Who is connected on other nodes: known only of those whom somebody here watches, and only while they are watched.
//!
//! Whoever begins to watch a user asks the nodes that hold him; those answer, and tell again whenever that changes. An
//! answer that was lost is asked for again, and who is not confirmed any more when he is asked for is gone: that he
//! went may have been lost too. A node that is dead takes its people with it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::hub::lock;
use super::nodes::NodeId;
use super::notify::{Connected, Interest, Notice, Topic};
use crate::engine::Core;
use crate::id::{ConversationId, UserId};

/// Of how many nodes it is known that they hold one user; a forger cannot make it more.
const NODES_PER_USER_MAX: usize = 64;
/// How long a node is believed to hold a user without saying it again; it is asked every minute.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(150);

/// Who of the watched is connected where.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// Each watched user, and the other nodes that hold him, with the time when each said it last.
    users: Mutex<HashMap<UserId, HashMap<NodeId, Duration>>>,
    /// Whether all of them are to be asked for anew.
    in_doubt: AtomicBool,
}

impl Elsewhere {
    /// Whether another node holds this user, as far as is known here.
    pub(super) fn holds(&self, user: UserId) -> bool {
        lock(&self.users).get(&user).is_some_and(|nodes| !nodes.is_empty())
    }

    /// Notes what a node says of a user; answers whether he came or went by it. Users nobody watches are passed over.
    pub(super) fn note(&self, user: UserId, node: NodeId, connected: Connected, now: Duration) -> bool {
        let mut users = lock(&self.users);
        let Some(nodes) = users.get_mut(&user) else { return false };
        let before = nodes.is_empty();
        match connected {
            Connected::Yes if nodes.len() < NODES_PER_USER_MAX || nodes.contains_key(&node) => {
                nodes.insert(node, now);
            }
            Connected::Yes => {}
            Connected::No => {
                nodes.remove(&node);
            }
        }
        before != nodes.is_empty()
    }

    /// Forgets everybody on these nodes; answers who went by it.
    pub(super) fn forget(&self, dead: &[NodeId]) -> Vec<UserId> {
        let mut gone = Vec::new();
        for (user, nodes) in &mut *lock(&self.users) {
            let before = nodes.len();
            nodes.retain(|node, _| !dead.contains(node));
            if before > 0 && nodes.is_empty() {
                gone.push(*user);
            }
        }
        gone
    }

    /// Forgets what was not confirmed for too long of these users; answers who went by it.
    pub(super) fn doubt(&self, users: &[UserId], now: Duration) -> Vec<UserId> {
        let mut all = lock(&self.users);
        let mut is_gone = |user: &UserId| {
            let Some(nodes) = all.get_mut(user).filter(|nodes| !nodes.is_empty()) else { return false };
            nodes.retain(|_, said| now.saturating_sub(*said) < CONFIRMED_WITHIN);
            nodes.is_empty()
        };
        users.iter().copied().filter(|user| is_gone(user)).collect()
    }

    /// What is known may be wrong: everybody is asked for anew, soon.
    pub(super) fn ask_anew(&self) {
        self.in_doubt.store(true, Ordering::Relaxed);
    }

    /// Whether that was said since the last time.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt.swap(false, Ordering::Relaxed)
    }

    /// Everybody who is watched.
    pub(super) fn watched(&self) -> Vec<UserId> {
        lock(&self.users).keys().copied().collect()
    }
}

/// Somebody here begins to watch a user: the first one has the others asked.
pub(super) fn begin(core: &Core, user: UserId) {
    let elsewhere = &core.hub.presence.elsewhere;
    let new = {
        let mut users = lock(&elsewhere.users);
        let new = !users.contains_key(&user);
        users.entry(user).or_default();
        if new {
            // Under the lock that decides it, so that it is said in order.
            core.notifier.interest(Topic::Presence(user), Interest::On);
        }
        new
    };
    if new {
        core.notifier.notify(&Notice::Whereabouts(user));
    }
}

/// Nobody here watches a user any more.
pub(super) fn end(core: &Core, user: UserId) {
    let mut users = lock(&core.hub.presence.elsewhere.users);
    if users.remove(&user).is_some() {
        core.notifier.interest(Topic::Presence(user), Interest::Off);
    }
}

/// Asks where these users are.
pub(super) fn ask(core: &Core, users: &[UserId]) {
    for user in users {
        core.notifier.notify(&Notice::Whereabouts(*user));
    }
}

/// Tells the other nodes whether a user has sessions here.
pub(super) fn tell(core: &Core, user: UserId) {
    let connected = if core.hub.is_online(user) { Connected::Yes } else { Connected::No };
    core.notifier.notify(&Notice::Presence { user, node: core.nodes.own(), connected });
}

/// The conversations of a user who is not here, to compare with those of somebody who watches him.
pub(super) async fn conversations(core: &Arc<Core>, user: UserId) -> HashSet<ConversationId> {
    match core.store.talk().memberships().positions(user).await {
        Ok(positions) => positions.into_iter().map(|position| position.conversation).collect(),
        Err(error) => {
            tracing::warn!(error = %error, "who shares a conversation cannot be read");
            HashSet::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn node(number: u128) -> NodeId {
        NodeId(Uuid::from_u128(number))
    }

    #[test]
    fn a_user_is_there_while_one_node_holds_him() {
        let elsewhere = Elsewhere::default();
        let ana = UserId::from(1_u64);
        assert!(!elsewhere.note(ana, node(1), Connected::Yes, NOW), "nobody watches him");
        lock(&elsewhere.users).entry(ana).or_default();
        assert!(elsewhere.note(ana, node(1), Connected::Yes, NOW));
        assert!(!elsewhere.note(ana, node(2), Connected::Yes, NOW) && elsewhere.holds(ana));
        assert!(!elsewhere.note(ana, node(1), Connected::No, NOW), "the other one still has him");
        assert_eq!(elsewhere.forget(&[node(1)]), []);
        assert_eq!(elsewhere.forget(&[node(2)]), [ana]);
        assert!(!elsewhere.holds(ana));
        assert_eq!(elsewhere.forget(&[node(2)]), [], "he went once");
    }

    #[test]
    fn who_is_not_confirmed_is_gone() {
        let elsewhere = Elsewhere::default();
        let (ana, bogdan) = (UserId::from(1_u64), UserId::from(2_u64));
        for user in [ana, bogdan] {
            lock(&elsewhere.users).entry(user).or_default();
            assert!(elsewhere.note(user, node(1), Connected::Yes, NOW));
        }
        assert!(!elsewhere.note(bogdan, node(1), Connected::Yes, NOW + CONFIRMED_WITHIN / 2));
        assert_eq!(elsewhere.doubt(&[ana, bogdan], NOW + CONFIRMED_WITHIN / 2), []);
        assert_eq!(elsewhere.doubt(&[ana, bogdan], NOW + CONFIRMED_WITHIN), [ana]);
        assert!(!elsewhere.holds(ana) && elsewhere.holds(bogdan));
        assert_eq!(elsewhere.doubt(&[ana], NOW + 2 * CONFIRMED_WITHIN), [], "he went once");
    }

    #[test]
    fn forged_nodes_of_a_user_are_bounded() {
        let elsewhere = Elsewhere::default();
        let ana = UserId::from(1_u64);
        lock(&elsewhere.users).entry(ana).or_default();
        for number in 0..1_000 {
            elsewhere.note(ana, node(number), Connected::Yes, NOW);
        }
        assert_eq!(lock(&elsewhere.users)[&ana].len(), NODES_PER_USER_MAX);
    }
}
