//! How many sockets there may be: on this node, and from one address. Those of one user are counted by the engine.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use chat_core::Limits;
use metrics::{Gauge, gauge};

use super::network;

/// Why there is no place for a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Full {
    /// The node has all it can hold.
    Node,
    /// The address has all that one may have.
    Address,
}

/// Counts the sockets of a router.
pub(super) struct Admission {
    sockets_max: u64,
    sockets_per_address_max: u64,
    open: Mutex<Open>,
    /// The same for the host's recorder.
    meter: Gauge,
}

/// The sockets there are. No larger than their number.
#[derive(Debug, Default)]
struct Open {
    sockets: u64,
    by_network: HashMap<IpAddr, u64>,
}

impl Admission {
    /// As many as `limits` allow.
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            sockets_max: limits.sockets_per_node_max,
            sockets_per_address_max: limits.sockets_per_address_max,
            open: Mutex::default(),
            meter: gauge!("chat_sockets_open"),
        })
    }

    /// A place for one more socket. Where the peer's address is not known, only the node's limit holds.
    ///
    /// # Errors
    /// [`Full`] when there is none.
    pub(super) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Place, Full> {
        let network = address.map(network);
        let mut open = self.open.lock().expect("nothing panics while this lock is held");
        if open.sockets >= self.sockets_max {
            return Err(Full::Node);
        }
        if let Some(network) = network {
            let sockets = open.by_network.get(&network).copied().unwrap_or_default();
            if sockets >= self.sockets_per_address_max {
                return Err(Full::Address);
            }
            open.by_network.insert(network, sockets + 1);
        }
        open.sockets += 1;
        self.meter.increment(1);
        Ok(Place { admission: Arc::clone(self), network })
    }
}

/// The right to be open. Dropping it makes room for another.
pub struct Place {
    admission: Arc<Admission>,
    network: Option<IpAddr>,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("network", &self.network).finish_non_exhaustive()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.admission.open.lock().expect("nothing panics while this lock is held");
        open.sockets -= 1;
        self.admission.meter.decrement(1);
        let Some(network) = self.network else { return };
        if let Some(sockets) = open.by_network.get_mut(&network) {
            *sockets -= 1;
            if *sockets == 0 {
                open.by_network.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(node: u64, address: u64) -> Arc<Admission> {
        let mut limits = Limits::default();
        limits.sockets_per_node_max = node;
        limits.sockets_per_address_max = address;
        Admission::new(&limits)
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn an_address_has_its_share_and_the_node_its_bound() {
        let admission = admission(3, 2);
        let mut places =
            vec![admission.admit(Some(address(1))).unwrap(), admission.admit(Some(address(1))).unwrap()];
        assert_eq!(admission.admit(Some(address(1))).unwrap_err(), Full::Address);
        places.push(admission.admit(Some(address(2))).unwrap());
        assert_eq!(admission.admit(Some(address(3))).unwrap_err(), Full::Node);
        assert_eq!(admission.admit(None).unwrap_err(), Full::Node);
        places.remove(0);
        assert!(admission.admit(Some(address(1))).is_ok());
    }

    #[test]
    fn who_has_gone_leaves_nothing_behind() {
        let none = admission(10, 0);
        assert_eq!(none.admit(Some(address(1))).unwrap_err(), Full::Address);
        assert!(none.open.lock().unwrap().by_network.is_empty());
        let admission = admission(10, 1);
        drop((1..=9).map(|last| admission.admit(Some(address(last))).unwrap()).collect::<Vec<_>>());
        let open = admission.open.lock().unwrap();
        assert_eq!((open.sockets, open.by_network.len()), (0, 0));
    }
}
