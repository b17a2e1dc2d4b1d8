//! Accounts of our own, for a host that has no users.

use std::fmt;

use async_trait::async_trait;

use super::{Particulars, StoreError};
use crate::id::UserId;
use crate::page::Limit;
use crate::time::Timestamp;

/// A password hash in PHC form; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// How far an account has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountState {
    /// In use.
    Active,
    /// Cannot log in, by an operator's decision.
    Disabled,
    /// Being taken apart; finished by the sweeper.
    Deleting,
    /// A tombstone; its username stays claimed.
    Deleted,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// Whose.
    pub user: UserId,
    /// The unique name, as its owner writes it.
    pub username: String,
    /// The name for people.
    pub full_name: Option<String>,
    /// Where mail goes.
    pub email: Option<String>,
    /// When that was proven.
    pub email_verified_at: Option<Timestamp>,
    /// A URL or path of a picture.
    pub picture: Option<String>,
    /// What its owner says of himself.
    pub bio: Option<String>,
    /// The password's hash.
    pub password: PasswordHash,
    /// Rises with every change of the password or state: sessions of an older one are over.
    pub credential_version: u64,
    /// How far it has come.
    pub state: AccountState,
    /// Counts the changes of this record; compared by [`Accounts::update`].
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// What no store looks into.
    pub particulars: Particulars,
}

impl Account {
    /// A new, active account.
    pub fn new(user: UserId, username: String, password: PasswordHash, created_at: Timestamp) -> Self {
        Self {
            user,
            username,
            full_name: None,
            email: None,
            email_verified_at: None,
            picture: None,
            bio: None,
            password,
            credential_version: 1,
            state: AccountState::Active,
            version: 1,
            created_at,
            particulars: Particulars::default(),
        }
    }
}

/// What only one account can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimKind {
    /// The folded username.
    Username,
    /// What the username looks like (UTS 39 skeleton).
    Skeleton,
    /// The normalised e-mail address.
    Email,
}

impl ClaimKind {
    /// Its name, as in [`StoreError::AlreadyExists`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Skeleton => "skeleton",
            Self::Email => "email",
        }
    }
}

/// A value that only one account can have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// What kind of value.
    pub kind: ClaimKind,
    /// The value, compared byte by byte.
    pub value: String,
}

/// What an update claims and gives back, and the words the account is found by afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// Claimed; those the account has already are no error.
    pub take: Vec<Claim>,
    /// Given back; those it does not have are no error.
    pub release: Vec<Claim>,
    /// All words it is found by (lower-case); replaces the earlier ones.
    pub words: Vec<String>,
}

/// Accounts of our own.
///
/// # Contract
/// - Claims are unique per (kind, value), compared byte by byte; account and claims are one write.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Stores a new account with its claims.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] with the name of the first [`ClaimKind`] that is taken, in the order of `take`;
    /// with "account" when there is one of this user, which is looked at first.
    async fn create(&self, account: &Account, claims: &Claims) -> Result<(), StoreError>;

    /// These accounts, absent where there is none; tombstones included.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn load(&self, users: &[UserId]) -> Result<Vec<Option<Account>>, StoreError>;

    /// Who has claimed these values.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn claimed(&self, claims: &[Claim]) -> Result<Vec<Option<UserId>>, StoreError>;

    /// Replaces an account, if its `version` is one less than the new one's, with its claims.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] at another version and without an account, then [`StoreError::AlreadyExists`] as in
    /// [`Accounts::create`].
    async fn update(&self, account: &Account, claims: &Claims) -> Result<(), StoreError>;

    /// Active accounts of which every given word begins one of theirs, by id, after `after`, at most `limit + 1`.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn search(
        &self,
        words: &[String],
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Vec<Account>, StoreError>;

    /// Accounts in this state by id, after `after`, at most `limit`: for the sweeper and for operators.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn in_state(
        &self,
        state: AccountState,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError>;
}
