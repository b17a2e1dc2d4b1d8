//! Accounts that come from elsewhere, with hashes of passwords that nobody knows.

use std::fmt;

use super::imported::Bcrypt;
use super::names::{Email, Username, bio, full_name, picture};
use super::registration::ACCOUNT;
use super::{Accounts, EmailClaim, words};
use crate::error::{ChatError, Refusal};
use crate::id::UserId;
use crate::store::{Account, ClaimKind, Claims, PasswordHash, StoreError};
use crate::time::Timestamp;

/// An account as another system had it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Import {
    /// Who it was there; a new id without.
    pub user: Option<UserId>,
    /// The unique name.
    pub username: String,
    /// The bcrypt hash of the password: `$2a$`, `$2b$` or `$2y$`.
    pub password: PasswordHash,
    /// The name for people.
    pub full_name: Option<String>,
    /// Where mail goes.
    pub email: Option<String>,
    /// When that was proven there.
    pub email_verified_at: Option<Timestamp>,
    /// A web address or path of a picture.
    pub picture: Option<String>,
    /// What its owner says of himself.
    pub bio: Option<String>,
    /// When it was made there; now without.
    pub created_at: Option<Timestamp>,
}

impl Import {
    /// With nothing but what is needed.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: None,
            username: username.into(),
            password: PasswordHash(password.into()),
            full_name: None,
            email: None,
            email_verified_at: None,
            picture: None,
            bio: None,
            created_at: None,
        }
    }
}

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Takes over an account with the bcrypt hash of its password. Its owner logs in with what he always had; the hash
    /// is then replaced by one of our own. The rules for names hold; those for passwords cannot be looked at.
    ///
    /// An e-mail address that was proven there is the account's own at once, under every [`EmailClaim`].
    ///
    /// # Errors
    /// [`Refusal::Invalid`] naming the field: at `/password` what is no bcrypt hash, or costs more than
    /// [`AccountOptions::bcrypt_cost_max`](super::AccountOptions::bcrypt_cost_max), without which nothing is taken over;
    /// [`Refusal::AlreadyExists`] at `/user`, `/username` or `/email`, told plainly, since no stranger asks.
    pub async fn import(&self, import: Import) -> Result<Account, ChatError> {
        let username = Username::new(&import.username, &self.0.limits)?;
        if self.0.reserved.holds(&username) {
            return Err(Refusal::AlreadyExists { field: "/username" }.into());
        }
        let email = import.email.as_deref().map(Email::new).transpose()?;
        let user = import.user;
        let mut account = self.imported(import, &username)?;
        let mut claims = Claims { take: username.claims(), words: words(&account), ..Claims::default() };
        if account.email_verified_at.is_some() || self.0.options.email_claim == EmailClaim::OnRegister {
            claims.take.extend(email.as_ref().map(Email::claim));
        }
        account.email = email.map(Email::into_string);
        match user {
            Some(user) => {
                let taken = || Refusal::AlreadyExists { field: "/user" };
                Ok(self.take_over(Account { user, ..account }, &claims).await?.ok_or_else(taken)?)
            }
            None => {
                self.with_new_id(|user| {
                    let (account, claims) = (Account { user, ..account.clone() }, &claims);
                    async move { self.take_over(account, claims).await }
                })
                .await
            }
        }
    }

    /// Stores an account; nothing, where its id is taken.
    async fn take_over(&self, account: Account, claims: &Claims) -> Result<Option<Account>, ChatError> {
        match self.records().create(&account, claims).await {
            Ok(()) => Ok(Some(account)),
            Err(StoreError::AlreadyExists(ACCOUNT)) => Ok(None),
            Err(StoreError::AlreadyExists(what)) => Err(taken(what).into()),
            Err(error) => Err(error.into()),
        }
    }

    /// The account without its id and its e-mail address.
    fn imported(&self, import: Import, username: &Username) -> Result<Account, Refusal> {
        let now = self.now();
        let hash = Bcrypt::parse(&import.password.0)
            .filter(|hash| self.0.options.bcrypt_cost_max.is_some_and(|highest| hash.cost() <= highest))
            .ok_or(Refusal::invalid("/password", "not a bcrypt hash of an allowed cost"))?;
        let hash = PasswordHash(hash.into_string());
        let created_at = import.created_at.unwrap_or(now);
        let mut account = Account::new(UserId::SYSTEM, username.as_str().to_owned(), hash, created_at);
        account.full_name = import.full_name.map(|name| full_name(&name, &self.0.limits)).transpose()?;
        account.picture = import.picture.as_deref().map(picture).transpose()?;
        account.bio = import.bio.as_deref().map(bio).transpose()?;
        account.email_verified_at = import.email_verified_at.filter(|_| import.email.is_some());
        Ok(account)
    }
}

/// The field of a claim that somebody else has.
fn taken(what: &str) -> Refusal {
    let field = if what == ClaimKind::Email.name() { "/email" } else { "/username" };
    Refusal::AlreadyExists { field }
}
