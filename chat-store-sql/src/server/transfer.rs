//! Leaving this store and entering it. What is put tells no feed: nobody else uses a store that is put into.

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::conversation::{Conversation, Membership};
use chat_core::friendship::{Relation, View};
use chat_core::id::{ConversationId, Pair, Seq, SessionId, Side, UserId};
use chat_core::store::{
    Account, AccountCopy, Claim, EntryCopy, Meta, PairCopy, PairRecord, SessionRow, SideCopy, StoreError,
    TransferAccess, TransferPeople, TransferTalk,
};
use chat_core::time::Timestamp;

use super::Server;
use super::columns::{Columns, Row, unreadable};
use super::dead::{bury, exhume};
use super::error::Done;
use super::line::Line;
use super::log::{Made, counters, read_entry, targets};
use super::memberships::{put_members, read_member};
use super::value::{Rows, Value, values};
use super::{accounts, conversations, friendships, sessions};
use crate::codec::{Code, int};
use crate::plan::Kept;
use crate::statements::{
    batched, friendships as friendships_sql, log as log_sql, meta as meta_sql, transfer as sql,
};

/// Before every id, and after all of them.
pub(super) const FIRST: [u8; 16] = [0; 16];
pub(super) const LAST: [u8; 16] = [0xff; 16];

#[async_trait]
impl TransferPeople for Server {
    async fn pairs(&self, after: Option<Pair>, limit: usize) -> Result<Vec<PairCopy>, StoreError> {
        let mut line = self.snapshot().await?;
        let done = pairs(&mut line, after, limit).await;
        line.end(done).await
    }

    async fn put_pairs(&self, pairs: &[PairCopy]) -> Result<(), StoreError> {
        let pairs: Arc<[PairCopy]> = Arc::from(pairs);
        self.write(move |line| {
            let pairs = Arc::clone(&pairs);
            Box::pin(async move {
                for copy in &*pairs {
                    put_pair(line, copy).await?;
                }
                Ok(())
            })
        })
        .await
    }

    async fn accounts_after(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<AccountCopy>, StoreError> {
        let mut line = self.snapshot().await?;
        let done = accounts_after(&mut line, after, limit).await;
        line.end(done).await
    }

    async fn put_accounts(&self, accounts: &[AccountCopy]) -> Result<(), StoreError> {
        let copies: Arc<[AccountCopy]> = Arc::from(accounts);
        self.write(move |line| {
            let copies = Arc::clone(&copies);
            Box::pin(async move { put_accounts(line, &copies).await })
        })
        .await
    }
}

#[async_trait]
impl TransferAccess for Server {
    async fn sessions_after(
        &self,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let after = after.map_or(FIRST, |id| *id.as_bytes());
        let mut line = self.reading().await?;
        let rows = line.query(sql::SESSIONS, values![line.tenant, &after, int(limit as u64)]).await;
        let read = |row: &Row| sessions::read(&mut Columns::of(row));
        line.end(rows.and_then(|rows| rows.iter().map(read).collect())).await
    }

