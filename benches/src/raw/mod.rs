//! The raw references: the least program that does the one thing a benchmark measures.
//!
//! They answer "what would this machine allow", so they leave out everything an engine is for: rights, order,
//! repeats, slow consumers, closing well.

pub mod commit;
pub mod fanout;
pub mod sqlite;

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The path on which a sender connects; everybody else receives.
pub const SENDER: &str = "/sender";

/// Reads a request and tells its first line.
async fn request(stream: &mut TcpStream) -> Result<String> {
    let mut request = Vec::with_capacity(512);
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            bail!("closed before the request ended");
        }
    }
    let text = String::from_utf8(request)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Answers a request with the upgrade to WebSocket.
async fn upgrade(stream: &mut TcpStream) -> Result<()> {
    Ok(stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").await?)
}
