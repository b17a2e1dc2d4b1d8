//! Leaving this store and entering it. What is put tells no feed: nobody else uses a store that is put into.

use async_trait::async_trait;
use chat_core::conversation::{Conversation, Membership};
use chat_core::friendship::{Relation, View};
use chat_core::id::{ConversationId, Pair, Seq, SessionId, Side, UserId};
use chat_core::store::{
    Account, AccountCopy, Claim, EntryCopy, Mark, MessageRow, Meta, PairCopy, PairRecord, SessionRow,
    SideCopy, StoreError, TransferAccess, TransferPeople, TransferTalk,
};
use chat_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SqliteStore;
use super::columns::Columns;
use super::dead::{bury, exhume};
use super::error::Done;
use super::log::{Made, counters, marks_on, read_entry, target};
use super::memberships::{put_member, read_member};
use super::{accounts, conversations, friendships, sessions};
use crate::codec::{Code, int};
use crate::plan::Kept;
use crate::statements::{
    accounts as accounts_sql, friendships as friendships_sql, log as log_sql, meta as meta_sql,
    transfer as sql,
};

/// Before every id, and after all of them.
pub(super) const FIRST: [u8; 16] = [0; 16];
pub(super) const LAST: [u8; 16] = [0xff; 16];

#[async_trait]
impl TransferPeople for SqliteStore {
    async fn pairs(&self, after: Option<Pair>, limit: usize) -> Result<Vec<PairCopy>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            let [low, high] = after.map_or([FIRST; 2], |pair| pair.both().map(|user| *user.as_bytes()));
            let mut statement = connection.prepare_cached(sql::PAIRS)?;
            let range = params![tenant, low, high, int(limit as u64)];
            let records = statement.query_map(range, friendships::read_record)?;
            records.map(|record| pair_copy(connection, tenant, record?)).collect()
        })
        .await
    }

    async fn put_pairs(&self, pairs: &[PairCopy]) -> Result<(), StoreError> {
        let (tenant, pairs) = (self.tenant_column(), pairs.to_vec());
        self.write(move |connection, _| pairs.iter().try_for_each(|copy| put_pair(connection, tenant, copy)))
            .await
    }

    async fn accounts_after(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<AccountCopy>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            let after = after.map_or(FIRST, |user| *user.as_bytes());
            let mut statement = connection.prepare_cached(sql::ACCOUNTS)?;
            let accounts = statement.query_map(params![tenant, after, int(limit as u64)], accounts::read)?;
            accounts.map(|account| account_copy(connection, tenant, account?)).collect()
        })
        .await
    }

    async fn put_accounts(&self, accounts: &[AccountCopy]) -> Result<(), StoreError> {
        let (tenant, copies) = (self.tenant_column(), accounts.to_vec());
        self.write(move |connection, _| put_accounts(connection, tenant, &copies)).await
    }
}

#[async_trait]
impl TransferAccess for SqliteStore {
    async fn sessions_after(
        &self,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            let after = after.map_or(FIRST, |id| *id.as_bytes());
            let mut statement = connection.prepare_cached(sql::SESSIONS)?;
            let rows = statement.query_map(params![tenant, after, int(limit as u64)], sessions::read)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn put_sessions(
        &self,
        after: Option<SessionId>,
        through: Option<SessionId>,
        rows: &[SessionRow],
    ) -> Result<(), StoreError> {
        let (tenant, rows) = (self.tenant_column(), rows.to_vec());
        self.write(move |connection, _| {
            let (after, through) =
                (after.map_or(FIRST, |id| *id.as_bytes()), through.map_or(LAST, |id| *id.as_bytes()));
            connection.prepare_cached(sql::FORGET_SESSIONS)?.execute(params![tenant, after, through])?;
            rows.iter().try_for_each(|row| sessions::insert(connection, tenant, row))
        })
        .await
    }
}

#[async_trait]
impl TransferTalk for SqliteStore {
    async fn put_meta(&self, meta: &Meta) -> Result<(), StoreError> {
        let (now, meta) = (self.current_meta(), *meta);
        self.write(move |connection, _| {
            let is_used = connection.prepare_cached(sql::ANY_CONVERSATION)?.exists([])?;
            if is_used && now != meta {
                return Err(StoreError::Conflict.into());
            }
            connection.execute(meta_sql::REPLACE, params![meta.epoch.into_bytes(), meta.digest_key])?;
            Ok(())
        })
        .await?;
        *self.shared.meta.write().expect("nothing panics under this lock") = meta;
        Ok(())
    }

    async fn entries_after(
        &self,
        of: ConversationId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<EntryCopy>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| entries(connection, tenant, of, after, limit)).await
    }

