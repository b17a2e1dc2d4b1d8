//! The task behind a client: it keeps a line to the server, goes on where it was when one is cut, and asks again what
//! was not answered, in the order in which it was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::backoff::{self, Backoff};
use super::event::{Event, Fault, Over};
use super::line::{Heard, Line, NoLine};
use super::model::{Added, Envelope, Hello, Pushed, Refused, Standing, Synced};
use super::options::{Last, NoToken, Options};
use super::position::Position;

/// Requests without an answer at a time; more wait with whoever asks.
const REQUESTS_MAX: usize = 1024;

/// Heartbeats that may go by without any sign of the server.
const SILENT_HEARTBEATS_MAX: u32 = 3;

/// How long the first frame may take.
const HELLO: Duration = Duration::from_secs(30);

/// Conversations named in one part of a `sync`, where the server sets no other bound.
const SYNC_CONVERSATIONS_MAX: u64 = 500;

/// The close code of a refused token or an ended login; HTTP says 401.
const REFUSED: u16 = 4401;

/// Something an application wants.
pub(super) struct Ask {
    pub(super) request: Map<String, Value>,
    pub(super) answer: oneshot::Sender<Result<String, Refused>>,
}

/// Why a line is not there any more.
#[derive(Clone, Copy, Debug)]
enum Lost {
    /// It was cut, or closed with this code.
    Cut { code: Option<u16>, retry_after: Option<Duration> },
    /// It is over.
    Over(Over),
}

/// A request without an answer.
struct Open {
    frame: String,
    answer: oneshot::Sender<Result<String, Refused>>,
}

/// See the module.
pub(super) struct Driver {
    options: Options,
    asks: mpsc::Receiver<Ask>,
    events: mpsc::Sender<Event>,
    position: Position,
    next_id: u64,
    /// By id, which is the order in which they were asked.
    open: BTreeMap<u64, Open>,
    /// Parts of the `sync` of this line that are not answered.
    syncing: BTreeSet<u64>,
    /// The epoch of this line's server, as soon as it has said hello.
    epoch: Option<String>,
    last_token: Last,
    backoff: Backoff,
}

impl Driver {
    pub(super) fn new(options: Options, asks: mpsc::Receiver<Ask>, events: mpsc::Sender<Event>) -> Self {
        Self {
            position: options.position.clone(),
            backoff: Backoff::new(options.first_wait, options.longest_wait),
            options,
            asks,
            events,
            next_id: 1,
            open: BTreeMap::new(),
            syncing: BTreeSet::new(),
            epoch: None,
            last_token: Last::Accepted,
        }
    }

    /// Works until nobody asks any more, or the server does not let it in.
    pub(super) async fn run(mut self) {
        let over = loop {
            match self.one_line().await {
                Lost::Over(over) => break over,
                Lost::Cut { code, retry_after } => {
                    let wait = self.backoff.next(backoff::chance()).max(retry_after.unwrap_or_default());
                    self.pass(Event::Disconnected { code, retry_after: wait }).await;
                    if let Err(over) = self.wait(wait).await {
                        break over;
                    }
                }
            }
        };
        // Those who wait for answers see that there is nobody left to give any.
        self.pass(Event::Over(over)).await;
    }

