use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use super::{ANA, Answer, BO, CY, Rest};

const NOWHERE: &str = "/v1/conversations/01900000-0000-7000-8000-000000000001";

async fn raw(rest: &Rest, path: &str, media_type: Option<&str>, body: impl Into<Body>) -> Answer {
    let request = Request::builder().method(Method::POST).uri(path).header("authorization", "Bearer 1");
    let request = media_type
        .into_iter()
        .fold(request, |request, media_type| request.header("content-type", media_type));
    rest.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn who_asks_must_show_who_he_is() {
    let rest = Rest::new().await;
    let with = |authorization: &'static str| {
        Request::builder()
            .uri("/v1/conversations")
            .header("authorization", authorization)
            .body(Body::empty())
            .unwrap()
    };
    let nobody = rest.send(Request::builder().uri("/v1/friends").body(Body::empty()).unwrap()).await;
    nobody.refused(401, "unauthenticated", None);
    assert_eq!(nobody.headers["www-authenticate"], "Bearer");
    rest.send(with("Bearer nobody")).await.refused(401, "unauthenticated", None);
    rest.send(with("Basic MTox")).await.refused(401, "unauthenticated", None);
    rest.send(with("Bearer")).await.refused(401, "unauthenticated", None);
    rest.send(with("Bearer late")).await.refused(401, "token_expired", None);
    rest.send(with("Bearer down")).await.refused(503, "unavailable", None);
    rest.send(with("bearer 1")).await.ok(200);
}

#[tokio::test]
async fn shape_is_judged_before_who_asks_and_that_before_what_there_is() {
    let rest = Rest::new().await;
    let anonymous = |path: &str| Request::builder().uri(path).body(Body::empty()).unwrap();
    rest.send(anonymous("/v1/conversations?limit=0")).await.refused(422, "validation_failed", Some("?limit"));
    rest.send(anonymous(NOWHERE)).await.refused(401, "unauthenticated", None);
    // Whoever is not let in is told nothing about cursors.
    rest.send(anonymous("/v1/conversations?cursor=AAAA")).await.refused(401, "unauthenticated", None);
    rest.get(ANA, NOWHERE).await.refused(404, "not_found", None);
}

#[tokio::test]
async fn unknown_routes_and_methods_are_problems_too() {
    let rest = Rest::new().await;
    for path in ["/", "/v1", "/v1/", "/v2/friends", "/v1/friends/", "/v1/sessions", "/v1/me", "/v1/accounts"]
    {
        rest.get(ANA, path).await.refused(404, "not_found", None);
    }
    let answer = rest.delete(ANA, "/v1/conversations").await;
    answer.refused(405, "method_not_allowed", None);
    let allow = answer.headers["allow"].to_str().unwrap();
    assert!(allow.contains("GET") && allow.contains("POST") && !allow.contains("DELETE"), "{allow}");
    rest.ask(ANA, Method::POST, "/healthz", None).await.refused(405, "method_not_allowed", None);
}

#[tokio::test]
async fn bodies_are_json_objects() {
    let rest = Rest::new().await;
    let path = "/v1/conversations";
    let json_type = Some("application/json");
    for body in
        ["", " ", "{", "[]", "7", "null", "{\"a\":1}x", "\u{feff}{}", "{\"a\":\"\\ud800\"}", "{\"a\":1e999}"]
    {
        raw(&rest, path, json_type, body).await.refused(400, "malformed", None);
    }
    raw(&rest, path, json_type, b"{\"a\":\"\xff\"}".to_vec()).await.refused(400, "malformed", None);
    raw(&rest, path, None, "{}").await.refused(415, "unsupported_media_type", None);
    for other in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/problem+json",
        "",
    ] {
        raw(&rest, path, Some(other), "{}").await.refused(415, "unsupported_media_type", None);
    }
    raw(&rest, path, Some("Application/JSON;charset=utf-8"), "{}").await.refused(
        422,
        "validation_failed",
        Some("/kind"),
    );

    let large = format!("{{\"kind\":\"group\",\"name\":\"{}\"}}", "x".repeat(70_000));
    raw(&rest, path, json_type, large).await.refused(413, "payload_too_large", None);
    let chunks = futures_util::stream::iter((0..70).map(|_| Ok::<_, std::io::Error>("x".repeat(1_024))));
    raw(&rest, path, json_type, Body::from_stream(chunks)).await.refused(413, "payload_too_large", None);
    let broken = futures_util::stream::iter([Err::<String, _>(std::io::Error::other("cut"))]);
    raw(&rest, path, json_type, Body::from_stream(broken)).await.refused(400, "malformed", None);
}

