//! The server as its host's system sees it: where settings come from, what it prints, how it ends.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use common::{Server, program};
use rustix::process::Signal;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn it_says_where_it_listens_and_nothing_else_and_ends_well_when_asked() {
    for signal in [Signal::TERM, Signal::INT] {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(data.path()).await;
        assert_eq!(server.get("/healthz").await.0, 200);
        server.signal(signal);
        let ended = server.ended().await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
        assert_eq!(ended.out, "");
    }
}

#[tokio::test]
async fn whatever_it_makes_is_private_and_kept() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    Server::start(&data).await.stop().await;
    assert_eq!(mode(&data), 0o700);
    let key = std::fs::read(data.join("signing.key")).unwrap();
    for file in std::fs::read_dir(&data).unwrap() {
        let path = file.unwrap().path();
        let private = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), private, "{}", path.display());
    }
    assert!(data.join("chat.db").exists());
    assert!(!data.join("chat.db.admin").exists(), "the operator's socket is taken away");
    Server::start(&data).await.stop().await;
    assert_eq!(std::fs::read(data.join("signing.key")).unwrap(), key);
}

#[tokio::test]
async fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("chat.toml");
    // What cannot work shows who was believed: the port is out of reach only for who believes the file.
    std::fs::write(&config, "listen = '192.0.2.1:1'\nlog = 'json'\n").unwrap();

    let mut by_file = program(data.path());
    by_file.env_remove("CHAT_LISTEN").arg("--config").arg(&config);
    assert!(common::run(by_file, "").await.refusal().contains("192.0.2.1:1"));

    let mut by_environment = program(data.path());
    by_environment.env("CHAT_CONFIG", &config);
    let ended = Server::from(by_environment).await.stop().await;
    assert!(ended.err.lines().all(|line| line.starts_with('{')), "the file says json: {}", ended.err);

    let mut by_flag = program(data.path());
    by_flag.env("CHAT_CONFIG", &config).env("CHAT_LISTEN", "192.0.2.1:2");
    by_flag.args(["--listen", "127.0.0.1:0", "--log", "human"]);
    let ended = Server::from(by_flag).await.stop().await;
    assert!(!ended.err.is_empty() && ended.err.lines().all(|line| !line.starts_with('{')), "{}", ended.err);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    // A request that never ends keeps the first signal's drain waiting.
    let unfinished = server.unfinished_request().await;
    server.signal(Signal::TERM);
    server.drains().await;
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.status.code(), Some(130));
    drop(unfinished);
}

#[tokio::test]
async fn a_server_in_memory_needs_no_database() {
    let data = tempfile::tempdir().unwrap();
    let mut command = program(data.path());
    command.args(["--store", "memory:"]);
    let server = Server::from(command).await;
    assert_eq!(server.get("/readyz").await.0, 200);
    server.stop().await;
    assert!(!data.path().join("chat.db").exists());
}

#[tokio::test]
async fn a_path_too_long_for_an_operators_socket_is_no_obstacle() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("d".repeat(200));
    let server = Server::start(&data).await;
    assert_eq!(server.get("/readyz").await.0, 200);
    let ended = server.stop().await;
    assert!(ended.err.contains("operator"), "it says what does not work: {}", ended.err);
    let mut create = program(&data);
    create.args(["user", "create", "ana"]);
    let created = common::run(create, "correct horse\n").await;
    assert_eq!(created.code, Some(0), "{created:?}");
}
