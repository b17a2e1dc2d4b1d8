//! Golden frames: what clients outside this repository are written against.
//!
//! Each file in `tests/golden` holds frames under their names. With `UPDATE_GOLDEN=1` they are written anew; what
//! changed is then to be judged in the diff.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use chat_core::{Limits, Refusal};
use serde_json::Value;

use super::{samples, speak};
use crate::problem::{Code, Failure};
use crate::wire::events::EVENTS;
use crate::wire::requests::REQUESTS;
use crate::wire::{
    Asked, Hello, Incoming, Request, Resume, closing, done, event, failure, hello, parse, reply,
};

/// Compares frames with the file that pins them.
fn assert_golden<'n>(file: &str, frames: impl IntoIterator<Item = (&'n str, String)>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    let mut text = String::new();
    for (name, frame) in frames {
        writeln!(text, "# {name}\n{frame}").unwrap();
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let pinned = std::fs::read_to_string(&path).unwrap_or_default();
    for (now, pinned) in text.lines().zip(pinned.lines()) {
        assert_eq!(now, pinned, "in {file}; UPDATE_GOLDEN=1 writes it anew");
    }
    assert_eq!(text.lines().count(), pinned.lines().count(), "frames of {file}");
}

fn text(frame: &Bytes) -> String {
    String::from_utf8(frame.to_vec()).unwrap()
}

fn type_of(frame: &str) -> String {
    serde_json::from_str::<Value>(frame).unwrap()["type"].as_str().unwrap().to_owned()
}

#[test]
fn requests() {
    let ana = samples::user(samples::ANA);
    let mut frames = vec![
        ("auth", r#"{"id":0,"resume":true,"token":"t-1","type":"auth"}"#.to_owned()),
        ("auth, live at once", r#"{"id":0,"token":"t-1","type":"auth"}"#.to_owned()),
    ];
    for ((name, frame), resume) in frames.iter().zip([Resume::AwaitSync, Resume::Live]) {
        let auth = Incoming::Auth { token: "t-1".to_owned(), resume };
        assert_eq!(parse(frame, None), Ok(Request { id: 0, what: Ok(auth) }), "{name}");
    }
    for (name, command) in samples::commands() {
        let frame = speak::frame(7, ana, &command).to_string();
        let read = parse(&frame, Some(ana));
        assert_eq!(read, Ok(Request { id: 7, what: Ok(Incoming::Command(command)) }), "{name}");
        frames.push((name, frame));
    }
    let pinned: BTreeSet<String> = frames.iter().map(|(_, frame)| type_of(frame)).collect();
    let known: BTreeSet<String> = REQUESTS.iter().map(|kind| kind.name.to_owned()).collect();
    assert_eq!(pinned, known, "every request has a golden frame");
    assert_golden("requests.txt", frames);
}

#[test]
fn replies() {
    let ana = samples::user(samples::ANA);
    let frames = samples::replies().into_iter().map(|(name, command, answer)| {
        let asked = Asked::new(7, ana, &command);
        (name, text(&reply(&asked, &answer)))
    });
    assert_golden("replies.txt", frames.chain([("done", text(&done(0)))]));
}

#[test]
fn events() {
    let ana = samples::user(samples::ANA);
    let (me, limits) = (samples::me(), Limits::default());
    let hello = hello(&Hello {
        user: &me,
        session: samples::uuid(1).into(),
        connection: samples::uuid(2),
        epoch: samples::uuid(3),
        server_time: samples::at(0),
        heartbeat: Duration::from_secs(25),
        limits: &limits,
    });
    let mut frames = vec![
        ("hello", text(&hello)),
        ("closing", text(&closing(4401, None))),
        ("closing, come back", text(&closing(1013, Some(Duration::from_millis(1_500))))),
    ];
    frames.extend(samples::events().iter().map(|(name, pushed)| (*name, text(&event(pushed, ana)))));
    let pinned: BTreeSet<String> = frames.iter().map(|(_, frame)| type_of(frame)).collect();
    let known: BTreeSet<String> = EVENTS.iter().map(|kind| kind.name.to_owned()).collect();
    assert_eq!(pinned, known, "every event has a golden frame");
    assert_golden("events.txt", frames);
}

#[test]
fn failures() {
    let limited = Failure::new(Code::RateLimited, "too often").retry_after(Duration::from_millis(250));
    let frames = [
        ("malformed", failure(None, &Failure::new(Code::Malformed, "EOF while parsing a value"))),
        ("a field", failure(Some(7), &Failure::invalid("/metadata/a~1b/0", "must not be null"))),
        ("of the engine", failure(Some(0), &Refusal::NotFoundAt { field: "/user" }.into())),
        ("limited", failure(Some((1 << 53) - 1), &limited)),
    ];
    assert_golden("failures.txt", frames.iter().map(|(name, frame)| (*name, text(frame))));
}

/// One encoding for all who get the same event.
#[test]
fn an_event_is_encoded_once() {
    let ana = samples::user(samples::ANA);
    for (name, pushed) in samples::events() {
        let is_shared = !matches!(pushed, chat_core::Event::Gone(_) | chat_core::Event::Reset { .. });
        let (one, other) = (event(&pushed, ana), event(&pushed.clone(), ana));
        assert_eq!(one, other);
        assert_eq!(one.as_ptr() == other.as_ptr(), is_shared, "{name}");
    }
}

#[test]
fn absent_is_absent() {
    // Where null is a value: in a change what was taken away, and in the client's own data.
    let own = ["\"picture\":null", "\"~\":null"];
    for file in ["replies.txt", "events.txt", "failures.txt"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
        let frames =
            own.iter().fold(std::fs::read_to_string(path).unwrap(), |text, own| text.replace(own, ""));
        assert!(!frames.contains(":null"), "{file}");
    }
}
