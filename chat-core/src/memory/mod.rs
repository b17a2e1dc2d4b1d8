//! The store in memory: the executable specification of the contract.
//!
//! It is written to be obviously right before it is fast: plain maps behind one lock that is never held over an
//! await, and every derived number (unread counts above all) is counted anew from what it is derived from. Other
//! stores are compared with it. Nothing survives the process, friend feeds are kept whole, and nothing is ever
//! thrown away but what the contract says is gone.
//!
//! The modules mirror [`crate::store`] file for file; `room` holds one conversation, and is where effects are
//! applied.

mod accounts;
mod attachments;
mod conversations;
mod friendships;
mod log;
mod memberships;
mod receipt_log;
mod receipts;
mod room;
mod sessions;
mod transfer;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;

use self::accounts::AccountTable;
use self::attachments::AttachmentTable;
use self::friendships::FriendshipTable;
use self::receipt_log::ReadTable;
use self::room::Rooms;
use self::sessions::SessionTable;
use crate::id::{IdSource, SystemIds, Tenant};
use crate::store::{
    Access, Accounts, Attachments, ChangeRing, Changes, Conversations, Friendships, Log, Memberships, Meta,
    People, ReceiptLog, Receipts, Sessions, Store, StoreError, Talk, TransferAccess, TransferPeople,
    TransferTalk,
};
use crate::time::Timestamp;

/// How many changes are kept for who polls them.
const CHANGES_KEPT: usize = 65_536;

/// A store in memory, for tests, for trying things out, and as the measure of every other store.
///
/// Clones share the data.
///
/// ```
/// use chat_core::memory::MemoryStore;
/// use chat_core::{Store, Tenant};
///
/// let store = MemoryStore::new();
/// let other = store.for_tenant(Tenant(7));
/// assert_eq!(other.tenant(), Tenant(7));
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    tenant: Tenant,
    /// This tenant's data, out of `all`.
    own: Arc<TenantData>,
    all: Arc<All>,
}

/// What all tenants share: the schema's own data, and each other's existence.
struct All {
    meta: Mutex<Meta>,
    tenants: Mutex<BTreeMap<Tenant, Arc<TenantData>>>,
}

/// One tenant's data.
struct TenantData {
    tables: Mutex<Tables>,
    people_changes: ChangeRing,
    access_changes: ChangeRing,
    talk_changes: ChangeRing,
}

/// Every table of one tenant.
#[derive(Default)]
struct Tables {
    friendships: FriendshipTable,
    accounts: AccountTable,
    sessions: SessionTable,
    rooms: Rooms,
    reads: ReadTable,
    attachments: AttachmentTable,
}

impl MemoryStore {
    /// An empty store of the default tenant, with an epoch of its own.
    pub fn new() -> Self {
        let ids = SystemIds::default();
        let mut digest_key = [0; 32];
        ids.fill(&mut digest_key);
        let meta = Mutex::new(Meta { epoch: ids.uuid(Timestamp::default()), digest_key });
        let all = Arc::new(All { meta, tenants: Mutex::default() });
        let tenant = Tenant::default();
        Self { tenant, own: all.tenant(tenant), all }
    }

    /// The same store seen by another tenant: nothing of one is visible to the other.
    pub fn for_tenant(&self, tenant: Tenant) -> Self {
        Self { tenant, own: self.all.tenant(tenant), all: Arc::clone(&self.all) }
    }

    /// All tables of this tenant, for one method of the contract.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.own.tables.lock().expect("nothing panics while this lock is held")
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl All {
    fn meta(&self) -> MutexGuard<'_, Meta> {
        self.meta.lock().expect("nothing panics while this lock is held")
    }

    fn tenant(&self, tenant: Tenant) -> Arc<TenantData> {
        let mut tenants = self.tenants.lock().expect("nothing panics while this lock is held");
        Arc::clone(tenants.entry(tenant).or_insert_with(|| Arc::new(TenantData::new())))
    }

    /// Whether this is so of any tenant's tables.
    fn any_tenant(&self, is_so: impl Fn(&Tables) -> bool) -> bool {
        let tenants = self.tenants.lock().expect("nothing panics while this lock is held");
        let mut tables = tenants.values().map(|data| data.tables.lock());
        tables.any(|tables| is_so(&tables.expect("nothing panics while this lock is held")))
    }
}

impl TenantData {
    fn new() -> Self {
        let mut life = [0; 8];
        SystemIds::default().fill(&mut life);
        let ring = || ChangeRing::new(u64::from_be_bytes(life), CHANGES_KEPT);
        Self {
            tables: Mutex::default(),
            people_changes: ring(),
            access_changes: ring(),
            talk_changes: ring(),
        }
    }
}

impl Store for MemoryStore {
    fn tenant(&self) -> Tenant {
        self.tenant
    }

    fn people(&self) -> &dyn People {
        self
    }

    fn access(&self) -> &dyn Access {
        self
    }

    fn talk(&self) -> &dyn Talk {
        self
    }
}

#[async_trait]
impl People for MemoryStore {
    fn friendships(&self) -> &dyn Friendships {
        self
    }

    fn accounts(&self) -> &dyn Accounts {
        self
    }

    fn people_changes(&self) -> &dyn Changes {
        &self.own.people_changes
    }

    fn transfer_people(&self) -> &dyn TransferPeople {
        self
    }

    async fn ping_people(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Access for MemoryStore {
    fn sessions(&self) -> &dyn Sessions {
        self
    }

    fn access_changes(&self) -> &dyn Changes {
        &self.own.access_changes
    }

    fn transfer_access(&self) -> &dyn TransferAccess {
        self
    }

    async fn ping_access(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Talk for MemoryStore {
    fn conversations(&self) -> &dyn Conversations {
        self
    }

    fn log(&self) -> &dyn Log {
        self
    }

    fn memberships(&self) -> &dyn Memberships {
        self
    }

    fn receipts(&self) -> &dyn Receipts {
        self
    }

    fn receipt_log(&self) -> Option<&dyn ReceiptLog> {
        Some(self)
    }

    fn attachments(&self) -> Option<&dyn Attachments> {
        Some(self)
    }

    fn talk_changes(&self) -> &dyn Changes {
        &self.own.talk_changes
    }

    fn transfer_talk(&self) -> &dyn TransferTalk {
        self
    }

    async fn meta(&self) -> Result<Meta, StoreError> {
        Ok(*self.all.meta())
    }

    async fn ping_talk(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
