//! Whether the database holds what the contract promises: everything is read once, in pages, on a connection of its
//! own, and nothing is changed. Each conversation is looked at in one state of it, so that others may go on writing.

use chat_core::friendship::View;
use chat_core::id::{ConversationId, Seq, Side, UserId};
use chat_core::store::PairRecord;

use super::Server;
use super::columns::{Columns, Row};
use super::conversations::load;
use super::dead::stored;
use super::error::Done;
use super::friendships::read_record;
use super::line::Line;
use super::log::{Counters, Made, firsts, n_at, read_entry};
use super::memberships::read_member;
use super::value::values;
use crate::check::{ALONE, Findings, Problem, Seen, Walk, pair};
use crate::codec::int;
use crate::plan::Kept;
use crate::statements::{check as check_sql, server as sql, transfer as transfer_sql};

/// Rows of a page.
const PAGE: i64 = 1000;

impl Server {
    /// Every problem of all tenants, up to a bound.
    pub(crate) async fn check(&self) -> Result<Vec<Problem>, super::OpenError> {
        let key = self.current_meta().digest_key;
        let mut findings = Findings::default();
        let mut line = self.shared.patient().await?;
        let done = check(&mut line, &key, &mut findings).await;
        // What was set for this connection is for no other work: it is let go.
        drop(line);
        done?;
        Ok(findings.into_problems())
    }
}

async fn check(line: &mut Line, key: &[u8; 32], findings: &mut Findings) -> Done<()> {
    for (table, text, finding) in ALONE {
        let count = line.first(text, &[]).await?.map(|row| Columns::of(&row).int()).transpose()?;
        findings.alone(table, count.unwrap_or(0), finding);
    }
    pairs(line, findings).await?;
    conversations(line, key, findings).await
}

/// Goes through all tenants' pairs, a page in one state of the database.
async fn pairs(line: &mut Line, findings: &mut Findings) -> Done<()> {
    for tenant in tenants(line, sql::TENANTS_OF_PAIRS).await? {
        line.tenant = tenant;
        let mut after = [[0; 16]; 2];
        while !findings.is_full() {
            line.begin_snapshot().await?;
            let range = values![tenant, &after[0], &after[1], PAGE];
            let rows = line.query(transfer_sql::PAIRS, range).await?;
            for row in &rows {
                after = pair_of(line, row, findings).await?;
            }
            line.commit().await?;
            if rows.is_empty() {
                break;
            }
        }
    }
    Ok(())
}

/// Looks at one pair; answers its key.
async fn pair_of(line: &mut Line, row: &Row, findings: &mut Findings) -> Done<[[u8; 16]; 2]> {
    let mut columns = Columns::of(row);
    let key = [columns.array()?, columns.array()?];
    match read_record(&mut Columns::of(row)) {
        Ok(record) => {
            let sides = [seen(line, &record, Side::Low).await?, seen(line, &record, Side::High).await?];
            pair(findings, line.tenant, &record, sides);
        }
        Err(failure) => findings.add("chat_pairs", line.tenant, format!("cannot be read: {failure:?}")),
    }
    Ok(key)
}

async fn seen(line: &mut Line, record: &PairRecord, side: Side) -> Done<Option<Seen>> {
    let (user, other) = (record.pair.user(side), record.pair.user(side.other()));
    let row = line.first(check_sql::SIDE, values![line.tenant, user.as_bytes(), other.as_bytes()]).await?;
    let read = |row: Row| {
        let mut columns = Columns::of(&row);
        Ok(Seen {
            view: View { relation: columns.code()?, blocked: columns.code()? },
            any_block: columns.code()?,
            is_shown: columns.optional_seq()?.is_some(),
        })
    };
    row.map(read).transpose()
}

async fn tenants(line: &mut Line, text: &'static str) -> Done<Vec<i64>> {
    let tenant = |row: &Row| Columns::of(row).int();
    line.query(text, &[]).await?.iter().map(tenant).collect()
}

async fn conversations(line: &mut Line, key: &[u8; 32], findings: &mut Findings) -> Done<()> {
    for tenant in tenants(line, sql::TENANTS_OF_CONVERSATIONS).await? {
        line.tenant = tenant;
        let mut after = ConversationId::from_bytes([0; 16]);
        loop {
            let range = values![tenant, after.as_bytes(), PAGE];
            let rows = line.query(sql::CONVERSATION_IDS, range).await?;
            for row in &rows {
                after = Columns::of(row).id(ConversationId::from_bytes)?;
                if findings.is_full() {
                    return Ok(());
                }
                conversation(line, key, after, findings).await?;
            }
            if rows.is_empty() {
                break;
            }
        }
    }
    Ok(())
}

