//! Frames of RFC 6455, the server's side of them: masked ones come in, unmasked ones go out.
//!
//! This is our own and not a crate's because three things that the protocol promises are decided here: the exact close
//! code of every fault as soon as it can be seen (a size by its declared length, a binary frame by its first byte), that
//! an idle socket holds no buffer, and that a frame for a thousand sockets is copied into each queue and nothing more.
//!
//! It does no I/O. It leaves out what a server that sends JSON never needs: sending fragments, extensions, binary.

use std::str;

/// The longest payload of a control frame.
pub(super) const CONTROL_BYTES_MAX: usize = 125;

/// Set in the first byte of a message's last frame.
const FINAL: u8 = 0x80;
/// Reserved for extensions, of which there are none.
const RESERVED: u8 = 0x70;
/// Set in the second byte when a mask follows.
const MASKED: u8 = 0x80;
/// In the place of a length: it follows in two bytes.
const TWO_BYTES_FOLLOW: u8 = 126;
/// In the place of a length: it follows in eight bytes.
const EIGHT_BYTES_FOLLOW: u8 = 127;

/// What a frame is, by the lower half of its first byte. Binary is none: it is refused where it is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// Why a peer is not listened to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not frames as RFC 6455 wants them from a client.
    Framing,
    /// Binary data.
    Binary,
    /// Text that is not UTF-8.
    NotUtf8,
    /// A message over the limit, by its declared length or the sum of its fragments.
    TooLarge,
}

/// What a peer's frames amount to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming<'a> {
    /// A whole message.
    Text(&'a str),
    /// A part of a message; more follows.
    Fragment,
    /// To be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// A sign of life.
    Pong,
    /// The peer's last frame, with its code if it gave one.
    Close(Option<u16>),
}

/// Appends a whole frame.
pub(super) fn encode(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    out.push(FINAL | opcode as u8);
    let length = payload.len();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..TWO_BYTES_FOLLOW), _) => out.push(short),
        (_, Ok(length)) => {
            out.push(TWO_BYTES_FOLLOW);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(EIGHT_BYTES_FOLLOW);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

/// Takes bytes in any portions and gives messages and control frames.
#[derive(Debug)]
pub(super) struct Decoder {
    /// The largest message, in bytes.
    message_bytes_max: usize,
    /// Bytes as they came. Those before `taken` are done with.
    buffer: Vec<u8>,
    taken: usize,
    /// The payloads so far of a message that comes in several frames.
    fragments: Vec<u8>,
    place: Place,
}

/// Where in the sequence of data frames we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Between,
    Inside,
}

impl Decoder {
    pub(super) fn new(message_bytes_max: usize) -> Self {
        Self { message_bytes_max, buffer: Vec::new(), taken: 0, fragments: Vec::new(), place: Place::Between }
    }

    /// Adds what was read. Call [`Self::next`] until it says `None` before adding more: then at most one message and
    /// one read are held.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message or control frame, if it is all there. After a fault the decoder must not be used again.
    pub(super) fn next(&mut self) -> Result<Option<Incoming<'_>>, Fault> {
        if self.place == Place::Between {
            self.fragments = Vec::new();
        }
        let Some(header) = Header::read(&self.buffer[self.taken..])? else {
            self.release();
            return Ok(None);
        };
        self.judge(&header)?;
        let frame = &mut self.buffer[self.taken + header.mask_at..];
        let Some((mask, rest)) = frame.split_first_chunk_mut() else { return Ok(None) };
        let Some(payload) = rest.get_mut(..header.payload_bytes) else { return Ok(None) };
        unmask(payload, *mask);
        let start = self.taken + header.mask_at + mask.len();
        self.taken = start + header.payload_bytes;
        self.accept(&header, start).map(Some)
    }

    /// Whether a message has begun and not ended. Meaningful after [`Self::next`] said `None`.
    pub(super) fn is_unfinished(&self) -> bool {
        self.place == Place::Inside || self.taken < self.buffer.len()
    }

    /// What a header alone can be refused for.
    fn judge(&self, header: &Header) -> Result<(), Fault> {
        let continues = match header.opcode {
            Opcode::Continuation => Place::Inside,
            Opcode::Text => Place::Between,
            Opcode::Close | Opcode::Ping | Opcode::Pong => return Ok(()),
        };
        if self.place != continues {
            return Err(Fault::Framing);
        }
        if header.payload_bytes > self.message_bytes_max - self.fragments.len() {
            return Err(Fault::TooLarge);
        }
        Ok(())
    }

    /// Takes in a frame whose payload, unmasked, goes from `start` to `taken`.
    fn accept(&mut self, header: &Header, start: usize) -> Result<Incoming<'_>, Fault> {
        let payload = &self.buffer[start..self.taken];
        match (header.opcode, header.part) {
            (Opcode::Text, Part::Last) => text(payload),
            (Opcode::Text | Opcode::Continuation, part) => {
                self.fragments.extend_from_slice(payload);
                match part {
                    Part::Last => {
                        self.place = Place::Between;
                        text(&self.fragments)
                    }
                    Part::MoreFollow => {
                        self.place = Place::Inside;
                        Ok(Incoming::Fragment)
                    }
                }
            }
            (Opcode::Ping, _) => Ok(Incoming::Ping(payload)),
            (Opcode::Pong, _) => Ok(Incoming::Pong),
            (Opcode::Close, _) => close_code(payload).map(Incoming::Close),
        }
    }

    /// Gives the buffer back when nothing is in it: a thousand idle sockets shall not keep a thousand buffers.
    fn release(&mut self) {
        if self.taken == self.buffer.len() {
            self.buffer = Vec::new();
            self.taken = 0;
        }
    }
}

