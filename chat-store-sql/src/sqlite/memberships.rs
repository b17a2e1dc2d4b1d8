//! Who is where, and what is unread there.

use async_trait::async_trait;
use chat_core::conversation::{Conversation, History, Membership, Seat, Standing};
use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::receipt::Receipt;
use chat_core::store::{Change, Enter, Memberships, Place, Position, SeatQuery, StoreError};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SqliteStore;
use super::columns::Columns;
use super::conversations;
use super::dead::dead_after;
use super::error::Done;
use crate::codec::{Code, int};
use crate::plan::Kept;
use crate::statements::{conversations as conversations_sql, members as sql};

#[async_trait]
impl Memberships for SqliteStore {
    async fn of(
        &self,
        conversation: ConversationId,
        users: &[UserId],
    ) -> Result<Vec<Option<Membership>>, StoreError> {
        let (tenant, users) = (self.tenant_column(), users.to_vec());
        self.read(move |connection| {
            users.iter().map(|&user| member(connection, tenant, conversation, user)).collect()
        })
        .await
    }

    async fn place(&self, conversation: ConversationId, user: UserId) -> Result<Option<Place>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            let Some(Kept { conversation, .. }) = kept(connection, tenant, conversation)? else {
                return Ok(None);
            };
            let membership = member(connection, tenant, conversation.id, user)?;
            Ok(Some(Place { conversation, membership }))
        })
        .await
    }

    async fn list(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            // Nil is before everybody.
            let after = after.unwrap_or(UserId::SYSTEM);
            let mut statement = connection.prepare_cached(sql::LIST)?;
            let range = params![tenant, conversation.as_bytes(), after.as_bytes(), int(limit as u64)];
            let rows = statement.query_map(range, |row| read_member(&mut Columns::of(row)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn positions(&self, user: UserId) -> Result<Vec<Position>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::POSITIONS)?;
            let rows = statement.query_map(params![tenant, user.as_bytes()], read_position)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn seats(&self, user: UserId, query: SeatQuery<'_>) -> Result<Vec<Seat>, StoreError> {
        let tenant = self.tenant_column();
        match query {
            SeatQuery::These(ids) => {
                let ids = ids.to_vec();
                self.read(move |connection| seats_in(connection, tenant, user, &ids)).await
            }
            SeatQuery::Listed { after, limit } => {
                let most = limit.get() + 1;
                self.read(move |connection| listed_seats(connection, tenant, user, after, most)).await
            }
        }
    }

    async fn counts(&self, users: &[UserId]) -> Result<Vec<u64>, StoreError> {
        let (tenant, users) = (self.tenant_column(), users.to_vec());
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql::COUNT)?;
            let mut count = |user: &UserId| {
                let row = params![tenant, user.as_bytes()];
                Ok(statement.query_row(row, |row| Columns::of(row).count())?)
            };
            users.iter().map(&mut count).collect()
        })
        .await
    }

    async fn enter(&self, enter: &Enter) -> Result<bool, StoreError> {
        let (tenant, enter) = (self.tenant_column(), *enter);
        self.write(move |connection, told| {
            let entered = try_enter(connection, tenant, &enter)?;
            told.extend(entered.then_some(Change::Memberships(enter.user)));
            Ok(entered)
        })
        .await
    }

    async fn exit(&self, conversation: ConversationId, user: UserId) -> Result<bool, StoreError> {
        let tenant = self.tenant_column();
        self.write(move |connection, told| {
            let row = params![tenant, conversation.as_bytes(), user.as_bytes()];
            let left = connection.prepare_cached(sql::EXIT)?.execute(row)? > 0;
            if left {
                connection
                    .prepare_cached(conversations_sql::MEMBER_LEFT)?
                    .execute(params![tenant, conversation.as_bytes()])?;
                told.push(Change::Memberships(user));
            }
            Ok(left)
        })
        .await
    }

    async fn hide(&self, conversation: ConversationId, user: UserId) -> Result<bool, StoreError> {
        let tenant = self.tenant_column();
        self.write(move |connection, told| {
            let hidden = hide(connection, tenant, conversation, user)?;
            told.extend(hidden.then_some(Change::Memberships(user)));
            Ok(hidden)
        })
        .await
    }
}

/// A row of one user in one conversation, banned ones included.
pub(super) fn member(
    connection: &Connection,
    tenant: i64,
    conversation: ConversationId,
    user: UserId,
) -> Done<Option<Membership>> {
    let mut statement = connection.prepare_cached(sql::ONE)?;
    let row = params![tenant, conversation.as_bytes(), user.as_bytes()];
    Ok(statement.query_row(row, |row| read_member(&mut Columns::of(row))).optional()?)
}

/// Writes a row, whatever was there.
pub(super) fn put_member(connection: &Connection, tenant: i64, row: &Membership) -> Done<()> {
    connection.prepare_cached(sql::PUT)?.execute(params![
        tenant,
        row.conversation.as_bytes(),
        row.user.as_bytes(),
        row.standing.code(),
        int(row.visible_from.get()),
        int(row.read.get()),
        int(row.read_n),
        int(row.delivered.get()),
        row.since.millis(),
    ])?;
    Ok(())
}

