//! What this program can be when it is started again as a server.

use crate::harness::process::Ready;
use crate::raw::commit;
use crate::raw::fanout::{self, Writes};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use tokio::net::TcpListener;

/// A server to be measured, with all it needs to know. Travels as JSON in an argument.
#[derive(Debug, Serialize, Deserialize)]
pub enum Role {
    /// A task and a queue per session, one pre-encoded frame.
    RawFanout {
        /// How queued frames are written.
        writes: Writes,
        /// The text that every session is sent.
        pushed: String,
    },
    /// One sender, one receiver, one commit a message.
    RawCommit {
        /// Where the database lies.
        path: PathBuf,
        /// The text that the receiver is sent.
        pushed: String,
    },
}

impl Role {
    /// Serves until the process ends.
    ///
    /// # Errors
    /// When it cannot start.
    pub async fn serve(self) -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        match self {
            Self::RawFanout { writes, pushed } => {
                Ready { address, conversations: Vec::new() }.announce()?;
                fanout::serve(listener, writes, &pushed).await
            }
            Self::RawCommit { path, pushed } => {
                Ready { address, conversations: Vec::new() }.announce()?;
                commit::serve(listener, &path, &pushed).await
            }
        }
    }
}
