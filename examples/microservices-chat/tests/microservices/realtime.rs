//! What is live, over the original client of Socket.IO, in one process and behind the gateway.

use std::time::Duration;

use crate::common::socketio::Node;
use crate::common::{Browser, DOT, Deployment, answered};
use reqwest::Method;
use serde_json::{Value, json};

/// A group of three in which the first two are connected.
struct Party {
    node: Node,
    people: [Browser; 3],
    group: String,
}

async fn party(at: &Deployment) -> Option<Party> {
    let mut node = Node::start()?;
    let mut people = Vec::new();
    for name in ["ana", "bogdan", "cyn"] {
        people.push(Browser::sign_up(at, name).await);
    }
    let people: [Browser; 3] = people.try_into().expect("there are three");
    let [ana, bogdan, cyn] = &people;
    ana.befriend(bogdan).await;
    ana.befriend(cyn).await;
    let group = ana.conversation(&[bogdan, cyn], Some("tea")).await;
    for person in [ana, bogdan] {
        let connected =
            node.connect(&person.username, &at.url(""), json!({ "auth": { "token": person.token } })).await;
        assert_eq!(connected["event"], "connect", "{connected}");
    }
    Some(Party { node, people, group })
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_without_a_login_and_a_page_of_others_not_with_a_cookie() {
    for at in Deployment::all() {
        let Some(mut node) = Node::start() else { return };
        let ana = Browser::sign_up(&at, "ana").await;
        let url = at.url("");
        let cookie = format!("accessToken={}", ana.token);
        for (nth, with) in [
            json!({}),
            json!({ "auth": { "token": "nonsense" } }),
            json!({ "headers": { "cookie": cookie } }),
            json!({ "headers": { "cookie": cookie, "origin": "https://evil.example" } }),
            json!({ "headers": { "cookie": cookie, "origin": "https://evil.example" }, "transports": ["polling"] }),
        ]
        .into_iter()
        .enumerate()
        {
            let refused = node.connect(&format!("refused {nth}"), &url, with.clone()).await;
            assert_eq!(refused["event"], "connect_error", "{with}: {refused}");
        }
        for (id, with) in [
            ("token", json!({ "auth": { "token": ana.token } })),
            ("cookie", json!({ "headers": { "cookie": cookie, "origin": url } })),
            ("polling", json!({ "auth": { "token": ana.token }, "transports": ["polling"] })),
            ("both", json!({ "auth": { "token": ana.token }, "transports": ["polling", "websocket"] })),
        ] {
            let connected = node.connect(id, &url, with).await;
            assert_eq!(connected["event"], "connect", "{id}: {connected}");
        }
        assert_eq!(ana.post("/users/auth/logout", json!({})).await.0, 200);
        for id in ["token", "cookie", "polling", "both"] {
            assert!(node.event(id, "disconnect").await.is_string(), "{id}: the login has ended");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_come_in_order_once_and_reading_is_told_once() {
    for at in Deployment::all() {
        let Some(Party { mut node, people: [ana, bogdan, cyn], group }) = party(&at).await else { return };
        for name in ["ana", "bogdan"] {
            let joined = node.emit(name, "join_conversation", json!({ "conversationId": group })).await;
            assert_eq!(joined["conversationId"], json!(group), "{joined}");
        }
        let mut last = Value::Null;
        for nth in 0..10 {
            let data = json!({ "conversationId": group, "text": format!("text {nth}") });
            let sent = node.emit("ana", "send_message", data).await;
            assert_eq!(sent["senderUuid"], json!(ana.uuid), "{sent}");
            last = sent;
        }
        for nth in 0..10 {
            let heard = node.event("bogdan", "receive_message").await;
            assert_eq!(
                (&heard["text"], &heard["senderUuid"]),
                (&json!(format!("text {nth}")), &json!(ana.uuid))
            );
            assert_eq!(
                node.event("ana", "receive_message").await,
                heard,
                "on every device, the sender's too"
            );
        }
        let typed = node.emit("bogdan", "typing", json!({ "conversationId": group, "typing": true })).await;
        assert_eq!(typed["conversationId"], json!(group));
        let typing = node.event("ana", "typing").await;
        assert_eq!((&typing["userUuid"], &typing["typing"]), (&json!(bogdan.uuid), &json!(true)));

        // Told twice, it is passed on once.
        for _ in 0..2 {
            let read = node.emit("bogdan", "mark_as_read", json!({ "messageId": last["_id"] })).await;
            assert_eq!(read["messageId"], last["_id"], "{read}");
        }
        let read = node.event("ana", "message_read").await;
        assert_eq!((&read["messageId"], &read["readerUuid"]), (&last["_id"], &json!(bogdan.uuid)));
        assert!(read["readAt"].is_string());
        let after =
            node.emit("ana", "send_message", json!({ "conversationId": group, "text": "the end" })).await;
        node.event("ana", "receive_message").await;
        assert_eq!(node.kept("ana", "message_read"), Vec::<Value>::new(), "once");
        assert_eq!(ana.messages(&group).await.len(), 11);
        let seen = cyn.messages(&group).await;
        assert_eq!(
            (&seen[10]["_id"], &seen[10]["read"]),
            (&after["_id"], &json!(false)),
            "one of two has read"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_pictures_travel_with_messages_and_only_members_see_them() {
    for at in Deployment::all() {
        let Some(Party { mut node, people: [ana, bogdan, _], group }) = party(&at).await else { return };
        let dora = Browser::sign_up(&at, "dora").await;
        let upload = ana.request(Method::POST, "/v1/attachments?name=me.png").body(DOT);
        let (status, file) = answered(upload).await;
        assert_eq!(status, 201, "{file}");
        let data = json!({ "conversationId": group, "text": "look", "attachments": [file["id"]] });
        let sent = node.emit("ana", "send_message", data).await;
        let heard = node.event("bogdan", "receive_message").await;
        assert_eq!(heard["attachments"], sent["attachments"], "{heard}");
        let shown = &heard["attachments"][0];
        assert_eq!((&shown["name"], &shown["contentType"]), (&json!("me.png"), &json!("image/png")));
        let url = shown["url"].as_str().expect("a path");
        let read = |by: &Browser| by.request(Method::GET, url).send();
        let picture = read(&bogdan).await.expect("an answer");
        assert_eq!(picture.headers()["content-type"], "image/png");
        assert!(picture.bytes().await.expect("bytes").starts_with(b"\x89PNG"));
        assert_eq!(read(&dora).await.expect("an answer").status(), 404);
        let stolen =
            json!({ "conversationId": group, "attachments": ["00000000-0000-7000-8000-000000000000"] });
        assert!(node.emit("ana", "send_message", stolen).await["error"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_is_refused_and_the_connection_stays() {
    for at in Deployment::all() {
        let Some(Party { mut node, people: [ana, bogdan, _], group }) = party(&at).await else { return };
        let dora = Browser::sign_up(&at, "dora").await;
        node.connect("dora", &at.url(""), json!({ "auth": { "token": dora.token } })).await;
        let message = ana.say(&group, "tea is ready").await;
        for (who, event, data) in [
            ("dora", "join_conversation", json!({ "conversationId": group })),
            ("dora", "send_message", json!({ "conversationId": group, "text": "x" })),
            ("dora", "mark_as_read", json!({ "messageId": message["_id"] })),
            ("dora", "typing", json!({ "conversationId": group, "typing": true })),
            (
                "ana",
                "send_message",
                json!({ "conversationId": group, "text": "x", "senderUuid": bogdan.uuid }),
            ),
            ("ana", "send_message", json!({ "conversationId": group, "text": "" })),
            ("ana", "send_message", json!({ "conversationId": { "$ne": "" }, "text": "x" })),
            ("ana", "send_message", Value::Null),
            ("ana", "mark_as_read", json!({ "messageId": format!("{group}:999") })),
            ("ana", "dance", json!({})),
        ] {
            let refused = node.emit(who, event, data.clone()).await;
            assert!(refused["error"].is_string(), "{who} {event} {data}: {refused}");
            let told = node.event(who, "error").await;
            assert_eq!(told, refused);
        }
        assert_eq!(node.kept("dora", "receive_message"), Vec::<Value>::new());
        let sent =
            node.emit("ana", "send_message", json!({ "conversationId": group, "text": "still here" })).await;
        assert_eq!(sent["text"], "still here");
        assert_eq!(ana.messages(&group).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_leaves_clients_to_come_again_by_themselves() {
    let mut at = Deployment::one();
    let Some(mut node) = Node::start() else { return };
    let ana = Browser::sign_up(&at, "ana").await;
    let connected = node.connect("ana", &at.url(""), json!({ "auth": { "token": ana.token } })).await;
    assert_eq!(connected["event"], "connect", "{connected}");
    let server = at.front.take().expect("it runs");
    assert!(tokio::task::block_in_place(|| server.stop()).expect("it is asked").success());
    // A client that is disconnected by its server does not come again; one whose line breaks does.
    assert_eq!(node.event("ana", "disconnect").await, json!("transport close"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_and_goes_is_told_to_friends() {
    for at in Deployment::all() {
        let Some(Party { mut node, people: [_, bogdan, _], group }) = party(&at).await else { return };
        let joined = node.emit("ana", "join_conversation", json!({ "conversationId": group })).await;
        let online = |presence: &Value| {
            let all = presence.as_array().into_iter().flatten();
            all.filter(|one| one["online"] == true).map(|one| one["userUuid"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(online(&joined["presence"]), [json!(bogdan.uuid)], "{joined}");
        node.disconnect("bogdan").await;
        loop {
            let told = node.event("ana", "presence").await;
            if told["online"] == false {
                assert_eq!(told["userUuid"], json!(bogdan.uuid));
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knocks_and_says_nothing_takes_the_places_of_his_own_address_and_not_for_long() {
    let at = Deployment::one_with(&[("CHAT_LIMIT", "sockets_per_address_max=2")]);
    let knock = || async {
        let handshake = at.url("/socket.io/?EIO=4&transport=polling");
        reqwest::get(handshake).await.expect("an answer").status().as_u16()
    };
    assert_eq!([knock().await, knock().await, knock().await], [200, 200, 429]);
    assert_eq!(reqwest::get(at.url("/healthz")).await.expect("an answer").status(), 200);
    // Who has not said who he is in 5 s makes room.
    let mut status = 429;
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        status = knock().await;
        if status == 200 {
            break;
        }
    }
    assert_eq!(status, 200);
}
