//! Comparing a copy with what it is of: everything is read from both sides and hashed.
//!
//! What differs is copied anew once. If it still does, the source is in use, or, where it stood still meanwhile, the
//! target does not keep what is put.

use futures_util::future::try_join;
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, stream};

use super::attachments::Attachments;
use super::people::{Accounts, Friendships, Logins};
use super::print::{Counts, Fingerprint};
use super::rows::Piece;
use super::talk::{self, AT_ONCE, Records, Room, refuse_strangers};
use super::unit::Unit;
use super::{CopyError, Job, Part, Parts, Stage};
use crate::conversation::Conversation;

/// What comparing a part has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Both sides have the same: so much.
    Same(Counts),
    /// The source is not still.
    Moving(Part),
    /// The sides differ.
    Differs(Part),
}

/// What all parts have come to.
#[derive(Debug, Default)]
struct Verdicts {
    counts: Counts,
    moving: Parts,
    differing: Parts,
}

impl Verdicts {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Same(counts) => self.counts += counts,
            Verdict::Moving(part) => self.moving.add(part),
            Verdict::Differs(part) => self.differing.add(part),
        }
    }

    fn finish(self) -> Result<Counts, CopyError> {
        if !self.differing.is_empty() {
            Err(CopyError::Differs(self.differing))
        } else if !self.moving.is_empty() {
            Err(CopyError::Moving(self.moving))
        } else {
            Ok(self.counts)
        }
    }
}

/// Compares everything, and answers how much there is.
pub(super) async fn verify(job: &Job<'_>) -> Result<Counts, CopyError> {
    let total = talk::size(job).await?;
    job.begin(Stage::Comparison, Some(total));
    let mut verdicts = Verdicts::default();
    let whole: [&dyn Unit; 4] = [&Friendships, &Accounts, &Logins, &Attachments];
    for unit in whole {
        verdicts.add(judge(unit, job).await?);
    }
    let mut after = None;
    loop {
        let piece = Piece::read(&Records, job, after).await?;
        refuse_strangers(&piece)?;
        let rooms: Vec<_> = piece.source.iter().map(|record| judge_room(record, job).boxed()).collect();
        let found: Vec<Verdict> = stream::iter(rooms).buffer_unordered(AT_ONCE).try_collect().await?;
        for verdict in found {
            verdicts.add(verdict);
        }
        after = piece.through;
        if after.is_none() {
            return verdicts.finish();
        }
    }
}

async fn judge_room(record: &Conversation, job: &Job<'_>) -> Result<Verdict, CopyError> {
    let verdict = judge(&Room(record.id), job).await?;
    job.done(record.head.get() + record.member_count);
    Ok(verdict)
}

/// Compares one part; copies it anew if it differs, and compares it again.
async fn judge(unit: &dyn Unit, job: &Job<'_>) -> Result<Verdict, CopyError> {
    let (before, there) = both(unit, job).await?;
    if before == there {
        return Ok(Verdict::Same(before.counts));
    }
    unit.copy_anew(job).await?;
    let (after, there) = both(unit, job).await?;
    if after == there {
        return Ok(Verdict::Same(after.counts));
    }
    // Only what stood still while it was copied can have been copied wrongly.
    Ok(if after == before { Verdict::Differs(unit.part()) } else { Verdict::Moving(unit.part()) })
}

/// What the source has of it, and what the target.
async fn both(unit: &dyn Unit, job: &Job<'_>) -> Result<(Fingerprint, Fingerprint), CopyError> {
    let (source, target) = (unit.fingerprint(job.from), unit.fingerprint(job.to));
    try_join(source.map_err(CopyError::Source), target.map_err(CopyError::Target)).await
}
