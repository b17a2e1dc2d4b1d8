//! What changed, per tenant and group of parts: one process per file, so memory is enough.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chat_core::id::Tenant;
use chat_core::store::{Change, ChangeRing};

/// Changes that are kept for who polls them.
const CHANGES_KEPT: usize = 65_536;

/// The feeds of one tenant.
#[derive(Debug)]
pub(super) struct Feeds {
    pub(super) people: ChangeRing,
    pub(super) access: ChangeRing,
    pub(super) talk: ChangeRing,
}

impl Feeds {
    fn new(life: u64) -> Self {
        let ring = || ChangeRing::new(life, CHANGES_KEPT);
        Self { people: ring(), access: ring(), talk: ring() }
    }

    /// Notes what was just committed.
    pub(super) fn tell(&self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Friendships(_) => self.people.push([change]),
                Change::Session(_) => self.access.push([change]),
                // Of what this version does not know, talk is the busiest reader.
                _ => self.talk.push([change]),
            }
        }
    }
}

/// The feeds of all tenants.
#[derive(Debug)]
pub(super) struct AllFeeds {
    life: u64,
    tenants: Mutex<BTreeMap<Tenant, Arc<Feeds>>>,
}

impl AllFeeds {
    /// Empty feeds; `life` is random for each process.
    pub(super) fn new(life: u64) -> Self {
        Self { life, tenants: Mutex::default() }
    }

    /// The feeds of one tenant.
    pub(super) fn of(&self, tenant: Tenant) -> Arc<Feeds> {
        let mut tenants = self.tenants.lock().expect("nothing panics under this lock");
        Arc::clone(tenants.entry(tenant).or_insert_with(|| Arc::new(Feeds::new(self.life))))
    }
}
