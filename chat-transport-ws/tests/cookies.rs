//! Logins in cookies, over real connections: a host's own routes, ours, and the socket.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chat_core::accounts::{AccountOptions, Accounts, Keys, Login, PasswordCost, Registration};
use chat_core::{Chat, Device, MemoryStore, Store, SystemIds};
use chat_transport_ws::{CookieOptions, CookieSessions, Options};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const PASSWORD: &str = "correct horse";

/// A system with routes of its own beside ours.
#[derive(Clone)]
struct System {
    accounts: Accounts,
    cookies: CookieSessions,
}

async fn log_in(State(system): State<System>, Json(body): Json<Value>) -> Response {
    let name = body["username"].as_str().unwrap().to_owned();
    let login = Login { name, password: body["password"].as_str().unwrap().into() };
    match system.accounts.log_in(login, Device::new("page")).await {
        Ok(tokens) => (system.cookies.set(&tokens), Json(json!({ "message": "success" }))).into_response(),
        Err(_) => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn refresh(State(system): State<System>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    match system.cookies.renew(&system.accounts, &parts).await {
        Ok((_, cookies)) => (cookies, Json(json!({ "message": "success" }))).into_response(),
        Err(_) => (StatusCode::UNAUTHORIZED, system.cookies.clear()).into_response(),
    }
}

async fn log_out(State(system): State<System>) -> Response {
    (system.cookies.clear(), Json(json!({ "message": "success" }))).into_response()
}

async fn start() -> std::net::SocketAddr {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let keys = Keys::parse(Keys::generate(&SystemIds::default()).expose()).unwrap();
    let mut options = AccountOptions::new("https://chat.example");
    options.password_cost = PasswordCost::new(8, 1).unwrap();
    let accounts = Accounts::builder(Arc::clone(&store), keys, options).build();
    accounts.register(Registration::new("ana", PASSWORD)).await.unwrap();
    let chat = Chat::over(store).directory(Arc::new(accounts.clone())).build().await.unwrap();
    let cookies = CookieSessions::new(CookieOptions::default());
    let authenticator = cookies.authenticator(Arc::new(accounts.clone()));
    let ours =
        chat_transport_ws::router(chat.clone(), Options::new(authenticator).accounts(accounts.clone()));
    let own = Router::new()
        .route("/login", post(log_in))
        .route("/refresh", post(refresh))
        .route("/logout", post(log_out))
        .route("/alive", get(|| async { "yes" }))
        .with_state(System { accounts, cookies: cookies.clone() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = cookies.protect(own).merge(ours);
    tokio::spawn(chat_transport_ws::serve(listener, app, chat, std::future::pending()));
    address
}

/// An answer, as it came.
struct Answer {
    status: u16,
    cookies: Vec<String>,
    body: String,
}

/// A browser, as far as it matters: it keeps cookies, and says from where it asks.
struct Browser {
    address: std::net::SocketAddr,
    jar: BTreeMap<String, String>,
}

impl Browser {
    async fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        if !self.jar.is_empty() {
            let jar: Vec<String> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let _ = write!(request, "cookie: {}\r\n", jar.join("; "));
        }
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        let length = body.len();
        let _ = write!(request, "content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head[9..12].parse().unwrap();
        let set = head.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        let cookies: Vec<String> = set.map(str::to_owned).collect();
        for cookie in &cookies {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if value.is_empty() {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        Answer { status, cookies, body: body.to_owned() }
    }

    /// The status of a handshake with these headers.
    async fn upgrade(&self, headers: &[(&str, &str)]) -> (u16, String) {
        let jar: Vec<String> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = format!(
            "GET /v1/ws HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\ncookie: {}\r\n",
            self.address,
            jar.join("; ")
        );
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all((request + "\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        let mut buffer = [0; 4_096];
        // The handshake, and at least the first frame after it, whatever that is.
        while !answer.contains("\"type\":") && !answer.contains("\"code\":") {
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "{answer}");
            answer += &String::from_utf8_lossy(&buffer[..read]);
        }
        (answer[9..12].parse().unwrap(), answer)
    }
}

async fn logged_in() -> Browser {
    let mut browser = Browser { address: start().await, jar: BTreeMap::new() };
    let body = json!({ "username": "ana", "password": PASSWORD }).to_string();
    let answer = browser.ask("POST", "/login", &[], &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    browser
}

const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
const EVIL: (&str, &str) = ("origin", "https://evil.example");

#[tokio::test]
async fn cookies_are_hidden_strict_and_secure() {
    let mut browser = Browser { address: start().await, jar: BTreeMap::new() };
    let body = json!({ "username": "ana", "password": PASSWORD }).to_string();
    let cookies = browser.ask("POST", "/login", &[], &body).await.cookies;
    assert_eq!(cookies.len(), 3);
    for cookie in &cookies {
        for part in ["; SameSite=Strict", "; Secure", "; Path=/", "; Max-Age="] {
            assert!(cookie.contains(part), "{part} is not in {cookie}");
        }
        assert_eq!(cookie.contains("; HttpOnly"), !cookie.starts_with("csrfToken="), "{cookie}");
    }
    assert!(cookies[0].starts_with("accessToken=") && cookies[0].contains("Max-Age=600"), "{}", cookies[0]);
    assert!(
        cookies[1].starts_with("refreshToken=") && cookies[1].contains("Max-Age=604800"),
        "{}",
        cookies[1]
    );
    let again = browser.ask("POST", "/logout", &[SAME], "").await;
    assert_eq!((again.status, browser.jar.len()), (200, 0));
}

#[tokio::test]
async fn a_page_of_ours_is_heard_at_every_door() {
    let mut browser = logged_in().await;
    assert_eq!(browser.ask("GET", "/v1/me", &[], "").await.status, 200);
    let bio = r#"{"bio":"here"}"#;
    assert_eq!(browser.ask("PATCH", "/v1/me", &[SAME], bio).await.status, 200);
    let origin = format!("http://{}", browser.address);
    assert_eq!(browser.ask("PATCH", "/v1/me", &[("origin", &origin)], bio).await.status, 200);
    let csrf = browser.jar["csrfToken"].clone();
    assert_eq!(browser.ask("PATCH", "/v1/me", &[("x-csrf-token", &csrf)], bio).await.status, 200);
    let before = browser.jar["accessToken"].clone();
    assert_eq!(browser.ask("POST", "/refresh", &[SAME], "").await.status, 200);
    assert_ne!(browser.jar["accessToken"], before);
    let (status, answer) = browser.upgrade(&[("origin", &origin)]).await;
    assert_eq!(status, 101);
    assert!(answer.contains("\"type\":\"hello\""), "{answer}");
}

#[tokio::test]
async fn any_other_page_is_refused_at_every_door() {
    let mut browser = logged_in().await;
    let csrf = browser.jar["csrfToken"].clone();
    for headers in [
        &[EVIL][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[EVIL, SAME],
        &[EVIL, ("x-csrf-token", &csrf)],
        &[("origin", "null")],
        &[("x-csrf-token", "guessed")],
        &[],
    ] {
        for (method, path) in
            [("PATCH", "/v1/me"), ("POST", "/refresh"), ("POST", "/logout"), ("DELETE", "/v1/sessions")]
        {
            let answer = browser.ask(method, path, headers, "{}").await;
            assert_eq!(answer.status, 403, "{method} {path} {headers:?}: {}", answer.body);
            assert!(answer.body.contains("\"code\":\"forbidden\""), "{}", answer.body);
            assert!(answer.cookies.is_empty());
        }
    }
    assert_eq!(browser.ask("GET", "/v1/me", &[], "").await.status, 200, "nothing has happened");
    assert_eq!(browser.ask("GET", "/alive", &[EVIL], "").await.status, 200);
}

#[tokio::test]
async fn a_socket_names_a_page_of_ours_or_is_refused() {
    let browser = logged_in().await;
    assert_eq!(browser.upgrade(&[EVIL]).await.0, 403);
    for headers in [&[][..], &[("sec-fetch-site", "cross-site")]] {
        let (status, answer) = browser.upgrade(headers).await;
        assert_eq!(status, 101, "a browser is told by the close");
        assert!(answer.contains("\"code\":4401") && !answer.contains("hello"), "{answer}");
    }
}

#[tokio::test]
async fn a_cookie_that_is_not_good_is_nobody() {
    let mut browser = logged_in().await;
    let refresh = browser.jar["refreshToken"].clone();
    for value in ["", "garbage", &refresh] {
        browser.jar.insert("accessToken".to_owned(), value.to_owned());
        assert_eq!(browser.ask("GET", "/v1/me", &[], "").await.status, 401, "{value}");
    }
    browser.jar.insert("refreshToken".to_owned(), "garbage".to_owned());
    assert_eq!(browser.ask("POST", "/refresh", &[SAME], "").await.status, 401);
    assert!(browser.jar.is_empty(), "they are taken away");
}

fn parts(method: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = axum::http::Request::builder().method(method).header("host", "chat.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn cookies() -> CookieSessions {
    let mut options = CookieOptions::default();
    options.allowed_origins = vec!["https://app.example".to_owned()];
    CookieSessions::new(options)
}

fn passes(method: &str, headers: &[(&str, &str)]) -> bool {
    let ours = [&[("cookie", "accessToken=a; csrfToken=c")][..], headers].concat();
    cookies().check(&parts(method, &ours)).is_ok()
}

#[test]
fn what_changes_something_must_come_from_a_page_of_ours() {
    for (headers, expected) in [
        (&[("sec-fetch-site", "same-origin")][..], true),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "none")], false),
        (&[("sec-fetch-site", "what?")], false),
        (&[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")], false),
        (&[("sec-fetch-site", "cross-site"), ("origin", "https://app.example")], true),
        (&[("sec-fetch-site", "cross-site"), ("origin", "http://chat.example")], false),
        (&[("sec-fetch-site", "same-site"), ("origin", "https://evil.chat.example")], false),
        (&[("origin", "https://chat.example")], true),
        (&[("origin", "https://app.example")], true),
        (&[("origin", "https://evil.example")], false),
        (&[("origin", "null")], false),
        (&[], false),
        (&[("x-csrf-token", "c")], true),
        (&[("x-csrf-token", "other")], false),
        (&[("x-csrf-token", "")], false),
        (&[("origin", "https://evil.example"), ("x-csrf-token", "c")], false),
        (&[("sec-fetch-site", "cross-site"), ("x-csrf-token", "c")], false),
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "MERGE"] {
            assert_eq!(passes(method, headers), expected, "{method} {headers:?}");
        }
    }
}

#[test]
fn what_only_reads_is_answered_and_a_socket_names_its_origin() {
    for headers in [&[][..], &[("sec-fetch-site", "cross-site")], &[("origin", "https://evil.example")]] {
        assert!(passes("GET", headers) && passes("HEAD", headers), "{headers:?}");
        let upgrade = [&[("upgrade", "websocket")][..], headers].concat();
        assert!(!passes("GET", &upgrade), "{headers:?}");
    }
    assert!(passes("GET", &[("upgrade", "websocket"), ("origin", "https://chat.example")]));
    assert!(passes("GET", &[("upgrade", "websocket"), ("origin", "https://app.example")]));
    assert!(!passes("GET", &[("upgrade", "websocket"), ("x-csrf-token", "c")]));
}

#[test]
fn without_cookies_of_ours_or_with_a_header_there_is_nothing_to_protect() {
    let evil = ("origin", "https://evil.example");
    let check = |headers: &[(&str, &str)]| cookies().check(&parts("POST", headers)).is_ok();
    assert!(check(&[evil]) && check(&[evil, ("cookie", "other=1")]));
    assert!(check(&[evil, ("cookie", "accessToken=a"), ("authorization", "Bearer t")]));
    assert!(!check(&[evil, ("cookie", "refreshToken=r")]));
}

#[test]
fn a_cookie_that_is_there_twice_is_none() {
    let token = |lines: &[(&str, &str)]| {
        cookies().access_token(&parts("GET", lines).headers).map(|token| token.expose().to_owned())
    };
    assert_eq!(token(&[("cookie", "x=1; accessToken=a.b-c_d; y")]).as_deref(), Some("a.b-c_d"));
    assert_eq!(token(&[("cookie", "accessToken=a; accessToken=b")]), None);
    assert_eq!(token(&[("cookie", "accessToken=a"), ("cookie", "accessToken=a")]), None);
    assert_eq!(token(&[("cookie", "accesstoken=a; myaccessToken=b")]), None);
    let twice = [("cookie", "accessToken=a; csrfToken=c; csrfToken=d"), ("x-csrf-token", "c")];
    assert!(cookies().check(&parts("POST", &twice)).is_err());
}