/// Whether a frame ends its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Last,
    MoreFollow,
}

/// The head of a frame from a client, as far as its length.
#[derive(Debug)]
struct Header {
    part: Part,
    opcode: Opcode,
    payload_bytes: usize,
    /// Where the mask begins; the payload follows it.
    mask_at: usize,
}

impl Header {
    /// The header at the beginning of `bytes`, if its length is there. Everything is refused as soon as it is seen.
    fn read(bytes: &[u8]) -> Result<Option<Self>, Fault> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let opcode = opcode(first)?;
        let part = if first & FINAL == 0 { Part::MoreFollow } else { Part::Last };
        let is_control = matches!(opcode, Opcode::Close | Opcode::Ping | Opcode::Pong);
        if is_control && part == Part::MoreFollow {
            return Err(Fault::Framing);
        }
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        let short = second & !MASKED;
        if second & MASKED == 0 || (is_control && usize::from(short) > CONTROL_BYTES_MAX) {
            return Err(Fault::Framing);
        }
        let length = length(short, &bytes[2..])?;
        Ok(length.map(|(payload_bytes, more)| Self { part, opcode, payload_bytes, mask_at: 2 + more }))
    }
}

/// The opcode in a first byte. No extension was agreed on, so no reserved bit may be set.
fn opcode(first: u8) -> Result<Opcode, Fault> {
    if first & RESERVED != 0 {
        return Err(Fault::Framing);
    }
    match first & 0x0f {
        0 => Ok(Opcode::Continuation),
        1 => Ok(Opcode::Text),
        2 => Err(Fault::Binary),
        8 => Ok(Opcode::Close),
        9 => Ok(Opcode::Ping),
        10 => Ok(Opcode::Pong),
        _ => Err(Fault::Framing),
    }
}

/// The length of the payload and how many more bytes it was written in; `None` when they have not all come. A length
/// must be written in the shortest way.
fn length(short: u8, rest: &[u8]) -> Result<Option<(usize, usize)>, Fault> {
    let (length, more) = match short {
        TWO_BYTES_FOLLOW => match rest.first_chunk() {
            Some(bytes) => (u64::from(u16::from_be_bytes(*bytes)), 2),
            None => return Ok(None),
        },
        EIGHT_BYTES_FOLLOW => match rest.first_chunk() {
            Some(bytes) => (u64::from_be_bytes(*bytes), 8),
            None => return Ok(None),
        },
        short => (u64::from(short), 0),
    };
    let shortest = match length {
        0..126 => 0,
        126..=0xffff => 2,
        _ => 8,
    };
    if more != shortest || length >> 63 == 1 {
        return Err(Fault::Framing);
    }
    usize::try_from(length).map(|length| Some((length, more))).map_err(|_| Fault::TooLarge)
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let mut words = payload.chunks_exact_mut(4);
    for word in &mut words {
        for (byte, key) in word.iter_mut().zip(mask) {
            *byte ^= key;
        }
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(mask) {
        *byte ^= key;
    }
}

fn text(payload: &[u8]) -> Result<Incoming<'_>, Fault> {
    str::from_utf8(payload).map(Incoming::Text).map_err(|_| Fault::NotUtf8)
}

/// The code of a close frame. The reason that may follow must be text and is of no use to us.
fn close_code(payload: &[u8]) -> Result<Option<u16>, Fault> {
    match payload {
        [] => Ok(None),
        [_] => Err(Fault::Framing),
        [high, low, reason @ ..] => {
            str::from_utf8(reason).map_err(|_| Fault::NotUtf8)?;
            match u16::from_be_bytes([*high, *low]) {
                code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => Ok(Some(code)),
                _ => Err(Fault::Framing),
            }
        }
    }
}

#[cfg(test)]
mod tests;
