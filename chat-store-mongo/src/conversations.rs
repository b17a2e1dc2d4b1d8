//! Conversations as records.

use async_trait::async_trait;
use chat_core::conversation::{Conversation, Membership, Role, Standing};
use chat_core::id::{ConversationId, Seq};
use chat_core::store::plan::Kept;
use chat_core::store::{Conversations, Shell, StoreError};
use mongodb::bson::doc;

use crate::database::{Query, Table};
use crate::document::{Move, Room, read_conversation, record_fields, room_document};
use crate::error::Done;
use crate::store::MongoStore;

/// The version of a conversation that was just made.
const FIRST_VERSION: i64 = 1;

#[async_trait]
impl Conversations for MongoStore {
    async fn ensure(&self, shell: &Shell) -> Result<Conversation, StoreError> {
        let shell = shell.clone();
        self.write(|store| async move { store.ensure_shell(&shell).await }).await
    }

    async fn load(&self, ids: &[ConversationId]) -> Result<Vec<Option<Conversation>>, StoreError> {
        Ok(self.records(ids).await?)
    }

    async fn fence(&self, id: ConversationId) -> Result<(), StoreError> {
        self.write(move |store| async move {
            let filter = doc! { "_id": store.keys().conversation(id) };
            let raise = doc! { "$inc": { "acl": 1_i64, "version": 1_i64 } };
            store.database().swap(Table::Conversations, filter, raise).await?;
            Ok(())
        })
        .await
    }

    async fn walk(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        Ok(self.records_after(after, limit).await?)
    }
}

impl MongoStore {
    async fn ensure_shell(&self, shell: &Shell) -> Done<Conversation> {
        if let Some(room) = self.settled(shell.id).await? {
            return Ok(room.kept.conversation);
        }
        let room = new_room(shell);
        if self.database().insert_one(Table::Conversations, room_document(self.keys(), &room)).await? {
            self.flush(&room).await?;
            return Ok(room.kept.conversation);
        }
        let made = self.settled(shell.id).await?.ok_or(StoreError::Corrupt("a conversation went away"))?;
        Ok(made.kept.conversation)
    }

    async fn records_after(&self, after: Option<ConversationId>, limit: usize) -> Done<Vec<Conversation>> {
        let keys = self.keys();
        let from = after.map_or_else(|| keys.first([]), |after| keys.conversation(after));
        let filter = doc! { "_id": { "$gt": from, "$lte": keys.last([]) } };
        let query = Query::new(filter).fields(record_fields()).sort(doc! { "_id": 1 }).limit(limit);
        let found = self.database().find(Table::Conversations, query).await?;
        Ok(found.iter().map(|document| read_conversation(document)).collect::<Result<_, _>>()?)
    }
}

/// A conversation in which nothing was said, with the rows of the two of a direct one on their way.
fn new_room(shell: &Shell) -> Room {
    let mut now = Conversation::shell(shell.id, shell.kind, shell.at);
    (now.pair, now.creator, now.settings) = (shell.pair, shell.creator, shell.settings);
    let users = shell.pair.iter().flat_map(|pair| pair.both());
    let moves: Vec<Move> = users
        .map(|user| {
            let standing = Standing::Member(Role::Member);
            let row = Membership::new(shell.id, user, standing, Seq::FIRST, shell.at);
            Move { user, version: FIRST_VERSION, row: Some(row) }
        })
        .collect();
    now.member_count = moves.len() as u64;
    let kept = Kept { conversation: now, last_message: Seq::ZERO };
    Room { kept, version: FIRST_VERSION, flushed: Seq::ZERO, tail: Vec::new(), moves }
}
