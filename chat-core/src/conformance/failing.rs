//! Calls that fail: the request is lost, or the reply is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use tokio::sync::watch;

use super::intercept::{Intercept, Intercepted};
use crate::message::ClientId;
use crate::store::{Lane, Store, StoreError};

/// What is lost of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// The store never sees the call.
    Request,
    /// The store does it, and its answer is lost.
    Reply,
}

impl Loss {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Request, Self::Reply];
}

/// Fails chosen calls of the stores it is put over with [`StoreError::Unavailable`], and counts all.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::sync::Arc;
/// use chat_core::conformance::{Faults, Loss};
/// use chat_core::{MemoryStore, Store};
///
/// let faults = Faults::default();
/// let store = faults.over(Arc::new(MemoryStore::new()));
/// faults.fail(2, Loss::Request);
/// assert!(store.talk().meta().await.is_ok());
/// assert!(store.talk().meta().await.is_err());
/// assert!(store.talk().meta().await.is_ok());
/// assert!(faults.is_over() && faults.calls() == 3);
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Line>);

#[derive(Debug, Default)]
struct Line {
    calls: AtomicU64,
    /// The call that is next to fail, what of it is lost, and what that ends.
    due: Mutex<Option<(Due, Loss, Ends)>>,
    /// Whether the node behind this line has ended.
    crashed: watch::Sender<bool>,
    /// The draft that no lane can be stored with.
    poison: Mutex<Option<ClientId>>,
}

/// Which call is to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// The one of this number.
    Number(u64),
    /// The next one of this trait and method.
    Named(&'static str),
}

/// What a lost call is the end of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// Itself.
    Call,
    /// The node that made it.
    Node,
}

/// The line to the database was cut.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the line was cut")]
struct Cut;

/// A draft cannot be stored.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this draft cannot be stored")]
struct Poisoned;

impl Faults {
    /// The store behind this line.
    pub fn over(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Intercepted::new(store, Arc::new(self.clone())))
    }

    /// Lets every lane fail that holds a draft of this `client_id`, with [`StoreError::Backend`].
    pub fn poison(&self, client_id: ClientId) {
        *self.0.poison.lock().expect("nothing panics while this lock is held") = Some(client_id);
    }

    /// How many calls there were so far.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// Lets the `nth` call from now fail: 1 is the next one. Those after it are whole again.
    pub fn fail(&self, nth: u64, loss: Loss) {
        *self.due() = Some((Due::Number(self.calls() + nth), loss, Ends::Call));
    }

    /// Lets the next call of this name fail, as in `"Log::append"`. Those after it are whole again.
    pub fn fail_call(&self, call: &'static str, loss: Loss) {
        *self.due() = Some((Due::Named(call), loss, Ends::Call));
    }

    /// Lets the node end with the `nth` call from now, as a kill would: no later call reaches the store, and none that
    /// is on its way returns.
    pub fn crash(&self, nth: u64, loss: Loss) {
        *self.due() = Some((Due::Number(self.calls() + nth), loss, Ends::Node));
    }

    /// Whether the node has ended.
    pub fn is_crashed(&self) -> bool {
        *self.0.crashed.borrow()
    }

    /// Waits until the node has ended; for ever, when it does not.
    pub async fn crashed(&self) {
        let mut crashed = self.0.crashed.subscribe();
        // The sender lives as long as this value.
        let _ = crashed.wait_for(|crashed| *crashed).await;
    }

    /// From now on no call fails, also if the one that was to has not come.
    pub fn mend(&self) {
        *self.due() = None;
    }

    /// Whether the call that was to fail has come.
    pub fn is_over(&self) -> bool {
        self.due().is_none()
    }

    fn due(&self) -> MutexGuard<'_, Option<(Due, Loss, Ends)>> {
        self.0.due.lock().expect("nothing panics while this lock is held")
    }

    /// Fails the call of this number and name if it is the one to lose this. In a node that has ended nothing goes on.
    async fn judge(&self, number: u64, call: &'static str, loss: Loss) -> Result<(), StoreError> {
        let is_due = |due| due == Due::Number(number) || due == Due::Named(call);
        let lost = self.due().take_if(|(due, lost, _)| is_due(*due) && *lost == loss);
        if let Some((_, _, Ends::Node)) = lost {
            self.0.crashed.send_replace(true);
        }
        if self.is_crashed() {
            std::future::pending::<()>().await;
        }
        lost.map_or(Ok(()), |_| Err(StoreError::unavailable(Cut)))
    }
}

#[async_trait]
impl Intercept for Faults {
    /// The number of the call.
    type Ticket = u64;

    async fn before(&self, call: &'static str) -> Result<u64, StoreError> {
        let number = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        self.judge(number, call, Loss::Request).await?;
        Ok(number)
    }

    async fn after(&self, call: &'static str, number: u64) -> Result<(), StoreError> {
        self.judge(number, call, Loss::Reply).await
    }

    fn lane(&self, lane: &Lane) -> Result<(), StoreError> {
        let poison = self.0.poison.lock().expect("nothing panics while this lock is held");
        let is_poison = |client_id| poison.as_ref() == Some(client_id);
        if lane.drafts.iter().any(|draft| is_poison(&draft.client_id)) {
            return Err(StoreError::backend(Poisoned));
        }
        Ok(())
    }
}
