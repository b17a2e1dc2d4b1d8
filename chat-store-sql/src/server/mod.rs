//! A store on a database server, for any number of processes. What PostgreSQL and MySQL have in common, which is
//! almost everything: the store is written once, over [`link::Link`], which speaks to either.
//!
//! A read is one statement, or several on one connection; where they must agree with each other they see one state of
//! the database. A write is a transaction of its own in a task of its own, so that a caller who goes away never cuts
//! it in the middle; who loses against another transaction begins anew, a bounded number of times.

mod accounts;
mod attachments;
mod changes;
mod check;
mod columns;
mod conversations;
mod dead;
mod dialect;
mod error;
mod found;
mod friendships;
#[cfg(feature = "postgres")]
mod heads;
mod line;
mod link;
mod locks;
mod log;
mod memberships;
mod migrate;
#[cfg(feature = "mysql")]
mod mysql;
mod open;
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
mod receipt_log;
mod receipts;
mod sessions;
mod transfer;
mod value;

use std::pin::Pin;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use chat_core::id::Tenant;
use chat_core::store::{
    Access, Accounts, Attachments, Changes, Conversations, Friendships, Log, Memberships, Meta, People,
    ReceiptLog, Receipts, Sessions, StoreError, Talk, TransferAccess, TransferPeople, TransferTalk,
};
use uuid::Uuid;

use self::changes::{Feed, FeedKind};
use self::dialect::{Dialect, Texts};
use self::error::{Closed, Done, Failure, Panicked};
use self::line::Line;
use self::pool::Pool;
use self::value::values;
use crate::random::{random, random_epoch};
use crate::statements;

pub use self::error::OpenError;
pub use self::open::Durability;
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) use self::open::Settings;

/// How often a transaction that lost against others is begun anew.
const REPEATS_MAX: u32 = 12;

/// More than there are statements, so that each is prepared once for each connection.
const STATEMENTS_KEPT: usize = 256;

/// Work in a transaction; it may be done more than once, and then the earlier ones never were.
type Work<'l, T> = Pin<Box<dyn Future<Output = Done<T>> + Send + 'l>>;

/// A store on a server, for one tenant. Clones, and those of other tenants, share its connections.
#[derive(Clone)]
pub(crate) struct Server {
    shared: Arc<Shared>,
    tenant: Tenant,
    feeds: Arc<[Feed; 3]>,
}

/// What all clones and tenants share.
struct Shared {
    dialect: Dialect,
    texts: Arc<Texts>,
    readers: Arc<Pool>,
    writers: Arc<Pool>,
    meta: RwLock<Meta>,
    #[cfg(feature = "postgres")]
    heads: heads::Heads,
}

impl Server {
    fn new(shared: Arc<Shared>, tenant: Tenant) -> Self {
        let feeds = FeedKind::ALL.map(|kind| Feed::new(Arc::clone(&shared), tenant, kind));
        Self { shared, tenant, feeds: Arc::new(feeds) }
    }

    /// The same store seen by another tenant: nothing of one is visible to the other.
    pub(crate) fn for_tenant(&self, tenant: Tenant) -> Self {
        Self::new(Arc::clone(&self.shared), tenant)
    }

    /// Whose data it serves.
    pub(crate) const fn tenant(&self) -> Tenant {
        self.tenant
    }

    /// Takes no more work, and parts with the connections. What has begun is finished.
    pub(crate) async fn close(&self) {
        self.shared.readers.close().await;
        self.shared.writers.close().await;
    }

    /// Gives the store a new epoch.
    pub(crate) async fn renew_epoch(&self) -> Result<Uuid, StoreError> {
        let epoch = random_epoch();
        self.write(move |line| {
            Box::pin(async move {
                line.execute(statements::meta::RENEW, values![epoch.as_bytes()]).await?;
                Ok(())
            })
        })
        .await?;
        self.shared.meta.write().expect("nothing panics under this lock").epoch = epoch;
        Ok(epoch)
    }

    fn current_meta(&self) -> Meta {
        *self.shared.meta.read().expect("nothing panics under this lock")
    }

    fn tenant_column(&self) -> i64 {
        i64::from(self.tenant.0)
    }

