//! How far the test is: what the devices tell it, and what it tells them.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::watch;

/// What the devices do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// They talk.
    Talk,
    /// They send nothing new, and wait for what is not acknowledged.
    Settle,
    /// Nothing is sent any more: these are the heads, and who has them all is done.
    End(BTreeMap<String, u64>),
}

/// Shared by all.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    phase: watch::Sender<Phase>,
    acked: watch::Sender<u64>,
    broken: watch::Sender<u64>,
    quiet: watch::Sender<BTreeSet<String>>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Talk),
            acked: watch::Sender::default(),
            broken: watch::Sender::default(),
            quiet: watch::Sender::default(),
        }
    }
}

impl Progress {
    /// What the devices do, now and later.
    pub(crate) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Tells them what to do.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// One more message was acknowledged.
    pub(crate) fn one_acked(&self) {
        self.acked.send_modify(|acked| *acked += 1);
    }

    /// A line has ended before its time.
    pub(crate) fn one_broken(&self) {
        self.broken.send_modify(|broken| *broken += 1);
    }

    /// Waits until so many more were acknowledged.
    pub(crate) async fn more_acked(&self, more: u64) {
        Self::rises(&self.acked, more).await;
    }

    /// Waits until another line has ended before its time.
    pub(crate) async fn more_broken(&self) {
        Self::rises(&self.broken, 1).await;
    }

    async fn rises(count: &watch::Sender<u64>, by: u64) {
        let mut count = count.subscribe();
        let goal = *count.borrow_and_update() + by;
        count.wait_for(|count| *count >= goal).await.expect("it lives as long as we");
    }

    /// A device has nothing on its way.
    pub(crate) fn is_quiet(&self, device: &str) {
        self.quiet.send_if_modified(|quiet| quiet.insert(device.to_owned()));
    }

    /// Waits until so many devices have nothing on their way.
    pub(crate) async fn all_quiet(&self, devices: usize) {
        self.quiet
            .subscribe()
            .wait_for(|quiet| quiet.len() == devices)
            .await
            .expect("it lives as long as we");
    }
}
