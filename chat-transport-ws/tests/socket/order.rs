//! The promises about order, and that nothing is lost.

use serde_json::{Value, json};

use crate::raw::{Got, Raw, frame, message, text_of};
use crate::support::Server;

/// The next `entry` event.
async fn entry(socket: &mut Raw) -> Value {
    socket.until(|frame| frame["type"] == "entry").await
}

#[tokio::test]
async fn thirty_two_sends_in_flight_keep_their_order_everywhere() {
    let server = Server::start().await;
    let (mut sender, mut other) = (server.open("1").await, server.open("1").await);
    let mut receiver = server.open("2").await;
    sender.ask(message(1000, 2, "first")).await;
    for socket in [&mut other, &mut receiver] {
        entry(socket).await;
    }
    let frames: Vec<u8> =
        (0..32).flat_map(|id| frame(0x81, message(id, 2, &id.to_string()).to_string().as_bytes())).collect();
    sender.bytes(&frames).await;
    let expected: Vec<String> = (0..32).map(|id: u64| id.to_string()).collect();
    for socket in [&mut other, &mut receiver] {
        let mut texts = Vec::new();
        for _ in 0..32 {
            texts.push(text_of(&entry(socket).await).to_owned());
        }
        assert_eq!(texts, expected);
    }
    // The sender's own connection gets answers and entries, each of the two in order of seq.
    let (mut seqs, mut entries) = (Vec::new(), Vec::new());
    while seqs.len() < 32 || entries.len() < 32 {
        let frame = sender.json().await;
        match frame["type"].as_str() {
            Some("ok") => {
                seqs.push((frame["id"].as_u64().unwrap(), frame["message"]["seq"].as_u64().unwrap()));
            }
            Some("entry") if text_of(&frame) != "first" => entries.push(text_of(&frame).to_owned()),
            _ => {}
        }
    }
    seqs.sort_unstable();
    assert!(seqs.is_sorted_by_key(|(_, seq)| *seq), "{seqs:?}");
    assert_eq!(entries, expected);
}

#[tokio::test]
async fn a_message_in_fragments_between_pings_is_one() {
    let server = Server::start().await;
    let mut socket = server.open("1").await;
    let request = message(1, 2, "päng").to_string();
    let bytes = request.as_bytes();
    let middle = request.find('ä').unwrap() + 1;
    socket.frame(0x01, &bytes[..middle]).await;
    socket.frame(0x89, b"alive").await;
    assert_eq!(socket.next().await, Got::Pong(b"alive".to_vec()));
    socket.frame(0x00, b"").await;
    socket.frame(0x80, &bytes[middle..]).await;
    let answer = socket.until(|frame| frame["id"] == 1).await;
    assert_eq!(answer["message"]["text"], "päng", "{answer}");
}

#[tokio::test]
async fn who_reads_slowly_gets_everything_in_order() {
    // More than the connection and the session's queue hold together.
    const MESSAGES: u64 = 1_500;
    let server = Server::start().await;
    let mut sender = server.open("1").await;
    let mut slow = server.open("2").await;
    let text = "x".repeat(8_000);
    for id in 0..MESSAGES {
        assert_eq!(sender.ask(message(id, 2, &text)).await["type"], "ok");
    }
    for seq in 1..=MESSAGES {
        let entry = entry(&mut slow).await;
        assert_eq!((entry["seq"].as_u64(), text_of(&entry).len()), (Some(seq), text.len()));
    }
    // And it is live again.
    sender.ask(message(MESSAGES, 2, "last")).await;
    assert_eq!(text_of(&entry(&mut slow).await), "last");
}

#[tokio::test]
async fn a_cut_line_is_resumed_where_it_was() {
    let server = Server::start().await;
    let mut sender = server.open("1").await;
    let mut receiver = server.open("2").await;
    let sent = sender.ask(message(0, 2, "0")).await;
    let conversation = sent["message"]["conversation"].as_str().unwrap().to_owned();
    assert_eq!(text_of(&entry(&mut receiver).await), "0");
    drop(receiver);
    for id in 1..=20 {
        sender.ask(message(id, 2, &id.to_string())).await;
    }
    let mut receiver = server.open_at("/v1/ws?resume=true", "2").await;
    sender.ask(message(21, 2, "21")).await;
    let epoch = server.chat.epoch().to_string();
    let seq = sent["message"]["seq"].clone();
    receiver
        .send(json!({"id": 1, "type": "sync", "epoch": epoch, "conversations": {conversation.as_str(): seq}}))
        .await;
    // Nothing before the answer, though a message was sent after the socket opened.
    let answer = receiver.json().await;
    assert_eq!(answer["id"], 1, "{answer}");
    assert_eq!(answer["conversations"][&conversation]["state"], "complete", "{answer}");
    sender.ask(message(22, 2, "22")).await;
    for id in 1..=22 {
        assert_eq!(text_of(&entry(&mut receiver).await), id.to_string());
    }
}

#[tokio::test]
async fn the_same_id_twice_in_flight_is_answered_twice() {
    let server = Server::start().await;
    let mut socket = server.open("1").await;
    let ping = json!({"id": 1, "type": "ping"}).to_string();
    socket.bytes(&frame(0x81, ping.as_bytes()).repeat(2)).await;
    for _ in 0..2 {
        assert_eq!(socket.json().await["id"], 1);
    }
}

#[tokio::test]
async fn more_requests_than_may_be_under_way_are_all_answered() {
    let server = Server::start().await;
    let mut socket = server.open("1").await;
    let frames: Vec<u8> =
        (0..1000).flat_map(|id| frame(0x81, message(id, 2, "hi").to_string().as_bytes())).collect();
    let mut answered = vec![0; 1000];
    let (mut reader, mut writer) = (Vec::new(), frames.chunks(16 * 1024));
    loop {
        if let Some(chunk) = writer.next() {
            socket.bytes(chunk).await;
        }
        let frame = socket.json().await;
        if let Some(id) = frame["id"].as_u64() {
            answered[usize::try_from(id).unwrap()] += 1;
            reader.push(frame["message"]["seq"].as_u64().unwrap());
        }
        if reader.len() == 1000 {
            break;
        }
    }
    assert!(answered.iter().all(|times| *times == 1));
}
