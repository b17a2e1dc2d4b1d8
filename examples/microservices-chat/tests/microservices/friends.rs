//! The friends service: asking, answering, lists, an end.

use crate::common::{Browser, Deployment};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn friends_are_asked_answered_listed_and_removed() {
    for at in Deployment::all() {
        let (ana, bogdan) = (Browser::sign_up(&at, "ana").await, Browser::sign_up(&at, "bogdan").await);
        let cyn = Browser::sign_up(&at, "cyn").await;
        let send = "/friends/requests/sendRequest";
        assert_eq!(ana.post(send, json!({ "friend_uuid": bogdan.uuid })).await.0, 201);
        assert_eq!(ana.post(send, json!({ "friend_username": "bogdan" })).await.0, 409, "a repeat");
        assert_eq!(ana.post(send, json!({ "friend_uuid": ana.uuid })).await.0, 400, "oneself");
        assert_eq!(ana.post(send, json!({ "friend_email": "no@example.org" })).await.0, 404);
        assert_eq!(ana.post(send, json!({ "friend_uuid": "x", "friend_username": "bogdan" })).await.0, 400);
        assert_eq!(ana.post(send, json!({})).await.0, 400);
        assert_eq!(ana.post(send, json!({ "friend_email": "cyn@example.org" })).await.0, 201);
        assert_eq!(Browser::stranger(&at).post(send, json!({ "friend_uuid": ana.uuid })).await.0, 401);

        let sent = ana.get("/friends/requests/fetchSentRequests").await.1["sentRequests"].clone();
        let mut names: Vec<_> = sent
            .as_array()
            .expect("an array")
            .iter()
            .map(|one| one["username"].as_str().expect("a name"))
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["bogdan", "cyn"]);
        assert!(sent[0]["receiver_uuid"].is_string() && sent[0]["created_at"].is_string());
        let received = bogdan.get("/friends/requests/fetchReceivedRequests").await.1;
        assert_eq!(received["receivedRequests"][0]["requester_uuid"], json!(ana.uuid), "{received}");

        // Only one of the two is pending: crossed requests make friends.
        assert_eq!(cyn.post(send, json!({ "friend_uuid": ana.uuid })).await.0, 201);
        assert_eq!(cyn.get("/friends/manage/getFriends").await.1["friends"][0]["uuid"], json!(ana.uuid));
        assert_eq!(cyn.get("/friends/requests/fetchSentRequests").await.1["sentRequests"], json!([]));
        assert_eq!(cyn.get("/friends/requests/fetchReceivedRequests").await.1["receivedRequests"], json!([]));

        let retract = "/friends/requests/retractRequest";
        assert_eq!(ana.post(retract, json!({ "friend_uuid": bogdan.uuid })).await.0, 200);
        assert_eq!(ana.post(retract, json!({ "friend_uuid": bogdan.uuid })).await.0, 404);
        let accept = "/friends/requests/acceptRequest";
        assert_eq!(bogdan.post(accept, json!({ "friend_uuid": ana.uuid })).await.0, 404, "it was retracted");
        assert_eq!(ana.post(send, json!({ "friend_uuid": bogdan.uuid })).await.0, 201);
        let reject = "/friends/requests/rejectRequest";
        assert_eq!(bogdan.post(reject, json!({ "friend_username": "ana" })).await.0, 200);
        assert_eq!(bogdan.post(reject, json!({ "friend_username": "ana" })).await.0, 404);
        ana.befriend(&bogdan).await;
        let friends = ana.get("/friends/manage/getFriends").await.1;
        let friends = friends["friends"].as_array().expect("an array");
        assert_eq!(friends.len(), 2);
        assert!(
            friends.iter().all(|one| one["created_at"].is_string() && one.get("profile_picture").is_some())
        );

        let path = "/friends/manage/removeFriend";
        let remove = Some(json!({ "friend_email": "cyn@example.org" }));
        assert_eq!(ana.call(Method::DELETE, path, remove).await.0, 200);
        assert_eq!(cyn.get("/friends/manage/getFriends").await.1["friends"], json!([]));
        let remove = Some(json!({ "friend_uuid": bogdan.uuid }));
        assert_eq!(ana.call(Method::DELETE, path, remove.clone()).await.0, 200);
        assert_eq!(ana.call(Method::DELETE, path, remove).await.0, 404);
        assert_eq!(bogdan.get("/friends/manage/getFriends").await.1["friends"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_is_paged_to_its_end() {
    for at in Deployment::all() {
        let ana = Browser::sign_up(&at, "ana").await;
        let mut others = Vec::new();
        for name in ["bogdan", "cyn", "dora"] {
            others.push(Browser::sign_up(&at, name).await);
        }
        let send = "/friends/requests/sendRequest";
        for other in &others {
            assert_eq!(ana.post(send, json!({ "friend_uuid": other.uuid })).await.0, 201);
        }
        let sent = walked(&ana, "/friends/requests/fetchSentRequests", "sentRequests", "receiver_uuid").await;
        assert_eq!(sent, uuids(&others));
        for other in &others {
            let accept = json!({ "friend_uuid": ana.uuid });
            assert_eq!(other.post("/friends/requests/acceptRequest", accept).await.0, 200);
        }
        assert_eq!(walked(&ana, "/friends/manage/getFriends", "friends", "uuid").await, uuids(&others));
        for other in &others {
            let remove = Some(json!({ "friend_uuid": other.uuid }));
            assert_eq!(ana.call(Method::DELETE, "/friends/manage/removeFriend", remove).await.0, 200);
            assert_eq!(other.post(send, json!({ "friend_uuid": ana.uuid })).await.0, 201);
        }
        let received = "/friends/requests/fetchReceivedRequests";
        assert_eq!(walked(&ana, received, "receivedRequests", "requester_uuid").await, uuids(&others));
        for wrong in ["limit=0", "limit=201", "limit=x", "before=1"] {
            assert_eq!(ana.get(&format!("{received}?{wrong}")).await.0, 400, "{wrong}");
        }
    }
}

fn uuids(people: &[Browser]) -> Vec<String> {
    let mut uuids: Vec<String> = people.iter().map(|person| person.uuid.clone()).collect();
    uuids.sort_unstable();
    uuids
}

/// Who is on a list, one on each page, sorted.
async fn walked(of: &Browser, path: &str, name: &str, field: &str) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let (status, page) = of.get(&format!("{path}?limit=1{after}")).await;
        assert_eq!(status, 200, "{page}");
        let items = page[name].as_array().expect("an array");
        assert!(items.len() <= 1, "{page}");
        found.extend(items.iter().map(|item| item[field].as_str().expect("a uuid").to_owned()));
        match &page["next"] {
            Value::Null => break,
            next => after = format!("&after={}", next.as_str().expect("text")),
        }
    }
    found.sort_unstable();
    found
}
