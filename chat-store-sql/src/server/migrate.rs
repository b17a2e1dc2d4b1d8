//! The schema: steps that are each taken once, in order, by one process at a time.
//!
//! PostgreSQL takes all steps in one transaction. MySQL ends a transaction with every table it makes, so there a step
//! can be taken again where it was cut off.

use std::time::Duration;

use chat_core::store::Meta;
use uuid::Uuid;

use super::columns::{Columns, Row};
use super::dialect::{Dialect, Place, say};
use super::error::{Done, Failure, OpenError};
use super::link::Link;
use super::value::{Value, values};
use crate::random::{random, random_epoch};
use crate::statements;

/// How long a step may take, and another process's steps.
const MIGRATION_MAX: Duration = Duration::from_mins(2);

/// The steps for each server.
const fn migrations(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => &[
            include_str!("../../migrations/postgres_0001.sql"),
            include_str!("../../migrations/postgres_0002.sql"),
            include_str!("../../migrations/postgres_0003.sql"),
            include_str!("../../migrations/postgres_0004.sql"),
        ],
        #[cfg(feature = "mysql")]
        Dialect::MySql => &[
            include_str!("../../migrations/mysql_0001.sql"),
            include_str!("../../migrations/mysql_0002.sql"),
            include_str!("../../migrations/mysql_0003.sql"),
            include_str!("../../migrations/mysql_0004.sql"),
        ],
    }
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS chat_migrations \
    (version BIGINT NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)";
const FOUND: &str = "SELECT max(version) FROM chat_migrations";
const APPLIED: &str = "INSERT INTO chat_migrations (version, applied_at) VALUES (?, {now})";

/// The name of MySQL's lock: those are of the whole server, and this is one of a database. A name has 64 letters.
#[cfg(feature = "mysql")]
const LOCK: &str = "concat('chat_migrations ', sha1(database()))";

/// Brings the schema up to date, and answers what it says about itself.
pub(super) async fn migrate(link: &mut Link, dialect: Dialect, place: &Place) -> Result<Meta, OpenError> {
    let mut schema = Schema { link, dialect, place };
    schema.lock().await?;
    let done = schema.bring_up_to_date().await;
    // A failure leaves the connection unused, and with it the lock.
    if done.is_ok() {
        schema.unlock().await?;
    }
    done
}

struct Schema<'l> {
    link: &'l mut Link,
    dialect: Dialect,
    place: &'l Place,
}

impl Schema<'_> {
    /// Waits until no other process is at it.
    async fn lock(&mut self) -> Done<()> {
        match self.dialect {
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                self.link
                    .say(
                        "BEGIN; SET LOCAL statement_timeout = '2min'; SET LOCAL lock_timeout = '2min'",
                        MIGRATION_MAX,
                    )
                    .await?;
                // "chat" in ASCII, and where: the lock is one of this database.
                let place = &self.place.prefix;
                let lock = format!("SELECT pg_advisory_xact_lock(1667785076, hashtext('{place}'))");
                self.link.say(lock, MIGRATION_MAX).await
            }
            #[cfg(feature = "mysql")]
            Dialect::MySql => {
                self.link.say(format!("DO GET_LOCK({LOCK}, 100)"), MIGRATION_MAX).await?;
                let held = format!("SELECT IS_USED_LOCK({LOCK}) = CONNECTION_ID()");
                let held = self.link.query(held.into(), &[], MIGRATION_MAX);
                let held = held.await?.first().map(|row| Columns::of(row).optional_int()).transpose()?;
                if held.flatten() == Some(1) {
                    return Ok(());
                }
                Err(chat_core::StoreError::unavailable("another process is migrating the schema").into())
            }
        }
    }

    async fn unlock(&mut self) -> Done<()> {
        match self.dialect {
            #[cfg(feature = "postgres")]
            Dialect::Postgres => self.link.commit().await,
            #[cfg(feature = "mysql")]
            Dialect::MySql => self.link.say(format!("DO RELEASE_LOCK({LOCK})"), MIGRATION_MAX).await,
        }
    }

    async fn bring_up_to_date(&mut self) -> Result<Meta, OpenError> {
        #[cfg(feature = "postgres")]
        if let (Dialect::Postgres, Some(schema)) = (self.dialect, self.place.prefix.strip_suffix('.')) {
            let make = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
            self.link.say(make, MIGRATION_MAX).await?;
        }
        self.say(TABLE).await?;
        let found = self.query(FOUND, &[]).await?;
        let found = found.first().map(|row| Columns::of(row).optional_int()).transpose()?.flatten();
        let (found, steps) = (found.unwrap_or(0), migrations(self.dialect));
        let known = i64::try_from(steps.len()).expect("a handful of migrations");
        if found > known {
            return Err(OpenError::NewerSchema { found, known });
        }
        for (version, script) in (1..).zip(steps).filter(|&(version, _)| version > found) {
            for step in statements_of(script) {
                self.say(&step).await?;
            }
            self.query(APPLIED, values![version]).await?;
            tracing::info!(version, "schema migrated");
        }
        Ok(self.read_or_make_meta().await?)
    }

    async fn read_or_make_meta(&mut self) -> Done<Meta> {
        if let Some(row) = self.query(statements::meta::READ, &[]).await?.first() {
            let mut columns = Columns::of(row);
            return Ok(Meta { epoch: columns.id(Uuid::from_bytes)?, digest_key: columns.array()? });
        }
        let meta = Meta { epoch: random_epoch(), digest_key: random() };
        let row = values![meta.epoch.as_bytes(), meta.digest_key.as_slice()];
        self.query(statements::meta::WRITE, row).await?;
        Ok(meta)
    }

    async fn say(&mut self, text: &str) -> Done<()> {
        self.link.say(say(self.dialect, self.place, text), MIGRATION_MAX).await
    }

    async fn query(&mut self, text: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Failure> {
        self.link.query(say(self.dialect, self.place, text).into(), values, MIGRATION_MAX).await
    }
}

/// The statements of a script, without its comments.
fn statements_of(script: &str) -> Vec<String> {
    let lines: Vec<&str> = script.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let joined = lines.join("\n");
    joined.split(';').map(str::trim).filter(|step| !step.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_cut_into_statements() {
        let script = "-- a; comment\nCREATE TABLE a (\n    x INT\n);\n\n-- b\nCREATE INDEX i ON a (x);\n";
        assert_eq!(statements_of(script), ["CREATE TABLE a (\n    x INT\n)", "CREATE INDEX i ON a (x)"]);
    }
}
