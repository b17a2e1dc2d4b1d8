//! Three real servers on one database and one broker, while lines are cut, and servers, broker and database are killed
//! and paused: nothing acknowledged is lost or doubled, everybody sees the same order, and rights end everywhere.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "../common/client.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod client;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/crowd/mod.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod crowd;
mod fault;
mod node;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use client::{Line, Login, befriend, call, log_in, register};
use crowd::{Crowd, Random};
use fault::Fault;
use node::{Broker, Cluster, NODES};

/// How often something happens over each broker: each thing twice, or often enough for more than a hundred times and a
/// hundred thousand messages over all of them.
fn rounds() -> usize {
    if std::env::var_os("CHAT_TEST_LONG").is_some() { 36 } else { 18 }
}

/// Between two faults at most so many messages are acknowledged; sometimes none.
fn acks_between_faults_max() -> u64 {
    if std::env::var_os("CHAT_TEST_LONG").is_some() { 3_000 } else { 250 }
}

/// The whole of one test is bounded.
const TIME_MAX: Duration = Duration::from_mins(30);

/// How soon a revoked login is without a socket on every server; and how soon with the broker cut.
const REVOKED_WITHIN: Duration = Duration::from_secs(30);

async fn nothing_acknowledged_is_lost_or_doubled(broker: Broker) {
    let Some(mut cluster) = Cluster::start(broker).await else { return };
    let talk = async {
        let mut random = Random::from_environment();
        println!("CHAT_SEED={}", random.seed());
        let mut crowd = Crowd::gather(cluster.address(0), &mut random).await;
        crowd.spread(|device| cluster.address(device % NODES));
        for round in 0..rounds() {
            crowd.more_acked(random.below(acks_between_faults_max())).await;
            let fault = Fault::of(round);
            fault.strike(&mut cluster, &mut crowd, &mut random).await;
        }
        let counts = crowd.judged(cluster.address(0)).await;
        println!("3 nodes, {}: faults {}, {counts}", broker.name(), rounds());
        println!("counted: store=3-nodes-{} kills={} acked={}", broker.name(), rounds(), counts.acks());
    };
    timeout(TIME_MAX, talk).await.expect("not done in time");
    cluster.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis() {
    nothing_acknowledged_is_lost_or_doubled(Broker::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats() {
    nothing_acknowledged_is_lost_or_doubled(Broker::Nats).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    nothing_acknowledged_is_lost_or_doubled(Broker::Postgres).await;
}

/// Two friends on two servers of a cluster.
async fn friends(cluster: &Cluster) -> (Login, Login) {
    for name in ["ana", "bogdan"] {
        register(cluster.address(0), name).await;
    }
    let (ana, bogdan) = (log_in(cluster.address(0), "ana").await, log_in(cluster.address(1), "bogdan").await);
    befriend(cluster.address(2), &ana, &bogdan).await;
    (ana, bogdan)
}

/// The next frame of this type.
async fn next(line: &mut Line, kind: &str) -> Value {
    loop {
        let frame = line.next().await.unwrap();
        if frame["type"] == kind {
            return frame;
        }
    }
}

/// A token is worth nothing on any server once its login has ended, whoever tells them or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_login_ends_on_every_server() {
    let Some(cluster) = Cluster::start(Broker::Redis).await else { return };
    let (ana, _) = friends(&cluster).await;
    for cut in [false, true] {
        let doomed = log_in(cluster.address(1), "ana").await;
        let mut socket = Line::open(cluster.address(1), &doomed, "").await.unwrap();
        if cut {
            cluster.nodes[0].to_broker.refuse();
            cluster.nodes[1].to_broker.refuse();
        }
        let (status, body) =
            call(cluster.address(0), Some(&doomed), Method::DELETE, "/v1/sessions/current", &Value::Null)
                .await;
        assert_eq!(status, 204, "{body}");
        let closed = async { while socket.next().await.is_ok() {} };
        timeout(REVOKED_WITHIN, closed).await.expect("the socket is still open");
        let refused = call(cluster.address(1), Some(&doomed), Method::GET, "/v1/me", &Value::Null).await;
        assert_eq!(refused.0, 401, "{}", refused.1);
        cluster.nodes.iter().for_each(node::Node::restore);
    }
    let (status, _) = call(cluster.address(2), Some(&ana), Method::GET, "/v1/me", &Value::Null).await;
    assert_eq!(status, 200, "the other login goes on");
    cluster.check().await;
}

/// Messages, typing and presence go from server to server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn friends_on_two_servers_see_each_other() {
    let Some(cluster) = Cluster::start(Broker::Nats).await else { return };
    let (ana, bogdan) = friends(&cluster).await;
    let mut his = Line::open(cluster.address(1), &bogdan, "").await.unwrap();
    let watched = his.ask("presence.watch", json!({"users": [ana.user]})).await.unwrap();
    assert_eq!(watched["presence"][0]["online"], false, "{watched}");
    let mut hers = Line::open(cluster.address(0), &ana, "").await.unwrap();
    assert_eq!(next(&mut his, "presence").await["online"], true);

    let said = json!({"to": bogdan.user, "client_id": "one", "text": "hello"});
    let sent = hers.ask("message.send", said).await.unwrap();
    let conversation = sent["message"]["conversation"].clone();
    let first = async {
        loop {
            let frame = his.next().await.unwrap();
            let id = frame.get("conversation").unwrap_or(&frame["id"]);
            if ["entry", "conversation"].contains(&frame["type"].as_str().unwrap()) && *id == conversation {
                return;
            }
        }
    };
    first.await;
    hers.ask("typing", json!({"conversation": conversation, "active": true})).await.unwrap();
    assert_eq!(next(&mut his, "typing").await["user"], ana.user.as_str());
    drop(hers);
    assert_eq!(next(&mut his, "presence").await["online"], false);
    cluster.check().await;
}

/// Who is added to a conversation while no notice comes through learns of it all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_added_while_the_broker_is_cut_learns_of_it() {
    let Some(cluster) = Cluster::start(Broker::Redis).await else { return };
    let (ana, bogdan) = friends(&cluster).await;
    register(cluster.address(0), "carla").await;
    let carla = log_in(cluster.address(0), "carla").await;
    befriend(cluster.address(0), &ana, &carla).await;
    let mut his = Line::open(cluster.address(1), &bogdan, "").await.unwrap();
    cluster.nodes.iter().for_each(|node| node.to_broker.refuse());
    let group = json!({"kind": "group", "client_id": "g", "name": "n", "members": [bogdan.user, carla.user]});
    let (status, made) =
        call(cluster.address(0), Some(&ana), Method::POST, "/v1/conversations", &group).await;
    assert_eq!(status, 201, "{made}");
    let told = next(&mut his, "conversation");
    timeout(REVOKED_WITHIN, told).await.expect("nobody tells him");
    cluster.nodes.iter().for_each(node::Node::restore);
    cluster.check().await;
}