    async fn put_sessions(
        &self,
        after: Option<SessionId>,
        through: Option<SessionId>,
        rows: &[SessionRow],
    ) -> Result<(), StoreError> {
        let (after, through) =
            (after.map_or(FIRST, |id| *id.as_bytes()), through.map_or(LAST, |id| *id.as_bytes()));
        let rows: Arc<[SessionRow]> = Arc::from(rows);
        self.write(move |line| {
            let rows = Arc::clone(&rows);
            Box::pin(async move {
                line.execute(sql::FORGET_SESSIONS, values![line.tenant, &after, &through]).await?;
                for row in &*rows {
                    sessions::insert(line, row).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

#[async_trait]
impl TransferTalk for Server {
    async fn put_meta(&self, meta: &Meta) -> Result<(), StoreError> {
        let (now, meta) = (self.current_meta(), *meta);
        self.write(move |line| {
            Box::pin(async move {
                let is_used = line.first(sql::ANY_CONVERSATION, &[]).await?.is_some();
                if is_used && now != meta {
                    return Err(StoreError::Conflict.into());
                }
                let row = values![meta.epoch.as_bytes(), meta.digest_key.as_slice()];
                line.execute(meta_sql::REPLACE, row).await.map(drop)
            })
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
        let mut line = self.snapshot().await?;
        let done = entries(&mut line, of, after, limit).await;
        line.end(done).await
    }

    async fn put_log(&self, record: &Conversation, rows: &[EntryCopy]) -> Result<(), StoreError> {
        #[cfg(feature = "postgres")]
        self.shared.heads.forget(self.tenant_column(), record.id);
        let put = Arc::new(Put {
            key: self.current_meta().digest_key,
            record: record.clone(),
            rows: rows.to_vec(),
        });
        self.write(move |line| {
            let put = Arc::clone(&put);
            Box::pin(async move { put.log(line).await })
        })
        .await
    }

    async fn members_after(
        &self,
        of: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        let after = after.map_or(FIRST, |user| *user.as_bytes());
        let mut line = self.reading().await?;
        let range = values![line.tenant, of.as_bytes(), &after, int(limit as u64)];
        let rows = line.query(sql::MEMBERS, range).await;
        let read = |row: &Row| read_member(&mut Columns::of(row));
        line.end(rows.and_then(|rows| rows.iter().map(read).collect())).await
    }

    async fn put_members(
        &self,
        of: ConversationId,
        after: Option<UserId>,
        through: Option<UserId>,
        rows: &[Membership],
    ) -> Result<(), StoreError> {
        let (after, through) =
            (after.map_or(FIRST, |user| *user.as_bytes()), through.map_or(LAST, |user| *user.as_bytes()));
        let rows: Arc<[Membership]> = Arc::from(rows);
        self.write(move |line| {
            let rows = Arc::clone(&rows);
            Box::pin(async move {
                conversations::lock(line, &[of]).await?;
                if counters(line, &[of]).await?.is_empty() {
                    return Err(StoreError::Conflict.into());
                }
                let range = values![line.tenant, of.as_bytes(), &after, &through];
                line.execute(sql::FORGET_MEMBERS, range).await?;
                put_members(line, &rows).await
            })
        })
        .await
    }
}

async fn pairs(line: &mut Line, after: Option<Pair>, limit: usize) -> Done<Vec<PairCopy>> {
    let [low, high] = after.map_or([FIRST; 2], |pair| pair.both().map(|user| *user.as_bytes()));
    let rows = line.query(sql::PAIRS, values![line.tenant, &low, &high, int(limit as u64)]).await?;
    let mut copies = Vec::with_capacity(rows.len());
    for row in &rows {
        let record = friendships::read_record(&mut Columns::of(row))?;
        let sides = [side(line, &record, Side::Low).await?, side(line, &record, Side::High).await?];
        copies.push(PairCopy { record, sides });
    }
    Ok(copies)
}

async fn side(line: &mut Line, record: &PairRecord, side: Side) -> Done<Option<SideCopy>> {
    let (user, other) = (record.pair.user(side), record.pair.user(side.other()));
    let row = line.first(sql::SIDE, values![line.tenant, user.as_bytes(), other.as_bytes()]).await?;
    let read = |row: Row| {
        let mut columns = Columns::of(&row);
        Ok(SideCopy { row: friendships::read_row(&mut columns)?, version: columns.count()? })
    };
    row.map(read).transpose()
}

async fn put_pair(line: &mut Line, copy: &PairCopy) -> Done<()> {
    let PairCopy { record, sides } = copy;
    friendships::write(line, sql::PUT_PAIR, record).await?;
    for side in Side::BOTH {
        let (user, other) = (record.pair.user(side), record.pair.user(side.other()));
        let seen = sides[side.index()];
        let view = seen.map_or(View { relation: Relation::None, blocked: false }, |seen| seen.row.view);
        let row = values![
            line.tenant,
            user.as_bytes(),
            other.as_bytes(),
            view.relation.code(),
            view.blocked,
            record.friendship.is_blocked(),
            seen.map_or(0, |seen| seen.row.at.millis()),
            seen.map(|seen| int(seen.version)),
        ];
        line.execute(friendships_sql::SHOW, row).await?;
    }
    Ok(())
}

async fn accounts_after(line: &mut Line, after: Option<UserId>, limit: usize) -> Done<Vec<AccountCopy>> {
    let after = after.map_or(FIRST, |user| *user.as_bytes());
    let rows = line.query(sql::ACCOUNTS, values![line.tenant, &after, int(limit as u64)]).await?;
    let mut copies = Vec::with_capacity(rows.len());
    for account in accounts::read_all(&rows)? {
        copies.push(account_copy(line, account).await?);
    }
    Ok(copies)
}

async fn account_copy(line: &mut Line, account: Account) -> Done<AccountCopy> {
    let claim = |row: &Row| {
        let mut columns = Columns::of(row);
        Ok(Claim { kind: columns.code()?, value: columns.text()? })
    };
    let word = |row: &Row| Columns::of(row).text();
    let user = account.user;
    let claims = line.query(sql::CLAIMS, values![line.tenant, user.as_bytes()]).await?;
    let words = line.query(sql::WORDS, values![line.tenant, user.as_bytes()]).await?;
    let mut claims = claims.iter().map(claim).collect::<Done<Vec<_>>>()?;
    let mut words = words.iter().map(word).collect::<Done<Vec<_>>>()?;
    // Ordered here: how a text stands in a column need not sort as it reads.
    claims.sort_unstable();
    words.sort_unstable();
    Ok(AccountCopy { account, claims, words })
}

/// All of them give back what they claim before one of them claims anything.
async fn put_accounts(line: &mut Line, copies: &[AccountCopy]) -> Done<()> {
    for AccountCopy { account, .. } in copies {
        line.execute(sql::FORGET_CLAIMS, values![line.tenant, account.user.as_bytes()]).await?;
    }
    for AccountCopy { account, claims, words } in copies {
        let taken = accounts::owners(line, claims).await?;
        if let Some((claim, _)) = claims.iter().zip(taken).find(|(_, owner)| owner.is_some()) {
            return Err(StoreError::AlreadyExists(claim.kind.name()).into());
        }
        accounts::put_claims(line, account.user, claims).await?;
        accounts::replace_words(line, account.user, words).await?;
        accounts::write(line, sql::PUT_ACCOUNT, account).await?;
    }
    Ok(())
}

async fn entries(line: &mut Line, of: ConversationId, after: Seq, limit: usize) -> Done<Vec<EntryCopy>> {
    let range = values![line.tenant, of.as_bytes(), int(after.get()), int(limit as u64)];
    let rows = line.query(sql::ENTRIES, range).await?;
    let read = |row: &Row| {
        let mut columns = Columns::of(row);
        let entry = read_entry(&mut columns)?;
        Ok(EntryCopy { entry, digest: columns.optional_array()?, marks: Vec::new() })
    };
    let mut copies = rows.iter().map(read).collect::<Done<Vec<EntryCopy>>>()?;
    let messages: Vec<Seq> =
        copies.iter().filter(|copy| copy.entry.message.is_some()).map(|copy| copy.entry.seq).collect();
    for mark in super::log::marks(line, of, &messages).await? {
        let at = copies.binary_search_by_key(&mark.target, |copy| copy.entry.seq);
        copies[at.map_err(|_| unreadable())?].marks.push(mark);
    }
    Ok(copies)
}

/// A piece of a log on its way into a conversation.
struct Put {
    key: [u8; 32],
    record: Conversation,
    rows: Vec<EntryCopy>,
}

impl Put {
    async fn log(&self, line: &mut Line) -> Done<()> {
        let of = self.record.id;
        conversations::lock(line, &[of]).await?;
        let head = counters(line, &[of]).await?.get(&of).map_or(Seq::ZERO, |now| now.head);
        if self.record.head < head || reached(head, &self.rows) != Some(self.record.head) {
            return Err(StoreError::Conflict.into());
        }
        self.make_place(line).await?;
        self.put_entries(line).await?;
        for EntryCopy { entry, .. } in &self.rows {
            if entry.message.as_ref().is_some_and(|message| message.deleted_at.is_some()) {
                bury(line, of, entry.n).await?;
            }
        }
        self.put_marks(line).await?;
        let last = line.first(sql::LAST_MESSAGE, values![line.tenant, of.as_bytes()]).await?;
        let last_message = last.map(|row| Columns::of(&row).seq()).transpose()?.unwrap_or_default();
        let kept = Kept { conversation: self.record.clone(), last_message };
        conversations::write(line, [sql::PUT_CONVERSATION, sql::PUT_HEAD], &kept).await
    }

    /// Messages that are there give way, with their marks.
    async fn make_place(&self, line: &mut Line) -> Done<()> {
        let of = self.record.id;
        let before = targets(line, self.rows.iter().map(|copy| (of, copy.entry.seq))).await?;
        for EntryCopy { entry, .. } in &self.rows {
            let Some(before) = before.get(&(of, entry.seq))? else { continue };
            if before.deleted {
                exhume(line, of, before.n).await?;
            }
            let target = values![line.tenant, of.as_bytes(), int(entry.seq.get())];
            line.execute(log_sql::DROP_MARKS, target).await?;
        }
        Ok(())
    }

    async fn put_entries(&self, line: &mut Line) -> Done<()> {
        let of = self.record.id;
        let made = |copy: &EntryCopy| Made::of(&self.key, of, copy.entry.by, &copy.entry.client_id);
        let made: Vec<Made> = self.rows.iter().map(made).collect();
        let rows: Rows<'_> = self.rows.iter().zip(&made).map(|(copy, made)| row(of, copy, made)).collect();
        if !rows.is_empty() {
            line.execute(batched::log::PUT, values![line.tenant, &rows]).await?;
        }
        Ok(())
    }

    async fn put_marks(&self, line: &mut Line) -> Done<()> {
        let of = self.record.id;
        let mut rows = Rows::default();
        for mark in self.rows.iter().flat_map(|copy| &copy.marks) {
            let (target, key) = (Value::from(int(mark.target.get())), Value::from(&mark.key));
            rows.push([Value::from(of.as_bytes()), target, key, Value::from(mark.by.as_bytes())]);
        }
        if !rows.is_empty() {
            line.execute(batched::log::PUT_MARKS, values![line.tenant, &rows]).await?;
        }
        Ok(())
    }
}

/// An entry as it is, as a row.
fn row<'v>(of: ConversationId, copy: &'v EntryCopy, made: &'v Made) -> [Value<'v>; 17] {
    let EntryCopy { entry, digest, .. } = copy;
    let message = entry.message.as_ref();
    let time = |time: Option<Timestamp>| Value::from(time.map(Timestamp::millis));
    [
        Value::from(of.as_bytes()),
        Value::from(int(entry.seq.get())),
        Value::from(int(entry.n)),
        Value::from(entry.id.as_bytes()),
        Value::from(entry.at.millis()),
        Value::from(entry.by.as_bytes()),
        Value::from(made.client_id.as_slice()),
        Value::from(i64::from(entry.kind)),
        Value::from(message.map(|message| int(message.rev.get()))),
        Value::from(message.and_then(|message| message.text.as_deref())),
        Value::from(message.and_then(|message| message.payload.as_deref())),
        time(message.and_then(|message| message.edited_at)),
        time(message.and_then(|message| message.deleted_at)),
        Value::from(entry.target.map(|target| int(target.get()))),
        Value::from(entry.payload.as_deref()),
        Value::from(digest.as_ref().map(<[u8; 16]>::as_slice)),
        Value::from(made.dedupe),
    ]
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
