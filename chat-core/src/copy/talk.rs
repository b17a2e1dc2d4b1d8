//! Conversations: the log is gone on with where the target's ends, members are compared row by row.
//!
//! What stands in the log never changes, but the messages in it do, and their marks. Every such change is an entry
//! that names its target, so that with new entries the older messages they are about are put again, in one write.
//! Whatever else may have happened to a row is found by the comparison at the end.

use std::collections::BTreeSet;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};

use super::print::{Counts, Fingerprint, Print};
use super::rows::{Piece, Put, Rows, add_all};
use super::unit::Unit;
use super::{CopyError, Job, Part};
use crate::conversation::{Conversation, Membership};
use crate::id::{ConversationId, Seq, UserId};
use crate::message::Payload;
use crate::store::{EntryCopy, ReadMark, Store, StoreError};

/// Conversations on their way at the same time: so many pages are held at once.
pub(super) const AT_ONCE: usize = 8;

/// The records of all conversations.
pub(super) struct Records;

#[async_trait]
impl Rows for Records {
    type Key = ConversationId;
    type Row = Conversation;

    const PAGE: usize = 64;

    fn key(row: &Conversation) -> ConversationId {
        row.id
    }

    fn count(_row: &Conversation, counts: &mut Counts) {
        counts.conversations += 1;
    }

    async fn page(
        &self,
        of: &dyn Store,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        of.talk().conversations().walk(after, limit).await
    }
}

/// The membership rows of one conversation.
struct Members(ConversationId);

#[async_trait]
impl Rows for Members {
    type Key = UserId;
    type Row = Membership;

    fn key(row: &Membership) -> UserId {
        row.user
    }

    fn count(_row: &Membership, counts: &mut Counts) {
        counts.members += 1;
    }

    async fn page(
        &self,
        of: &dyn Store,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        of.talk().transfer_talk().members_after(self.0, after, limit).await
    }
}

#[async_trait]
impl Put for Members {
    fn part(&self) -> Part {
        Part::Conversation(self.0)
    }

    /// Members leave: who the source has no more goes here too.
    async fn put(&self, to: &dyn Store, piece: &Piece<Self>) -> Result<bool, CopyError> {
        let Piece { after, through, source, target } = piece;
        if source == target {
            return Ok(false);
        }
        let talk = to.talk().transfer_talk();
        talk.put_members(self.0, *after, *through, source).await.map_err(CopyError::Target)?;
        Ok(true)
    }
}

/// When the members of one conversation had read up to where. A store without that part has none, and keeps none.
struct Reads(ConversationId);

#[async_trait]
impl Rows for Reads {
    type Key = (UserId, Seq);
    type Row = ReadMark;

    fn key(row: &ReadMark) -> (UserId, Seq) {
        (row.user, row.up_to)
    }

    fn count(_row: &ReadMark, counts: &mut Counts) {
        counts.reads += 1;
    }

    async fn page(
        &self,
        of: &dyn Store,
        after: Option<(UserId, Seq)>,
        limit: usize,
    ) -> Result<Vec<ReadMark>, StoreError> {
        match of.talk().receipt_log() {
            Some(log) => log.walk(self.0, after, limit).await,
            None => Ok(Vec::new()),
        }
    }
}

#[async_trait]
impl Put for Reads {
    fn part(&self) -> Part {
        Part::Conversation(self.0)
    }

    async fn put(&self, to: &dyn Store, piece: &Piece<Self>) -> Result<bool, CopyError> {
        let missing = self.missing(piece)?;
        let Some(log) = to.talk().receipt_log().filter(|_| !missing.is_empty()) else { return Ok(false) };
        log.note(&missing).await.map_err(CopyError::Target)?;
        Ok(true)
    }
}

/// How many entries and members there are in all.
pub(super) async fn size(job: &Job<'_>) -> Result<u64, CopyError> {
    let (mut after, mut size) = (None, 0);
    loop {
        let page = Records.page(job.from, after, Records::PAGE).await.map_err(CopyError::Source)?;
        size += page.iter().map(|record| record.head.get() + record.member_count).sum::<u64>();
        after = page.last().map(Records::key);
        if page.len() < Records::PAGE {
            return Ok(size);
        }
    }
}

