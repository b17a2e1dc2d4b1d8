//! One process with everything in memory: every route, every frame, every error, every fault of the original.

mod common;

use common::{Person, start};
use reqwest::Method;
use serde_json::{Value, json};
use testbed::people::{EXPIRED, Line, PASSWORD, ask};
use testbed::system::System;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn room(names: &[&str]) -> (tempfile::TempDir, System, Vec<Person>) {
    let data = tempfile::tempdir().expect("a folder");
    let many = "messages_per_user_per_second=1000,frames_per_socket_per_second=1000";
    let server = start(&data, &[("CHAT_LIMIT", many)]);
    let mut people = Vec::new();
    for name in names {
        people.push(Person::sign_up(&server, name).await);
    }
    (data, server, people)
}

fn is_error(body: &Value) -> bool {
    body["error"].is_string() && body.as_object().is_some_and(|object| object.len() == 1)
}

#[tokio::test]
async fn signing_up_and_logging_in_refuse_what_they_must() {
    let (_data, server, _) = room(&["ana"]).await;
    let json = |username: &str, password: &str| json!({ "username": username, "password": password });
    for (path, body, expected) in [
        ("/signup", json("ana", PASSWORD), 409),
        ("/signup", json("ANA", PASSWORD), 409),
        ("/signup", json("b", PASSWORD), 400),
        ("/signup", json("bogdan", "short"), 400),
        ("/signup", json!({ "username": "bogdan" }), 400),
        ("/signup", json!({ "username": { "$ne": null }, "password": PASSWORD }), 400),
        ("/signup", json!({ "username": "bogdan", "password": PASSWORD, "admin": true }), 400),
        ("/login", json("ana", "wrong horse"), 401),
        ("/login", json("nobodyhere", PASSWORD), 401),
        ("/login", json!([]), 400),
    ] {
        let (status, answer) = ask(&server, Method::POST, path, None, Some(body.clone())).await;
        assert_eq!(status, expected, "{path} {body}: {answer}");
        assert!(is_error(&answer), "{answer}");
    }
    let wrong = ask(&server, Method::POST, "/login", None, Some(json("ana", "wrong horse"))).await;
    let unknown = ask(&server, Method::POST, "/login", None, Some(json("nobodyhere", PASSWORD))).await;
    assert_eq!(wrong, unknown, "unknown user and wrong password are not told apart");
    let large = json("ana", &"x".repeat(80_000));
    assert_eq!(ask(&server, Method::POST, "/login", None, Some(large)).await.0, 413);
    assert_eq!(ask(&server, Method::GET, "/login", None, None).await.0, 405);
}

#[tokio::test]
async fn what_there_is_not_is_refused_as_everything_is() {
    let (_data, server, _) = room(&[]).await;
    for (method, path, expected) in
        [(Method::GET, "/nothing", 404), (Method::PUT, "/signup", 405), (Method::GET, "/ws", 400)]
    {
        let (status, answer) = ask(&server, method, path, None, None).await;
        assert_eq!((status, is_error(&answer)), (expected, true), "{path}: {answer}");
    }
    let (status, problem) = ask(&server, Method::GET, "/v1/nothing", None, None).await;
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")), "our own protocol has its own");
    assert_eq!(ask(&server, Method::GET, "/healthz", None, None).await.0, 200);
}

#[tokio::test]
async fn a_token_is_good_for_its_time() {
    let data = tempfile::tempdir().expect("a folder");
    let server = start(&data, &[("CHAT_ACCESS_TOKEN_SECONDS", "2")]);
    let ana = Person::sign_up(&server, "ana").await;
    assert_eq!(ana.get(&server, "/messages").await.0, 200);
    tokio::time::sleep(EXPIRED).await;
    let (status, answer) = ana.get(&server, "/messages").await;
    assert_eq!((status, is_error(&answer)), (401, true), "{answer}");
    let protocols = format!("Bearer, {}", ana.token);
    let shown = [("sec-websocket-protocol", protocols.as_str())];
    assert_eq!(Line::open(&server, "/ws", &shown).await.err(), Some(401));
    assert_eq!(Person::log_in(&server, "ana").await.get(&server, "/messages").await.0, 200);
}

#[tokio::test]
async fn what_was_measured_is_told_to_this_machine_or_to_who_shows_the_token() {
    let (_data, server, people) = room(&["ana"]).await;
    let _line = people[0].connect(&server).await;
    let (status, told) = ask(&server, Method::GET, "/metrics", None, None).await;
    assert_eq!(status, 200);
    assert!(told.as_str().expect("a text").contains("\nchat_sockets_open 1"), "{told}");
    let forwarded = reqwest::Client::new().get(server.url("/metrics")).header("x-forwarded-for", "192.0.2.1");
    assert_eq!(forwarded.send().await.expect("an answer").status(), 403);

    let data = tempfile::tempdir().expect("a folder");
    let server = start(&data, &[("CHAT_METRICS_TOKEN", "who measures")]);
    for (token, expected) in [(None, 401), (Some("who"), 401), (Some("who measures"), 200)] {
        assert_eq!(ask(&server, Method::GET, "/metrics", token, None).await.0, expected);
    }
}

