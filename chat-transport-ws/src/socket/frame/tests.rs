//! Every rule of the decoder, and that the portions in which bytes come make no difference.

use proptest::prelude::*;

use super::*;

const MAX: usize = 300;

/// What a decoder gave, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Got {
    Text(String),
    Fragment,
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
    Fault(Fault),
}

/// Everything a decoder gives for `portions`, as far as the first fault.
fn decode<'a>(portions: impl IntoIterator<Item = &'a [u8]>) -> Vec<Got> {
    let (mut decoder, mut got) = (Decoder::new(MAX), Vec::new());
    for portion in portions {
        decoder.push(portion);
        loop {
            got.push(match decoder.next() {
                Ok(None) => break,
                Ok(Some(Incoming::Text(text))) => Got::Text(text.to_owned()),
                Ok(Some(Incoming::Fragment)) => Got::Fragment,
                Ok(Some(Incoming::Ping(payload))) => Got::Ping(payload.to_vec()),
                Ok(Some(Incoming::Pong)) => Got::Pong,
                Ok(Some(Incoming::Close(code))) => Got::Close(code),
                Err(fault) => {
                    got.push(Got::Fault(fault));
                    return got;
                }
            });
        }
    }
    got
}

fn one(bytes: &[u8]) -> Vec<Got> {
    decode([bytes])
}

