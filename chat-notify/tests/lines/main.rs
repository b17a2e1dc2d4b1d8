//! Real brokers: what is told reaches who wants it, and a line that was cut, stalled or whose broker was killed works
//! again by itself and says that something may be lost.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod line;

use std::time::Duration;

use chat_core::delivery::{Interest, Topic};
use chat_core::{ConversationId, Notice, Seq, SessionId, Tenant, UserId};
use chat_notify::{ClusterKey, Settings};

use crate::line::{Broker, Kind, Node};

fn topic(number: u8) -> Topic {
    Topic::Conversation(ConversationId::from_bytes([number; 16]))
}

fn head(number: u8, seq: u64) -> Notice {
    Notice::Head { conversation: ConversationId::from_bytes([number; 16]), seq: Seq::new(seq) }
}

/// Two nodes that both want the first conversation, and hear each other.
async fn two(broker: &Broker, settings: &Settings) -> (Node, Node) {
    let (mut one, mut two) = (broker.node(settings.clone()).await, broker.node(settings.clone()).await);
    for node in [&one, &two] {
        node.notifier.interest(topic(1), Interest::On);
        node.notifier.interest(Topic::Nodes, Interest::On);
    }
    one.tells(&mut two, head(1, 1)).await;
    two.tells(&mut one, head(1, 2)).await;
    // What it told itself came back to it.
    two.is_silent_for(Duration::from_millis(200)).await;
    (one, two)
}

async fn what_is_told_reaches_who_wants_it(kind: Kind) {
    let Some(broker) = Broker::start(kind).await else { return };
    let (one, mut two) = two(&broker, &Settings::new()).await;
    one.notifier.notify(&head(2, 1));
    one.notifier.notify(&head(1, 3));
    assert_eq!(two.hears().await, head(1, 3), "of the second conversation nothing is wanted");

    two.notifier.interest(topic(2), Interest::On);
    one.tells(&mut two, head(2, 2)).await;
    two.notifier.interest(topic(2), Interest::Off);
    two.notifier.interest(topic(3), Interest::On);
    one.tells(&mut two, head(3, 1)).await;
    one.notifier.notify(&head(2, 3));
    one.notifier.notify(&head(1, 4));
    assert_eq!(two.hears().await, head(1, 4), "no more of what is not wanted any more");
}

async fn a_node_hears_itself(kind: Kind) {
    let Some(broker) = Broker::start(kind).await else { return };
    let mut node = broker.node(Settings::new()).await;
    node.notifier.interest(Topic::Nodes, Interest::On);
    let said = Notice::Session(SessionId::from_bytes([1; 16]));
    let notifier = std::sync::Arc::clone(&node.notifier);
    node.hears_what(&notifier, said).await;
}

async fn tenants_and_forgers_are_not_heard(kind: Kind) {
    let Some(broker) = Broker::start(kind).await else { return };
    let signed = Settings::new().key(ClusterKey::new([1; 32]).unwrap());
    let (one, mut two) = two(&broker, &signed).await;
    let forgers = [
        Settings::new(),
        Settings::new().key(ClusterKey::new([2; 32]).unwrap()),
        signed.clone().tenant(Tenant(9)),
    ];
    for settings in forgers {
        let mut forger = broker.node(settings).await;
        forger.notifier.interest(topic(1), Interest::On);
        let notifier = std::sync::Arc::clone(&forger.notifier);
        forger.hears_what(&notifier, head(1, 66)).await;
    }
    one.notifier.notify(&head(1, 77));
    assert_eq!(two.hears().await, head(1, 77), "nothing forged came before it");
}

async fn a_cut_line_is_made_anew(kind: Kind) {
    let Some(broker) = Broker::start(kind).await else { return };
    let (one, mut two) = two(&broker, &Settings::new()).await;
    broker.proxy.refuse();
    one.notifier.notify(&Notice::Memberships(UserId::from(1_u64)));
    broker.proxy.restore();
    two.is_told_of_loss().await;
    one.tells(&mut two, head(1, 5)).await;
}

async fn a_broker_that_was_killed_is_found_again(kind: Kind) {
    let Some(mut broker) = Broker::start(kind).await else { return };
    let (one, mut two) = two(&broker, &Settings::new()).await;
    broker.kill_and_start_again().await;
    two.is_told_of_loss().await;
    one.tells(&mut two, head(1, 5)).await;
}

async fn a_silent_line_is_taken_for_dead(kind: Kind) {
    let Some(broker) = Broker::start(kind).await else { return };
    let (one, mut two) = two(&broker, &Settings::new()).await;
    broker.proxy.black_hole();
    two.is_silent_for(Duration::from_millis(300)).await;
    broker.proxy.restore();
    two.is_told_of_loss().await;
    one.tells(&mut two, head(1, 5)).await;
}

macro_rules! lines {
    ($($module:ident = $kind:expr;)*) => { $(mod $module {
        use super::*;

        lines!(cases $kind => what_is_told_reaches_who_wants_it, a_node_hears_itself,
            tenants_and_forgers_are_not_heard, a_cut_line_is_made_anew, a_broker_that_was_killed_is_found_again,
            a_silent_line_is_taken_for_dead);
    })* };
    (cases $kind:expr => $($case:ident),*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            super::$case($kind).await;
        }
    )* };
}

lines! {
    redis = Kind::Redis;
    nats = Kind::Nats;
    postgres = Kind::Postgres;
}

/// In a cluster the client finds the shards by itself, past any proxy.
mod sharded {
    use super::*;

    lines!(cases Kind::Sharded => what_is_told_reaches_who_wants_it, a_node_hears_itself,
        tenants_and_forgers_are_not_heard, a_broker_that_was_killed_is_found_again);
}

/// With the certificate and the password one is let in, without either not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_behind_tls_and_a_password() {
    let Some(broker) = Broker::start(Kind::Tls).await else { return };
    let (one, mut two) = two(&broker, &broker.settings()).await;
    one.tells(&mut two, head(1, 5)).await;
    assert!(broker.connect(Settings::new()).await.is_err(), "the certificate is not trusted");
    let url = broker.url().replace("correct-horse", "wrong");
    let refused = chat_notify::redis::RedisNotifier::connect(&url, broker.settings()).await;
    let error = refused.err().unwrap();
    assert!(!format!("{error} {error:?}").contains("wrong"), "{error:?}");
}
