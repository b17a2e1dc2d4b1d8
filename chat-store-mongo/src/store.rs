//! The store itself: what all its parts share, and how it opens and ends.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chat_core::id::Tenant;
use chat_core::store::{
    Access, Accounts, Attachments, Changes, Conversations, Friendships, Log, Memberships, Meta, People,
    ReceiptLog, Receipts, Sessions, Store, StoreError, Talk, TransferAccess, TransferPeople, TransferTalk,
};
use mongodb::bson::{Binary, RawDocumentBuf};
use uuid::Uuid;

use crate::changes::{Feed, Group};
use crate::database::{Database, KEYS_MAX, Query, Table};
use crate::document::Fields;
use crate::error::{Done, OpenError};
use crate::key::Keys;
use crate::options::MongoOptions;
use crate::rooms::Rooms;
use crate::schema::random_epoch;
use crate::sweep::sweep_beside;

/// How often what was left half done is looked for.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// A store in one MongoDB database, for any number of processes. Clones, and those of other tenants, share one client.
#[derive(Clone, Debug)]
pub struct MongoStore {
    shared: Arc<Shared>,
    tenant: Tenant,
    feeds: Arc<[Feed; 3]>,
}

/// What all clones and tenants share.
#[derive(Debug)]
struct Shared {
    database: Arc<Database>,
    rooms: Rooms,
    /// Whether the client is the host's.
    client: Whose,
    /// Whose data are served in this process.
    tenants: Mutex<BTreeSet<Tenant>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Ours,
    TheHosts,
}

/// Documents by the bytes of their key.
pub(crate) type ByKey = HashMap<Vec<u8>, RawDocumentBuf>;

impl MongoStore {
    /// Connects, makes what is not there, and verifies what is.
    ///
    /// # Errors
    /// [`OpenError::NewerSchema`] when the data are from the future, and what else can go wrong with a server.
    pub async fn open(options: MongoOptions) -> Result<Self, OpenError> {
        let database = Database::connect(&options).await?;
        Self::prepared(database, options.tenant, Whose::Ours).await
    }

    /// The same over the host's own client. Reads and writes have their own concerns whatever the client's are; its
    /// time-outs and its pool stay the host's.
    ///
    /// # Errors
    /// As of [`open`](Self::open).
    pub async fn from_database(
        database: mongodb::Database,
        options: MongoOptions,
    ) -> Result<Self, OpenError> {
        Self::prepared(Database::over(database, &options), options.tenant, Whose::TheHosts).await
    }

    async fn prepared(database: Database, tenant: Tenant, client: Whose) -> Result<Self, OpenError> {
        let meta = database.prepare().await?;
        tracing::debug!(epoch = %meta.epoch, "the store is open");
        let (database, rooms) = (Arc::new(database), Rooms::new());
        let shared = Arc::new(Shared { database, rooms, client, tenants: Mutex::default() });
        let weak = Arc::downgrade(&shared);
        tokio::spawn(sweep_beside(move || Self::all(&weak.upgrade()?), SWEEP_EVERY));
        Ok(Self::of(shared, tenant))
    }

    /// The stores of all tenants that are served here, unless they were closed.
    fn all(shared: &Arc<Shared>) -> Option<Vec<Self>> {
        let tenants = shared.tenants.lock().expect("nothing panics under this lock").clone();
        let is_open = !shared.database.is_closed();
        is_open.then(|| tenants.into_iter().map(|tenant| Self::of(Arc::clone(shared), tenant)).collect())
    }

    fn of(shared: Arc<Shared>, tenant: Tenant) -> Self {
        let feed = |group| Feed::new(Arc::clone(&shared.database), Keys(tenant), group);
        shared.tenants.lock().expect("nothing panics under this lock").insert(tenant);
        let feeds = Arc::new([feed(Group::People), feed(Group::Access), feed(Group::Talk)]);
        Self { shared, tenant, feeds }
    }

    /// The same store seen by another tenant: nothing of one is visible to the other.
    #[must_use]
    pub fn for_tenant(&self, tenant: Tenant) -> Self {
        Self::of(Arc::clone(&self.shared), tenant)
    }

    /// Waits for what runs beside, and ends the connections unless they are the host's. Every call after it, of every
    /// clone, is [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.shared.rooms.end_flushes().await;
        self.shared.database.close();
        if self.shared.client == Whose::Ours {
            self.shared.database.disconnect().await;
        }
    }

    /// Gives the store a new epoch, so that every client starts anew: to be done after a backup was put in its place,
    /// while no process uses it.
    ///
    /// # Errors
    /// Any [`StoreError`]; the epoch is the old one then, unless the store was unavailable.
    pub async fn renew_epoch(&self) -> Result<Uuid, StoreError> {
        let database = self.database();
        let meta = Meta { epoch: random_epoch(), ..database.meta().await? };
        database.put_meta(&meta).await?;
        Ok(meta.epoch)
    }

    pub(crate) fn database(&self) -> &Database {
        &self.shared.database
    }

    pub(crate) fn rooms(&self) -> &Rooms {
        &self.shared.rooms
    }

    pub(crate) fn keys(&self) -> Keys {
        Keys(self.tenant)
    }

    /// Does `work` to its end, also when the caller goes away.
    pub(crate) async fn write<T, F, W>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(Self) -> W,
        W: Future<Output = Done<T>> + Send + 'static,
        T: Send + 'static,
    {
        match tokio::spawn(work(self.clone())).await {
            Ok(done) => Ok(done?),
            // How far it came is unknown.
            Err(error) => Err(StoreError::unavailable(error)),
        }
    }

    /// The documents of these keys, as many commands as it takes.
    pub(crate) async fn by_key(
        &self,
        table: Table,
        keys: Vec<Binary>,
        query: impl Fn(Vec<Binary>) -> Query,
    ) -> Done<ByKey> {
        let mut found = ByKey::with_capacity(keys.len());
        for keys in keys.chunks(KEYS_MAX) {
            for document in self.database().find(table, query(keys.to_vec())).await? {
                let key = Fields(&document).bytes("_id")?.to_vec();
                found.insert(key, document);
            }
        }
        Ok(found)
    }
}

impl Store for MongoStore {
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
impl People for MongoStore {
    fn friendships(&self) -> &dyn Friendships {
        self
    }

    fn accounts(&self) -> &dyn Accounts {
        self
    }

    fn people_changes(&self) -> &dyn Changes {
        &self.feeds[0]
    }

    fn transfer_people(&self) -> &dyn TransferPeople {
        self
    }

    async fn ping_people(&self) -> Result<(), StoreError> {
        Ok(self.database().ping().await?)
    }
}

#[async_trait]
impl Access for MongoStore {
    fn sessions(&self) -> &dyn Sessions {
        self
    }

    fn access_changes(&self) -> &dyn Changes {
        &self.feeds[1]
    }

    fn transfer_access(&self) -> &dyn TransferAccess {
        self
    }

    async fn ping_access(&self) -> Result<(), StoreError> {
        Ok(self.database().ping().await?)
    }
}

#[async_trait]
impl Talk for MongoStore {
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
        &self.feeds[2]
    }

    async fn meta(&self) -> Result<Meta, StoreError> {
        Ok(self.database().meta().await?)
    }

    fn transfer_talk(&self) -> &dyn TransferTalk {
        self
    }

    async fn ping_talk(&self) -> Result<(), StoreError> {
        Ok(self.database().ping().await?)
    }
}
