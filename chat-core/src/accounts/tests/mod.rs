//! The service on the store in memory, with a clock that stands still.

mod access;
mod credentials;
mod engine;
mod import;
mod login;
mod mail;
mod new_ids;
mod people;
mod refresh;
mod registration;
mod sessions;
mod store;
mod sweep;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use self::mail::Post;
use self::store::Watched;
use super::*;
use crate::id::SessionId;
use crate::testing::ManualClock;
use crate::user::{Device, Profile};

/// The password of everybody in these tests.
const PASSWORD: &str = "correct horse";

/// A key file with one key.
const KEY: &str = "one AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// An accounts service, its store, its time, and what it told its host.
struct World {
    accounts: Accounts,
    store: Arc<Watched>,
    clock: ManualClock,
    host: Arc<Host>,
    post: Arc<Post>,
}

impl World {
    fn new() -> Self {
        Self::with(|_| (), |_| ())
    }

    fn with(set: impl FnOnce(&mut AccountOptions), limit: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        limit(&mut limits);
        Self::over(Arc::default(), ManualClock::default(), KEY, set, limits)
    }

    /// Another node over the same store, at the same time.
    fn node(&self, keys: &str) -> Self {
        Self::over(Arc::clone(&self.store), self.clock.clone(), keys, |_| (), Limits::default())
    }

    fn over(
        store: Arc<Watched>,
        clock: ManualClock,
        keys: &str,
        set: impl FnOnce(&mut AccountOptions),
        limits: Limits,
    ) -> Self {
        let mut options = AccountOptions::new("https://chat.example.org");
        options.password_cost = PasswordCost::new(8, 1).unwrap();
        set(&mut options);
        let post = Arc::<Post>::default();
        let accounts = Accounts::builder(store.clone(), Keys::parse(keys).unwrap(), options)
            .mailer(post.clone())
            .clock(Arc::new(clock.clone()))
            .limits(limits)
            .build();
        let host = Arc::<Host>::default();
        accounts.connect(host.clone());
        Self { accounts, store, clock, host, post }
    }

    async fn register(&self, username: &str) -> Account {
        self.accounts.register(Registration::new(username, PASSWORD)).await.unwrap()
    }

    async fn log_in(&self, name: &str) -> Tokens {
        self.try_log_in(name, PASSWORD).await.unwrap()
    }

    async fn try_log_in(&self, name: &str, password: &str) -> Result<Tokens, ChatError> {
        let login = Login { name: name.to_owned(), password: password.into() };
        self.accounts.log_in(login, Device::new("phone")).await
    }

    async fn authenticate(&self, tokens: &Tokens) -> Result<Identity, &'static str> {
        self.accounts.authenticate(tokens.access_token.expose()).await.map_err(|error| error.code())
    }

    async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, &'static str> {
        self.accounts.refresh(tokens.refresh_token.expose()).await.map_err(|error| error.code())
    }
}

/// Notes what it is told.
#[derive(Default)]
struct Host {
    ended: Mutex<Vec<SessionId>>,
    left: Mutex<Vec<UserId>>,
    refuses_to_leave: AtomicBool,
}

impl Host {
    fn take_ended(&self) -> Vec<SessionId> {
        std::mem::take(&mut self.ended.lock().unwrap())
    }

    fn take_left(&self) -> Vec<UserId> {
        std::mem::take(&mut self.left.lock().unwrap())
    }
}

#[async_trait]
impl Hooks for Host {
    fn sessions_ended(&self, sessions: &[SessionId]) {
        self.ended.lock().unwrap().extend(sessions);
    }

    async fn leave(&self, user: UserId) -> Result<(), ChatError> {
        self.left.lock().unwrap().push(user);
        if self.refuses_to_leave.load(Ordering::Relaxed) {
            Err(ChatError::Internal("not now"))
        } else {
            Ok(())
        }
    }
}

/// The code and field of a refusal.
fn refused<T>(outcome: Result<T, ChatError>) -> (&'static str, Option<&'static str>) {
    match outcome {
        Ok(_) => ("ok", None),
        Err(error) => (error.code(), error.refusal().and_then(|refusal| refusal.field())),
    }
}
