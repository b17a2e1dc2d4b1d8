//! What this program can be when it is started again as a server.

use crate::engine;
use crate::harness::process::Ready;
use crate::raw::commit;
use crate::raw::fanout::{self, Writes};
use crate::raw::servers::Database;
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
    /// The whole engine behind its WebSocket.
    Engine {
        /// Where its SQLite database lies; in memory when absent.
        database: Option<PathBuf>,
        /// Who is there.
        population: Population,
    },
    /// The same on PostgreSQL, perhaps as one of several.
    Node {
        /// Where the database is.
        store: String,
        /// What carries notices to the other nodes.
        notify: Option<String>,
        /// Who is there.
        population: Population,
    },
}

/// Who is there, and in which conversations.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Population {
    /// Nobody, or whom another node has made.
    Nobody,
    /// Two users and their direct conversation.
    Pair,
    /// Users, each in one group.
    Groups {
        /// How many there are, from number 0 on.
        users: u64,
        /// How many of them are in each group.
        members: u64,
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
        let placeholder = || Ready { address, conversations: vec![uuid::Uuid::max().to_string()] };
        match self {
            Self::RawFanout { writes, pushed } => {
                placeholder().announce()?;
                fanout::serve(listener, writes, &pushed).await
            }
            Self::RawCommit { path, pushed } => {
                placeholder().announce()?;
                commit::serve(listener, &path, &pushed).await
            }
            Self::Engine { database, population } => {
                let store = engine::store(database.as_deref()).await?;
                engine::serve(listener, engine::chat(store).await?, population).await
            }
            Self::Node { store, notify, population } => {
                let store = engine::server_store(Database::Postgres, &store).await?;
                let notifier = engine::notifier(notify.as_deref()).await?;
                engine::serve(listener, engine::chat_with(store, notifier).await?, population).await
            }
        }
    }
}
