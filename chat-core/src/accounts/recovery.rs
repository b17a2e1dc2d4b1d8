//! What is done by a mailed proof: making an address one's own, and choosing a new password.

use super::names::Email;
use super::passwords::Password;
use super::postbox::Errand;
use super::profile::claim_of;
use super::proof::{ProofToken, spent};
use super::{Accounts, Secret};
use crate::error::{ChatError, Refusal};
use crate::id::UserId;
use crate::store::{Account, Claims, ProofPurpose, StoreError};

impl Accounts {
    /// Asks for a mail by which the user shows that he reads mail at the address of his account. It is sent later, if
    /// there is anything to show; the answer is the same when there is not.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] at `/email`; [`Refusal::Conflict`] when it is not the account's address;
    /// [`Refusal::NotFound`] when there is no account in use, or no mail is sent here; [`ChatError::Overloaded`] when
    /// too much mail waits.
    pub async fn request_verification(&self, user: UserId, email: &str) -> Result<(), ChatError> {
        let email = Email::new(email)?;
        self.ensure_sends_mail()?;
        let account = self.me(user).await?;
        if claim_of(&account) != Some(email.claim()) {
            return Err(Refusal::Conflict.into());
        }
        self.post(Errand::Verify(user))
    }

    /// Makes the address that this token was mailed to the account's own.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] at `/token` when it is not good, or not any more; [`Refusal::AlreadyExists`] at `/email`
    /// when another account was faster.
    pub async fn verify_email(&self, token: &Secret) -> Result<Account, ChatError> {
        let token = ProofToken::parse(token)?;
        let now = self.now();
        let verified = self
            .change(token.user(), |account| {
                token.judge(account, ProofPurpose::VerifyEmail, now)?;
                account.particulars.drop_proofs(ProofPurpose::VerifyEmail);
                account.email_verified_at.get_or_insert(now);
                Ok(Claims { take: Vec::from_iter(claim_of(account)), ..Claims::default() })
            })
            .await;
        match verified {
            Err(ChatError::Store(StoreError::AlreadyExists(_))) => {
                Err(Refusal::AlreadyExists { field: "/email" }.into())
            }
            verified => or_spent(verified),
        }
    }

    /// Asks for a mail by which the owner of this address can choose a new password. Whether an account has the address
    /// is found out later, and told by nothing but that mail.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] at `/email`; [`Refusal::NotFound`] when no mail is sent here; [`ChatError::Overloaded`] when
    /// too much mail waits.
    pub fn request_password_reset(&self, email: &str) -> Result<(), ChatError> {
        let email = Email::new(email)?;
        self.ensure_sends_mail()?;
        self.post(Errand::Reset(email))
    }

    /// Chooses a new password by a token that was mailed. Every login ends, and so does what other tokens were good
    /// for; the address is the account's own from now on, since its mail is read.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] at `/new_password`, which uses up nothing, or at `/token`; [`ChatError::Overloaded`] when
    /// too many passwords wait to be hashed.
    pub async fn reset_password(&self, token: &Secret, new: &Secret) -> Result<(), ChatError> {
        let new = Password::new(new, "/new_password", &self.0.limits)?;
        let token = ProofToken::parse(token)?;
        let now = self.now();
        let account = self.load(token.user()).await?.ok_or(spent())?;
        // Before the work of a hash, which nobody gets for nothing.
        token.judge(&account, ProofPurpose::ResetPassword, now)?;
        let hash = self.0.hasher.hash(new).await?;
        let changed = self.change(token.user(), |account| {
            token.judge(account, ProofPurpose::ResetPassword, now)?;
            account.password = hash.clone();
            account.credential_version += 1;
            account.particulars.proofs.clear();
            account.email_verified_at.get_or_insert(now);
            Ok(Claims { take: Vec::from_iter(claim_of(account)), ..Claims::default() })
        });
        let account = or_spent(changed.await)?;
        self.end_all(account.user).await?;
        self.post_quietly(Errand::PasswordChanged(account.user));
        Ok(())
    }
}

/// An account that is not there has given out nothing.
fn or_spent(changed: Result<Account, ChatError>) -> Result<Account, ChatError> {
    match changed {
        Err(ChatError::Refused(Refusal::NotFound)) => Err(spent().into()),
        changed => changed,
    }
}
