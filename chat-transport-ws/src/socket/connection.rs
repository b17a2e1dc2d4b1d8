//! A socket whose owner is known: its frames become commands, replies and events become frames.
//!
//! One task does it all, in this order at every turn: replies that are ready, then events, then the connection itself.
//! So whatever is ready goes out in one write, and a `sync` is answered before the first entry that follows it.
//! Requests are begun in the order in which they come and many are under way at once; when too many are, or the peer
//! does not take what it is sent, nothing more is read.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chat_core::delivery::{Ended, Session};
use chat_core::{Event, Refusal};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::Instrument as _;

use super::Door;
use super::close::{Close, Ending};
use super::entrance::refused;
use super::frame::{Incoming, Opcode};
use super::pulse::Beat;
use super::stream::{Broken, FrameStream, Reading, Turn};
use super::strikes::Strikes;
use crate::auth::{Credentials, Identity};
use crate::limit::{Act, RetryAfter, Used};
use crate::problem::{Code, Failure};
use crate::wire::{self, Asked, Malformed, Request};

/// Requests of one socket that may be under way. One more is not read before one is answered.
const REQUESTS_MAX: usize = 64;

/// Frames that cannot be parsed and end a socket when they come within 10 s.
const MALFORMED_MAX: usize = 3;

/// Refusals as `rate_limited` that end a socket when they come within 10 s.
const REFUSED_MAX: usize = 100;

/// Pings that may go without any sign of life.
const SILENT_BEATS_MAX: u8 = 2;

/// How long a socket that is being closed waits for the answers to what was asked before.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// A request under way; it ends in the frame that answers it.
type Answering = Pin<Box<dyn Future<Output = Bytes> + Send>>;

/// A socket and its session.
pub(super) struct Connection<Io> {
    door: Arc<Door>,
    stream: FrameStream<Io>,
    session: Session,
    identity: Identity,
    /// Requests under way. `None` while there are none, which is nearly always.
    answers: Option<FuturesUnordered<Answering>>,
    frames: Used,
    malformed: Strikes,
    refused: Strikes,
    beat: Beat,
    /// Beats since anything came.
    silent_beats: u8,
    span: tracing::Span,
}