/// Copies what is new of all conversations, and answers whether anything was.
pub(super) async fn copy(job: &Job<'_>) -> Result<bool, CopyError> {
    let (mut after, mut moved) = (None, false);
    loop {
        let piece = Piece::read(&Records, job, after).await?;
        refuse_strangers(&piece)?;
        let rooms: Vec<_> = piece
            .source
            .iter()
            .map(|now| Room(now.id).go_on(job, now, piece.there(now.id)).boxed())
            .collect();
        let any = |any, moved| std::future::ready(Ok(any | moved));
        moved |= stream::iter(rooms).buffer_unordered(AT_ONCE).try_fold(false, any).await?;
        after = piece.through;
        if after.is_none() {
            return Ok(moved);
        }
    }
}

/// Conversations never go away: what only the target has was made there.
pub(super) fn refuse_strangers(piece: &Piece<Records>) -> Result<(), CopyError> {
    let strangers = piece.strangers();
    if strangers.is_empty() {
        return Ok(());
    }
    Err(CopyError::Ahead(strangers.into_iter().map(Part::Conversation).collect()))
}

/// One conversation.
#[derive(Clone, Copy)]
pub(super) struct Room(pub(super) ConversationId);

impl Room {
    /// Copies what is new, as the record was a moment ago; answers whether anything was.
    async fn go_on(
        self,
        job: &Job<'_>,
        now: &Conversation,
        there: Option<&Conversation>,
    ) -> Result<bool, CopyError> {
        let begun = there.map_or(Seq::ZERO, |there| there.head);
        if begun > now.head {
            return Err(CopyError::Ahead([self.part()].into_iter().collect()));
        }
        job.done(begun.get());
        let mut moved = there != Some(now);
        if begun < now.head {
            self.put_from(job, now, begun).await?;
        } else if moved {
            job.to.talk().transfer_talk().put_log(now, &[]).await.map_err(CopyError::Target)?;
        }
        moved |= Members(self.0).copy(job).await?;
        moved |= Reads(self.0).copy(job).await?;
        Ok(moved)
    }

    /// Puts the log after `begun`, with the older messages that were changed since.
    async fn put_from(self, job: &Job<'_>, now: &Conversation, begun: Seq) -> Result<(), CopyError> {
        let mut log = Log::new(self.0, begun);
        while log.at < now.head {
            let mut rows = log.page(job.from).await.map_err(CopyError::Source)?;
            rows.retain(|copy| copy.entry.seq <= now.head);
            let last = rows.last().ok_or(CopyError::Source(StoreError::Corrupt("log")))?;
            let record = up_to(now, last);
            log.at = record.head;
            job.done(rows.len() as u64);
            let changed = changed(&rows, begun);
            let mut older = self.rows(job.from, &changed).await.map_err(CopyError::Source)?;
            older.append(&mut rows);
            job.to.talk().transfer_talk().put_log(&record, &older).await.map_err(CopyError::Target)?;
        }
        Ok(())
    }

    /// The rows at these positions.
    async fn rows(self, of: &dyn Store, seqs: &BTreeSet<Seq>) -> Result<Vec<EntryCopy>, StoreError> {
        let mut rows = Vec::with_capacity(seqs.len());
        for seq in seqs {
            rows.extend(of.talk().transfer_talk().entries_after(self.0, seq.previous(), 1).await?);
        }
        Ok(rows)
    }

    async fn load(self, of: &dyn Store) -> Result<Option<Conversation>, StoreError> {
        Ok(of.talk().conversations().load(&[self.0]).await?.pop().flatten())
    }
}

#[async_trait]
impl Unit for Room {
    fn part(&self) -> Part {
        Part::Conversation(self.0)
    }

    async fn copy(&self, job: &Job<'_>) -> Result<bool, CopyError> {
        let now = self.load(job.from).await.map_err(CopyError::Source)?;
        let there = self.load(job.to).await.map_err(CopyError::Target)?;
        let now = now.ok_or(CopyError::Source(StoreError::Corrupt("conversation")))?;
        self.go_on(job, &now, there.as_ref()).await
    }