pub(super) fn read_member(columns: &mut Columns<'_>) -> rusqlite::Result<Membership> {
    let (conversation, user) = (columns.id(ConversationId::from_bytes)?, columns.id(UserId::from_bytes)?);
    let (standing, visible_from) = (columns.code()?, columns.seq()?);
    let (read, read_n, delivered) = (columns.seq()?, columns.count()?, columns.seq()?);
    let mut row = Membership::new(conversation, user, standing, visible_from, columns.time()?);
    (row.read, row.read_n, row.delivered) = (read, read_n, delivered);
    Ok(row)
}

fn read_position(row: &Row<'_>) -> rusqlite::Result<Position> {
    let mut columns = Columns::of(row);
    Ok(Position {
        conversation: columns.id(ConversationId::from_bytes)?,
        kind: columns.code()?,
        head: columns.seq()?,
        visible_from: columns.seq()?,
        member_count: columns.count()?,
    })
}

fn seats_in(connection: &Connection, tenant: i64, user: UserId, ids: &[ConversationId]) -> Done<Vec<Seat>> {
    let mut statement = connection.prepare_cached(sql::SEAT)?;
    let mut seats = Vec::with_capacity(ids.len());
    for id in ids {
        let row = params![tenant, id.as_bytes(), user.as_bytes()];
        if let Some(seat) = statement.query_row(row, read_seat).optional()? {
            seats.push(complete(connection, tenant, seat)?);
        }
    }
    Ok(seats)
}

fn listed_seats(
    connection: &Connection,
    tenant: i64,
    user: UserId,
    after: Option<ConversationId>,
    most: usize,
) -> Done<Vec<Seat>> {
    let mut statement = connection.prepare_cached(sql::SEATS)?;
    let after = after.map_or([0; 16], |id| *id.as_bytes());
    let range = params![tenant, user.as_bytes(), after, int(most as u64)];
    let rows = statement.query_map(range, read_seat)?;
    rows.map(|seat| complete(connection, tenant, seat?)).collect()
}

fn read_seat(row: &Row<'_>) -> rusqlite::Result<Seat> {
    let mut columns = Columns::of(row);
    let membership = read_member(&mut columns)?;
    let Kept { conversation, .. } = conversations::read(&mut columns)?;
    Ok(Seat { conversation, membership, unread: 0, peer: None })
}

/// The seat with what does not stand in its rows: what is unread, and how far the other of two has come.
fn complete(connection: &Connection, tenant: i64, mut seat: Seat) -> Done<Seat> {
    let Seat { conversation: Conversation { id, n, pair, .. }, membership: own, .. } = &seat;
    let unread = if own.role().is_some() { unread(connection, tenant, *id, *n, own.read_n)? } else { 0 };
    let peer = match pair.and_then(|pair| pair.other(own.user)) {
        Some(other) => member(connection, tenant, *id, other)?,
        None => None,
    };
    seat.unread = unread;
    seat.peer = peer.map(|row| Receipt { read: row.read, delivered: row.delivered });
    Ok(seat)
}

/// Messages after the `read_n`th that are not deleted, out of `n`.
pub(super) fn unread(
    connection: &Connection,
    tenant: i64,
    conversation: ConversationId,
    n: u64,
    read_n: u64,
) -> Done<u64> {
    if n <= read_n {
        return Ok(0);
    }
    let dead = dead_after(connection, tenant, conversation, read_n)?;
    Ok((n - read_n).saturating_sub(dead))
}

fn kept(connection: &Connection, tenant: i64, id: ConversationId) -> Done<Option<Kept>> {
    conversations::load(&mut connection.prepare_cached(conversations_sql::ONE)?, tenant, id)
}

fn try_enter(connection: &Connection, tenant: i64, enter: &Enter) -> Done<bool> {
    let Kept { conversation: now, .. } =
        kept(connection, tenant, enter.conversation)?.ok_or(StoreError::Conflict)?;
    if now.closed || now.acl != enter.acl {
        return Err(StoreError::Conflict.into());
    }
    match member(connection, tenant, now.id, enter.user)?.map(|row| row.standing) {
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
    put_member(connection, tenant, &row)?;
    connection
        .prepare_cached(conversations_sql::MEMBER_ENTERED)?
        .execute(params![tenant, now.id.as_bytes()])?;
    Ok(true)
}

fn hide(connection: &Connection, tenant: i64, id: ConversationId, user: UserId) -> Done<bool> {
    let Some(Kept { conversation: now, .. }) = kept(connection, tenant, id)? else { return Ok(false) };
    let Some(mut row) = member(connection, tenant, id, user)?.filter(|row| row.role().is_some()) else {
        return Ok(false);
    };
    let was_visible = row.visible_from <= now.head;
    row.visible_from = now.head.next();
    (row.read, row.read_n, row.delivered) = (now.head, now.n, now.head);
    put_member(connection, tenant, &row)?;
    Ok(was_visible)
}
