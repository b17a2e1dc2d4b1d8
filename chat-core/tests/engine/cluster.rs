//! Presence across nodes, by leases: who comes, who goes, and whose node is never heard again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::*;
use chat_core::command::Presence;
use chat_core::delivery::{Inbound, Interest, Topic};
use chat_core::testing::ManualClock;
use chat_core::{Chat, Command, Event, MemoryStore, Notice, Notifier, Reply, Session, Store};

/// What carries notices between nodes: to who is interested, the sender included.
#[derive(Default)]
struct Bus {
    ends: Mutex<Vec<Arc<End>>>,
}

/// One node's end.
struct End {
    bus: Arc<Bus>,
    wants: Mutex<HashSet<Topic>>,
    inbound: Mutex<Option<Inbound>>,
    cut: Mutex<bool>,
}

/// A node's handle of its end.
struct Handle(Arc<End>);

impl Bus {
    fn end(self: &Arc<Self>) -> Arc<End> {
        let end = Arc::new(End {
            bus: Arc::clone(self),
            wants: Mutex::default(),
            inbound: Mutex::default(),
            cut: Mutex::default(),
        });
        self.ends.lock().unwrap().push(Arc::clone(&end));
        end
    }
}

impl Notifier for Handle {
    fn notify(&self, notice: &Notice) {
        if *self.0.cut.lock().unwrap() {
            return;
        }
        for end in &*self.0.bus.ends.lock().unwrap() {
            if !*end.cut.lock().unwrap() && end.wants.lock().unwrap().contains(&notice.topic()) {
                end.inbound.lock().unwrap().as_ref().unwrap().push(*notice);
            }
        }
    }

    fn interest(&self, topic: Topic, interest: Interest) {
        let mut wants = self.0.wants.lock().unwrap();
        match interest {
            Interest::On => wants.insert(topic),
            Interest::Off => wants.remove(&topic),
        };
    }

    fn attach(&self, inbound: Inbound) {
        *self.0.inbound.lock().unwrap() = Some(inbound);
    }
}

/// Two nodes on one store and one clock.
struct Nodes {
    clock: ManualClock,
    one: Chat,
    two: Chat,
    ends: [Arc<End>; 2],
}

async fn nodes() -> Nodes {
    let (clock, bus) = (ManualClock::default(), Arc::new(Bus::default()));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let ends = [bus.end(), bus.end()];
    let build = |end: &Arc<End>| {
        let notifier = Arc::new(Handle(Arc::clone(end)));
        Chat::over(Arc::clone(&store)).clock(Arc::new(clock.clone())).notifier(notifier).build()
    };
    let (one, two) = (build(&ends[0]).await.unwrap(), build(&ends[1]).await.unwrap());
    befriend(&one, 1, 2).await;
    Nodes { clock, one, two, ends }
}

impl Nodes {
    /// Lets time pass until somebody is told of a presence.
    async fn told(&self, session: &mut Session) -> Presence {
        loop {
            if let Some(Event::Presence(presence)) = session.try_next() {
                return *presence;
            }
            self.second().await;
        }
    }

    async fn second(&self) {
        self.clock.advance(Duration::from_secs(1));
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
}

async fn watch(session: &Session, number: u64) -> Presence {
    let watched = session.handle(Command::Watch { users: vec![user(number)] }).await.unwrap();
    let Reply::Presence(now) = watched else { panic!("presence is answered") };
    now[0]
}

#[tokio::test]
async fn who_comes_and_goes_elsewhere_is_seen() {
    let nodes = nodes().await;
    let mut bo = device(&nodes.two, 2).await;
    assert!(!watch(&bo, 1).await.online);
    let ana = device(&nodes.one, 1).await;
    assert!(nodes.told(&mut bo).await.online);
    drop(ana);
    let gone = nodes.told(&mut bo).await;
    assert!(!gone.online && gone.last_seen.is_some());
}

#[tokio::test]
async fn who_was_there_before_is_asked_for() {
    let nodes = nodes().await;
    let _ana = device(&nodes.one, 1).await;
    let mut bo = device(&nodes.two, 2).await;
    watch(&bo, 1).await;
    assert!(nodes.told(&mut bo).await.online);
    let wants = || nodes.ends[1].wants.lock().unwrap().contains(&Topic::Presence(user(1)));
    assert!(wants());
    bo.handle(Command::Unwatch { users: vec![user(1)] }).await.unwrap();
    assert!(!wants(), "nobody here watches him any more");
}

#[tokio::test]
async fn whose_node_is_dead_is_gone_within_a_lease() {
    let nodes = nodes().await;
    let _ana = device(&nodes.one, 1).await;
    let mut bo = device(&nodes.two, 2).await;
    watch(&bo, 1).await;
    assert!(nodes.told(&mut bo).await.online);
    *nodes.ends[0].cut.lock().unwrap() = true;
    let began = chat_core::Clock::monotonic(&nodes.clock);
    assert!(!nodes.told(&mut bo).await.online);
    let took = chat_core::Clock::monotonic(&nodes.clock).saturating_sub(began);
    assert!(took <= Duration::from_secs(17), "{took:?}");

    *nodes.ends[0].cut.lock().unwrap() = false;
    assert!(nodes.told(&mut bo).await.online, "a node that comes back is asked");
    nodes.one.shutdown().await;
    assert!(!nodes.told(&mut bo).await.online, "a node that leaves says so");
}

#[tokio::test]
async fn strangers_see_each_other_across_nodes_while_they_share_a_conversation() {
    let nodes = nodes().await;
    befriend(&nodes.one, 1, 3).await;
    let room = group(&nodes.one, &[1, 2, 3]).await;
    let mut bo = device(&nodes.two, 2).await;
    watch(&bo, 3).await;
    let cy = device(&nodes.one, 3).await;
    assert!(nodes.told(&mut bo).await.online);
    drop(cy);
    assert!(!nodes.told(&mut bo).await.online);
    nodes.one.actor(user(3)).leave(room, None).await.unwrap();
    let _cy = device(&nodes.one, 3).await;
    for _ in 0..70 {
        nodes.second().await;
        let told = std::iter::from_fn(|| bo.try_next()).any(|event| matches!(event, Event::Presence(_)));
        assert!(!told, "they share nothing any more");
    }
}
