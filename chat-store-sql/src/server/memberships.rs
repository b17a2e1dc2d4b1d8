//! Who is where, and what is unread there.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use chat_core::conversation::{History, Membership, Seat, Standing};
use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::receipt::Receipt;
use chat_core::store::{Change, Enter, Memberships, Place, Position, SeatQuery, StoreError};

use super::Server;
use super::columns::{Columns, Row};
use super::conversations::{self, locked};
use super::dead::{Span, dead_in};
use super::error::Done;
use super::found::Found;
use super::line::Line;
use super::value::{Rows, Value, ids, values};
use crate::codec::{Code, int};
use crate::plan::Kept;
use crate::statements::{batched::members as batched, conversations as conversations_sql, members as sql};

#[async_trait]
impl Memberships for Server {
    async fn of(
        &self,
        conversation: ConversationId,
        users: &[UserId],
    ) -> Result<Vec<Option<Membership>>, StoreError> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<Key> = users.iter().map(|user| (conversation, *user)).collect();
        let mut line = self.reading().await?;
        let found = members(&mut line, &wanted).await;
        line.end(found.and_then(|found| found.all(&wanted))).await
    }

    async fn place(&self, conversation: ConversationId, user: UserId) -> Result<Option<Place>, StoreError> {
        let mut line = self.reading().await?;
        let key = values![user.as_bytes(), line.tenant, conversation.as_bytes()];
        let row = line.first(batched::PLACE, key).await;
        line.end(row.and_then(|row| row.as_ref().map(read_place).transpose())).await
    }

    async fn list(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        // Nil is before everybody.
        let after = after.unwrap_or(UserId::SYSTEM);
        let mut line = self.reading().await?;
        let range = values![line.tenant, conversation.as_bytes(), after.as_bytes(), int(limit as u64)];
        let rows = line.query(sql::LIST, range).await;
        line.end(rows.and_then(|rows| rows.iter().map(|row| read_member(&mut Columns::of(row))).collect()))
            .await
    }

    async fn positions(&self, user: UserId) -> Result<Vec<Position>, StoreError> {
        let mut line = self.reading().await?;
        let rows = line.query(sql::POSITIONS, values![line.tenant, user.as_bytes()]).await;
        line.end(rows.and_then(|rows| rows.iter().map(read_position).collect())).await
    }

    async fn seats(&self, user: UserId, query: SeatQuery<'_>) -> Result<Vec<Seat>, StoreError> {
        if matches!(query, SeatQuery::These([])) {
            return Ok(Vec::new());
        }
        let mut line = self.snapshot().await?;
        let done = match query {
            SeatQuery::These(ids) => seats_in(&mut line, user, ids).await,
            SeatQuery::Listed { after, limit } => listed_seats(&mut line, user, after, limit.get() + 1).await,
        };
        line.end(done).await
    }

    async fn counts(&self, users: &[UserId]) -> Result<Vec<u64>, StoreError> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let mut line = self.reading().await?;
        let done = counts(&mut line, users).await;
        line.end(done).await
    }

    async fn enter(&self, enter: &Enter) -> Result<bool, StoreError> {
        let enter = *enter;
        self.write(move |line| Box::pin(try_enter(line, enter))).await
    }

    async fn exit(&self, conversation: ConversationId, user: UserId) -> Result<bool, StoreError> {
        self.write(move |line| Box::pin(exit(line, conversation, user))).await
    }

    async fn hide(&self, conversation: ConversationId, user: UserId) -> Result<bool, StoreError> {
        self.write(move |line| Box::pin(hide(line, conversation, user))).await
    }
}

/// Whose row, and where.
pub(super) type Key = (ConversationId, UserId);

/// These rows, those that are there, banned ones included.
pub(super) async fn members(line: &mut Line, wanted: &[Key]) -> Done<Found<Key, Membership>> {
    found(line, batched::THESE, wanted).await
}

/// The same, locked until the commit.
pub(super) async fn locked_members(line: &mut Line, wanted: &[Key]) -> Done<Found<Key, Membership>> {
    found(line, batched::LOCK, wanted).await
}

