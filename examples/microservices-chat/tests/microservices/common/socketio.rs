//! The original client of Socket.IO, run by node and driven line by line.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use serde_json::{Value, json};
use testbed::people::LONG;
use testbed::programs;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// Where the client is configured and installed.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.config/socketio")
}

/// Installs it once; says loudly when it cannot, and fails where it must.
fn is_installed() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| {
        let required = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
        let is_required = required("CHAT_REQUIRE_BACKENDS", "1") || required("CI", "true");
        if programs::find(&["node"]).is_none() || programs::find(&["npm"]).is_none() {
            assert!(!is_required, "node and npm are required (Debian: nodejs, npm)");
            eprintln!("SKIPPED: no node and npm for the client of Socket.IO");
            return false;
        }
        let mut npm = std::process::Command::new("npm");
        let npm = npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(folder());
        let installed = npm.stdout(Stdio::null()).status().is_ok_and(|status| status.success());
        assert!(installed || !is_required, "npm cannot install the client of Socket.IO");
        if !installed {
            eprintln!("SKIPPED: npm cannot install the client of Socket.IO");
        }
        installed
    })
}

/// A node with any number of sockets.
pub(crate) struct Node {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// What was told and not yet asked for.
    told: Vec<Value>,
    _child: Child,
}

impl Node {
    pub(crate) fn start() -> Option<Self> {
        if !is_installed() {
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/microservices/common/client.mjs");
        let mut command = Command::new("node");
        command.arg(script).arg(folder()).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("node starts");
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Some(Self { input, output, told: Vec::new(), _child: child })
    }

    async fn command(&mut self, command: Value) {
        self.input.write_all(format!("{command}\n").as_bytes()).await.expect("node reads");
    }

    /// Opens a socket; gives `connect` with its transport, or `connect_error` with its reason.
    pub(crate) async fn connect(&mut self, id: &str, url: &str, with: Value) -> Value {
        let mut command = json!({ "do": "connect", "id": id, "url": url, "transports": ["websocket"] });
        for (name, value) in with.as_object().expect("an object") {
            command[name] = value.clone();
        }
        self.command(command).await;
        self.next(|told| {
            told["id"] == id && told["event"].as_str().is_some_and(|event| event.starts_with("connect"))
        })
        .await
    }

    /// Emits an event, and gives what it is acknowledged with.
    pub(crate) async fn emit(&mut self, id: &str, event: &str, data: Value) -> Value {
        self.command(json!({ "do": "emit", "id": id, "event": event, "data": data })).await;
        self.event(id, "ack").await
    }

    pub(crate) async fn disconnect(&mut self, id: &str) {
        self.command(json!({ "do": "disconnect", "id": id })).await;
    }

    /// The data of the next event of this name on this socket; others are kept.
    pub(crate) async fn event(&mut self, id: &str, event: &str) -> Value {
        self.next(|told| told["id"] == id && told["event"] == event).await["data"].clone()
    }

    async fn next(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(nth) = self.told.iter().position(&wanted) {
                return self.told.remove(nth);
            }
            let line = timeout(LONG, self.output.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("something was expected; told: {:?}", self.told));
            let line = line.expect("node writes").expect("node runs");
            self.told.push(serde_json::from_str(&line).expect("JSON"));
        }
    }

    /// Everything of this name on this socket that was told until now.
    pub(crate) fn kept(&self, id: &str, event: &str) -> Vec<Value> {
        let kept = self.told.iter().filter(|told| told["id"] == id && told["event"] == event);
        kept.map(|told| told["data"].clone()).collect()
    }
}
