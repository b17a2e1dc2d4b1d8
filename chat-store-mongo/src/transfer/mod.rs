//! Leaving the store and entering it.

mod people;
mod talk;

use async_trait::async_trait;
use chat_core::id::SessionId;
use chat_core::store::{SessionRow, StoreError, TransferAccess};
use mongodb::bson::{Binary, Bson, Document, doc};

use crate::database::{Absent, Order, Query, Statement, Table};
use crate::error::Done;
use crate::sessions::{read_session, session_fields};
use crate::store::MongoStore;

#[async_trait]
impl TransferAccess for MongoStore {
    async fn sessions_after(
        &self,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionRow>, StoreError> {
        Ok(self.stored_sessions(after, limit).await?)
    }

    async fn put_sessions(
        &self,
        after: Option<SessionId>,
        through: Option<SessionId>,
        rows: &[SessionRow],
    ) -> Result<(), StoreError> {
        let rows = rows.to_vec();
        self.write(move |store| async move { store.replace_sessions(after, through, &rows).await }).await
    }
}

impl MongoStore {
    async fn stored_sessions(&self, after: Option<SessionId>, limit: usize) -> Done<Vec<SessionRow>> {
        let mut filter = self.between(1, after.map(|id| self.keys().session(id)), None);
        filter.insert("ended", doc! { "$exists": false });
        let query = Query::new(filter).sort(doc! { "_id": 1 }).limit(limit);
        let mut rows = Vec::new();
        for document in self.database().find(Table::Sessions, query).await? {
            rows.extend(read_session(&document)?);
        }
        Ok(rows)
    }

    async fn replace_sessions(
        &self,
        after: Option<SessionId>,
        through: Option<SessionId>,
        rows: &[SessionRow],
    ) -> Done<()> {
        let keys = self.keys();
        let kept: Vec<Bson> = rows.iter().map(|row| keys.session(row.id).into()).collect();
        let range = self.between(1, after.map(|id| keys.session(id)), through.map(|id| keys.session(id)));
        self.database()
            .delete(Table::Sessions, doc! { "$and": [range, { "_id": { "$nin": kept } }] })
            .await?;
        let put = |row: &SessionRow| {
            let mut gone = doc! { "ended": "", "changed": "" };
            if row.refresh.previous.is_none() {
                gone.insert("previous", "");
            }
            Statement {
                filter: doc! { "_id": keys.session(row.id) },
                update: doc! { "$set": session_fields(keys, row), "$unset": gone },
                absent: Absent::Make,
            }
        };
        self.database().change(Table::Sessions, rows.iter().map(put).collect(), Order::Any).await
    }

    /// The documents of this tenant with keys of so many ids after one and up to another.
    pub(crate) fn between(&self, ids: usize, after: Option<Binary>, through: Option<Binary>) -> Document {
        let [first, last] = self.keys().span(ids);
        doc! { "_id": { "$gt": after.unwrap_or(first), "$lte": through.unwrap_or(last) } }
    }
}
