//! Friendships, accounts and logins: walked whole in every pass, since nothing tells what changed.

use async_trait::async_trait;

use super::print::Counts;
use super::rows::{Piece, Put, Rows};
use super::{CopyError, Part};
use crate::id::{Pair, SessionId, UserId};
use crate::store::{AccountCopy, PairCopy, SessionRow, Store, StoreError};

/// All pairs.
pub(super) struct Friendships;

#[async_trait]
impl Rows for Friendships {
    type Key = Pair;
    type Row = PairCopy;

    fn key(row: &PairCopy) -> Pair {
        row.record.pair
    }

    fn count(_row: &PairCopy, counts: &mut Counts) {
        counts.pairs += 1;
    }

    async fn page(
        &self,
        of: &dyn Store,
        after: Option<Pair>,
        limit: usize,
    ) -> Result<Vec<PairCopy>, StoreError> {
        of.people().transfer_people().pairs(after, limit).await
    }
}

/// All accounts.
pub(super) struct Accounts;

#[async_trait]
impl Rows for Accounts {
    type Key = UserId;
    type Row = AccountCopy;

    fn key(row: &AccountCopy) -> UserId {
        row.account.user
    }

    fn count(_row: &AccountCopy, counts: &mut Counts) {
        counts.accounts += 1;
    }

    async fn page(
        &self,
        of: &dyn Store,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<AccountCopy>, StoreError> {
        of.people().transfer_people().accounts_after(after, limit).await
    }
}

/// All logins.
pub(super) struct Logins;

#[async_trait]
impl Rows for Logins {
    type Key = SessionId;
    type Row = SessionRow;

    fn key(row: &SessionRow) -> SessionId {
        row.id
    }

    fn count(_row: &SessionRow, counts: &mut Counts) {
        counts.logins += 1;
    }

    async fn page(
        &self,
        of: &dyn Store,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionRow>, StoreError> {
        of.access().transfer_access().sessions_after(after, limit).await
    }
}

#[async_trait]
impl Put for Friendships {
    fn part(&self) -> Part {
        Part::Friendships
    }

    async fn put(&self, to: &dyn Store, piece: &Piece<Self>) -> Result<bool, CopyError> {
        let missing = self.missing(piece)?;
        if !missing.is_empty() {
            to.people().transfer_people().put_pairs(&missing).await.map_err(CopyError::Target)?;
        }
        Ok(!missing.is_empty())
    }
}

#[async_trait]
impl Put for Accounts {
    fn part(&self) -> Part {
        Part::Accounts
    }

    async fn put(&self, to: &dyn Store, piece: &Piece<Self>) -> Result<bool, CopyError> {
        let missing = self.missing(piece)?;
        if missing.is_empty() {
            return Ok(false);
        }
        let people = to.people().transfer_people();
        match people.put_accounts(&missing).await {
            Err(StoreError::AlreadyExists(_)) => {
                // Somebody whose turn has not come has given it away since: without their claims these stand in
                // nobody's way, and the next pass puts them whole.
                let unclaimed = |copy| AccountCopy { claims: Vec::new(), ..copy };
                let unclaimed: Vec<_> = missing.into_iter().map(unclaimed).collect();
                people.put_accounts(&unclaimed).await
            }
            put => put,
        }
        .map_err(CopyError::Target)?;
        Ok(true)
    }
}

#[async_trait]
impl Put for Logins {
    fn part(&self) -> Part {
        Part::Logins
    }

    /// Logins end: what the source has no more goes here too.
    async fn put(&self, to: &dyn Store, piece: &Piece<Self>) -> Result<bool, CopyError> {
        let Piece { after, through, source, target } = piece;
        if source == target {
            return Ok(false);
        }
        let access = to.access().transfer_access();
        access.put_sessions(*after, *through, source).await.map_err(CopyError::Target)?;
        Ok(true)
    }
}
