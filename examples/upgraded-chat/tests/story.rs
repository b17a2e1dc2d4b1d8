//! What the original promised, line by line, on SQLite and on MongoDB.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use testbed::people::{Person, ask};
use testbed::services::{MongoJava, Mongod, Service};
use testbed::system::System;

/// A database, with the data folder of the servers on it.
struct Base {
    data: tempfile::TempDir,
    service: Option<Service>,
}

impl Base {
    fn all() -> impl Iterator<Item = Self> {
        let on = |service| Self { data: tempfile::tempdir().expect("a folder"), service };
        let mongo = Service::start(&Mongod).ok().or_else(|| Service::start_or_skip(&MongoJava));
        [Some(on(None)), mongo.map(|service| on(Some(service)))].into_iter().flatten()
    }

    fn start(&self) -> System {
        let url = self.service.as_ref().map(Service::url);
        let mut settings = vec![("CHAT_DATA_DIR", self.data.path().to_str().expect("text"))];
        settings.extend(url.as_deref().map(|url| ("CHAT_STORE", url)));
        System::start(env!("CARGO_BIN_EXE_upgraded-chat"), &settings).expect("it starts")
    }
}

async fn befriend(server: &System, one: &Person, other: &Person) {
    for (person, of, action) in [(one, other, "request"), (other, one, "accept")] {
        let path = format!("/v1/friends/{}/{action}", of.id);
        let (status, answer) = person.ask(server, Method::PUT, &path, None).await;
        assert_eq!(status, 200, "{answer}");
    }
}

