use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use chat_core::Chat;
use chat_core::memory::MemoryStore;
use serde_json::Value;

use super::{ANA, Numbers, Rest};
use crate::rest::operations::OPERATIONS;
use crate::{Options, router};

async fn anonymous(rest: &Rest, path: &str) -> super::Answer {
    rest.send(Request::builder().uri(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_process_and_the_store_are_there() {
    let rest = Rest::new().await;
    assert_eq!(anonymous(&rest, "/healthz").await.ok(200)["status"], "alive");
    assert_eq!(anonymous(&rest, "/readyz").await.ok(200)["status"], "ready");
}

#[tokio::test]
async fn the_documents_are_served() {
    let rest = Rest::new().await;
    let openapi = anonymous(&rest, "/v1/openapi.json").await.ok(200);
    assert_eq!(openapi["openapi"], "3.1.0");
    assert!(openapi["paths"]["/v1/sessions"].is_null(), "there are no accounts here");
    assert_eq!(anonymous(&rest, "/v1/asyncapi.json").await.ok(200)["asyncapi"], "3.0.0");

    let docs = anonymous(&rest, "/docs").await;
    let policy = docs.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(docs.headers["referrer-policy"], "no-referrer");
    let page = docs.ok(200).as_str().unwrap().to_owned();
    assert!(!page.contains("<script"));
    for operation in OPERATIONS {
        assert!(
            page.contains(&format!("{} /v1{}", operation.verb.method(), operation.path)),
            "{}",
            operation.path
        );
    }
}

/// Whatever OpenAPI names is a route of this router.
#[tokio::test]
async fn every_documented_path_is_routed() {
    let rest = Rest::new().await;
    let openapi = anonymous(&rest, "/v1/openapi.json").await.ok(200);
    for (path, methods) in openapi["paths"].as_object().unwrap() {
        let concrete = path
            .replace("{conversation}", "01900000-0000-7000-8000-000000000001")
            .replace("{user}", "2")
            .replace("{seq}", "1");
        for method in methods.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let request = Request::builder().method(&method).uri(&concrete).body(Body::empty()).unwrap();
            // Nobody asks, so whatever is there says so before it looks for anything.
            let status = rest.send(request).await.status.as_u16();
            assert!(matches!(status, 200 | 400 | 401 | 422), "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn every_answer_is_marked() {
    let rest = Rest::new().await;
    for path in ["/healthz", "/docs", "/v1/friends", "/v1/ws", "/nowhere"] {
        let answer = anonymous(&rest, path).await;
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
        assert!(!answer.headers["x-request-id"].is_empty(), "{path}");
    }
    assert_eq!(rest.get(ANA, "/v1/friends").await.headers["cache-control"], "no-store");
    let given = |id: &'static str| {
        Request::builder().uri("/healthz").header("x-request-id", id).body(Body::empty()).unwrap()
    };
    assert_eq!(rest.send(given("abc-1")).await.headers["x-request-id"], "abc-1");
    assert_ne!(rest.send(given("a b")).await.headers["x-request-id"], "a b");
}

async fn from_page(rest: &Rest, method: Method, path: &str, origin: &str) -> super::Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "chat.example")
        .header("origin", origin)
        .header("authorization", "Bearer 1")
        .header("access-control-request-method", "PUT");
    rest.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn pages_of_allowed_origins_may_ask_by_name() {
    let chat = Chat::builder(MemoryStore::new()).build().await.unwrap();
    let options =
        Options::new(Numbers).allowed_origin("https://app.example").public_url("https://public.example");
    let rest = Rest(router(chat, options));
    for allowed in ["https://app.example", "https://public.example"] {
        let preflight = from_page(&rest, Method::OPTIONS, "/v1/friends/2/request", allowed).await;
        assert_eq!(preflight.headers["access-control-allow-origin"], allowed);
        from_page(&rest, Method::PUT, "/v1/friends/2/request", allowed).await.ok(200);
    }
    let preflight = from_page(&rest, Method::OPTIONS, "/v1/friends/2/request", "https://evil.example").await;
    assert!(!preflight.headers.contains_key("access-control-allow-origin"));
    // A cookie would go along with what needs no preflight.
    from_page(&rest, Method::POST, "/v1/tickets", "https://evil.example").await.refused(
        404,
        "not_found",
        None,
    );
    from_page(&rest, Method::PUT, "/v1/friends/2/request", "https://evil.example").await.refused(
        403,
        "forbidden",
        None,
    );
    from_page(&rest, Method::PUT, "/v1/friends/2/request", "https://chat.example").await.ok(200);
}

#[tokio::test]
async fn it_nests_under_a_prefix() {
    let chat = Chat::builder(MemoryStore::new()).build().await.unwrap();
    let host = Router::new().nest("/chat", router(chat, Options::new(Numbers)));
    let rest = Rest(host);
    rest.get(ANA, "/chat/v1/friends").await.ok(200);
    rest.get(ANA, "/chat/v1/nothing").await.refused(404, "not_found", None);
    let docs: Value = anonymous(&rest, "/chat/docs").await.ok(200);
    assert!(docs.as_str().unwrap().contains("href=\"v1/openapi.json\""));
}
