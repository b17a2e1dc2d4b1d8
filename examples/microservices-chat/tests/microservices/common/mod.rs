//! The services, in one process or in four, and people with a browser's cookies.

pub(crate) mod socketio;

use reqwest::header::ORIGIN;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use testbed::people::PASSWORD;
use testbed::services::{MariaDb, MongoJava, Mongod, Service};
use testbed::system::System;

/// A PNG of one pixel.
pub(crate) const DOT: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

/// The processes of one deployment, with what they keep.
pub(crate) struct Deployment {
    data: tempfile::TempDir,
    databases: Option<(Service, Service)>,
    /// What is asked: everything in one, or the gateway.
    pub(crate) front: Option<System>,
    /// The services behind the gateway.
    pub(crate) services: Vec<System>,
}

/// The programs of the services, as the gateway knows them.
const SERVICES: [(&str, &str); 3] = [
    (env!("CARGO_BIN_EXE_users-service"), "CHAT_USERS"),
    (env!("CARGO_BIN_EXE_friends-service"), "CHAT_FRIENDS"),
    (env!("CARGO_BIN_EXE_messages-service"), "CHAT_MESSAGES"),
];

/// What each service asks for before it tells what it measured.
pub(crate) const METRICS_TOKEN: &str = "who measures";

impl Deployment {
    /// All in one process, on two files.
    pub(crate) fn one() -> Self {
        Self::one_with(&[])
    }

    /// The same with these settings.
    pub(crate) fn one_with(settings: &[(&str, &str)]) -> Self {
        let mut one = Self::nothing(None);
        let data = one.data.path().to_str().expect("text").to_owned();
        let settings = [&[("CHAT_DATA_DIR", data.as_str())], settings].concat();
        one.front =
            Some(System::start(env!("CARGO_BIN_EXE_microservices-chat"), &settings).expect("it starts"));
        one
    }

    /// Four processes, on MariaDB and MongoDB, or what speaks like that.
    pub(crate) fn four() -> Option<Self> {
        let people = Service::start_or_skip(&MariaDb)?;
        let talk = Service::start(&Mongod).ok().or_else(|| Service::start_or_skip(&MongoJava))?;
        let mut four = Self::nothing(Some((people, talk)));
        for nth in 0..SERVICES.len() {
            let service = four.service(nth);
            four.services.push(service);
        }
        four.front_door();
        Some(four)
    }

    /// Both ways of running it, as far as there is what they need.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        std::iter::once_with(|| Some(Self::one())).chain(std::iter::once_with(Self::four)).flatten()
    }

    fn nothing(databases: Option<(Service, Service)>) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        Self { data, databases, front: None, services: Vec::new() }
    }

    /// Starts one of the services.
    pub(crate) fn service(&self, nth: usize) -> System {
        self.service_at(nth, self.people().address().port())
    }

    /// The database of the people.
    pub(crate) fn people(&self) -> &Service {
        &self.databases.as_ref().expect("there are databases").0
    }

    /// Starts one of the services, which finds the people at this port.
    pub(crate) fn service_at(&self, nth: usize, people_port: u16) -> System {
        let (people, talk) = self.databases.as_ref().expect("there are databases");
        let (people, talk) = (people.url_by(people_port), talk.url());
        // Each at an address of its own, as on machines of their own: a token of one is good for all.
        let listen = format!("127.0.0.{}:0", nth + 2);
        let settings = [
            ("CHAT_LISTEN", listen.as_str()),
            ("CHAT_DATA_DIR", self.data.path().to_str().expect("text")),
            ("CHAT_ACCOUNTS_STORE", &people),
            ("CHAT_STORE", &talk),
            ("CHAT_TRUSTED_PROXY", "127.0.0.1"),
            ("CHAT_METRICS_TOKEN", METRICS_TOKEN),
        ];
        System::start(SERVICES[nth].0, &settings).expect("it starts")
    }

    /// Starts the gateway before the services that are there.
    pub(crate) fn front_door(&mut self) {
        let addresses: Vec<String> = self.services.iter().map(|one| one.address().to_string()).collect();
        let names = SERVICES.iter().map(|(_, name)| *name);
        let settings: Vec<(&str, &str)> = names.zip(addresses.iter().map(String::as_str)).collect();
        self.front =
            Some(System::start(env!("CARGO_BIN_EXE_gateway-service"), &settings).expect("it starts"));
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.front.as_ref().expect("it runs").url(path)
    }

    /// Kills all processes and starts them again.
    pub(crate) fn killed_and_started(mut self) -> Self {
        for process in self.front.take().into_iter().chain(self.services.drain(..)) {
            process.kill().expect("it is killed");
        }
        if self.databases.is_none() {
            let settings = [("CHAT_DATA_DIR", self.data.path().to_str().expect("text"))];
            let one = System::start(env!("CARGO_BIN_EXE_microservices-chat"), &settings);
            self.front = Some(one.expect("it starts"));
        } else {
            for nth in 0..SERVICES.len() {
                let service = self.service(nth);
                self.services.push(service);
            }
            self.front_door();
        }
        self
    }
}

