//! NATS: a subject for each topic.
//!
//! The client makes its connection anew by itself and subscribes again; what this adds is that the engine is told when
//! something may have been missed, and that a line which is silent is taken for dead.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, Message};
use chat_core::delivery::{Inbound, Interest, Topic};
use chat_core::{Notice, Notifier};
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, SelectAll};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use crate::courier::{self, Backoff, Courier, DEADLINE, Ear, Mouth, SILENCE_MAX};
use crate::topic::Names;
use crate::{ConnectError, Settings};

/// How often the client asks the server whether it is there.
const PING_EVERY: Duration = Duration::from_secs(3);
/// The longest pause before the client connects again.
const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// Messages of one subject that wait to be heard.
const WAITING_MAX: usize = 1_024;

/// A [`Notifier`] over NATS. Ends when the chat that has it ends.
#[derive(Debug)]
pub struct NatsNotifier {
    courier: Courier,
}

impl NatsNotifier {
    /// Tells and hears through the NATS server at `nats://…` or `tls://…`.
    ///
    /// # Errors
    /// [`ConnectError`] when it cannot be reached now; later it may come and go.
    pub async fn connect(url: &str, settings: Settings) -> Result<Self, ConnectError> {
        let line = Arc::new(Line::default());
        let address: async_nats::ServerAddr =
            url.parse().map_err(|error: std::io::Error| ConnectError::Url(error.into()))?;
        let connecting = options(&settings, &line).connect(address);
        let client = timeout(DEADLINE, connecting)
            .await
            .map_err(|late| ConnectError::Unreachable(late.into()))?
            .map_err(|error| ConnectError::Unreachable(error.into()))?;
        let names = Names::new(settings.tenant, '.');
        let (courier, mouth, ear, end) = courier::courier(&settings);
        courier::spawn(&end, tell(mouth, client.clone(), names.clone()));
        courier::spawn(&end, hear(ear, client, names, line));
        Ok(Self { courier })
    }
}

impl Notifier for NatsNotifier {
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

/// What the client says of its line.
#[derive(Debug, Default)]
struct Line {
    moved: Notify,
    is_cut: AtomicBool,
}

impl Line {
    fn is(&self, cut: bool) {
        self.is_cut.store(cut, Ordering::Release);
        self.moved.notify_one();
    }
}

fn options(settings: &Settings, line: &Arc<Line>) -> ConnectOptions {
    let line = Arc::clone(line);
    let options = ConnectOptions::new()
        .ping_interval(PING_EVERY)
        .connection_timeout(DEADLINE)
        .subscription_capacity(WAITING_MAX)
        .reconnect_delay_callback(|attempts| {
            let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
            Duration::from_millis(50).saturating_mul(attempts).min(RECONNECT_MAX)
        })
        .event_callback(move |event| {
            let line = Arc::clone(&line);
            async move {
                match event {
                    Event::Connected | Event::SlowConsumer(_) => line.is(false),
                    Event::Disconnected => {
                        line.is(true);
                        tracing::warn!("the line to the other nodes is cut, making it anew");
                    }
                    other => tracing::debug!(%other, "the line to the other nodes"),
                }
            }
        });
    match &settings.ca_file {
        Some(path) => options.add_root_certificates(path.clone()),
        None => options,
    }
}

/// Tells what the engine says.
async fn tell(mut mouth: Mouth, client: Client, names: Names) {
    let mut backoff = Backoff::default();
    while let Some(batch) = mouth.next().await {
        let told = timeout(DEADLINE, async {
            for notice in &batch {
                let frame = mouth.sealer.seal(std::slice::from_ref(notice));
                client.publish(names.of(notice.topic()), frame.into()).await.map_err(|_| ())?;
            }
            client.flush().await.map_err(|_| ())
        });
        if matches!(told.await, Ok(Ok(()))) {
            metrics::counter!("chat_notices_told").increment(batch.len() as u64);
            backoff.reset();
        } else {
            courier::dropped(batch.len(), "cut");
            backoff.pause().await;
        }
    }
}

/// The subjects listened to; dropping a handle ends its subscription.
#[derive(Default)]
struct Subjects {
    messages: SelectAll<BoxStream<'static, Message>>,
    handles: HashMap<Topic, oneshot::Sender<()>>,
}

impl Subjects {
    async fn change(
        &mut self,
        client: &Client,
        names: &Names,
        come: Vec<Topic>,
        gone: Vec<Topic>,
    ) -> Result<(), async_nats::SubscribeError> {
        for topic in gone {
            self.handles.remove(&topic);
        }
        for topic in come {
            let messages = client.subscribe(names.of(topic)).await?;
            let (handle, end) = oneshot::channel::<()>();
            self.messages.push(messages.take_until(end).boxed());
            self.handles.insert(topic, handle);
        }
        Ok(())
    }
}

/// Hears what the others tell.
async fn hear(mut ear: Ear, client: Client, names: Names, line: Arc<Line>) {
    let mut backoff = Backoff::default();
    loop {
        if let Err(error) = listen(&mut ear, &client, &names, &line, &mut backoff).await {
            tracing::warn!(%error, "the other nodes cannot be heard, trying again");
        }
        ear.cut();
        // What the client itself takes for open may be dead.
        let _ = timeout(DEADLINE, client.force_reconnect()).await;
        backoff.pause().await;
    }
}

/// Listens until nothing is heard.
async fn listen(
    ear: &mut Ear,
    client: &Client,
    names: &Names,
    line: &Line,
    backoff: &mut Backoff,
) -> Result<(), async_nats::SubscribeError> {
    let mut subjects = Subjects::default();
    subjects.change(client, names, ear.wants.all(), Vec::new()).await?;
    ear.lost();
    let wants = Arc::clone(&ear.wants);
    loop {
        tokio::select! {
            // Without a subject there is nothing to hear yet.
            message = timeout(SILENCE_MAX, subjects.messages.next()), if !subjects.messages.is_empty() => {
                match message {
                    Ok(Some(message)) => {
                        backoff.reset();
                        ear.hear(&message.payload);
                    }
                    Ok(None) => {}
                    Err(_) => return Ok(()),
                }
            }
            () = line.moved.notified() => {
                if line.is_cut.load(Ordering::Acquire) {
                    ear.cut();
                } else {
                    ear.lost();
                }
            }
            (come, gone) = wants.moved() => subjects.change(client, names, come, gone).await?,
        }
    }
}
