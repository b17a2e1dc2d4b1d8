//! What goes by mail, asked for over REST.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::Method;
use chat_core::accounts::{AccountOptions, Accounts, Keys, Letter, Mail, MailError, Mailer, PasswordCost};
use chat_core::memory::MemoryStore;
use chat_core::{Chat, Store, SystemIds};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::accounts::{PASSWORD, ask, log_in, token};
use super::{Answer, Rest};
use crate::{Options, router};

/// Hands every mail to the test.
struct Handed(mpsc::UnboundedSender<Mail>);

#[async_trait]
impl Mailer for Handed {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.0.send(mail.clone()).map_err(|error| MailError::Never(Box::new(error)))
    }
}

struct Server {
    rest: Rest,
    mails: Mutex<mpsc::UnboundedReceiver<Mail>>,
}

impl Server {
    async fn start() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let keys = Keys::parse(Keys::generate(&SystemIds::default()).expose()).unwrap();
        let mut options = AccountOptions::new("https://chat.example");
        options.password_cost = PasswordCost::new(8, 1).unwrap();
        let (sender, mails) = mpsc::unbounded_channel();
        let accounts =
            Accounts::builder(Arc::clone(&store), keys, options).mailer(Arc::new(Handed(sender))).build();
        let chat = Chat::over(store).directory(Arc::new(accounts.clone())).build().await.unwrap();
        let sending = accounts.clone();
        tokio::spawn(async move { sending.send_mails().await });
        Self { rest: Rest(router(chat, Options::with_accounts(accounts))), mails: Mutex::new(mails) }
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        ask(&self.rest, token, Method::POST, path, Some(body)).await
    }

    /// The token in the next mail.
    async fn mailed(&self) -> String {
        let next = std::future::poll_fn(|context| self.mails.lock().unwrap().poll_recv(context));
        let mail = tokio::time::timeout(Duration::from_mins(1), next).await.unwrap().unwrap();
        match mail.letter {
            Letter::VerifyEmail { token, .. } | Letter::ResetPassword { token, .. } => {
                token.expose().to_owned()
            }
            other => other.name().to_owned(),
        }
    }
}

#[tokio::test]
async fn an_address_is_verified_and_a_password_reset() {
    let server = Server::start().await;
    let new = json!({ "username": "ana", "password": PASSWORD, "email": "ana@example.org", "locale": "de" });
    let account = server.post("", "/v1/accounts", new).await.ok(201);
    assert_eq!((&account["email_verified"], &account["locale"]), (&json!(false), &json!("de")));
    let first = server.mailed().await;
    let tokens = log_in(&server.rest, "ana").await;
    let ana = token(&tokens);
    server.post(ana, "/v1/email-verifications", json!({ "email": "ana@example.org" })).await.ok(202);
    let second = server.mailed().await;
    for proof in [&first, &second] {
        let answer = server.post("", "/v1/email-verifications/confirm", json!({ "token": proof })).await;
        if proof == &first {
            answer.ok(204);
        } else {
            answer.refused(422, "validation_failed", Some("/token"));
        }
    }
    let me = ask(&server.rest, ana, Method::GET, "/v1/me", None).await.ok(200);
    assert_eq!(me["email_verified"], true);

    server.post("", "/v1/password-resets", json!({ "email": "nobody@example.org" })).await.ok(202);
    server.post("", "/v1/password-resets", json!({ "email": "ANA@example.org" })).await.ok(202);
    let proof = server.mailed().await;
    let confirm = |password: &str| json!({ "token": proof, "new_password": password });
    let path = "/v1/password-resets/confirm";
    server.post("", path, confirm("short")).await.refused(422, "validation_failed", Some("/new_password"));
    server.post("", path, confirm("another password")).await.ok(204);
    server.post("", path, confirm("third password")).await.refused(422, "validation_failed", Some("/token"));
    ask(&server.rest, ana, Method::GET, "/v1/me", None).await.refused(401, "unauthenticated", None);
    let login = json!({ "email": "ana@example.org", "password": "another password" });
    server.post("", "/v1/sessions", login).await.ok(201);
    assert_eq!(server.mailed().await, "password_changed");
}

#[tokio::test]
async fn what_has_the_wrong_form_is_named() {
    let server = Server::start().await;
    for (path, body, field) in [
        ("/v1/password-resets", json!({}), "/email"),
        ("/v1/password-resets", json!({ "email": "nowhere" }), "/email"),
        ("/v1/password-resets", json!({ "email": { "$ne": null } }), "/email"),
        ("/v1/password-resets", json!({ "email": "a@example.org\r\nBcc: b@example.org" }), "/email"),
        ("/v1/password-resets/confirm", json!({ "token": "A" }), "/new_password"),
        ("/v1/password-resets/confirm", json!({ "token": "A", "new_password": PASSWORD }), "/token"),
        ("/v1/email-verifications/confirm", json!({ "token": 7 }), "/token"),
        ("/v1/email-verifications/confirm", json!({ "token": "A", "more": 1 }), "/more"),
    ] {
        server.post("", path, body).await.refused(422, "validation_failed", Some(field));
    }
    let mail = json!({ "email": "ana@example.org" });
    server.post("", "/v1/email-verifications", mail).await.refused(401, "unauthenticated", None);
}

#[tokio::test]
async fn where_no_mail_is_sent_none_can_be_asked_for() {
    let rest = super::accounts::server().await;
    let body = Some(json!({ "email": "ana@example.org" }));
    ask(&rest, "", Method::POST, "/v1/password-resets", body).await.refused(404, "not_found", None);
}
