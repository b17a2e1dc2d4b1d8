//! Which nodes are alive: leases on the monotonic clock, nothing stored.
//!
//! Every node says every few seconds that it is alive. One that has not been heard for the length of a lease is taken
//! for dead, and whoever was connected there for gone. A node's own signs come back to it: while they do, the line to
//! the others works, and the store need not be asked often. Left out: any agreement on who is a member. Nobody decides
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
}

impl Nodes {
    pub(crate) fn new(own: NodeId) -> Self {
        Self { own, heard: Mutex::default() }
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
        Heard::New
    }

    /// A node has left.
    pub(super) fn forget(&self, node: NodeId) {
        lock(&self.heard).remove(&node);
    }

    /// The nodes whose lease is over, which are known no more.
    pub(super) fn expire(&self, now: Duration) -> Vec<NodeId> {
        let mut heard = lock(&self.heard);
        let over = |at: Duration| now.saturating_sub(at) >= LEASE;
        let dead: Vec<NodeId> = heard.iter().filter(|(_, at)| over(**at)).map(|(node, _)| *node).collect();
        for node in &dead {
            heard.remove(node);
        }
        dead
    }

    /// Whether this node's own signs come back: what is told reaches those who listen.
    pub(super) fn is_line_open(&self, now: Duration) -> bool {
        lock(&self.heard).get(&self.own).is_some_and(|at| now.saturating_sub(*at) < 2 * HEARTBEAT_EVERY)
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
    fn forged_nodes_take_no_more_room_than_there_is() {
        let nodes = Nodes::new(node(0));
        for number in 0..5_000 {
            let expected = if number < NODES_MAX as u128 { Heard::New } else { Heard::NoRoom };
            assert_eq!(nodes.hear(node(number), seconds(0)), expected);
        }
        assert_eq!(nodes.hear(node(1), seconds(1)), Heard::Known, "who is known stays known");
    }
}
