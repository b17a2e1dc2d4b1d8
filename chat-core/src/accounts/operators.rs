//! What an operator may do with any account.

use super::names::{claim_of_username, claims_of_username};
use super::{Accounts, BATCH};
use crate::error::{ChatError, Refusal};
use crate::id::UserId;
use crate::store::{Account, AccountState, Claims, StoreError};

impl Accounts {
    /// The account of this username, compared as names are, whatever its state.
    ///
    /// # Errors
    /// The store's.
    pub async fn find(&self, username: &str) -> Result<Option<Account>, ChatError> {
        let Some(claim) = claim_of_username(username) else { return Ok(None) };
        match self.records().claimed(&[claim]).await?.first() {
            Some(Some(user)) => self.load(*user).await,
            _ => Ok(None),
        }
    }

    /// Shuts an account: its logins end, and nobody can log in. Done twice it is done once.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such account or it is deleted.
    pub async fn disable(&self, user: UserId) -> Result<Account, ChatError> {
        let account = self.set_state(user, AccountState::Disabled).await?;
        self.end_all(user).await?;
        Ok(account)
    }

    /// Opens an account again that was shut.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such account or it is deleted.
    pub async fn enable(&self, user: UserId) -> Result<Account, ChatError> {
        self.set_state(user, AccountState::Active).await
    }

    /// Claims for every account what its username looks like by the present tables of Unicode: for the operator to
    /// call after an upgrade of them. Older names that look alike only now keep what they have; answers how many
    /// accounts that concerns.
    ///
    /// # Errors
    /// The store's. Called again it starts anew.
    pub async fn renew_claims(&self) -> Result<usize, ChatError> {
        let mut alike = 0;
        for state in
            [AccountState::Active, AccountState::Disabled, AccountState::Deleting, AccountState::Deleted]
        {
            let mut after = None;
            loop {
                let accounts = self.records().in_state(state, after, BATCH).await?;
                let Some(last) = accounts.last() else { break };
                after = Some(last.user);
                for account in &accounts {
                    alike += usize::from(!self.renew_claims_of(account.user).await?);
                }
            }
        }
        Ok(alike)
    }

    /// Whether they could be claimed.
    async fn renew_claims_of(&self, user: UserId) -> Result<bool, ChatError> {
        let renewed = self.change(user, |account| {
            Ok(Claims { take: claims_of_username(&account.username), ..Claims::default() })
        });
        match renewed.await {
            Ok(_) => Ok(true),
            Err(ChatError::Store(StoreError::AlreadyExists(_))) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn set_state(&self, user: UserId, state: AccountState) -> Result<Account, ChatError> {
        self.change(user, |account| match account.state {
            AccountState::Active | AccountState::Disabled => {
                if account.state != state {
                    account.state = state;
                    account.credential_version += 1;
                }
                Ok(Claims::default())
            }
            AccountState::Deleting | AccountState::Deleted => Err(Refusal::NotFound),
        })
        .await
    }
}
