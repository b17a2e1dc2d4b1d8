//! What an operator may do with any account.

use super::names::{claim_of_login, claim_of_username, claims_of_username};
use super::{Accounts, BATCH};
use crate::error::{ChatError, Refusal};
use crate::id::UserId;
use crate::page::{Limit, Page};
use crate::store::{Account, AccountState, Claims, StoreError};
use crate::user::Profile;

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

    /// The account in use that logs in with this name: a username, or an address that is the account's own. For doors
    /// that may tell whether there is one.
    ///
    /// # Errors
    /// The store's.
    pub async fn find_by_login(&self, name: &str) -> Result<Option<Account>, ChatError> {
        let Some(claim) = claim_of_login(name) else { return Ok(None) };
        let owner = self.records().claimed(&[claim]).await?.into_iter().next().flatten();
        let Some(owner) = owner else { return Ok(None) };
        Ok(self.load(owner).await?.filter(|account| account.state == AccountState::Active))
    }

    /// Everybody with an account in use, by id.
    ///
    /// # Errors
    /// The store's.
    pub async fn everybody(
        &self,
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Page<Profile, UserId>, ChatError> {
        let found = self.records().in_state(AccountState::Active, after, limit.get() + 1).await?;
        let profiles = found.iter().map(super::directory::profile).collect();
        Ok(Page::cut(profiles, limit, |profile: &Profile| profile.id))
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
