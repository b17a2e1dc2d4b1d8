//! The ids of new accounts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Accounts;
use crate::error::ChatError;
use crate::id::UserId;
use crate::store::AccountState;

/// What the ids of new accounts are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountIds {
    /// UUIDs, which tell nobody how many accounts there are.
    #[default]
    Random,
    /// 1, 2, 3 and so on, for clients and reports that know integers. The ids of deleted accounts are not given again.
    Integers,
}

/// How often an integer is tried that another process takes meanwhile.
const ROUNDS: usize = 64;

/// After how many of those it is looked how far the others are; most are one ahead.
const LOOK_EVERY: usize = 8;

/// When somebody may try again who met only faster ones.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Every state that an account can be in.
const STATES: [AccountState; 4] =
    [AccountState::Active, AccountState::Disabled, AccountState::Deleting, AccountState::Deleted];

/// The next integer, as far as is known here; 0 as long as nothing is.
///
/// There is no counter that could be lost or fall behind: which was given last is asked of the accounts themselves, once
/// per process and where others are faster.
#[derive(Debug, Default)]
pub(super) struct Integers(AtomicU64);

impl Accounts {
    /// Stores a new account under an id of its own with `create`, which says whether the id was free.
    pub(super) async fn with_new_id<T, F>(&self, mut create: impl FnMut(UserId) -> F) -> Result<T, ChatError>
    where
        F: Future<Output = Result<Option<T>, ChatError>>,
    {
        for round in 0..ROUNDS {
            let user = match self.0.options.ids {
                AccountIds::Random => self.random_id(),
                AccountIds::Integers => self.next_integer(round).await?,
            };
            if let Some(created) = create(user).await? {
                return Ok(created);
            }
        }
        Err(ChatError::Overloaded { retry_after: RETRY_AFTER })
    }

    fn random_id(&self) -> UserId {
        UserId::from_uuid(self.0.ids.uuid(self.now())).expect("a UUIDv7 is neither nil nor reserved")
    }

    /// An integer that is greater than every other, as far as is known here.
    async fn next_integer(&self, round: usize) -> Result<UserId, ChatError> {
        let next = &self.0.integers.0;
        let known = next.load(Ordering::Relaxed);
        if known == 0 || (round > 0 && round.is_multiple_of(LOOK_EVERY)) {
            let last = self.last_integer(known).await?;
            next.fetch_max(last + 1, Ordering::Relaxed);
        }
        Ok(next.fetch_add(1, Ordering::Relaxed).into())
    }

    /// The greatest integer that an account has or had, but not below `known`: by doubling, then by halving.
    async fn last_integer(&self, known: u64) -> Result<u64, ChatError> {
        if !self.is_any_after(known).await? {
            return Ok(known);
        }
        let (mut low, mut step) = (known, 1);
        while self.is_any_after(low + step).await? {
            low += step;
            step *= 2;
        }
        // There is one after `low`, and none after `high`.
        let mut high = low + step;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.is_any_after(middle).await? {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(high)
    }

    async fn is_any_after(&self, integer: u64) -> Result<bool, ChatError> {
        for state in STATES {
            let found = self.records().in_state(state, Some(integer.into()), 1).await?;
            // Ids that are no integers lie before and behind them.
            let next = found.first().and_then(|account| account.user.as_integer());
            if next.is_some_and(|next| next > i128::from(integer)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
