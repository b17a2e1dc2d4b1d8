use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use super::{ANA, Answer, BO, CY, Rest};

async fn post_with_key(rest: &Rest, path: &str, key: &str, body: Value) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("authorization", "Bearer 1")
        .header("content-type", "application/json; charset=utf-8")
        .header("idempotency-key", key)
        .body(Body::from(body.to_string()));
    rest.send(request.unwrap()).await
}

#[tokio::test]
async fn a_message_from_writing_to_deletion() {
    let rest = Rest::with_friends().await;
    let direct = rest.direct().await;
    let messages = format!("{direct}/messages");
    let draft = json!({ "client_id": "a-1", "text": "hello" });

    let sent = rest.post(ANA, &messages, draft.clone()).await.ok(201);
    assert_eq!((&sent["message"]["text"], &sent["duplicate"]), (&json!("hello"), &json!(false)));
    let again = rest.post(ANA, &messages, draft).await.ok(200);
    assert_eq!(again["message"], sent["message"]);
    assert_eq!(again["duplicate"], true);
    let other = json!({ "client_id": "a-1", "text": "something else" });
    rest.post(ANA, &messages, other).await.refused(409, "client_id_reused", None);

    let one = format!("{messages}/{}", sent["message"]["seq"]);
    let edited = rest.patch(ANA, &one, json!({ "text": "hello!" })).await.ok(200);
    assert_eq!(edited["message"]["text"], "hello!");
    rest.patch(BO, &one, json!({ "text": "mine" })).await.refused(403, "forbidden", None);
    let read = rest.get(BO, &format!("{messages}?limit=5")).await.ok(200);
    assert_eq!(read["items"][0], edited["message"]);
    assert_eq!((&read["has_before"], &read["has_after"]), (&json!(false), &json!(false)));

    let standpoint = rest.put(BO, &format!("{direct}/receipt"), Some(json!({ "read": 2 }))).await.ok(200);
    assert_eq!(standpoint, json!({ "read": 2, "delivered": 2, "unread": 0 }));

    let deleted = rest.delete(ANA, &one).await.ok(200);
    assert!(deleted["message"].get("text").is_none());
    rest.patch(ANA, &one, json!({ "text": "again" })).await.refused(409, "conflict", None);

    let log = rest.get(BO, &format!("{direct}/entries?after=0")).await.ok(200);
    let kinds: Vec<&str> =
        log["items"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["message", "edited", "deleted"]);
    assert_eq!((&log["head"], &log["has_after"]), (&json!(3), &json!(false)));
    let rest_of_log = rest.get(BO, &format!("{direct}/entries?after=2")).await.ok(200);
    assert_eq!(rest_of_log["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_key_of_a_request_may_be_a_header() {
    let rest = Rest::with_friends().await;
    let messages = format!("{}/messages", rest.direct().await);
    let text = json!({ "text": "hi" });
    let sent = post_with_key(&rest, &messages, "k-1", text.clone()).await.ok(201);
    assert_eq!(sent["message"]["client_id"], "k-1");
    assert_eq!(post_with_key(&rest, &messages, "k-1", text.clone()).await.ok(200)["duplicate"], true);
    post_with_key(&rest, &messages, "k-1", json!({ "client_id": "k-1", "text": "hi" })).await.ok(200);

    let client_id = Some("/client_id");
    let beside = json!({ "client_id": "k-2", "text": "hi" });
    post_with_key(&rest, &messages, "k-1", beside).await.refused(422, "validation_failed", client_id);
    post_with_key(&rest, &messages, "with space", text.clone()).await.refused(
        422,
        "validation_failed",
        client_id,
    );
    post_with_key(&rest, &messages, "", text.clone()).await.refused(422, "validation_failed", client_id);
    rest.post(ANA, &messages, text).await.refused(422, "validation_failed", client_id);
}

#[tokio::test]
async fn a_group_from_making_to_deletion() {
    let rest = Rest::with_friends().await;
    rest.put(ANA, "/v1/friends/3/request", None).await.ok(200);
    rest.put(CY, "/v1/friends/1/accept", None).await.ok(200);
    let new = json!({ "kind": "group", "client_id": "g-1", "name": "Plans", "members": ["2", "3"] });
    let made = rest.post(ANA, "/v1/conversations", new.clone()).await.ok(201);
    assert_eq!((&made["conversation"]["name"], &made["duplicate"]), (&json!("Plans"), &json!(false)));
    assert_eq!(rest.post(ANA, "/v1/conversations", new).await.ok(200)["duplicate"], true);

    let group = format!("/v1/conversations/{}", made["conversation"]["id"].as_str().unwrap());
    let bare = rest.get(BO, &group).await.ok(200);
    assert_eq!((&bare["kind"], &bare["role"]), (&json!("group"), &json!("member")));
    assert_eq!(rest.get(BO, "/v1/conversations").await.ok(200)["items"][0]["id"], bare["id"]);

    let renamed = rest.patch(ANA, &group, json!({ "name": null, "metadata": { "a": 1 } })).await.ok(200);
    assert!(renamed["conversation"].get("name").is_none());
    assert_eq!(renamed["conversation"]["metadata"], json!({ "a": 1 }));
    rest.patch(BO, &group, json!({ "name": "Mine" })).await.refused(403, "forbidden", None);

    let members = rest.get(BO, &format!("{group}/members")).await.ok(200);
    assert_eq!(members["items"].as_array().unwrap().len(), 3);
    let role = json!({ "role": "admin" });
    rest.put(ANA, &format!("{group}/members/2/role"), Some(role.clone())).await.ok(200);
    rest.put(ANA, &format!("{group}/members/9/role"), Some(role)).await.refused(
        404,
        "not_found",
        Some("/user"),
    );
    rest.delete(BO, &format!("{group}/members/3")).await.ok(200);
    rest.get(CY, &group).await.refused(404, "not_found", None);
    let added = rest.post(ANA, &format!("{group}/members"), json!({ "users": ["3"] })).await.ok(200);
    assert_eq!(added["conversation"]["member_count"], 3);

    rest.ask(CY, Method::POST, &format!("{group}/leave"), None).await.ok(200);
    rest.ask(CY, Method::POST, &format!("{group}/join"), None).await.refused(404, "not_found", None);
    rest.delete(BO, &group).await.refused(403, "forbidden", None);
    rest.delete(ANA, &group).await.ok(200);
    rest.get(ANA, &group).await.refused(404, "not_found", None);
}

#[tokio::test]
async fn a_channel_is_joined_and_left() {
    let rest = Rest::new().await;
    let made = rest
        .post(ANA, "/v1/conversations", json!({ "kind": "channel", "client_id": "c", "name": "News" }))
        .await;
    let channel = format!("/v1/conversations/{}", made.ok(201)["conversation"]["id"].as_str().unwrap());
    let outside = rest.get(BO, &channel).await.ok(200);
    assert!(outside.get("role").is_none());
    let joined = rest.ask(BO, Method::POST, &format!("{channel}/join"), None).await.ok(200);
    assert_eq!(joined["conversation"]["role"], "member");
    rest.ask(BO, Method::POST, &format!("{channel}/leave"), Some(json!({}))).await.ok(200);
}

#[tokio::test]
async fn the_direct_conversation_is_made_once() {
    let rest = Rest::with_friends().await;
    let made = rest.put(ANA, "/v1/direct/2", None).await.ok(201);
    let found = rest.put(BO, "/v1/direct/1", None).await.ok(200);
    assert_eq!(made["conversation"]["id"], found["conversation"]["id"]);
    rest.put(ANA, "/v1/direct/3", None).await.refused(403, "not_accepted", None);
}
