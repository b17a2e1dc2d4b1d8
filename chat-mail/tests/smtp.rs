//! Mail through a real server, followed to its end.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chat_core::accounts::{
    AccountOptions, Accounts, Keys, Letter, Login, Mail, MailError, Mailer as _, PasswordCost, Registration,
    Secret,
};
use chat_core::memory::MemoryStore;
use chat_core::testing::ManualClock;
use chat_core::{Device, SystemIds};
use chat_mail::{SmtpMailer, SmtpOptions};
use mail_parser::{Message, MessageParser};
use testbed::mailbox::Mailbox;
use testbed::services::{Service, Smtp};
use tokio::task::JoinHandle;

const ADDRESS: &str = "ada@example.org";
const PASSWORD: &str = "correct horse";

fn mailer(url: &str) -> SmtpMailer {
    let options = SmtpOptions::new("Chat <chat@example.org>", "https://chat.example.org/");
    SmtpMailer::new(url, options).unwrap()
}

/// A server with accounts that send their mail to it.
struct World {
    accounts: Accounts,
    clock: ManualClock,
    mailbox: Mailbox,
    sending: JoinHandle<()>,
    _server: Service,
}

impl World {
    fn start() -> Option<Self> {
        let server = Service::start_or_skip(&Smtp)?;
        let mailbox = Mailbox::of(&server).unwrap();
        let keys = Keys::parse(Keys::generate(&SystemIds::default()).expose()).unwrap();
        let mut options = AccountOptions::new("https://chat.example.org");
        options.password_cost = PasswordCost::new(8, 1).unwrap();
        let clock = ManualClock::default();
        let accounts = Accounts::builder(Arc::new(MemoryStore::new()), keys, options)
            .clock(Arc::new(clock.clone()))
            .mailer(Arc::new(mailer(&server.url())))
            .build();
        let sending = accounts.clone();
        let sending = tokio::spawn(async move { sending.send_mails().await });
        Some(Self { accounts, clock, mailbox, sending, _server: server })
    }

    fn mail(&mut self) -> String {
        tokio::task::block_in_place(|| self.mailbox.mail()).unwrap()
    }

    /// The token behind the link of the next mail.
    fn followed(&mut self, anchor: &str) -> Secret {
        let raw = self.mail();
        let mail = parsed(&raw);
        let [text, html] = [mail.body_text(0).unwrap(), mail.body_html(0).unwrap()];
        let link = format!("https://chat.example.org/#{anchor}=");
        let token = text.split(&link).nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        assert!(html.contains(&format!("href=\"{link}{token}\"")), "{html}");
        token.as_str().into()
    }

    async fn log_in(&self, password: &str) -> Result<chat_core::accounts::Tokens, &'static str> {
        let login = Login { name: ADDRESS.to_owned(), password: password.into() };
        self.accounts.log_in(login, Device::new("phone")).await.map_err(|error| error.code())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.sending.abort();
    }
}

fn parsed(raw: &str) -> Message<'_> {
    MessageParser::default().parse(raw).unwrap()
}

