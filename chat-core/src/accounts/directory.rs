//! The accounts as the engine's [`Directory`]: names and search. Who is disabled or deleted is not in it.

use async_trait::async_trait;

use super::Accounts;
use super::names::claim_of_username;
use crate::id::UserId;
use crate::page::Limit;
use crate::store::{Account, AccountState, Claim, StoreError};
use crate::user::{Directory, DirectoryError, Profile, Query};

#[async_trait]
impl Directory for Accounts {
    async fn profiles(&self, ids: &[UserId]) -> Result<Vec<Profile>, DirectoryError> {
        let accounts = self.records().load(ids).await.map_err(failed)?;
        Ok(accounts.iter().flatten().filter(|account| is_listed(account)).map(profile).collect())
    }

    async fn find(&self, usernames: &[&str]) -> Result<Vec<Profile>, DirectoryError> {
        let claims: Vec<Claim> = usernames.iter().filter_map(|name| claim_of_username(name)).collect();
        let users: Vec<UserId> =
            self.records().claimed(&claims).await.map_err(failed)?.into_iter().flatten().collect();
        self.profiles(&users).await
    }

    async fn search(
        &self,
        query: &Query,
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Vec<Profile>, DirectoryError> {
        let words = query.words();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let accounts = self.records().search(&words, after, limit).await.map_err(failed)?;
        Ok(accounts.iter().filter(|account| is_listed(account)).map(profile).collect())
    }
}

fn is_listed(account: &Account) -> bool {
    account.state == AccountState::Active
}

/// What others may see of an account.
pub(super) fn profile(account: &Account) -> Profile {
    let mut profile = Profile::new(account.user).username(&account.username);
    profile.full_name.clone_from(&account.full_name);
    profile.picture.clone_from(&account.picture);
    profile
}

fn failed(error: StoreError) -> DirectoryError {
    DirectoryError(Box::new(error))
}
