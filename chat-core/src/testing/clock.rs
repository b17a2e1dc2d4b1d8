//! Time that moves only when a test says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::time::{Clock, Sleep, Timestamp};

/// A clock that stands still until it is moved; clones share it.
#[derive(Clone, Debug)]
pub struct ManualClock {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    wall: Timestamp,
    monotonic: Duration,
    /// Who sleeps, by when he wakes; the second number tells sleepers of one instant apart.
    sleepers: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
    count: u64,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::at(Timestamp::from_millis(1_700_000_000_000))
    }
}

impl ManualClock {
    /// A clock that shows `wall`.
    pub fn at(wall: Timestamp) -> Self {
        let state = State { wall, monotonic: Duration::ZERO, sleepers: BTreeMap::new(), count: 0 };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Lets time pass; whoever slept long enough wakes, the earliest first.
    pub fn advance(&self, by: Duration) {
        let mut state = self.lock();
        state.monotonic += by;
        state.wall = state.wall.plus(by);
        let now = state.monotonic;
        let later = state.sleepers.split_off(&(now + Duration::from_nanos(1), 0));
        let awake = std::mem::replace(&mut state.sleepers, later);
        drop(state);
        for (_, sleeper) in awake {
            // Who does not wait any more is not woken.
            let _ = sleeper.send(());
        }
    }

    /// Sets the wall clock, back too; the monotonic one goes on.
    pub fn set_wall(&self, wall: Timestamp) {
        self.lock().wall = wall;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while this lock is held")
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.lock().wall
    }

    fn monotonic(&self) -> Duration {
        self.lock().monotonic
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let (sender, woken) = oneshot::channel();
        {
            let mut state = self.lock();
            state.count += 1;
            let key = (state.monotonic + duration, state.count);
            state.sleepers.insert(key, sender);
        }
        Box::pin(async move {
            if woken.await.is_err() {
                // The clock is gone: time will not move again.
                std::future::pending::<()>().await;
            }
        })
    }
}
