//! What the server answers besides the chat: whether it is well, what it measured, the page.

mod common;

use common::{Server, program};
use reqwest::{Client, StatusCode};

#[tokio::test]
async fn it_is_alive_and_ready() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    assert_eq!(server.get("/healthz").await.0, 200);
    assert_eq!(server.get("/readyz").await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn the_page_is_at_the_root_beside_the_api() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let page = reqwest::get(server.url("/")).await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    let unknown = reqwest::get(server.url("/nowhere")).await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(unknown.headers()["content-type"], "application/problem+json");
    server.stop().await;
}

#[tokio::test]
async fn without_a_token_metrics_are_for_this_machine_only() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let (status, text) = server.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(text.lines().any(|line| line.starts_with("# TYPE ")), "{text}");
    let proxied = Client::new().get(server.url("/metrics")).header("x-forwarded-for", "192.0.2.1");
    assert_eq!(proxied.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let foreign = Client::new().get(server.url("/metrics")).header("host", "chat.example.org");
    assert_eq!(foreign.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    server.stop().await;
}

#[tokio::test]
async fn with_a_token_metrics_are_for_who_shows_it() {
    let data = tempfile::tempdir().unwrap();
    let mut command = program(data.path());
    command.env("CHAT_METRICS_TOKEN", "open sesame");
    let server = Server::from(command).await;
    let ask = |token: &str| Client::new().get(server.url("/metrics")).bearer_auth(token).send();
    assert_eq!(ask("open sesame").await.unwrap().status(), StatusCode::OK);
    assert_eq!(ask("close sesame").await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(server.get("/metrics").await.0, 401);
    let ended = server.stop().await;
    assert!(!ended.err.contains("sesame"), "a token is never logged");
}