/// Looks at one conversation in one state of the database.
async fn conversation(
    line: &mut Line,
    key: &[u8; 32],
    id: ConversationId,
    findings: &mut Findings,
) -> Done<()> {
    line.begin_snapshot().await?;
    match load(line, &[id]).await?.take(&id) {
        Ok(Some(kept)) => Conversation { key, kept: &kept }.check(line, findings).await?,
        // Found already as a record without counters.
        Ok(None) => {}
        Err(failure) => {
            let finding = format!("cannot be read: {failure:?}");
            findings.add("chat_conversations", format!("{}/{id}", line.tenant), finding);
        }
    }
    line.commit().await
}

struct Conversation<'c> {
    key: &'c [u8; 32],
    kept: &'c Kept,
}

impl Conversation<'_> {
    const fn id(&self) -> ConversationId {
        self.kept.conversation.id
    }

    const fn counters(&self) -> Counters {
        let now = &self.kept.conversation;
        Counters { head: now.head, start: now.start, n: now.n }
    }

    async fn n_at(&self, line: &mut Line, seqs: &[Seq]) -> Done<Vec<u64>> {
        let wanted: Vec<_> = seqs.iter().map(|seq| (self.id(), self.counters(), *seq)).collect();
        n_at(line, &wanted).await
    }

    async fn check(&self, line: &mut Line, findings: &mut Findings) -> Done<()> {
        let before = self.kept.conversation.start.previous();
        let n = self.n_at(line, &[before]).await?[0];
        let mut walk = Walk::new(findings, line.tenant, self.id(), before, n);
        while !walk.is_over() && self.entries(line, &mut walk).await? {}
        walk.compare_log(self.kept, &stored(line, self.id()).await?);
        let mut after = UserId::SYSTEM;
        while !walk.is_over()
            && let Some(last) = self.members(line, after, &mut walk).await?
        {
            after = last;
        }
        walk.compare_members(self.kept);
        Ok(())
    }

    /// The next page of the log; answers whether there was one.
    async fn entries(&self, line: &mut Line, walk: &mut Walk<'_>) -> Done<bool> {
        let range = values![line.tenant, self.id().as_bytes(), int(walk.head().get()), PAGE];
        let rows = line.query(transfer_sql::ENTRIES, range).await?;
        let read = |row: &Row| {
            let mut columns = Columns::of(row);
            let entry = read_entry(&mut columns)?;
            let made = Made::of(self.key, self.id(), entry.by, &entry.client_id);
            Ok((entry, columns.optional_bytes()?.is_some(), made))
        };
        let entries: Vec<Done<_>> = rows.iter().map(read).collect();
        let firsts = firsts(line, entries.iter().flatten().map(|(_, _, made)| made)).await?;
        for entry in &entries {
            match entry {
                Ok((entry, has_digest, made)) => {
                    let first = firsts.of(made).unwrap_or_default();
                    walk.entry(entry, *has_digest, first.as_ref());
                }
                Err(failure) => walk.unreadable(failure),
            }
        }
        Ok(!rows.is_empty())
    }

    /// The next page of members; answers the last of them.
    async fn members(&self, line: &mut Line, after: UserId, walk: &mut Walk<'_>) -> Done<Option<UserId>> {
        let range = values![line.tenant, self.id().as_bytes(), after.as_bytes(), PAGE];
        let rows = line.query(transfer_sql::MEMBERS, range).await?;
        let mut members = Vec::with_capacity(rows.len());
        for row in &rows {
            match read_member(&mut Columns::of(row)) {
                Ok(member) if member.role().is_some() => members.push(member),
                Ok(_) => {}
                Err(failure) => walk.unreadable_member(&failure),
            }
        }
        let read: Vec<Seq> = members.iter().map(|member| member.read).collect();
        for (member, n) in members.iter().zip(self.n_at(line, &read).await?) {
            walk.member(self.kept, member, n);
        }
        let last = rows.last().map(|row| {
            let mut columns = Columns::of(row);
            columns.id(ConversationId::from_bytes)?;
            columns.id(UserId::from_bytes)
        });
        last.transpose()
    }
}
