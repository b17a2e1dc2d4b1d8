//! The bytes of a socket: what comes goes through the decoder, what is to be sent waits in one queue.
//!
//! Everything that is ready to be sent is queued first and then written at once; nothing is written message by message.
//! The queue is bounded by whoever fills it asking [`FrameStream::has_room`] first, and an idle stream holds no memory
//! for either direction. A peer that takes nothing, or never ends what it began, is given [`PATIENCE`].

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::frame::{self, Decoder, Fault, Incoming, Opcode};
use super::meters::Meters;

/// How long a peer may take nothing of what is sent to it, or leave a message unfinished.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How long a peer may take to see a close and answer it.
const FAREWELL: Duration = Duration::from_secs(2);

/// Bytes waiting to be sent from which on nothing is added: what a peer that does not read costs, and one frame.
const QUEUE_BYTES_MAX: usize = 32 * 1024;

/// The first allocation of a queue.
const QUEUE_BYTES_MIN: usize = 1024;

/// Bytes read at once.
const READ_BYTES: usize = 4096;

/// Whether frames are wanted now. If not, the peer has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Wanted,
    NotNow,
}

/// What has happened to a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Something came; see [`FrameStream::next`].
    Heard,
    /// The queue has room again.
    Room,
}

/// Why nothing more happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Broken {
    /// The connection has ended, with an error or without.
    Gone,
    /// The peer has taken nothing for too long.
    TakesNothing,
    /// The peer has begun a message and never ended it.
    Unfinished,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Frames over a connection.
pub(super) struct FrameStream<Io> {
    io: Io,
    decoder: Decoder,
    /// Encoded frames. Those bytes before `sent` are with the connection.
    queue: Vec<u8>,
    sent: usize,
    /// Frames in the queue; counted when it has been sent, since a shared counter costs more than a frame.
    queued: u64,
    /// Runs while the peer takes nothing.
    stalled: Patience,
    /// Runs while a message is unfinished.
    unfinished: Patience,
    meters: Arc<Meters>,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> FrameStream<Io> {
    pub(super) fn new(io: Io, message_bytes_max: usize, meters: Arc<Meters>) -> Self {
        Self {
            io,
            decoder: Decoder::new(message_bytes_max),
            queue: Vec::new(),
            sent: 0,
            queued: 0,
            stalled: Patience::default(),
            unfinished: Patience::default(),
            meters,
        }
    }

    /// Whether more may be queued.
    pub(super) fn has_room(&self) -> bool {
        self.queue.len() - self.sent < QUEUE_BYTES_MAX
    }

    /// Queues a frame. It is sent by the next [`Self::turn`].
    pub(super) fn queue(&mut self, opcode: Opcode, payload: &[u8]) {
        if self.queue.capacity() == 0 {
            self.queue.reserve(QUEUE_BYTES_MIN);
        }
        if self.sent >= QUEUE_BYTES_MAX {
            self.queue.drain(..self.sent);
            self.sent = 0;
        }
        self.queued += 1;
        frame::encode(&mut self.queue, opcode, payload);
    }

    /// The next of what came. Asked until it says `None` before the next [`Self::turn`] that wants to read.
    pub(super) fn next(&mut self) -> Result<Option<Incoming<'_>>, Fault> {
        let next = self.decoder.next();
        if let Ok(Some(incoming)) = &next {
            self.meters.frames_in.increment(1);
            if matches!(incoming, Incoming::Text(_)) {
                self.unfinished.stop();
            }
        }
        next
    }

    /// Sends what is queued until something happens. Cancel-safe.
    pub(super) async fn turn(&mut self, reading: Reading) -> Result<Turn, Broken> {
        poll_fn(|cx| self.poll_turn(cx, reading)).await
    }

