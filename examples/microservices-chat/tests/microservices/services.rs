//! Every route of the three services, in one process and behind the gateway: what it does, what it refuses, and each
//! fault that the original had.

use crate::common::{Browser, Deployment, answered, is_error};
use reqwest::Method;
use reqwest::header::{ORIGIN, SET_COOKIE};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use testbed::people::PASSWORD;

/// A PNG of one pixel.
const DOT: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

#[tokio::test(flavor = "multi_thread")]
async fn signing_up_tells_what_is_taken_and_refuses_what_it_must() {
    for at in Deployment::all() {
        let ana = Browser::sign_up(&at, "ana").await;
        assert_eq!(
            ana.get("/users/auth/check-username?username=ANA").await,
            (200, json!({ "exists": true }))
        );
        assert_eq!(ana.get("/users/auth/check-username?username=bogdan").await.1, json!({ "exists": false }));
        assert_eq!(
            ana.get("/users/auth/check-email?email=ana@example.org").await.1,
            json!({ "exists": true })
        );
        assert_eq!(
            ana.get("/users/auth/check-email?email=no@example.org").await.1,
            json!({ "exists": false })
        );
        assert_eq!(ana.get("/users/auth/check-email").await.0, 400);
        let new = |username: &str, email: &str, password: &str| json!({ "username": username, "email": email, "password": password });
        for (body, expected) in [
            (new("ana", "other@example.org", PASSWORD), 409),
            (new("other", "ana@example.org", PASSWORD), 409),
            (new("b", "b@example.org", PASSWORD), 400),
            (new("bogdan", "b@example.org", "short"), 400),
            (new("bogdan", "no address", PASSWORD), 400),
            (json!({ "username": "bogdan", "password": PASSWORD }), 400),
            (
                json!({
                    "username": "bogdan",
                    "email": "b@example.org",
                    "password": PASSWORD,
                    "bio": "x".repeat(10_000),
                }),
                400,
            ),
            (json!({ "username": { "$ne": "" }, "email": "b@example.org", "password": PASSWORD }), 400),
            (json!([]), 400),
        ] {
            let (status, told) = Browser::stranger(&at).post("/users/crud/addUser", body.clone()).await;
            assert_eq!(status, expected, "{body}: {told}");
            assert!(is_error(&told), "{told}");
        }
        let unknown = ana.get("/users/auth/check-username?username=bogdan").await.1;
        assert_eq!(unknown, json!({ "exists": false }), "what is refused makes nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_in_sets_cookies_that_no_script_and_no_other_page_can_use() {
    for at in Deployment::all() {
        let ana = Browser::sign_up(&at, "ana").await;
        for by in [json!({ "username": "ana" }), json!({ "email": "ana@example.org" })] {
            let mut body = by;
            body["password"] = PASSWORD.into();
            let answer = Browser::stranger(&at)
                .request(Method::POST, "/users/auth/login")
                .header("content-type", "application/json")
                .body(body.to_string())
                .send()
                .await
                .expect("an answer");
            assert_eq!(answer.status(), 200);
            let cookies: Vec<_> = answer
                .headers()
                .get_all(SET_COOKIE)
                .iter()
                .map(|value| value.to_str().expect("text").to_owned())
                .collect();
            for name in ["accessToken=", "refreshToken="] {
                let cookie = cookies.iter().find(|cookie| cookie.starts_with(name)).expect("it is set");
                assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
                let seconds = if name == "accessToken=" { "Max-Age=900" } else { "Max-Age=604800" };
                assert!(cookie.contains(seconds), "{cookie}");
            }
            let told: Value = answer.json().await.expect("JSON");
            assert_eq!((&told["userUuid"], told["message"].is_string()), (&json!(ana.uuid), true));
        }
        let wrong = json!({ "username": "ana", "password": "wrong horse" });
        let unknown = json!({ "username": "nobodyhere", "password": "wrong horse" });
        let wrong = Browser::stranger(&at).post("/users/auth/login", wrong).await;
        assert_eq!(wrong, Browser::stranger(&at).post("/users/auth/login", unknown).await);
        assert_eq!((wrong.0, is_error(&wrong.1)), (401, true));
        let both = json!({ "username": "ana", "email": "ana@example.org", "password": PASSWORD });
        assert_eq!(Browser::stranger(&at).post("/users/auth/login", both).await.0, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_ends_with_logging_out() {
    for at in Deployment::all() {
        let ana = Browser::sign_up(&at, "ana").await;
        // Also with nothing but the refresh token left, as after a while.
        let late = Browser::stranger(&at);
        let login = json!({ "username": "ana", "password": PASSWORD });
        let login = late.request(Method::POST, "/users/auth/login").body(login.to_string()).send().await;
        let login = login.expect("an answer");
        let cookies = login.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let refresh: Vec<&str> = cookies.filter(|cookie| cookie.starts_with("refreshToken=")).collect();
        let refresh = refresh[0].split(';').next().expect("a cookie").to_owned();
        let alone = |method: Method, path: &str| {
            Browser::stranger(&at).request(method, path).header("cookie", &refresh)
        };
        assert_eq!(answered(alone(Method::POST, "/users/auth/logout")).await.0, 200);
        assert_eq!(answered(alone(Method::GET, "/users/auth/keep-alive")).await.0, 401, "it is over");
        assert_eq!(ana.get("/users/auth/keep-alive").await.0, 200);
        assert_eq!(Browser::stranger(&at).get("/users/auth/keep-alive").await.0, 401);
        assert_eq!(ana.post("/users/auth/logout", json!({})).await.0, 200);
        assert_eq!(ana.get("/users/crud/fetchUserDetails").await.0, 401);
        assert_eq!(ana.get("/users/auth/keep-alive").await.0, 401);
        assert_eq!(ana.get("/users/auth/nothing").await.0, 404);
        assert_eq!(ana.get("/users/auth/login").await.0, 405);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_kept_alive_by_its_refresh_token_alone_and_once() {
    for at in Deployment::all() {
        Browser::sign_up(&at, "ana").await;
        let login = json!({ "username": "ana", "password": PASSWORD });
        let answer = Browser::stranger(&at)
            .request(Method::POST, "/users/auth/login")
            .header("content-type", "application/json")
            .body(login.to_string())
            .send()
            .await
            .expect("an answer");
        let cookies = answer.headers().get_all(SET_COOKIE);
        let refresh = cookies
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find(|value| value.starts_with("refreshToken="));
        let refresh = refresh.and_then(|cookie| cookie.split(';').next()).expect("it is set").to_owned();
        let ask = |cookie: String| {
            let request = Browser::stranger(&at).request(Method::GET, "/users/auth/keep-alive");
            async move { request.header("cookie", cookie).send().await.expect("an answer") }
        };
        let renewed = ask(refresh.clone()).await;
        assert_eq!(renewed.status(), 200);
        let next = renewed.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let next = next.filter(|value| value.starts_with("refreshToken=")).collect::<Vec<_>>();
        assert!(next.len() == 1 && !next[0].starts_with(&format!("{refresh};")), "another one: {next:?}");
        // Two tabs that renew at once are one person: whoever is second gets on too, and both the same login.
        let (one, two) = tokio::join!(ask(refresh.clone()), ask(refresh.clone()));
        assert!(one.status() == 200 && two.status() == 200, "{} {}", one.status(), two.status());
        // An access token renews nothing, and a refresh token opens nothing.
        let swapped = refresh.replacen("refreshToken", "accessToken", 1);
        let request = Browser::stranger(&at).request(Method::GET, "/users/crud/fetchUserDetails");
        assert_eq!(answered(request.header("cookie", swapped)).await.0, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_something_is_not_done_for_pages_of_others() {
    for at in Deployment::all() {
        let ana = Browser::sign_up(&at, "ana").await;
        let bogdan = Browser::sign_up(&at, "bogdan").await;
        for (path, body) in [
            ("/users/auth/logout", json!({})),
            ("/users/crud/updateUserDetails", json!({ "bio": "x" })),
            ("/users/crud/deleteUser", json!({ "password": PASSWORD })),
            ("/friends/requests/sendRequest", json!({ "friend_uuid": bogdan.uuid })),
            ("/messages/conversation/createConversation", json!({ "participantUsernames": ["bogdan"] })),
        ] {
            let request = ana.request(Method::POST, path).body(body.to_string());
            let mut evil = request.build().expect("a request");
            evil.headers_mut().insert(ORIGIN, "https://evil.example".parse().expect("a header"));
            assert_eq!(ana.execute(evil).await, 403, "{path}");
        }
        assert_eq!(ana.get("/users/crud/fetchUserDetails").await.1["user"]["bio"], Value::Null);
        assert_eq!(ana.get("/friends/requests/fetchSentRequests").await.1["sentRequests"], json!([]));
        // A client that says nothing of itself repeats the third cookie; a bearer needs none.
        let bare = reqwest::Client::new();
        let update = |request: reqwest::RequestBuilder| request.body(json!({ "bio": "hello" }).to_string());
        let request = bare.post(at.url("/users/crud/updateUserDetails"));
        let silent = update(request).header("cookie", format!("accessToken={}", ana.token));
        assert_eq!(answered(silent).await.0, 403);
        let request = bare.post(at.url("/users/crud/updateUserDetails"));
        let doubled = update(request)
            .header("cookie", format!("accessToken={}; csrfToken=abc", ana.token))
            .header("x-csrf-token", "abc");
        assert_eq!(answered(doubled).await.0, 200);
        let request = bare.post(at.url("/users/crud/updateUserDetails"));
        assert_eq!(answered(update(request).bearer_auth(&ana.token)).await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_shown_changed_found_and_deleted() {
    for at in Deployment::all() {
        let (ana, bogdan) = (Browser::sign_up(&at, "ana").await, Browser::sign_up(&at, "bogdan").await);
        let own = ana.get("/users/crud/fetchUserDetails").await.1["user"].clone();
        let mut fields: Vec<_> = own.as_object().expect("an object").keys().cloned().collect();
        fields.sort();
        assert_eq!(
            fields,
            ["bio", "created_at", "email", "profile_picture", "updated_at", "username", "uuid"]
        );
        assert_eq!(own["created_at"], own["updated_at"]);
        let (status, told) = ana.post("/users/crud/updateUserDetails", json!({ "bio": "hello" })).await;
        assert_eq!((status, &told["user"]["bio"]), (200, &json!("hello")), "{told}");
        assert!(told["user"]["updated_at"].as_str() > own["updated_at"].as_str());
        let taken = ana.post("/users/crud/updateUserDetails", json!({ "email": "bogdan@example.org" })).await;
        assert_eq!((taken.0, is_error(&taken.1)), (409, true));
        assert_eq!(ana.post("/users/crud/updateUserDetails", json!({ "admin": true })).await.0, 400);

        let everybody = ana.get("/users/crud/fetchAllUsers").await.1;
        let names: Vec<_> = everybody["users"]
            .as_array()
            .expect("an array")
            .iter()
            .map(|one| one["username"].clone())
            .collect();
        assert_eq!(names.len(), 2, "{everybody}");
        let first = ana.get("/users/crud/fetchAllUsers?limit=1").await.1;
        let next = first["next"].as_str().expect("there is more");
        let second = ana.get(&format!("/users/crud/fetchAllUsers?limit=1&after={next}")).await.1;
        assert_eq!((second["users"].as_array().map(Vec::len), &second["next"]), (Some(1), &Value::Null));
        assert_ne!(first["users"][0], second["users"][0]);

        let resolved = ana.post("/users/crud/resolveUser", json!({ "uuid": bogdan.uuid })).await;
        assert_eq!((resolved.0, &resolved.1["username"]), (200, &json!("bogdan")));
        let resolved = ana.post("/users/crud/resolveUserByUsername", json!({ "username": "Bogdan" })).await;
        assert_eq!((resolved.0, &resolved.1["uuid"]), (200, &json!(bogdan.uuid)));
        for (path, body) in [
            ("/users/crud/resolveUser", json!({ "uuid": "nobody" })),
            ("/users/crud/resolveUserByUsername", json!({ "username": "nobodyhere" })),
        ] {
            assert_eq!(ana.post(path, body).await.0, 404, "{path}");
        }
        let stranger = Browser::stranger(&at);
        for path in ["/users/crud/fetchUserDetails", "/users/crud/fetchAllUsers"] {
            assert_eq!(stranger.get(path).await.0, 401, "{path}");
        }
        assert_eq!(bogdan.post("/users/crud/deleteUser", json!({ "password": "wrong horse" })).await.0, 403);
        assert_eq!(bogdan.post("/users/crud/deleteUser", json!({ "password": PASSWORD })).await.0, 200);
        assert_eq!(bogdan.get("/users/crud/fetchUserDetails").await.0, 401);
        assert_eq!(ana.post("/users/crud/resolveUser", json!({ "uuid": bogdan.uuid })).await.0, 404);
        let again = json!({ "username": "bogdan", "password": PASSWORD });
        assert_eq!(stranger.post("/users/auth/login", again).await.0, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_picture_is_drawn_anew_and_shown_to_those_who_are_logged_in() {
    for at in Deployment::all() {
        let ana = Browser::sign_up(&at, "ana").await;
        let upload = |name: &'static str, bytes: Vec<u8>| {
            let form = Form::new().part(name, Part::bytes(bytes).file_name("me.png"));
            ana.request(Method::POST, "/users/crud/uploadProfilePicture").multipart(form)
        };
        let (status, told) = answered(upload("image", DOT.to_vec())).await;
        assert_eq!(status, 200, "{told}");
        let url = told["url"].as_str().expect("a url").to_owned();
        assert_eq!(ana.get("/users/crud/fetchUserDetails").await.1["user"]["profile_picture"], json!(url));
        let picture = ana.request(Method::GET, &url).send().await.expect("an answer");
        assert_eq!(picture.status(), 200);
        assert_eq!(picture.headers()["content-type"], "image/png");
        assert_eq!(picture.headers()["x-content-type-options"], "nosniff");
        let bytes = picture.bytes().await.expect("bytes");
        assert!(bytes.starts_with(b"\x89PNG"));
        assert_eq!(Browser::stranger(&at).get(&url).await.0, 401);
        for (name, bytes, expected) in [
            ("image", b"<svg onload=alert(1)>".to_vec(), 415),
            ("image", b"MZ no picture".to_vec(), 415),
            ("picture", DOT.to_vec(), 400),
            ("image", vec![0; 6 * 1024 * 1024], 413),
        ] {
            // On connections of their own: one that is refused in the middle of its body is closed.
            let form = Form::new().part(name, Part::bytes(bytes).file_name("me.png"));
            let request = reqwest::Client::new().post(at.url("/users/crud/uploadProfilePicture"));
            let (status, told) = answered(request.bearer_auth(&ana.token).multipart(form)).await;
            assert_eq!((status, is_error(&told)), (expected, true), "{told}");
        }
        assert_eq!(ana.get(&url).await.0, 200, "what was refused changes nothing");
        // Whoever calls another's picture his own does not take it away with his next one.
        let bogdan = Browser::sign_up(&at, "bogdan").await;
        let claimed = bogdan.post("/users/crud/updateUserDetails", json!({ "profile_picture": url })).await;
        assert_eq!(claimed.0, 200, "{}", claimed.1);
        let form = Form::new().part("image", Part::bytes(DOT.to_vec()).file_name("me.png"));
        let own = bogdan.request(Method::POST, "/users/crud/uploadProfilePicture").multipart(form);
        assert_eq!(answered(own).await.0, 200);
        assert_eq!(ana.get(&url).await.0, 200, "it is still there");
        let (_, second) = answered(upload("image", DOT.to_vec())).await;
        assert_ne!(second["url"], json!(url));
        assert_eq!(ana.get(&url).await.0, 404, "the one before is gone");
        assert_eq!(ana.get("/users/pictures/../../etc/passwd").await.0, 404);
    }
}

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

        let remove = Some(json!({ "friend_uuid": bogdan.uuid }));
        let path = "/friends/manage/removeFriend";
        assert_eq!(ana.call(Method::DELETE, path, remove.clone()).await.0, 200);
        assert_eq!(ana.call(Method::DELETE, path, remove).await.0, 404);
        assert_eq!(bogdan.get("/friends/manage/getFriends").await.1["friends"], json!([]));
    }
}

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

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_told_is_lost_when_every_process_is_killed() {
    for at in Deployment::all() {
        let (ana, bogdan) = (Browser::sign_up(&at, "ana").await, Browser::sign_up(&at, "bogdan").await);
        ana.befriend(&bogdan).await;
        let direct = ana.conversation(&[&bogdan], None).await;
        let mut told = Vec::new();
        for nth in 0..10 {
            told.push(ana.say(&direct, &format!("text {nth}")).await["_id"].clone());
        }
        let at = at.killed_and_started();
        let ana = Browser::stranger(&at);
        let login = json!({ "email": "ana@example.org", "password": PASSWORD });
        assert_eq!(ana.post("/users/auth/login", login).await.0, 200);
        assert_eq!(ana.get("/friends/manage/getFriends").await.1["friends"][0]["uuid"], json!(bogdan.uuid));
        let found = ana.messages(&direct).await;
        assert_eq!(found.iter().map(|one| one["_id"].clone()).collect::<Vec<_>>(), told);
        assert!(found.iter().all(|one| one["read"] == false));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_friendship_outlives_the_kill_of_its_service_in_the_middle_of_accepting() {
    let Some(mut at) = Deployment::four() else { return };
    let ana = Browser::sign_up(&at, "ana").await;
    let mut told = 0;
    for round in 0..8 {
        let ana = ana.at(&at);
        let name = format!("friend{round}");
        let other = Browser::sign_up(&at, &name).await;
        let asked = ana.post("/friends/requests/sendRequest", json!({ "friend_uuid": other.uuid })).await;
        assert_eq!(asked.0, 201, "{}", asked.1);
        let accept = json!({ "friend_uuid": ana.uuid });
        let accepting = tokio::spawn(async move {
            let request = other.request(Method::POST, "/friends/requests/acceptRequest");
            let sent = request.body(accept.to_string()).send().await;
            (other, sent.is_ok_and(|answer| answer.status() == 200))
        });
        tokio::time::sleep(std::time::Duration::from_millis(round * 3)).await;
        at.services.remove(1).kill().expect("it is killed");
        let (other, accepted) = accepting.await.expect("it ends");
        let service = at.service(1);
        at.services.insert(1, service);
        at.front_door();
        let (ana, other) = (ana.at(&at), other.at(&at));
        told += u64::from(accepted);
        let uuids = |page: Value, field: &str| -> Vec<Value> {
            page["friends"].as_array().expect("an array").iter().map(|one| one[field].clone()).collect()
        };
        let one = uuids(ana.get("/friends/manage/getFriends").await.1, "uuid").contains(&json!(other.uuid));
        let two = uuids(other.get("/friends/manage/getFriends").await.1, "uuid").contains(&json!(ana.uuid));
        assert_eq!(one, two, "both or neither, round {round}");
        assert!(one || !accepted, "what was told is so, round {round}");
        if !one {
            let again =
                other.post("/friends/requests/acceptRequest", json!({ "friend_uuid": ana.uuid })).await;
            assert_eq!(again.0, 200, "the request is still there: {}", again.1);
        }
    }
    println!("{told} of 8 were told before the kill");
}

#[test]
fn a_service_of_its_own_asks_for_databases_that_are_shared() {
    let data = tempfile::tempdir().expect("a folder");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_users-service"));
    command.env("CHAT_DATA_DIR", data.path()).env("CHAT_LISTEN", "127.0.0.1:0");
    command.env_remove("CHAT_STORE").env_remove("CHAT_ACCOUNTS_STORE");
    let ended = command.output().expect("it runs");
    let said = String::from_utf8(ended.stderr).expect("text");
    assert_eq!((ended.status.code(), ended.stdout.len()), (Some(2), 0));
    assert!(said.contains("--store and --accounts-store"), "{said}");
}
