//! What was acknowledged survives `kill -9` of the process at any moment, and nothing is doubled or half done.
//!
//! The process that dies is this test program itself, started again to run [`appends_until_killed`] alone.

#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[expect(dead_code, reason = "each test program uses its part of it")]
mod common;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chat_core::id::Seq;
use chat_core::message::ClientId;
use chat_core::store::{Log, Outcome};
use chat_store_sql::sqlite::SqliteStore;
use common::{group, lane, message, open, user};

/// Names the directory to a process that is to be killed.
const DIRECTORY: &str = "CHAT_KILL_DIRECTORY";
/// How often a process is killed.
const KILLS: u64 = 20;
const GROUPS: u64 = 3;
const MESSAGES_PER_LANE: u64 = 4;

/// One acknowledged message.
#[derive(Debug)]
struct Ack {
    group: u64,
    seq: u64,
    client_id: String,
}

impl Ack {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("ack ")?.split(' ');
        let (group, seq) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Self { group, seq, client_id: words.next()?.to_owned() })
    }
}

/// Appends a batch to all groups, and says what was acknowledged.
async fn append_batch(store: &SqliteStore, round: &str, number: u64) -> Vec<Ack> {
    let mut lanes = Vec::new();
    for name in 0..GROUPS {
        let id = group(store, &name.to_string(), 2).await;
        let drafts = (0..MESSAGES_PER_LANE)
            .map(|part| message(user(1 + part % 2), &format!("{round}-{number}-{part}"), "hello"));
        lanes.push(lane(id, drafts.collect()));
    }
    let done = store.append(Arc::from(lanes)).await;
    let mut acks = Vec::new();
    for (group, done) in (0..).zip(done) {
        for (part, outcome) in done.unwrap().outcomes.into_iter().enumerate() {
            let Outcome::Appended(place) = outcome else { panic!("never sent before") };
            let client_id = format!("{round}-{number}-{part}");
            acks.push(Ack { group, seq: place.seq.get(), client_id });
        }
    }
    acks
}

/// Without a directory it appends a few and ends; with one it goes on until it is killed.
#[tokio::test]
async fn appends_until_killed() {
    let given = std::env::var_os(DIRECTORY);
    let own = tempfile::tempdir().unwrap();
    let directory = given.as_deref().map_or(own.path(), Path::new);
    let store = open(directory).await;
    let round = std::process::id().to_string();
    let mut number = 0;
    while given.is_some() || number < 3 {
        let acks = append_batch(&store, &round, number).await;
        assert_eq!(acks.len() as u64, GROUPS * MESSAGES_PER_LANE);
        for Ack { group, seq, client_id } in acks {
            println!("ack {group} {seq} {client_id}");
        }
        number += 1;
    }
    assert_eq!(store.check().await.unwrap(), []);
}

/// Starts a process, lets it acknowledge at least so many, kills it, and answers all it said.
fn kill_after(directory: &Path, acks_min: u64) -> Vec<Ack> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "appends_until_killed", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut acks = Vec::new();
    let mut killed = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        acks.extend(Ack::parse(&line.unwrap()));
        if !killed && acks.len() as u64 >= acks_min {
            child.kill().unwrap();
            killed = true;
        }
    }
    let status = child.wait().unwrap();
    assert!(killed && !status.success(), "it ended by itself: {status}");
    acks
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for round in 0..KILLS {
        let path = directory.path().to_owned();
        let acks = tokio::task::spawn_blocking(move || kill_after(&path, 1 + round * 13)).await.unwrap();
        assert!(!acks.is_empty());
        all.extend(acks);

        let store = open(directory.path()).await;
        for ack in &all {
            let (id, client_id) =
                (group(&store, &ack.group.to_string(), 2).await, ClientId::new(&*ack.client_id).unwrap());
            // The parts of a lane are written by the two in turn.
            let by = user(1 + ack.client_id.as_bytes().last().map_or(0, |part| u64::from(part - b'0') % 2));
            let expected = Outcome::Repeat { seq: Seq::new(ack.seq), digest: Some([7; 16]) };
            assert_eq!(store.find(id, by, &client_id).await.unwrap(), Some(expected), "{ack:?}");
        }
        assert_eq!(store.check().await.unwrap(), [], "after kill {round}");
        store.close().await.unwrap();
    }
}
