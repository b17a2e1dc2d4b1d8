//! Anything at all is thrown at a live socket: the server stays up, answers every request once, and closes with a code
//! that fits.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::raw::{Got, frame};
use crate::support::Server;

/// Something a peer might send.
#[derive(Clone, Debug)]
enum Throw {
    /// A request that is right, in one frame or in fragments of this size.
    Request(Value, usize),
    /// A frame of text with anything in it.
    Text(String),
    /// A frame with anything in it.
    Frame(u8, Vec<u8>),
    /// Bytes that are no frame, or part of one.
    Bytes(Vec<u8>),
}

/// What may follow from it, by the rules.
const CODES: [u16; 6] = [1002, 1003, 1007, 1008, 1009, 4429];

fn throw() -> impl Strategy<Value = Throw> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![
        8 => (request(), 1_usize..200).prop_map(|(request, size)| Throw::Request(request, size)),
        2 => ".{0,40}".prop_map(Throw::Text),
        1 => (any::<u8>(), bytes()).prop_map(|(first, payload)| Throw::Frame(first, payload)),
        1 => bytes().prop_map(Throw::Bytes),
    ]
}

fn request() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec![
        "ping",
        "sync",
        "subscribe",
        "message.send",
        "history",
        "typing",
        "friend.list",
        "conversation.list",
        "user.get",
        "auth",
        "no.such",
    ]);
    let value = prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(|number| json!(number)),
        ".{0,20}".prop_map(|text| json!(text)),
        Just(json!({"$ne": null})),
        Just(json!(["1", "2"])),
    ];
    let name =
        prop::sample::select(vec!["conversation", "to", "text", "client_id", "limit", "user", "token", "x"]);
    (kind, prop::collection::hash_map(name, value, 0..4)).prop_map(|(kind, fields)| {
        let mut request = json!({"type": kind});
        for (name, value) in fields {
            request[name] = value;
        }
        request
    })
}

impl Throw {
    /// The bytes, and the id of the request if it is one.
    fn bytes(&self, id: u64) -> (Vec<u8>, Option<u64>) {
        match self {
            Self::Request(request, size) => {
                let mut request = request.clone();
                request["id"] = json!(id);
                let text = request.to_string();
                let chunks: Vec<&[u8]> = text.as_bytes().chunks(*size).collect();
                let last = chunks.len() - 1;
                let frames = chunks.iter().enumerate().map(|(nth, chunk)| {
                    frame(u8::from(nth == 0) | if nth == last { 0x80 } else { 0 }, chunk)
                });
                (frames.flatten().collect(), Some(id))
            }
            Self::Text(text) => (frame(0x81, text.as_bytes()), None),
            Self::Frame(first, payload) => (frame(*first, payload), None),
            Self::Bytes(bytes) => (bytes.clone(), None),
        }
    }

    /// Whether frames after it still make sense.
    fn is_sound(&self) -> bool {
        matches!(self, Self::Request(..) | Self::Text(_))
    }
}

async fn survive(server: &Server, throws: Vec<Throw>) -> Result<(), TestCaseError> {
    let mut socket = server.open("1").await;
    let (mut due, mut sound) = (HashMap::new(), true);
    for (id, throw) in (1..).zip(&throws) {
        let (bytes, id) = throw.bytes(id);
        if let (Some(id), true) = (id, sound) {
            due.insert(id, 0);
        }
        sound &= throw.is_sound();
        socket.bytes(&bytes).await;
    }
    // A close of ours ends it, unless it lands inside something unfinished: then the line is cut.
    socket.frame(0x88, &1000_u16.to_be_bytes()).await;
    tokio::io::AsyncWriteExt::shutdown(&mut socket.stream).await.ok();
    let mut unparsable = 0;
    let code = loop {
        match socket.next().await {
            Got::Json(frame) => match frame["id"].as_u64() {
                Some(id) => *due.entry(id).or_default() += 1,
                None => unparsable += u32::from(frame["code"] == "malformed"),
            },
            Got::Ping | Got::Pong(_) => {}
            Got::Close(code) => break code,
            Got::End | Got::Reset => break None,
        }
    };
    let by_us = code.is_none_or(|code| code == 1000 || !sound);
    prop_assert!(by_us || code.is_some_and(|code| CODES.contains(&code)), "{code:?}");
    prop_assert_eq!(code == Some(1008), unparsable >= 3, "{:?} after {}", code, unparsable);
    for (id, answers) in due {
        prop_assert!(answers <= 1, "{id} was answered {answers} times");
    }
    Ok(())
}

/// What is only requests is answered wholly, each once, however it is cut.
async fn answered(server: &Server, requests: Vec<(Value, usize)>) -> Result<(), TestCaseError> {
    let mut socket = server.open("1").await;
    for (id, (request, size)) in (0..).zip(&requests) {
        socket.bytes(&Throw::Request(request.clone(), *size).bytes(id).0).await;
    }
    let mut answers = vec![0; requests.len()];
    while answers.iter().sum::<u32>() < u32::try_from(requests.len()).unwrap() {
        let frame = socket.json().await;
        if let Some(id) = frame["id"].as_u64() {
            prop_assert!(["ok", "error"].contains(&frame["type"].as_str().unwrap()), "{}", frame);
            prop_assert_ne!(&frame["code"], "internal", "{}", requests[usize::try_from(id).unwrap()].0);
            answers[usize::try_from(id).unwrap()] += 1;
        }
    }
    prop_assert!(answers.iter().all(|times| *times == 1), "{answers:?}");
    Ok(())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn nothing_that_is_thrown_at_a_socket_hurts_anybody_else() {
    let runtime = runtime();
    let server = runtime.block_on(Server::start());
    let mut bystander = runtime.block_on(server.open("2"));
    proptest!(ProptestConfig::with_cases(200), |(throws in prop::collection::vec(throw(), 0..12))| {
        runtime.block_on(survive(&server, throws))?;
    });
    let pong = runtime.block_on(bystander.ask(json!({"id": 1, "type": "ping"})));
    assert_eq!(pong["type"], "ok");
}

#[test]
fn every_request_is_answered_once_whatever_it_says() {
    let runtime = runtime();
    let server = runtime.block_on(Server::start());
    proptest!(ProptestConfig::with_cases(100), |(requests in prop::collection::vec((request(), 1_usize..200), 1..20))| {
        runtime.block_on(answered(&server, requests))?;
    });
}
