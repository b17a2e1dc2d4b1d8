//! Two processes behind one Redis and one MongoDB: everything reaches everybody once, on whichever he is, and what was
//! told is there after a kill.

mod common;

use common::{Person, start};
use testbed::services::{MongoJava, Mongod, Redis, Service};
use testbed::system::System;

/// What several processes share.
struct Shared {
    data: tempfile::TempDir,
    mongo: Service,
    redis: Service,
}

impl Shared {
    /// `None` where there is no MongoDB, nor what speaks like one, or no Redis.
    fn new() -> Option<Self> {
        let redis = Service::start_or_skip(&Redis)?;
        let mongo = Service::start(&Mongod).ok().or_else(|| Service::start_or_skip(&MongoJava))?;
        Some(Self { data: tempfile::tempdir().ok()?, mongo, redis })
    }

    fn process(&self) -> System {
        start(&self.data, &[("CHAT_STORE", &self.mongo.url()), ("CHAT_NOTIFY", &self.redis.url())])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn public_and_private_messages_cross_processes_once() {
    let Some(shared) = Shared::new() else { return };
    let (one, two) = (shared.process(), shared.process());
    let ana = Person::sign_up(&one, "ana").await;
    let bogdan = Person::sign_up(&two, "bogdan").await;
    let (mut here, mut there) = (ana.connect(&one).await, bogdan.connect(&two).await);
    let mut both = bogdan.connect(&one).await;
    for nth in 0..20 {
        here.say(None, &format!("public {nth}")).await;
        here.say(Some("bogdan"), &format!("private {nth}")).await;
    }
    for line in [&mut here, &mut there, &mut both] {
        let mut got = line.contents(40).await;
        got.sort_unstable();
        got.dedup();
        assert_eq!(got.len(), 40, "each once: {got:?}");
    }
    there.say(Some("ana"), "back").await;
    for line in [&mut here, &mut there, &mut both] {
        assert_eq!(line.contents(1).await, ["back"], "and nothing before it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_is_there_after_a_kill_of_each() {
    let Some(shared) = Shared::new() else { return };
    let (one, two) = (shared.process(), shared.process());
    let ana = Person::sign_up(&one, "ana").await;
    let bogdan = Person::sign_up(&two, "bogdan").await;
    let (mut here, mut there) = (ana.connect(&one).await, bogdan.connect(&two).await);
    let mut told = Vec::new();
    for nth in 0..10 {
        here.say(Some("bogdan"), &format!("before {nth}")).await;
        told.extend(here.contents(1).await);
    }
    assert_eq!(there.contents(10).await, told);
    here.say(Some("bogdan"), "in the middle").await;
    one.kill().expect("it is killed");
    two.kill().expect("it is killed");
    assert!(there.line.next().await.is_err() || there.line.next().await.is_err(), "its line ends");
    let (one, two) = (shared.process(), shared.process());
    for (person, server, other) in [(&ana, &two, "bogdan"), (&bogdan, &one, "ana")] {
        let found = person.contents(server, &format!("/messages/{other}")).await;
        assert_eq!(found[..10], told, "nothing that was told is lost, nothing is there twice");
        assert!(found.len() <= 11 && found[10..].iter().all(|content| content == "in the middle"));
    }
    let mut line = ana.connect(&two).await;
    line.say(Some("bogdan"), "after").await;
    assert_eq!(line.contents(1).await, ["after"], "the same token, on the other process");
    assert!(one.stop().expect("it is asked").success());
}
