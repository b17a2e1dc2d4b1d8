//! An older backup takes the database's place: what clients know of the time after it must not be taken for what is
//! said from then on.
//!
//! The backup is a copy of the files of a database that has ended. How each kind is copied while it runs is its own
//! business; what an operator says to us afterwards is the same for all.

use std::fs;
use std::path::Path;
use std::process::Command as Program;

use testbed::services::{MariaDb, Postgres, Recipe, Secantus};
use tokio::task::block_in_place;

use super::client::{Line, resumed, say, the_conversation, two_friends};
use super::common::{Server, run};
use super::storage::Storage;

/// Messages before the backup, after it, and after it was restored.
const BEFORE: u64 = 3;
const AFTER: u64 = 3;
const ANEW: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    every_client_starts_anew(&Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb() {
    every_client_starts_anew(&MariaDb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secantusdb() {
    every_client_starts_anew(&Secantus).await;
}

async fn every_client_starts_anew(recipe: &'static dyn Recipe) {
    let Some(mut storage) = Storage::on(recipe) else { return };
    let server = storage.serve().await;
    let [ana, bogdan] = two_friends(server.address()).await;
    let mut line = Line::open(server.address(), &ana, "").await.unwrap();
    let epoch = line.hello()["epoch"].clone();
    for nth in 0..BEFORE {
        say(&mut line, &bogdan, nth).await;
    }
    let conversation = the_conversation(server.address(), &bogdan).await["id"].clone();
    let conversation = conversation.as_str().unwrap();
    let backup = tempfile::tempdir().unwrap();
    while_down(&mut storage, server, |data| copy(data, backup.path())).await;

    let server = storage.serve().await;
    let mut line = Line::open(server.address(), &ana, "").await.unwrap();
    assert_eq!(line.hello()["epoch"], epoch, "nothing was restored yet");
    for nth in BEFORE..BEFORE + AFTER {
        say(&mut line, &bogdan, nth).await;
    }
    let has = BEFORE + AFTER;
    assert_eq!(resumed(server.address(), &bogdan, &epoch, conversation, has).await, "complete");
    while_down(&mut storage, server, |data| {
        fs::remove_dir_all(data).unwrap();
        copy(&backup.path().join(data.file_name().unwrap()), data.parent().unwrap());
    })
    .await;
    let mut restored = storage.program();
    restored.arg("restored");
    let restored = run(restored, "").await;
    assert_eq!(restored.code, Some(0), "{restored:?}");

    let server = storage.serve().await;
    let mut line = Line::open(server.address(), &ana, "").await.unwrap();
    assert_ne!(line.hello()["epoch"], epoch);
    let states = async || resumed(server.address(), &bogdan, &epoch, conversation, has).await;
    assert_eq!(states().await, "reset", "it is ahead");
    for nth in has..has + ANEW {
        say(&mut line, &bogdan, nth).await;
    }
    // By its position alone it could go on; what it has at it is another message.
    assert_eq!(states().await, "reset", "it is of another time");
    drop(line);
    server.stop().await;
    storage.check().await;
}

/// Does this to the database's files, while neither it nor a server of ours runs.
async fn while_down(storage: &mut Storage, server: Server, with_files: impl FnOnce(&Path)) {
    server.stop().await;
    block_in_place(|| {
        storage.service().stop().unwrap();
        with_files(storage.service().data());
        storage.service().start_again().unwrap();
    });
}

/// A folder into another one, with the owners of everything in it.
fn copy(folder: &Path, into: &Path) {
    let copied = Program::new("cp").arg("-a").arg(folder).arg(into).status().unwrap();
    assert!(copied.success());
}