#[tokio::test]
async fn fields_are_named_where_they_stand() {
    let rest = Rest::with_friends().await;
    let messages = format!("{}/messages", rest.direct().await);
    for (path, field) in [
        ("?limit=0", "?limit"),
        ("?limit=201", "?limit"),
        ("?limit=1.0", "?limit"),
        ("?limit=%2B1", "?limit"),
        ("?limit=01", "?limit"),
        ("?limit=", "?limit"),
        ("?limit=1&limit=2", "?limit"),
        ("?before=1&after=2", "?after"),
        ("?before=-1", "?before"),
        ("?before=9007199254740992", "?before"),
        ("?x=1", "?x"),
        ("?conversation=1", "?conversation"),
    ] {
        rest.get(ANA, &format!("{messages}{path}")).await.refused(422, "validation_failed", Some(field));
    }
    rest.get(ANA, "/v1/users").await.refused(422, "validation_failed", Some("?query"));
    rest.get(ANA, "/v1/users?query=").await.refused(422, "validation_failed", Some("?query"));
    rest.get(ANA, "/v1/users?query=a&username=b").await.refused(422, "validation_failed", Some("?username"));
    rest.get(ANA, "/v1/friends?state=enemies").await.refused(422, "validation_failed", Some("?state"));

    for (body, field) in [
        (json!({ "client_id": "c" }), "/text"),
        (json!({ "client_id": "c", "text": " " }), "/text"),
        (json!({ "client_id": "c", "text": "a", "x~/": 1 }), "/x~0~1"),
        (json!({ "client_id": "c", "text": "a", "to": "2" }), "/to"),
        (json!({ "client_id": "c", "text": "a", "conversation": "x" }), "/conversation"),
        (json!({ "client_id": "c", "text": "a", "type": "ping" }), "/type"),
        (json!({ "client_id": "c", "text": "a", "attachments": [{}] }), "/attachments/0"),
        (json!({ "client_id": "c", "text": "x".repeat(17_000) }), "/text"),
    ] {
        rest.post(ANA, &messages, body).await.refused(422, "validation_failed", Some(field));
    }
    let draft = json!({ "client_id": "c", "text": "a" });
    rest.post(ANA, &format!("{messages}?text=b"), draft).await.refused(
        422,
        "validation_failed",
        Some("?text"),
    );
    let surplus = Some(json!({ "user": "3" }));
    rest.put(ANA, "/v1/friends/2/block", surplus).await.refused(422, "validation_failed", Some("/user"));
    rest.put(ANA, &messages.replace("messages", "receipt"), Some(json!({ "read": 99 }))).await.refused(
        422,
        "validation_failed",
        Some("/read"),
    );
}

/// What cannot be an id, what does not exist and what is foreign are told in the same words.
#[tokio::test]
async fn absent_foreign_and_impossible_are_one() {
    let rest = Rest::with_friends().await;
    let direct = rest.direct().await;
    rest.post(ANA, &format!("{direct}/messages"), json!({ "client_id": "c", "text": "a" })).await.ok(201);
    for tail in ["", "/members", "/messages", "/entries"] {
        let mut answers = Vec::new();
        for place in [direct.as_str(), NOWHERE, "/v1/conversations/general", "/v1/conversations/%00"] {
            let answer = rest.get(CY, &format!("{place}{tail}")).await;
            answer.refused(404, "not_found", None);
            answers.push(answer.body);
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    }
    for seq in ["99", "0", "-1", "1.0", "first", "9007199254740992"] {
        rest.delete(ANA, &format!("{direct}/messages/{seq}")).await.refused(404, "not_found", None);
    }
    rest.get(BO, "/v1/users/%ff").await.refused(404, "not_found", None);
    rest.get(BO, "/v1/users/bo").await.refused(404, "not_found", None);
}

#[tokio::test]
async fn too_often_says_when_to_come_back() {
    let rest = Rest::new().await;
    let mut answers = Vec::new();
    for other in 10..140_u64 {
        answers.push(rest.put(ANA, &format!("/v1/friends/{other}/request"), None).await);
    }
    let limited = answers.iter().find(|answer| answer.status == 429).expect("a limit");
    limited.refused(429, "rate_limited", None);
    assert!(limited.body["retry_after_ms"].as_u64().unwrap() > 0);
    assert!(limited.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    rest.put(BO, "/v1/friends/3/request", None).await.ok(200);
}
