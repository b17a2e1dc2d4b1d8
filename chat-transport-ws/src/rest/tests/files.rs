//! Files over HTTP: brought whole, as a form and in pieces; given in ranges to who may see them, and to nobody else.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use bytes::Bytes;
use chat_attachments::{ObjectFiles, Options as FileOptions, Types};
use chat_core::memory::MemoryStore;
use chat_core::{Chat, Limits};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{ANA, Answer, BO, CY, Numbers, Rest};
use crate::{Options, router};

/// Where files are brought.
const PATH: &str = "/v1/attachments";

/// A PNG of one pixel.
const DOT: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

/// Ana and Bo are friends here, and files have 1 000 bytes at most.
async fn rest() -> Rest {
    let mut limits = Limits::default();
    limits.set("attachment_bytes_max", 1_000).unwrap();
    limits.set("attachments_unsent_per_user_max", 3).unwrap();
    let types = Types::new(["image/*", "text/plain", "application/octet-stream"]).unwrap();
    let files = ObjectFiles::open("memory:", FileOptions::default().types(types)).unwrap();
    let chat = Chat::builder(MemoryStore::new()).limits(limits).files(Arc::new(files)).build().await.unwrap();
    let rest = Rest(router(chat, Options::new(Numbers)));
    rest.put(ANA, "/v1/friends/2/request", None).await.ok(200);
    rest.put(BO, "/v1/friends/1/accept", None).await.ok(200);
    rest
}

impl Rest {
    async fn bytes(&self, user: u64, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {user}"));
        self.send(request.header("content-type", "image/png").body(body.into()).unwrap()).await
    }

    async fn bring(&self, user: u64, path: &str, body: &'static [u8]) -> Answer {
        self.bytes(user, Method::POST, path, body).await
    }

    async fn file(&self, name: &str, body: &'static [u8]) -> String {
        let made = self.bring(ANA, &format!("/v1/attachments?name={name}"), body).await.ok(201);
        made["id"].as_str().unwrap().to_owned()
    }

    async fn message(&self, files: &[&str]) -> Answer {
        let body = json!({ "client_id": format!("c-{}", files[0]), "attachments": files });
        self.post(ANA, &format!("{}/messages", self.direct().await), body).await
    }

    /// A file as it is given, with one more header.
    async fn give(&self, user: u64, id: &str, header: Option<(&str, &str)>) -> (u16, Headers, Bytes) {
        let mut request = Request::builder()
            .uri(format!("/v1/attachments/{id}"))
            .header("authorization", format!("Bearer {user}"));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let answer = self.0.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        (parts.status.as_u16(), Headers(parts.headers), body.collect().await.unwrap().to_bytes())
    }
}

struct Headers(axum::http::HeaderMap);

