//! Gates in front of and behind the calls of a store: schedules told exactly, without sleeping.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::intercept::{Intercept, Intercepted};
use crate::store::{Lane, Store, StoreError};

/// Stops chosen calls of the stores it is put over, until the test lets them go on.
///
/// Calls are named by trait and method, as in `"Log::append"`. A node is crashed by [`Gates::crash`]: none of its
/// calls, waiting or new, ever reaches the store or returns.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::sync::Arc;
/// use chat_core::conformance::Gates;
/// use chat_core::{MemoryStore, Store};
///
/// let gates = Gates::default();
/// let store = gates.over(Arc::new(MemoryStore::new()));
/// let mut gate = gates.before("Talk::meta");
/// let asked = tokio::spawn(async move { store.talk().meta().await });
/// gate.reached().await;
/// assert!(!asked.is_finished());
/// gate.open();
/// assert!(asked.await.is_ok_and(|answer| answer.is_ok()));
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Gates(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    closed: Vec<Closed>,
    crashed: bool,
}

/// Where a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// A gate that nobody has reached yet.
#[derive(Debug)]
struct Closed {
    call: &'static str,
    side: Side,
    reached: oneshot::Sender<()>,
    opened: oneshot::Receiver<()>,
}

/// A closed gate: the next call of its method stops there. Dropped, it is open.
#[derive(Debug)]
pub struct Gate {
    reached: oneshot::Receiver<()>,
    open: oneshot::Sender<()>,
}

impl Gate {
    /// Waits until a call stands at this gate.
    ///
    /// # Panics
    /// When the gates are gone, and none ever will.
    pub async fn reached(&mut self) {
        (&mut self.reached).await.expect("the gates are still there");
    }

    /// Lets the call go on.
    pub fn open(self) {
        // Who was cut off meanwhile does not go on.
        let _ = self.open.send(());
    }
}

impl Gates {
    /// The store behind these gates. Several stores may stand behind the same ones.
    pub fn over(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Intercepted::new(store, Arc::new(self.clone())))
    }

    /// Stops the next call of this method before the store sees it.
    pub fn before(&self, call: &'static str) -> Gate {
        self.close(call, Side::Before)
    }

    /// Stops the next call of this method after the store has done it, before its caller knows.
    pub fn after(&self, call: &'static str) -> Gate {
        self.close(call, Side::After)
    }

    /// Ends the node behind these gates as a kill would: from now on no call of it reaches the store, and none that
    /// is on its way returns.
    pub fn crash(&self) {
        self.lock().crashed = true;
    }

    fn close(&self, call: &'static str, side: Side) -> Gate {
        let (reached, wait_reached) = oneshot::channel();
        let (open, opened) = oneshot::channel();
        self.lock().closed.push(Closed { call, side, reached, opened });
        Gate { reached: wait_reached, open }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while this lock is held")
    }

    /// The gate this call has to stop at.
    fn take(&self, call: &'static str, side: Side) -> Option<Closed> {
        let mut state = self.lock();
        let at = state.closed.iter().position(|gate| gate.call == call && gate.side == side)?;
        Some(state.closed.remove(at))
    }

    async fn pass(&self, call: &'static str, side: Side) {
        if let Some(gate) = self.take(call, side) {
            // A gate that was dropped is open.
            let _ = gate.reached.send(());
            let _ = gate.opened.await;
        }
        if self.lock().crashed {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Intercept for Gates {
    type Ticket = ();

    async fn before(&self, call: &'static str) -> Result<(), StoreError> {
        self.pass(call, Side::Before).await;
        Ok(())
    }

    async fn after(&self, call: &'static str, (): ()) -> Result<(), StoreError> {
        self.pass(call, Side::After).await;
        Ok(())
    }

    fn lane(&self, _lane: &Lane) -> Result<(), StoreError> {
        Ok(())
    }
}
