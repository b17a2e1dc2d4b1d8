//! The same story on SQLite, PostgreSQL and MariaDB, by one URL: accounts, sockets, groups, history, reports, kills.

mod common;

use common::{Base, group, join};
use reqwest::Method;
use serde_json::json;
use testbed::people::{EXPIRED, PASSWORD, Person, ask};
use testbed::system::System;

/// Runs a case on every database at hand.
macro_rules! on_each {
    ($($(#[$doc:meta])* $name:ident($base:ident, $server:ident) $case:block)+) => {$(
        $(#[$doc])*
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            for $base in Base::all() {
                let $server = $base.start();
                $case
            }
        }
    )+};
}

on_each! {
    accounts_are_made_and_tokens_expire_rotate_and_never_interchange(base, server) {
        let ana = Person::register(&server, "ana").await;
        let account = |name: &str, password: &str| Some(json!({ "username": name, "password": password }));
        for (path, body, status, code) in [
            ("/v1/accounts", account("ana", PASSWORD), 409, "already_exists"),
            ("/v1/accounts", account("bogdan", "short"), 422, "validation_failed"),
            ("/v1/sessions", account("ana", "wrong horse"), 401, "unauthenticated"),
            ("/v1/sessions", account("nobodyhere", PASSWORD), 401, "unauthenticated"),
        ] {
            let (got, answer) = ask(&server, Method::POST, path, None, body).await;
            assert_eq!((got, answer["code"].as_str()), (status, Some(code)), "{answer}");
        }
        for token in [None, Some("nonsense"), Some(ana.refresh.as_str())] {
            assert_eq!(ask(&server, Method::GET, "/v1/me", token, None).await.0, 401);
        }
        let refresh = |token: &str| Some(json!({ "refresh_token": token }));
        let access = ask(&server, Method::POST, "/v1/sessions/refresh", None, refresh(&ana.token)).await;
        assert_eq!(access.0, 401, "an access token refreshes nothing");
        let (status, pair) = ask(&server, Method::POST, "/v1/sessions/refresh", None, refresh(&ana.refresh)).await;
        assert_eq!(status, 200, "{pair}");
        assert_ne!(pair["refresh_token"].as_str(), Some(ana.refresh.as_str()));
        assert_eq!(ask(&server, Method::GET, "/v1/me", pair["access_token"].as_str(), None).await.0, 200);
        // The one before, once its successor was used, is a stolen one: the login ends.
        let next = pair["refresh_token"].as_str().unwrap_or_default();
        let (status, last) = ask(&server, Method::POST, "/v1/sessions/refresh", None, refresh(next)).await;
        assert_eq!(status, 200, "{last}");
        let stolen = ask(&server, Method::POST, "/v1/sessions/refresh", None, refresh(&ana.refresh)).await;
        assert_eq!(stolen.0, 401);
        let newest = last["refresh_token"].as_str().unwrap_or_default();
        assert_eq!(ask(&server, Method::POST, "/v1/sessions/refresh", None, refresh(newest)).await.0, 401);
        assert_eq!(ask(&server, Method::GET, "/v1/me", last["access_token"].as_str(), None).await.0, 401);

        assert!(server.stop().expect("it is asked").success());
        let server = base.start_with(&[("CHAT_ACCESS_TOKEN_SECONDS", "2")]);
        let ana = Person::log_in(&server, "ana").await;
        tokio::time::sleep(EXPIRED).await;
        let (status, answer) = ask(&server, Method::GET, "/v1/me", Some(&ana.token), None).await;
        assert_eq!((status, answer["code"].as_str()), (401, Some("token_expired")));
        assert_eq!(ask(&server, Method::POST, "/v1/sessions/refresh", None, refresh(&ana.refresh)).await.0, 200);
    }

    each_connection_is_told_its_id_and_everybody_who_is_online(base, server) {
        let (ana, bogdan) = (Person::register(&server, "ana").await, Person::register(&server, "bogdan").await);
        let (mut phone, first) = ana.connect(&server).await;
        let (_desk, second) = ana.connect(&server).await;
        assert!(first["connection"].is_string() && first["connection"] != second["connection"]);
        assert_eq!(first["user"]["id"], json!(ana.id));
        let (mut line, _) = bogdan.connect(&server).await;
        line.say(("to", &ana.id), "hello").await;
        assert_eq!(phone.hear().await, "hello");
        let body = json!({ "user": bogdan.id });
        assert_eq!(phone.ask("friend.request", body.clone()).await["type"], "ok");
        assert_eq!(line.ask("friend.accept", json!({ "user": ana.id })).await["type"], "ok");
        let watched = line.ask("presence.watch", json!({ "users": [ana.id] })).await;
        assert_eq!(watched["presence"][0]["online"], true, "{watched}");
    }

    groups_are_made_alone_joined_and_left_and_only_members_see_them(base, server) {
        let (ana, bogdan, cyn) = (
            Person::register(&server, "ana").await,
            Person::register(&server, "bogdan").await,
            Person::register(&server, "cyn").await,
        );
        let group = group(&ana, &server, "tea").await;
        join(&bogdan, &server, &group).await;
        let (mut line, _) = ana.connect(&server).await;
        let (mut other, _) = bogdan.connect(&server).await;
        line.say(("conversation", &group), "tea is ready").await;
        assert_eq!(other.hear().await, "tea is ready");
        let path = format!("/v1/conversations/{group}/messages");
        // The original served anybody's history to anybody.
        for path in [path.clone(), format!("/v1/conversations/{group}/entries"), format!("/v1/conversations/{group}/members")] {
            let (status, body) = cyn.get(&server, &path).await;
            assert_eq!((status, body["code"].as_str()), (404, Some("not_found")), "{path}");
            assert_eq!(ask(&server, Method::GET, &path, None, None).await.0, 401);
        }
        let said = cyn.ask(&server, Method::POST, &path, Some(json!({ "client_id": "x", "text": "x" }))).await;
        assert_eq!(said.0, 404);
        let left = bogdan.ask(&server, Method::POST, &format!("/v1/conversations/{group}/leave"), None).await;
        assert_eq!(left.0, 200);
        assert_eq!(bogdan.get(&server, &path).await.0, 404, "who has left sees nothing");
        join(&cyn, &server, &group).await;
        assert_eq!(cyn.get(&server, &path).await.1["items"][0]["text"], "tea is ready");
    }

    a_message_has_a_receiver_or_a_group_and_never_both_or_neither(base, server) {
        let (ana, bogdan) = (Person::register(&server, "ana").await, Person::register(&server, "bogdan").await);
        let group = group(&ana, &server, "tea").await;
        let (mut line, _) = ana.connect(&server).await;
        for fields in [json!({}), json!({ "to": bogdan.id, "conversation": group })] {
            let mut fields = fields;
            fields["client_id"] = "c".into();
            fields["text"] = "x".into();
            let answer = line.ask("message.send", fields).await;
            assert_eq!(answer["code"], "validation_failed", "{answer}");
        }
        line.say(("to", &bogdan.id), "private").await;
        line.say(("conversation", &group), "for the group").await;
        let wrong = "SELECT id FROM messages WHERE (receiver_id IS NULL) = (group_id IS NULL)";
        assert_eq!(base.report(wrong).await, Vec::<Vec<Option<String>>>::new());
        assert_eq!(base.report("SELECT id FROM messages").await.len(), 2);
    }

    history_is_paged_to_its_beginning(base, server) {
        let (ana, bogdan) = (Person::register(&server, "ana").await, Person::register(&server, "bogdan").await);
        let (mut line, _) = ana.connect(&server).await;
        let said: Vec<String> = (0..45).map(|nth| format!("text {nth}")).collect();
        let mut conversation = String::new();
        for text in &said {
            let message = line.say(("to", &bogdan.id), text).await;
            conversation = message["conversation"].as_str().unwrap_or_default().to_owned();
        }
        let (mut all, mut before) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/conversations/{conversation}/messages?limit=10{before}");
            let (_, page) = bogdan.get(&server, &path).await;
            let items = page["items"].as_array().cloned().unwrap_or_default();
            before = format!("&before={}", items[0]["seq"]);
            all.splice(0..0, items.iter().map(|item| item["text"].as_str().unwrap_or_default().to_owned()));
            if page["has_before"] == false {
                break;
            }
        }
        assert_eq!(all, said);
    }

    reports_read_the_published_schema(base, server) {
        let (ana, bogdan) = (Person::register(&server, "ana").await, Person::register(&server, "bogdan").await);
        let group = group(&ana, &server, "tea").await;
        join(&bogdan, &server, &group).await;
        let (mut line, _) = ana.connect(&server).await;
        let gone = line.say(("conversation", &group), "never said").await;
        line.say(("conversation", &group), "tea is ready").await;
        line.say(("conversation", &group), "and cake").await;
        line.say(("to", &bogdan.id), "just for you").await;
        let deleted = line.ask("message.delete", json!({ "conversation": group, "seq": gone["seq"] })).await;
        assert_eq!(deleted["type"], "ok", "{deleted}");

        let text = |rows: &[&[&str]]| -> Vec<Vec<Option<String>>> {
            rows.iter().map(|row| row.iter().map(|cell| Some((*cell).to_owned())).collect()).collect()
        };
        let quoted = if base.is_mysql() { GROUPS_MYSQL } else { GROUPS };
        assert_eq!(base.report(quoted).await, text(&[&["tea", "ana", "tea is ready"], &["tea", "ana", "and cake"]]));
        assert_eq!(base.report(PRIVATE).await, text(&[&["ana", "bogdan", "just for you"]]));
        assert_eq!(base.report(MEMBERS).await, text(&[&["ana"], &["bogdan"]]));
        let hashes = base.report("SELECT password_hash FROM users").await;
        assert!(hashes.iter().all(|row| row[0].as_deref().is_some_and(|hash| hash.starts_with("$argon2id$"))));
        let ids = base.report(if base.is_sqlite() { IDS_SQLITE } else { IDS }).await;
        assert_eq!(ids, text(&[&["1"], &["2"]]), "integers, as the original's");
        assert_eq!((ana.id.as_str(), bogdan.id.as_str()), ("1", "2"), "and the same for everybody");
        let today = base.report(if base.is_sqlite() { RECENT_SQLITE } else { RECENT }).await;
        assert_eq!(today, text(&[&["3"]]), "times are times");
    }

    nothing_that_was_told_is_lost_by_a_kill(base, server) {
        let (ana, bogdan) = (Person::register(&server, "ana").await, Person::register(&server, "bogdan").await);
        let (mut line, _) = ana.connect(&server).await;
        let mut conversation = String::new();
        for nth in 0..10 {
            let message = line.say(("to", &bogdan.id), &format!("text {nth}")).await;
            conversation = message["conversation"].as_str().unwrap_or_default().to_owned();
        }
        server.kill().expect("it is killed");
        while line.line.next().await.is_ok() {}
        let server = base.start();
        let (status, page) = bogdan.get(&server, &format!("/v1/conversations/{conversation}/messages")).await;
        assert_eq!(status, 200, "the login is there too");
        let texts: Vec<_> = page["items"].as_array().into_iter().flatten().map(|item| item["text"].clone()).collect();
        assert_eq!(texts, (0..10).map(|nth| json!(format!("text {nth}"))).collect::<Vec<_>>());
        assert_eq!(base.report("SELECT username FROM users").await.len(), 2, "the views are still there");
        two_processes_are_one_chat(&base, &server, [&ana, &bogdan]).await;
        assert!(server.stop().expect("it is asked").success());
    }
}