#[tokio::test]
async fn an_address_has_so_many_sockets_whichever_door_they_come_by() {
    let data = tempfile::tempdir().expect("a folder");
    let server = start(&data, &[("CHAT_LIMIT", "sockets_per_address_max=2")]);
    let ana = Person::sign_up(&server, "ana").await;
    let first = ana.connect(&server).await;
    let ours = [("sec-websocket-protocol", &*format!("chat.v1, Bearer, {}", ana.token))];
    let _second = Line::open(&server, "/v1/ws", &ours).await.expect("a socket of our own protocol");
    let protocols = format!("Bearer, {}", ana.token);
    let shown = [("sec-websocket-protocol", protocols.as_str())];
    let knock = || Line::open(&server, "/ws", &shown);
    assert_eq!(knock().await.err(), Some(429));
    // Before anybody asks who it is.
    let nobody = Line::open(&server, "/ws", &[("sec-websocket-protocol", "Bearer, nonsense")]).await;
    assert_eq!(nobody.err(), Some(429));
    drop(first);
    let mut there = knock().await;
    for _ in 0..100 {
        if there.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        there = knock().await;
    }
    assert!(there.is_ok(), "who went made room");
}

#[tokio::test]
async fn history_asks_for_a_token_and_for_nothing_it_does_not_know() {
    let (_data, server, people) = room(&["ana", "bogdan"]).await;
    for path in ["/messages", "/messages/bogdan"] {
        for token in [None, Some("nonsense")] {
            let (status, body) = ask(&server, Method::GET, path, token, None).await;
            assert_eq!(status, 401, "{body}");
            assert!(is_error(&body));
        }
    }
    for (path, expected) in [
        ("/messages/nobodyhere", 404),
        ("/messages?to=nobodyhere", 404),
        ("/messages/ana", 400),
        ("/messages?limit=0", 400),
        ("/messages?limit=201", 400),
        ("/messages?limit=x", 400),
        ("/messages?before=yesterday", 400),
        ("/messages?after=1", 400),
    ] {
        let (status, body) = people[0].get(&server, path).await;
        assert_eq!(status, expected, "{path}: {body}");
        assert!(is_error(&body));
    }
    assert_eq!(people[0].get(&server, "/messages/bogdan").await, (200, json!([])));
    assert_eq!(people[0].get(&server, "/nothing").await.0, 404);
}

#[tokio::test]
async fn a_public_message_comes_once_to_each_however_many_there_are() {
    let (_data, server, people) = room(&["ana", "bogdan", "cyn", "dora", "emil"]).await;
    let mut lines = Vec::new();
    for person in &people {
        lines.push(person.connect(&server).await);
    }
    for nth in 0..5 {
        lines[0].say(None, &format!("one {nth}")).await;
        lines[1].say(Some(""), &format!("two {nth}")).await;
    }
    for line in &mut lines {
        let mut got = line.contents(10).await;
        got.sort_unstable();
        got.dedup();
        assert_eq!(got.len(), 10, "each once: {got:?}");
    }
    // Whatever came after those would come before this.
    lines[2].say(None, "the end").await;
    for line in &mut lines {
        let frame = line.line.next().await.expect("a frame");
        assert_eq!(
            (&frame["from"], &frame["to"], &frame["content"]),
            (&json!("cyn"), &json!(""), &json!("the end"))
        );
        let timestamp = frame["timestamp"].as_str().expect("a time");
        assert!(timestamp.contains('T') && timestamp.ends_with('Z'), "{timestamp}");
    }
    assert_eq!(people[4].contents(&server, "/messages").await.len(), 11);
}

#[tokio::test]
async fn a_private_message_comes_to_every_device_of_the_two_and_to_nobody_else() {
    let (_data, server, people) = room(&["ana", "bogdan", "cyn"]).await;
    let [ana, bogdan, cyn] = &people[..] else { panic!("three") };
    let again = Person::log_in(&server, "bogdan").await;
    assert_ne!(again.token, bogdan.token);
    let mut ana_line = ana.connect(&server).await;
    let (mut phone, mut desk) = (bogdan.connect(&server).await, again.connect(&server).await);
    let mut cyn_line = cyn.connect(&server).await;
    ana_line.say(Some("bogdan"), "between us").await;
    for line in [&mut ana_line, &mut phone, &mut desk] {
        let frame = line.line.next().await.expect("a frame");
        assert_eq!((&frame["from"], &frame["to"]), (&json!("ana"), &json!("bogdan")));
    }
    ana_line.say(None, "to all").await;
    assert_eq!(cyn_line.contents(1).await, ["to all"], "the first that she gets");
    assert_eq!(ana.contents(&server, "/messages/bogdan").await, ["between us"]);
    assert_eq!(bogdan.contents(&server, "/messages?to=ana").await, ["between us"]);
    assert!(cyn.contents(&server, "/messages/ana").await.is_empty());
}

