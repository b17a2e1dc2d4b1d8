//! The measured server runs in a process of its own: this program again, with a hidden argument.
//!
//! So its processor time and memory are its own, and a client that sweats does not count against it.

use super::machine::{self, Stopwatch};
use crate::role::Role;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// What a server tells on its first line of output.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ready {
    /// Where it listens.
    pub address: SocketAddr,
    /// The conversations it made, for the client to write to.
    pub conversations: Vec<String>,
}

impl Ready {
    /// Tells the process that started this one.
    ///
    /// # Errors
    /// When nobody listens any more.
    pub fn announce(&self) -> Result<()> {
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, self)?;
        writeln!(out)?;
        Ok(out.flush()?)
    }
}

/// A running server; ends when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// What it said when it was ready.
    pub ready: Ready,
}

impl Server {
    /// Starts `role` and waits until it is ready.
    ///
    /// # Errors
    /// When it ends before that.
    pub fn start(role: &Role) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--serve")
            .arg(serde_json::to_string(role)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let out = child.stdout.take().context("its output is piped")?;
        BufReader::new(out).read_line(&mut line)?;
        let ready = serde_json::from_str(&line).with_context(|| format!("{role:?} did not become ready"))?;
        Ok(Self { child, ready })
    }

    /// Starts to measure what it spends.
    ///
    /// # Errors
    /// When it has ended.
    pub fn stopwatch(&self) -> Result<Stopwatch> {
        Stopwatch::start(self.child.id())
    }

    /// Its resident bytes now.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident_bytes(&self) -> Result<u64> {
        machine::resident_bytes_of(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either may fail only because the process has ended by itself, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends this process when the one that started it is gone, however it went.
pub fn end_with_parent() {
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut rest);
        std::process::exit(0);
    });
}
