//! One socket in, one row committed, one socket out: the least that "sent, durable, delivered" can take.

use super::sqlite::Writer;
use super::{Peer, request, upgrade};
use crate::{frame, message};
use anyhow::Result;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Serves one sender and one receiver until the process ends. The commit blocks the only thread: nobody else waits.
///
/// # Errors
/// When it cannot accept or commit.
pub async fn serve(listener: TcpListener, path: &Path, pushed: &str) -> Result<()> {
    let mut writer = Writer::create(path, 1)?;
    let ((first, whose), (second, _)) = (accept(&listener).await?, accept(&listener).await?);
    let (mut sender, mut receiver) = if whose == Peer::Sender { (first, second) } else { (second, first) };
    let (pushed, done) = (frame::from_server(pushed), frame::from_server(message::DONE));
    let mut buffer = Vec::with_capacity(4 * 1024);
    while sender.read_buf(&mut buffer).await? > 0 {
        while let Some(frame) = frame::parse(&buffer) {
            buffer.drain(..frame.payload.end);
            writer.commit(1)?;
            receiver.write_all(&pushed).await?;
            sender.write_all(&done).await?;
        }
    }
    Ok(())
}

async fn accept(listener: &TcpListener) -> Result<(TcpStream, Peer)> {
    let (mut stream, _) = listener.accept().await?;
    let peer = request(&mut stream).await?;
    upgrade(&mut stream).await?;
    Ok((stream, peer))
}
