//! Who talks where: four people, a group of all of them, and two direct conversations.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use reqwest::Method;
use serde_json::{Value, json};

use super::super::client::{Login, befriend, call, log_in, register};
use super::verdict::Pushed;

/// The `client_id` of the message that begins a direct conversation, before the devices talk.
pub(crate) const FIRST: &str = "first";

/// Somebody and the conversations he is in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: &'static str,
    /// One for each of his devices.
    pub(crate) logins: [Login; 2],
    pub(crate) talks: Vec<String>,
}

impl Person {
    fn login(&self) -> &Login {
        &self.logins[0]
    }
}

/// Everybody.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) people: Vec<Person>,
}

impl Scene {
    /// Makes the accounts, the friends and the conversations.
    pub(crate) async fn set(server: SocketAddr) -> Self {
        let mut people = Vec::new();
        for name in ["ana", "bogdan", "carla", "dieter"] {
            register(server, name).await;
            let logins = [log_in(server, name).await, log_in(server, name).await];
            people.push(Person { name, logins, talks: Vec::new() });
        }
        for (one, other) in [(0, 1), (0, 2), (0, 3), (2, 3)] {
            befriend(server, people[one].login(), people[other].login()).await;
        }
        let others: Vec<&str> = people[1..].iter().map(|person| person.login().user.as_str()).collect();
        let group = json!({"kind": "group", "client_id": "group", "name": "all", "members": others});
        let group = made(server, people[0].login(), Method::POST, "/v1/conversations", &group).await;
        for (one, other) in [(0, 1), (2, 3)] {
            let direct = greet(server, people[one].login(), people[other].login()).await;
            people[one].talks.push(direct.clone());
            people[other].talks.push(direct);
        }
        for person in &mut people {
            person.talks.push(group.clone());
        }
        Self { people }
    }

    /// The whole log of every conversation, which is the same for all its members.
    pub(crate) async fn logs(&self, server: SocketAddr) -> BTreeMap<String, Vec<Pushed>> {
        let mut logs: BTreeMap<String, Vec<Pushed>> = BTreeMap::new();
        for person in &self.people {
            for talk in &person.talks {
                let read = log(server, person.login(), talk).await;
                let before = logs.insert(talk.clone(), read);
                assert!(
                    before.is_none_or(|before| before == logs[talk]),
                    "{} reads another log",
                    person.name
                );
            }
        }
        logs
    }
}

/// Says the first words between two people, which makes their conversation; gives its id.
async fn greet(server: SocketAddr, one: &Login, other: &Login) -> String {
    let path = format!("/v1/direct/{}", other.user);
    let direct = made(server, one, Method::PUT, &path, &Value::Null).await;
    let (path, first) =
        (format!("/v1/conversations/{direct}/messages"), json!({"client_id": FIRST, "text": "hello"}));
    let (status, body) = call(server, Some(one), Method::POST, &path, &first).await;
    assert_eq!(status, 201, "{body}");
    direct
}

/// Makes a conversation and gives its id.
async fn made(server: SocketAddr, login: &Login, method: Method, path: &str, body: &Value) -> String {
    let (status, made) = call(server, Some(login), method, path, body).await;
    assert!((200..300).contains(&status), "{status} {made}");
    let conversation = made.get("conversation").unwrap_or(&made);
    conversation["id"].as_str().unwrap().to_owned()
}

/// The whole log of a conversation, as one of its members reads it.
async fn log(server: SocketAddr, login: &Login, conversation: &str) -> Vec<Pushed> {
    let mut log: Vec<Pushed> = Vec::new();
    loop {
        let after = log.last().map_or(0, |entry| entry.seq);
        let path = format!("/v1/conversations/{conversation}/entries?after={after}&limit=200");
        let (status, page) = call(server, Some(login), Method::GET, &path, &Value::Null).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap();
        if items.is_empty() {
            return log;
        }
        log.extend(items.iter().map(Pushed::read));
    }
}
