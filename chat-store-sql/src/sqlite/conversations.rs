//! Conversations as records and counters.

use async_trait::async_trait;
use chat_core::conversation::{Conversation, Membership, Role, Settings, Standing};
use chat_core::id::{ConversationId, Pair, Seq, UserId};
use chat_core::store::{Change, Conversations, Shell, StoreError};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::SqliteStore;
use super::columns::Columns;
use super::error::Done;
use super::memberships::put_member;
use crate::codec::{Code, int};
use crate::plan::Kept;
use crate::statements::conversations as sql;

#[async_trait]
impl Conversations for SqliteStore {
    async fn ensure(&self, shell: &Shell) -> Result<Conversation, StoreError> {
        let (tenant, shell) = (self.tenant_column(), shell.clone());
        self.write(move |connection, told| {
            if let Some(kept) = load(&mut connection.prepare_cached(sql::ONE)?, tenant, shell.id)? {
                return Ok(kept.conversation);
            }
            let made = make(connection, tenant, &shell)?;
            told.extend(shell.pair.iter().flat_map(|pair| pair.both()).map(Change::Memberships));
            Ok(made)
        })
        .await
    }

    async fn load(&self, ids: &[ConversationId]) -> Result<Vec<Option<Conversation>>, StoreError> {
        let (tenant, ids) = (self.tenant_column(), ids.to_vec());
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::ONE)?;
            let mut one = |&id| Ok(load(&mut statement, tenant, id)?.map(|kept| kept.conversation));
            ids.iter().map(&mut one).collect()
        })
        .await
    }

    async fn fence(&self, id: ConversationId) -> Result<(), StoreError> {
        let tenant = self.tenant_column();
        self.write(move |connection, _| {
            connection.prepare_cached(sql::FENCE)?.execute(params![tenant, id.as_bytes()])?;
            Ok(())
        })
        .await
    }

    async fn walk(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::WALK)?;
            let after = after.map_or([0; 16], |id| *id.as_bytes());
            let rows = statement.query_map(params![tenant, after, int(limit as u64)], |row| {
                read(&mut Columns::of(row)).map(|kept| kept.conversation)
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}

/// A conversation, by the statement [`sql::ONE`].
pub(super) fn load(
    statement: &mut CachedStatement<'_>,
    tenant: i64,
    id: ConversationId,
) -> Done<Option<Kept>> {
    let one = |row: &Row<'_>| read(&mut Columns::of(row));
    Ok(statement.query_row(params![tenant, id.as_bytes()], one).optional()?)
}

/// The columns of a conversation.
pub(super) fn read(columns: &mut Columns<'_>) -> rusqlite::Result<Kept> {
    let (id, kind) = (columns.id(ConversationId::from_bytes)?, columns.code()?);
    let (low, high) = (columns.optional_user()?, columns.optional_user()?);
    let mut conversation = Conversation::shell(id, kind, chat_core::Timestamp::default());
    conversation.pair = low.zip(high).and_then(|(low, high)| Pair::new(low, high).ok());
    conversation.creator = columns.optional_user()?;
    conversation.head = columns.seq()?;
    conversation.start = columns.seq()?;
    conversation.n = columns.count()?;
    let last_message: Seq = columns.seq()?;
    conversation.acl = columns.count()?;
    conversation.roster = columns.count()?;
    conversation.settings = Settings {
        join: columns.code()?,
        read: columns.code()?,
        post: columns.code()?,
        history: columns.code()?,
    };
    conversation.name = columns.value()?;
    conversation.picture = columns.value()?;
    conversation.metadata = columns.value()?;
    conversation.member_count = columns.count()?;
    conversation.created_at = columns.time()?;
    conversation.last_at = columns.time()?;
    conversation.closed = columns.code()?;
    Ok(Kept { conversation, last_message })
}

fn make(connection: &Connection, tenant: i64, shell: &Shell) -> Done<Conversation> {
    let mut conversation = Conversation::shell(shell.id, shell.kind, shell.at);
    conversation.pair = shell.pair;
    conversation.creator = shell.creator;
    conversation.settings = shell.settings;
    conversation.member_count = shell.pair.map_or(0, |_| 2);
    let kept = Kept { conversation, last_message: Seq::ZERO };
    write(connection, [sql::INSERT, sql::INSERT_HEAD], tenant, &kept)?;
    for user in shell.pair.iter().flat_map(|pair| pair.both()) {
        let standing = Standing::Member(Role::Member);
        let row = Membership::new(shell.id, user, standing, Seq::FIRST, shell.at);
        put_member(connection, tenant, &row)?;
    }
    Ok(kept.conversation)
}

/// Writes a conversation wholly, its record and its counters by a statement each.
pub(super) fn write(connection: &Connection, texts: [&str; 2], tenant: i64, kept: &Kept) -> Done<()> {
    let (new, [record, head]) = (&kept.conversation, texts);
    let user = |user: Option<UserId>| user.map(|user| *user.as_bytes());
    connection.prepare_cached(record)?.execute(params![
        tenant,
        new.id.as_bytes(),
        new.kind.code(),
        user(new.pair.map(Pair::low)),
        user(new.pair.map(Pair::high)),
        user(new.creator),
        new.settings.join.code(),
        new.settings.read.code(),
        new.settings.post.code(),
        new.settings.history.code(),
        new.name,
        new.picture,
        new.metadata,
        new.created_at.millis(),
        new.closed,
    ])?;
    connection.prepare_cached(head)?.execute(params![
        int(new.head.get()),
        int(new.n),
        int(kept.last_message.get()),
        int(new.acl),
        int(new.roster),
        int(new.member_count),
        new.last_at.millis(),
        int(new.start.get()),
        tenant,
        new.id.as_bytes(),
    ])?;
    Ok(())
}

/// Writes a record that has changed.
pub(super) fn update(connection: &Connection, tenant: i64, now: &Conversation) -> Done<()> {
    connection.prepare_cached(sql::UPDATE)?.execute(params![
        now.settings.join.code(),
        now.settings.read.code(),
        now.settings.post.code(),
        now.settings.history.code(),
        now.name,
        now.picture,
        now.metadata,
        now.closed,
        tenant,
        now.id.as_bytes(),
    ])?;
    Ok(())
}
