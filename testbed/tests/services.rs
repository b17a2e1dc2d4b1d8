//! Services start, are hurt, come back, and are never left running.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use testbed::process::Process;
use testbed::services::{MariaDb, MongoJava, Postgres, Recipe, Secantus, Service};

/// In the environment of the program that a test kills: it has to start a service and wait for its end.
const OWNER: &str = "CHAT_TEST_OWNER";

/// Longer than any program needs to die.
const DEATH_MAX: Duration = Duration::from_secs(20);

fn lives(recipe: &'static dyn Recipe) {
    let Some(mut service) = Service::start_or_skip(recipe) else { return };
    let address = service.address();
    assert!(TcpStream::connect(address).is_ok(), "{service:?}");
    service.pause().unwrap();
    service.resume().unwrap();
    service.kill().unwrap();
    assert!(TcpStream::connect(address).is_err());
    service.start_again().unwrap();
    assert!(TcpStream::connect(address).is_ok());
    service.stop().unwrap();
    assert!(TcpStream::connect(address).is_err());
    service.start_again().unwrap();
    service.pause().unwrap();
    drop(service);
    assert!(TcpStream::connect(address).is_err(), "also a paused one goes away");
}

#[test]
fn postgresql() {
    lives(&Postgres);
}

#[test]
fn mariadb() {
    lives(&MariaDb);
}

#[test]
fn secantusdb() {
    lives(&Secantus);
}

#[test]
fn mongo_java_server() {
    lives(&MongoJava);
}

#[test]
fn what_does_not_listen_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "trap '' TERM; echo ready; while :; do sleep 1000; done"]);
    let process = Process::start(shell, "ready", &folder.path().join("log"), None).unwrap();
    let ended = process.stop(Signal::TERM, Duration::from_millis(200)).unwrap();
    assert_eq!(ended.signal(), Some(Signal::KILL.as_raw()));
}

#[test]
fn what_listens_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "trap 'exit 7' TERM; echo ready; sleep 1000 & wait"]);
    let process = Process::start(shell, "ready", &folder.path().join("log"), None).unwrap();
    assert_eq!(process.stop(Signal::TERM, DEATH_MAX).unwrap().code(), Some(7));
}

/// Alone it does nothing; started by the next test it owns a process until it is killed.
#[test]
fn owns_a_process() {
    if std::env::var_os(OWNER).is_none() {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "sleep 1000 & echo ready; wait"]);
    let process = Process::start(shell, "ready", &data.path().join("log"), Some(data.path())).unwrap();
    println!("owns {} {}", process.id(), data.path().display());
    // Standard input ends with whoever started this program, so that it never stays by itself.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn nothing_outlives_an_owner_that_is_killed() {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owns_a_process", "--nocapture"])
        .env(OWNER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (process, data) = owned(&mut owner);
    let sleeper = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap();
    let sleeper = sleeper.trim().to_owned();
    assert!(is_running(&process) && is_running(&sleeper) && fs::exists(&data).unwrap());
    owner.kill().unwrap();
    owner.wait().unwrap();
    let end = Instant::now() + DEATH_MAX;
    while is_running(&process) || is_running(&sleeper) || fs::exists(&data).unwrap() {
        assert!(Instant::now() < end, "something is still there");
        std::thread::yield_now();
    }
}

/// What the owner says it has: the number of a process, and a folder.
fn owned(owner: &mut std::process::Child) -> (String, String) {
    use std::io::{BufRead as _, BufReader};
    let lines = BufReader::new(owner.stdout.as_mut().unwrap()).lines();
    let line = lines.map(|line| line.unwrap()).find(|line| line.contains("owns ")).unwrap();
    let words = line.split("owns ").nth(1).unwrap();
    let (process, data) = words.split_once(' ').unwrap();
    (process.to_owned(), data.to_owned())
}

fn is_running(id: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
