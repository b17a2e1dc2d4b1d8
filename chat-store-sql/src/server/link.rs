//! One connection to either server: statements in, rows out. Nothing here waits for longer than it is told to.

use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Connection as _, Database};
use tokio::time::timeout;

use super::columns::Row;
use super::error::{Done, Failure};
use super::value::Value;

/// How long a statement may take: longer than the server itself allows, so that silence means that nobody is there.
pub(super) const STATEMENT_MAX: Duration = Duration::from_secs(8);
/// How long a connection that has been idle may take to say that it is alive.
const PING_MAX: Duration = Duration::from_secs(1);
/// How long a connection may take to part in peace.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// A connection of our own, or one that a host's pool lends.
#[derive(Debug)]
pub(super) enum Held<D: Database> {
    /// Ours.
    Own(D::Connection),
    /// The host's.
    Host(PoolConnection<D>),
}

impl<D: Database> Held<D> {
    pub(super) fn connection(&mut self) -> &mut D::Connection {
        match self {
            Self::Own(connection) => connection,
            Self::Host(connection) => connection,
        }
    }

    /// Cuts the connection; a host's pool may open another.
    fn cut(self) {
        match self {
            Self::Own(connection) => drop(connection),
            Self::Host(connection) => drop(connection.detach()),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) enum Link {
    /// To PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(Held<sqlx::Postgres>),
    /// To MySQL or MariaDB.
    #[cfg(feature = "mysql")]
    MySql(Held<sqlx::MySql>),
}

impl Link {
    /// All rows of a statement.
    pub(super) async fn query(
        &mut self,
        text: Arc<str>,
        values: &[Value<'_>],
        most: Duration,
    ) -> Done<Vec<Row>> {
        within(most, "a statement", async {
            match self {
                #[cfg(feature = "postgres")]
                Self::Postgres(held) => {
                    let query = sqlx::query_with(AssertSqlSafe(text), super::postgres::arguments(values)?);
                    let rows = query.fetch_all(held.connection()).await?;
                    Ok(rows.into_iter().map(Row::Postgres).collect())
                }
                #[cfg(feature = "mysql")]
                Self::MySql(held) => {
                    let query = sqlx::query_with(AssertSqlSafe(text), super::mysql::arguments(values)?);
                    let rows = query.fetch_all(held.connection()).await?;
                    Ok(rows.into_iter().map(Row::MySql).collect())
                }
            }
        })
        .await
    }

    /// How many rows a statement has changed.
    pub(super) async fn execute(&mut self, text: Arc<str>, values: &[Value<'_>]) -> Done<u64> {
        within(STATEMENT_MAX, "a statement", async {
            match self {
                #[cfg(feature = "postgres")]
                Self::Postgres(held) => {
                    let query = sqlx::query_with(AssertSqlSafe(text), super::postgres::arguments(values)?);
                    Ok(query.execute(held.connection()).await?.rows_affected())
                }
                #[cfg(feature = "mysql")]
                Self::MySql(held) => {
                    let query = sqlx::query_with(AssertSqlSafe(text), super::mysql::arguments(values)?);
                    Ok(query.execute(held.connection()).await?.rows_affected())
                }
            }
        })
        .await
    }

    /// Statements without parameters that are not worth preparing.
    pub(super) async fn say(&mut self, text: impl Into<Arc<str>>, most: Duration) -> Done<()> {
        let text = AssertSqlSafe(text.into());
        within(most, "a command", async {
            match self {
                #[cfg(feature = "postgres")]
                Self::Postgres(held) => sqlx::raw_sql(text).execute(held.connection()).await.map(drop)?,
                #[cfg(feature = "mysql")]
                Self::MySql(held) => sqlx::raw_sql(text).execute(held.connection()).await.map(drop)?,
            }
            Ok(())
        })
        .await
    }

    /// Lets statements take as long as they take, and be planned by what the server knows: for those that read whole
    /// tables. Other work is not for this connection afterwards.
    pub(super) async fn be_patient(&mut self) -> Done<()> {
        let text = match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => super::postgres::PATIENT,
            #[cfg(feature = "mysql")]
            Self::MySql(held) => super::mysql::patient(held.connection()).await?,
        };
        self.say(text, STATEMENT_MAX).await
    }

    /// Begins a transaction that locks and writes.
    pub(super) async fn begin(&mut self) -> Done<()> {
        let text = match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
            // The session's level is READ COMMITTED.
            #[cfg(feature = "mysql")]
            Self::MySql(_) => "START TRANSACTION READ WRITE",
        };
        self.say(text, STATEMENT_MAX).await
    }

    /// Begins a transaction that sees one state of the database from its first statement to its last.
    pub(super) async fn begin_snapshot(&mut self) -> Done<()> {
        let text = match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            #[cfg(feature = "mysql")]
            Self::MySql(_) => {
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; \
                START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
            }
        };
        self.say(text, STATEMENT_MAX).await
    }

    /// Begins a transaction that sees what is not committed too. PostgreSQL has none.
    #[cfg(feature = "mysql")]
    pub(super) async fn begin_uncommitted(&mut self) -> Done<()> {
        let text = "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED; START TRANSACTION READ ONLY";
        self.say(text, STATEMENT_MAX).await
    }

    /// Commits.
    pub(super) async fn commit(&mut self) -> Done<()> {
        self.say("COMMIT", STATEMENT_MAX).await
    }

    /// Undoes.
    pub(super) async fn roll_back(&mut self) -> Done<()> {
        self.say("ROLLBACK", STATEMENT_MAX).await
    }

    /// Whether the other end still answers.
    pub(super) async fn is_alive(&mut self) -> bool {
        let pinged = within(PING_MAX, "a ping", async {
            match self {
                #[cfg(feature = "postgres")]
                Self::Postgres(held) => held.connection().ping().await?,
                #[cfg(feature = "mysql")]
                Self::MySql(held) => held.connection().ping().await?,
            }
            Ok(())
        });
        pinged.await.is_ok()
    }

    /// Cuts the connection at once: what the server does with it is the server's.
    pub(super) fn cut(self) {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(held) => held.cut(),
            #[cfg(feature = "mysql")]
            Self::MySql(held) => held.cut(),
        }
    }

    /// Parts in peace, if the other end answers.
    pub(super) async fn close(self) {
        let closed = timeout(CLOSE_MAX, async {
            match self {
                #[cfg(feature = "postgres")]
                Self::Postgres(Held::Own(connection)) => connection.close().await,
                #[cfg(feature = "mysql")]
                Self::MySql(Held::Own(connection)) => connection.close().await,
                // The host's pool closes its own.
                #[cfg(feature = "postgres")]
                Self::Postgres(Held::Host(_)) => Ok(()),
                #[cfg(feature = "mysql")]
                Self::MySql(Held::Host(_)) => Ok(()),
            }
        });
        if !matches!(closed.await, Ok(Ok(()))) {
            tracing::debug!("a connection did not part in peace");
        }
    }
}

/// Does something, or says what took too long.
pub(super) async fn within<T>(
    most: Duration,
    what: &'static str,
    work: impl Future<Output = Done<T>>,
) -> Done<T> {
    timeout(most, work).await.unwrap_or(Err(Failure::Late(what)))
}
