//! A socket, a task and a queue per session: what is queued is written, one frame a write or all in one.

use super::{Peer, request, upgrade};
use crate::{frame, message};
use anyhow::Result;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::io::IoSlice;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// How a session writes what waits in its queue.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Writes {
    /// One `write` a frame.
    Each,
    /// One `writev` of all that is queued.
    Gathered,
}

/// Frames that may wait for one session; above any burst that a benchmark sends.
const QUEUED_FRAMES_MAX: usize = 256;

type Sessions = Arc<Mutex<Vec<mpsc::Sender<Bytes>>>>;

/// Serves until the process ends: every frame from the sender is written to all sessions as `pushed`.
///
/// # Errors
/// When it cannot accept.
pub async fn serve(listener: TcpListener, writes: Writes, pushed: &str) -> Result<()> {
    let pushed = Bytes::from(frame::from_server(pushed));
    let sessions = Sessions::default();
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(connection(stream, writes, pushed.clone(), Arc::clone(&sessions)));
    }
}

/// The end of a connection ends its task; there is nobody to tell.
async fn connection(mut stream: TcpStream, writes: Writes, pushed: Bytes, sessions: Sessions) -> Result<()> {
    if request(&mut stream).await? == Peer::Sender {
        upgrade(&mut stream).await?;
        return broadcast(stream, pushed, &sessions).await;
    }
    let (queue, queued) = mpsc::channel(QUEUED_FRAMES_MAX);
    sessions.lock().expect("no holder panics").push(queue);
    upgrade(&mut stream).await?;
    match writes {
        Writes::Each => write_each(stream, queued).await,
        Writes::Gathered => write_gathered(stream, queued).await,
    }
}

async fn broadcast(mut stream: TcpStream, pushed: Bytes, sessions: &Sessions) -> Result<()> {
    let (done, mut buffer) = (frame::from_server(message::DONE), Vec::with_capacity(64 * 1024));
    while stream.read_buf(&mut buffer).await? > 0 {
        while let Some(frame) = frame::parse(&buffer) {
            buffer.drain(..frame.payload.end);
            for queue in &*sessions.lock().expect("no holder panics") {
                queue.try_send(pushed.clone())?;
            }
            stream.write_all(&done).await?;
        }
    }
    Ok(())
}

async fn write_each(mut stream: TcpStream, mut queued: mpsc::Receiver<Bytes>) -> Result<()> {
    while let Some(frame) = queued.recv().await {
        stream.write_all(&frame).await?;
    }
    Ok(())
}

async fn write_gathered(mut stream: TcpStream, mut queued: mpsc::Receiver<Bytes>) -> Result<()> {
    let mut frames = Vec::new();
    while queued.recv_many(&mut frames, QUEUED_FRAMES_MAX).await > 0 {
        let slices: Vec<IoSlice<'_>> = frames.iter().map(|frame| IoSlice::new(frame)).collect();
        let total: usize = frames.iter().map(Bytes::len).sum();
        let written = stream.write_vectored(&slices).await?;
        anyhow::ensure!(
            written == total,
            "the socket took {written} of {total} bytes: the client is too slow"
        );
        frames.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crowd::{Crowd, connect_all};
    use crate::socket::Socket;

    #[tokio::test]
    async fn everybody_gets_every_wave_however_it_is_written() {
        for writes in [Writes::Each, Writes::Gathered] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move { serve(listener, writes, "pushed").await });
            let mut crowd = Crowd::new(connect_all(address, 1..=20).await.unwrap(), "pushed");
            let mut sender = Socket::connect(address, 0).await.unwrap();
            for _ in 0..10 {
                let frames = frame::from_client("go").repeat(8);
                crowd.wave(8, sender.send(&frames)).await.unwrap();
            }
            assert_eq!(crowd.counted(), 20 * 10 * 8);
        }
    }
}