    /// A connection to read with.
    async fn reading(&self) -> Result<Line, StoreError> {
        Ok(self.shared.reading(self.tenant_column()).await?)
    }

    /// A connection that sees one state of the database.
    async fn snapshot(&self) -> Result<Line, StoreError> {
        let mut line = self.shared.reading(self.tenant_column()).await?;
        line.begin_snapshot().await?;
        Ok(line)
    }

    /// Does `work` in a transaction, and again when it loses against another.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: for<'l> Fn(&'l mut Line) -> Work<'l, T> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let (shared, tenant) = (Arc::clone(&self.shared), self.tenant_column());
        in_task(async move { shared.transact(tenant, work).await }).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let mut line = self.reading().await?;
        let done = line.query(statements::server::PING, &[]).await.map(drop);
        line.end(done).await
    }
}

impl Shared {
    async fn reading(&self, tenant: i64) -> Done<Line> {
        let lent = self.readers.acquire().await?;
        Ok(Line::new(lent, Arc::clone(&self.texts), self.dialect, tenant))
    }

    async fn writing(&self, tenant: i64) -> Done<Line> {
        let lent = self.writers.acquire().await?;
        Ok(Line::new(lent, Arc::clone(&self.texts), self.dialect, tenant))
    }

    /// A connection to read whole tables with.
    async fn patient(&self) -> Done<Line> {
        let mut line = self.writing(0).await?;
        line.be_patient().await?;
        Ok(line)
    }

    async fn transact<T>(
        &self,
        tenant: i64,
        work: impl for<'l> Fn(&'l mut Line) -> Work<'l, T> + Send + Sync,
    ) -> Result<T, StoreError> {
        let mut repeats = 0;
        loop {
            let mut line = self.writing(tenant).await?;
            let done = attempt(&mut line, &work).await;
            let lost = done.as_ref().is_err_and(Failure::is_contention) && repeats < REPEATS_MAX;
            let ended = line.end(done).await;
            if !lost {
                return ended;
            }
            repeats += 1;
            tokio::time::sleep(pause(repeats)).await;
        }
    }
}

/// One transaction, wholly or not at all.
async fn attempt<T>(line: &mut Line, work: &impl for<'l> Fn(&'l mut Line) -> Work<'l, T>) -> Done<T> {
    line.begin().await?;
    let answer = work(line).await?;
    changes::tell(line).await?;
    line.commit().await?;
    Ok(answer)
}

/// How long the loser waits: some time, so that not all losers meet again.
fn pause(repeats: u32) -> Duration {
    let [byte] = random();
    let most = u64::from(2_u32.pow(repeats.min(6)));
    Duration::from_micros(500 + u64::from(byte) * most * 8)
}

/// Does what must not be cut off when nobody waits for it any more.
async fn in_task<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(work).await.unwrap_or_else(|ended| {
        if ended.is_panic() {
            tracing::error!("work of the store panicked");
            return Err(StoreError::backend(Panicked));
        }
        Err(StoreError::unavailable(Closed))
    })
}

#[async_trait]
impl People for Server {
    fn friendships(&self) -> &dyn Friendships {
        self
    }

    fn accounts(&self) -> &dyn Accounts {
        self
    }

    fn people_changes(&self) -> &dyn Changes {
        &self.feeds[FeedKind::People as usize]
    }

    fn transfer_people(&self) -> &dyn TransferPeople {
        self
    }

    async fn ping_people(&self) -> Result<(), StoreError> {
        self.ping().await
    }
}

#[async_trait]
impl Access for Server {
    fn sessions(&self) -> &dyn Sessions {
        self
    }

    fn access_changes(&self) -> &dyn Changes {
        &self.feeds[FeedKind::Access as usize]
    }

    fn transfer_access(&self) -> &dyn TransferAccess {
        self
    }

    async fn ping_access(&self) -> Result<(), StoreError> {
        self.ping().await
    }
}

#[async_trait]
impl Talk for Server {
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
        &self.feeds[FeedKind::Talk as usize]
    }

    async fn meta(&self) -> Result<Meta, StoreError> {
        Ok(self.current_meta())
    }

    fn transfer_talk(&self) -> &dyn TransferTalk {
        self
    }

    async fn ping_talk(&self) -> Result<(), StoreError> {
        self.ping().await
    }
}
