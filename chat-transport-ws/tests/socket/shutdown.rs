//! The end of a server, as its clients see it.

use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::raw::{frame, message};
use crate::support::{Server, soon};

#[tokio::test]
async fn everybody_is_told_to_come_back_and_what_was_asked_is_answered() {
    let server = Server::start().await;
    let address = server.address;
    let mut sender = server.open("1").await;
    let mut others = Vec::new();
    for user in 2..6 {
        others.push(server.open(&user.to_string()).await);
    }
    let mut nobody = server.upgrade("/v1/ws", &[]).await;
    let idle = TcpStream::connect(address).await.unwrap();
    let sends: Vec<u8> =
        (0..10).flat_map(|id| frame(0x81, message(id, 2, "hi").to_string().as_bytes())).collect();
    sender.bytes(&sends).await;
    // Whatever the server has taken is answered: the first answer shows that it has begun.
    let first = sender.until(|frame| frame["id"].is_number()).await;
    assert_eq!(first["type"], "ok");
    let ended = server.stop();
    let mut waits = Vec::new();
    for socket in others.iter_mut().chain([&mut nobody]) {
        waits.push(socket.closed_with_notice(1001).await["retry_after_ms"].as_u64().unwrap());
    }
    assert!(waits.iter().all(|wait| (500..=5_000).contains(wait)), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait != waits[0]), "spread: {waits:?}");
    let (frames, code) = sender.closed().await;
    assert_eq!(code, Some(1001));
    assert!(frames.iter().all(|frame| frame["type"] != "error"), "{frames:?}");
    soon(ended).await.unwrap().unwrap();
    let mut rest = Vec::new();
    assert_eq!(
        soon({
            let mut idle = idle;
            async move { idle.read_to_end(&mut rest).await }
        })
        .await
        .unwrap(),
        0
    );
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens any more");
}

#[tokio::test]
async fn a_host_s_own_server_ends_sockets_by_ending_the_chat() {
    let server = Server::start().await;
    let mut socket = server.open("1").await;
    assert_eq!(socket.ask(json!({"id": 1, "type": "ping"})).await["type"], "ok");
    server.chat.shutdown().await;
    socket.closed_with_notice(1001).await;
}
