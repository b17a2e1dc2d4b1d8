//! Somebody connected to this node: his sessions, what he is served, and how far he was told.
//!
//! What is here is his alone; who is here at all, and who follows what, is the hub's.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::hub::lock;
use super::outbox::Outbox;
use super::topic::Topic;
use crate::friendship::Friendship;
use crate::id::UserId;

/// Somebody connected to this node.
pub(crate) struct Person {
    pub(super) id: UserId,
    pub(super) outboxes: Mutex<Vec<Arc<Outbox>>>,
    /// What he is served; absent once nobody holds him here any more.
    pub(super) topics: Mutex<Option<Vec<Arc<Topic>>>>,
    /// With whom there is a block, from either side.
    blocks: Mutex<HashSet<UserId>>,
    pub(super) feed: Mutex<Feed>,
    pub(super) moving: Mutex<Moving>,
    /// Done once his conversations are subscribed.
    pub(super) ready: tokio::sync::OnceCell<()>,
    /// One comparison of his memberships at a time.
    pub(super) refreshing: tokio::sync::Mutex<()>,
    /// How often he has come to be served a conversation.
    arrivals: AtomicU64,
}

/// Whether a user's memberships are to be compared, by one task however often they move.
#[derive(Debug, Default)]
pub(super) struct Moving {
    pub(super) moved: bool,
    pub(super) comparing: bool,
}

impl Moving {
    /// They have moved; whether somebody must begin to compare.
    pub(super) fn begin(&mut self) -> bool {
        self.moved = true;
        !std::mem::replace(&mut self.comparing, true)
    }

    /// Whether they have moved since the last comparison; if not, nobody compares any more.
    pub(super) fn go_on(&mut self) -> bool {
        self.comparing = std::mem::take(&mut self.moved);
        self.comparing
    }
}

/// How far a user's friendships were passed on.
#[derive(Debug, Default)]
pub(super) struct Feed {
    pub(super) last: u64,
    pub(super) moved: bool,
    pub(super) reading: bool,
}

impl Person {
    pub(super) fn new(id: UserId) -> Self {
        Self {
            id,
            outboxes: Mutex::default(),
            topics: Mutex::new(Some(Vec::new())),
            blocks: Mutex::default(),
            feed: Mutex::default(),
            moving: Mutex::default(),
            ready: tokio::sync::OnceCell::new(),
            refreshing: tokio::sync::Mutex::default(),
            arrivals: AtomicU64::new(0),
        }
    }

    /// He is served a conversation; under its lock.
    pub(super) fn arrived(&self) {
        self.arrivals.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn arrivals(&self) -> u64 {
        self.arrivals.load(Ordering::Relaxed)
    }

    /// Whether any of his sessions is so.
    pub(super) fn has(&self, is_so: impl FnMut(&Arc<Outbox>) -> bool) -> bool {
        lock(&self.outboxes).iter().any(is_so)
    }

    /// Each of his sessions, under the lock of them all: no topic may be locked within.
    pub(super) fn each(&self, f: impl FnMut(&Arc<Outbox>)) {
        lock(&self.outboxes).iter().for_each(f);
    }

    pub(super) fn topics(&self) -> Vec<Arc<Topic>> {
        lock(&self.topics).clone().unwrap_or_default()
    }

    pub(super) fn is_blocked_with(&self, other: UserId) -> bool {
        lock(&self.blocks).contains(&other)
    }

    pub(super) fn set_blocks(&self, others: Vec<UserId>) {
        *lock(&self.blocks) = others.into_iter().collect();
    }

    pub(super) fn set_block(&self, other: UserId, friendship: Friendship) {
        let mut blocks = lock(&self.blocks);
        if friendship.is_blocked() {
            blocks.insert(other);
        } else {
            blocks.remove(&other);
        }
    }

    /// His sessions as they are now.
    pub(super) fn sessions(&self) -> Vec<Arc<Outbox>> {
        lock(&self.outboxes).clone()
    }
}
