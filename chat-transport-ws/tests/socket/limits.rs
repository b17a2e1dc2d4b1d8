//! Rates and numbers of sockets.

use serde_json::json;

use crate::raw::message;
use crate::support::Server;

#[tokio::test]
async fn too_many_frames_are_refused_and_ignoring_that_ends_it() {
    let server = Server::with(|limits| limits.frames_per_socket_per_second = 1, |options| options).await;
    let mut socket = server.open("1").await;
    for id in 0..200 {
        socket.send(json!({"id": id, "type": "ping"})).await;
    }
    let (frames, code) = socket.closed().await;
    assert_eq!(code, Some(4429));
    let (notice, answers) = frames.split_last().unwrap();
    assert_eq!((&notice["type"], &notice["code"]), (&json!("closing"), &json!(4429)));
    assert!(notice["retry_after_ms"].as_u64().unwrap() >= 1_000);
    let refused: Vec<_> = answers.iter().filter(|answer| answer["code"] == "rate_limited").collect();
    assert_eq!(refused.len(), 100);
    assert!(refused.iter().all(|answer| answer["retry_after_ms"].as_u64().unwrap() <= 1_000));
    // The burst, and what came back while these were sent.
    assert!(answers.len() - refused.len() >= 5, "{}", answers.len());
}

#[tokio::test]
async fn pings_count_as_frames() {
    let server = Server::with(|limits| limits.frames_per_socket_per_second = 1, |options| options).await;
    let mut socket = server.open("1").await;
    for _ in 0..200 {
        socket.frame(0x89, b"").await;
    }
    socket.closed_with_notice(4429).await;
}

#[tokio::test]
async fn messages_are_limited_by_user_over_all_his_sockets() {
    let server = Server::with(|limits| limits.messages_per_user_per_second = 1, |options| options).await;
    let (mut first, mut second) = (server.open("1").await, server.open("1").await);
    for id in 0..5 {
        let socket = if id % 2 == 0 { &mut first } else { &mut second };
        assert_eq!(socket.ask(message(id, 2, "hi")).await["type"], "ok");
    }
    let refused = second.ask(message(5, 2, "hi")).await;
    assert_eq!(refused["code"], "rate_limited", "{refused}");
    assert!(refused["retry_after_ms"].as_u64().unwrap() <= 1_000);
    // Others, and other requests, are not.
    assert_eq!(second.ask(json!({"id": 6, "type": "ping"})).await["type"], "ok");
    assert_eq!(server.open("3").await.ask(message(7, 2, "hi")).await["type"], "ok");
}

#[tokio::test]
async fn friend_requests_are_limited() {
    let server = Server::with(|limits| limits.friend_requests_per_user_per_hour = 2, |options| options).await;
    let mut socket = server.open("1").await;
    let codes = [2, 3, 4].map(|id| json!({"id": id, "type": "friend.request", "user": id.to_string()}));
    let mut answers = Vec::new();
    for request in codes {
        answers.push(socket.ask(request).await["code"].as_str().unwrap_or("ok").to_owned());
    }
    assert_eq!(answers, ["ok", "ok", "rate_limited"]);
}

#[tokio::test]
async fn a_user_has_so_many_sockets() {
    let server = Server::with(|limits| limits.sockets_per_user_max = 2, |options| options).await;
    let (first, _second) = (server.open("1").await, server.open("1").await);
    let mut third = server.upgrade("/v1/ws", &[("authorization", "Bearer 1")]).await;
    third.closed_with_notice(4429).await;
    let mut by_frame = server.upgrade("/v1/ws", &[]).await;
    by_frame.send(json!({"id": 1, "type": "auth", "token": "1"})).await;
    assert_eq!(by_frame.json().await["code"], "limit_reached");
    by_frame.closed_with_notice(4429).await;
    server.open("2").await;
    drop(first);
}

#[tokio::test]
async fn an_address_has_so_many_sockets_and_the_node_too() {
    let server = Server::with(
        |limits| {
            limits.sockets_per_address_max = 1;
            limits.sockets_per_node_max = 2;
        },
        |options| options.trusted_proxy([127, 0, 0, 1].into()),
    )
    .await;
    let headers = |from| [("x-forwarded-for", from), ("authorization", "Bearer 1")];
    let mut first = server.upgrade("/v1/ws", &headers("192.0.2.1")).await;
    assert_eq!(first.json().await["type"], "hello");
    let mut same = server.upgrade("/v1/ws", &headers("192.0.2.1")).await;
    same.closed_with_notice(4429).await;
    let mut other = server.upgrade("/v1/ws", &headers("192.0.2.2")).await;
    assert_eq!(other.json().await["type"], "hello");
    let mut third = server.upgrade("/v1/ws", &headers("192.0.2.3")).await;
    let notice = third.closed_with_notice(1013).await;
    assert!(notice["retry_after_ms"].as_u64().unwrap() >= 1_000);
}
