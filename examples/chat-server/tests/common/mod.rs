//! The server as a process: started, asked, stopped, killed.
//!
//! Nothing here sleeps: a server is ready when it has printed its one line, and gone when the system says so.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]
#![expect(dead_code, reason = "every file of tests uses its own part of this one")]

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

/// The program with a data folder of its own, and nothing of our own environment in its way.
pub(crate) fn program(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
        command.env_remove(name);
    }
    command.env("CHAT_DATA_DIR", data).env("CHAT_LISTEN", "127.0.0.1:0").kill_on_drop(true);
    command
}

fn is_setting(name: &OsStr) -> bool {
    name == "RUST_LOG" || name.as_encoded_bytes().starts_with(b"CHAT_")
}

/// Runs a command to its end, with this on its standard input.
pub(crate) async fn run(mut command: Command, input: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that does not read its input is right to close it.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    Ran::from(child.wait_with_output().await.unwrap())
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// The one line of a run that could not do what it was asked.
    pub(crate) fn refusal(&self) -> &str {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        let line = self.err.strip_suffix('\n').unwrap_or(&self.err);
        assert!(!line.is_empty() && !line.contains('\n'), "not one line: {line:?}");
        line.strip_prefix("chat-server: ").expect("names the program")
    }
}

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    out: BufReader<ChildStdout>,
    err: JoinHandle<String>,
}

impl Server {
    /// Starts one and waits until it listens.
    pub(crate) async fn start(data: &Path) -> Self {
        Self::from(program(data)).await
    }

    /// Starts this command and waits until it listens.
    pub(crate) async fn from(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let err = tokio::spawn(async move {
            let mut text = String::new();
            stderr.read_to_string(&mut text).await.unwrap();
            text
        });
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).await.unwrap();
        let Some(address) = line.trim_end().strip_prefix("listening on http://") else {
            panic!("did not start: {line}{}", err.await.unwrap());
        };
        Self { child, address: address.parse().unwrap(), out, err }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks for a path and gives the status and the body.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(self.url(path)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A request whose body does not come to its end; it is under way when this is answered.
    pub(crate) async fn unfinished_request(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = "POST /v1/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                    content-length: 100\r\nexpect: 100-continue\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100", "the server waits for the body");
        stream
    }

    /// Waits until it takes no more connections.
    pub(crate) async fn drains(&self) {
        while TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    /// Its number.
    pub(crate) fn id(&self) -> Pid {
        let id = i32::try_from(self.child.id().expect("it runs")).unwrap();
        Pid::from_raw(id).unwrap()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ended {
        let status = self.child.wait().await.unwrap();
        let mut out = String::new();
        self.out.read_to_string(&mut out).await.unwrap();
        Ended { status, out, err: self.err.await.unwrap() }
    }

    /// Asks it to drain and expects a clean end.
    pub(crate) async fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        let ended = self.ended().await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
        ended
    }

    /// Kills it, in the middle of whatever it does.
    pub(crate) async fn kill(self) {
        self.signal(Signal::KILL);
        let ended = self.ended().await;
        assert_eq!(ended.status.signal(), Some(Signal::KILL.as_raw()), "{}", ended.err);
    }
}

/// How a server ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// What it printed after its first line.
    pub(crate) out: String,
    pub(crate) err: String,
}