/// Where the database is a server of its own.
async fn two_processes_are_one_chat(base: &Base, one: &System, [ana, bogdan]: [&Person; 2]) {
    if !base.is_shared() {
        return;
    }
    let two = base.start();
    let (mut here, _) = ana.connect(one).await;
    let (mut there, _) = bogdan.connect(&two).await;
    here.say(("to", &bogdan.id), "across").await;
    assert_eq!(there.hear().await, "across");
    assert!(two.stop().expect("it is asked").success());
}

/// What was said in groups, by whom, in order.
const GROUPS: &str = r#"SELECT g.name, u.username, m.message FROM messages m
    JOIN "groups" g ON g.id = m.group_id JOIN users u ON u.id = m.sender_id ORDER BY m."timestamp", m.id"#;
const GROUPS_MYSQL: &str = "SELECT g.name, u.username, m.message FROM messages m
    JOIN `groups` g ON g.id = m.group_id JOIN users u ON u.id = m.sender_id ORDER BY m.`timestamp`, m.id";

/// What was said in private, by whom to whom.
const PRIVATE: &str = "SELECT s.username, r.username, m.message FROM messages m
    JOIN users s ON s.id = m.sender_id JOIN users r ON r.id = m.receiver_id";

const MEMBERS: &str =
    "SELECT u.username FROM group_members gm JOIN users u ON u.id = gm.user_id ORDER BY u.username";

