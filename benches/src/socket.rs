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

/// Where and as whom to connect.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server.
    pub address: SocketAddr,
    /// Path and query of the upgrade request.
    pub path: String,
    /// The bearer token, when the server asks for one.
    pub token: Option<String>,
}

/// One open socket.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Socket {
    /// Connects as the `nth` of many, each few hundred from a loopback address of their own.
    ///
    /// # Errors
    /// When the server does not switch to WebSocket.
    pub async fn connect(target: &Target, nth: usize) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_nodelay(true)?;
        socket.bind(SocketAddr::new(source_address(nth)?, 0))?;
        let stream = socket.connect(target.address).await?;
        let mut socket = Self { stream, buffer: BytesMut::new() };
        socket.stream.write_all(upgrade(target).as_bytes()).await?;
        socket.read_status().await?;
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

    /// Sends one text frame.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, text: &str) -> Result<()> {
        self.send_raw(&frame::from_client(text)).await
    }

    /// Sends what is framed already.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send_raw(&mut self, frames: &[u8]) -> Result<()> {
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
                    Kind::Ping => self.send_raw(&frame::pong()).await?,
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
                self.send_raw(&frame::pong()).await?;
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

fn upgrade(target: &Target) -> String {
    let authorization = target.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n"));
    format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
        target.path,
        target.address,
        authorization.unwrap_or_default(),
    )
}
