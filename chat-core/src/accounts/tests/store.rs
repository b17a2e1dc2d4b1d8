//! The store in memory, with something else happening just before a login is written, questions counted, and a
//! cable to pull.

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;

use crate::id::{SessionId, Tenant, UserId};
use crate::memory::MemoryStore;
use crate::store::{
    Access, Changes, People, Rotate, SessionRow, Sessions, Store, StoreError, Talk, TransferAccess,
};
use crate::time::Timestamp;

type Meanwhile = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Default)]
pub(super) struct Watched {
    inner: MemoryStore,
    meanwhile: Mutex<Option<Meanwhile>>,
    questions: AtomicUsize,
    is_cut: AtomicBool,
}

impl Watched {
    /// Does this once, just before the next login is stored or rotated.
    pub(super) fn meanwhile(&self, other: impl Future<Output = ()> + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Box::pin(other));
    }

    /// How often it was asked which logins are alive.
    pub(super) fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }

    /// From now on no login can be read or written.
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }

    /// They can again.
    pub(super) fn mend(&self) {
        self.is_cut.store(false, Ordering::Relaxed);
    }

    async fn interrupt(&self) {
        let other = self.meanwhile.lock().unwrap().take();
        if let Some(other) = other {
            other.await;
        }
    }

    fn sessions(&self) -> Result<&dyn Sessions, StoreError> {
        if self.is_cut.load(Ordering::Relaxed) {
            return Err(StoreError::unavailable("cut"));
        }
        Ok(self.inner.access().sessions())
    }
}

impl Store for Watched {
    fn tenant(&self) -> Tenant {
        self.inner.tenant()
    }

    fn people(&self) -> &dyn People {
        self.inner.people()
    }

    fn access(&self) -> &dyn Access {
        self
    }

    fn talk(&self) -> &dyn Talk {
        self.inner.talk()
    }
}

#[async_trait]
impl Access for Watched {
    fn sessions(&self) -> &dyn Sessions {
        self
    }

    fn access_changes(&self) -> &dyn Changes {
        self.inner.access().access_changes()
    }

    fn transfer_access(&self) -> &dyn TransferAccess {
        self.inner.access().transfer_access()
    }

    async fn ping_access(&self) -> Result<(), StoreError> {
        self.inner.access().ping_access().await
    }
}

#[async_trait]
impl Sessions for Watched {
    async fn create(&self, row: &SessionRow, keep: u64) -> Result<Vec<SessionId>, StoreError> {
        self.interrupt().await;
        self.sessions()?.create(row, keep).await
    }

    async fn load(&self, ids: &[SessionId]) -> Result<Vec<Option<SessionRow>>, StoreError> {
        self.sessions()?.load(ids).await
    }

    async fn alive(&self, ids: &[SessionId], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        self.sessions()?.alive(ids, now).await
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<SessionRow>, StoreError> {
        self.sessions()?.of_user(user).await
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<(), StoreError> {
        self.interrupt().await;
        self.sessions()?.rotate(rotate).await
    }

    async fn touch(&self, seen: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
        self.sessions()?.touch(seen).await
    }

    async fn end(&self, ids: &[SessionId]) -> Result<Vec<SessionId>, StoreError> {
        self.sessions()?.end(ids).await
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<SessionId>, StoreError> {
        self.sessions()?.expired(now, limit).await
    }
}
