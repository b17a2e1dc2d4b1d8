use std::io;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Method, Request};
use chat_core::accounts::{AccountOptions, Accounts, Keys, PasswordCost};
use chat_core::memory::MemoryStore;
use chat_core::{Chat, Store, SystemIds};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use super::{Answer, Rest};
use crate::auth::{AuthError, Authenticator, Credentials};
use crate::{Options, router};

pub(super) const PASSWORD: &str = "correct horse";

pub(super) async fn server() -> Rest {
    let (chat, accounts) = engine().await;
    Rest(router(chat, Options::with_accounts(accounts)))
}

async fn engine() -> (Chat, Accounts) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let keys = Keys::parse(Keys::generate(&SystemIds::default()).expose()).unwrap();
    let mut options = AccountOptions::new("https://chat.example");
    options.password_cost = PasswordCost::new(8, 1).unwrap();
    let accounts = Accounts::builder(Arc::clone(&store), keys, options).build();
    let chat = Chat::over(store).directory(Arc::new(accounts.clone())).build().await.unwrap();
    (chat, accounts)
}

pub(super) async fn ask(rest: &Rest, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request =
        if token.is_empty() { request } else { request.header("authorization", format!("Bearer {token}")) };
    let body = body.map_or_else(Body::empty, |body| body.to_string().into());
    rest.send(request.body(body).unwrap()).await
}

async fn register(rest: &Rest, username: &str) -> Value {
    let body = json!({ "username": username, "password": PASSWORD, "full_name": "Ana Example" });
    ask(rest, "", Method::POST, "/v1/accounts", Some(body)).await.ok(201)
}

pub(super) async fn log_in(rest: &Rest, username: &str) -> Value {
    let body = json!({ "username": username, "password": PASSWORD, "device": "phone" });
    ask(rest, "", Method::POST, "/v1/sessions", Some(body)).await.ok(201)
}