/// A frame as a client sends it.
fn client(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let mut plain = Vec::new();
    encode(&mut plain, Opcode::Text, payload);
    let head = plain.len() - payload.len();
    let mut frame = plain[..head].to_vec();
    frame[0] = first;
    frame[1] |= MASKED;
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

fn text_frame(text: &str) -> Vec<u8> {
    client(0x81, text.as_bytes())
}

#[test]
fn text_of_every_length_class_comes_through() {
    for length in [0, 1, 2, 3, 4, 5, 125, 126, 127, MAX] {
        let text = "é".repeat(length / 2) + &"x".repeat(length % 2);
        assert_eq!(one(&text_frame(&text)), [Got::Text(text)], "{length}");
    }
}

#[test]
fn what_the_server_sends_has_the_shortest_header() {
    for (length, header) in [
        (0_usize, vec![0x81, 0]),
        (125, vec![0x81, 125]),
        (126, vec![0x81, 126, 0, 126]),
        (65_535, vec![0x81, 126, 0xff, 0xff]),
        (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let mut frame = Vec::new();
        encode(&mut frame, Opcode::Text, &vec![b'x'; length]);
        assert_eq!(frame[..header.len()], header);
        assert_eq!(frame.len(), header.len() + length);
    }
}

#[test]
fn fragments_are_joined_and_control_frames_may_come_between() {
    let frames = [
        client(0x01, b"a\xc3"),
        client(0x89, b"alive?"),
        client(0x00, b""),
        client(0x80, b"\xa9b"),
        text_frame("next"),
    ];
    let expected = [
        Got::Fragment,
        Got::Ping(b"alive?".to_vec()),
        Got::Fragment,
        Got::Text("aéb".to_owned()),
        Got::Text("next".to_owned()),
    ];
    assert_eq!(one(&frames.concat()), expected);
}

#[test]
fn sizes_are_refused_before_the_bytes_come() {
    let declared = &client(0x81, &vec![b'x'; MAX + 1])[..4];
    assert_eq!(one(declared), [Got::Fault(Fault::TooLarge)]);
    let sum = [client(0x01, &vec![b'x'; MAX - 1]), client(0x80, b"yz")[..2].to_vec()].concat();
    assert_eq!(one(&sum), [Got::Fragment, Got::Fault(Fault::TooLarge)]);
    let huge = [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(one(&huge), [Got::Fault(Fault::TooLarge)]);
}

#[test]
fn every_breach_of_the_framing_is_one() {
    let breaches: &[(&str, Vec<u8>)] = &[
        ("reserved bit", vec![0xc1]),
        ("reserved opcode", vec![0x83]),
        ("reserved control opcode", vec![0x8b]),
        ("not masked", vec![0x81, 0x01]),
        ("control frame in fragments", vec![0x09]),
        ("long control frame", vec![0x89, 0xfe]),
        ("continuation of nothing", client(0x80, b"x")),
        ("a message inside another", [client(0x01, b"x"), client(0x81, b"y")].concat()),
        ("length in two bytes that fits in one", vec![0x81, 0xfe, 0, 125]),
        ("length in eight bytes that fits in two", vec![0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff]),
        ("negative length", vec![0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("close with half a code", client(0x88, &[3])),
        ("close with a reserved code", client(0x88, &1005_u16.to_be_bytes())),
        ("close with a code out of range", client(0x88, &999_u16.to_be_bytes())),
    ];
    for (what, bytes) in breaches {
        assert_eq!(one(bytes).last(), Some(&Got::Fault(Fault::Framing)), "{what}");
    }
}

#[test]
fn binary_is_seen_by_the_first_byte() {
    assert_eq!(one(&[0x82]), [Got::Fault(Fault::Binary)]);
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    assert_eq!(one(&client(0x81, b"\xff")), [Got::Fault(Fault::NotUtf8)]);
    let surrogate = [client(0x01, b"\xed"), client(0x80, b"\xa0\x80")].concat();
    assert_eq!(one(&surrogate), [Got::Fragment, Got::Fault(Fault::NotUtf8)]);
    let reason = [&1000_u16.to_be_bytes()[..], b"\xff"].concat();
    assert_eq!(one(&client(0x88, &reason)), [Got::Fault(Fault::NotUtf8)]);
}

#[test]
fn closes_carry_their_code() {
    assert_eq!(one(&client(0x88, b"")), [Got::Close(None)]);
    for code in [1000_u16, 1001, 1014, 3000, 4999] {
        let payload = [&code.to_be_bytes()[..], b"why"].concat();
        assert_eq!(one(&client(0x88, &payload)), [Got::Close(Some(code))]);
    }
    assert_eq!(one(&client(0x8a, b"pong")), [Got::Pong]);
}

#[test]
fn nothing_is_held_between_messages() {
    let mut decoder = Decoder::new(MAX);
    assert!(!decoder.is_unfinished());
    for frames in [text_frame("whole"), [client(0x01, b"in "), client(0x80, b"parts")].concat()] {
        let (head, tail) = frames.split_at(3);
        decoder.push(head);
        assert_eq!(decoder.next(), Ok(None));
        assert!(decoder.is_unfinished());
        decoder.push(tail);
        while decoder.next().unwrap().is_some() {}
        assert!(!decoder.is_unfinished());
        assert_eq!((decoder.buffer.capacity(), decoder.fragments.capacity()), (0, 0));
    }
}

proptest! {
    /// Whatever comes, cut anywhere, gives the same.
    #[test]
    fn portions_make_no_difference(
        frames in prop::collection::vec(any_frame(), 1..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes = frames.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let (mut rest, mut at, mut portions) = (&bytes[..], 0, Vec::new());
        for cut in cuts {
            let (portion, more) = rest.split_at(cut - at);
            portions.push(portion);
            (rest, at) = (more, cut);
        }
        portions.push(rest);
        prop_assert_eq!(decode(portions), decode([&bytes[..]]));
    }

    /// Nobody can make the decoder hold more than a message and what was pushed last.
    #[test]
    fn memory_is_bounded(frames in prop::collection::vec(any_frame(), 1..32), step in 1_usize..64) {
        let mut decoder = Decoder::new(MAX);
        for portion in frames.concat().chunks(step) {
            decoder.push(portion);
            loop {
                match decoder.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => return Ok(()),
                }
            }
            prop_assert!(decoder.fragments.len() <= MAX);
            prop_assert!(decoder.buffer.len() <= MAX + 14 + step);
        }
    }
}

/// Mostly frames that are right, so that sequences get far, and some that are anything.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = || prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![
        4 => ".{0,60}".prop_map(|text| text_frame(&text)),
        2 => "[a-z]{0,150}".prop_map(|text| client(0x01, text.as_bytes())),
        2 => "[a-z]{0,150}".prop_map(|text| client(0x00, text.as_bytes())),
        2 => "[a-z]{0,150}".prop_map(|text| client(0x80, text.as_bytes())),
        2 => prop::collection::vec(any::<u8>(), 0..126).prop_map(|payload| client(0x89, &payload)),
        1 => (any::<u8>(), payload()).prop_map(|(first, payload)| client(first, &payload)),
        1 => payload(),
    ]
}
