//! Redis Pub/Sub: a channel for each topic.
//!
//! One connection tells, another hears: a subscriber's buffer on the server never stands in the way of what is told. In
//! a Redis Cluster [`RedisNotifier::connect_sharded`] keeps each topic on the shard of its name, so that more shards
//! carry more notices.

mod sharded;

use std::time::Duration;

use chat_core::delivery::{Inbound, Interest, Topic};
use chat_core::{Notice, Notifier};
use futures_util::StreamExt as _;
use redis::aio::{MultiplexedConnection, PubSub, PubSubSink};
use redis::{Client, RedisError, RedisResult, TlsCertificates};
use tokio::time::timeout;

use crate::courier::{self, Backoff, Courier, DEADLINE, Ear, Mouth, SILENCE_MAX};
use crate::frame::Sealer;
use crate::topic::Names;
use crate::{ConnectError, Settings};

/// Channels that are subscribed to by one command.
const CHANNELS_MAX: usize = 500;

/// A [`Notifier`] over Redis. Ends when the chat that has it ends.
#[derive(Debug)]
pub struct RedisNotifier {
    courier: Courier,
}

impl RedisNotifier {
    /// Tells and hears through the Redis at `redis://…` or `rediss://…`.
    ///
    /// # Errors
    /// [`ConnectError`] when it cannot be reached now; later it may come and go.
    pub async fn connect(url: &str, settings: Settings) -> Result<Self, ConnectError> {
        let client = client(url, &settings)?;
        let names = Names::new(settings.tenant, ':');
        let telling = within(DEADLINE, tells(&client)).await.map_err(unreachable)?;
        let hearing = within(DEADLINE, client.get_async_pubsub()).await.map_err(unreachable)?;
        let (courier, mouth, ear, end) = courier::courier(&settings);
        courier::spawn(&end, tell(mouth, client.clone(), names.clone(), telling));
        courier::spawn(&end, hear(ear, client, names, hearing));
        Ok(Self { courier })
    }
}

impl Notifier for RedisNotifier {
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

fn client(url: &str, settings: &Settings) -> Result<Client, ConnectError> {
    let made = match root_certificates(settings)? {
        Some(root_cert) => {
            Client::build_with_tls(url, TlsCertificates { client_tls: None, root_cert: Some(root_cert) })
        }
        None => Client::open(url),
    };
    made.map_err(|error| ConnectError::Url(error.into()))
}

fn root_certificates(settings: &Settings) -> Result<Option<Vec<u8>>, ConnectError> {
    settings.ca_file.as_ref().map(std::fs::read).transpose().map_err(ConnectError::Certificates)
}

fn unreachable(error: RedisError) -> ConnectError {
    ConnectError::Unreachable(error.into())
}

/// What takes too long is a connection that is broken.
async fn within<T>(most: Duration, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    timeout(most, work).await.unwrap_or_else(|late| Err(RedisError::from(std::io::Error::other(late))))
}

async fn tells(client: &Client) -> RedisResult<MultiplexedConnection> {
    client.get_multiplexed_async_connection().await
}

/// Tells what the engine says, on one connection after the other.
async fn tell(mut mouth: Mouth, client: Client, names: Names, first: MultiplexedConnection) {
    let (mut connection, mut backoff) = (Some(first), Backoff::default());
    while let Some(batch) = mouth.next().await {
        if connection.is_none() {
            connection = within(DEADLINE, tells(&client)).await.ok();
        }
        let told = match &mut connection {
            Some(open) => {
                let pipe = publish("PUBLISH", &names, &mut mouth.sealer, &batch);
                within(DEADLINE, pipe.query_async::<()>(open)).await.is_ok()
            }
            None => false,
        };
        if told {
            metrics::counter!("chat_notices_told").increment(batch.len() as u64);
            backoff.reset();
        } else {
            // Hints that are late are worth nothing: the others read the store by now.
            courier::dropped(batch.len(), "cut");
            connection = None;
            backoff.pause().await;
        }
    }
}

/// The commands that tell a batch.
fn publish(command: &str, names: &Names, sealer: &mut Sealer, batch: &[Notice]) -> redis::Pipeline {
    let mut pipe = redis::pipe();
    for notice in batch {
        let frame = sealer.seal(std::slice::from_ref(notice));
        pipe.cmd(command).arg(names.of(notice.topic())).arg(frame).ignore();
    }
    pipe
}

/// Hears what the others tell, on one connection after the other.
async fn hear(mut ear: Ear, client: Client, names: Names, first: PubSub) {
    let (mut next, mut backoff) = (Some(first), Backoff::default());
    loop {
        let connection = match next.take() {
            Some(open) => Ok(open),
            None => within(DEADLINE, client.get_async_pubsub()).await,
        };
        let broken = match connection {
            Ok(open) => listen(&mut ear, open, &names, &mut backoff).await,
            Err(error) => error,
        };
        tracing::warn!(error = %broken, "the line to the other nodes is cut, making it anew");
        ear.cut();
        backoff.pause().await;
    }
}

/// Listens until the connection is broken.
async fn listen(ear: &mut Ear, open: PubSub, names: &Names, backoff: &mut Backoff) -> RedisError {
    let (mut sink, mut messages) = open.split();
    if let Err(error) = change(&mut sink, names, ear.wants.all(), Vec::new()).await {
        return error;
    }
    ear.lost();
    let wants = std::sync::Arc::clone(&ear.wants);
    loop {
        tokio::select! {
            message = timeout(SILENCE_MAX, messages.next()) => match message {
                Ok(Some(message)) => {
                    backoff.reset();
                    ear.hear(message.get_payload_bytes());
                }
                Ok(None) | Err(_) => return RedisError::from(std::io::Error::other("nothing is heard")),
            },
            (come, gone) = wants.moved() => {
                if let Err(error) = change(&mut sink, names, come, gone).await {
                    return error;
                }
            }
        }
    }
}

async fn change(sink: &mut PubSubSink, names: &Names, come: Vec<Topic>, gone: Vec<Topic>) -> RedisResult<()> {
    for topics in come.chunks(CHANNELS_MAX) {
        let channels: Vec<String> = topics.iter().map(|topic| names.of(*topic)).collect();
        within(DEADLINE, sink.subscribe(channels)).await?;
    }
    for topics in gone.chunks(CHANNELS_MAX) {
        let channels: Vec<String> = topics.iter().map(|topic| names.of(*topic)).collect();
        within(DEADLINE, sink.unsubscribe(channels)).await?;
    }
    Ok(())
}
