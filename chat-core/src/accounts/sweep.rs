//! What is finished later: deletions, logins that are over, and when logins were last used.

use super::profile::claim_of;
use super::{Accounts, BATCH};
use crate::error::{ChatError, Refusal};
use crate::id::{SessionId, UserId};
use crate::store::{Account, AccountState, Claims, Particulars, PasswordHash};

/// What a sweep has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// Logins that were over and have ended.
    pub sessions_ended: usize,
    /// Accounts that are deleted now.
    pub accounts_deleted: usize,
    /// Accounts whose deletion failed; they are tried again.
    pub accounts_failed: usize,
}

impl Accounts {
    /// Finishes deletions, ends logins that are over, and notes when logins were last used. For the host to call
    /// about once a minute; on several nodes at once it does no harm.
    ///
    /// # Errors
    /// The store's. The next sweep goes on where this one stopped.
    pub async fn sweep(&self) -> Result<Swept, ChatError> {
        let mut swept = Swept::default();
        self.note_uses().await?;
        swept.sessions_ended = self.end_expired().await?;
        let mut after = None;
        loop {
            let accounts = self.records().in_state(AccountState::Deleting, after, BATCH).await?;
            let Some(last) = accounts.last() else { return Ok(swept) };
            after = Some(last.user);
            for account in &accounts {
                match self.finish_deletion(account.user).await {
                    Ok(()) => swept.accounts_deleted += 1,
                    Err(error) => {
                        tracing::warn!(user = %account.user, code = error.code(), "a deletion is not finished");
                        swept.accounts_failed += 1;
                    }
                }
            }
        }
    }

    async fn note_uses(&self) -> Result<(), ChatError> {
        for uses in self.0.liveness.take_used().chunks(BATCH) {
            self.logins().touch(uses).await?;
        }
        Ok(())
    }

    async fn end_expired(&self) -> Result<usize, ChatError> {
        let now = self.now();
        let mut ended = 0;
        loop {
            let expired: Vec<SessionId> = self.logins().expired(now, BATCH).await?;
            self.end(&expired).await?;
            ended += expired.len();
            if expired.len() < BATCH {
                return Ok(ended);
            }
        }
    }

    /// Logins first, then what the host has of the user, then the account: whatever was done is done again when this
    /// is cut short.
    async fn finish_deletion(&self, user: UserId) -> Result<(), ChatError> {
        self.end_all(user).await?;
        if let Some(hooks) = self.hooks() {
            hooks.leave(user).await?;
        }
        self.change(user, entomb).await.map(|_| ())
    }
}

/// Leaves of an account what keeps its username taken, and nothing else.
fn entomb(account: &mut Account) -> Result<Claims, Refusal> {
    match account.state {
        AccountState::Active | AccountState::Disabled => Err(Refusal::Conflict),
        AccountState::Deleted => Ok(Claims::default()),
        AccountState::Deleting => {
            let release = Vec::from_iter(claim_of(account));
            account.state = AccountState::Deleted;
            account.full_name = None;
            account.email = None;
            account.email_verified_at = None;
            account.picture = None;
            account.bio = None;
            account.password = PasswordHash(String::new());
            account.particulars = Particulars::default();
            Ok(Claims { release, ..Claims::default() })
        }
    }
}
