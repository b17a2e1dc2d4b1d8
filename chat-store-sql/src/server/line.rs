//! A connection at work for one tenant: the statements in the server's words, the transaction that is open on it, and
//! what is to be told of the work.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chat_core::store::{Change, StoreError};

use super::columns::Row;
use super::dialect::{Dialect, Texts};
use super::error::{Done, Failure};
use super::link::STATEMENT_MAX;
use super::pool::Lent;
use super::value::Value;

/// How long who reads whole tables waits for one of them.
const PATIENCE: Duration = Duration::from_hours(1);

/// A connection at work. Dropped before its [`end`](Self::end) it is cut, and with it what it was doing.
#[derive(Debug)]
pub(super) struct Line {
    lent: Lent,
    texts: Arc<Texts>,
    transaction: Transaction,
    /// Which server is at the other end.
    pub(super) dialect: Dialect,
    /// The tenant as a column.
    pub(super) tenant: i64,
    /// What the transaction changes, each once: told with its commit.
    told: BTreeSet<Change>,
    /// How long a statement may take.
    most: Duration,
}

/// Whether there is something to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    None,
    Open,
}

impl Line {
    pub(super) fn new(lent: Lent, texts: Arc<Texts>, dialect: Dialect, tenant: i64) -> Self {
        let (transaction, told) = (Transaction::None, BTreeSet::new());
        Self { lent, texts, transaction, dialect, tenant, told, most: STATEMENT_MAX }
    }

    /// All rows of a statement.
    pub(super) async fn query(&mut self, text: &'static str, values: &[Value<'_>]) -> Done<Vec<Row>> {
        self.lent.link().query(self.texts.of(text), values, self.most).await
    }

    /// The first row of a statement.
    pub(super) async fn first(&mut self, text: &'static str, values: &[Value<'_>]) -> Done<Option<Row>> {
        Ok(self.query(text, values).await?.into_iter().next())
    }

    /// How many rows a statement has changed, or found: MySQL counts what matched.
    pub(super) async fn execute(&mut self, text: &'static str, values: &[Value<'_>]) -> Done<u64> {
        self.lent.link().execute(self.texts.of(text), values).await
    }

    /// Lets statements take as long as they take; never ended, but dropped.
    pub(super) async fn be_patient(&mut self) -> Done<()> {
        self.lent.link().be_patient().await?;
        self.most = PATIENCE;
        Ok(())
    }

    /// Begins a transaction that locks and writes.
    pub(super) async fn begin(&mut self) -> Done<()> {
        self.lent.link().begin().await?;
        self.transaction = Transaction::Open;
        Ok(())
    }

    /// Begins a transaction that sees one state of the database from its first statement to its last.
    pub(super) async fn begin_snapshot(&mut self) -> Done<()> {
        self.lent.link().begin_snapshot().await?;
        self.transaction = Transaction::Open;
        Ok(())
    }

    /// Begins a transaction that sees what is not committed too: MySQL's alone.
    #[cfg(feature = "mysql")]
    pub(super) async fn begin_uncommitted(&mut self) -> Done<()> {
        self.lent.link().begin_uncommitted().await?;
        self.transaction = Transaction::Open;
        Ok(())
    }

    /// Commits. When that fails nobody knows what became of it, and the connection is not used again.
    pub(super) async fn commit(&mut self) -> Done<()> {
        self.lent.link().commit().await?;
        self.transaction = Transaction::None;
        Ok(())
    }

    /// Notes what changed.
    pub(super) fn tell(&mut self, changes: impl IntoIterator<Item = Change>) {
        self.told.extend(changes);
    }

    /// What was noted since this was last asked.
    pub(super) fn take_told(&mut self) -> BTreeSet<Change> {
        std::mem::take(&mut self.told)
    }

    /// Ends what is open, lets go of the connection and answers. It is used again if the server has answered to all.
    pub(super) async fn end<T>(mut self, done: Done<T>) -> Result<T, StoreError> {
        let usable = done.as_ref().err().is_none_or(Failure::leaves_connection_usable);
        let ended = match self.transaction {
            Transaction::Open if usable => self.lent.link().roll_back().await.is_ok(),
            Transaction::Open => false,
            Transaction::None => usable,
        };
        if ended {
            self.lent.give_back();
        }
        Ok(done?)
    }
}