pub(super) fn token(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

#[tokio::test]
async fn an_account_from_registration_to_deletion() {
    let rest = server().await;
    let account = register(&rest, "ana").await;
    assert_eq!((&account["username"], &account["email_verified"]), (&json!("ana"), &json!(false)));
    assert!(!account.to_string().contains("horse") && !account.to_string().contains("argon2"));
    let taken = json!({ "username": "ANA", "password": PASSWORD });
    ask(&rest, "", Method::POST, "/v1/accounts", Some(taken)).await.refused(
        409,
        "already_exists",
        Some("/username"),
    );

    let tokens = log_in(&rest, "ana").await;
    assert_eq!(tokens["user"]["id"], account["id"]);
    assert!(tokens["expires_in"].as_u64().unwrap() > 0);
    let ana = token(&tokens);
    let me = ask(&rest, ana, Method::GET, "/v1/me", None).await;
    assert_eq!(me.headers["cache-control"], "no-store");
    assert_eq!(me.ok(200), account);
    let patch = json!({ "full_name": null, "bio": "here" });
    let changed = ask(&rest, ana, Method::PATCH, "/v1/me", Some(patch)).await.ok(200);
    assert!(changed.get("full_name").is_none());
    assert_eq!(changed["bio"], "here");
    let found = ask(&rest, ana, Method::GET, "/v1/users?username=ana", None).await.ok(200);
    assert_eq!(found, json!({ "id": account["id"], "username": "ana" }));
    let found = ask(&rest, ana, Method::GET, "/v1/users?query=AN", None).await.ok(200);
    assert_eq!(found["items"][0]["id"], account["id"]);

    let wrong = json!({ "password": "wrong horse" });
    ask(&rest, ana, Method::DELETE, "/v1/me", Some(wrong)).await.refused(403, "forbidden", None);
    ask(&rest, ana, Method::DELETE, "/v1/me", None).await.refused(400, "malformed", None);
    ask(&rest, ana, Method::DELETE, "/v1/me", Some(json!({ "password": PASSWORD }))).await.ok(204);
    ask(&rest, ana, Method::GET, "/v1/me", None).await.refused(401, "unauthenticated", None);
}

#[tokio::test]
async fn logins_are_listed_refreshed_and_ended() {
    let rest = server().await;
    register(&rest, "ana").await;
    let (phone, tablet) = (log_in(&rest, "ana").await, log_in(&rest, "ana").await);
    let logins = ask(&rest, token(&phone), Method::GET, "/v1/sessions", None).await.ok(200);
    let logins = logins["items"].as_array().unwrap();
    assert_eq!(logins.len(), 2);
    assert_eq!(logins.iter().filter(|login| login["current"] == true).count(), 1);
    assert_eq!(logins[0]["device"], "phone");

    let refresh = json!({ "refresh_token": phone["refresh_token"] });
    let next = ask(&rest, "", Method::POST, "/v1/sessions/refresh", Some(refresh)).await.ok(200);
    assert_ne!(next["refresh_token"], phone["refresh_token"]);
    let nonsense = json!({ "refresh_token": "nonsense" });
    ask(&rest, "", Method::POST, "/v1/sessions/refresh", Some(nonsense)).await.refused(
        401,
        "unauthenticated",
        None,
    );

    let other = logins.iter().find(|login| login["current"] == false).unwrap();
    let path = format!("/v1/sessions/{}", other["id"].as_str().unwrap());
    ask(&rest, token(&next), Method::DELETE, &path, None).await.ok(204);
    ask(&rest, token(&next), Method::DELETE, &path, None).await.refused(404, "not_found", None);
    ask(&rest, token(&next), Method::DELETE, "/v1/sessions/mine", None).await.refused(404, "not_found", None);
    ask(&rest, token(&tablet), Method::GET, "/v1/me", None).await.refused(401, "unauthenticated", None);
    ask(&rest, token(&next), Method::DELETE, "/v1/sessions/current", None).await.ok(204);
    ask(&rest, token(&next), Method::GET, "/v1/me", None).await.refused(401, "unauthenticated", None);

    let last = log_in(&rest, "ana").await;
    ask(&rest, token(&last), Method::DELETE, "/v1/sessions", None).await.ok(204);
    ask(&rest, token(&last), Method::GET, "/v1/me", None).await.refused(401, "unauthenticated", None);
}

#[tokio::test]
async fn a_password_change_ends_the_other_logins() {
    let rest = server().await;
    register(&rest, "ana").await;
    let (here, there) = (log_in(&rest, "ana").await, log_in(&rest, "ana").await);
    let short = json!({ "current_password": PASSWORD, "new_password": "short" });
    ask(&rest, token(&here), Method::POST, "/v1/me/password", Some(short)).await.refused(
        422,
        "validation_failed",
        Some("/new_password"),
    );
    let change = json!({ "current_password": PASSWORD, "new_password": "battery staple" });
    ask(&rest, token(&here), Method::POST, "/v1/me/password", Some(change)).await.ok(204);
    ask(&rest, token(&here), Method::GET, "/v1/me", None).await.ok(200);
    ask(&rest, token(&there), Method::GET, "/v1/me", None).await.refused(401, "unauthenticated", None);
}

#[tokio::test]
async fn nobody_learns_which_part_of_a_login_was_wrong() {
    let rest = server().await;
    register(&rest, "ana").await;
    let mut answers = Vec::new();
    for (username, password) in [("ana", "wrong horse"), ("nobody", PASSWORD), ("\u{202e}", "x")] {
        let body = json!({ "username": username, "password": password });
        let answer = ask(&rest, "", Method::POST, "/v1/sessions", Some(body)).await;
        answer.refused(401, "unauthenticated", None);
        answers.push(answer.body);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn fields_of_accounts_are_checked() {
    let rest = server().await;
    register(&rest, "ana").await;
    let tokens = log_in(&rest, "ana").await;
    for (method, path, body, field) in [
        (Method::POST, "/v1/accounts", json!({ "password": PASSWORD }), "/username"),
        (Method::POST, "/v1/accounts", json!({ "username": "bo", "password": PASSWORD }), "/username"),
        (Method::POST, "/v1/accounts", json!({ "username": "bob", "password": "short" }), "/password"),
        (
            Method::POST,
            "/v1/accounts",
            json!({ "username": "bob", "password": PASSWORD, "admin": true }),
            "/admin",
        ),
        (
            Method::POST,
            "/v1/accounts",
            json!({ "username": "bob", "password": PASSWORD, "email": "bob" }),
            "/email",
        ),
        (Method::POST, "/v1/sessions", json!({ "password": PASSWORD }), "/username"),
        (Method::POST, "/v1/sessions", json!({ "username": "a", "email": "b@c", "password": "x" }), "/email"),
        (Method::POST, "/v1/sessions", json!({ "username": { "$ne": null }, "password": "x" }), "/username"),
        (Method::POST, "/v1/sessions", json!({ "username": "a", "password": null }), "/password"),
        (
            Method::POST,
            "/v1/sessions",
            json!({ "username": "a", "password": "x", "device": "d".repeat(129) }),
            "/device",
        ),
        (Method::PATCH, "/v1/me", json!({ "username": "bob" }), "/username"),
    ] {
        let answer = ask(&rest, token(&tokens), method, path, Some(body)).await;
        answer.refused(422, "validation_failed", Some(field));
    }
    for absent in ["/v1/email-verifications", "/v1/password-resets"] {
        ask(&rest, token(&tokens), Method::POST, absent, Some(json!({ "email": "ana@example.org" })))
            .await
            .refused(404, "not_found", None);
    }
}

#[tokio::test]
async fn a_ticket_lets_in_once() {
    let (chat, accounts) = engine().await;
    let rest = Rest(router(chat, Options::with_accounts(accounts.clone())));
    register(&rest, "ana").await;
    let tokens = log_in(&rest, "ana").await;
    let ticket = ask(&rest, token(&tokens), Method::POST, "/v1/tickets", None).await.ok(201);
    let uri = format!("/v1/ws?resume=true&ticket={}", ticket["ticket"].as_str().unwrap());
    let (parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
    let shown = || Authenticator::authenticate(&accounts, Credentials::Request(&parts));
    assert_eq!(shown().await.unwrap().user.to_string(), tokens["user"]["id"].as_str().unwrap());
    assert!(matches!(shown().await, Err(AuthError::Refused)));
    let bare = Authenticator::authenticate(&accounts, Credentials::Token(token(&tokens))).await.unwrap();
    assert!(bare.session.is_some() && bare.expires_at.is_some());
}

/// What is logged of requests: no password, token, ticket, text or address of any kind.
#[tokio::test]
async fn the_log_holds_no_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let rest = server().await;
    let body = json!({ "username": "ana", "password": PASSWORD, "email": "ana@mail.example" });
    ask(&rest, "", Method::POST, "/v1/accounts", Some(body)).await.ok(201);
    let tokens = log_in(&rest, "ana").await;
    let refresh = json!({ "refresh_token": tokens["refresh_token"] });
    ask(&rest, "", Method::POST, "/v1/sessions/refresh", Some(refresh)).await.ok(200);
    let ticket = ask(&rest, token(&tokens), Method::POST, "/v1/tickets", None).await.ok(201);
    let with_ticket = format!("/v1/ws?ticket={}", ticket["ticket"].as_str().unwrap());
    ask(&rest, token(&tokens), Method::GET, &with_ticket, None).await;
    let text = json!({ "client_id": "c", "text": "between us" });
    let nowhere = "/v1/conversations/01900000-0000-7000-8000-000000000001/messages";
    ask(&rest, token(&tokens), Method::POST, nowhere, Some(text)).await.refused(404, "not_found", None);

    let log = log.text();
    assert!(log.contains("/v1/conversations/{conversation}/messages"), "requests are logged: {log}");
    for secret in [
        PASSWORD,
        "ana@mail.example",
        "between us",
        token(&tokens),
        tokens["refresh_token"].as_str().unwrap(),
        ticket["ticket"].as_str().unwrap(),
    ] {
        assert!(!log.contains(secret), "{secret} was logged");
    }
}

/// A log that is kept.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_ticket_is_given_to_who_is_logged_in() {
    let rest = server().await;
    register(&rest, "ana").await;
    let tokens = log_in(&rest, "ana").await;
    ask(&rest, "", Method::POST, "/v1/tickets", None).await.refused(401, "unauthenticated", None);
    let ticket = ask(&rest, token(&tokens), Method::POST, "/v1/tickets", None).await.ok(201);
    assert_eq!(ticket["expires_in"], 30);
    // It opens a socket, and nothing else.
    let path = format!("/v1/me?ticket={}", ticket["ticket"].as_str().unwrap());
    ask(&rest, "", Method::GET, &path, None).await.refused(422, "validation_failed", Some("?ticket"));
}

#[tokio::test]
async fn what_one_is_notified_of_is_kept_and_changed_in_part() {
    let rest = server().await;
    register(&rest, "ana").await;
    let (first, second) = (log_in(&rest, "ana").await, log_in(&rest, "ana").await);
    let path = "/v1/me/notifications";
    let before = ask(&rest, token(&first), Method::GET, path, None).await.ok(200);
    let expected = json!({
        "direct": "all", "groups": "all", "channels": "mentions",
        "friend_requests": true, "previews": true, "sounds": true,
    });
    assert_eq!(before, expected);
    let patch = json!({ "groups": "nothing", "previews": false });
    let changed = ask(&rest, token(&first), Method::PATCH, path, Some(patch)).await.ok(200);
    assert_eq!((&changed["groups"], &changed["previews"]), (&json!("nothing"), &json!(false)));
    assert_eq!(changed["direct"], "all");
    assert_eq!(ask(&rest, token(&second), Method::GET, path, None).await.ok(200), changed);
    for (body, field) in [
        (json!({ "groups": "some" }), "/groups"),
        (json!({ "groups": null }), "/groups"),
        (json!({ "sounds": "yes" }), "/sounds"),
        (json!({ "unknown": true }), "/unknown"),
    ] {
        let refused = ask(&rest, token(&first), Method::PATCH, path, Some(body)).await;
        refused.refused(422, "validation_failed", Some(field));
    }
    assert_eq!(ask(&rest, token(&first), Method::GET, path, None).await.ok(200), changed);
    ask(&rest, "", Method::GET, path, None).await.refused(401, "unauthenticated", None);
}

#[tokio::test]
async fn a_language_is_set_and_cleared() {
    let rest = server().await;
    register(&rest, "ana").await;
    let tokens = log_in(&rest, "ana").await;
    let set = async |locale: Value| {
        ask(&rest, token(&tokens), Method::PATCH, "/v1/me", Some(json!({ "locale": locale }))).await
    };
    assert_eq!(set(json!("pt-br")).await.ok(200)["locale"], "pt-BR");
    set(json!("?")).await.refused(422, "validation_failed", Some("/locale"));
    assert!(set(Value::Null).await.ok(200).get("locale").is_none());
}
