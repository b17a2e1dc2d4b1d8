//! One's own account: reading and changing what one says of oneself.

use std::sync::{Mutex, PoisonError};

use super::names::{Email, bio, full_name, locale, picture};
use super::postbox::Errand;
use super::{Accounts, EmailClaim};
use crate::error::{ChatError, Refusal};
use crate::id::UserId;
use crate::message::Patch;
use crate::store::{Account, AccountState, Claim, Claims, StoreError};
use crate::time::Timestamp;

/// A change of one's own account.
///
/// ```
/// use chat_core::Patch;
/// use chat_core::accounts::ProfilePatch;
/// let patch = ProfilePatch { bio: Patch::Clear, ..ProfilePatch::default() };
/// # assert!(patch.email.is_keep());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfilePatch {
    /// The name for people.
    pub full_name: Patch<String>,
    /// What one says of oneself.
    pub bio: Patch<String>,
    /// A web address or path of a picture.
    pub picture: Patch<String>,
    /// Where mail goes.
    pub email: Patch<String>,
    /// The language one reads (a BCP 47 tag).
    pub locale: Patch<String>,
}

impl Accounts {
    /// One's own account.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is none in use.
    pub async fn me(&self, user: UserId) -> Result<Account, ChatError> {
        let account = self.load(user).await?.filter(|account| account.state == AccountState::Active);
        Ok(account.ok_or(Refusal::NotFound)?)
    }

    /// Changes one's own account. A new e-mail address is unverified, and belongs to the account when
    /// [`EmailClaim`] says so and it is free; that it is not is answered like success. A mail tells whoever reads it, and
    /// another one whoever reads the address that was the account's own.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] naming the field; [`Refusal::NotFound`] when there is no account in use.
    pub async fn update(&self, user: UserId, patch: ProfilePatch) -> Result<Account, ChatError> {
        let (fields, now) = (Fields::new(patch, self)?, self.now());
        let owned = Mutex::new(None);
        let apply = |account: &mut Account, email_claim| {
            let before = account.email.clone().filter(|_| self.owns_address(account));
            *owned.lock().unwrap_or_else(PoisonError::into_inner) = before;
            fields.apply(account, email_claim, now)
        };
        let updated = self.change(user, |account| apply(account, self.0.options.email_claim)).await;
        let account = match updated {
            Err(ChatError::Store(StoreError::AlreadyExists(_))) => {
                self.change(user, |account| apply(account, EmailClaim::OnVerify)).await
            }
            updated => updated,
        }?;
        let owned = owned.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = owned.and_then(|before| Email::new(&before).ok())
            && Some(before.claim()) != claim_of(&account)
        {
            self.post_quietly(Errand::EmailChanged(user, before));
        }
        if matches!(fields.email, Patch::Set(_)) && account.email_verified_at.is_none() {
            self.post_quietly(Errand::Verify(user));
        }
        Ok(account)
    }

    /// Whether a change would be taken, as far as its own form goes.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] naming the field.
    pub fn check_profile(&self, patch: &ProfilePatch) -> Result<(), Refusal> {
        Fields::new(patch.clone(), self).map(drop)
    }

    /// Makes an e-mail address the account's own, after its owner has shown that he reads its mail.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] when the account has another address by now; [`Refusal::AlreadyExists`] at `/email` when
    /// another account was faster; [`Refusal::NotFound`] when there is no account in use.
    pub async fn confirm_email(&self, user: UserId, email: &str) -> Result<Account, ChatError> {
        let email = Email::new(email)?;
        let now = self.now();
        let confirmed = self
            .change(user, |account| {
                ensure_active(account)?;
                if claim_of(account).as_ref() != Some(&email.claim()) {
                    return Err(Refusal::Conflict);
                }
                account.email_verified_at.get_or_insert(now);
                Ok(Claims { take: vec![email.claim()], ..Claims::default() })
            })
            .await;
        match confirmed {
            Err(ChatError::Store(StoreError::AlreadyExists(_))) => {
                Err(Refusal::AlreadyExists { field: "/email" }.into())
            }
            confirmed => confirmed,
        }
    }
}

/// A checked [`ProfilePatch`].
struct Fields {
    full_name: Patch<String>,
    bio: Patch<String>,
    picture: Patch<String>,
    email: Patch<Email>,
    locale: Patch<String>,
}

impl Fields {
    fn new(patch: ProfilePatch, accounts: &Accounts) -> Result<Self, Refusal> {
        Ok(Self {
            full_name: check(patch.full_name, |text| full_name(text, &accounts.0.limits))?,
            bio: check(patch.bio, bio)?,
            picture: check(patch.picture, picture)?,
            email: check(patch.email, Email::new)?,
            locale: check(patch.locale, locale)?,
        })
    }

    fn apply(
        &self,
        account: &mut Account,
        email_claim: EmailClaim,
        now: Timestamp,
    ) -> Result<Claims, Refusal> {
        ensure_active(account)?;
        account.particulars.updated_at = Some(now);
        account.full_name = self.full_name.clone().apply(account.full_name.take());
        account.bio = self.bio.clone().apply(account.bio.take());
        account.picture = self.picture.clone().apply(account.picture.take());
        let locale = &mut account.particulars.locale;
        *locale = self.locale.clone().apply(locale.take());
        Ok(self.apply_email(account, email_claim))
    }

    /// The new address, and what is claimed and given back for it; another way to write the same one is the same.
    fn apply_email(&self, account: &mut Account, email_claim: EmailClaim) -> Claims {
        let before = claim_of(account);
        account.email = self.email.clone().map(Email::into_string).apply(account.email.take());
        let after = claim_of(account);
        if before == after {
            return Claims::default();
        }
        account.email_verified_at = None;
        account.particulars.proofs.clear();
        let take = after.filter(|_| email_claim == EmailClaim::OnRegister);
        Claims { take: Vec::from_iter(take), release: Vec::from_iter(before), words: Vec::new() }
    }
}

fn check<T>(
    patch: Patch<String>,
    check: impl FnOnce(&str) -> Result<T, Refusal>,
) -> Result<Patch<T>, Refusal> {
    Ok(match patch {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(text) => Patch::Set(check(&text)?),
    })
}

pub(super) fn ensure_active(account: &Account) -> Result<(), Refusal> {
    if account.state == AccountState::Active { Ok(()) } else { Err(Refusal::NotFound) }
}

/// The claim of an account's e-mail address, whether the account owns it or not.
pub(super) fn claim_of(account: &Account) -> Option<Claim> {
    Email::new(account.email.as_deref()?).ok().map(|email| email.claim())
}
