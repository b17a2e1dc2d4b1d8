//! An operator's commands, with and without a server that runs.

#[path = "common/client.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod client;
mod common;

use std::path::Path;
use std::time::Duration;

use client::{Line, PASSWORD, call, log_in, resumed, say, two_friends};
use common::{Ran, Server, program, run};
use reqwest::Method;
use serde_json::{Value, json};

async fn operate(data: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut command = program(data);
    command.args(arguments);
    run(command, input).await
}

/// What a command prints that does what it was asked.
async fn done(data: &Path, arguments: &[&str], input: &str) -> String {
    let ran = operate(data, arguments, input).await;
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    ran.out
}

/// Whether somebody can log in.
async fn can_log_in(server: &Server, username: &str) -> bool {
    let credentials = json!({"username": username, "password": PASSWORD});
    call(server.address(), None, Method::POST, "/v1/sessions", &credentials).await.0 < 300
}

#[tokio::test]
async fn accounts_are_made_without_a_server_and_with_one() {
    let data = tempfile::tempdir().unwrap();
    let input = format!("{PASSWORD}\n");
    assert!(done(data.path(), &["user", "create", "ana"], &input).await.ends_with("ana\n"));
    let server = Server::start(data.path()).await;
    done(data.path(), &["user", "create", "bogdan", "--full-name", "Bogdan B."], &input).await;
    assert!(can_log_in(&server, "ana").await && can_log_in(&server, "bogdan").await);

    let taken = operate(data.path(), &["user", "create", "Ana"], &input).await;
    assert!(taken.refusal().contains("username"), "{taken:?}");
    let short = operate(data.path(), &["user", "create", "carla"], "short\n").await;
    assert!(short.refusal().contains("password"), "{short:?}");
    let none = operate(data.path(), &["user", "create", "carla"], "").await;
    assert!(none.refusal().contains("password"), "{none:?}");
    assert!(!server.stop().await.err.contains(PASSWORD));
}

#[tokio::test]
async fn a_disabled_account_is_logged_out_and_cannot_come_back_until_it_is_enabled() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let [ana, _] = two_friends(server.address()).await;
    let mut line = Line::open(server.address(), &ana, "").await.unwrap();
    done(data.path(), &["user", "disable", "ana"], "").await;
    while line.next().await.is_ok() {}
    assert!(Line::open(server.address(), &ana, "").await.is_err());
    assert!(!can_log_in(&server, "ana").await && can_log_in(&server, "bogdan").await);
    done(data.path(), &["user", "enable", "ana"], "").await;
    assert!(can_log_in(&server, "ana").await);
    let nobody = operate(data.path(), &["user", "disable", "nobody2"], "").await;
    assert!(nobody.refusal().contains("there is no account nobody2"), "{nobody:?}");
    server.stop().await;
}

#[tokio::test]
async fn sessions_are_listed_and_revoked_one_by_one_or_all() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let [ana, bogdan] = two_friends(server.address()).await;
    let listed = done(data.path(), &["user", "sessions", "ana"], "").await;
    assert_eq!(listed.lines().count(), 1);
    let session = listed.split_whitespace().next().unwrap().to_owned();
    let foreign = operate(data.path(), &["user", "revoke", "bogdan", &session], "").await;
    assert!(foreign.refusal().contains("bogdan has no session"), "{foreign:?}");
    let mut line = Line::open(server.address(), &ana, "").await.unwrap();
    done(data.path(), &["user", "revoke", "ana", &session], "").await;
    while line.next().await.is_ok() {}
    assert_eq!(done(data.path(), &["user", "sessions", "ana"], "").await, "");
    done(data.path(), &["user", "revoke", "bogdan"], "").await;
    assert!(Line::open(server.address(), &bogdan, "").await.is_err());
    server.stop().await;
}

