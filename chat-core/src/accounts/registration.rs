//! Signing up.

use std::fmt;

use super::names::{Email, Username, full_name, locale};
use super::passwords::Password;
use super::postbox::Errand;
use super::{Accounts, EmailClaim, Secret, words};
use crate::error::{ChatError, Refusal};
use crate::id::UserId;
use crate::store::{Account, ClaimKind, Claims, StoreError};

/// What somebody signs up with.
#[derive(Clone)]
#[non_exhaustive]
pub struct Registration {
    /// The unique name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// Where mail goes.
    pub email: Option<String>,
    /// The name for people.
    pub full_name: Option<String>,
    /// The language one reads (a BCP 47 tag).
    pub locale: Option<String>,
}

impl Registration {
    /// With nothing but what is needed.
    pub fn new(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
            email: None,
            full_name: None,
            locale: None,
        }
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Makes an account.
    ///
    /// An e-mail address that belongs to another account is answered like a free one: the account is made, and the
    /// address is never its own. A mail tells whoever reads the address, one or the other.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] naming the field; [`Refusal::AlreadyExists`] at `/username` when it is taken, reserved, or
    /// looks like one that is; [`ChatError::Overloaded`] when too many passwords wait to be hashed.
    pub async fn register(&self, registration: Registration) -> Result<Account, ChatError> {
        let limits = &self.0.limits;
        let username = Username::new(&registration.username, limits)?;
        let password = Password::new(&registration.password, "/password", limits)?;
        let email = registration.email.as_deref().map(Email::new).transpose()?;
        let full_name = registration.full_name.map(|name| full_name(&name, limits)).transpose()?;
        let locale = registration.locale.as_deref().map(locale).transpose()?;
        if self.0.reserved.holds(&username) {
            return Err(taken().into());
        }
        let hash = self.0.hasher.hash(password).await?;
        let now = self.now();
        let mut account = Account::new(UserId::SYSTEM, username.as_str().to_owned(), hash, now);
        account.full_name = full_name;
        account.particulars.locale = locale;
        let mut claims = Claims { take: username.claims(), words: words(&account), ..Claims::default() };
        if self.0.options.email_claim == EmailClaim::OnRegister {
            claims.take.extend(email.as_ref().map(Email::claim));
        }
        account.email = email.map(Email::into_string);
        let account = self
            .with_new_id(|user| {
                let (account, claims) = (Account { user, ..account.clone() }, claims.clone());
                async { self.create(account, claims).await }
            })
            .await?;
        if account.email.is_some() {
            self.post_quietly(Errand::Verify(account.user));
        }
        Ok(account)
    }

    /// Stores a new account, without its e-mail address being its own when that is taken. Nothing, where its id is.
    async fn create(&self, account: Account, mut claims: Claims) -> Result<Option<Account>, ChatError> {
        let mut created = self.records().create(&account, &claims).await;
        if matches!(created, Err(StoreError::AlreadyExists(what)) if what == ClaimKind::Email.name()) {
            claims.take.retain(|claim| claim.kind != ClaimKind::Email);
            created = self.records().create(&account, &claims).await;
        }
        match created {
            Ok(()) => Ok(Some(account)),
            Err(StoreError::AlreadyExists(ACCOUNT)) => Ok(None),
            Err(StoreError::AlreadyExists(_)) => Err(taken().into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What is taken where it is the id.
pub(super) const ACCOUNT: &str = "account";

const fn taken() -> Refusal {
    Refusal::AlreadyExists { field: "/username" }
}