/// Why the loop turns.
enum Wake {
    Beat,
    Answer(Option<Bytes>),
    Event(Result<Event, Ended>),
    Stream(Result<Turn, Broken>),
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Connection<Io> {
    pub(super) fn new(
        door: Arc<Door>,
        stream: FrameStream<Io>,
        session: Session,
        identity: Identity,
    ) -> Self {
        let span = tracing::debug_span!(
            "socket",
            connection = %session.connection(),
            user = %identity.user,
            session = identity.session.map(tracing::field::display),
        );
        Self {
            beat: door.pulse.join(),
            door,
            stream,
            session,
            identity,
            answers: None,
            frames: Used::default(),
            malformed: Strikes::default(),
            refused: Strikes::default(),
            silent_beats: 0,
            span,
        }
    }

    /// Queues a frame of text.
    pub(super) fn tell(&mut self, text: &[u8]) {
        self.stream.queue(Opcode::Text, text);
    }

    /// Serves until one of the two has enough. What is left to be said is the caller's to say.
    pub(super) async fn serve(&mut self) -> Ending {
        let ending = match self.turns().await {
            Ok(never) => match never {},
            Err(ending) => ending,
        };
        if let Ending::Answered(_) = ending {
            // What takes longer than this is not waited for: the peer repeats it elsewhere.
            let _ = tokio::time::timeout(LAST_ANSWERS, self.last_answers()).await;
        }
        tracing::debug!(parent: &self.span, code = ending.code(), "socket ends");
        ending
    }

    /// The connection alone, without the session.
    pub(super) fn into_stream(self) -> FrameStream<Io> {
        self.stream
    }

    async fn turns(&mut self) -> Result<std::convert::Infallible, Ending> {
        loop {
            self.take_frames()?;
            let has_room = self.stream.has_room();
            let reading =
                if has_room && self.under_way() < REQUESTS_MAX { Reading::Wanted } else { Reading::NotNow };
            let wake = tokio::select! {
                biased;
                () = self.beat.next() => Wake::Beat,
                answer = next_answer(&mut self.answers), if has_room => Wake::Answer(answer),
                event = self.session.next(), if has_room => Wake::Event(event),
                turn = self.stream.turn(reading) => Wake::Stream(turn),
            };
            match wake {
                Wake::Beat => self.beat(reading)?,
                Wake::Answer(Some(frame)) => self.tell(&frame),
                Wake::Answer(None) => self.answers = None,
                Wake::Event(Ok(event)) => self.pass_on(event),
                Wake::Event(Err(ended)) => return Err(ended.into()),
                Wake::Stream(Ok(Turn::Heard)) => self.silent_beats = 0,
                Wake::Stream(Ok(Turn::Room)) => {}
                Wake::Stream(Err(broken)) => return Err(self.broken(broken)),
            }
        }
    }

    fn under_way(&self) -> usize {
        self.answers.as_ref().map_or(0, FuturesUnordered::len)
    }

    /// Queues an event and those behind it, so that they go out together.
    fn pass_on(&mut self, event: Event) {
        let mut next = Some(event);
        while let Some(event) = next {
            let frame = wire::event(&event, self.identity.user);
            self.tell(&frame);
            next = if self.stream.has_room() { self.session.try_next() } else { None };
        }
    }

    /// Asks for a sign of life, unless the last ones were in vain. A peer that is not listened to need not answer.
    fn beat(&mut self, reading: Reading) -> Result<(), Ending> {
        if reading == Reading::NotNow {
            return Ok(());
        }
        if self.silent_beats >= SILENT_BEATS_MAX {
            return Err(Ending::Gone);
        }
        self.silent_beats += 1;
        self.stream.queue(Opcode::Ping, &[]);
        Ok(())
    }

    fn broken(&self, broken: Broken) -> Ending {
        match broken {
            Broken::Gone => Ending::Gone,
            Broken::Unfinished => Ending::Answered(Close::TooSlow),
            Broken::TakesNothing => {
                self.door.meters.slow.increment(1);
                Ending::Now(Close::TooSlow)
            }
        }
    }

    /// Acts on the frames that have come.
    fn take_frames(&mut self) -> Result<(), Ending> {
        while self.under_way() < REQUESTS_MAX && self.stream.has_room() {
            match self.stream.next().map_err(|fault| Ending::Answered(fault.into()))? {
                None => break,
                Some(Incoming::Text(text)) => {
                    let request = wire::parse(text, Some(self.identity.user));
                    self.take(request)?;
                }
                Some(Incoming::Close(code)) => return Err(Ending::ByPeer(code)),
                Some(Incoming::Ping(payload)) => {
                    let payload = payload.to_vec();
                    match self.charge() {
                        Ok(()) => self.stream.queue(Opcode::Pong, &payload),
                        Err(_) => self.strike_refused()?,
                    }
                }
                Some(Incoming::Pong | Incoming::Fragment) => {
                    if self.charge().is_err() {
                        self.strike_refused()?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Counts a frame, whatever it is.
    fn charge(&mut self) -> Result<(), RetryAfter> {
        self.door.limiter.check_frame(&mut self.frames)
    }

    /// Acts on a message: whatever it is, it gets one answer.
    fn take(&mut self, request: Result<Request, Malformed>) -> Result<(), Ending> {
        let charged = self.charge();
        let Request { id, what } = match request {
            Ok(request) => request,
            Err(Malformed { reason }) => return self.refuse_malformed(reason),
        };
        match charged.map_err(rate_limited).and(what).and_then(|incoming| self.begin(id, incoming)) {
            Ok(()) => Ok(()),
            Err(failure) => self.refuse(id, &failure),
        }
    }

    /// Begins what a request asks.
    fn begin(&mut self, id: u64, incoming: wire::Incoming) -> Result<(), Failure> {
        match incoming {
            wire::Incoming::Command(command) => {
                if let Some(act) = Act::of(self.identity.user, &command) {
                    self.door.limiter.check(act).map_err(rate_limited)?;
                }
                let asked = Asked::new(id, self.identity.user, &command);
                let reply = self.session.handle(command);
                self.go_on_with(async move {
                    match reply.await {
                        Ok(reply) => wire::reply(&asked, &reply),
                        Err(error) => wire::failure(Some(id), &Failure::from(&error)),
                    }
                });
            }
            wire::Incoming::Auth { token, .. } => {
                self.go_on_with(renew(Arc::clone(&self.door), self.identity, id, token));
            }
        }
        Ok(())
    }

    fn go_on_with(&mut self, answering: impl Future<Output = Bytes> + Send + 'static) {
        let answering = Box::pin(answering.instrument(self.span.clone()));
        self.answers.get_or_insert_default().push(answering);
    }

    fn refuse(&mut self, id: u64, failure: &Failure) -> Result<(), Ending> {
        self.tell(&wire::failure(Some(id), failure));
        if failure.code == Code::RateLimited {
            self.strike_refused()?;
        }
        Ok(())
    }

    fn strike_refused(&mut self) -> Result<(), Ending> {
        self.door.meters.rate_limited.increment(1);
        if self.refused.strike(self.door.chat.clock().monotonic(), REFUSED_MAX) {
            return Err(Ending::Answered(Close::TooMuch));
        }
        Ok(())
    }

    fn refuse_malformed(&mut self, reason: Cow<'static, str>) -> Result<(), Ending> {
        self.tell(&wire::failure(None, &Failure::new(Code::Malformed, reason)));
        if self.malformed.strike(self.door.chat.clock().monotonic(), MALFORMED_MAX) {
            return Err(Ending::Answered(Close::Malformed));
        }
        Ok(())
    }

    /// Queues the answers to what is under way, and sends them.
    async fn last_answers(&mut self) {
        while self.under_way() > 0 || !self.stream.has_room() {
            let has_room = self.stream.has_room();
            tokio::select! {
                biased;
                answer = next_answer(&mut self.answers), if has_room => match answer {
                    Some(frame) => self.tell(&frame),
                    None => return,
                },
                turn = self.stream.turn(Reading::NotNow) => if turn.is_err() { return },
            }
        }
    }
}

/// The next answer that is ready; `None` when nothing is under way any more.
async fn next_answer(answers: &mut Option<FuturesUnordered<Answering>>) -> Option<Bytes> {
    match answers {
        Some(answers) => answers.next().await,
        None => std::future::pending().await,
    }
}

/// Shows a newer token. It must be of the same person and login: a socket never changes hands.
async fn renew(door: Arc<Door>, identity: Identity, id: u64, token: String) -> Bytes {
    let failure = match door.authenticator.authenticate(Credentials::Token(&token)).await {
        Ok(newer) if (newer.user, newer.session) == (identity.user, identity.session) => {
            return wire::done(id);
        }
        Ok(_) => Refusal::Forbidden.into(),
        Err(error) => refused(&error),
    };
    wire::failure(Some(id), &failure)
}

fn rate_limited(RetryAfter(after): RetryAfter) -> Failure {
    Failure::new(Code::RateLimited, "too often").retry_after(after)
}

impl From<Ended> for Ending {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Revoked => Self::Now(Close::Unauthenticated),
            _ => Self::Answered(Close::ShuttingDown),
        }
    }
}
