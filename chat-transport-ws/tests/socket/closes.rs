//! Every close code, seen by the peer.

use serde_json::json;

use crate::raw::{Got, frame};
use crate::support::{Server, login};

#[tokio::test]
async fn faults_of_framing_have_their_codes() {
    let server = Server::start().await;
    let too_large = vec![b'x'; 65_537];
    for (what, bytes, code) in [
        ("binary", frame(0x82, b"x"), 1003),
        ("not UTF-8", frame(0x81, b"\xff"), 1007),
        ("not masked", vec![0x81, 0x01, b'x'], 1002),
        ("reserved bits", frame(0xc1, b"x"), 1002),
        ("a continuation of nothing", frame(0x80, b"x"), 1002),
        ("too large", frame(0x81, &too_large), 1009),
        ("too large by its declared length", frame(0x81, &too_large)[..10].to_vec(), 1009),
        (
            "too large in sum",
            [frame(0x01, &too_large[..40_000]), frame(0x80, &too_large[..30_000])].concat(),
            1009,
        ),
    ] {
        let mut socket = server.open("1").await;
        socket.send(json!({"id": 1, "type": "ping"})).await;
        socket.bytes(&bytes).await;
        let frames = socket.closed_without_notice(code).await;
        assert_eq!(frames.len(), 1, "{what}: what was asked before is answered: {frames:?}");
        assert_eq!(frames[0]["id"], 1);
    }
}

#[tokio::test]
async fn the_largest_frame_is_taken() {
    let server = Server::start().await;
    let mut socket = server.open("1").await;
    let request = json!({"id": 1, "type": "ping"}).to_string();
    let padded = request + &" ".repeat(65_536 - r#"{"id":1,"type":"ping"}"#.len());
    assert_eq!(padded.len(), 65_536);
    socket.text(&padded).await;
    assert_eq!(socket.json().await["id"], 1);
}

#[tokio::test]
async fn three_frames_that_cannot_be_parsed_are_answered_and_end_it() {
    let server = Server::start().await;
    let mut socket = server.open("1").await;
    for text in ["{", "[]"] {
        socket.text(text).await;
        let answer = socket.json().await;
        assert_eq!((&answer["code"], answer.get("id")), (&json!("malformed"), None));
    }
    // What has an id is a request, whatever is wrong with it, and does not count.
    assert_eq!(socket.ask(json!({"id": 1, "type": "no such"})).await["field"], "/type");
    socket.text("\u{feff}{}").await;
    assert_eq!(socket.closed_without_notice(1008).await.len(), 1);
}

#[tokio::test]
async fn a_login_that_ends_closes_its_sockets_and_no_others() {
    let server = Server::start().await;
    let mut ended = server.open("1/10").await;
    let mut other = server.open("1/11").await;
    server.chat.end_session(login(10));
    ended.closed_with_notice(4401).await;
    assert_eq!(other.ask(json!({"id": 1, "type": "ping"})).await["type"], "ok");
}

#[tokio::test]
async fn the_peer_s_close_is_answered_with_its_code() {
    let server = Server::start().await;
    for code in [Some(1000_u16), Some(4999), None] {
        let mut socket = server.open("1").await;
        socket.frame(0x88, &code.map_or(Vec::new(), |code| code.to_be_bytes().to_vec())).await;
        assert_eq!(socket.next().await, Got::Close(code));
        assert_eq!(socket.next().await, Got::End);
    }
}

#[tokio::test]
async fn a_line_that_is_cut_frees_its_place() {
    let server = Server::with(|limits| limits.sockets_per_user_max = 1, |options| options).await;
    for _ in 0..3 {
        let socket = server.open("1").await;
        drop(socket);
        while server.chat.connected() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