async fn found(line: &mut Line, text: &'static str, wanted: &[Key]) -> Done<Found<Key, Membership>> {
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let key = |(place, who): &Key| [Value::from(place.as_bytes()), Value::from(who.as_bytes())];
    let keys: Rows<'_> = wanted.iter().map(key).collect();
    if keys.is_empty() {
        return Ok(Found::nothing());
    }
    let rows = line.query(text, values![&keys, line.tenant]).await?;
    let key = |columns: &mut Columns<'_>| {
        let place = columns.id(ConversationId::from_bytes)?;
        Ok((place, columns.id(UserId::from_bytes)?))
    };
    Found::read(&rows, key, |columns| read_member(columns.again()))
}

/// Writes rows of different users or places, whatever was there.
pub(super) async fn put_members(line: &mut Line, rows: &[Membership]) -> Done<()> {
    let row = |row: &Membership| {
        [
            Value::from(row.conversation.as_bytes()),
            Value::from(row.user.as_bytes()),
            Value::from(row.standing.code()),
            Value::from(int(row.visible_from.get())),
            Value::from(int(row.read.get())),
            Value::from(int(row.read_n)),
            Value::from(int(row.delivered.get())),
            Value::from(row.since.millis()),
        ]
    };
    let rows: Rows<'_> = rows.iter().map(row).collect();
    if !rows.is_empty() {
        line.execute(batched::PUT, values![line.tenant, &rows]).await?;
    }
    Ok(())
}

pub(super) fn read_member(columns: &mut Columns<'_>) -> Done<Membership> {
    let (conversation, user) = (columns.id(ConversationId::from_bytes)?, columns.id(UserId::from_bytes)?);
    let (standing, visible_from) = (columns.code()?, columns.seq()?);
    let (read, read_n, delivered) = (columns.seq()?, columns.count()?, columns.seq()?);
    let mut row = Membership::new(conversation, user, standing, visible_from, columns.time()?);
    (row.read, row.read_n, row.delivered) = (read, read_n, delivered);
    Ok(row)
}

fn read_place(row: &Row) -> Done<Place> {
    let mut columns = Columns::of(row);
    let Kept { conversation, .. } = conversations::read(&mut columns)?;
    let is_there = columns.optional_int()?.is_some();
    let membership = if is_there { Some(read_member(&mut columns)?) } else { None };
    Ok(Place { conversation, membership })
}

fn read_position(row: &Row) -> Done<Position> {
    let mut columns = Columns::of(row);
    Ok(Position {
        conversation: columns.id(ConversationId::from_bytes)?,
        kind: columns.code()?,
        head: columns.seq()?,
        visible_from: columns.seq()?,
        member_count: columns.count()?,
    })
}

async fn seats_in(line: &mut Line, user: UserId, these: &[ConversationId]) -> Done<Vec<Seat>> {
    let wanted = ids(these.iter().map(ConversationId::as_bytes));
    let rows = line.query(batched::SEATS, values![&wanted, line.tenant, user.as_bytes()]).await?;
    let seats = rows.iter().map(read_seat).collect::<Done<Vec<_>>>()?;
    let seats = complete(line, user, seats).await?;
    let found: HashMap<ConversationId, Seat> =
        seats.into_iter().map(|seat| (seat.conversation.id, seat)).collect();
    Ok(these.iter().filter_map(|id| found.get(id).cloned()).collect())
}

async fn listed_seats(
    line: &mut Line,
    user: UserId,
    after: Option<ConversationId>,
    most: usize,
) -> Done<Vec<Seat>> {
    let after = after.unwrap_or(ConversationId::from_bytes([0; 16]));
    let range = values![line.tenant, user.as_bytes(), after.as_bytes(), int(most as u64)];
    let rows = line.query(sql::SEATS, range).await?;
    let seats = rows.iter().map(read_seat).collect::<Done<Vec<_>>>()?;
    complete(line, user, seats).await
}

fn read_seat(row: &Row) -> Done<Seat> {
    let mut columns = Columns::of(row);
    let membership = read_member(&mut columns)?;
    let Kept { conversation, .. } = conversations::read(&mut columns)?;
    Ok(Seat { conversation, membership, unread: 0, peer: None })
}