#[tokio::test]
async fn a_backup_made_while_people_talk_holds_what_was_said_before_it_and_is_whole() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let [ana, bogdan] = two_friends(server.address()).await;
    let mut line = Line::open(server.address(), &ana, "").await.unwrap();
    for nth in 0..50 {
        say(&mut line, &bogdan, nth).await;
    }
    let talking = tokio::spawn({
        let bogdan = bogdan.clone();
        async move {
            let mut nth = 50;
            loop {
                // As often as one may, once the burst is used up.
                tokio::time::sleep(Duration::from_millis(110)).await;
                say(&mut line, &bogdan, nth).await;
                nth += 1;
            }
        }
    });
    let other = tempfile::tempdir().unwrap();
    let copy = other.path().join("chat.db");
    done(data.path(), &["backup", copy.to_str().unwrap()], "").await;
    let again = operate(data.path(), &["backup", copy.to_str().unwrap()], "").await;
    assert!(again.refusal().contains("chat.db"), "a copy is never overwritten: {again:?}");
    assert!(!talking.is_finished(), "they talked all the time");
    talking.abort();
    server.stop().await;

    assert_eq!(done(other.path(), &["check"], "").await, "nothing is wrong\n");
    std::fs::copy(data.path().join("signing.key"), other.path().join("signing.key")).unwrap();
    let server = Server::start(other.path()).await;
    let bogdan = log_in(server.address(), "bogdan").await;
    let (status, list) =
        call(server.address(), Some(&bogdan), Method::GET, "/v1/conversations", &Value::Null).await;
    assert_eq!(status, 200, "{list}");
    assert!(list["items"][0]["head"].as_u64().unwrap() >= 50, "{list}");
    server.stop().await;
}

#[tokio::test]
async fn after_an_older_backup_was_restored_every_client_starts_anew() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let [ana, bogdan] = two_friends(server.address()).await;
    let mut line = Line::open(server.address(), &ana, "").await.unwrap();
    let epoch = line.hello()["epoch"].clone();
    for nth in 0..3 {
        say(&mut line, &bogdan, nth).await;
    }
    let copy = data.path().join("copy.db");
    done(data.path(), &["backup", copy.to_str().unwrap()], "").await;
    for nth in 3..6 {
        say(&mut line, &bogdan, nth).await;
    }
    let list = call(server.address(), Some(&bogdan), Method::GET, "/v1/conversations", &Value::Null).await.1;
    let conversation = list["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(resumed(server.address(), &bogdan, &epoch, &conversation, 6).await, "complete");
    let running = operate(data.path(), &["restored"], "").await;
    assert!(running.refusal().contains("stop it"), "{running:?}");
    server.stop().await;

    std::fs::rename(copy, data.path().join("chat.db")).unwrap();
    done(data.path(), &["restored"], "").await;
    let server = Server::start(data.path()).await;
    let mut line = Line::open(server.address(), &ana, "").await.unwrap();
    assert_ne!(line.hello()["epoch"], epoch);
    assert_eq!(resumed(server.address(), &bogdan, &epoch, &conversation, 6).await, "reset", "it is ahead");
    for nth in 6..10 {
        say(&mut line, &bogdan, nth).await;
    }
    // By its position alone it could go on; what it has at it is another message.
    assert_eq!(
        resumed(server.address(), &bogdan, &epoch, &conversation, 6).await,
        "reset",
        "it is of another time"
    );
    server.stop().await;
    assert_eq!(done(data.path(), &["check"], "").await, "nothing is wrong\n");
}

#[tokio::test]
async fn a_backup_needs_no_server() {
    let data = tempfile::tempdir().unwrap();
    Server::start(data.path()).await.stop().await;
    let copy = data.path().join("copy.db");
    done(data.path(), &["backup", copy.to_str().unwrap()], "").await;
    assert!(copy.exists());
}

#[tokio::test]
async fn a_check_runs_beside_the_server_and_finds_what_was_damaged() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let [ana, bogdan] = two_friends(server.address()).await;
    let mut line = Line::open(server.address(), &ana, "").await.unwrap();
    for nth in 0..5 {
        say(&mut line, &bogdan, nth).await;
    }
    assert_eq!(done(data.path(), &["check"], "").await, "nothing is wrong\n");
    server.stop().await;

    let database = rusqlite::Connection::open(data.path().join("chat.db")).unwrap();
    assert_eq!(database.execute("DELETE FROM chat_entries WHERE seq = 3", []).unwrap(), 1);
    drop(database);
    let found = operate(data.path(), &["check"], "").await;
    assert_eq!(found.code, Some(1), "{found:?}");
    assert!(!found.out.is_empty() && found.err.is_empty(), "{found:?}");
}

#[tokio::test]
async fn a_socket_that_a_killed_server_left_behind_is_no_obstacle() {
    let data = tempfile::tempdir().unwrap();
    Server::start(data.path()).await.kill().await;
    assert!(data.path().join("chat.db.admin").exists());
    assert_eq!(done(data.path(), &["check"], "").await, "nothing is wrong\n");
    let server = Server::start(data.path()).await;
    assert_eq!(done(data.path(), &["check"], "").await, "nothing is wrong\n");
    server.stop().await;
}
