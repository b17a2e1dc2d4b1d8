//! Connections that are kept open, few and bounded.
//!
//! Nothing is asked of a connection that was used a moment ago; one that was idle for a while must say that it is
//! alive before it gets work. One that failed, or whose work was cut off, is never used again.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use chat_core::store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{Closed, Done, Failure};
use super::link::{Held, Link, within};

/// How long connecting may take, settings included.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// How long to wait for a connection that others have.
const ACQUIRE_MAX: Duration = Duration::from_secs(5);
/// How long a connection may have been idle to be trusted.
const TRUSTED: Duration = Duration::from_secs(1);
/// How long a connection is kept without being used.
const IDLE_MAX: Duration = Duration::from_mins(5);

/// Where connections come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// PostgreSQL, connections of our own.
    #[cfg(feature = "postgres")]
    Postgres(Box<sqlx::postgres::PgConnectOptions>),
    /// PostgreSQL, connections of the host's.
    #[cfg(feature = "postgres")]
    PostgresPool(sqlx::PgPool),
    /// MySQL or MariaDB, connections of our own.
    #[cfg(feature = "mysql")]
    MySql(Box<sqlx::mysql::MySqlConnectOptions>),
    /// MySQL or MariaDB, connections of the host's.
    #[cfg(feature = "mysql")]
    MySqlPool(sqlx::MySqlPool),
}

impl Source {
    /// Whether connections are kept here, not by the host.
    const fn is_own(&self) -> bool {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => true,
            #[cfg(feature = "postgres")]
            Self::PostgresPool(_) => false,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => true,
            #[cfg(feature = "mysql")]
            Self::MySqlPool(_) => false,
        }
    }

    async fn open(&self) -> Done<Link> {
        within(CONNECT_MAX, "connecting", async {
            Ok(match self {
                #[cfg(feature = "postgres")]
                Self::Postgres(options) => {
                    Link::Postgres(Held::Own(super::postgres::connect(options).await?))
                }
                #[cfg(feature = "postgres")]
                Self::PostgresPool(pool) => Link::Postgres(Held::Host(pool.acquire().await?)),
                #[cfg(feature = "mysql")]
                Self::MySql(options) => Link::MySql(Held::Own(super::mysql::connect(options).await?)),
                #[cfg(feature = "mysql")]
                Self::MySqlPool(pool) => Link::MySql(Held::Host(pool.acquire().await?)),
            })
        })
        .await
    }
}

/// At most so many connections at a time.
#[derive(Debug)]
pub(super) struct Pool {
    source: Source,
    room: Arc<Semaphore>,
    /// The one used last is used next.
    idle: Mutex<Vec<(Link, Instant)>>,
}

impl Pool {
    /// A pool without a connection yet.
    pub(super) fn new(source: Source, connections_max: usize) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(connections_max));
        Arc::new(Self { source, room, idle: Mutex::default() })
    }

    /// A connection that was alive a moment ago.
    pub(super) async fn acquire(self: &Arc<Self>) -> Done<Lent> {
        let permit = within(ACQUIRE_MAX, "waiting for a connection", async {
            let permit = Arc::clone(&self.room).acquire_owned().await;
            permit.map_err(|_| Failure::Store(StoreError::unavailable(Closed)))
        });
        let permit = permit.await?;
        let link = match self.kept().await {
            Some(link) => link,
            None => self.source.open().await?,
        };
        Ok(Lent { link: Some(link), pool: Arc::clone(self), _permit: permit })
    }

    /// An idle connection that answers. When one does not, the others that were idle as long are gone too.
    async fn kept(&self) -> Option<Link> {
        let (mut link, since) = self.idle().pop()?;
        if since.elapsed() < TRUSTED || link.is_alive().await {
            return Some(link);
        }
        tracing::info!("idle connections were lost");
        let lost: Vec<_> = self.idle().extract_if(.., |(_, other)| *other <= since).collect();
        drop(lost);
        None
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Link, Instant)>> {
        self.idle.lock().expect("nothing panics under this lock")
    }

    fn take_back(&self, link: Link) {
        if !self.source.is_own() || self.room.is_closed() {
            return;
        }
        let mut idle = self.idle();
        idle.push((link, Instant::now()));
        let outdated = idle.iter().take_while(|(_, since)| since.elapsed() > IDLE_MAX).count();
        let outdated: Vec<_> = idle.drain(..outdated).collect();
        drop(idle);
        drop(outdated);
    }

    /// Lends no more, and parts with all that are not lent.
    pub(super) async fn close(&self) {
        self.room.close();
        let idle = std::mem::take(&mut *self.idle());
        for (link, _) in idle {
            link.close().await;
        }
    }
}

/// A connection on loan. Dropping it cuts it, unless it was given back.
#[derive(Debug)]
pub(super) struct Lent {
    link: Option<Link>,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Lent {
    /// The connection.
    pub(super) const fn link(&mut self) -> &mut Link {
        self.link.as_mut().expect("it is taken only by giving back or dropping")
    }

    /// Gives it back, with no transaction open and no answer outstanding.
    pub(super) fn give_back(mut self) {
        if let Some(link) = self.link.take() {
            self.pool.take_back(link);
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            link.cut();
        }
    }
}