    /// Takes what is asked until it is time to try again.
    async fn wait(&mut self, wait: Duration) -> Result<(), Over> {
        let until = Instant::now() + wait;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return Ok(()),
                ask = self.asks.recv(), if self.open.len() < REQUESTS_MAX => {
                    self.take(ask.ok_or(Over::Closed)?);
                }
            }
        }
    }

    /// The life of one line.
    async fn one_line(&mut self) -> Lost {
        let mut line = match self.connect().await {
            Ok(line) => line,
            Err(lost) => return lost,
        };
        self.syncing.clear();
        self.epoch = None;
        let (mut patience, mut last_heard) = (HELLO, Instant::now());
        loop {
            let lost = tokio::select! {
                heard = line.next() => {
                    last_heard = Instant::now();
                    match heard {
                        Heard::Ping => None,
                        Heard::Text(text) => self.hear(&mut line, &text, &mut patience).await.err(),
                        Heard::End(code) => Some(self.ended(code, None)),
                    }
                }
                ask = self.asks.recv(), if self.epoch.is_some() && self.open.len() < REQUESTS_MAX => match ask {
                    Some(ask) => {
                        let id = self.take(ask);
                        line.send(self.open[&id].frame.clone());
                        None
                    }
                    None => Some(Lost::Over(Over::Closed)),
                },
                () = tokio::time::sleep_until(last_heard + patience) => Some(Lost::Cut { code: None, retry_after: None }),
            };
            if let Some(lost) = lost {
                line.close().await;
                return lost;
            }
        }
    }

    async fn connect(&mut self) -> Result<Line, Lost> {
        let cut = Lost::Cut { code: None, retry_after: None };
        let token = match self.options.tokens.token(self.last_token).await {
            Ok(token) => token,
            Err(NoToken::Over) => return Err(Lost::Over(Over::Refused)),
            Err(NoToken::NotNow) => return Err(cut),
        };
        Line::open(&self.options.url, &token).await.map_err(|no_line| match no_line {
            NoLine::NotNow => cut,
            NoLine::Refused => self.ended(Some(REFUSED), None),
        })
    }

    /// What it means that a line has ended with this code. A refusal is final when a newer token is refused too.
    fn ended(&mut self, code: Option<u16>, retry_after: Option<Duration>) -> Lost {
        if code == Some(REFUSED) {
            if self.last_token == Last::Refused {
                return Lost::Over(Over::Refused);
            }
            self.last_token = Last::Refused;
        }
        Lost::Cut { code, retry_after }
    }

    /// Gives a request its id and keeps it until it is answered.
    fn take(&mut self, Ask { mut request, answer }: Ask) -> u64 {
        let id = self.new_id();
        request.insert("id".to_owned(), json!(id));
        self.open.insert(id, Open { frame: Value::Object(request).to_string(), answer });
        id
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    async fn hear(&mut self, line: &mut Line, text: &str, patience: &mut Duration) -> Result<(), Lost> {
        let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(text) else {
            self.unreadable(text).await;
            return Ok(());
        };
        match (envelope.id, &*envelope.kind) {
            (Some(id), kind) => self.answered(line, id, kind, text).await,
            (None, "error") => self.unreadable(text).await,
            (None, _) => match serde_json::from_str(text) {
                Ok(Pushed::Hello(hello)) => {
                    *patience = Duration::from_millis(hello.heartbeat_ms) * SILENT_HEARTBEATS_MAX;
                    self.greeted(line, hello).await;
                }
                Ok(Pushed::Closing { code, retry_after_ms }) => {
                    return Err(self.ended(Some(code), retry_after_ms.map(Duration::from_millis)));
                }
                Ok(pushed) => self.pushed(pushed).await,
                Err(_) => self.unreadable(text).await,
            },
        }
        Ok(())
    }

    /// A line stands: it is told what the client has, and asked again what it has not answered.
    async fn greeted(&mut self, line: &mut Line, hello: Box<Hello>) {
        self.backoff.reset();
        self.last_token = Last::Accepted;
        self.epoch = Some(hello.epoch.clone());
        let part = hello.limits.get("sync_conversations_max").and_then(Value::as_u64);
        for request in self.position.syncs(part.unwrap_or(SYNC_CONVERSATIONS_MAX)) {
            self.sync(line, request);
        }
        for open in self.open.values() {
            line.send(open.frame.clone());
        }
        self.pass(Event::Connected(hello)).await;
    }

    fn sync(&mut self, line: &mut Line, mut request: Value) {
        let id = self.new_id();
        request["id"] = json!(id);
        request["type"] = json!("sync");
        self.syncing.insert(id);
        line.send(request.to_string());
    }

    async fn answered(&mut self, line: &mut Line, id: u64, kind: &str, text: &str) {
        if self.syncing.remove(&id) {
            match serde_json::from_str(text) {
                Ok(synced) if kind == "ok" => self.synced(line, synced).await,
                _ => self.unreadable(text).await,
            }
            return;
        }
        let Some(open) = self.open.remove(&id) else {
            return self.pass(Event::Fault(Fault::Unasked(id))).await;
        };
        let answer = match serde_json::from_str::<Refused>(text) {
            Ok(refused) if kind == "error" => Err(refused),
            _ => Ok(text.to_owned()),
        };
        // Whoever asked may not be waiting any more.
        let _ = open.answer.send(answer);
    }

    /// What the server tells of what the client has and has not.
    async fn synced(&mut self, line: &mut Line, synced: Synced) {
        let friends = synced.friends;
        if friends.reset || !friends.items.is_empty() || self.position.friends.is_none() {
            let (reset, items, cursor) = (friends.reset, friends.items, friends.cursor);
            self.pass(Event::Friendships { reset, items, cursor }).await;
        }
        for (conversation, standing) in synced.conversations {
            match standing {
                Standing::Complete => {}
                Standing::Reset { head } => self.pass(Event::Reset { conversation, head }).await,
                Standing::Gone => self.pass(Event::Gone(conversation)).await,
            }
        }
        for new in synced.new.items {
            self.pass(Event::New(Box::new(new))).await;
        }
        if let Some(next) = synced.new.next {
            self.sync(line, json!({ "next": next }));
        }
        if let (true, Some(epoch)) = (self.syncing.is_empty(), self.epoch.clone()) {
            self.pass(Event::Synced { epoch }).await;
        }
    }

    async fn pushed(&mut self, pushed: Pushed) {
        let event = match pushed {
            Pushed::Entry(entry) => Event::Entry(entry),
            Pushed::Receipt(receipt) => Event::Receipt(receipt),
            Pushed::Typing(typing) => Event::Typing(typing),
            Pushed::Presence(presence) => Event::Presence(presence),
            Pushed::Friendship { cursor, friendship } => Event::Friendship { friendship, cursor },
            Pushed::Conversation(Added::Gone { id, .. }) => Event::Gone(id),
            Pushed::Conversation(Added::Summary(conversation)) => Event::Conversation(conversation),
            Pushed::Reset { conversation, head } => Event::Reset { conversation, head },
            // The first two are taken where the line is; the last is a newer server's.
            Pushed::Hello(_) | Pushed::Closing { .. } | Pushed::Unknown => return,
        };
        self.pass(event).await;
    }

    async fn unreadable(&mut self, text: &str) {
        self.pass(Event::Fault(Fault::Unreadable(text.to_owned()))).await;
    }

    /// Tells the application, unless it has been told before: an entry that comes again is only a fault.
    async fn pass(&mut self, event: Event) {
        let fault = self.position.fault(&event);
        let is_repeated = matches!(fault, Some(Fault::Repeated { .. }));
        if !is_repeated {
            self.position.advance(&event);
        }
        let events = fault.map(Event::Fault).into_iter().chain((!is_repeated).then_some(event));
        for event in events {
            // An application that does not listen may still ask.
            let _ = self.events.send(event).await;
        }
    }
}
