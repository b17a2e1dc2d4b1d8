//! The server is killed again and again while people talk: nothing acknowledged is lost, nothing is doubled,
//! and everybody sees the same order.
//!
//! Four people with two devices each send into a group of all and into their direct conversations, several messages in
//! flight at a time. A device whose line breaks comes back, resumes where it was and repeats what was not
//! acknowledged under the same `client_id`. At the end the log is read again from the server and compared with
//! what every device was told.
//!
//! `CHAT_SEED` repeats the choices of a run; what the machine does in between is its own.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "../common/client.rs"]
mod client;
#[path = "../common/mod.rs"]
mod common;
mod device;
mod progress;
mod random;
mod scene;
mod verdict;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use common::{Server, program, run};
use device::Device;
use progress::{Phase, Progress};
use random::Random;
use scene::Scene;

/// How often the server is killed.
const KILLS: u64 = 60;

/// Between two kills at most so many messages are acknowledged; sometimes none.
const ACKS_BETWEEN_KILLS_MAX: u64 = 300;

/// The whole test is bounded.
const TIME_MAX: Duration = Duration::from_mins(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled() {
    timeout(TIME_MAX, people_talk_while_it_is_killed()).await.expect("not done in time");
}

async fn people_talk_while_it_is_killed() {
    let mut random = Random::from_environment();
    println!("CHAT_SEED={}", random.seed());
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path()).await;
    let scene = Scene::set(server.address()).await;

    let (address, addresses) = watch::channel(Some(server.address()));
    let progress = Progress::default();
    let mut devices = JoinSet::new();
    for person in &scene.people {
        for device in 0..person.logins.len() {
            let device = Device::new(device, person, progress.clone(), random.fork());
            devices.spawn(device.live(addresses.clone()));
        }
    }

    let killing = kill_again_and_again(server, data.path(), &address, &progress, &mut random);
    let server = tokio::select! {
        server = killing => server,
        ended = devices.join_next() => panic!("a device ended too early: {:?}", ended.unwrap().unwrap_err()),
    };

    progress.enter(Phase::Settle);
    progress.all_quiet(devices.len()).await;
    let logs = scene.logs(server.address()).await;
    progress.enter(Phase::End(logs.iter().map(|(talk, log)| (talk.clone(), log.len() as u64)).collect()));
    let counts = verdict::judge(&devices.join_all().await, &logs);
    server.stop().await;
    let mut check = program(data.path());
    check.arg("check");
    let checked = run(check, "").await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    println!("kills {KILLS}, {counts}");
}

/// Kills the server and starts another one on its data, each time after some more messages; gives the last one.
async fn kill_again_and_again(
    mut server: Server,
    data: &Path,
    address: &watch::Sender<Option<SocketAddr>>,
    progress: &Progress,
    random: &mut Random,
) -> Server {
    for _ in 0..KILLS {
        progress.more_acked(random.below(ACKS_BETWEEN_KILLS_MAX)).await;
        address.send_replace(None);
        server.kill().await;
        server = start(data).await;
        address.send_replace(Some(server.address()));
    }
    server
}

/// A server that does not mind how much a few people say.
async fn start(data: &Path) -> Server {
    let mut server = program(data);
    server.env("CHAT_LIMIT", "messages_per_user_per_second=100000,frames_per_socket_per_second=100000");
    Server::from(server).await
}
