//! Every way in, and who is kept out.

use serde_json::json;

use crate::raw::{Got, Raw};
use crate::support::Server;

#[tokio::test]
async fn the_header_lets_in_and_hello_tells_where_one_is() {
    let server = Server::start().await;
    let mut socket = server.upgrade("/v1/ws", &[("authorization", "Bearer 7/3")]).await;
    assert_eq!(socket.header("sec-websocket-accept"), Some("s3pplmbitxaq9kygzzhzrbk+xoo="));
    let hello = socket.json().await;
    assert_eq!(hello["user"]["id"], "7");
    assert_eq!(hello["session"], "00000000-0000-0000-0000-000000000003");
    assert_eq!(hello["heartbeat_ms"], 25_000);
    assert_eq!(hello["epoch"], server.chat.epoch().to_string());
    assert_eq!(hello["limits"]["frame_bytes_max"], 65_536);
    assert_eq!(socket.ask(json!({"id": 0, "type": "ping"})).await["type"], "ok");
}

#[tokio::test]
async fn a_refused_header_is_an_http_answer() {
    let server = Server::start().await;
    for (token, status, code) in
        [("nobody", 401, "unauthenticated"), ("expired", 401, "token_expired"), ("down", 503, "unavailable")]
    {
        let bearer = format!("Bearer {token}");
        // The header wins over other ways, also when it is the one that fails.
        let headers = [("authorization", bearer.as_str()), ("sec-websocket-protocol", "chat.v1, Bearer, 7")];
        let answer = server.upgrade("/v1/ws", &headers).await;
        assert_eq!((answer.status(), &answer.body["code"]), (status, &json!(code)), "{token}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
}

#[tokio::test]
async fn a_token_may_come_as_a_subprotocol_and_is_not_repeated() {
    let server = Server::start().await;
    let mut socket = server.upgrade("/v1/ws", &[("sec-websocket-protocol", "chat.v1, Bearer, 7")]).await;
    assert_eq!(socket.header("sec-websocket-protocol"), Some("chat.v1"));
    assert_eq!(socket.json().await["user"]["id"], "7");
    let mut refused = server.upgrade("/v1/ws", &[("sec-websocket-protocol", "chat.v1, Bearer, no")]).await;
    assert_eq!(refused.status(), 101);
    refused.closed_with_notice(4401).await;
}

#[tokio::test]
async fn a_ticket_may_come_in_the_query() {
    let server = Server::start().await;
    let mut socket = server.upgrade("/v1/ws?ticket=ticket-7", &[]).await;
    assert_eq!(socket.json().await["user"]["id"], "7");
    let mut refused = server.upgrade("/v1/ws?ticket=used", &[]).await;
    assert_eq!(refused.status(), 101);
    refused.closed_with_notice(4401).await;
}

#[tokio::test]
async fn the_first_frame_may_tell() {
    let server = Server::start().await;
    let mut socket = server.upgrade("/v1/ws", &[]).await;
    socket.frame(0x89, b"before").await;
    assert_eq!(socket.next().await, Got::Pong(b"before".to_vec()));
    socket.send(json!({"id": 1, "type": "auth", "token": "7"})).await;
    socket.send(json!({"id": 2, "type": "ping"})).await;
    assert_eq!(socket.json().await, json!({"id": 1, "type": "ok"}));
    assert_eq!(socket.json().await["type"], "hello");
    assert_eq!(socket.json().await["id"], 2);
}

#[tokio::test]
async fn a_first_frame_that_does_not_let_in_is_answered_and_ends_it() {
    let server = Server::start().await;
    for (first, code) in [
        (json!({"id": 1, "type": "auth", "token": "no"}), "unauthenticated"),
        (json!({"id": 1, "type": "auth", "token": "expired"}), "token_expired"),
        (json!({"id": 1, "type": "auth"}), "validation_failed"),
        (json!({"id": 1, "type": "ping"}), "unauthenticated"),
        (json!({"id": "1", "type": "auth", "token": "7"}), "malformed"),
    ] {
        let mut socket = server.upgrade("/v1/ws", &[]).await;
        socket.send(first.clone()).await;
        let answer = socket.json().await;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!(code)), "{first}");
        socket.closed_with_notice(4401).await;
    }
    let mut socket = server.upgrade("/v1/ws", &[]).await;
    socket.send(json!({"id": 1, "type": "auth", "token": "down"})).await;
    assert_eq!(socket.json().await["code"], "unavailable");
    socket.closed_with_notice(1013).await;
}

#[tokio::test]
async fn who_does_not_say_who_he_is_has_five_seconds() {
    let server = Server::start().await;
    let mut socket = server.upgrade("/v1/ws", &[]).await;
    socket.closed_without_notice(4408).await;
}

#[tokio::test]
async fn a_newer_token_renews_and_another_person_s_changes_nothing() {
    let server = Server::start().await;
    let mut socket = server.open("7/3").await;
    for (id, token, code) in [
        (1, "7/3", None),
        (2, "7/4", Some("forbidden")),
        (3, "8/3", Some("forbidden")),
        (4, "7", Some("forbidden")),
        (5, "expired", Some("token_expired")),
    ] {
        let answer = socket.ask(json!({"id": id, "type": "auth", "token": token})).await;
        assert_eq!(answer["code"].as_str(), code, "{token}: {answer}");
    }
    assert_eq!(socket.ask(json!({"id": 6, "type": "ping"})).await["type"], "ok");
}

#[tokio::test]
async fn pages_of_other_origins_are_kept_out() {
    let server = Server::with(|_| (), |options| options.allowed_origin("https://app.example")).await;
    let own = format!("http://{}", server.address);
    for (origin, status) in [
        (own.as_str(), 101),
        ("https://app.example", 101),
        ("http://app.example", 403),
        ("https://app.example:8443", 403),
        ("null", 403),
    ] {
        let headers = [("origin", origin), ("authorization", "Bearer 7")];
        assert_eq!(server.upgrade("/v1/ws", &headers).await.status(), status, "{origin}");
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_refused() {
    let server = Server::start().await;
    let bearer = [("authorization", "Bearer 7")];
    let answer = server.upgrade("/v1/ws?resume=maybe", &bearer).await;
    assert_eq!((answer.status(), &answer.body["field"]), (422, &json!("?resume")));
    let answer = Raw::get(server.address, "/v1/ws", &bearer).await;
    assert_eq!((answer.status(), &answer.body["code"]), (400, &json!("malformed")));
    assert_eq!(answer.header("sec-websocket-version"), Some("13"));
}