#[tokio::test]
async fn history_is_paged_to_its_beginning_by_position_and_by_time() {
    let (_data, server, people) = room(&["ana"]).await;
    let mut line = people[0].connect(&server).await;
    let said: Vec<String> = (0..25).map(|nth| format!("text {nth}")).collect();
    for content in &said {
        line.say(None, content).await;
    }
    assert_eq!(line.contents(25).await, said);
    for field in ["seq", "timestamp"] {
        let (mut all, mut path) = (Vec::new(), "/messages?limit=10".to_owned());
        loop {
            let (_, page) = people[0].get(&server, &path).await;
            let page = page.as_array().expect("an array").clone();
            let Some(first) = page.first() else { break };
            let before = first[field].to_string().replace('"', "");
            path = format!("/messages?limit=10&before={before}");
            all.splice(0..0, page);
        }
        if field == "seq" {
            assert_eq!(common::contents(&all), said);
        } else {
            // Messages of one millisecond with the first of a page are not before it.
            assert!(common::contents(&all).iter().all(|content| said.contains(content)));
        }
    }
}

#[tokio::test]
async fn what_cannot_be_said_is_answered_and_changes_nothing() {
    let (_data, server, people) = room(&["ana", "bogdan"]).await;
    let mut line = people[0].connect(&server).await;
    for frame in [
        "not json",
        "{}",
        "[]",
        r#"{"content":1}"#,
        r#"{"content":""}"#,
        r#"{"content":"  "}"#,
        r#"{"content":"a\u0000"}"#,
        r#"{"content":"hi","to":"nobodyhere"}"#,
        r#"{"content":"hi","to":"ana"}"#,
        r#"{"content":"hi","from":"bogdan"}"#,
        r#"{"content":"hi","to":{"$ne":null}}"#,
    ] {
        line.line.send(frame).await;
        let answer = line.line.next().await.expect("an answer");
        assert!(is_error(&answer), "{frame}: {answer}");
    }
    line.say(None, "still here").await;
    assert_eq!(line.contents(1).await, ["still here"]);
    assert_eq!(people[1].contents(&server, "/messages").await, ["still here"]);
}

/// The handshake of a client that does not check what is answered, with these subprotocols; gives the head.
async fn handshake(server: &System, protocols: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    let head = format!(
        "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{protocols}\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !answer.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.expect("an answer") > 0 {
        answer.push(byte[0]);
    }
    String::from_utf8(answer).expect("a head is text").to_lowercase()
}

#[tokio::test]
async fn the_token_comes_as_a_subprotocol_in_three_forms_and_is_never_echoed() {
    let (_data, server, people) = room(&["ana"]).await;
    let token = &people[0].token;
    for (protocols, answered) in [
        (format!("sec-websocket-protocol: Bearer, {token}\r\n"), true),
        (format!("sec-websocket-protocol: Bearer\r\nsec-websocket-protocol: {token}\r\n"), true),
        (format!("sec-websocket-protocol: Bearer {token}\r\n"), false),
        (format!("sec-websocket-protocol: {token}\r\n"), false),
    ] {
        let head = handshake(&server, &protocols).await;
        assert!(head.starts_with("http/1.1 101"), "{head}");
        assert_eq!(head.contains("sec-websocket-protocol: bearer\r\n"), answered, "{head}");
        assert!(!head.contains(&token.to_lowercase()), "{head}");
    }
    for protocols in [
        String::new(),
        "sec-websocket-protocol: Bearer\r\n".to_owned(),
        "sec-websocket-protocol: Bearer, nonsense\r\n".to_owned(),
        format!("sec-websocket-protocol: chat, Bearer, {token}\r\n"),
        format!("authorization: Bearer {token}\r\n"),
    ] {
        let head = handshake(&server, &protocols).await;
        assert!(head.starts_with("http/1.1 401"), "{protocols}: {head}");
    }
}

#[tokio::test]
async fn a_stuck_client_holds_up_nobody() {
    let (_data, server, people) = room(&["ana", "bogdan"]).await;
    let stuck = people[1].connect(&server).await;
    let mut line = people[0].connect(&server).await;
    let large = "x".repeat(8_000);
    for nth in 0..400 {
        line.say(None, &format!("{nth} {large}")).await;
        assert_eq!(line.contents(1).await.len(), 1);
    }
    drop(stuck);
}
