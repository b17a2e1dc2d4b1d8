//! Accounts, who has claimed what, and the words they are found by.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use async_trait::async_trait;

use super::MemoryStore;
use crate::id::UserId;
use crate::page::Limit;
use crate::store::{Account, AccountCopy, AccountState, Accounts, Claim, Claims, StoreError};

/// All accounts of a tenant.
#[derive(Default)]
pub(super) struct AccountTable {
    accounts: BTreeMap<UserId, Found>,
    claims: BTreeMap<Claim, UserId>,
}

/// An account with the words it is found by.
struct Found {
    account: Account,
    words: Vec<String>,
}

impl AccountTable {
    fn create(&mut self, account: &Account, claims: &Claims) -> Result<(), StoreError> {
        if self.accounts.contains_key(&account.user) {
            return Err(StoreError::AlreadyExists("account"));
        }
        self.put(account, claims)
    }

    fn update(&mut self, account: &Account, claims: &Claims) -> Result<(), StoreError> {
        let stored = self.accounts.get(&account.user).map(|found| found.account.version);
        if stored.is_none_or(|version| version + 1 != account.version) {
            return Err(StoreError::Conflict);
        }
        self.put(account, claims)
    }

    fn put(&mut self, account: &Account, claims: &Claims) -> Result<(), StoreError> {
        let user = account.user;
        let taken = |claim: &&Claim| self.claims.get(*claim).is_some_and(|&owner| owner != user);
        if let Some(claim) = claims.take.iter().find(taken) {
            return Err(StoreError::AlreadyExists(claim.kind.name()));
        }
        for claim in &claims.release {
            if self.claims.get(claim) == Some(&user) {
                self.claims.remove(claim);
            }
        }
        self.claims.extend(claims.take.iter().map(|claim| (claim.clone(), user)));
        self.accounts.insert(user, Found { account: account.clone(), words: claims.words.clone() });
        Ok(())
    }

    /// The accounts after `after`, by id, with what they claim and are found by.
    pub(super) fn copies(&self, after: Option<UserId>) -> impl Iterator<Item = AccountCopy> {
        self.after(after).map(|found| {
            let user = found.account.user;
            let own = self.claims.iter().filter(|&(_, &owner)| owner == user);
            let claims = own.map(|(claim, _)| claim.clone()).collect();
            let mut words = found.words.clone();
            words.sort_unstable();
            words.dedup();
            AccountCopy { account: found.account.clone(), claims, words }
        })
    }

    /// Puts accounts, with exactly what they claim and are found by.
    pub(super) fn put_copies(&mut self, copies: &[AccountCopy]) -> Result<(), StoreError> {
        let moving: BTreeSet<UserId> = copies.iter().map(|copy| copy.account.user).collect();
        let taken = |claim: &&Claim| self.claims.get(*claim).is_some_and(|owner| !moving.contains(owner));
        if let Some(claim) = copies.iter().flat_map(|copy| &copy.claims).find(taken) {
            return Err(StoreError::AlreadyExists(claim.kind.name()));
        }
        self.claims.retain(|_, owner| !moving.contains(owner));
        for AccountCopy { account, claims, words } in copies {
            self.claims.extend(claims.iter().map(|claim| (claim.clone(), account.user)));
            self.accounts.insert(account.user, Found { account: account.clone(), words: words.clone() });
        }
        Ok(())
    }

    /// The accounts after `after`, by id.
    fn after(&self, after: Option<UserId>) -> impl Iterator<Item = &Found> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.accounts.range((from, Bound::Unbounded)).map(|(_, found)| found)
    }
}

impl Found {
    fn matches(&self, words: &[String]) -> bool {
        words.iter().all(|word| self.words.iter().any(|own| own.starts_with(word.as_str())))
    }
}

#[async_trait]
impl Accounts for MemoryStore {
    async fn create(&self, account: &Account, claims: &Claims) -> Result<(), StoreError> {
        self.tables().accounts.create(account, claims)
    }

    async fn load(&self, users: &[UserId]) -> Result<Vec<Option<Account>>, StoreError> {
        let tables = self.tables();
        let load = |user| tables.accounts.accounts.get(user).map(|found| found.account.clone());
        Ok(users.iter().map(load).collect())
    }

    async fn claimed(&self, claims: &[Claim]) -> Result<Vec<Option<UserId>>, StoreError> {
        let tables = self.tables();
        Ok(claims.iter().map(|claim| tables.accounts.claims.get(claim).copied()).collect())
    }

    async fn update(&self, account: &Account, claims: &Claims) -> Result<(), StoreError> {
        self.tables().accounts.update(account, claims)
    }

    async fn search(
        &self,
        words: &[String],
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Vec<Account>, StoreError> {
        let tables = self.tables();
        let found = tables
            .accounts
            .after(after)
            .filter(|found| found.account.state == AccountState::Active && found.matches(words));
        Ok(found.take(limit.get() + 1).map(|found| found.account.clone()).collect())
    }

    async fn in_state(
        &self,
        state: AccountState,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        let tables = self.tables();
        let there = tables.accounts.after(after).filter(|found| found.account.state == state);
        Ok(there.take(limit).map(|found| found.account.clone()).collect())
    }
}
