//! What tells the other servers of a cluster: which broker a URL names, and the line to it.
//!
//! Servers of one cluster share the file of signing keys, since a token of one opens all of them. Notices are signed
//! with a key derived from it, so that a broker needs no secret of its own. URLs may hold passwords, so no message
//! repeats one.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use chat_core::Notifier;
use chat_core::accounts::Keys;
use chat_notify::nats::NatsNotifier;
use chat_notify::postgres::PostgresNotifier;
use chat_notify::redis::RedisNotifier;
use chat_notify::{ClusterKey, Settings as Signed};

/// What the derived key is for.
const PURPOSE: &str = "notices between nodes";

/// The line that a URL names, if there is one; `postgres` alone is the database of the store.
///
/// # Errors
/// When it is none, or the broker cannot be reached.
pub async fn notifier(
    url: Option<&str>,
    store: Option<&str>,
    keys: &Keys,
) -> anyhow::Result<Option<Arc<dyn Notifier>>> {
    let Some(url) = url else { return Ok(None) };
    let url = address(url, store)?;
    let signed = Signed::new().key(ClusterKey::new(keys.derive(PURPOSE))?);
    let notifier: Arc<dyn Notifier> = match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("redis" | "rediss") => Arc::new(RedisNotifier::connect(url, signed).await.context("--notify")?),
        Some("nats" | "tls") => Arc::new(NatsNotifier::connect(url, signed).await.context("--notify")?),
        Some("postgres" | "postgresql") => {
            Arc::new(PostgresNotifier::connect(url, signed).await.context("--notify")?)
        }
        _ => bail!("--notify: expected redis://…, nats://…, postgres://… or postgres"),
    };
    Ok(Some(notifier))
}

/// The broker's URL; `postgres` alone is the database of the store.
fn address<'u>(url: &'u str, store: Option<&'u str>) -> anyhow::Result<&'u str> {
    if url != "postgres" {
        return Ok(url);
    }
    let is_postgres = |store: &&str| store.starts_with("postgres:") || store.starts_with("postgresql:");
    store.filter(is_postgres).context("--notify postgres: the store is not on PostgreSQL, name a database")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_alone_is_the_database_of_the_store() {
        let store = Some("postgres://ana:secret@db/chat");
        assert_eq!(address("postgres", store).unwrap(), "postgres://ana:secret@db/chat");
        assert_eq!(address("redis://db", store).unwrap(), "redis://db");
        for store in [None, Some("sqlite:chat.db"), Some("mysql://ana:secret@db/chat")] {
            let error = format!("{:#}", address("postgres", store).unwrap_err());
            assert!(error.starts_with("--notify") && !error.contains("secret"), "{error}");
        }
    }

    #[tokio::test]
    async fn what_is_no_broker_is_refused_without_repeating_a_password() {
        let keys = Keys::parse(Keys::generate(&chat_core::SystemIds::default()).expose()).unwrap();
        for url in [
            "amqp://ana:secret@db",
            "secret",
            "redis://ana:secret@127.0.0.1:1",
            "nats://ana:secret@127.0.0.1:1",
        ] {
            let error = notifier(Some(url), None, &keys).await.err().unwrap();
            let error = format!("{error:#}");
            assert!(error.starts_with("--notify") && !error.contains("secret"), "{error}");
        }
        assert!(notifier(None, None, &keys).await.unwrap().is_none());
    }
}
