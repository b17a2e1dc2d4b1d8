//! Appending: read what a lane is judged by, let the planner decide, write what it says.

use std::collections::{HashMap, HashSet};

use chat_core::id::{ConversationId, Seq, UserId};
use chat_core::message::ClientId;
use chat_core::store::{Change, Effect, Lane, LaneDone, Outcome, StoreError};
use rusqlite::types::ToSql;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::codec::{dedupe, int, pack_client_id};
use crate::plan::{Known, NewEntry, OwnRead, Plan, Record, Target, Wanted, Write, plan};
use crate::sqlite::columns::Columns;
use crate::sqlite::conversations::{load, update};
use crate::sqlite::dead::bury;
use crate::sqlite::error::{Done, UNREADABLE};
use crate::sqlite::memberships::{member, put_member};
use crate::sqlite::writer::Told;
use crate::statements::{conversations as conversations_sql, log as sql, members as members_sql};

/// Who made an entry under which id, as columns.
pub(in crate::sqlite) struct Made {
    pub(in crate::sqlite) by: UserId,
    pub(in crate::sqlite) client_id: Vec<u8>,
    pub(in crate::sqlite) dedupe: i64,
}

impl Made {
    pub(in crate::sqlite) fn of(key: &[u8; 32], by: UserId, client_id: &ClientId) -> Self {
        let client_id = pack_client_id(client_id);
        let dedupe = dedupe(key, by, &client_id);
        Self { by, client_id, dedupe }
    }
}

/// The entry that was made first under this id, by the statement [`sql::FIRST`].
pub(in crate::sqlite) fn first(
    statement: &mut CachedStatement<'_>,
    tenant: i64,
    of: ConversationId,
    made: &Made,
) -> Done<Option<Outcome>> {
    let mut rows = statement.query(params![tenant, of.as_bytes(), made.dedupe])?;
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row);
        let (seq, by) = (columns.seq()?, columns.id(UserId::from_bytes)?);
        if by == made.by && columns.value::<Vec<u8>>()? == made.client_id {
            return Ok(Some(Outcome::Repeat { seq, digest: columns.value()? }));
        }
    }
    Ok(None)
}

/// The message at a position, as far as changes of it are judged by that.
pub(in crate::sqlite) fn target(
    connection: &Connection,
    tenant: i64,
    of: ConversationId,
    seq: Seq,
) -> Done<Option<Target>> {
    let mut statement = connection.prepare_cached(sql::TARGET)?;
    let read = |row: &rusqlite::Row<'_>| {
        let mut columns = Columns::of(row);
        let (n, rev) = (columns.count()?, columns.seq()?);
        Ok(Target { n, rev, deleted: columns.optional_time()?.is_some() })
    };
    Ok(statement.query_row(params![tenant, of.as_bytes(), int(seq.get())], read).optional()?)
}

/// One batch, with the statements that every lane needs.
pub(super) struct Append<'c> {
    connection: &'c Connection,
    tenant: i64,
    key: [u8; 32],
    seen: HashSet<ConversationId>,
    conversation: CachedStatement<'c>,
    first: CachedStatement<'c>,
    entry: CachedStatement<'c>,
    own_read: CachedStatement<'c>,
    head: CachedStatement<'c>,
}

impl<'c> Append<'c> {
    pub(super) fn new(connection: &'c Connection, tenant: i64, key: [u8; 32]) -> Done<Self> {
        Ok(Self {
            connection,
            tenant,
            key,
            seen: HashSet::new(),
            conversation: connection.prepare_cached(conversations_sql::ONE)?,
            first: connection.prepare_cached(sql::FIRST)?,
            entry: connection.prepare_cached(sql::INSERT)?,
            own_read: connection.prepare_cached(members_sql::OWN_READ)?,
            head: connection.prepare_cached(conversations_sql::UPDATE_HEAD)?,
        })
    }

