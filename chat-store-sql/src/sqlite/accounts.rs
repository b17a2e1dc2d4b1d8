//! Accounts of our own, what they claim, and the words they are found by.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chat_core::id::UserId;
use chat_core::page::Limit;
use chat_core::store::code::beyond;
use chat_core::store::{Account, AccountState, Accounts, Claim, Claims, PasswordHash, StoreError};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SqliteStore;
use super::columns::Columns;
use super::error::Done;
use crate::codec::{Code, int};
use crate::statements::accounts as sql;

#[async_trait]
impl Accounts for SqliteStore {
    async fn create(&self, account: &Account, claims: &Claims) -> Result<(), StoreError> {
        let (tenant, account, claims) = (self.tenant_column(), account.clone(), claims.clone());
        self.write(move |connection, _| {
            if one(connection, tenant, account.user)?.is_some() {
                return Err(StoreError::AlreadyExists("account").into());
            }
            claim(connection, tenant, account.user, &claims)?;
            write(connection, sql::INSERT, tenant, &account)
        })
        .await
    }

    async fn load(&self, users: &[UserId]) -> Result<Vec<Option<Account>>, StoreError> {
        let (tenant, users) = (self.tenant_column(), users.to_vec());
        self.read(move |connection| users.iter().map(|&user| one(connection, tenant, user)).collect()).await
    }

    async fn claimed(&self, claims: &[Claim]) -> Result<Vec<Option<UserId>>, StoreError> {
        let (tenant, claims) = (self.tenant_column(), claims.to_vec());
        self.read(move |connection| claims.iter().map(|claim| owner(connection, tenant, claim)).collect())
            .await
    }

    async fn update(&self, account: &Account, claims: &Claims) -> Result<(), StoreError> {
        let (tenant, account, claims) = (self.tenant_column(), account.clone(), claims.clone());
        self.write(move |connection, _| {
            let now = one(connection, tenant, account.user)?.ok_or(StoreError::Conflict)?;
            if now.version + 1 != account.version {
                return Err(StoreError::Conflict.into());
            }
            claim(connection, tenant, account.user, &claims)?;
            write(connection, sql::UPDATE, tenant, &account)
        })
        .await
    }