impl Headers {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[tokio::test]
async fn a_file_is_brought_sent_and_given() {
    let rest = rest().await;
    let made = rest.bring(ANA, "/v1/attachments?name=gr%C3%BCn.txt", b"hello").await.ok(201);
    assert_eq!((&made["name"], &made["bytes"]), (&json!("gr\u{fc}n.txt"), &json!(5)));
    assert_eq!(made["content_type"], "text/plain", "what the sender said of it counts for nothing");
    let id = made["id"].as_str().unwrap();
    rest.get(BO, &format!("/v1/attachments/{id}")).await.refused(404, "not_found", None);
    let sent = rest.message(&[id]).await.ok(201);
    assert_eq!(sent["message"]["attachments"], json!([made]));
    assert!(sent["message"].get("text").is_none());
    let (status, headers, bytes) = rest.give(BO, id, None).await;
    assert_eq!((status, &bytes[..]), (200, &b"hello"[..]));
    for (name, value) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", "5"),
        ("content-disposition", "attachment; filename=\"gr_n.txt\"; filename*=UTF-8''gr%C3%BCn.txt"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "private, no-cache"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(headers.get(name), value, "{name}");
    }
    rest.get(CY, &format!("/v1/attachments/{id}")).await.refused(404, "not_found", None);
    rest.get(BO, &format!("/v1/attachments/{id}/upload")).await.refused(404, "not_found", None);
    rest.get(BO, &format!("/v1/attachments/{id}/thumbnail")).await.refused(404, "not_found", None);
}

#[tokio::test]
async fn pictures_are_shown_in_place_and_nothing_else_is() {
    let rest = rest().await;
    let dot = rest.file("dot.gif", DOT).await;
    let (_, headers, bytes) = rest.give(ANA, &dot, None).await;
    assert_eq!(headers.get("content-type"), "image/png");
    assert!(headers.get("content-disposition").starts_with("inline; "));
    assert!(bytes.starts_with(b"\x89PNG"));
    let page = rest.file("page.png", b"<!DOCTYPE html><script>alert(1)</script>").await;
    let (_, headers, _) = rest.give(ANA, &page, None).await;
    assert_eq!(headers.get("content-type"), "text/plain; charset=utf-8");
    assert!(headers.get("content-disposition").starts_with("attachment; "));
}

#[tokio::test]
async fn ranges_and_what_is_known() {
    let rest = rest().await;
    let id = rest.file("a", b"0123456789").await;
    let (status, headers, bytes) = rest.give(ANA, &id, Some(("range", "bytes=2-4"))).await;
    assert_eq!((status, &bytes[..]), (206, &b"234"[..]));
    assert_eq!((headers.get("content-range"), headers.get("content-length")), ("bytes 2-4/10", "3"));
    let (status, headers, _) = rest.give(ANA, &id, Some(("range", "bytes=10-"))).await;
    assert_eq!((status, headers.get("content-range")), (416, "bytes */10"));
    let (_, headers, _) = rest.give(ANA, &id, None).await;
    let tag = headers.get("etag").to_owned();
    let (status, _, bytes) = rest.give(ANA, &id, Some(("if-none-match", &tag))).await;
    assert_eq!((status, bytes.len()), (304, 0));
    let (status, _, _) = rest.give(BO, &id, Some(("if-none-match", &tag))).await;
    assert_eq!(status, 404, "who may not see it is not told that it is the same");
    let head = rest.bytes(ANA, Method::HEAD, &format!("/v1/attachments/{id}"), Body::empty()).await;
    assert_eq!((head.status.as_u16(), head.body), (200, json!("")));
}

#[tokio::test]
async fn a_file_comes_in_pieces() {
    let rest = rest().await;
    let begun = rest.bring(ANA, "/v1/attachments?name=a&bytes=10", b"").await.ok(201);
    assert_eq!((&begun["received"], &begun["bytes"]), (&json!(0), &json!(10)));
    let path = format!("/v1/attachments/{}", begun["id"].as_str().unwrap());
    let go_on = async |user, offset: u64, body: &'static [u8]| {
        rest.bytes(user, Method::PATCH, &format!("{path}?offset={offset}"), body).await
    };
    assert_eq!(go_on(ANA, 0, b"0123").await.ok(200)["received"], 4);
    go_on(BO, 4, b"x").await.refused(404, "not_found", None);
    go_on(ANA, 0, b"x").await.refused(409, "conflict", None);
    let broken = Body::from_stream(futures_util::stream::iter([
        Ok(Bytes::from_static(b"45")),
        Err(std::io::Error::other("the line broke")),
    ]));
    rest.bytes(ANA, Method::PATCH, &format!("{path}?offset=4"), broken).await.refused(400, "malformed", None);
    assert_eq!(rest.get(ANA, &format!("{path}/upload")).await.ok(200)["received"], 6, "what came stays");
    go_on(ANA, 6, b"0123456789").await.refused(413, "payload_too_large", None);
    rest.get(ANA, &path).await.refused(404, "not_found", None);
    let whole = go_on(ANA, 6, b"6789").await.ok(200);
    assert_eq!((&whole["received"], &whole["attachment"]["bytes"]), (&json!(10), &json!(10)));
    let (_, _, bytes) = rest.give(ANA, begun["id"].as_str().unwrap(), None).await;
    assert_eq!(&bytes[..], b"0123456789");
}

#[tokio::test]
async fn a_form_brings_its_first_part() {
    let rest = rest().await;
    let form = |part: &str| {
        let body = format!(
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{part}\"\r\nContent-Type: text/html\r\n\r\nhello\r\n--x--\r\n"
        );
        let request = Request::builder()
            .method(Method::POST)
            .uri("/v1/attachments")
            .header("authorization", "Bearer 1");
        request.header("content-type", "multipart/form-data; boundary=x").body(Body::from(body)).unwrap()
    };
    let made = rest.send(form("C:\\\\dir\\\\a.txt")).await.ok(201);
    assert_eq!((&made["bytes"], &made["content_type"]), (&json!(5), &json!("text/plain")));
    for (media_type, body) in [("multipart/form-data", ""), ("multipart/form-data; boundary=x", "nothing")] {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/v1/attachments")
            .header("authorization", "Bearer 1");
        let request = request.header("content-type", media_type).body(Body::from(body)).unwrap();
        rest.send(request).await.refused(400, "malformed", None);
    }
}

