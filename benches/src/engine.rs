//! Ours, put together as an application would: a store, the engine over it, the router before it.
//!
//! Every limit that would slow a benchmark down on purpose (rates, sizes of groups) is out of the way; everything
//! that costs something is on.

use crate::harness::process::Ready;
use crate::raw::servers::Database;
use crate::role::Population;
use anyhow::Result;
use async_trait::async_trait;
use chat_core::command::NewConversation;
use chat_core::engine::Accepts;
use chat_core::{Chat, ClientId, ConversationId, Limits, MemoryStore, Notifier, Policies, Store, UserId};
use chat_notify::nats::NatsNotifier;
use chat_notify::postgres::PostgresNotifier;
use chat_notify::redis::RedisNotifier;
use chat_notify::{ClusterKey, Settings};
use chat_store_sql::mysql::{MySqlOptions, MySqlStore};
use chat_store_sql::postgres::{PostgresOptions, PostgresStore};
use chat_store_sql::sqlite::{SqliteOptions, SqliteStore};
use chat_transport_ws::{AuthError, Authenticator, Credentials, Identity, Options};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves the engine until the process ends.
///
/// # Errors
/// When it cannot make the conversations.
pub async fn serve(listener: TcpListener, chat: Chat, population: Population) -> Result<()> {
    let conversations = populate(&chat, population).await?;
    let conversations = conversations.iter().map(ToString::to_string).collect();
    Ready { address: listener.local_addr()?, conversations }.announce()?;
    let router = chat_transport_ws::router(chat.clone(), Options::new(AtHisWord));
    chat_transport_ws::serve(listener, router, chat, std::future::pending()).await?;
    Ok(())
}

/// SQLite in this file, as durable as it comes; or memory.
///
/// # Errors
/// What SQLite says.
pub async fn store(database: Option<&Path>) -> Result<Arc<dyn Store>> {
    Ok(match database {
        Some(path) => Arc::new(SqliteStore::open(SqliteOptions::new(path)).await?),
        None => Arc::new(MemoryStore::new()),
    })
}

/// The store on a database server.
///
/// # Errors
/// What the server says.
pub async fn server_store(database: Database, url: &str) -> Result<Arc<dyn Store>> {
    Ok(match database {
        Database::Postgres => Arc::new(PostgresStore::open(PostgresOptions::new(url)).await?),
        Database::MariaDb => Arc::new(MySqlStore::open(MySqlOptions::new(url)).await?),
    })
}

/// The engine over a store.
///
/// # Errors
/// What the store says.
pub async fn chat(store: Arc<dyn Store>) -> Result<Chat> {
    chat_with(store, None).await
}

/// The engine over a store, with what tells the other nodes if there may be any.
///
/// # Errors
/// What the store says.
pub async fn chat_with(store: Arc<dyn Store>, notifier: Option<Arc<dyn Notifier>>) -> Result<Chat> {
    let mut limits = Limits::default();
    limits.group_members_max = 100_000;
    limits.frames_per_socket_per_second = 1_000_000;
    limits.messages_per_user_per_second = 1_000_000;
    let mut policies = Policies::default();
    policies.direct = Accepts::Anyone;
    policies.group = Accepts::Anyone;
    let chat = Chat::over(store).limits(limits).policies(policies);
    let chat = if let Some(notifier) = notifier { chat.notifier(notifier) } else { chat };
    Ok(chat.build().await?)
}

/// What carries notices by this address.
///
/// # Errors
/// When the broker is not there.
pub async fn notifier(url: Option<&str>) -> Result<Option<Arc<dyn Notifier>>> {
    let Some(url) = url else { return Ok(None) };
    let key = ClusterKey::new([0x5a; 32])?;
    let settings = Settings::new().key(key);
    Ok(Some(match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("redis") => Arc::new(RedisNotifier::connect(url, settings).await?),
        Some("nats") => Arc::new(NatsNotifier::connect(url, settings).await?),
        _ => Arc::new(PostgresNotifier::connect(url, settings).await?),
    }))
}

/// Makes the conversations of a population.
///
/// # Errors
/// What the engine says.
pub async fn populate(chat: &Chat, population: Population) -> Result<Vec<ConversationId>> {
    match population {
        Population::Nobody => Ok(Vec::new()),
        Population::Pair => Ok(vec![chat.actor(user(0)).direct(user(1)).await?.value.id]),
        Population::Groups { users, members } => {
            let mut groups = Vec::new();
            for first in (0..users).step_by(usize::try_from(members)?) {
                let others = (first + 1..first + members).map(user);
                let group = NewConversation::group(ClientId::new(format!("group-{first}"))?, others);
                groups.push(chat.actor(user(first)).create(group).await?.value.id);
            }
            Ok(groups)
        }
    }
}

/// The user of this number.
pub fn user(nth: u64) -> UserId {
    UserId::from(nth)
}

/// A client's id of its `nth` command.
///
/// # Errors
/// Never: sixteen digits are a client id.
pub fn client_id(nth: u64) -> Result<ClientId> {
    Ok(ClientId::new(format!("{nth:016x}"))?)
}

/// Believes everybody to be the user whose number he says.
struct AtHisWord;

#[async_trait]
impl Authenticator for AtHisWord {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError> {
        let number = credentials.token()?.parse::<u64>().map_err(|_| AuthError::Refused)?;
        Ok(Identity::new(user(number)))
    }
}
