//! The raw references: the least program that does the one thing a benchmark measures.
//!
//! They answer "what would this machine allow", so they leave out everything an engine is for: rights, order,
//! repeats, slow consumers, closing well.

pub mod commit;
pub mod fanout;
pub mod servers;
pub mod sqlite;

use crate::{frame, message};
use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Who a connection belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    /// User 0.
    Sender,
    /// Everybody else.
    Receiver,
}

/// Reads an upgrade request and tells whose it is.
async fn request(stream: &mut TcpStream) -> Result<Peer> {
    stream.set_nodelay(true)?;
    let mut request = Vec::with_capacity(512);
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            bail!("closed before the request ended");
        }
    }
    let sends = std::str::from_utf8(&request)?.contains("Bearer 0\r\n");
    Ok(if sends { Peer::Sender } else { Peer::Receiver })
}

/// Answers it, and greets.
async fn upgrade(stream: &mut TcpStream) -> Result<()> {
    stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").await?;
    Ok(stream.write_all(&frame::from_server(message::HELLO)).await?)
}
