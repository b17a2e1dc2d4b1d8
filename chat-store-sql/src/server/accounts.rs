//! Accounts of our own, what they claim, and the words they are found by.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::id::UserId;
use chat_core::page::Limit;
use chat_core::store::code::beyond;
use chat_core::store::{Account, AccountState, Accounts, Claim, Claims, PasswordHash, StoreError};
use chat_core::time::Timestamp;

use super::Server;
use super::columns::{Columns, Row};
use super::error::Done;
use super::found::Found;
use super::line::Line;
use super::value::{Rows, Value, ids, values};
use crate::codec::{Code, int};
use crate::statements::{accounts as sql, batched::accounts as batched};

/// How many of those who have the longest word of a search are looked at together.
const SEARCHED: i64 = 500;

#[async_trait]
impl Accounts for Server {
    async fn create(&self, account: &Account, claims: &Claims) -> Result<(), StoreError> {
        let new = Arc::new((account.clone(), claims.clone()));
        self.write(move |line| {
            let new = Arc::clone(&new);
            Box::pin(async move { create(line, &new.0, &new.1).await })
        })
        .await
    }

    async fn load(&self, users: &[UserId]) -> Result<Vec<Option<Account>>, StoreError> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let mut line = self.reading().await?;
        let done = load(&mut line, users).await;
        line.end(done).await
    }

    async fn claimed(&self, claims: &[Claim]) -> Result<Vec<Option<UserId>>, StoreError> {
        let mut line = self.reading().await?;
        let done = owners(&mut line, claims).await;
        line.end(done).await
    }

    async fn update(&self, account: &Account, claims: &Claims) -> Result<(), StoreError> {
        let new = Arc::new((account.clone(), claims.clone()));
        self.write(move |line| {
            let new = Arc::clone(&new);
            Box::pin(async move { update(line, &new.0, &new.1).await })
        })
        .await
    }

    async fn search(
        &self,
        words: &[String],
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Vec<Account>, StoreError> {
        let Some(longest) = words.iter().max_by_key(|word| word.len()) else {
            return self.in_state(AccountState::Active, after, limit.get() + 1).await;
        };
        let mut line = self.reading().await?;
        let done = search(&mut line, words, longest, after, limit.get() + 1).await;
        line.end(done).await
    }

    async fn in_state(
        &self,
        state: AccountState,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        // Nil is before everybody.
        let after = after.unwrap_or(UserId::SYSTEM);
        let mut line = self.reading().await?;
        let range = values![line.tenant, state.code(), after.as_bytes(), int(limit as u64)];
        let rows = line.query(sql::IN_STATE, range).await;
        line.end(rows.and_then(|rows| read_all(&rows))).await
    }
}

async fn create(line: &mut Line, account: &Account, claims: &Claims) -> Done<()> {
    if line.first(batched::LOCK, values![line.tenant, account.user.as_bytes()]).await?.is_some() {
        return Err(StoreError::AlreadyExists("account").into());
    }
    // Two at once for one user meet here, and the one who loses begins anew.
    write(line, sql::INSERT, account).await?;
    claim(line, account.user, claims).await
}

async fn update(line: &mut Line, account: &Account, claims: &Claims) -> Done<()> {
    let row = line.first(batched::LOCK, values![line.tenant, account.user.as_bytes()]).await?;
    let now = row.map(|row| read(&mut Columns::of(&row))).transpose()?.ok_or(StoreError::Conflict)?;
    if now.version + 1 != account.version {
        return Err(StoreError::Conflict.into());
    }
    write(line, sql::UPDATE, account).await?;
    claim(line, account.user, claims).await
}

async fn load(line: &mut Line, users: &[UserId]) -> Done<Vec<Option<Account>>> {
    let wanted = ids(users.iter().map(UserId::as_bytes));
    let rows = line.query(batched::THESE, values![&wanted, line.tenant]).await?;
    let key = |columns: &mut Columns<'_>| columns.id(UserId::from_bytes);
    Found::read(&rows, key, |columns| read(columns.again()))?.all(users)
}

pub(super) async fn owners(line: &mut Line, claims: &[Claim]) -> Done<Vec<Option<UserId>>> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let wanted: Rows<'_> =
        claims.iter().map(|claim| [Value::from(claim.kind.code()), Value::from(&claim.value)]).collect();
    let rows = line.query(batched::CLAIMED, values![&wanted, line.tenant]).await?;
    let key = |columns: &mut Columns<'_>| {
        let kind = columns.code()?;
        Ok(Claim { kind, value: columns.text()? })
    };
    Found::read(&rows, key, |columns| columns.id(UserId::from_bytes))?.all(claims)
}