#[tokio::test]
async fn what_is_refused_says_why_and_leaves_nothing() {
    let rest = rest().await;
    rest.bring(ANA, PATH, &[b'x'; 1_001]).await.refused(413, "payload_too_large", None);
    rest.bring(ANA, "/v1/attachments?bytes=1001", b"").await.refused(413, "payload_too_large", None);
    rest.bring(ANA, PATH, b"").await.refused(422, "validation_failed", None);
    rest.bring(ANA, PATH, b"%PDF-1.7\n").await.refused(415, "unsupported_media_type", None);
    rest.bring(ANA, PATH, &DOT[..40]).await.refused(422, "validation_failed", None);
    for (query, field) in [
        ("name=", "?name"),
        ("name=a%00", "?name"),
        ("bytes=-1", "?bytes"),
        ("bytes=1&bytes=2", "?bytes"),
        ("offset=1", "?offset"),
        ("type=image/png", "?type"),
    ] {
        rest.bring(ANA, &format!("{PATH}?{query}"), b"x").await.refused(
            422,
            "validation_failed",
            Some(field),
        );
    }
    rest.bytes(ANA, Method::PATCH, "/v1/attachments/x", "x").await.refused(
        422,
        "validation_failed",
        Some("?offset"),
    );
    for path in ["/v1/attachments/x", "/v1/attachments/x/upload", "/v1/attachments/x/thumbnail"] {
        rest.get(ANA, path).await.refused(404, "not_found", None);
    }
    rest.get(ANA, PATH).await.refused(405, "method_not_allowed", None);
    for token in ["nobody", "late"] {
        let request = Request::builder()
            .method(Method::POST)
            .uri(PATH)
            .header("authorization", format!("Bearer {token}"));
        let answer = rest.send(request.body(Body::from("x")).unwrap()).await;
        assert_eq!(answer.status, 401, "{}", answer.body);
    }
    let request = Request::builder().method(Method::POST).uri(PATH).header("authorization", "Bearer 1");
    let request = request.header("origin", "https://evil.example").body(Body::from("x")).unwrap();
    rest.send(request).await.refused(403, "forbidden", None);
    for _ in 0..3 {
        rest.file("a", b"hello").await;
    }
    rest.bring(ANA, PATH, b"hello").await.refused(409, "limit_reached", None);
}

#[tokio::test]
async fn a_file_is_taken_back_until_it_is_sent_and_goes_with_its_message() {
    let rest = rest().await;
    let (one, other) = (rest.file("a", b"hello").await, rest.file("b", b"hello").await);
    let path = |id: &str| format!("/v1/attachments/{id}");
    rest.delete(BO, &path(&one)).await.refused(404, "not_found", None);
    assert_eq!(rest.delete(ANA, &path(&one)).await.ok(204), json!(""));
    rest.get(ANA, &path(&one)).await.refused(404, "not_found", None);
    rest.message(&[&one]).await.refused(404, "not_found", Some("/attachments"));
    rest.message(&[&other, &other]).await.refused(422, "validation_failed", Some("/attachments"));
    let sent = rest.message(&[&other]).await.ok(201);
    rest.delete(ANA, &path(&other)).await.refused(409, "conflict", None);
    let message = format!("{}/messages/{}", rest.direct().await, sent["message"]["seq"]);
    let cleared = rest.patch(ANA, &message, json!({ "attachments": null })).await;
    cleared.refused(422, "validation_failed", Some("/text"));
    let kept =
        rest.patch(ANA, &message, json!({ "attachments": [other], "text": "with words" })).await.ok(200);
    assert_eq!(kept["message"]["attachments"][0]["id"], Value::from(other.as_str()));
    let cleared = rest.patch(ANA, &message, json!({ "attachments": null })).await.ok(200);
    assert!(cleared["message"].get("attachments").is_none());
    rest.get(BO, &path(&other)).await.refused(404, "not_found", None);
    let third = rest.file("c", b"hello").await;
    let sent = rest.message(&[&third]).await.ok(201);
    let message = format!("{}/messages/{}", rest.direct().await, sent["message"]["seq"]);
    assert_eq!(rest.give(BO, &third, None).await.0, 200);
    rest.delete(ANA, &message).await.ok(200);
    for user in [ANA, BO] {
        rest.get(user, &path(&third)).await.refused(404, "not_found", None);
    }
}

#[tokio::test]
async fn a_chat_without_files_has_no_files() {
    let rest = Rest::new().await;
    rest.bring(ANA, "/v1/attachments", b"x").await.refused(404, "not_found", None);
}