    /// Appends one lane wholly, or answers why not. A failure that is not the lane's own ends the batch: nothing of
    /// it is committed then.
    pub(super) fn lane(&mut self, lane: &Lane, told: &mut Told) -> Done<Result<LaneDone, StoreError>> {
        if !self.seen.insert(lane.conversation) {
            return Ok(Err(StoreError::Conflict));
        }
        let made: Vec<Made> =
            lane.drafts.iter().map(|draft| Made::of(&self.key, draft.by, &draft.client_id)).collect();
        let plan = match self.known(lane, &made).map_err(StoreError::from) {
            Ok(known) => plan(lane, known),
            Err(error @ StoreError::Corrupt(UNREADABLE)) => Err(error),
            Err(error) => return Err(error.into()),
        };
        match plan {
            Ok(plan) => {
                self.write(&plan, &made)?;
                tell(lane, &plan, told);
                Ok(Ok(LaneDone { outcomes: plan.outcomes, conversation: plan.kept.conversation }))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    fn known(&mut self, lane: &Lane, made: &[Made]) -> Done<Known> {
        let (tenant, id) = (self.tenant, lane.conversation);
        let kept = load(&mut self.conversation, tenant, id)?;
        let repeats =
            made.iter().map(|made| first(&mut self.first, tenant, id, made)).collect::<Done<_>>()?;
        let wanted = Wanted::of(lane);
        let mut targets = HashMap::new();
        for seq in wanted.targets {
            targets.extend(target(self.connection, tenant, id, seq)?.map(|target| (seq, target)));
        }
        let mut members = HashMap::new();
        for user in wanted.members {
            members.extend(member(self.connection, tenant, id, user)?.map(|row| (user, row)));
        }
        Ok(Known { kept, repeats, targets, members })
    }

    fn write(&mut self, plan: &Plan<'_>, made: &[Made]) -> Done<()> {
        let now = &plan.kept.conversation;
        let id = now.id;
        for entry in &plan.entries {
            self.insert(id, entry, &made[entry.nth])?;
        }
        for write in &plan.writes {
            self.change(id, write)?;
        }
        for OwnRead { user, seq, n } in &plan.own_reads {
            let seq = int(seq.get());
            self.own_read.execute(params![
                seq,
                int(*n),
                seq,
                self.tenant,
                id.as_bytes(),
                user.as_bytes(),
                seq
            ])?;
        }
        if plan.entries.is_empty() {
            return Ok(());
        }
        self.head.execute(params![
            int(now.head.get()),
            int(now.n),
            int(plan.kept.last_message.get()),
            int(now.acl),
            int(now.roster),
            int(now.member_count),
            now.last_at.millis(),
            self.tenant,
            id.as_bytes(),
        ])?;
        match plan.record {
            Record::Changed => update(self.connection, self.tenant, now),
            Record::Same => Ok(()),
        }
    }

    fn insert(&mut self, id: ConversationId, entry: &NewEntry<'_>, made: &Made) -> Done<()> {
        let (draft, place) = (entry.draft, entry.appended);
        let seq = int(place.seq.get());
        self.entry.execute(params![
            self.tenant,
            id.as_bytes(),
            seq,
            int(place.n),
            draft.id.as_bytes(),
            place.at.millis(),
            draft.by.as_bytes(),
            made.client_id,
            draft.kind,
            entry.message.map(|_| seq),
            entry.message.and_then(|message| message.text),
            entry.message.and_then(|message| message.body).map(AsRef::<[u8]>::as_ref),
            draft.target.map(|target| int(target.get())),
            draft.payload.as_deref(),
            draft.digest,
            made.dedupe,
        ])?;
        Ok(())
    }

    fn change(&self, id: ConversationId, write: &Write<'_>) -> Done<()> {
        let (tenant, key) = (self.tenant, id.as_bytes());
        let seq = |seq: &Seq| int(seq.get());
        match write {
            Write::Body { target, rev, at, message } => {
                let body = message.body.map(AsRef::<[u8]>::as_ref);
                let row = params![seq(rev), at.millis(), message.text, body, tenant, key, seq(target)];
                self.execute(sql::SET_BODY, row)
            }
            Write::Tombstone { target, n, rev, at } => {
                self.execute(sql::BURY, params![seq(rev), at.millis(), tenant, key, seq(target)])?;
                self.execute(sql::DROP_MARKS, params![tenant, key, seq(target)])?;
                bury(self.connection, tenant, id, *n)
            }
            Write::Mark { target, rev, key: mark, by } => {
                self.execute(sql::TOUCH, params![seq(rev), tenant, key, seq(target)])?;
                self.execute(sql::PUT_MARK, params![tenant, key, seq(target), mark, by.as_bytes()])
            }
            Write::Unmark { target, rev, key: mark, by } => {
                self.execute(sql::TOUCH, params![seq(rev), tenant, key, seq(target)])?;
                self.execute(sql::DROP_MARK, params![tenant, key, seq(target), mark, by.as_bytes()])
            }
            Write::Member(row) => put_member(self.connection, tenant, row),
            Write::NoMember(user) => self.execute(members_sql::REMOVE, params![tenant, key, user.as_bytes()]),
        }
    }

    fn execute(&self, text: &str, row: &[&dyn ToSql]) -> Done<()> {
        self.connection.prepare_cached(text)?.execute(row)?;
        Ok(())
    }
}

/// Tells that the log has grown, and whose memberships changed.
fn tell(lane: &Lane, plan: &Plan<'_>, told: &mut Told) {
    if plan.entries.is_empty() {
        return;
    }
    told.push(Change::Head(lane.conversation));
    let moved =
        plan.entries.iter().flat_map(|entry| &entry.draft.effects).filter_map(|effect| match effect {
            Effect::PutMember { user, .. } => Some(Change::Memberships(*user)),
            _ => None,
        });
    told.extend(moved);
}
