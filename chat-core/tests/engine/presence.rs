//! Presence between two nodes: what is between people counts wherever it was changed, and what was lost is not believed
//! for ever.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::*;
use chat_core::command::{Command, Reply};
use chat_core::delivery::{Inbound, Interest, Topic};
use chat_core::testing::ManualClock;
use chat_core::{Chat, Event, MemoryStore, Notice, Notifier, Session, Store};

/// What all nodes hear, themselves included; what a test wants is lost on the way.
#[derive(Clone, Default)]
struct Bus {
    nodes: Arc<Mutex<Vec<Inbound>>>,
    loses: Arc<Mutex<Option<Loses>>>,
}

/// Which notices are lost.
type Loses = fn(&Notice) -> bool;

impl Bus {
    fn loses(&self, which: Loses) {
        *self.loses.lock().unwrap() = Some(which);
    }
}

impl Notifier for Bus {
    fn notify(&self, notice: &Notice) {
        if self.loses.lock().unwrap().is_none_or(|loses| !loses(notice)) {
            self.nodes.lock().unwrap().iter().for_each(|node| node.push(*notice));
        }
    }

    fn interest(&self, _topic: Topic, _interest: Interest) {}

    fn attach(&self, inbound: Inbound) {
        self.nodes.lock().unwrap().push(inbound);
    }
}

async fn nodes() -> (Chat, Chat, Bus, ManualClock) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (bus, clock) = (Bus::default(), ManualClock::default());
    let build = || {
        let chat = Chat::over(Arc::clone(&store)).notifier(Arc::new(bus.clone()));
        chat.clock(Arc::new(clock.clone())).build()
    };
    (build().await.unwrap(), build().await.unwrap(), bus, clock)
}

async fn watch(session: &Session, whom: u64) -> bool {
    let watch = Command::Watch { users: vec![user(whom)] };
    let Reply::Presence(presences) = session.handle(watch).await.unwrap() else {
        panic!("presence is the answer")
    };
    presences[0].online
}

/// Lets time pass until somebody is shown so; how many seconds it took.
async fn shown(session: &mut Session, clock: &ManualClock, online: bool) -> u32 {
    for seconds in 0..400 {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        while let Ok(event) = tokio::time::timeout(Duration::from_millis(1), session.next()).await {
            if let Event::Presence(presence) = event.unwrap()
                && presence.online == online
            {
                return seconds;
            }
        }
        clock.advance(Duration::from_secs(1));
    }
    panic!("it is never shown")
}

#[tokio::test]
async fn a_block_and_a_friendship_made_elsewhere_change_who_is_seen() {
    let (here, there, _, clock) = nodes().await;
    befriend(&here, 1, 2).await;
    let mut watcher = device(&there, 1).await;
    let _friend = device(&there, 2).await;
    assert!(watch(&watcher, 2).await);
    here.actor(user(2)).block(user(1)).await.unwrap();
    shown(&mut watcher, &clock, false).await;
    here.actor(user(2)).unblock(user(1)).await.unwrap();
    befriend(&here, 1, 2).await;
    shown(&mut watcher, &clock, true).await;
}

#[tokio::test]
async fn that_somebody_went_may_be_lost_but_not_for_ever() {
    let (here, there, bus, clock) = nodes().await;
    befriend(&here, 1, 2).await;
    let mut watcher = device(&here, 1).await;
    assert!(!watch(&watcher, 2).await);
    let friend = device(&there, 2).await;
    shown(&mut watcher, &clock, true).await;
    bus.loses(|notice| matches!(notice, Notice::Presence { .. }));
    drop(friend);
    let seconds = shown(&mut watcher, &clock, false).await;
    assert!(seconds > 60, "it was lost, and the node lives on: {seconds}");
}