    async fn search(
        &self,
        words: &[String],
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Vec<Account>, StoreError> {
        let (tenant, words) = (self.tenant_column(), words.to_vec());
        self.read(move |connection| search(connection, tenant, &words, after, limit.get() + 1)).await
    }

    async fn in_state(
        &self,
        state: AccountState,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        let tenant = self.tenant_column();
        self.read(move |connection| in_state(connection, tenant, state, after, limit)).await
    }
}

fn one(connection: &Connection, tenant: i64, user: UserId) -> Done<Option<Account>> {
    let mut statement = connection.prepare_cached(sql::ONE)?;
    Ok(statement.query_row(params![tenant, user.as_bytes()], read).optional()?)
}

pub(super) fn owner(connection: &Connection, tenant: i64, claim: &Claim) -> Done<Option<UserId>> {
    let mut statement = connection.prepare_cached(sql::CLAIMED)?;
    let owner = statement.query_row(params![tenant, claim.kind.code(), claim.value], |row| {
        Columns::of(row).id(UserId::from_bytes)
    });
    Ok(owner.optional()?)
}

/// Takes and gives back, and replaces the words. A value is never free in between: what is taken is looked at first.
fn claim(connection: &Connection, tenant: i64, user: UserId, claims: &Claims) -> Done<()> {
    let mut taken = Vec::new();
    for claim in &claims.take {
        match owner(connection, tenant, claim)? {
            Some(owner) if owner != user => return Err(StoreError::AlreadyExists(claim.kind.name()).into()),
            Some(_) => {}
            None => taken.push(claim),
        }
    }
    for claim in taken {
        let row = params![tenant, claim.kind.code(), claim.value, user.as_bytes()];
        connection.prepare_cached(sql::CLAIM)?.execute(row)?;
    }
    for claim in &claims.release {
        let row = params![tenant, claim.kind.code(), claim.value, user.as_bytes()];
        connection.prepare_cached(sql::RELEASE)?.execute(row)?;
    }
    replace_words(connection, tenant, user, &claims.words)
}

pub(super) fn replace_words(
    connection: &Connection,
    tenant: i64,
    user: UserId,
    words: &[String],
) -> Done<()> {
    connection.prepare_cached(sql::FORGET_WORDS)?.execute(params![tenant, user.as_bytes()])?;
    for word in words {
        connection.prepare_cached(sql::ADD_WORD)?.execute(params![tenant, word, user.as_bytes()])?;
    }
    Ok(())
}

pub(super) fn write(connection: &Connection, text: &str, tenant: i64, account: &Account) -> Done<()> {
    connection.prepare_cached(text)?.execute(params![
        account.username,
        account.full_name,
        account.email,
        account.email_verified_at.map(chat_core::Timestamp::millis),
        account.picture,
        account.bio,
        account.password.0,
        int(account.credential_version),
        account.state.code(),
        int(account.version),
        account.created_at.millis(),
        account.particulars.to_column(),
        tenant,
        account.user.as_bytes(),
    ])?;
    Ok(())
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Account> {
    let mut columns = Columns::of(row);
    let (user, username) = (columns.id(UserId::from_bytes)?, columns.value()?);
    let mut account =
        Account::new(user, username, PasswordHash(String::new()), chat_core::Timestamp::default());
    account.full_name = columns.value()?;
    account.email = columns.value()?;
    account.email_verified_at = columns.optional_time()?;
    account.picture = columns.value()?;
    account.bio = columns.value()?;
    account.password = PasswordHash(columns.value()?);
    account.credential_version = columns.count()?;
    account.state = columns.code()?;
    account.version = columns.count()?;
    account.created_at = columns.time()?;
    account.particulars = columns.particulars()?;
    Ok(account)
}

fn in_state(
    connection: &Connection,
    tenant: i64,
    state: AccountState,
    after: Option<UserId>,
    limit: usize,
) -> Done<Vec<Account>> {
    // Nil is before everybody.
    let after = after.unwrap_or(UserId::SYSTEM);
    let mut statement = connection.prepare_cached(sql::IN_STATE)?;
    let rows =
        statement.query_map(params![tenant, state.code(), after.as_bytes(), int(limit as u64)], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Walks the accounts that have the longest word, and keeps those that have the others.
fn search(
    connection: &Connection,
    tenant: i64,
    words: &[String],
    after: Option<UserId>,
    limit: usize,
) -> Done<Vec<Account>> {
    let Some(longest) = words.iter().max_by_key(|word| word.len()) else {
        return in_state(connection, tenant, AccountState::Active, after, limit);
    };
    let after = after.unwrap_or(UserId::SYSTEM);
    let mut found = Vec::new();
    for user in with_word(connection, tenant, longest)?.split_off(&after) {
        if user != after
            && has_all(connection, tenant, user, words)?
            && let Some(account) = one(connection, tenant, user)?
            && account.state == AccountState::Active
        {
            found.push(account);
            if found.len() == limit {
                break;
            }
        }
    }
    Ok(found)
}

/// Who has a word that begins so, by id.
fn with_word(connection: &Connection, tenant: i64, word: &str) -> Done<BTreeSet<UserId>> {
    let mut statement = connection.prepare_cached(sql::WITH_WORD)?;
    let rows = statement
        .query_map(params![tenant, word, beyond(word)], |row| Columns::of(row).id(UserId::from_bytes))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn has_all(connection: &Connection, tenant: i64, user: UserId, words: &[String]) -> Done<bool> {
    let mut statement = connection.prepare_cached(sql::HAS_WORD)?;
    for word in words {
        if !statement.exists(params![tenant, user.as_bytes(), word, beyond(word)])? {
            return Ok(false);
        }
    }
    Ok(true)
}