fn registration() -> Registration {
    let mut registration = Registration::new("Ada", PASSWORD);
    registration.email = Some(ADDRESS.to_owned());
    registration
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_verifies_once_and_another_resets_once() {
    let Some(mut world) = World::start() else { return };
    let user = world.accounts.register(registration()).await.unwrap().user;
    let token = world.followed("verify-email");
    assert_eq!(world.log_in(PASSWORD).await.map(drop), Err("unauthenticated"));
    world.accounts.verify_email(&token).await.unwrap();
    assert!(world.accounts.verify_email(&token).await.is_err());
    let tokens = [world.log_in(PASSWORD).await.unwrap(), world.log_in(PASSWORD).await.unwrap()];

    world.accounts.request_password_reset(ADDRESS).unwrap();
    let token = world.followed("reset-password");
    world.accounts.reset_password(&token, &"another password".into()).await.unwrap();
    assert!(world.accounts.reset_password(&token, &"third password".into()).await.is_err());
    for tokens in tokens {
        assert!(world.accounts.authenticate(tokens.access_token.expose()).await.is_err());
        assert!(world.accounts.refresh(tokens.refresh_token.expose()).await.is_err());
    }
    assert_eq!(world.log_in(PASSWORD).await.map(drop), Err("unauthenticated"));
    assert_eq!(world.log_in("another password").await.unwrap().user.id, user);
    let raw = world.mail();
    assert_eq!(parsed(&raw).subject(), Some("Chat: your password was changed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_followed_too_late_is_good_for_nothing() {
    let Some(mut world) = World::start() else { return };
    world.accounts.register(registration()).await.unwrap();
    let token = world.followed("verify-email");
    world.clock.advance(Duration::from_hours(24));
    assert!(world.accounts.verify_email(&token).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_address_that_is_nobodys_nothing_is_heard() {
    let Some(mut world) = World::start() else { return };
    world.accounts.request_password_reset("nobody@example.org").unwrap();
    // What was asked for later comes, so what was asked for before never will.
    world.accounts.register(registration()).await.unwrap();
    world.followed("verify-email");
    assert_eq!(world.mailbox.waiting().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_says_who_it_is_from_and_is_plain_in_both_forms() {
    let Some(server) = Service::start_or_skip(&Smtp) else { return };
    let mut mailbox = Mailbox::of(&server).unwrap();
    let letter = Letter::VerifyEmail { token: "TOKEN".into(), expires_in: 3_600 };
    let mut mail = Mail::new("jürgen@example.org".replace('ü', "ue"), "Jürgen <&>", letter);
    mail.locale = Some("de-CH".to_owned());
    mailer(&server.url()).send(&mail).await.unwrap();
    let raw = mailbox.mail().unwrap();
    let mail = parsed(&raw);
    assert_eq!(mail.subject(), Some("Chat: E-Mail-Adresse bestätigen"));
    assert_eq!(mail.from().unwrap().first().unwrap().address(), Some("chat@example.org"));
    assert_eq!(mail.from().unwrap().first().unwrap().name(), Some("Chat"));
    assert_eq!(mail.to().unwrap().first().unwrap().address(), Some("juergen@example.org"));
    assert_eq!(mail.header_raw("Auto-Submitted").unwrap().trim(), "auto-generated");
    assert!(mail.message_id().is_some() && mail.date().is_some());
    assert!(mail.body_text(0).unwrap().contains("Hallo Jürgen <&>,"));
    assert!(mail.body_html(0).unwrap().contains("Hallo Jürgen &lt;&amp;&gt;,"));
    assert!(raw.lines().all(|line| line.len() <= 998), "no line is too long for any server");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_arrive_each_once() {
    let Some(server) = Service::start_or_skip(&Smtp) else { return };
    let mut mailbox = Mailbox::of(&server).unwrap();
    let mailer = Arc::new(mailer(&server.url()));
    let sent: Vec<_> = (0..20)
        .map(|number| {
            let mailer = Arc::clone(&mailer);
            let mail = Mail::new(format!("user{number}@example.org"), "ada", Letter::PasswordChanged);
            tokio::spawn(async move { mailer.send(&mail).await })
        })
        .collect();
    for sent in sent {
        sent.await.unwrap().unwrap();
    }
    let mut readers = BTreeSet::new();
    for _ in 0..20 {
        let raw = mailbox.mail().unwrap();
        readers.insert(parsed(&raw).to().unwrap().first().unwrap().address().unwrap().to_owned());
    }
    assert_eq!((readers.len(), mailbox.waiting().unwrap()), (20, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_for_later_and_is_found_again() {
    let Some(mut server) = Service::start_or_skip(&Smtp) else { return };
    let mailer = mailer(&server.url());
    let mail = Mail::new(ADDRESS, "ada", Letter::PasswordChanged);
    mailer.send(&mail).await.unwrap();
    server.kill().unwrap();
    let error = mailer.send(&mail).await.unwrap_err();
    assert!(matches!(error, MailError::Later(_)), "{error:?}");
    assert!(!format!("{error:?}").contains("ada"));
    server.start_again().unwrap();
    mailer.send(&mail).await.unwrap();
}