/// Seats with what does not stand in their rows: what is unread, and how far the other of two has come.
async fn complete(line: &mut Line, user: UserId, mut seats: Vec<Seat>) -> Done<Vec<Seat>> {
    // Who is banned has nothing to read.
    let span = |seat: &Seat| {
        let n = seat.membership.role().map_or(0, |_| seat.conversation.n);
        (seat.conversation.id, seat.membership.read_n, n)
    };
    let spans: Vec<Span> = seats.iter().map(span).collect();
    for (seat, unread) in seats.iter_mut().zip(unread(line, &spans).await?) {
        seat.unread = unread;
    }
    let peer = |seat: &Seat| Some((seat.conversation.id, seat.conversation.pair?.other(user)?));
    let peers: Vec<Key> = seats.iter().filter_map(peer).collect();
    let found = self::members(line, &peers).await?;
    for seat in &mut seats {
        let Some(key) = peer(seat) else { continue };
        seat.peer = found.get(&key)?.map(|row| Receipt { read: row.read, delivered: row.delivered });
    }
    Ok(seats)
}

/// How many messages of each span are not deleted: with those after the last one read, what is unread.
async fn unread(line: &mut Line, spans: &[Span]) -> Done<Vec<u64>> {
    let behind: Vec<Span> = spans.iter().filter(|(_, read, n)| read < n).copied().collect();
    let mut dead = dead_in(line, &behind).await?.into_iter();
    let unread = spans.iter().map(|(_, read, n)| match n.checked_sub(*read) {
        None | Some(0) => 0,
        Some(all) => all.saturating_sub(dead.next().unwrap_or(0)),
    });
    Ok(unread.collect())
}

async fn counts(line: &mut Line, users: &[UserId]) -> Done<Vec<u64>> {
    // Each once: rows are counted for each time somebody is named.
    let distinct: BTreeSet<UserId> = users.iter().copied().collect();
    let wanted = ids(distinct.iter().map(UserId::as_bytes));
    let mut found = HashMap::new();
    for row in &line.query(batched::COUNTS, values![&wanted, line.tenant]).await? {
        let mut columns = Columns::of(row);
        found.insert(columns.id(UserId::from_bytes)?, columns.count()?);
    }
    Ok(users.iter().map(|user| found.get(user).copied().unwrap_or(0)).collect())
}

async fn member(line: &mut Line, conversation: ConversationId, user: UserId) -> Done<Option<Membership>> {
    let key = (conversation, user);
    locked_members(line, &[key]).await?.take(&key)
}

async fn try_enter(line: &mut Line, enter: Enter) -> Done<bool> {
    let Kept { conversation: now, .. } =
        locked(line, enter.conversation).await?.ok_or(StoreError::Conflict)?;
    if now.closed || now.acl != enter.acl {
        return Err(StoreError::Conflict.into());
    }
    match member(line, now.id, enter.user).await?.map(|row| row.standing) {
        Some(Standing::Banned) => return Err(StoreError::Conflict.into()),
        Some(Standing::Member(_)) => return Ok(false),
        None => {}
    }
    let visible_from = match now.settings.history {
        History::All => Seq::FIRST,
        History::FromJoin => now.head.next(),
    };
    let mut row = Membership::new(now.id, enter.user, Standing::Member(enter.role), visible_from, enter.at);
    (row.read, row.read_n, row.delivered) = (now.head, now.n, now.head);
    put_members(line, &[row]).await?;
    line.execute(conversations_sql::MEMBER_ENTERED, values![line.tenant, now.id.as_bytes()]).await?;
    line.tell([Change::Memberships(enter.user)]);
    Ok(true)
}

async fn exit(line: &mut Line, id: ConversationId, user: UserId) -> Done<bool> {
    conversations::lock(line, &[id]).await?;
    let left = line.execute(sql::EXIT, values![line.tenant, id.as_bytes(), user.as_bytes()]).await? > 0;
    if left {
        line.execute(conversations_sql::MEMBER_LEFT, values![line.tenant, id.as_bytes()]).await?;
        line.tell([Change::Memberships(user)]);
    }
    Ok(left)
}

async fn hide(line: &mut Line, id: ConversationId, user: UserId) -> Done<bool> {
    let Some(Kept { conversation: now, .. }) = locked(line, id).await? else { return Ok(false) };
    let Some(mut row) = member(line, id, user).await?.filter(|row| row.role().is_some()) else {
        return Ok(false);
    };
    let was_visible = row.visible_from <= now.head;
    row.visible_from = now.head.next();
    (row.read, row.read_n, row.delivered) = (now.head, now.n, now.head);
    put_members(line, &[row]).await?;
    line.tell(was_visible.then_some(Change::Memberships(user)));
    Ok(was_visible)
}