    async fn put_log(&self, record: &Conversation, rows: &[EntryCopy]) -> Result<(), StoreError> {
        let (tenant, key) = (self.tenant_column(), self.current_meta().digest_key);
        let (record, rows) = (record.clone(), rows.to_vec());
        self.write(move |connection, _| Put { connection, tenant, of: record.id, key }.log(record, &rows))
            .await
    }

    async fn members_after(
        &self,
        of: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            let after = after.map_or(FIRST, |user| *user.as_bytes());
            let mut statement = connection.prepare_cached(sql::MEMBERS)?;
            let range = params![tenant, of.as_bytes(), after, int(limit as u64)];
            let rows = statement.query_map(range, |row| read_member(&mut Columns::of(row)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn put_members(
        &self,
        of: ConversationId,
        after: Option<UserId>,
        through: Option<UserId>,
        rows: &[Membership],
    ) -> Result<(), StoreError> {
        let (tenant, rows) = (self.tenant_column(), rows.to_vec());
        self.write(move |connection, _| {
            counters(connection, tenant, of)?.ok_or(StoreError::Conflict)?;
            let (after, through) =
                (after.map_or(FIRST, |user| *user.as_bytes()), through.map_or(LAST, |user| *user.as_bytes()));
            let range = params![tenant, of.as_bytes(), after, through];
            connection.prepare_cached(sql::FORGET_MEMBERS)?.execute(range)?;
            rows.iter().try_for_each(|row| put_member(connection, tenant, row))
        })
        .await
    }
}

fn pair_copy(connection: &Connection, tenant: i64, record: PairRecord) -> Done<PairCopy> {
    let mut statement = connection.prepare_cached(sql::SIDE)?;
    let mut side = |side: Side| {
        let (user, other) = (record.pair.user(side), record.pair.user(side.other()));
        let read = |row: &Row<'_>| {
            let version = row.get::<_, i64>(4)?.unsigned_abs();
            Ok(SideCopy { row: friendships::read_row(row)?, version })
        };
        statement.query_row(params![tenant, user.as_bytes(), other.as_bytes()], read).optional()
    };
    Ok(PairCopy { record, sides: [side(Side::Low)?, side(Side::High)?] })
}

fn put_pair(connection: &Connection, tenant: i64, copy: &PairCopy) -> Done<()> {
    let PairCopy { record, sides } = copy;
    friendships::write(connection, sql::PUT_PAIR, tenant, record)?;
    for side in Side::BOTH {
        let (user, other) = (record.pair.user(side), record.pair.user(side.other()));
        let seen = sides[side.index()];
        let view = seen.map_or(View { relation: Relation::None, blocked: false }, |seen| seen.row.view);
        connection.prepare_cached(friendships_sql::SHOW)?.execute(params![
            tenant,
            user.as_bytes(),
            other.as_bytes(),
            view.relation.code(),
            view.blocked,
            record.friendship.is_blocked(),
            seen.map_or(0, |seen| seen.row.at.millis()),
            seen.map(|seen| int(seen.version)),
        ])?;
    }
    Ok(())
}

fn account_copy(connection: &Connection, tenant: i64, account: Account) -> Done<AccountCopy> {
    let mut claims = connection.prepare_cached(sql::CLAIMS)?;
    let mut words = connection.prepare_cached(sql::WORDS)?;
    let of = params![tenant, account.user.as_bytes()];
    let claims = claims.query_map(of, |row| {
        let mut columns = Columns::of(row);
        Ok(Claim { kind: columns.code()?, value: columns.value()? })
    })?;
    let claims = claims.collect::<rusqlite::Result<_>>()?;
    let words = words.query_map(of, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(AccountCopy { account, claims, words })
}

/// All of them give back what they claim before one of them claims anything.
fn put_accounts(connection: &Connection, tenant: i64, copies: &[AccountCopy]) -> Done<()> {
    for AccountCopy { account, .. } in copies {
        let of = params![tenant, account.user.as_bytes()];
        connection.prepare_cached(sql::FORGET_CLAIMS)?.execute(of)?;
    }
    for AccountCopy { account, claims, words } in copies {
        for claim in claims {
            if accounts::owner(connection, tenant, claim)?.is_some() {
                return Err(StoreError::AlreadyExists(claim.kind.name()).into());
            }
            let row = params![tenant, claim.kind.code(), claim.value, account.user.as_bytes()];
            connection.prepare_cached(accounts_sql::CLAIM)?.execute(row)?;
        }
        accounts::replace_words(connection, tenant, account.user, words)?;
        accounts::write(connection, sql::PUT_ACCOUNT, tenant, account)?;
    }
    Ok(())
}

fn entries(
    connection: &Connection,
    tenant: i64,
    of: ConversationId,
    after: Seq,
    limit: usize,
) -> Done<Vec<EntryCopy>> {
    let mut statement = connection.prepare_cached(sql::ENTRIES)?;
    let mut rows = statement.query(params![tenant, of.as_bytes(), int(after.get()), int(limit as u64)])?;
    let mut copies = Vec::new();
    while let Some(row) = rows.next()? {
        let entry = read_entry(row)?;
        let marks = match entry.message {
            Some(_) => marks_on(connection, tenant, of, entry.seq)?,
            None => Vec::new(),
        };
        copies.push(EntryCopy { entry, digest: row.get(14)?, marks });
    }
    Ok(copies)
}

/// A piece of a log on its way into a conversation.
struct Put<'c> {
    connection: &'c Connection,
    tenant: i64,
    of: ConversationId,
    key: [u8; 32],
}

impl Put<'_> {
    fn log(&self, record: Conversation, rows: &[EntryCopy]) -> Done<()> {
        let now = counters(self.connection, self.tenant, self.of)?;
        let head = now.map_or(Seq::ZERO, |now| now.head);
        if record.head < head || reached(head, rows) != Some(record.head) {
            return Err(StoreError::Conflict.into());
        }
        rows.iter().try_for_each(|copy| self.entry(copy))?;
        let key = params![self.tenant, self.of.as_bytes()];
        let mut last = self.connection.prepare_cached(sql::LAST_MESSAGE)?;
        let last_message = last.query_row(key, |row| Columns::of(row).seq()).optional()?;
        let kept = Kept { conversation: record, last_message: last_message.unwrap_or_default() };
        let texts = [sql::PUT_CONVERSATION, sql::PUT_HEAD];
        conversations::write(self.connection, texts, self.tenant, &kept)
    }

    /// Puts an entry at its position, with its message and the marks on it.
    fn entry(&self, copy: &EntryCopy) -> Done<()> {
        let EntryCopy { entry, marks, .. } = copy;
        let before = target(self.connection, self.tenant, self.of, entry.seq)?;
        if let Some(before) = before.filter(|before| before.deleted) {
            exhume(self.connection, self.tenant, self.of, before.n)?;
        }
        self.row(copy)?;
        let is_deleted = |message: &MessageRow| message.deleted_at.is_some();
        if entry.message.as_ref().is_some_and(is_deleted) {
            bury(self.connection, self.tenant, self.of, entry.n)?;
        }
        self.marks(entry.seq, marks)
    }

    /// Makes the marks on a message exactly these.
    fn marks(&self, target: Seq, marks: &[Mark]) -> Done<()> {
        let (of, target) = (self.of.as_bytes(), int(target.get()));
        self.connection.prepare_cached(log_sql::DROP_MARKS)?.execute(params![self.tenant, of, target])?;
        for Mark { key, by, .. } in marks {
            let row = params![self.tenant, of, target, key, by.as_bytes()];
            self.connection.prepare_cached(log_sql::PUT_MARK)?.execute(row)?;
        }
        Ok(())
    }

    fn row(&self, copy: &EntryCopy) -> Done<()> {
        let EntryCopy { entry, digest, .. } = copy;
        let made = Made::of(&self.key, entry.by, &entry.client_id);
        let message = entry.message.as_ref();
        self.connection.prepare_cached(sql::PUT_ENTRY)?.execute(params![
            self.tenant,
            self.of.as_bytes(),
            int(entry.seq.get()),
            int(entry.n),
            entry.id.as_bytes(),
            entry.at.millis(),
            entry.by.as_bytes(),
            made.client_id,
            entry.kind,
            message.map(|message| int(message.rev.get())),
            message.and_then(|message| message.text.as_deref()),
            message.and_then(|message| message.payload.as_deref()),
            message.and_then(|message| message.edited_at).map(Timestamp::millis),
            message.and_then(|message| message.deleted_at).map(Timestamp::millis),
            entry.target.map(|target| int(target.get())),
            entry.payload.as_deref(),
            digest,
            made.dedupe,
        ])?;
        Ok(())
    }
}

/// Where a log that ends at `head` ends with these rows; nothing when they do not ascend, or leave a hole.
fn reached(head: Seq, rows: &[EntryCopy]) -> Option<Seq> {
    let ascend = rows.windows(2).all(|pair| pair[0].entry.seq < pair[1].entry.seq);
    let reach = |head: Seq, copy: &EntryCopy| {
        let seq = copy.entry.seq;
        (Seq::ZERO < seq && seq <= head.next()).then(|| head.max(seq))
    };
    rows.iter().try_fold(head, reach).filter(|_| ascend)
}
