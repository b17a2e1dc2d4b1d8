//! One heartbeat for all sockets of a router.
//!
//! A timer per socket would cost each a hundred bytes and the runtime a queue of them. Here the period is cut into
//! slices; every socket belongs to one, and one task wakes a slice after the other. It ends with the router.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Slices of a period. Sockets of one slice are woken together.
const SLICES: usize = 32;

/// Beats for every socket once in a period.
pub(crate) struct Pulse {
    period: Duration,
    slices: [Slice; SLICES],
    joined: AtomicUsize,
    started: Once,
}

#[derive(Default)]
struct Slice {
    /// How often this slice has beaten.
    beats: AtomicU64,
    sleepers: Mutex<HashMap<usize, Waker>>,
}

impl Slice {
    fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Release);
        let sleepers = self.sleepers.lock().expect("waking does not panic");
        sleepers.values().for_each(Waker::wake_by_ref);
    }
}

impl Pulse {
    pub(crate) fn new(period: Duration) -> Arc<Self> {
        let (slices, joined, started) = (Default::default(), AtomicUsize::default(), Once::new());
        Arc::new(Self { period, slices, joined, started })
    }

    /// How often each socket's heart beats.
    pub(crate) fn period(&self) -> Duration {
        self.period
    }

    /// Beats for one more socket. The first to join sets it going, since only then there surely is a runtime.
    pub(super) fn join(self: &Arc<Self>) -> Beat {
        self.started.call_once(|| {
            tokio::spawn(tick(Arc::downgrade(self), self.period));
        });
        let id = self.joined.fetch_add(1, Ordering::Relaxed);
        let mut beat = Beat { pulse: Arc::clone(self), id, seen: 0, waker: None };
        beat.seen = beat.slice().beats.load(Ordering::Acquire);
        beat
    }
}

async fn tick(pulse: Weak<Pulse>, period: Duration) {
    let mut ticks = tokio::time::interval(period / u32::try_from(SLICES).expect("few slices"));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for turn in 0.. {
        ticks.tick().await;
        let Some(pulse) = pulse.upgrade() else { return };
        pulse.slices[turn % pulse.slices.len()].beat();
    }
}

/// One socket's heartbeat.
pub(super) struct Beat {
    pulse: Arc<Pulse>,
    id: usize,
    /// The beats of the slice that were noticed.
    seen: u64,
    /// What the slice wakes.
    waker: Option<Waker>,
}

impl Beat {
    /// Until the next beat. Cancel-safe.
    pub(super) async fn next(&mut self) {
        poll_fn(|cx| self.poll_next(cx)).await;
    }

    fn poll_next(&mut self, cx: &Context<'_>) -> Poll<()> {
        let beats = self.slice().beats.load(Ordering::Acquire);
        if beats != self.seen {
            self.seen = beats;
            return Poll::Ready(());
        }
        if self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        let waker = self.waker.insert(cx.waker().clone()).clone();
        self.slice().sleepers.lock().expect("waking does not panic").insert(self.id, waker);
        // It may have beaten between the two.
        self.poll_next(cx)
    }

    fn slice(&self) -> &Slice {
        &self.pulse.slices[self.id % SLICES]
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        if self.waker.is_some() {
            self.slice().sleepers.lock().expect("waking does not panic").remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const PERIOD: Duration = Duration::from_secs(32);

    #[tokio::test(start_paused = true)]
    async fn every_socket_beats_once_in_a_period() {
        let pulse = Pulse::new(PERIOD);
        let start = Instant::now();
        let beaten = futures_util::future::join_all((0..SLICES * 2).map(|_| {
            let mut beat = pulse.join();
            async move {
                beat.next().await;
                let first = Instant::now();
                beat.next().await;
                (first.duration_since(start), first.elapsed())
            }
        }));
        for (first, then) in beaten.await {
            assert!(first <= PERIOD, "{first:?}");
            assert!(then.abs_diff(PERIOD) <= Duration::from_millis(64), "{then:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_gone_is_forgotten() {
        let pulse = Pulse::new(PERIOD);
        let mut beat = pulse.join();
        assert!(tokio::time::timeout(Duration::ZERO, beat.next()).await.is_err());
        let sleepers = |pulse: &Pulse| pulse.slices[0].sleepers.lock().unwrap().len();
        assert_eq!(sleepers(&pulse), 1);
        drop(beat);
        assert_eq!(sleepers(&pulse), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_its_router() {
        let pulse = Pulse::new(PERIOD);
        drop(pulse.join());
        let gone = Arc::downgrade(&pulse);
        drop(pulse);
        tokio::time::sleep(PERIOD).await;
        assert!(gone.upgrade().is_none());
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
    }
}
