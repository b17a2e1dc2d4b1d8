//! A WebSocket client for load: it opens, sends text, and takes whole frames out of one buffer.
//!
//! It checks no answer beyond the status line. Correctness of the server is proven elsewhere; here it is timed.

use crate::frame::{self, Kind};
use anyhow::{Result, bail};
use bytes::{Buf as _, BytesMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// Sockets from one source address; the server's limit per address and the number of ports are both above it.
const SOCKETS_PER_ADDRESS: usize = 500;

/// One open socket.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Socket {
    /// Connects as the `nth` user, and waits to be greeted. A few hundred users share a loopback address.
    ///
    /// # Errors
    /// When the server does not switch to WebSocket.
    pub async fn connect(server: SocketAddr, nth: usize) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_nodelay(true)?;
        socket.bind(SocketAddr::new(source_address(nth)?, 0))?;
        let stream = socket.connect(server).await?;
        let mut socket = Self { stream, buffer: BytesMut::new() };
        socket.stream.write_all(upgrade(server, nth).as_bytes()).await?;
        socket.read_status().await?;
        socket.next_text().await?;
        Ok(socket)
    }

    async fn read_status(&mut self) -> Result<()> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.read_more().await?;
        };
        if !self.buffer.starts_with(b"HTTP/1.1 101 ") {
            bail!("no upgrade: {}", String::from_utf8_lossy(&self.buffer));
        }
        self.buffer.advance(end);
        Ok(())
    }

    /// Sends frames.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, frames: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(frames).await?)
    }

    /// The next text frame; pings before it are answered.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn next_text(&mut self) -> Result<String> {
        loop {
            while let Some(frame) = frame::parse(&self.buffer) {
                let bytes = self.buffer.split_to(frame.payload.end);
                match frame.kind {
                    Kind::Text => return Ok(std::str::from_utf8(&bytes[frame.payload])?.to_owned()),
                    Kind::Ping => self.send(&frame::pong()).await?,
                    Kind::Other => {}
                }
            }
            self.read_more().await?;
        }
    }

    /// Text frames until one contains `part`, which is the one returned.
    ///
    /// # Errors
    /// When the connection is gone before.
    pub async fn next_with(&mut self, part: &str) -> Result<String> {
        loop {
            let text = self.next_text().await?;
            if text.contains(part) {
                return Ok(text);
            }
        }
    }

    /// Waits for frames and counts the text frames in what came whose payload starts with `prefix`.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn count_next(&mut self, prefix: &[u8]) -> Result<u64> {
        let mut counted = 0;
        while let Some(frame) = frame::parse(&self.buffer) {
            counted +=
                u64::from(frame.kind == Kind::Text && self.buffer[frame.payload.clone()].starts_with(prefix));
            if frame.kind == Kind::Ping {
                self.send(&frame::pong()).await?;
            }
            self.buffer.advance(frame.payload.end);
        }
        if counted == 0 {
            self.read_more().await?;
        }
        Ok(counted)
    }

    async fn read_more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

fn source_address(nth: usize) -> Result<IpAddr> {
    let host = u8::try_from(1 + nth / SOCKETS_PER_ADDRESS)?;
    Ok(IpAddr::V4(Ipv4Addr::new(127, 0, 1, host)))
}

/// The token is the user's number: who believes it is a benchmark.
fn upgrade(server: SocketAddr, nth: usize) -> String {
    format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Authorization: Bearer {nth}\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
}
