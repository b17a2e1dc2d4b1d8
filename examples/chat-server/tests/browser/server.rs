//! The real server as a process, to be killed without a warning.

use anyhow::{Context as _, Result};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The system picks a free port.
pub(crate) const ANY_PORT: u16 = 0;

/// A running `chat-server`, killed when dropped.
pub(crate) struct Server {
    process: Child,
    /// Kept open, so that what the server says later does not end it.
    _output: Lines<BufReader<ChildStdout>>,
    address: String,
}

impl Server {
    pub(crate) async fn start(data: &Path, port: u16) -> Result<Self> {
        let mut process = Command::new(env!("CARGO_BIN_EXE_chat-server"))
            .args(["--listen", &format!("127.0.0.1:{port}"), "--data-dir"])
            .arg(data)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().context("its output was piped")?;
        let mut lines = BufReader::new(output).lines();
        let line = lines.next_line().await?.context("the server ended without listening")?;
        let address = line.strip_prefix("listening on ").context("the line names the address")?.to_owned();
        Ok(Self { process, _output: lines, address })
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn port(&self) -> u16 {
        self.address
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .expect("an address ends in its port")
    }

    /// `kill -9`, returning when the process is gone.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }
}
