//! Every route and frame of the original, on both pairs of databases: what it does, what it refuses, and each fault that
//! the original had.

mod common;

use std::time::Duration;

use common::{Base, User, call, heard, registration, say, texts};
use reqwest::Method;
use serde_json::{Value, json};
use testbed::mailbox::Mailbox;
use testbed::people::{EXPIRED, Line, PASSWORD, ask};
use testbed::services::{Service, Smtp};

/// Where more is said than people say.
const MANY: &[(&str, &str)] =
    &[("CHAT_LIMIT", "messages_per_user_per_second=1000,frames_per_socket_per_second=1000")];

#[tokio::test(flavor = "multi_thread")]
async fn registering_checks_every_field_and_answers_the_published_shape() {
    for base in Base::all() {
        let server = base.start();
        let path = "/user/v1/register";
        let (status, data) = call(&server, Method::POST, path, None, Some(registration("anamaria"))).await;
        assert_eq!(status, 201);
        let fields: Vec<_> = data.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(fields, ["CreatedAt", "ID", "UpdatedAt", "full_name", "password", "username"]);
        assert_eq!((&data["username"], &data["password"]), (&json!("anamaria"), &json!("")));
        assert_eq!(data["ID"], json!(1), "an integer, as the original's");

        let with = |field: &str, value: Value| {
            let mut body = registration("bogdan");
            body[field] = value;
            body
        };
        let long = "x".repeat(33);
        for (body, expected) in [
            (registration("anamaria"), 409),
            (registration("ANAMARIA"), 409),
            (with("username", json!("short")), 400),
            (with("username", json!(long)), 400),
            (with("username", json!({ "$ne": null })), 400),
            (with("password", json!("12345")), 400),
            (with("full_name", json!("short")), 400),
            (with("email", json!("no address")), 400),
            (with("email", Value::Null), 400),
            (with("admin", json!(true)), 400),
            (json!([]), 400),
        ] {
            let (status, said) = call(&server, Method::POST, path, None, Some(body.clone())).await;
            assert_eq!(status, expected, "{body}: {said}");
        }
        assert_eq!(call(&server, Method::GET, path, None, None).await.0, 405);
        assert_eq!(call(&server, Method::POST, path, None, Some(registration("bogdan"))).await.0, 201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_not_is_refused_in_the_envelope_and_the_page_is_at_the_root() {
    let base = Base::files();
    let server = base.start();
    for (method, path, expected) in [
        (Method::GET, "/nothing", 404),
        (Method::POST, "/user/v1/nothing", 404),
        (Method::PUT, "/user/v1/register", 405),
        (Method::GET, "/ws/", 426),
    ] {
        assert_eq!(call(&server, method, path, None, None).await.0, expected, "{path}");
    }
    let (status, problem) = ask(&server, Method::GET, "/v1/nothing", None, None).await;
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")), "our own protocol has its own");
    assert_eq!(ask(&server, Method::GET, "/healthz", None, None).await.0, 200);
    assert_eq!(ask(&server, Method::GET, "/metrics", None, None).await.0, 200);
    let (status, page) = ask(&server, Method::GET, "/", None, None).await;
    assert!(
        status == 200 && page.as_str().is_some_and(|page| page.contains("<html")),
        "where links of mails lead"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_all_different_and_each_is_good_for_one_thing() {
    for base in Base::all() {
        let server = base.start();
        let one = User::register(&server, "anamaria").await;
        // Within the same second.
        let two = User::log_in(&server, "anamaria").await;
        let mut tokens = vec![&one.token, &two.token, &one.refresh, &two.refresh];
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), 4);

        let wrong = |name: &str| Some(json!({ "username": name, "password": "wrong horse" }));
        let login = "/user/v1/login";
        let known = call(&server, Method::POST, login, None, wrong("anamaria")).await;
        assert_eq!(known, call(&server, Method::POST, login, None, wrong("nobodyhere")).await);
        assert_eq!(known.0, 401);

        let history = "/message/v1/history?with=anamaria";
        for token in [None, Some("nonsense"), Some(one.refresh.as_str())] {
            assert_eq!(call(&server, Method::GET, history, token, None).await.0, 401);
        }
        for method in [Method::POST, Method::PUT] {
            let path = "/user/v1/refresh-token";
            let refused = call(&server, method.clone(), path, Some(&one.token), None).await;
            assert_eq!(refused.0, 401, "an access token renews nothing");
            let user = User::log_in(&server, "anamaria").await;
            let (status, pair) = call(&server, method, path, Some(&user.refresh), None).await;
            assert_eq!(status, 200, "{pair}");
            assert_ne!(pair["refresh_token"], json!(user.refresh));
            let renewed = pair["token"].as_str();
            assert_eq!(call(&server, Method::POST, "/user/v1/logout", renewed, None).await.0, 200);
            let over = call(&server, Method::POST, "/user/v1/logout", renewed, None).await;
            assert_eq!(over.0, 401, "a token ends with its login");
        }
        // Without `Bearer`, as the original took it.
        let bare = reqwest::Client::new().get(server.url("/v1/me")).header("authorization", &one.token);
        assert_eq!(bare.send().await.expect("an answer").status(), 401, "our own protocol asks for it");
        let bare = reqwest::Client::new()
            .get(server.url("/message/v1/history?with=anamaria&limit=0"))
            .header("authorization", &one.token);
        assert_eq!(bare.send().await.expect("an answer").status(), 400, "it is known who asks");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_is_good_for_its_time_and_the_other_one_gets_a_new_one() {
    let base = Base::files();
    let server = base.start_with(&[("CHAT_ACCESS_TOKEN_SECONDS", "2")]);
    let ana = User::register(&server, "anamaria").await;
    let history = "/message/v1/history?with=bogdan";
    tokio::time::sleep(EXPIRED).await;
    for path in [history, "/v1/me"] {
        assert_eq!(ask(&server, Method::GET, path, Some(&ana.token), None).await.0, 401, "{path}");
    }
    let shown = [("authorization", ana.token.as_str())];
    assert_eq!(Line::open(&server, "/ws/", &shown).await.err(), Some(401));
    let (status, pair) =
        call(&server, Method::POST, "/user/v1/refresh-token", Some(&ana.refresh), None).await;
    assert_eq!(status, 200, "{pair}");
    assert_eq!(ask(&server, Method::GET, "/v1/me", pair["token"].as_str(), None).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_one_device_or_all_and_their_sockets() {
    for base in Base::all() {
        let server = base.start();
        let phone = User::register(&server, "anamaria").await;
        let (desk, tablet) =
            (User::log_in(&server, "anamaria").await, User::log_in(&server, "anamaria").await);
        let (mut lost, mut stays) = (phone.connect(&server).await, desk.connect(&server).await);
        let out = phone.call(&server, Method::DELETE, "/user/v1/logout", None).await;
        assert_eq!(out, (200, Value::Null));
        assert_eq!(lost.next().await, Err(Some(4401)));
        let body = json!({ "to": "anamaria", "message": "x" });
        let refused = phone.call(&server, Method::POST, "/message/v1/send", Some(body)).await;
        assert_eq!(refused.0, 401);
        assert_eq!(tablet.call(&server, Method::POST, "/user/v1/logout?all=true", None).await.0, 200);
        assert_eq!(stays.next().await, Err(Some(4401)));
        let renewed = call(&server, Method::POST, "/user/v1/refresh-token", Some(&desk.refresh), None).await;
        assert_eq!(renewed.0, 401);
        assert_eq!(desk.call(&server, Method::POST, "/user/v1/logout?every=true", None).await.0, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_both_ways_by_socket_and_by_route_and_only_to_whom_they_are_for() {
    for base in Base::all() {
        let server = base.start();
        let ana = User::register(&server, "anamaria").await;
        let bogdan = User::register(&server, "bogdan").await;
        let cyn = User::register(&server, "cynthia").await;
        let again = User::log_in(&server, "bogdan").await;
        let mut line = ana.connect(&server).await;
        let (mut phone, mut desk) = (bogdan.connect(&server).await, again.connect(&server).await);
        say(&mut line, "bogdan", "between us").await;
        for line in [&mut line, &mut phone, &mut desk] {
            let frame = heard(line).await;
            assert_eq!((&frame["from"], &frame["message"]), (&json!("anamaria"), &json!("between us")));
            assert!(frame["date"].as_str().is_some_and(|date| date.ends_with('Z')), "{frame}");
        }
        let body = json!({ "to": "anamaria", "message": "by the route", "client_id": "one" });
        let path = "/message/v1/send";
        let (status, sent) = bogdan.call(&server, Method::POST, path, Some(body.clone())).await;
        assert_eq!((status, &sent["from"], &sent["message"]), (200, &json!("bogdan"), &body["message"]));
        let repeated = bogdan.call(&server, Method::POST, path, Some(body)).await.1;
        assert_eq!(repeated, sent, "a repeat is the same message");
        assert_eq!(heard(&mut line).await, sent);
        let body = json!({ "conversation": sent["conversation"], "message": "and back" });
        assert_eq!(ana.call(&server, Method::POST, path, Some(body.clone())).await.0, 200);
        assert_eq!(
            texts(&ana.history(&server, "with=bogdan").await),
            ["between us", "by the route", "and back"]
        );

        let strange = cyn.call(&server, Method::POST, path, Some(body)).await;
        assert_eq!(strange.0, 404, "a conversation of others is none");
        let query =
            format!("/message/v1/history?conversation={}", sent["conversation"].as_str().expect("an id"));
        assert_eq!(cyn.call(&server, Method::GET, &query, None).await.0, 404);
        assert_eq!(cyn.history(&server, "with=bogdan").await, Vec::<Value>::new());
        for (body, expected) in [
            (json!({ "message": "x" }), 400),
            (json!({ "to": "bogdan", "conversation": sent["conversation"], "message": "x" }), 400),
            (json!({ "to": "nobodyhere", "message": "x" }), 404),
            (json!({ "to": "bogdan" }), 400),
            (json!({ "to": "bogdan", "message": " " }), 400),
            (json!({ "to": "bogdan", "message": { "$gt": "" } }), 400),
            (json!({ "to": "anamaria", "message": "x" }), 400),
            (json!({ "to": "bogdan", "message": "x", "from": "cynthia" }), 403),
            (
                json!({ "to": "bogdan", "message": "x", "date": "2020-01-01T00:00:00Z", "from": "anamaria" }),
                200,
            ),
        ] {
            let (status, said) = ana.call(&server, Method::POST, path, Some(body.clone())).await;
            assert_eq!(status, expected, "{body}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_never_the_whole_collection_and_pages_to_its_beginning() {
    for base in Base::all() {
        let server = base.start_with(MANY);
        let (ana, _) = (User::register(&server, "anamaria").await, User::register(&server, "bogdan").await);
        let mut line = ana.connect(&server).await;
        let said: Vec<String> = (0..25).map(|nth| format!("text {nth}")).collect();
        for text in &said {
            say(&mut line, "bogdan", text).await;
        }
        for _ in &said {
            heard(&mut line).await;
        }
        let (mut all, mut before) = (Vec::new(), String::new());
        loop {
            let page = ana.history(&server, &format!("with=bogdan&limit=10{before}")).await;
            let Some(first) = page.first() else { break };
            before = format!("&before={}", first["seq"]);
            all.splice(0..0, page);
        }
        assert_eq!(texts(&all), said);
        let date = all[12]["date"].as_str().expect("a date");
        let earlier = ana.history(&server, &format!("with=bogdan&before={date}")).await;
        // Several may be of one millisecond.
        let first = all.iter().position(|message| message["date"] == date).expect("the twelfth is one");
        assert_eq!(texts(&earlier), said[..first]);
        for query in
            ["", "?limit=5", "?with=bogdan&conversation=x", "?with=bogdan&limit=0", "?with=bogdan&all=true"]
        {
            let path = format!("/message/v1/history{query}");
            assert_eq!(ana.call(&server, Method::GET, &path, None).await.0, 400, "{query}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_asks_for_a_token_answers_what_is_wrong_and_tells_typing_reading_and_presence() {
    for base in Base::all() {
        let server = base.start();
        let (ana, bogdan) =
            (User::register(&server, "anamaria").await, User::register(&server, "bogdan").await);
        for path in ["/ws", "/ws/", "/message/v1/send"] {
            assert_eq!(Line::open(&server, path, &[]).await.err(), Some(401), "{path}");
            let refresh = format!("Bearer {}", ana.refresh);
            assert_eq!(Line::open(&server, path, &[("authorization", &refresh)]).await.err(), Some(401));
            assert!(Line::open(&server, path, &[("authorization", &ana.token)]).await.is_ok(), "{path}");
        }
        assert_eq!(ana.call(&server, Method::GET, "/message/v1/send", None).await.0, 426);
        let protocols = format!("Bearer, {}", ana.token);
        let browser = Line::open(&server, "/ws/", &[("sec-websocket-protocol", &protocols)]).await;
        assert_eq!(browser.expect("a socket").1["sec-websocket-protocol"], "Bearer", "and never the token");

        let (mut line, mut other) = (ana.connect(&server).await, bogdan.connect(&server).await);
        for frame in [
            "not json",
            "[]",
            "{}",
            r#"{"message":"x"}"#,
            r#"{"to":"bogdan","message":"x","from":"bogdan"}"#,
            r#"{"to":"nobodyhere","message":"x"}"#,
            r#"{"to":"bogdan","message":""}"#,
            r#"{"type":"typing","typing":true}"#,
            r#"{"type":"read","conversation":"x","seq":1}"#,
            r#"{"type":"dance"}"#,
            r#"{"type":"watch","users":["nobodyhere"]}"#,
        ] {
            line.send(frame).await;
            let answer = line.next().await.expect("an answer");
            assert_eq!(
                (&answer["type"], answer["message"].is_string()),
                (&json!("error"), true),
                "{frame}: {answer}"
            );
        }
        say(&mut line, "bogdan", "still here").await;
        let told = heard(&mut other).await;
        assert_eq!(told["message"], "still here");
        other.send(json!({ "type": "typing", "to": "anamaria", "typing": true }).to_string()).await;
        let typing = line.until(|frame| frame["type"] == "typing").await;
        assert_eq!((&typing["from"], &typing["typing"]), (&json!("bogdan"), &json!(true)));
        let read = json!({ "type": "read", "conversation": told["conversation"], "seq": told["seq"] });
        other.send(read.to_string()).await;
        let seen = line.until(|frame| frame["type"] == "read").await;
        assert_eq!((&seen["from"], &seen["seq"]), (&json!("bogdan"), &told["seq"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn friends_are_told_when_somebody_comes_and_goes() {
    for base in Base::all() {
        let server = base.start();
        let (ana, bogdan) =
            (User::register(&server, "anamaria").await, User::register(&server, "bogdan").await);
        let (mut line, other) = (ana.connect(&server).await, bogdan.connect(&server).await);
        for (user, of, action) in [(&ana, "bogdan", "request"), (&bogdan, "anamaria", "accept")] {
            let search = format!("/v1/users?query={of}");
            let (_, found) = ask(&server, Method::GET, &search, Some(&user.token), None).await;
            let id = found["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{found}"));
            let path = format!("/v1/friends/{id}/{action}");
            let (status, answer) = ask(&server, Method::PUT, &path, Some(&user.token), None).await;
            assert_eq!(status, 200, "{path}: {answer}");
        }
        line.send(json!({ "type": "watch", "users": ["bogdan"] }).to_string()).await;
        let watching = line.until(|frame| frame["type"] == "watching").await;
        assert_eq!(watching["users"][0]["online"], true, "{watching}");
        drop(other);
        let gone = line.until(|frame| frame["type"] == "presence" && frame["online"] == false).await;
        assert_eq!(gone["from"], "bogdan");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_hang_on_messages_and_only_the_two_see_them() {
    for base in Base::all() {
        let server = base.start();
        let (ana, bogdan) =
            (User::register(&server, "anamaria").await, User::register(&server, "bogdan").await);
        let cyn = User::register(&server, "cynthia").await;
        let client = reqwest::Client::new();
        let upload = client.post(server.url("/v1/attachments?name=note.txt")).bearer_auth(&ana.token);
        let file: Value = upload.body("a note").send().await.expect("sent").json().await.expect("JSON");
        let body = json!({ "to": "bogdan", "message": "see this", "attachments": [file["id"]] });
        let (status, sent) = ana.call(&server, Method::POST, "/message/v1/send", Some(body)).await;
        assert_eq!(status, 200, "{sent}");
        let shown = &bogdan.history(&server, "with=anamaria").await[0]["attachments"][0];
        assert_eq!((&shown["name"], &shown["bytes"]), (&json!("note.txt"), &json!(6)));
        let url = server.url(shown["url"].as_str().expect("a path"));
        let read = |token: String| client.get(&url).bearer_auth(token).send();
        assert_eq!(read(bogdan.token.clone()).await.expect("read").text().await.expect("text"), "a note");
        assert_eq!(read(cyn.token.clone()).await.expect("read").status(), 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_told_is_lost_by_a_kill_and_one_stuck_client_holds_up_nobody() {
    for base in Base::all() {
        let server = base.start_with(MANY);
        let (ana, bogdan) =
            (User::register(&server, "anamaria").await, User::register(&server, "bogdan").await);
        let stuck = bogdan.connect(&server).await;
        let mut line = ana.connect(&server).await;
        // More than the buffers of a line that nobody reads hold.
        let large = "x".repeat(8_000);
        let mut told = Vec::new();
        for nth in 0..1_200 {
            say(&mut line, "bogdan", &format!("{nth} {large}")).await;
            told.push(heard(&mut line).await["message"].clone());
        }
        drop(stuck);
        server.kill().expect("it is killed");
        while line.next().await.is_ok() {}
        let server = base.start();
        let found = ana.history(&server, "with=bogdan&limit=200").await;
        assert_eq!(found.iter().map(|message| message["message"].clone()).collect::<Vec<_>>(), told[1_000..]);
        let mut line = bogdan.connect(&server).await;
        say(&mut line, "anamaria", "the login is there too").await;
        assert_eq!(heard(&mut line).await["message"], "the login is there too");
        assert!(server.stop().expect("it is asked").success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_proven_by_the_link_that_was_mailed() {
    let Some(smtp) = Service::start_or_skip(&Smtp) else { return };
    let mut mailbox = Mailbox::of(&smtp).expect("a mailbox");
    let base = Base::files();
    let server = base.start_with(&[
        ("CHAT_SMTP", &smtp.url()),
        ("CHAT_MAIL_FROM", "Chat <chat@example.org>"),
        ("CHAT_PUBLIC_URL", "https://chat.example.org"),
    ]);
    let ana = User::register(&server, "anamaria").await;
    let mail = tokio::task::block_in_place(|| mailbox.mail()).expect("a mail");
    let text = mail.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
    let token = text.split("#verify-email=").nth(1).expect("a link");
    let token: String =
        token.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    let (_, me) = ask(&server, Method::GET, "/v1/me", Some(&ana.token), None).await;
    assert_eq!(me["email_verified"], json!(false), "{me}");
    let confirm = Some(json!({ "token": token }));
    let confirmed = ask(&server, Method::POST, "/v1/email-verifications/confirm", None, confirm).await;
    assert_eq!(confirmed.0, 204, "{}", confirmed.1);
    let (_, me) = ask(&server, Method::GET, "/v1/me", Some(&ana.token), None).await;
    assert_eq!(me["email_verified"], json!(true), "{me}");
}

/// The hash of everybody's password by another implementation of bcrypt, at cost 10.
const BCRYPT: &str = "$2b$10$09QGpc63syIzRvcQR0g7ZeB70Iltq10AbcSTunxYN0stydNTddTAq";

#[tokio::test(flavor = "multi_thread")]
async fn people_of_the_server_before_log_in_with_what_they_always_had() {
    for base in Base::all() {
        let file = base.data.path().join("accounts.jsonl");
        let old = json!({
            "username": "anamaria", "password": BCRYPT, "full_name": "Ana Maria", "email": "ana@example.org",
            "email_verified": true, "created_at": "2020-02-03T04:05:06Z", "id": 41,
        });
        let other = json!({ "username": "bogdan", "password": BCRYPT });
        std::fs::write(&file, format!("{old}\n{other}\n")).expect("it is written");
        // Twice, as after a restart with the same settings.
        for _ in 0..2 {
            let import =
                [("CHAT_IMPORT_ACCOUNTS", file.to_str().expect("text")), ("CHAT_BCRYPT_COST_MAX", "10")];
            let server = base.start_with(&import);
            let ana = User::log_in(&server, "anamaria").await;
            let (_, me) = ask(&server, Method::GET, "/v1/me", Some(&ana.token), None).await;
            assert_eq!(
                (&me["id"], &me["full_name"], &me["email_verified"]),
                (&json!("41"), &json!("Ana Maria"), &json!(true))
            );
            let wrong = json!({ "username": "bogdan", "password": "wrong horse" });
            assert_eq!(call(&server, Method::POST, "/user/v1/login", None, Some(wrong)).await.0, 401);
            User::log_in(&server, "bogdan").await;
            assert!(server.stop().expect("it is asked").success());
        }
        std::fs::write(&file, "{}\n").expect("it is written");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_split-chat"));
        let data = tempfile::tempdir().expect("a folder");
        command.env("CHAT_DATA_DIR", data.path()).env("CHAT_LISTEN", "127.0.0.1:0");
        command.env("CHAT_IMPORT_ACCOUNTS", &file).env("CHAT_BCRYPT_COST_MAX", "10");
        let ended = command.output().expect("it runs");
        let said = String::from_utf8(ended.stderr).expect("text");
        assert_eq!((ended.status.code(), ended.stdout.len()), (Some(2), 0));
        assert!(said.contains("line 1"), "{said}");
    }
}

#[test]
fn there_is_no_start_with_an_empty_key() {
    let base = Base::files();
    let key = base.data.path().join("signing.key");
    std::fs::write(&key, "").expect("it is written");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_split-chat"));
    let ended = command.env("CHAT_DATA_DIR", base.data.path()).env("CHAT_LISTEN", "127.0.0.1:0").output();
    let ended = ended.expect("it runs");
    assert_eq!((ended.status.code(), ended.stdout.len()), (Some(2), 0));
    assert_eq!(std::fs::read(&key).expect("it is there"), b"", "and nothing is put there");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_too_much_is_told_to_wait_at_every_door() {
    let base = Base::files();
    let few = "messages_per_user_per_second=1,registrations_per_address_per_hour=2";
    let server = base.start_with(&[("CHAT_LIMIT", few)]);
    let (ana, _) = (User::register(&server, "anamaria").await, User::register(&server, "bogdan").await);
    let third = call(&server, Method::POST, "/user/v1/register", None, Some(registration("cynthia"))).await;
    assert_eq!(third.0, 429);
    let mut statuses = Vec::new();
    for nth in 0..8 {
        let body = json!({ "to": "bogdan", "message": format!("text {nth}") });
        statuses.push(ana.call(&server, Method::POST, "/message/v1/send", Some(body)).await.0);
    }
    assert!(statuses.starts_with(&[200, 200]) && statuses.contains(&429), "{statuses:?}");
    let told = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(ana.history(&server, "with=bogdan").await.len(), told, "what is refused changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_line_is_heard_of_nothing() {
    let base = Base::files();
    let server = base.start();
    let (ana, bogdan) = (User::register(&server, "anamaria").await, User::register(&server, "bogdan").await);
    let cyn = User::register(&server, "cynthia").await;
    let (mut line, mut outside) = (ana.connect(&server).await, cyn.connect(&server).await);
    say(&mut line, "bogdan", "between us").await;
    heard(&mut line).await;
    assert_eq!(outside.within(Duration::from_millis(300)).await, None, "what is between two is for two");
    assert_eq!(bogdan.history(&server, "with=anamaria").await.len(), 1);
    let body = json!({ "username": "anamaria", "password": PASSWORD });
    assert_eq!(call(&server, Method::POST, "/user/v1/login", None, Some(body)).await.0, 200);
}
