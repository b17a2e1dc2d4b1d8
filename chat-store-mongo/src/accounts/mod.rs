//! Accounts of our own, what they claim, and the words they are found by.
//!
//! An account's document holds the account, its words and the list of its claims: what it says is so, in one write.
//! A claim's document only keeps others out: it is there before the account says so and goes after it no longer does.

mod claims;
mod document;

use std::collections::HashMap;

use async_trait::async_trait;
use chat_core::id::UserId;
use chat_core::page::Limit;
use chat_core::store::code::{Code, beyond, int};
use chat_core::store::{Account, AccountState, Accounts, Claim, Claims, StoreError};
use mongodb::bson::{Document, doc};

use self::claims::Claiming;
pub(crate) use self::document::{AccountRow, claim_document};
use crate::database::{Query, Table};
use crate::document::id;
use crate::error::Done;
use crate::store::MongoStore;

/// How often an account is written again when its claims or guard moved meanwhile.
const ROUNDS_MAX: u32 = 64;

#[async_trait]
impl Accounts for MongoStore {
    async fn create(&self, account: &Account, claims: &Claims) -> Result<(), StoreError> {
        let (account, claims) = (account.clone(), claims.clone());
        self.write(|store| async move { store.create_account(&account, &claims).await }).await
    }

    async fn load(&self, users: &[UserId]) -> Result<Vec<Option<Account>>, StoreError> {
        let found = self.account_rows(users).await?;
        Ok(users.iter().map(|user| found.get(user)?.account.clone()).collect())
    }

    async fn claimed(&self, claims: &[Claim]) -> Result<Vec<Option<UserId>>, StoreError> {
        Ok(self.owners(claims).await?)
    }

    async fn update(&self, account: &Account, claims: &Claims) -> Result<(), StoreError> {
        let (account, claims) = (account.clone(), claims.clone());
        self.write(|store| async move { store.update_account(&account, &claims).await }).await
    }

    async fn search(
        &self,
        words: &[String],
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Vec<Account>, StoreError> {
        let begins = words.iter().map(|word| doc! { "words": beginning(word) });
        let begins: Vec<Document> = begins.collect();
        let filter = if begins.is_empty() {
            Document::new()
        } else {
            doc! { "$and": begins }
        };
        Ok(self.accounts_in(AccountState::Active, filter, after, limit.get() + 1).await?)
    }

    async fn in_state(
        &self,
        state: AccountState,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        Ok(self.accounts_in(state, Document::new(), after, limit).await?)
    }
}

/// What begins with a word: as an expression, because not every server compares text byte by byte; an index is walked
/// for it like for a range. Expressions hold no NUL.
fn beginning(word: &str) -> Document {
    if word.contains('\0') {
        return doc! { "$elemMatch": { "$gte": word, "$lt": beyond(word) } };
    }
    let mut pattern = String::from("^");
    for character in word.chars() {
        if character.is_ascii_punctuation() {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    doc! { "$regex": pattern }
}

impl MongoStore {
    async fn create_account(&self, account: &Account, claims: &Claims) -> Done<()> {
        let mut claiming = Claiming::new(self, account.user);
        for _ in 0..ROUNDS_MAX {
            let row = self.account_rows(&[account.user]).await?.remove(&account.user).unwrap_or_default();
            if row.account.is_some() {
                claiming.give_back(&claims.take).await?;
                return Err(StoreError::AlreadyExists("account").into());
            }
            if self.write_account(account, claims, &row, &mut claiming).await? {
                return Ok(());
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn update_account(&self, account: &Account, claims: &Claims) -> Done<()> {
        let mut claiming = Claiming::new(self, account.user);
        for _ in 0..ROUNDS_MAX {
            let row = self.account_rows(&[account.user]).await?.remove(&account.user).unwrap_or_default();
            if row.account.is_none() || row.version() + 1 != account.version {
                claiming.give_back(&claims.take).await?;
                return Err(StoreError::Conflict.into());
            }
            if self.write_account(account, claims, &row, &mut claiming).await? {
                return Ok(());
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Takes the claims, compares and swaps the account, gives claims back; answers whether the account was still as
    /// it was read.
    async fn write_account(
        &self,
        account: &Account,
        claims: &Claims,
        was: &AccountRow,
        claiming: &mut Claiming<'_>,
    ) -> Done<bool> {
        if let Err(failure) = claiming.take(&claims.take, &was.claims).await {
            claiming.give_back(&claims.take).await?;
            return Err(failure);
        }
        let kept = was.claims.iter().filter(|claim| !claims.release.contains(claim));
        let mut held: Vec<Claim> = kept.chain(&claims.take).cloned().collect();
        held.sort_unstable();
        held.dedup();
        let released: Vec<Claim> = was.claims.iter().filter(|claim| !held.contains(claim)).cloned().collect();
        let tokens = self.held(&released).await?;
        let mut words = claims.words.clone();
        words.sort_unstable();
        words.dedup();
        let next = AccountRow { account: Some(account.clone()), words, claims: held, guard: was.guard };
        let is_written = self.swap_account(account.user, was, &next).await?;
        if is_written {
            for (claim, held) in tokens.iter().filter(|(_, held)| held.owner == account.user) {
                self.drop_claim(claim, held.token).await?;
            }
        }
        Ok(is_written)
    }

    async fn swap_account(&self, user: UserId, was: &AccountRow, next: &AccountRow) -> Done<bool> {
        let keys = self.keys();
        let key = keys.user(user);
        let update = next.update(keys, user);
        if was.is_nothing() {
            let filter = doc! { "_id": key, "version": { "$lt": 0_i64 } };
            return self.database().make(Table::Accounts, filter, update).await;
        }
        let filter = doc! { "_id": key, "version": int(was.version()), "guard": was.guard };
        self.database().swap(Table::Accounts, filter, update).await
    }

    /// These accounts, those included of which there is nothing but a guard.
    pub(crate) async fn account_rows(&self, users: &[UserId]) -> Done<HashMap<UserId, AccountRow>> {
        let keys = users.iter().map(|&user| self.keys().user(user)).collect();
        let found = self.by_key(Table::Accounts, keys, Query::keys).await?;
        let row = |&user: &UserId| {
            let row = found.get(&self.keys().user(user).bytes)?;
            Some(AccountRow::read(row).map(|row| (user, row)))
        };
        Ok(users.iter().filter_map(row).collect::<Result<_, _>>()?)
    }

    async fn accounts_in(
        &self,
        state: AccountState,
        mut filter: Document,
        after: Option<UserId>,
        limit: usize,
    ) -> Done<Vec<Account>> {
        filter.insert("tenant", self.keys().tenant());
        filter.insert("state", state.code());
        // Nil is before everybody.
        let after = after.unwrap_or(UserId::SYSTEM);
        filter.insert("user", doc! { "$gt": id(after.as_bytes()) });
        let query = Query::new(filter).sort(doc! { "user": 1 }).limit(limit);
        let found = self.database().find(Table::Accounts, query).await?;
        let mut accounts = Vec::with_capacity(found.len());
        for document in &found {
            accounts.extend(AccountRow::read(document)?.account);
        }
        Ok(accounts)
    }
}