/// Somebody with a browser: cookies are kept and sent, and requests say where they come from.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    client: Client,
    origin: String,
    pub(crate) uuid: String,
    pub(crate) username: String,
    pub(crate) token: String,
}

impl Browser {
    /// One that is nobody yet.
    pub(crate) fn stranger(at: &Deployment) -> Self {
        let client = Client::builder().cookie_store(true).build().expect("a client");
        let none = String::new();
        Self { client, origin: at.url(""), uuid: none.clone(), username: none.clone(), token: none }
    }

    /// One that has just signed up.
    pub(crate) async fn sign_up(at: &Deployment, username: &str) -> Self {
        let browser = Self::stranger(at);
        let body = json!({
            "username": username,
            "email": format!("{username}@example.org"),
            "password": PASSWORD,
        });
        let (status, told) = browser.post("/users/crud/addUser", body).await;
        assert_eq!(status, 201, "{told}");
        assert!(told["message"].is_string());
        let text = |name: &str| told[name].as_str().expect("a text").to_owned();
        Self { uuid: text("uuid"), username: username.to_owned(), token: text("auth_token"), ..browser }
    }

    /// Asks something of the page's own server.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.origin)).header(ORIGIN, &self.origin)
    }

    /// The same person where the page is now.
    pub(crate) fn at(&self, at: &Deployment) -> Self {
        Self { origin: at.url(""), ..self.clone() }
    }

    /// Sends a request as it is, with the cookies.
    pub(crate) async fn execute(&self, request: reqwest::Request) -> (u16, Value) {
        read(self.client.execute(request).await.expect("an answer")).await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.request(method, path);
        let request = match &body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        answered(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Makes friends with somebody.
    pub(crate) async fn befriend(&self, other: &Self) {
        let asked = self.post("/friends/requests/sendRequest", json!({ "friend_uuid": other.uuid })).await;
        assert_eq!(asked.0, 201, "{}", asked.1);
        let accepted =
            other.post("/friends/requests/acceptRequest", json!({ "friend_uuid": self.uuid })).await;
        assert_eq!(accepted.0, 200, "{}", accepted.1);
    }

    /// A conversation with these; gives its id.
    pub(crate) async fn conversation(&self, with: &[&Self], group: Option<&str>) -> String {
        let names: Vec<&str> = with.iter().map(|one| one.username.as_str()).collect();
        let mut body = json!({ "participantUsernames": names });
        if let Some(name) = group {
            (body["isGroup"], body["groupName"]) = (true.into(), name.into());
        }
        let (status, told) = self.post("/messages/conversation/createConversation", body).await;
        assert!(status == 201 || status == 200, "{told}");
        told["conversation"]["_id"].as_str().expect("an id").to_owned()
    }

    /// Writes by the route.
    pub(crate) async fn say(&self, conversation: &str, text: &str) -> Value {
        let body = json!({ "conversationId": conversation, "text": text });
        let (status, told) = self.post("/messages/msgs/sendMessage", body).await;
        assert_eq!(status, 201, "{told}");
        told
    }

    /// The messages of a conversation.
    pub(crate) async fn messages(&self, conversation: &str) -> Vec<Value> {
        let body = json!({ "conversationId": conversation });
        let (status, told) = self.post("/messages/msgs/fetchMessagesByConversationId", body).await;
        assert_eq!(status, 200, "{told}");
        told["messages"].as_array().expect("an array").clone()
    }
}

/// The status, and the body, as text where it is no JSON.
pub(crate) async fn answered(request: reqwest::RequestBuilder) -> (u16, Value) {
    read(request.send().await.expect("an answer")).await
}

async fn read(answer: reqwest::Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a text");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

pub(crate) fn is_error(body: &Value) -> bool {
    body["error"].is_string() && body.as_object().is_some_and(|object| object.len() == 1)
}
