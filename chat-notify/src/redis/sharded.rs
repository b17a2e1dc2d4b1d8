//! Sharded Pub/Sub in a Redis Cluster.
//!
//! The cluster's own client follows slots that move and nodes that come back, and subscribes anew by itself. What it
//! pushes goes through a bounded queue: what does not fit is told as lost.

use std::collections::HashSet;
use std::sync::Arc;

use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{FromRedisValue as _, ProtocolVersion, PushInfo, PushKind, RedisResult, TlsCertificates};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::{RedisNotifier, publish, root_certificates, unreachable, within};
use crate::courier::{self, Backoff, DEADLINE, Ear, Mouth, SILENCE_MAX};
use crate::topic::Names;
use crate::{ConnectError, Settings};

/// Pushed messages that wait to be heard.
const PUSHED_MAX: usize = 4_096;

/// What the client pushes, and that it had to leave something out.
struct Pushed {
    messages: mpsc::Receiver<PushInfo>,
    lost: Arc<Notify>,
}

impl RedisNotifier {
    /// Tells and hears through a Redis Cluster, each topic on the shard of its name.
    ///
    /// # Errors
    /// [`ConnectError`] when none of its nodes can be reached now.
    pub async fn connect_sharded(urls: &[&str], settings: Settings) -> Result<Self, ConnectError> {
        let (push, messages) = mpsc::channel(PUSHED_MAX);
        let lost = Arc::new(Notify::new());
        let missed = Arc::clone(&lost);
        let mut builder = ClusterClient::builder(urls.iter().copied())
            .use_protocol(ProtocolVersion::RESP3)
            .connection_timeout(DEADLINE)
            .response_timeout(DEADLINE)
            .push_sender(move |pushed: PushInfo| push.try_send(pushed).inspect_err(|_| missed.notify_one()));
        if let Some(root_cert) = root_certificates(&settings)? {
            builder = builder.certs(TlsCertificates { client_tls: None, root_cert: Some(root_cert) });
        }
        let client = builder.build().map_err(|error| ConnectError::Url(error.into()))?;
        let connection = within(DEADLINE, client.get_async_connection()).await.map_err(unreachable)?;
        let names = Names::new(settings.tenant, ':');
        let (courier, mouth, ear, end) = courier::courier(&settings);
        courier::spawn(&end, tell(mouth, connection.clone(), names.clone()));
        courier::spawn(&end, hear(ear, connection, names, Pushed { messages, lost }));
        Ok(Self { courier })
    }
}

async fn tell(mut mouth: Mouth, mut connection: ClusterConnection, names: Names) {
    let mut backoff = Backoff::default();
    while let Some(batch) = mouth.next().await {
        let mut told = Ok(());
        for notice in &batch {
            // A pipeline goes to one shard: each notice finds its own.
            let pipe = publish("SPUBLISH", &names, &mut mouth.sealer, std::slice::from_ref(notice));
            told = told.and(within(DEADLINE, pipe.query_async::<()>(&mut connection)).await);
            if told.is_err() {
                break;
            }
        }
        if told.is_ok() {
            metrics::counter!("chat_notices_told").increment(batch.len() as u64);
            backoff.reset();
        } else {
            courier::dropped(batch.len(), "cut");
            backoff.pause().await;
        }
    }
}

async fn hear(mut ear: Ear, mut connection: ClusterConnection, names: Names, mut pushed: Pushed) {
    let mut backoff = Backoff::default();
    loop {
        let broken = listen(&mut ear, &mut connection, &names, &mut pushed).await;
        tracing::warn!(error = ?broken.err(), "the line to the other nodes is cut, making it anew");
        ear.cut();
        backoff.pause().await;
    }
}

/// Listens until a command fails or nothing is heard; the connection mends itself meanwhile.
async fn listen(
    ear: &mut Ear,
    connection: &mut ClusterConnection,
    names: &Names,
    pushed: &mut Pushed,
) -> RedisResult<()> {
    let mut asked = HashSet::new();
    for topic in ear.wants.all() {
        subscribe(connection, names.of(topic), &mut asked).await?;
    }
    ear.lost();
    let wants = Arc::clone(&ear.wants);
    loop {
        tokio::select! {
            message = timeout(SILENCE_MAX, pushed.messages.recv()) => match message {
                Ok(Some(push)) => take(ear, &push, &mut asked),
                Ok(None) | Err(_) => return Ok(()),
            },
            () = pushed.lost.notified() => ear.lost(),
            (come, gone) = wants.moved() => {
                for topic in come {
                    subscribe(connection, names.of(topic), &mut asked).await?;
                }
                for topic in gone {
                    let channel = names.of(topic);
                    asked.remove(&channel);
                    within(DEADLINE, connection.sunsubscribe(channel)).await?;
                }
            }
        }
    }
}

/// Asks for a channel; that it is given is pushed.
async fn subscribe(
    connection: &mut ClusterConnection,
    channel: String,
    asked: &mut HashSet<String>,
) -> RedisResult<()> {
    asked.insert(channel.clone());
    within(DEADLINE, connection.ssubscribe(channel)).await
}

fn take(ear: &mut Ear, push: &PushInfo, asked: &mut HashSet<String>) {
    match (&push.kind, push.data.get(1)) {
        (PushKind::SMessage, Some(payload)) => {
            if let Ok(frame) = Vec::<u8>::from_redis_value_ref(payload) {
                ear.hear(&frame);
            }
        }
        (PushKind::Disconnection, _) => ear.cut(),
        (PushKind::SSubscribe, _) => {
            let channel = push.data.first().and_then(|channel| String::from_redis_value_ref(channel).ok());
            // The connection has subscribed anew by itself: what was told in between is lost.
            if !channel.is_some_and(|channel| asked.remove(&channel)) {
                ear.lost();
            }
        }
        (PushKind::SUnsubscribe, _) => ear.lost(),
        _ => {}
    }
}
