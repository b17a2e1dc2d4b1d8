//! Rows of one kind, walked by key on both sides at once.

use async_trait::async_trait;

use super::print::{Counts, Fingerprint, Print};
use super::unit::Unit;
use super::{CopyError, Job, Part};
use crate::store::packed::Packed;
use crate::store::{Store, StoreError};

/// Rows of one kind.
#[async_trait]
pub(super) trait Rows: Send + Sync {
    /// What they are walked by.
    type Key: Copy + Ord + Send + Sync;
    /// One of them, with everything that hangs on it.
    type Row: Packed + Clone + PartialEq + Send + Sync;

    /// How many are read at once.
    const PAGE: usize = 256;

    fn key(row: &Self::Row) -> Self::Key;

    /// Adds what a row is counted as.
    fn count(row: &Self::Row, counts: &mut Counts);

    /// Those after `after`, at most `limit`; fewer at the end only.
    async fn page(
        &self,
        of: &dyn Store,
        after: Option<Self::Key>,
        limit: usize,
    ) -> Result<Vec<Self::Row>, StoreError>;
}

/// The rows between two keys, as both sides have them.
pub(super) struct Piece<R: Rows> {
    /// After this key, or from the beginning.
    pub(super) after: Option<R::Key>,
    /// Up to this key, or to the end.
    pub(super) through: Option<R::Key>,
    /// The source's: what should be.
    pub(super) source: Vec<R::Row>,
    /// The target's, as far as they are needed to tell whether it is so.
    pub(super) target: Vec<R::Row>,
}

impl<R: Rows> Piece<R> {
    /// Reads the one after `after`.
    pub(super) async fn read(rows: &R, job: &Job<'_>, after: Option<R::Key>) -> Result<Self, CopyError> {
        let source = rows.page(job.from, after, R::PAGE).await.map_err(CopyError::Source)?;
        let is_last = source.len() < R::PAGE;
        let through = source.last().map(R::key).filter(|_| !is_last);
        // One more tells that there is one too many.
        let mut target = rows.page(job.to, after, R::PAGE + 1).await.map_err(CopyError::Target)?;
        target.retain(|row| through.is_none_or(|through| R::key(row) <= through));
        Ok(Self { after, through, source, target })
    }

    /// The target's row of this key.
    pub(super) fn there(&self, key: R::Key) -> Option<&R::Row> {
        find::<R>(&self.target, key)
    }

    /// Rows that are not, or are otherwise, on the target.
    pub(super) fn missing(&self) -> Vec<R::Row> {
        let differs = |row: &&R::Row| self.there(R::key(row)) != Some(row);
        self.source.iter().filter(differs).cloned().collect()
    }

    /// Keys of the target that the source does not have.
    pub(super) fn strangers(&self) -> Vec<R::Key> {
        let keys = self.target.iter().map(R::key);
        keys.filter(|&key| find::<R>(&self.source, key).is_none()).collect()
    }
}

fn find<R: Rows>(rows: &[R::Row], key: R::Key) -> Option<&R::Row> {
    rows.binary_search_by_key(&key, R::key).ok().map(|at| &rows[at])
}

/// Adds all rows of one side.
pub(super) async fn add_all<R: Rows>(rows: &R, of: &dyn Store, print: &mut Print) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = rows.page(of, after, R::PAGE).await?;
        for row in &page {
            print.add(row);
            R::count(row, &mut print.counts);
        }
        after = page.last().map(R::key);
        if page.len() < R::PAGE {
            return Ok(());
        }
    }
}

/// Rows that are put piece by piece.
#[async_trait]
pub(super) trait Put: Rows + Sized {
    /// What they are, or are of.
    fn part(&self) -> Part;

    /// Puts what differs in a piece, and answers whether anything did.
    async fn put(&self, to: &dyn Store, piece: &Piece<Self>) -> Result<bool, CopyError>;

    /// What is to be put of rows that never go away: what only the target has is not ours.
    fn missing(&self, piece: &Piece<Self>) -> Result<Vec<Self::Row>, CopyError> {
        if piece.strangers().is_empty() {
            Ok(piece.missing())
        } else {
            Err(CopyError::Ahead([self.part()].into_iter().collect()))
        }
    }
}

/// Rows that are put piece by piece are copied by themselves.
#[async_trait]
impl<R: Put> Unit for R {
    fn part(&self) -> Part {
        Put::part(self)
    }

    async fn copy(&self, job: &Job<'_>) -> Result<bool, CopyError> {
        let (mut after, mut moved) = (None, false);
        loop {
            let piece = Piece::read(self, job, after).await?;
            moved |= self.put(job.to, &piece).await?;
            job.done(piece.source.len() as u64);
            after = piece.through;
            if after.is_none() {
                return Ok(moved);
            }
        }
    }

    /// Every row is compared in any case.
    async fn copy_anew(&self, job: &Job<'_>) -> Result<(), CopyError> {
        self.copy(job).await.map(drop)
    }

    async fn fingerprint(&self, of: &dyn Store) -> Result<Fingerprint, StoreError> {
        let mut print = Print::default();
        add_all(self, of, &mut print).await?;
        Ok(print.finish())
    }
}
