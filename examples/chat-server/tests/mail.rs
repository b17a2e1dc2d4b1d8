//! Mail of a running server: sent by SMTP to a real one, and its links followed.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "common/client.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod client;
mod common;

use client::{Login, call};
use common::{Server, program, run};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use testbed::mailbox::Mailbox;
use testbed::services::{Service, Smtp};

const ADDRESS: &str = "ana@example.org";
const PASSWORD: &str = "correct horse battery staple";

/// The token of the link in the next mail.
fn followed(mailbox: &mut Mailbox, anchor: &str) -> String {
    let raw = tokio::task::block_in_place(|| mailbox.mail()).unwrap();
    // Quoted-printable: an equals sign at the end of a line joins it with the next, and another one is `=3D`.
    let text = raw.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
    let link = format!("https://chat.example.org/#{anchor}=");
    let token = text.split(&link).nth(1).unwrap_or_else(|| panic!("no {link} in {text}"));
    token.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_verified_and_a_password_reset_by_mail() {
    let Some(smtp) = Service::start_or_skip(&Smtp) else { return };
    let mut mailbox = Mailbox::of(&smtp).unwrap();
    let data = tempfile::tempdir().unwrap();
    let mut command = program(data.path());
    command.env("CHAT_SMTP", smtp.url()).env("CHAT_MAIL_FROM", "Chat <chat@example.org>");
    command.env("CHAT_PUBLIC_URL", "https://chat.example.org").env("RUST_LOG", "debug");
    let server = Server::from(command).await;
    let client = Client::new();
    let post = async |path: &str, body: Value| {
        let answer = client.post(server.url(path)).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap_or_default())
    };

    let account = json!({ "username": "ana", "password": PASSWORD, "email": ADDRESS });
    assert_eq!(post("/v1/accounts", account).await.0, 201);
    let verification = followed(&mut mailbox, "verify-email");
    assert_eq!(post("/v1/email-verifications/confirm", json!({ "token": verification })).await.0, 204);
    assert_eq!(post("/v1/email-verifications/confirm", json!({ "token": verification })).await.0, 422);

    let login = post("/v1/sessions", json!({ "username": "ana", "password": PASSWORD })).await.1;
    assert_eq!(post("/v1/password-resets", json!({ "email": "nobody@example.org" })).await.0, 202);
    assert_eq!(post("/v1/password-resets", json!({ "email": ADDRESS })).await.0, 202);
    let reset = followed(&mut mailbox, "reset-password");
    let confirm = json!({ "token": reset, "new_password": "a better password" });
    assert_eq!(post("/v1/password-resets/confirm", confirm.clone()).await.0, 204);
    assert_eq!(post("/v1/password-resets/confirm", confirm).await.0, 422);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let login = Login { user: text(&login["user"]["id"]), token: text(&login["access_token"]) };
    let me = call(server.address(), Some(&login), Method::GET, "/v1/me", &Value::Null).await;
    assert_eq!(me.0, 401, "all logins have ended: {}", me.1);
    assert_eq!(post("/v1/sessions", json!({ "email": ADDRESS, "password": PASSWORD })).await.0, 401);
    assert_eq!(
        post("/v1/sessions", json!({ "email": ADDRESS, "password": "a better password" })).await.0,
        201
    );

    let log = server.stop().await.err;
    for secret in [verification.as_str(), &reset, "ana@", "nobody@", "better"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn a_mailer_that_cannot_work_is_told_before_anything_is_served() {
    let data = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (&["--smtp", "smtp://localhost"][..], "--mail-from"),
        (&["--smtp", "smtp://u:secret@mail.example.org", "--mail-from", "chat@example.org"], "TLS"),
        (&["--smtp", "mail", "--mail-from", "chat@example.org"], "not the URL"),
        (&["--smtp", "smtp://localhost", "--mail-from", "chat"], "address"),
    ] {
        let mut command = program(data.path());
        command.args(arguments);
        let ran = run(command, "").await;
        let line = ran.refusal();
        assert!(line.contains(expected) && !line.contains("secret"), "{line}");
    }
}
