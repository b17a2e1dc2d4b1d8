//! The messages service over HTTP: conversations, messages, who has read them.

use crate::common::{Browser, Deployment, is_error};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_made_once_listed_newest_first_changed_by_their_admin_and_deleted() {
    for at in Deployment::all() {
        let (ana, bogdan) = (Browser::sign_up(&at, "ana").await, Browser::sign_up(&at, "bogdan").await);
        let (cyn, dora) = (Browser::sign_up(&at, "cyn").await, Browser::sign_up(&at, "dora").await);
        let create = "/messages/conversation/createConversation";
        let direct = json!({ "participantUsernames": ["bogdan"] });
        assert_eq!(ana.post(create, direct.clone()).await.0, 403, "they are no friends");
        ana.befriend(&bogdan).await;
        ana.befriend(&cyn).await;
        let (status, made) = ana.post(create, direct.clone()).await;
        assert_eq!(status, 201, "{made}");
        let (status, again) = ana.post(create, direct).await;
        assert_eq!((status, &again["message"]), (200, &json!("Conversation already exists.")));
        assert_eq!(again["conversation"]["_id"], made["conversation"]["_id"]);
        for (body, expected) in [
            (json!({ "participantUsernames": [] }), 400),
            (json!({ "participantUsernames": ["nobodyhere"] }), 404),
            (json!({ "participantUsernames": ["ana"] }), 400),
            (json!({ "participantUsernames": ["bogdan", "cyn"] }), 400),
            (json!({ "participantUsernames": ["bogdan"], "isGroup": true }), 400),
            (json!({ "participantUsernames": ["bogdan", "dora"], "isGroup": true, "groupName": "tea" }), 403),
            (json!({ "participantUsernames": "bogdan" }), 400),
        ] {
            let (status, told) = ana.post(create, body.clone()).await;
            assert_eq!((status, is_error(&told)), (expected, true), "{body}: {told}");
        }
        let direct = ana.conversation(&[&bogdan], None).await;
        let group = ana.conversation(&[&bogdan, &cyn], Some("tea")).await;
        ana.say(&group, "tea is ready").await;
        ana.say(&direct, "just for you").await;
        let list = "/messages/conversation/fetchAllConversations";
        let listed = bogdan.get(list).await.1["conversations"].clone();
        let ids: Vec<_> = listed
            .as_array()
            .expect("an array")
            .iter()
            .map(|one| one["_id"].as_str().expect("an id"))
            .collect();
        assert_eq!(ids, [direct.as_str(), &group], "newest first");
        let shown = &listed[1];
        assert_eq!(
            (&shown["isGroup"], &shown["groupName"], &shown["admin"]),
            (&json!(true), &json!("tea"), &json!(ana.uuid))
        );
        assert_eq!(shown["participants"].as_array().map(Vec::len), Some(3));
        let last = json!({ "text": "just for you", "read": false, "senderUuid": ana.uuid });
        assert_eq!(listed[0]["lastMessage"], last);
        assert_eq!((&listed[0]["admin"], &listed[0]["isGroup"]), (&Value::Null, &json!(false)));
        let page = bogdan.get(&format!("{list}?limit=1&after={direct}")).await.1;
        assert_eq!(page["conversations"][0]["_id"], json!(group));
        assert_eq!(dora.get(list).await.1["conversations"], json!([]));

        let update = "/messages/conversation/updateConversation";
        let change = |id: &str| Some(json!({ "conversationId": id, "groupName": "coffee" }));
        assert_eq!(bogdan.call(Method::PUT, update, change(&group)).await.0, 403, "the admin's to do");
        assert_eq!(dora.call(Method::PUT, update, change(&group)).await.0, 404, "others know of nothing");
        let (status, told) = ana.call(Method::PUT, update, change(&group)).await;
        assert_eq!((status, &told["conversation"]["groupName"]), (200, &json!("coffee")), "{told}");
        let remove = "/messages/conversation/deleteConversation";
        let which = |id: &str| Some(json!({ "conversationId": id }));
        assert_eq!(bogdan.call(Method::DELETE, remove, which(&group)).await.0, 403);
        assert_eq!(ana.call(Method::DELETE, remove, which(&group)).await.0, 200);
        assert_eq!(bogdan.call(Method::DELETE, remove, which(&direct)).await.0, 200);
        assert_eq!(bogdan.get(list).await.1["conversations"], json!([]));
        assert_eq!(ana.messages(&direct).await.len(), 1, "what is between two is hidden from one");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_has_a_picture_that_its_admin_sets_and_takes_off() {
    for at in Deployment::all() {
        let (ana, bogdan) = (Browser::sign_up(&at, "ana").await, Browser::sign_up(&at, "bogdan").await);
        let cyn = Browser::sign_up(&at, "cyn").await;
        ana.befriend(&bogdan).await;
        ana.befriend(&cyn).await;
        let pictured = json!({
            "participantUsernames": ["bogdan", "cyn"], "isGroup": true, "groupName": "cake",
            "groupPicture": "https://pictures.example/1.png",
        });
        let (status, made) = ana.post("/messages/conversation/createConversation", pictured).await;
        let picture = &made["conversation"]["groupPicture"];
        assert_eq!((status, picture), (201, &json!("https://pictures.example/1.png")), "{made}");
        let shown = || async {
            let listed = bogdan.get("/messages/conversation/fetchAllConversations").await.1;
            listed["conversations"][0]["groupPicture"].clone()
        };
        assert_eq!(shown().await, json!("https://pictures.example/1.png"));
        let id = made["conversation"]["_id"].as_str().expect("an id");
        for (picture, expected) in
            [("https://pictures.example/2.png", json!("https://pictures.example/2.png")), ("", Value::Null)]
        {
            let body = json!({ "conversationId": id, "groupPicture": picture });
            let update = "/messages/conversation/updateConversation";
            let (status, told) = ana.call(Method::PUT, update, Some(body)).await;
            assert_eq!((status, &told["conversation"]["groupPicture"]), (200, &expected), "{told}");
            assert_eq!(shown().await, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_paged_and_each_reader_reads_for_himself() {
    for at in Deployment::all() {
        let (ana, bogdan) = (Browser::sign_up(&at, "ana").await, Browser::sign_up(&at, "bogdan").await);
        let (cyn, dora) = (Browser::sign_up(&at, "cyn").await, Browser::sign_up(&at, "dora").await);
        ana.befriend(&bogdan).await;
        ana.befriend(&cyn).await;
        let group = ana.conversation(&[&bogdan, &cyn], Some("tea")).await;
        let said: Vec<String> = (0..12).map(|nth| format!("text {nth}")).collect();
        for text in &said {
            ana.say(&group, text).await;
        }
        let fetch = "/messages/msgs/fetchMessagesByConversationId";
        let (mut all, mut before) = (Vec::new(), Value::Null);
        loop {
            let mut body = json!({ "conversationId": group, "limit": 5 });
            if !before.is_null() {
                body["before"] = before.clone();
            }
            let page = bogdan.post(fetch, body).await.1["messages"].as_array().expect("an array").clone();
            let Some(first) = page.first() else { break };
            before = first["_id"].clone();
            all.splice(0..0, page);
        }
        assert_eq!(all.iter().map(|one| one["text"].as_str().expect("a text")).collect::<Vec<_>>(), said);
        let mut fields: Vec<_> = all[0].as_object().expect("an object").keys().cloned().collect();
        fields.sort();
        assert_eq!(
            fields,
            ["_id", "conversationId", "read", "readAt", "senderUuid", "sent", "text", "timestamp"]
        );

        // The flag is true when all have read, and not before.
        let read = |browser: &Browser, nth: usize| {
            let seq = all[nth]["_id"].as_str().and_then(|id| id.split(':').nth(1)).expect("a position");
            let body = json!({ "read": seq.parse::<u64>().expect("a number") });
            let (browser, path) = (browser.clone(), format!("/v1/conversations/{group}/receipt"));
            async move { browser.call(Method::PUT, &path, Some(body)).await }
        };
        let told = read(&bogdan, 11).await;
        assert!(told.0 < 300, "{} {}", told.0, told.1);
        let flags = |messages: &[Value]| messages.iter().map(|one| one["read"] == true).collect::<Vec<_>>();
        assert!(flags(&ana.messages(&group).await).iter().all(|read| !read), "one of two has read");
        assert!(read(&cyn, 4).await.0 < 300);
        let seen = ana.messages(&group).await;
        assert_eq!(flags(&seen), (0..12).map(|nth| nth <= 4).collect::<Vec<_>>());
        assert!(seen[4]["readAt"].is_string() && seen[5]["readAt"].is_null(), "{seen:?}");

        for (body, expected) in [
            (json!({ "conversationId": "nothing" }), 404),
            (json!({ "conversationId": group, "limit": 0 }), 400),
            (json!({ "conversationId": group, "limit": 201 }), 400),
            (json!({ "conversationId": group, "before": "yesterday" }), 400),
            (json!({}), 400),
        ] {
            let (status, told) = ana.post(fetch, body.clone()).await;
            assert_eq!((status, is_error(&told)), (expected, true), "{body}: {told}");
        }
        let of_group = json!({ "conversationId": group });
        assert_eq!(dora.post(fetch, of_group.clone()).await.0, 404);
        assert_eq!(Browser::stranger(&at).post(fetch, of_group).await.0, 401);
        let write = json!({ "conversationId": group, "text": "x" });
        assert_eq!(dora.post("/messages/msgs/sendMessage", write).await.0, 404);
        let forged = json!({ "conversationId": group, "text": "x", "senderUuid": bogdan.uuid });
        assert_eq!(ana.post("/messages/msgs/sendMessage", forged).await.0, 400, "nobody says who he is");
    }
}