/// Who there is, by an id with which one can count.
const IDS: &str = "SELECT CAST(id + 0 AS CHAR(1)) FROM users ORDER BY id";
const IDS_SQLITE: &str = "SELECT CAST(id AS TEXT) FROM users WHERE typeof(id) = 'integer' ORDER BY id";

/// How much was said since yesterday.
const RECENT: &str = r"SELECT CAST(COUNT(*) AS CHAR(1)) FROM messages m JOIN users u ON u.id = m.sender_id
    WHERE u.created_at > TIMESTAMP '2020-01-01 00:00:00' AND m.message IS NOT NULL";
const RECENT_SQLITE: &str = "SELECT CAST(COUNT(*) AS TEXT) FROM messages m JOIN users u ON u.id = m.sender_id
    WHERE u.created_at > '2020-01-01 00:00:00' AND m.message IS NOT NULL";

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_at_the_root_and_loads_nothing_from_elsewhere() {
    let base = Base::sqlite();
    let server = base.start();
    for (path, part) in [("/", "relational-chat"), ("/chat.js", "WebSocket"), ("/chat.css", "body")] {
        let answer = reqwest::get(server.url(path)).await.expect("an answer");
        let policy = answer.headers()["content-security-policy"].to_str().expect("text").to_owned();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(answer.text().await.expect("text").contains(part), "{path}");
    }
    assert_eq!(ask(&server, Method::GET, "/healthz", None, None).await.0, 200);
    assert_eq!(ask(&server, Method::GET, "/readyz", None, None).await.0, 200);
}

#[test]
fn what_is_no_relational_database_is_refused_in_one_line() {
    let data = tempfile::tempdir().expect("a folder");
    let program = env!("CARGO_BIN_EXE_relational-chat");
    let mut command = std::process::Command::new(program);
    command.env("CHAT_DATA_DIR", data.path()).env("CHAT_LISTEN", "127.0.0.1:0").args(["--store", "memory:"]);
    let ended = command.output().expect("it runs");
    let said = String::from_utf8(ended.stderr).expect("text");
    assert_eq!((ended.status.code(), ended.stdout.len()), (Some(2), 0));
    assert!(
        said.ends_with("expected a relational database: sqlite:PATH, postgres://… or mysql://…\n"),
        "{said}"
    );
}