/// How one stands with the other.
async fn state(server: &System, one: &Person, state: &str) -> Vec<Value> {
    let (status, page) = one.get(server, &format!("/v1/friends?state={state}")).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().expect("items").iter().map(|item| item["user"]["id"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_have_claims_and_search_is_for_those_who_are_logged_in() {
    for base in Base::all() {
        let server = base.start();
        let ana = Person::register(&server, "ana").await;
        let bogdan = Person::register(&server, "bogdan").await;
        let claims = ana.token.split('.').nth(1).expect("a JWT");
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64")).expect("JSON");
        for claim in ["iss", "sub", "exp", "iat"] {
            assert!(!claims[claim].is_null(), "{claims}");
        }
        for path in ["/v1/users?query=bog", "/v1/users?username=bogdan", "/v1/me", "/v1/conversations"] {
            for token in [None, Some("nonsense"), Some(ana.refresh.as_str())] {
                assert_eq!(ask(&server, Method::GET, path, token, None).await.0, 401, "{path}");
            }
        }
        let found = ana.get(&server, "/v1/users?query=bog").await.1;
        assert_eq!(found["items"][0]["id"], json!(bogdan.id), "{found}");
        assert_eq!(ana.get(&server, "/v1/users?username=BOGDAN").await.1["id"], json!(bogdan.id));
        assert_eq!(ana.get(&server, "/v1/users?username=nobodyhere").await.0, 404);
        assert_eq!(ana.get(&server, "/v1/users?query=nobodyhere").await.1["items"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_seen_at_once_or_on_the_next_connect_and_answered_on_both_sides() {
    for base in Base::all() {
        let server = base.start();
        let (ana, bogdan) =
            (Person::register(&server, "ana").await, Person::register(&server, "bogdan").await);
        let cyn = Person::register(&server, "cyn").await;
        let (mut line, _) = ana.connect(&server).await;
        let (mut there, _) = bogdan.connect(&server).await;
        for (who, whom) in [(&bogdan.id, &bogdan), (&cyn.id, &cyn)] {
            assert_eq!(line.ask("friend.request", json!({ "user": who })).await["type"], "ok");
            assert_eq!(state(&server, whom, "incoming").await, [json!(ana.id)]);
        }
        let seen = there.event("friendship").await;
        assert_eq!(seen["friendship"]["state"], "incoming", "{seen}");
        assert_eq!(there.ask("friend.accept", json!({ "user": ana.id })).await["type"], "ok");
        let accepted = line.line.until(|frame| frame["friendship"]["state"] == "friends").await;
        assert_eq!(accepted["friendship"]["user"]["id"], json!(bogdan.id));

        // Cyn comes later.
        let (mut late, _) = cyn.connect(&server).await;
        let synced = late.ask("sync", json!({})).await;
        assert!(synced["friends"]["cursor"].is_string(), "{synced}");
        let listed = late.ask("friend.list", json!({ "state": "incoming" })).await;
        assert_eq!(listed["items"][0]["user"]["id"], json!(ana.id), "{listed}");
        assert_eq!(late.ask("friend.reject", json!({ "user": ana.id })).await["type"], "ok");
        let rejected = line
            .line
            .until(|frame| {
                frame["friendship"]["user"]["id"] == json!(cyn.id) && frame["friendship"]["state"] == "none"
            })
            .await;
        assert_eq!(rejected["type"], "friendship");
        assert_eq!(state(&server, &cyn, "incoming").await, Vec::<Value>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_message_to_a_friend_makes_the_conversation_and_groups_are_of_friends() {
    for base in Base::all() {
        let server = base.start();
        let mut people = Vec::new();
        for name in ["ana", "bogdan", "cyn", "dora"] {
            people.push(Person::register(&server, name).await);
        }
        let [ana, bogdan, cyn, dora] = &people[..] else { unreachable!("there are four") };
        befriend(&server, ana, bogdan).await;
        befriend(&server, ana, cyn).await;
        let (mut line, _) = ana.connect(&server).await;
        let (mut there, _) = bogdan.connect(&server).await;
        let strange =
            line.ask("message.send", json!({ "to": dora.id, "client_id": "s", "text": "hi" })).await;
        assert_eq!(strange["code"], "not_accepted", "{strange}");
        assert_eq!(ana.get(&server, "/v1/conversations").await.1["items"], json!([]));
        let first = line.say(("to", &bogdan.id), "hello").await;
        assert_eq!(there.hear().await, "hello");
        for person in [ana, bogdan] {
            let listed = person.get(&server, "/v1/conversations").await.1;
            assert_eq!(listed["items"][0]["id"], first["conversation"], "{listed}");
        }

        for (members, code) in [
            (vec![&bogdan.id], "validation_failed"),
            (vec![], "validation_failed"),
            (vec![&bogdan.id, &bogdan.id], "validation_failed"),
            (vec![&bogdan.id, &dora.id], "not_accepted"),
        ] {
            let group = json!({ "kind": "group", "client_id": "g", "name": "tea", "members": members });
            let refused = line.ask("conversation.create", group).await;
            assert_eq!(refused["code"], code, "{refused}");
        }
        let members = [&bogdan.id, &cyn.id];
        let group = json!({ "kind": "group", "client_id": "g", "name": "tea", "members": members });
        let made = line.ask("conversation.create", group).await;
        let group = made["conversation"]["id"].as_str().unwrap_or_else(|| panic!("{made}"));
        line.say(("conversation", group), "tea is ready").await;
        assert_eq!(there.hear().await, "tea is ready");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_and_a_new_login_everything_is_there() {
    for base in Base::all() {
        let server = base.start();
        let (ana, bogdan) =
            (Person::register(&server, "ana").await, Person::register(&server, "bogdan").await);
        let cyn = Person::register(&server, "cyn").await;
        befriend(&server, &ana, &bogdan).await;
        assert_eq!(
            cyn.ask(&server, Method::PUT, &format!("/v1/friends/{}/request", ana.id), None).await.0,
            200
        );
        let (mut line, _) = ana.connect(&server).await;
        let mut conversation = String::new();
        for nth in 0..20 {
            let message = line.say(("to", &bogdan.id), &format!("text {nth}")).await;
            conversation = message["conversation"].as_str().expect("an id").to_owned();
        }
        server.kill().expect("it is killed");
        while line.line.next().await.is_ok() {}
        let server = base.start();
        let ana = Person::log_in(&server, "ana").await;
        assert_eq!(state(&server, &ana, "incoming").await, [json!(cyn.id)]);
        assert_eq!(state(&server, &ana, "friends").await, [json!(bogdan.id)]);
        assert_eq!(ana.get(&server, "/v1/conversations").await.1["items"][0]["id"], json!(conversation));
        let (_, page) = ana.get(&server, &format!("/v1/conversations/{conversation}/messages")).await;
        let texts: Vec<_> =
            page["items"].as_array().expect("items").iter().map(|item| item["text"].clone()).collect();
        assert_eq!(texts, (0..20).map(|nth| json!(format!("text {nth}"))).collect::<Vec<_>>());
        assert!(server.stop().expect("it is asked").success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_deleted_groups_left_and_friendships_ended() {
    for base in Base::all() {
        let server = base.start();
        let (ana, bogdan) =
            (Person::register(&server, "ana").await, Person::register(&server, "bogdan").await);
        let cyn = Person::register(&server, "cyn").await;
        befriend(&server, &ana, &bogdan).await;
        befriend(&server, &ana, &cyn).await;
        let (mut line, _) = ana.connect(&server).await;
        let (mut there, _) = bogdan.connect(&server).await;
        let group =
            json!({ "kind": "group", "client_id": "g", "name": "tea", "members": [bogdan.id, cyn.id] });
        let made = line.ask("conversation.create", group).await;
        let group = made["conversation"]["id"].as_str().expect("an id").to_owned();
        let said = line.say(("conversation", &group), "never mind").await;
        let foreign = there.ask("message.delete", json!({ "conversation": group, "seq": said["seq"] })).await;
        assert_eq!(foreign["code"], "forbidden", "{foreign}");
        let gone = line.ask("message.delete", json!({ "conversation": group, "seq": said["seq"] })).await;
        assert_eq!(gone["type"], "ok", "{gone}");
        let seen = there.line.until(|frame| frame["type"] == "entry" && frame["kind"] == "deleted").await;
        assert_eq!(seen["conversation"], json!(group));

        let path = format!("/v1/conversations/{group}");
        assert_eq!(bogdan.ask(&server, Method::POST, &format!("{path}/leave"), None).await.0, 200);
        assert_eq!(bogdan.get(&server, &path).await.0, 404, "who has left sees nothing");
        assert_eq!(bogdan.get(&server, &format!("{path}/messages")).await.0, 404);

        let ended = line.ask("friend.remove", json!({ "user": bogdan.id })).await;
        assert_eq!(ended["friendship"]["state"], "none", "{ended}");
        assert_eq!(state(&server, &bogdan, "friends").await, Vec::<Value>::new());
        let refused = there.ask("message.send", json!({ "to": ana.id, "client_id": "x", "text": "x" })).await;
        assert_eq!(refused["code"], "not_accepted", "{refused}");
    }
}
