//! The parity test against a second store in memory: it shows that the test itself is deterministic.

use std::any::Any;
use std::sync::Arc;

use chat_core::{MemoryStore, Store};

async fn fresh() -> (Arc<dyn Store>, Box<dyn Any + Send>) {
    (Arc::new(MemoryStore::new()), Box::new(()))
}

chat_core::parity!(parity, fresh, 48, 1..60);
