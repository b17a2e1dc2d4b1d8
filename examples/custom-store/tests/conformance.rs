//! The proof: every sentence of the contract, on this store; and what is its own, the end of a journal that was cut
//! off.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chat_core::conformance::{Database, Fixture};
use chat_core::store::{Shell, StoreError};
use chat_core::{ConversationId, Kind, Settings, Store, Tenant, Timestamp, UserId};
use custom_store::JournalStore;
use tempfile::TempDir;

/// Journals in a directory of their own.
struct Journals;

struct JournalDatabase {
    directory: TempDir,
    store: Mutex<Option<JournalStore>>,
}

impl JournalDatabase {
    fn path(&self) -> PathBuf {
        self.directory.path().join("chat.journal")
    }

    async fn open(&self) {
        let store = JournalStore::open(&self.path()).await.unwrap();
        *self.store.lock().unwrap() = Some(store);
    }
}

#[async_trait]
impl Fixture for Journals {
    fn name(&self) -> String {
        "journal".to_owned()
    }

    async fn fresh(&self) -> Option<Arc<dyn Database>> {
        let database = JournalDatabase { directory: tempfile::tempdir().unwrap(), store: Mutex::default() };
        database.open().await;
        Some(Arc::new(database))
    }
}

#[async_trait]
impl Database for JournalDatabase {
    fn store(&self, tenant: Tenant) -> Arc<dyn Store> {
        Arc::new(self.store.lock().unwrap().as_ref().unwrap().for_tenant(tenant))
    }

    async fn reopen(&self) {
        self.store.lock().unwrap().take();
        self.open().await;
    }
}

chat_core::conformance::suite!(Journals);

chat_core::conformance::parity!(parity, Journals);

/// Makes a conversation of this number.
async fn make(store: &JournalStore, number: u8) -> Result<(), StoreError> {
    let kind = Kind::Group;
    let (id, creator) = (ConversationId::from_bytes([number; 16]), Some(UserId::from(1_u64)));
    let settings = Settings::of(kind);
    let shell = Shell { id, kind, pair: None, creator, settings, at: Timestamp::default() };
    store.talk().conversations().ensure(&shell).await.map(drop)
}

async fn count(store: &JournalStore) -> usize {
    store.talk().conversations().walk(None, 10).await.unwrap().len()
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.journal");
    let store = JournalStore::open(&path).await.unwrap();
    make(&store, 1).await.unwrap();
    let whole = std::fs::metadata(&path).unwrap().len();
    make(&store, 2).await.unwrap();
    drop(store);
    let bytes = std::fs::read(&path).unwrap();
    for cut in usize::try_from(whole).unwrap()..bytes.len() {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let store = JournalStore::open(&path).await.unwrap();
        assert_eq!(count(&store).await, 1, "cut off at {cut}");
        make(&store, 3).await.unwrap();
        drop(store);
        assert_eq!(count(&JournalStore::open(&path).await.unwrap()).await, 2);
    }
}

#[tokio::test]
async fn a_journal_is_open_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.journal");
    let _store = JournalStore::open(&path).await.unwrap();
    assert!(JournalStore::open(&path).await.is_err());
}