    /// Sends what is queued, a close frame at its end, and waits a moment until the peer has answered it: a connection
    /// that is dropped with unread bytes in it is reset, and a reset can overtake the close.
    pub(super) async fn finish(mut self, peer: Peer) {
        let farewell = async {
            poll_fn(|cx| self.poll_flush(cx)).await?;
            if peer == Peer::Answers {
                self.until_closed().await?;
            }
            poll_fn(|cx| Pin::new(&mut self.io).poll_shutdown(cx)).await?;
            while poll_fn(|cx| self.poll_read(cx, |_, _| ())).await? > 0 {}
            io::Result::Ok(())
        };
        // Who does not answer in time, or breaks off, has been told what there is to tell.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }

    /// Reads on until the peer's close frame.
    async fn until_closed(&mut self) -> io::Result<()> {
        loop {
            match self.decoder.next() {
                Ok(Some(Incoming::Close(_))) | Err(_) => return Ok(()),
                Ok(Some(_)) => {}
                Ok(None) => {
                    if poll_fn(|cx| self.poll_read(cx, Decoder::push)).await? == 0 {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>, reading: Reading) -> Poll<Result<Turn, Broken>> {
        let was_full = !self.has_room();
        if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
            return Poll::Ready(Err(error.into()));
        }
        if was_full && self.has_room() {
            return Poll::Ready(Ok(Turn::Room));
        }
        if self.stalled.poll(cx).is_ready() {
            return Poll::Ready(Err(Broken::TakesNothing));
        }
        match reading {
            Reading::Wanted => self.poll_heard(cx),
            Reading::NotNow => Poll::Pending,
        }
    }

    fn poll_heard(&mut self, cx: &mut Context<'_>) -> Poll<Result<Turn, Broken>> {
        match self.poll_read(cx, Decoder::push) {
            Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(Broken::Gone)),
            Poll::Ready(Ok(_)) => return Poll::Ready(Ok(Turn::Heard)),
            Poll::Pending => {}
        }
        if self.decoder.is_unfinished() {
            self.unfinished.start();
        } else {
            self.unfinished.stop();
        }
        self.unfinished.poll(cx).map(|()| Err(Broken::Unfinished))
    }

    /// Reads once, over a buffer on the stack: a socket that waits needs none of its own.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut Decoder, &[u8]),
    ) -> Poll<io::Result<usize>> {
        let mut buffer = [MaybeUninit::uninit(); READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut buffer);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
        let read = buffer.filled();
        take(&mut self.decoder, read);
        self.meters.bytes_in.increment(read.len() as u64);
        Poll::Ready(Ok(read.len()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.queue.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let flushed = self.poll_write(cx);
        match flushed {
            Poll::Pending => self.stalled.start(),
            Poll::Ready(_) => {
                self.stalled.stop();
                self.meters.frames_out.increment(std::mem::take(&mut self.queued));
                self.queue = Vec::new();
                self.sent = 0;
            }
        }
        flushed
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.queue.len() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.queue[self.sent..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
            self.stalled.stop();
            self.meters.bytes_out.increment(written as u64);
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }
}

/// Whether a peer can still be expected to answer a close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// It can.
    Answers,
    /// It has sent its close, or its frames make no sense any more.
    IsDone,
}

/// A deadline that costs a pointer while nothing is waited for.
#[derive(Debug, Default)]
struct Patience(Option<Pin<Box<Sleep>>>);

impl Patience {
    /// Begins to wait, unless that has begun.
    fn start(&mut self) {
        self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep(PATIENCE)));
    }

    fn stop(&mut self) {
        self.0 = None;
    }

    /// Ready when it was waited too long.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    /// A stream, and the peer's end of the connection, which holds `bytes` in each direction.
    fn stream(bytes: usize) -> (FrameStream<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(bytes);
        (FrameStream::new(ours, 1000, Arc::default()), theirs)
    }

    /// "hi" from a client, its mask zeros.
    const HI: [u8; 8] = [0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];

    #[tokio::test]
    async fn what_is_queued_goes_out_together_and_leaves_no_memory_behind() {
        let (mut stream, mut peer) = stream(4096);
        for word in ["one", "two"] {
            stream.queue(Opcode::Text, word.as_bytes());
        }
        peer.write_all(&HI).await.unwrap();
        assert_eq!(stream.turn(Reading::Wanted).await.unwrap(), Turn::Heard);
        assert_eq!(stream.next(), Ok(Some(Incoming::Text("hi"))));
        assert_eq!(stream.next(), Ok(None));
        let mut got = [0; 10];
        peer.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"\x81\x03one\x81\x03two");
        assert_eq!(stream.queue.capacity(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_given_up_and_who_takes_a_little_is_not() {
        let (mut stream, mut peer) = stream(16);
        stream.queue(Opcode::Text, &[b'x'; 100]);
        let slowly = async {
            for _ in 0..5 {
                tokio::time::sleep(PATIENCE * 9 / 10).await;
                peer.read_exact(&mut [0; 10]).await.unwrap();
            }
        };
        tokio::select! {
            turn = stream.turn(Reading::NotNow) => panic!("{turn:?}"),
            () = slowly => {}
        }
        let begun = tokio::time::Instant::now();
        assert!(matches!(stream.turn(Reading::NotNow).await, Err(Broken::TakesNothing)));
        assert!(begun.elapsed() <= PATIENCE + Duration::from_millis(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_must_end_and_every_new_one_has_its_own_time() {
        let (mut stream, mut peer) = stream(64);
        let feed = async {
            for _ in 0..4 {
                // The end of one message and the beginning of the next.
                tokio::time::sleep(PATIENCE * 9 / 10).await;
                peer.write_all(&[&HI[3..], &HI[..3]].concat()).await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        let listen = async {
            stream.decoder.push(&HI[..3]);
            let mut heard = 0;
            loop {
                while let Some(Incoming::Text(_)) = stream.next().unwrap() {
                    heard += 1;
                }
                match stream.turn(Reading::Wanted).await {
                    Ok(_) => {}
                    Err(Broken::Unfinished) => return heard,
                    Err(broken) => panic!("{broken:?}"),
                }
            }
        };
        tokio::select! {
            heard = listen => assert_eq!(heard, 4),
            () = feed => {}
        }
    }

    #[tokio::test]
    async fn a_full_queue_says_when_there_is_room() {
        let (mut stream, mut peer) = stream(1024);
        while stream.has_room() {
            stream.queue(Opcode::Text, &[b'x'; 1000]);
        }
        assert!(stream.queue.len() < QUEUE_BYTES_MAX + 1100);
        let mut bytes = [0; 1000];
        let (turn, read) = tokio::join!(stream.turn(Reading::NotNow), peer.read_exact(&mut bytes));
        read.unwrap();
        assert_eq!(turn.unwrap(), Turn::Room);
    }

    #[tokio::test]
    async fn the_close_comes_after_what_was_queued_and_its_answer_is_awaited() {
        let (mut stream, mut peer) = stream(1024);
        stream.queue(Opcode::Text, b"last");
        stream.queue(Opcode::Close, &1001_u16.to_be_bytes());
        let finished = tokio::spawn(stream.finish(Peer::Answers));
        let mut got = [0; 10];
        peer.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"\x81\x04last\x88\x02\x03\xe9");
        // Messages under way when the server closed are read, so that nothing resets the connection.
        peer.write_all(&HI).await.unwrap();
        peer.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
        assert_eq!(peer.read(&mut got).await.unwrap(), 0);
        drop(peer);
        finished.await.unwrap();
    }
}