/// Takes and gives back, and replaces the words. What is taken is put first and then looked at, which holds however
/// many claim at once: who finds another's name there undoes all. Claims are put in one order, so that nobody waits
/// in a circle.
async fn claim(line: &mut Line, user: UserId, claims: &Claims) -> Done<()> {
    put_claims(line, user, &claims.take).await?;
    for (claim, owner) in claims.take.iter().zip(owners(line, &claims.take).await?) {
        if owner != Some(user) {
            return Err(StoreError::AlreadyExists(claim.kind.name()).into());
        }
    }
    for claim in &claims.release {
        let row = values![line.tenant, claim.kind.code(), &claim.value, user.as_bytes()];
        line.execute(sql::RELEASE, row).await?;
    }
    replace_words(line, user, &claims.words).await
}

/// Puts claims that nobody has; those that somebody has stay his.
pub(super) async fn put_claims(line: &mut Line, user: UserId, claims: &[Claim]) -> Done<()> {
    let mut claims: Vec<&Claim> = claims.iter().collect();
    claims.sort_unstable();
    let mut rows = Rows::default();
    for Claim { kind, value } in claims {
        rows.push([Value::from(kind.code()), Value::from(value), Value::from(user.as_bytes())]);
    }
    if !rows.is_empty() {
        line.execute(batched::CLAIM, values![line.tenant, &rows]).await?;
    }
    Ok(())
}

pub(super) async fn replace_words(line: &mut Line, user: UserId, words: &[String]) -> Done<()> {
    line.execute(sql::FORGET_WORDS, values![line.tenant, user.as_bytes()]).await?;
    let rows: Rows<'_> = words.iter().map(|word| [Value::from(word), Value::from(user.as_bytes())]).collect();
    if !rows.is_empty() {
        line.execute(batched::ADD_WORDS, values![line.tenant, &rows]).await?;
    }
    Ok(())
}

pub(super) async fn write(line: &mut Line, text: &'static str, account: &Account) -> Done<()> {
    let particulars = account.particulars.to_column();
    let row = values![
        &account.username,
        &account.full_name,
        &account.email,
        account.email_verified_at.map(Timestamp::millis),
        &account.picture,
        &account.bio,
        &account.password.0,
        int(account.credential_version),
        account.state.code(),
        int(account.version),
        account.created_at.millis(),
        particulars.as_deref(),
        line.tenant,
        account.user.as_bytes(),
    ];
    line.execute(text, row).await.map(drop)
}

fn read(columns: &mut Columns<'_>) -> Done<Account> {
    let (user, username) = (columns.id(UserId::from_bytes)?, columns.text()?);
    let mut account = Account::new(user, username, PasswordHash(String::new()), Timestamp::default());
    account.full_name = columns.optional_text()?;
    account.email = columns.optional_text()?;
    account.email_verified_at = columns.optional_time()?;
    account.picture = columns.optional_text()?;
    account.bio = columns.optional_text()?;
    account.password = PasswordHash(columns.text()?);
    account.credential_version = columns.count()?;
    account.state = columns.code()?;
    account.version = columns.count()?;
    account.created_at = columns.time()?;
    account.particulars = columns.particulars()?;
    Ok(account)
}

pub(super) fn read_all(rows: &[Row]) -> Done<Vec<Account>> {
    rows.iter().map(|row| read(&mut Columns::of(row))).collect()
}

/// Goes through who has the longest word, some at a time, and keeps those that have the others.
async fn search(
    line: &mut Line,
    words: &[String],
    longest: &str,
    after: Option<UserId>,
    limit: usize,
) -> Done<Vec<Account>> {
    let (mut after, end) = (after.unwrap_or(UserId::SYSTEM), beyond(longest));
    let mut accounts = Vec::new();
    while accounts.len() < limit {
        let range = values![line.tenant, longest, &end, after.as_bytes(), SEARCHED];
        let rows = line.query(batched::WITH_WORD, range).await?;
        let user = |row: &Row| Columns::of(row).id(UserId::from_bytes);
        let users = rows.iter().map(user).collect::<Done<Vec<_>>>()?;
        let Some(last) = users.last() else { break };
        after = *last;
        let found = having_all(line, &users, words).await?;
        if !found.is_empty() {
            let found = load(line, &found).await?.into_iter().flatten();
            accounts.extend(found.filter(|account| account.state == AccountState::Active));
        }
    }
    accounts.truncate(limit);
    Ok(accounts)
}

/// Those of these users, in their order, who have a word of every beginning.
async fn having_all(line: &mut Line, users: &[UserId], words: &[String]) -> Done<Vec<UserId>> {
    let ends: Vec<String> = words.iter().map(|word| beyond(word)).collect();
    let mut asked = Rows::default();
    for user in users {
        for (nth, (word, end)) in words.iter().zip(&ends).enumerate() {
            let nth = Value::from(int(nth as u64));
            asked.push([Value::from(user.as_bytes()), nth, Value::from(word), Value::from(end)]);
        }
    }
    let mut had: HashMap<UserId, usize> = HashMap::new();
    for row in &line.query(batched::HAS_WORDS, values![&asked, line.tenant]).await? {
        *had.entry(Columns::of(row).id(UserId::from_bytes)?).or_default() += 1;
    }
    Ok(users.iter().copied().filter(|user| had.get(user) == Some(&words.len())).collect())
}