    /// First what is new, then every row in its place.
    async fn copy_anew(&self, job: &Job<'_>) -> Result<(), CopyError> {
        self.copy(job).await?;
        let there = self.load(job.to).await.map_err(CopyError::Target)?;
        let there = there.ok_or(CopyError::Target(StoreError::Corrupt("conversation")))?;
        let mut log = Log::new(self.0, Seq::ZERO);
        while log.at < there.head {
            let mut rows = log.page(job.from).await.map_err(CopyError::Source)?;
            rows.retain(|copy| copy.entry.seq <= there.head);
            log.at = rows.last().ok_or(CopyError::Source(StoreError::Corrupt("log")))?.entry.seq;
            job.to.talk().transfer_talk().put_log(&there, &rows).await.map_err(CopyError::Target)?;
        }
        Ok(())
    }

    async fn fingerprint(&self, of: &dyn Store) -> Result<Fingerprint, StoreError> {
        let mut print = Print::default();
        let Some(record) = self.load(of).await? else { return Ok(print.finish()) };
        print.add(&record);
        Records::count(&record, &mut print.counts);
        let mut log = Log::new(self.0, Seq::ZERO);
        loop {
            let page = log.page(of).await?;
            let Some(last) = page.last() else { break };
            log.at = last.entry.seq;
            for copy in &page {
                print.add(copy);
                print.counts.entries += 1;
                print.counts.marks += copy.marks.len() as u64;
            }
        }
        add_all(&Members(self.0), of, &mut print).await?;
        add_all(&Reads(self.0), of, &mut print).await?;
        Ok(print.finish())
    }
}

/// The record of a conversation whose log ends here.
fn up_to(now: &Conversation, last: &EntryCopy) -> Conversation {
    if last.entry.seq == now.head {
        return now.clone();
    }
    Conversation { head: last.entry.seq, n: last.entry.n, last_at: last.entry.at, ..now.clone() }
}

/// Messages up to `begun` that these entries are about.
fn changed(rows: &[EntryCopy], begun: Seq) -> BTreeSet<Seq> {
    rows.iter()
        .filter_map(|copy| copy.entry.target)
        .filter(|&target| Seq::ZERO < target && target <= begun)
        .collect()
}

/// A log that is read in pages of bounded bytes, as far as a single row is: each is as long as the one before says.
struct Log {
    of: ConversationId,
    /// Up to where it was read.
    at: Seq,
    limit: usize,
}

impl Log {
    const PAGE_BYTES: usize = 256 * 1024;
    const ROWS_MAX: usize = 256;
    const ROWS_FIRST: usize = 32;
    /// What a row weighs besides what may be long.
    const ROW_BYTES: usize = 128;

    const fn new(of: ConversationId, at: Seq) -> Self {
        Self { of, at, limit: Self::ROWS_FIRST }
    }

    /// The page after `at`; empty at the end.
    async fn page(&mut self, of: &dyn Store) -> Result<Vec<EntryCopy>, StoreError> {
        let page = of.talk().transfer_talk().entries_after(self.of, self.at, self.limit).await?;
        let bytes: usize = page.iter().map(Self::weight).sum();
        let each = (bytes / page.len().max(1)).max(Self::ROW_BYTES);
        self.limit = (Self::PAGE_BYTES / each).clamp(1, Self::ROWS_MAX);
        Ok(page)
    }

    fn weight(copy: &EntryCopy) -> usize {
        let EntryCopy { entry, marks, .. } = copy;
        let text = entry.message.as_ref().and_then(|message| message.text.as_ref()).map_or(0, String::len);
        let body = entry.message.as_ref().and_then(|message| message.payload.as_ref());
        let payloads = [entry.payload.as_ref(), body].into_iter().flatten().map(Payload::len);
        let marks = marks.iter().map(|mark| mark.key.len() + Self::ROW_BYTES);
        Self::ROW_BYTES + text + payloads.chain(marks).sum::<usize>()
    }
}
