//! Moving to another database: beside the running server, and the rest of it when it has stopped.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "common/client.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod client;
mod common;

use std::path::{Path, PathBuf};

use client::{Line, Login, befriend, head, log_in, register, say};
use common::{Ran, Server, program, run};
use serde_json::Value;
use tempfile::TempDir;

async fn operate(data: &Path, arguments: &[&str]) -> Ran {
    let mut command = program(data);
    command.args(arguments);
    run(command, "").await
}

/// What a command prints that does what it was asked.
async fn done(data: &Path, arguments: &[&str]) -> String {
    let ran = operate(data, arguments).await;
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    ran.out
}

/// The last line of a copy that could not be made, after those that said how far it was.
fn failed(ran: &Ran) -> &str {
    assert_eq!(ran.code, Some(2), "{ran:?}");
    ran.err.lines().last().unwrap().strip_prefix("chat-server: ").unwrap()
}

fn sqlite(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// A server on which two friends have said something.
struct Talk {
    data: TempDir,
    server: Server,
    ana: Login,
    bogdan: Login,
    line: Line,
}

impl Talk {
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = program(data.path());
        command
            .env("CHAT_LIMIT", "messages_per_user_per_second=1000000,frames_per_socket_per_second=1000000");
        let server = Server::from(command).await;
        for name in ["ana", "bogdan"] {
            register(server.address(), name).await;
        }
        let (ana, bogdan) = (log_in(server.address(), "ana").await, log_in(server.address(), "bogdan").await);
        befriend(server.address(), &ana, &bogdan).await;
        let line = Line::open(server.address(), &ana, "").await.unwrap();
        let mut talk = Self { data, server, ana, bogdan, line };
        for nth in 0..20 {
            talk.say(nth).await;
        }
        talk
    }

    async fn say(&mut self, nth: u64) {
        say(&mut self.line, &self.bogdan, nth).await;
    }

    fn file(&self, name: &str) -> PathBuf {
        self.data.path().join(name)
    }
}

#[tokio::test]
async fn a_server_that_runs_is_copied_and_then_left() {
    let mut talk = Talk::new().await;
    let target = sqlite(&talk.file("other.db"));
    let copy = ["copy", "--to", &target];
    let out = done(talk.data.path(), &copy).await;
    assert!(out.contains("1 conversations with 20 entries") && out.contains("2 accounts"), "{out}");

    // What is said meanwhile is found by a copy that is made later.
    for nth in 20..30 {
        talk.say(nth).await;
    }
    let Talk { data, server, ana, bogdan, .. } = talk;
    server.stop().await;
    let out = done(data.path(), &copy).await;
    assert!(out.contains("1 conversations with 30 entries"), "{out}");
    assert_eq!(done(data.path(), &["check", "--store", &target]).await, "nothing is wrong\n");

    // Whoever was logged in is logged in there, and what is repeated is a repeat.
    let mut command = program(data.path());
    command.args(["--store", &target]);
    let server = Server::from(command).await;
    assert_eq!(head(server.address(), &bogdan).await, 30);
    let mut line = Line::open(server.address(), &ana, "").await.unwrap();
    say(&mut line, &bogdan, 29).await;
    say(&mut line, &bogdan, 30).await;
    assert_eq!(head(server.address(), &ana).await, 31);
    server.stop().await;

    let ahead = operate(data.path(), &copy).await;
    assert!(failed(&ahead).contains("the target holds what the source does not"), "{ahead:?}");
}

#[tokio::test]
async fn a_copy_beside_people_who_talk_is_whole_or_says_that_it_is_not() {
    let mut talk = Talk::new().await;
    let target = sqlite(&talk.file("other.db"));
    let copy = ["copy", "--to", &target];
    let Talk { data, server, bogdan, line, .. } = &mut talk;
    let talking = async {
        for nth in 20.. {
            say(line, bogdan, nth).await;
        }
    };
    let copied = tokio::select! {
        () = talking => panic!("there is always more to say"),
        copied = operate(data.path(), &copy) => copied,
    };
    assert_eq!(server.get("/readyz").await.0, 200);
    let is_told = copied.code == Some(1) && copied.out.contains("copy once more");
    assert!(copied.code == Some(0) || is_told, "{copied:?}");
    let Talk { server, data, .. } = talk;
    server.stop().await;
    done(data.path(), &copy).await;
    assert_eq!(done(data.path(), &["check", "--store", &target]).await, "nothing is wrong\n");
}

#[tokio::test]
async fn people_and_talk_may_be_parted_and_joined_again() {
    let talk = Talk::new().await;
    let (messages, people) = (sqlite(&talk.file("talk.db")), sqlite(&talk.file("people.db")));
    let joined = sqlite(&talk.file("joined.db"));
    let Talk { data, server, ana, .. } = talk;
    server.stop().await;
    done(data.path(), &["copy", "--to", &messages, "--to-accounts", &people]).await;

    let stores = ["--store", &messages, "--accounts-store", &people];
    let mut command = program(data.path());
    command.args(stores);
    let server = Server::from(command).await;
    assert_eq!(head(server.address(), &ana).await, 20);
    let listed = operate(data.path(), &[&["user", "sessions", "ana"][..], &stores].concat()).await;
    assert_eq!(listed.out.lines().count(), 1, "{listed:?}");
    assert_eq!(done(data.path(), &[&["check"][..], &stores].concat()).await, "nothing is wrong\n");
    let backup = data.path().join("people.backup");
    done(data.path(), &["backup", backup.to_str().unwrap(), "--store", &people]).await;
    let split = ["copy", "--from", &messages, "--from-accounts", &people, "--to", &joined];
    let out = done(data.path(), &split).await;
    assert!(out.contains("20 entries") && out.contains("2 accounts, 2 logins"), "{out}");
    server.stop().await;
    assert_eq!(done(data.path(), &["check", "--store", &joined]).await, "nothing is wrong\n");
}

#[tokio::test]
async fn a_target_in_use_or_of_another_server_is_refused() {
    let (one, other) = (Talk::new().await, Talk::new().await);
    let (from, to) = (sqlite(&one.file("chat.db")), sqlite(&other.file("chat.db")));
    let used = operate(one.data.path(), &["copy", "--from", &from, "--to", &to]).await;
    assert!(failed(&used).contains("in use"), "{used:?}");
    other.server.stop().await;
    let occupied = operate(one.data.path(), &["copy", "--from", &from, "--to", &to]).await;
    assert!(failed(&occupied).contains("the target holds something else"), "{occupied:?}");
    one.server.stop().await;
    assert_eq!(done(other.data.path(), &["check"]).await, "nothing is wrong\n");
}

#[tokio::test]
async fn how_far_it_is_stands_in_the_log_where_there_is_no_terminal() {
    let talk = Talk::new().await;
    let target = sqlite(&talk.file("other.db"));
    let Talk { data, server, .. } = talk;
    server.stop().await;
    let ran = operate(data.path(), &["copy", "--to", &target, "--log", "json"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines: Vec<Value> = ran.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let stage = |line: &Value| line["fields"]["stage"].as_str().map(str::to_owned);
    let stages: Vec<String> = lines.iter().filter_map(stage).collect();
    assert_eq!(
        stages,
        [
            "friendships",
            "accounts",
            "logins",
            "attachments",
            "conversations",
            "friendships",
            "accounts",
            "logins",
            "attachments",
            "conversations, pass 2",
            "comparison"
        ]
    );
}
