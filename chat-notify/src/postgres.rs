//! PostgreSQL: one channel, at most one `NOTIFY` for what waits together.
//!
//! Committing a `NOTIFY` takes a lock of the whole server, and every listener of a channel gets everything: so what is
//! told is packed, and each node passes over what it does not need. A payload is text of less than 8000 bytes, hence
//! base64. A listener holds a connection of its own; behind a pooler it needs one that keeps sessions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chat_core::delivery::{Inbound, Interest, Topic};
use chat_core::{Notice, Notifier};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use tokio::time::timeout;

use crate::courier::{self, Backoff, Courier, DEADLINE, Ear, Mouth, SILENCE_MAX};
use crate::frame::Sealer;
use crate::{ConnectError, Settings, topic};

/// Bytes of a frame whose base64 stays below the payload's 8000.
const FRAME_BYTES_MAX: usize = 5_900;

/// A [`Notifier`] over PostgreSQL. Ends when the chat that has it ends.
#[derive(Debug)]
pub struct PostgresNotifier {
    courier: Courier,
}

impl PostgresNotifier {
    /// Tells and hears through the database at `postgres://…`, with two connections of its own.
    ///
    /// # Errors
    /// [`ConnectError`] when it cannot be reached now; later it may come and go.
    pub async fn connect(url: &str, settings: Settings) -> Result<Self, ConnectError> {
        let options = url.parse().map_err(|error: sqlx::Error| ConnectError::Url(error.into()))?;
        Self::over(Source::Own(Box::new(options)), settings).await
    }

    /// Tells and hears with connections of a pool, of which one is kept.
    ///
    /// # Errors
    /// [`ConnectError`] when the database cannot be reached now.
    pub async fn from_pool(pool: PgPool, settings: Settings) -> Result<Self, ConnectError> {
        Self::over(Source::Hosts(pool), settings).await
    }

    async fn over(source: Source, settings: Settings) -> Result<Self, ConnectError> {
        let channel = topic::channel(settings.tenant);
        let listener = within(listener(&source.pool(), &channel))
            .await
            .map_err(|error| ConnectError::Unreachable(error.into()))?;
        let (courier, mouth, ear, end) = courier::courier(&settings);
        courier::spawn(&end, tell(mouth, source.clone(), channel.clone()));
        courier::spawn(&end, hear(ear, source, channel, listener));
        Ok(Self { courier })
    }
}

impl Notifier for PostgresNotifier {
    fn notify(&self, notice: &Notice) {
        self.courier.notify(notice);
    }

    fn interest(&self, topic: Topic, interest: Interest) {
        self.courier.interest(topic, interest);
    }

    fn attach(&self, inbound: Inbound) {
        self.courier.attach(inbound);
    }
}

/// Where connections come from.
#[derive(Clone)]
enum Source {
    Own(Box<PgConnectOptions>),
    Hosts(PgPool),
}

impl Source {
    /// A pool for one line. An own one is new each time: a connection that has gone silent is waited for by the pool
    /// that it came from, for as long as TCP goes on trying.
    fn pool(&self) -> PgPool {
        match self {
            Self::Own(options) => {
                let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(DEADLINE);
                pool.connect_lazy_with(PgConnectOptions::clone(options))
            }
            Self::Hosts(pool) => pool.clone(),
        }
    }
}

/// What takes too long is a connection that is broken.
async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(DEADLINE, work).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

async fn listener(pool: &PgPool, channel: &str) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(channel).await?;
    Ok(listener)
}

/// Tells what the engine says.
async fn tell(mut mouth: Mouth, source: Source, channel: String) {
    let (mut pool, mut backoff) = (source.pool(), Backoff::default());
    while let Some(batch) = mouth.next().await {
        for notices in batch.chunks(Sealer::notices_max(FRAME_BYTES_MAX)) {
            let payload = STANDARD_NO_PAD.encode(mouth.sealer.seal(notices));
            let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(&channel).bind(payload).execute(&pool);
            if within(notify).await.is_ok() {
                metrics::counter!("chat_notices_told").increment(notices.len() as u64);
                backoff.reset();
            } else {
                courier::dropped(notices.len(), "cut");
                pool = source.pool();
                backoff.pause().await;
            }
        }
    }
}

/// Hears what the others tell, on one connection after the other.
async fn hear(mut ear: Ear, source: Source, channel: String, first: PgListener) {
    let (mut next, mut backoff) = (Some(first), Backoff::default());
    loop {
        let connection = match next.take() {
            Some(open) => Ok(open),
            None => within(listener(&source.pool(), &channel)).await,
        };
        let broken = match connection {
            Ok(open) => listen(&mut ear, open, &mut backoff).await,
            Err(error) => error,
        };
        tracing::warn!(error = %broken, "the line to the other nodes is cut, making it anew");
        ear.cut();
        backoff.pause().await;
    }
}

/// Listens until the connection is broken.
async fn listen(ear: &mut Ear, mut open: PgListener, backoff: &mut Backoff) -> sqlx::Error {
    ear.lost();
    loop {
        match timeout(SILENCE_MAX, open.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                backoff.reset();
                // What is no base64 is no frame, and is counted as one that is not.
                ear.hear(&STANDARD_NO_PAD.decode(notification.payload()).unwrap_or_default());
            }
            Ok(Ok(None)) => ear.cut(),
            Ok(Err(error)) => return error,
            Err(_) => return sqlx::Error::WorkerCrashed,
        }
    }
}
