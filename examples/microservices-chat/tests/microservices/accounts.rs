//! The users service: signing up, logging in and out, who somebody is, and why no other page can do it.

use crate::common::{Browser, Deployment, answered, is_error};
use reqwest::Method;
use reqwest::header::{ORIGIN, SET_COOKIE};
use serde_json::{Value, json};
use testbed::people::{EXPIRED, PASSWORD};

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
async fn behind_tls_cookies_go_over_tls_only() {
    for (settings, is_secure) in [(&[("CHAT_PUBLIC_URL", "https://chat.example")][..], true), (&[], false)] {
        let at = Deployment::one_with(settings);
        let account = json!({ "username": "ana", "email": "ana@example.org", "password": PASSWORD });
        let request = reqwest::Client::new().post(at.url("/users/crud/addUser")).body(account.to_string());
        let answer = request.header("sec-fetch-site", "same-origin").send().await.expect("an answer");
        assert_eq!(answer.status(), 201);
        let cookies: Vec<_> = answer.headers().get_all(SET_COOKIE).iter().collect();
        assert!(cookies.len() >= 3, "{cookies:?}");
        for cookie in cookies {
            let cookie = cookie.to_str().expect("text");
            assert_eq!(cookie.contains("Secure"), is_secure, "{cookie}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_is_good_for_its_time_and_the_page_stays_logged_in() {
    let at = Deployment::one_with(&[("CHAT_ACCESS_TOKEN_SECONDS", "2")]);
    let ana = Browser::sign_up(&at, "ana").await;
    tokio::time::sleep(EXPIRED).await;
    let request = reqwest::Client::new().get(at.url("/users/crud/fetchUserDetails")).bearer_auth(&ana.token);
    let (status, told) = answered(request).await;
    assert_eq!((status, is_error(&told)), (401, true), "{told}");
    assert_eq!(ana.get("/friends/manage/getFriends").await.0, 401, "the cookie is gone as well");
    assert_eq!(ana.get("/users/auth/keep-alive").await.0, 200);
    assert_eq!(ana.get("/friends/manage/getFriends").await.0, 200, "by the cookie of the refresh token");
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
        let (cyn, dora) = (Browser::sign_up(&at, "cyn").await, Browser::sign_up(&at, "dora").await);
        ana.befriend(&cyn).await;
        ana.befriend(&dora).await;
        let group = ana.conversation(&[&cyn, &dora], Some("tea")).await;
        let update = json!({ "conversationId": group, "groupName": "evil" });
        for (method, path, body) in [
            (Method::POST, "/users/auth/logout", json!({})),
            (Method::POST, "/users/crud/updateUserDetails", json!({ "bio": "x" })),
            (Method::POST, "/users/crud/deleteUser", json!({ "password": PASSWORD })),
            (Method::POST, "/friends/requests/sendRequest", json!({ "friend_uuid": bogdan.uuid })),
            (Method::DELETE, "/friends/manage/removeFriend", json!({ "friend_uuid": cyn.uuid })),
            (
                Method::POST,
                "/messages/conversation/createConversation",
                json!({ "participantUsernames": ["bogdan"] }),
            ),
            (Method::PUT, "/messages/conversation/updateConversation", update),
            (Method::DELETE, "/messages/conversation/deleteConversation", json!({ "conversationId": group })),
        ] {
            let request = ana.request(method, path).body(body.to_string());
            let mut evil = request.build().expect("a request");
            evil.headers_mut().insert(ORIGIN, "https://evil.example".parse().expect("a header"));
            let (status, told) = ana.execute(evil).await;
            assert_eq!((status, is_error(&told)), (403, true), "{path}: {told}");
        }
        let friends = ana.get("/friends/manage/getFriends").await.1;
        assert_eq!(friends["friends"].as_array().map(Vec::len), Some(2), "{friends}");
        let conversations = ana.get("/messages/conversation/fetchAllConversations").await.1;
        assert_eq!(conversations["conversations"][0]["groupName"], "tea", "{conversations}");
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
