//! Three nodes on one store, and between them a line that loses, doubles, delays, reorders and forges at random: whatever
//! it does, what was acknowledged is there once, every device sees every position once and in order, and nobody sees
//! what is not his to see.
//!
//! A run is determined by its seed, which is printed where it fails. What was called, acknowledged and pushed is kept
//! and compared with the store in the end.

mod device;
mod history;
mod line;
mod random;

use std::sync::Arc;
use std::time::Duration;

use chat_core::testing::ManualClock;
use chat_core::{Chat, ClientId, ConversationId, Edit, MemoryStore, Store};

use self::device::Device;
use self::history::History;
use self::line::Storm;
use self::random::Random;
use crate::common::*;

const NODES: usize = 3;
/// Who comes and goes is the last of them.
const PEOPLE: u64 = 5;
const STEPS: u64 = 120;
const SEEDS: u64 = 30;

/// How many seconds anti-entropy may take: less than the slow sweep, which would find it too.
const SECONDS_MAX: usize = 25;

#[tokio::test]
async fn whatever_the_line_does_everybody_sees_the_same() {
    let seeds = std::env::var("CHAT_SEED").map_or(0..SEEDS, |seed| {
        let seed = seed.parse().unwrap();
        seed..seed + 1
    });
    for seed in seeds {
        println!("CHAT_SEED={seed}");
        World::new(seed).await.live().await;
    }
}

/// Nodes, devices, and what is known of both.
struct World {
    random: Random,
    clock: ManualClock,
    storm: Arc<Storm>,
    nodes: Vec<Chat>,
    devices: Vec<Device>,
    history: History,
    /// All of them are in the first; the second is of two.
    places: [ConversationId; 2],
}

impl World {
    async fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let (clock, storm) = (ManualClock::default(), Storm::new(random.fork()));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let mut nodes = Vec::new();
        for nth in 0..NODES {
            let built = Chat::over(Arc::clone(&store)).clock(Arc::new(clock.clone()));
            nodes.push(built.notifier(Arc::new(storm.end(nth))).build().await.unwrap());
        }
        for other in 2..=PEOPLE {
            befriend(&nodes[0], 1, other).await;
        }
        let people: Vec<u64> = (1..=PEOPLE).collect();
        let room = group(&nodes[0], &people).await;
        say(&nodes[0], 1, user(2), "hello").await;
        let history = History::default();
        let mut world =
            Self { random, clock, storm, nodes, devices: Vec::new(), history, places: [room, direct(1, 2)] };
        for who in 1..=PEOPLE {
            let node = world.random.below(NODES);
            world.devices.push(Device::open(&world.nodes[node], who).await);
        }
        world
    }

    async fn live(mut self) {
        for step in 0..STEPS {
            self.step(step).await;
            self.breathe().await;
        }
        self.calm_down().await;
        self.history.judge(&self.nodes[0], &self.places).await;
        assert!(self.history.pushed() > STEPS, "hardly anything was pushed");
    }

    /// One thing happens.
    async fn step(&mut self, step: u64) {
        match self.random.below(12) {
            0..5 => self.say(step).await,
            5 => self.edit().await,
            6 => self.delete().await,
            7 => self.come_or_go().await,
            8 | 9 => self.move_device().await,
            10 => self.report().await,
            _ => self.clock.advance(Duration::from_millis(300)),
        }
    }

    /// Several say something at once, on different nodes, into either place.
    async fn say(&mut self, step: u64) {
        let mut waiting = Vec::new();
        for nth in 0..=self.random.below(3) {
            let place = self.places[self.random.below(2)];
            let most = if place == self.places[0] { PEOPLE } else { 2 };
            let who = 1 + self.random.below(usize::try_from(most).unwrap()) as u64;
            let id = ClientId::new(format!("{step}-{nth}")).unwrap();
            let node = &self.nodes[self.random.below(NODES)];
            let draft = text(&format!("{step} {nth}")).client_id(id.clone());
            // Twice, as after a lost answer.
            let twice = [node, &self.nodes[self.random.below(NODES)]]
                .map(|node| node.actor(user(who)).send(place, draft.clone()));
            waiting.push((who, id, twice));
        }
        let began = self.history.now();
        for (who, id, twice) in waiting {
            let mut seqs = Vec::new();
            for sent in twice {
                match sent.await {
                    Ok(sent) => seqs.push((sent.message.conversation, sent.message.seq)),
                    Err(error) => assert_eq!(error.code(), "not_found", "only who was removed is refused"),
                }
            }
            if let Some(first) = seqs.first() {
                assert!(seqs.iter().all(|seq| seq == first), "a repeat has the place of the first");
                self.history.acked(began, user(who), id, *first);
            }
        }
    }

    async fn edit(&mut self) {
        if let Some((by, _, (place, seq))) = self.history.some_ack(&mut self.random) {
            let node = &self.nodes[self.random.below(NODES)];
            let edit = Edit::text(format!("edited {}", self.history.now())).unwrap();
            let edited = node.actor(by).edit(place, seq, edit, None).await;
            assert!(edited.as_ref().is_ok_and(|message| message.rev > seq) || edited.is_err());
        }
    }

    async fn delete(&mut self) {
        if let Some((by, _, (place, seq))) = self.history.some_ack(&mut self.random) {
            let node = &self.nodes[self.random.below(NODES)];
            if let Ok(message) = node.actor(by).delete(place, seq, None).await {
                assert!(message.text().is_none());
            }
        }
    }

    /// The last one is removed where he is, and added where he is not.
    async fn come_or_go(&mut self) {
        let (node, last) = (self.random.below(NODES), user(PEOPLE));
        let owner = self.nodes[node].actor(user(1));
        let is_there = owner.members(self.places[0], None, chat_core::Limit::MAX).await.unwrap();
        if is_there.items.iter().any(|member| member.user.id == last) {
            owner.remove(self.places[0], last, None).await.unwrap();
        } else {
            owner.add(self.places[0], vec![last], None).await.unwrap();
        }
    }

    /// A device loses its line and comes back, at whatever node.
    async fn move_device(&mut self) {
        let (nth, node) = (self.random.below(self.devices.len()), self.random.below(NODES));
        let device = self.devices.swap_remove(nth);
        self.devices.push(device.resume(&self.nodes[node]).await);
    }

    async fn report(&mut self) {
        let nth = self.random.below(self.devices.len());
        let device = &self.devices[nth];
        let node = &self.nodes[self.random.below(NODES)];
        if let Some(last) = device.last_of(self.places[0]) {
            let reported = node.actor(device.user()).report(self.places[0], Some(last), None).await;
            assert!(reported.is_ok_and(|now| now.receipt.read >= last) || device.user() == user(PEOPLE));
        }
    }

    /// Lets everything that has begun go on, and takes what was pushed.
    async fn breathe(&mut self) {
        for device in &mut self.devices {
            device.take(&mut self.history).await;
        }
    }

    /// The line is whole again: after some time everybody has everything.
    async fn calm_down(&mut self) {
        self.storm.is_over();
        for _ in 0..SECONDS_MAX {
            self.clock.advance(Duration::from_secs(1));
            self.breathe().await;
            let mut behind = false;
            for device in &self.devices {
                behind |= device.is_behind(&self.nodes[0]).await;
            }
            if !behind {
                return;
            }
        }
        panic!("somebody is behind for good: {:?}", self.devices);
    }
}
