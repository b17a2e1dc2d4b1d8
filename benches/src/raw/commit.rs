//! One socket in, one row committed, one socket out: the least that "sent, durable, delivered" can take.

use super::sqlite::Database;
use super::{SENDER, request, upgrade};
use crate::frame;
use anyhow::Result;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the sender is told once its message is durable.
const DONE: &str = r#"{"id":1,"type":"ok"}"#;

/// Serves one sender and one receiver until the process ends. The commit blocks the only thread: nobody else waits.
///
/// # Errors
/// When it cannot accept or commit.
pub async fn serve(listener: TcpListener, path: &Path, pushed: &str) -> Result<()> {
    let mut database = Database::open(path, 1)?;
    let (first, first_sends) = accept(&listener).await?;
    let (second, _) = accept(&listener).await?;
    let (mut sender, mut receiver) = if first_sends { (first, second) } else { (second, first) };
    let (pushed, done) = (frame::from_server(pushed), frame::from_server(DONE));
    let mut buffer = Vec::with_capacity(4 * 1024);
    while sender.read_buf(&mut buffer).await? > 0 {
        while let Some(frame) = frame::parse(&buffer) {
            buffer.drain(..frame.payload.end);
            database.commit(1)?;
            receiver.write_all(&pushed).await?;
            sender.write_all(&done).await?;
        }
    }
    Ok(())
}

async fn accept(listener: &TcpListener) -> Result<(TcpStream, bool)> {
    let (mut stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let sends = request(&mut stream).await?.contains(SENDER);
    upgrade(&mut stream).await?;
    Ok((stream, sends))
}
