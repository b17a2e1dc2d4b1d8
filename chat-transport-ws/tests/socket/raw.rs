//! A peer that says exactly the bytes it is told to.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use uuid::Uuid;

use crate::support::{Server, soon};

impl Server {
    pub(crate) async fn open(&self, token: &str) -> Raw {
        self.open_at("/v1/ws", token).await
    }

    /// A socket that has been let in by its header, after its `hello`.
    pub(crate) async fn open_at(&self, path: &str, token: &str) -> Raw {
        let bearer = format!("Bearer {token}");
        let mut socket = self.upgrade(path, &[("authorization", &bearer)]).await;
        assert_eq!(socket.status(), 101, "{}", socket.head);
        let hello = socket.json().await;
        assert_eq!(hello["type"], "hello", "{hello}");
        socket
    }

    /// What the server answers to a handshake.
    pub(crate) async fn upgrade(&self, path: &str, headers: &[(&str, &str)]) -> Raw {
        Raw::upgrade(self.address, path, headers).await
    }
}

/// What came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Got {
    Json(Value),
    Ping,
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// The connection has ended, in order.
    End,
    /// The connection was reset.
    Reset,
}

/// The client's end of a socket, byte by byte.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
    /// The head of the answer to the handshake.
    pub(crate) head: String,
    /// Of a refusal.
    pub(crate) body: Value,
}

impl Raw {
    pub(crate) async fn upgrade(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        const HANDSHAKE: [(&str, &str); 4] = [
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        Self::get(address, path, &[&HANDSHAKE, headers].concat()).await
    }

    /// What a request with just these headers is answered.
    pub(crate) async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // So that a peer that does not read is one soon.
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let mut stream = soon(socket.connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n");
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
        let mut raw = Self { stream, buffer: Vec::new(), head: String::new(), body: Value::Null };
        raw.read_head().await;
        raw
    }

    async fn read_head(&mut self) {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.read().await.unwrap() > 0, "no answer to the handshake");
        };
        self.head = String::from_utf8(self.buffer.drain(..end).collect()).unwrap().to_lowercase();
        let length = self.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.buffer.len() < length {
            assert!(self.read().await.unwrap() > 0);
        }
        if length > 0 {
            self.body = serde_json::from_slice(&self.buffer.drain(..length).collect::<Vec<_>>()).unwrap();
        }
    }

    pub(crate) fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    async fn read(&mut self) -> std::io::Result<usize> {
        soon(self.stream.read_buf(&mut self.buffer)).await
    }

    /// Sends bytes as they are. The server may have hung up already: what it said before counts.
    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        let _ = soon(self.stream.write_all(bytes)).await;
    }

    pub(crate) async fn frame(&mut self, first: u8, payload: &[u8]) {
        self.bytes(&frame(first, payload)).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.frame(0x81, text.as_bytes()).await;
    }

    pub(crate) async fn send(&mut self, request: Value) {
        self.text(&request.to_string()).await;
    }

    /// Sends a request and waits for its answer; what is pushed meanwhile is dropped.
    pub(crate) async fn ask(&mut self, request: Value) -> Value {
        let id = request["id"].clone();
        self.send(request).await;
        self.until(|frame| frame["id"] == id).await
    }

    /// The next frame that `wanted` accepts.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self.json().await;
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// The next frame of text.
    pub(crate) async fn json(&mut self) -> Value {
        loop {
            match self.next().await {
                Got::Json(value) => return value,
                Got::Ping | Got::Pong(_) => {}
                other => panic!("{other:?} instead of a frame"),
            }
        }
    }

    pub(crate) async fn next(&mut self) -> Got {
        loop {
            if let Some(got) = self.take() {
                return got;
            }
            match self.read().await {
                Ok(0) => return Got::End,
                Ok(_) => {}
                Err(_) => return Got::Reset,
            }
        }
    }

    fn take(&mut self) -> Option<Got> {
        let (&first, &short) = (self.buffer.first()?, self.buffer.get(1)?);
        let (length, start) = match short {
            126 => (usize::from(u16::from_be_bytes(self.buffer.get(2..4)?.try_into().unwrap())), 4),
            127 => (u64::from_be_bytes(self.buffer.get(2..10)?.try_into().unwrap()).try_into().unwrap(), 10),
            short => (usize::from(short), 2),
        };
        if self.buffer.len() < start + length {
            return None;
        }
        let payload = self.buffer.drain(..start + length).skip(start).collect::<Vec<_>>();
        Some(match first {
            0x81 => Got::Json(serde_json::from_slice(&payload).unwrap()),
            0x88 => Got::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            0x89 => Got::Ping,
            0x8a => Got::Pong(payload),
            other => panic!("a server does not send frames that begin with {other:#x}"),
        })
    }

    /// Everything until the close frame, and its code. After it there must be nothing, and no reset.
    pub(crate) async fn closed(&mut self) -> (Vec<Value>, Option<u16>) {
        let mut frames = Vec::new();
        let code = loop {
            match self.next().await {
                Got::Json(value) => frames.push(value),
                Got::Close(code) => break code,
                Got::Ping | Got::Pong(_) => {}
                Got::End | Got::Reset => panic!("the connection ended without a close, after {frames:?}"),
            }
        };
        self.frame(0x88, &code.map_or(Vec::new(), |code| code.to_be_bytes().to_vec())).await;
        assert_eq!(self.next().await, Got::End);
        (frames, code)
    }

    /// The same, where a `closing` event with the code comes just before; gives that event.
    pub(crate) async fn closed_with_notice(&mut self, code: u16) -> Value {
        let (frames, closed) = self.closed().await;
        assert_eq!(closed, Some(code), "{frames:?}");
        let notice = frames.last().cloned().unwrap_or_default();
        assert_eq!((&notice["type"], &notice["code"]), (&json!("closing"), &json!(code)));
        notice
    }

    /// The same, where no such event comes.
    pub(crate) async fn closed_without_notice(&mut self, code: u16) -> Vec<Value> {
        let (frames, closed) = self.closed().await;
        assert_eq!(closed, Some(code), "{frames:?}");
        assert!(frames.iter().all(|frame| frame["type"] != "closing"), "{frames:?}");
        frames
    }
}

/// A masked frame, as clients send them.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..126), _) => frame.push(0x80 | short),
        (_, Ok(length)) => {
            frame.push(0xfe);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(0xff);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A `message.send` to a user.
pub(crate) fn message(id: u64, to: u32, text: &str) -> Value {
    json!({
        "id": id, "type": "message.send", "to": to.to_string(),
        "client_id": Uuid::from_u128((u128::from(id) << 64) | 1).to_string(), "text": text,
    })
}

/// The texts of `entry` events.
pub(crate) fn text_of(entry: &Value) -> &str {
    entry["message"]["text"].as_str().unwrap()
}
