//! Conversations as records and counters.

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::conversation::{Conversation, Membership, Role, Settings, Standing};
use chat_core::id::{ConversationId, Pair, Seq, UserId};
use chat_core::store::{Change, Conversations, Shell, StoreError};

use super::Server;
use super::columns::{Columns, Row};
use super::error::Done;
use super::found::Found;
use super::line::Line;
use super::memberships::put_members;
use super::value::{ids, values};
use crate::codec::{Code, int};
use crate::plan::Kept;
use crate::statements::{batched::conversations as batched, conversations as sql};

#[async_trait]
impl Conversations for Server {
    async fn ensure(&self, shell: &Shell) -> Result<Conversation, StoreError> {
        if let Some(there) = self.load(&[shell.id]).await?.pop().flatten() {
            return Ok(there);
        }
        let shell = Arc::new(shell.clone());
        self.write(move |line| {
            let shell = Arc::clone(&shell);
            Box::pin(async move { ensure(line, &shell).await })
        })
        .await
    }

    async fn load(&self, ids: &[ConversationId]) -> Result<Vec<Option<Conversation>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut line = self.reading().await?;
        let done = load(&mut line, ids).await.and_then(|found| found.all(ids));
        let conversation = |kept: Option<Kept>| kept.map(|kept| kept.conversation);
        let done = done.map(|found| found.into_iter().map(conversation).collect());
        line.end(done).await
    }

    async fn fence(&self, id: ConversationId) -> Result<(), StoreError> {
        self.write(move |line| {
            Box::pin(
                async move { line.execute(sql::FENCE, values![line.tenant, id.as_bytes()]).await.map(drop) },
            )
        })
        .await
    }

    async fn walk(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        let after = after.unwrap_or(ConversationId::from_bytes([0; 16]));
        let mut line = self.reading().await?;
        let rows = line.query(sql::WALK, values![line.tenant, after.as_bytes(), int(limit as u64)]).await;
        let one = |row: &Row| read(&mut Columns::of(row)).map(|kept| kept.conversation);
        line.end(rows.and_then(|rows| rows.iter().map(one).collect())).await
    }
}

/// These conversations, those that are there.
pub(super) async fn load(line: &mut Line, these: &[ConversationId]) -> Done<Found<ConversationId, Kept>> {
    let wanted = ids(these.iter().map(ConversationId::as_bytes));
    let rows = line.query(batched::THESE, values![&wanted, line.tenant]).await?;
    Found::read(&rows, |columns| columns.id(ConversationId::from_bytes), |columns| read(columns.again()))
}

/// Locks the counters of these conversations until the commit, in the order of their ids. Whoever changes something
/// that hangs on a conversation's counters, or reads what must not change, does this first, and reads afterwards: a
/// new statement sees what those had committed who held the locks before.
pub(super) async fn lock(line: &mut Line, these: &[ConversationId]) -> Done<()> {
    let mut these = these.to_vec();
    these.sort_unstable();
    these.dedup();
    let wanted = ids(these.iter().map(ConversationId::as_bytes));
    line.query(batched::LOCK, values![&wanted, line.tenant]).await.map(drop)
}

/// One conversation, locked.
pub(super) async fn locked(line: &mut Line, id: ConversationId) -> Done<Option<Kept>> {
    lock(line, &[id]).await?;
    load(line, &[id]).await?.take(&id)
}

/// The columns of a conversation.
pub(super) fn read(columns: &mut Columns<'_>) -> Done<Kept> {
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
    conversation.name = columns.optional_text()?;
    conversation.picture = columns.optional_text()?;
    conversation.metadata = columns.optional_text()?;
    conversation.member_count = columns.count()?;
    conversation.created_at = columns.time()?;
    conversation.last_at = columns.time()?;
    conversation.closed = columns.code()?;
    Ok(Kept { conversation, last_message })
}

/// Of two at once the second meets the first one's rows, begins anew and finds them.
async fn ensure(line: &mut Line, shell: &Shell) -> Done<Conversation> {
    if let Some(kept) = load(line, &[shell.id]).await?.take(&shell.id)? {
        return Ok(kept.conversation);
    }
    let mut conversation = Conversation::shell(shell.id, shell.kind, shell.at);
    conversation.pair = shell.pair;
    conversation.creator = shell.creator;
    conversation.settings = shell.settings;
    conversation.member_count = shell.pair.map_or(0, |_| 2);
    let kept = Kept { conversation, last_message: Seq::ZERO };
    write(line, [sql::INSERT, sql::INSERT_HEAD], &kept).await?;
    let two: Vec<UserId> = shell.pair.iter().flat_map(|pair| pair.both()).collect();
    let standing = Standing::Member(Role::Member);
    let row = |user: &UserId| Membership::new(shell.id, *user, standing, Seq::FIRST, shell.at);
    put_members(line, &two.iter().map(row).collect::<Vec<_>>()).await?;
    line.tell(two.into_iter().map(Change::Memberships));
    Ok(kept.conversation)
}

/// Writes a record and its counters, by statements that make or put them: the record's first, the counters' second.
pub(super) async fn write(line: &mut Line, texts: [&'static str; 2], kept: &Kept) -> Done<()> {
    let Kept { conversation: new, last_message } = kept;
    let user = |user: Option<UserId>| user.map(|user| *user.as_bytes());
    let counters = values![
        int(new.head.get()),
        int(new.n),
        int(last_message.get()),
        int(new.acl),
        int(new.roster),
        int(new.member_count),
        new.last_at.millis(),
        int(new.start.get()),
        line.tenant,
        new.id.as_bytes(),
    ];
    line.execute(texts[1], counters).await?;
    let record = values![
        line.tenant,
        new.id.as_bytes(),
        new.kind.code(),
        user(new.pair.map(Pair::low)),
        user(new.pair.map(Pair::high)),
        user(new.creator),
        new.settings.join.code(),
        new.settings.read.code(),
        new.settings.post.code(),
        new.settings.history.code(),
        &new.name,
        &new.picture,
        &new.metadata,
        new.created_at.millis(),
        new.closed,
    ];
    line.execute(texts[0], record).await.map(drop)
}

/// Writes a record that has changed.
pub(super) async fn update(line: &mut Line, now: &Conversation) -> Done<()> {
    let record = values![
        now.settings.join.code(),
        now.settings.read.code(),
        now.settings.post.code(),
        now.settings.history.code(),
        &now.name,
        &now.picture,
        &now.metadata,
        now.closed,
        line.tenant,
        now.id.as_bytes(),
    ];
    line.execute(sql::UPDATE, record).await.map(drop)
}
