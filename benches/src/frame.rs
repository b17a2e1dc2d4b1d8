//! As much of WebSocket framing (RFC 6455) as a load program needs: whole text frames out, whole frames in.
//!
//! The clients of the benchmarks use this instead of a library so that they cost little beside the server they
//! measure. Fragments, extensions and checks of the other side's correctness are left out.

use std::ops::Range;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text, what the protocol consists of.
    Text,
    /// Asks for a pong.
    Ping,
    /// Anything else.
    Other,
}

/// One whole frame at the start of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// Where in the buffer its payload lies; the frame ends with it.
    pub payload: Range<usize>,
}

const FINAL_TEXT: u8 = 0x81;
const FINAL_PONG: u8 = 0x8a;
const MASKED: u8 = 0x80;
const TWO_BYTES_FOLLOW: u8 = 0x7e;
const EIGHT_BYTES_FOLLOW: u8 = 0x7f;
/// Masking with zeros leaves the payload as it is.
const MASK: [u8; 4] = [0; 4];

/// A text frame as a server sends it.
pub fn from_server(text: &str) -> Vec<u8> {
    let mut frame = header(FINAL_TEXT, 0, text.len());
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// A text frame as a client sends it.
pub fn from_client(text: &str) -> Vec<u8> {
    let mut frame = header(FINAL_TEXT, MASKED, text.len());
    frame.extend_from_slice(&MASK);
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// The answer of a client to a ping that carried nothing.
pub fn pong() -> Vec<u8> {
    let mut frame = header(FINAL_PONG, MASKED, 0);
    frame.extend_from_slice(&MASK);
    frame
}

fn header(first: u8, masked: u8, length: usize) -> Vec<u8> {
    let mut header = vec![first];
    if let Ok(short @ 0..TWO_BYTES_FOLLOW) = u8::try_from(length) {
        header.push(masked | short);
    } else {
        header.push(masked | TWO_BYTES_FOLLOW);
        let length = u16::try_from(length).expect("benchmarks send frames below 64 KiB");
        header.extend_from_slice(&length.to_be_bytes());
    }
    header
}

/// The frame that `buffer` starts with, if it is all there. A mask is skipped, not applied: ours is zeros.
pub fn parse(buffer: &[u8]) -> Option<Frame> {
    let (&first, &second) = (buffer.first()?, buffer.get(1)?);
    let (length, at) = match second & !MASKED {
        TWO_BYTES_FOLLOW => (u64::from(u16::from_be_bytes(buffer.get(2..4)?.try_into().ok()?)), 4),
        EIGHT_BYTES_FOLLOW => (u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?), 10),
        short => (u64::from(short), 2),
    };
    let start = if second & MASKED == 0 { at } else { at + MASK.len() };
    let end = start + usize::try_from(length).ok()?;
    let kind = match first & 0x0f {
        1 => Kind::Text,
        9 => Kind::Ping,
        _ => Kind::Other,
    };
    (buffer.len() >= end).then_some(Frame { kind, payload: start..end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for length in [0, 1, 125, 126, 127, 400, 65_000] {
            let text = "x".repeat(length);
            for written in [from_server(&text), from_client(&text)] {
                let frame = parse(&written).unwrap();
                assert_eq!((frame.kind, &written[frame.payload.clone()]), (Kind::Text, text.as_bytes()));
                assert_eq!(frame.payload.end, written.len());
                assert!((0..written.len()).all(|short| parse(&written[..short]).is_none()));
            }
        }
    }

    #[test]
    fn control_frames_are_told_apart() {
        assert_eq!(parse(&[0x89, 0]).unwrap().kind, Kind::Ping);
        assert_eq!(parse(&pong()).unwrap().kind, Kind::Other);
    }
}
