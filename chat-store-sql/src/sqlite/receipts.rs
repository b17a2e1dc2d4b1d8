//! How far everybody has come.

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::receipt::Receipt;
use chat_core::store::{Raise, Raised, Receipts, StoreError};
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::error::Done;
use super::log::{counters, n_at};
use super::memberships::{member, unread};
use crate::codec::int;
use crate::statements::members as sql;

#[async_trait]
impl Receipts for SqliteStore {
    async fn raise(&self, batch: Arc<[Raise]>) -> Result<Vec<Option<Raised>>, StoreError> {
        let tenant = self.tenant_column();
        self.write(move |connection, _| {
            batch.iter().map(|report| raise(connection, tenant, report)).collect()
        })
        .await
    }
}

fn raise(connection: &Connection, tenant: i64, report: &Raise) -> Done<Option<Raised>> {
    let (id, user) = (report.conversation, report.user);
    let row = member(connection, tenant, id, user)?.filter(|row| row.role().is_some());
    let Some((row, now)) = row.zip(counters(connection, tenant, id)?) else { return Ok(None) };
    let before = Receipt { read: row.read, delivered: row.delivered };
    let reported =
        Receipt { read: report.to.read.min(now.head), delivered: report.to.delivered.min(now.head) };
    let after = before.merge(reported);
    let mut read_n = row.read_n;
    if after != before {
        if after.read != before.read {
            read_n = n_at(connection, tenant, id, &now, after.read)?;
        }
        connection.prepare_cached(sql::RECEIPT)?.execute(params![
            int(after.read.get()),
            int(read_n),
            int(after.delivered.get()),
            tenant,
            id.as_bytes(),
            user.as_bytes(),
        ])?;
    }
    let unread = unread(connection, tenant, id, now.n, read_n)?;
    Ok(Some(Raised { before, after, unread }))
}
