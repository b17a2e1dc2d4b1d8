//! Many users who each send, wait for the acknowledgement, and send again: what S1 to S3 and P1 to P3 measure.

use crate::engine;
use crate::harness::machine::{Stopwatch, data_dir};
use crate::harness::{Effort, Sample};
use crate::message::TEXT;
use crate::raw::sqlite::Writer;
use crate::role::Population;
use anyhow::Result;
use chat_core::{Chat, ConversationId, Draft, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Groups that are written to, by reference and engine alike.
pub const CONVERSATIONS: u64 = 64;

/// Members of each, all of whom may send at once.
const MEMBERS: u64 = 8;

/// How long one side of one round is measured.
pub const MEASURED: Duration = Duration::from_millis(1_500);

/// The reference on SQLite and the engine, each with a database of its own in a folder that goes away with this.
#[derive(Debug)]
pub struct Sends {
    raw: Writer,
    senders: Senders,
    _folder: TempDir,
}

/// The engine over any store, with groups to send to.
#[derive(Debug)]
pub struct Senders {
    chat: Chat,
    groups: Vec<ConversationId>,
    sent: Arc<AtomicU64>,
}

/// What became of one round of the engine.
#[derive(Debug)]
pub struct Acknowledged {
    /// What it took.
    pub effort: Effort,
    /// How long each sender waited for each acknowledgement.
    pub micros: Vec<f64>,
}

impl Sends {
    /// Opens both.
    ///
    /// # Errors
    /// What SQLite or the engine says.
    pub async fn open() -> Result<Self> {
        let folder = tempfile::tempdir_in(data_dir()?)?;
        let raw = Writer::create(&folder.path().join("raw.db"), i64::try_from(CONVERSATIONS)?)?;
        let senders = Senders::over(engine::store(Some(&folder.path().join("ours.db"))).await?).await?;
        Ok(Self { raw, senders, _folder: folder })
    }

    /// The reference: commits of so many rows, one after the other. Blocks; nothing else runs meanwhile.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn raw(&mut self, rows_per_commit: i64) -> Result<Sample> {
        let (stopwatch, before) = (Stopwatch::start(std::process::id())?, self.raw.rows());
        while stopwatch.elapsed() < MEASURED {
            self.raw.commit(rows_per_commit)?;
        }
        Ok(stopwatch.stop((self.raw.rows() - before).unsigned_abs())?.per_second())
    }

    /// The engine with so many messages in flight.
    ///
    /// # Errors
    /// The first send that fails.
    pub async fn ours(&self, in_flight: u64) -> Result<Acknowledged> {
        self.senders.send(in_flight).await
    }
}

impl Senders {
    /// Makes the groups.
    ///
    /// # Errors
    /// What the store or the engine says.
    pub async fn over(store: Arc<dyn Store>) -> Result<Self> {
        let chat = engine::chat(store).await?;
        let population = Population::Groups { users: CONVERSATIONS * MEMBERS, members: MEMBERS };
        let groups = engine::populate(&chat, population).await?;
        Ok(Self { chat, groups, sent: Arc::default() })
    }

    /// Sends for a while with so many messages in flight, at most one for each of the users.
    ///
    /// # Errors
    /// The first send that fails.
    pub async fn send(&self, in_flight: u64) -> Result<Acknowledged> {
        let stopwatch = Stopwatch::start(std::process::id())?;
        let mut senders = JoinSet::new();
        for nth in 0..in_flight {
            let (group, member) = (nth % CONVERSATIONS, nth / CONVERSATIONS);
            let actor = self.chat.actor(engine::user(group * MEMBERS + member));
            let (conversation, sent) = (self.groups[usize::try_from(group)?], Arc::clone(&self.sent));
            senders.spawn(async move {
                let mut micros = Vec::new();
                while stopwatch.elapsed() < MEASURED {
                    let client_id = engine::client_id(sent.fetch_add(1, Ordering::Relaxed))?;
                    let start = Instant::now();
                    actor.send(conversation, Draft::text(TEXT)?.client_id(client_id)).await?;
                    micros.push(start.elapsed().as_secs_f64() * 1e6);
                }
                Ok::<_, anyhow::Error>(micros)
            });
        }
        let mut micros = Vec::new();
        while let Some(sender) = senders.join_next().await {
            micros.append(&mut sender??);
        }
        Ok(Acknowledged { effort: stopwatch.stop(micros.len() as u64)?, micros })
    }
}
