//! Which nodes are alive: leases on the monotonic clock, nothing stored.
//!
//! Every node says every few seconds that it is alive. One that has not been heard for the length of a lease is taken
//! for dead, and whoever was connected there for gone. A node's own signs come back to it: while they do, and all the
//! others are heard, the line works, and the store need not be asked often. One that fell silent without leaving may go
//! on writing, cut off from the line alone. Left out: any agreement on who is a member. Nobody decides
//! anything by it but what is shown as presence, and how often the store is read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use uuid::Uuid;

use super::hub::lock;
use super::notify::Notice;
use crate::engine::Core;

/// How often a node says that it is alive.
pub(super) const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);
/// How long a node that is not heard counts as alive.
pub(super) const LEASE: Duration = Duration::from_secs(15);
/// How long one that fell silent without leaving is reckoned with.
const SILENT_MAX: Duration = Duration::from_mins(10);
/// Nodes that are remembered at most; a forger cannot make it more.
const NODES_MAX: usize = 1_024;

/// One process of a cluster: random, new with every start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub Uuid);

/// What a node says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// It goes on living for another lease.
    Alive,
    /// It is about to stop: its people are gone.
    Leaving,
}

/// What hearing a node comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It was known to be alive.
    Known,
    /// It has come, or come back.
    New,
    /// There are too many: it is passed over.
    NoRoom,
}

/// The nodes that are alive as far as is known here.
#[derive(Debug)]
pub(crate) struct Nodes {
    own: NodeId,
    /// When each was heard last; this node among them once its own sign has come back.
    heard: Mutex<HashMap<NodeId, Duration>>,
    /// When others were taken for dead that have not left.
    silent: Mutex<HashMap<NodeId, Duration>>,
}

impl Nodes {
    pub(crate) fn new(own: NodeId) -> Self {
        Self { own, heard: Mutex::default(), silent: Mutex::default() }
    }

    /// This node.
    pub(super) const fn own(&self) -> NodeId {
        self.own
    }

    /// A node was heard.
    pub(super) fn hear(&self, node: NodeId, now: Duration) -> Heard {
        let mut heard = lock(&self.heard);
        if let Some(at) = heard.get_mut(&node) {
            *at = now;
            return Heard::Known;
        }
        if heard.len() == NODES_MAX {
            return Heard::NoRoom;
        }
        heard.insert(node, now);
        lock(&self.silent).remove(&node);
        Heard::New
    }

    /// A node has left.
    pub(super) fn forget(&self, node: NodeId) {
        lock(&self.heard).remove(&node);
        lock(&self.silent).remove(&node);
    }

    /// The nodes whose lease is over, which are known no more.
    pub(super) fn expire(&self, now: Duration) -> Vec<NodeId> {
        let mut heard = lock(&self.heard);
        let over = |at: Duration| now.saturating_sub(at) >= LEASE;
        let dead: Vec<NodeId> = heard.iter().filter(|(_, at)| over(**at)).map(|(node, _)| *node).collect();
        let mut silent = lock(&self.silent);
        silent.retain(|_, since| now.saturating_sub(*since) < SILENT_MAX);
        for node in &dead {
            heard.remove(node);
            if *node != self.own && silent.len() < NODES_MAX {
                silent.insert(*node, now);
            }
        }
        dead
    }

    /// Whether this node's own signs come back, and those of everybody who has not left: what is told is heard.
    pub(super) fn is_line_open(&self, now: Duration) -> bool {
        let heard = lock(&self.heard);
        let is_recent = |at: &Duration| now.saturating_sub(*at) < 2 * HEARTBEAT_EVERY;
        heard.contains_key(&self.own) && heard.values().all(is_recent) && lock(&self.silent).is_empty()
    }
}

/// Says that this node is alive, for ever.
pub(super) async fn announce(core: Arc<Core>) {
    loop {
        say(&core, Sign::Alive);
        core.clock.sleep(HEARTBEAT_EVERY).await;
    }
}

/// Tells the others what this node has to say of itself.
pub(crate) fn say(core: &Core, sign: Sign) {
    core.notifier.notify(&Notice::Node { node: core.nodes.own(), sign });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u128) -> NodeId {
        NodeId(Uuid::from_u128(number))
    }

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn who_is_not_heard_for_a_lease_is_dead() {
        let nodes = Nodes::new(node(1));
        assert_eq!(nodes.hear(node(2), seconds(0)), Heard::New);
        assert_eq!(nodes.hear(node(3), seconds(9)), Heard::New);
        assert_eq!(nodes.hear(node(3), seconds(10)), Heard::Known);
        assert_eq!(nodes.expire(seconds(14)), []);
        assert_eq!(nodes.expire(seconds(15)), [node(2)]);
        assert_eq!(nodes.expire(seconds(24)), []);
        assert_eq!(nodes.expire(seconds(25)), [node(3)]);
    }

    #[test]
    fn the_line_is_open_while_ones_own_signs_come_back() {
        let nodes = Nodes::new(node(1));
        assert!(!nodes.is_line_open(seconds(0)));
        nodes.hear(node(2), seconds(0));
        assert!(!nodes.is_line_open(seconds(0)), "others may be heard over a line that carries only one way");
        nodes.hear(node(1), seconds(0));
        assert!(nodes.is_line_open(seconds(9)));
        assert!(!nodes.is_line_open(seconds(10)));
    }

    #[test]
    fn the_line_is_not_open_while_somebody_is_silent() {
        let nodes = Nodes::new(node(1));
        let both = |at| [1, 2].map(|number| nodes.hear(node(number), seconds(at)));
        both(0);
        nodes.hear(node(1), seconds(10));
        assert!(!nodes.is_line_open(seconds(10)), "one may be cut off that goes on writing");
        nodes.hear(node(1), seconds(20));
        assert_eq!(nodes.expire(seconds(20)), [node(2)]);
        assert!(!nodes.is_line_open(seconds(20)), "also when it is taken for dead");
        both(25);
        assert!(nodes.is_line_open(seconds(25)), "it is back");
        nodes.forget(node(2));
        nodes.hear(node(1), seconds(40));
        assert!(nodes.is_line_open(seconds(40)), "it has left");
        both(41);
        nodes.hear(node(1), seconds(700));
        assert_eq!(nodes.expire(seconds(700)), [node(2)]);
        nodes.hear(node(1), seconds(700) + SILENT_MAX);
        assert_eq!(nodes.expire(seconds(700) + SILENT_MAX), []);
        assert!(nodes.is_line_open(seconds(700) + SILENT_MAX), "nobody waits for it for ever");
    }

    #[test]
    fn forged_nodes_take_no_more_room_than_there_is() {
        let nodes = Nodes::new(node(0));
        for number in 0..5_000 {
            let expected = if number < NODES_MAX as u128 { Heard::New } else { Heard::NoRoom };
            assert_eq!(nodes.hear(node(number), seconds(0)), expected);
        }
        assert_eq!(nodes.hear(node(1), seconds(1)), Heard::Known, "who is known stays known");
    }
}
