//! The accounts service of `chat-core` on SQLite: one life of an account, and a race for a refresh token.

#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::sync::Arc;

use chat_core::accounts::{
    AccountOptions, Accounts, EmailClaim, Keys, Login, PasswordCost, Registration, Tokens,
};
use chat_core::user::{Directory, Query};
use chat_core::{Device, Limit, SystemIds};
use chat_store_sql::sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;
use tokio::sync::Barrier;

const PASSWORD: &str = "correct horse";

async fn accounts(folder: &TempDir) -> Accounts {
    let store = SqliteStore::open(SqliteOptions::new(folder.path().join("chat.db"))).await.unwrap();
    let keys = Keys::parse(Keys::generate(&SystemIds::default()).expose()).unwrap();
    let mut options = AccountOptions::new("https://chat.example.org");
    options.password_cost = PasswordCost::new(8, 1).unwrap();
    options.email_claim = EmailClaim::OnRegister;
    Accounts::builder(Arc::new(store), keys, options).build()
}

async fn log_in(accounts: &Accounts, name: &str, password: &str) -> Result<Tokens, &'static str> {
    let login = Login { name: name.to_owned(), password: password.into() };
    accounts.log_in(login, Device::new("phone")).await.map_err(|error| error.code())
}

async fn find(accounts: &Accounts, words: &str) -> usize {
    accounts.search(&Query::new(words).unwrap(), None, Limit::default()).await.unwrap().len()
}

#[tokio::test]
async fn one_life_of_an_account() {
    let folder = TempDir::new().unwrap();
    let accounts = accounts(&folder).await;
    let mut ada = Registration::new("Ada", PASSWORD);
    ada.email = Some("ada@example.org".to_owned());
    ada.full_name = Some("Ada Lovelace".to_owned());
    let user = accounts.register(ada.clone()).await.unwrap().user;
    assert_eq!(accounts.register(ada.clone()).await.unwrap_err().code(), "already_exists");
    assert_eq!(find(&accounts, "love a").await, 1);

    let other = log_in(&accounts, "ada@example.org", PASSWORD).await.unwrap();
    let here = log_in(&accounts, "ADA", PASSWORD).await.unwrap();
    accounts.change_password(user, here.session, &PASSWORD.into(), &"another one".into()).await.unwrap();
    let refused = accounts.authenticate(other.access_token.expose()).await.unwrap_err();
    assert_eq!(refused.code(), "unauthenticated");
    let next = accounts.refresh(here.refresh_token.expose()).await.unwrap();
    assert_eq!(accounts.authenticate(next.access_token.expose()).await.unwrap().user, user);
    assert_eq!(accounts.sessions(user).await.unwrap().len(), 1);

    accounts.delete(user, &"another one".into()).await.unwrap();
    assert_eq!(accounts.sweep().await.unwrap().accounts_deleted, 1);
    assert_eq!(log_in(&accounts, "ada", "another one").await.unwrap_err(), "unauthenticated");
    assert_eq!(find(&accounts, "ada").await, 0);
    assert_eq!(accounts.register(ada.clone()).await.unwrap_err().code(), "already_exists");
    ada.username = "Bob".to_owned();
    let bob = accounts.register(ada).await.unwrap().user;
    assert_eq!(log_in(&accounts, "ada@example.org", PASSWORD).await.unwrap().user.id, bob);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_refreshes_at_once_all_get_the_same_successor() {
    let folder = TempDir::new().unwrap();
    let accounts = accounts(&folder).await;
    accounts.register(Registration::new("ada", PASSWORD)).await.unwrap();
    let first = log_in(&accounts, "ada", PASSWORD).await.unwrap();
    let barrier = Arc::new(Barrier::new(16));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (accounts, barrier, first) = (accounts.clone(), Arc::clone(&barrier), first.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                accounts.refresh(first.refresh_token.expose()).await.unwrap()
            })
        })
        .collect();
    let mut successors = Vec::new();
    for task in tasks {
        successors.push(task.await.unwrap().refresh_token.expose().to_owned());
    }
    successors.dedup();
    assert_eq!(successors.len(), 1);
    assert!(accounts.refresh(&successors[0]).await.is_ok());
}
