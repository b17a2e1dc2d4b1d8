//! What happens to a cluster, one thing at a time, chosen by a seed.

use super::crowd::{Crowd, Random};
use super::node::{Cluster, NODES};

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A server is killed; its devices resume elsewhere.
    NodeKilled,
    /// A server is stopped where it is, and goes on later.
    NodePaused,
    /// A server loses its line to the broker.
    BrokerCut,
    /// Nothing moves on that line, and nobody is told.
    BrokerStalled,
    /// A server loses its line to the database.
    DatabaseCut,
    /// Nothing moves on that line, and nobody is told.
    DatabaseStalled,
    /// A server loses both lines.
    BothCut,
    /// The broker is killed, and comes back.
    BrokerKilled,
    /// The database is killed, and comes back.
    DatabaseKilled,
}

const FAULTS: [Fault; 9] = [
    Fault::NodeKilled,
    Fault::NodePaused,
    Fault::BrokerCut,
    Fault::BrokerStalled,
    Fault::DatabaseCut,
    Fault::DatabaseStalled,
    Fault::BothCut,
    Fault::BrokerKilled,
    Fault::DatabaseKilled,
];

/// Messages that are acknowledged while something is broken, where anything can be.
const ACKS_MEANWHILE: u64 = 60;

impl Fault {
    /// The `round`th: all of them in turn, so that a short run has seen each.
    pub(crate) fn of(round: usize) -> Self {
        FAULTS[round % FAULTS.len()]
    }

    /// Lets it happen to some server, and ends it.
    pub(crate) async fn strike(self, cluster: &mut Cluster, crowd: &mut Crowd, random: &mut Random) {
        let nth = usize::try_from(random.below(NODES as u64)).unwrap();
        let node = &cluster.nodes[nth];
        match self {
            Self::NodeKilled => return node_killed(cluster, crowd, nth).await,
            Self::DatabaseKilled => {
                cluster.database.kill().unwrap();
                crowd.more_broken().await;
                cluster.database.start_again().unwrap();
                crowd.more_acked(1).await;
                return;
            }
            Self::BrokerKilled => {
                if let Some(broker) = cluster.own_broker() {
                    broker.kill().unwrap();
                    crowd.more_acked(ACKS_MEANWHILE).await;
                    broker.start_again().unwrap();
                }
                return;
            }
            Self::NodePaused => node.pause(),
            Self::BrokerCut => node.to_broker.refuse(),
            Self::BrokerStalled => node.to_broker.black_hole(),
            Self::DatabaseCut => node.to_database.refuse(),
            Self::DatabaseStalled => node.to_database.black_hole(),
            Self::BothCut => {
                node.to_broker.refuse();
                node.to_database.refuse();
            }
        }
        crowd.more_acked(ACKS_MEANWHILE).await;
        let node = &cluster.nodes[nth];
        node.resume();
        node.restore();
    }
}

/// Devices of a dead server find another one, and some of them the new one when it is there.
async fn node_killed(cluster: &mut Cluster, crowd: &mut Crowd, nth: usize) {
    let dead = cluster.address(nth);
    let elsewhere = cluster.address((nth + 1) % NODES);
    cluster.nodes[nth].kill().await;
    let moved = crowd.move_from(dead, elsewhere);
    crowd.more_acked(ACKS_MEANWHILE).await;
    cluster.start_node(nth).await;
    crowd.will_be_at(&moved, cluster.address(nth));
}
