//! Proving a password, changing it, and deleting the account with it.

use super::passwords::{Password, Shown, Verdict};
use super::postbox::Errand;
use super::{Accounts, ROUNDS, Secret};
use crate::error::{ChatError, Refusal};
use crate::id::{SessionId, UserId};
use crate::store::{Account, AccountState, Claims, ProofPurpose, RefreshState, Rotate, StoreError};

impl Accounts {
    /// Changes the password; the user's other logins end, the one it is changed in goes on.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when `current` is wrong; [`Refusal::Invalid`] at `/new_password`; [`Refusal::Conflict`]
    /// when it was changed elsewhere meanwhile; limits as in [`Accounts::log_in`].
    pub async fn change_password(
        &self,
        user: UserId,
        session: SessionId,
        current: &Secret,
        new: &Secret,
    ) -> Result<(), ChatError> {
        let new = Password::new(new, "/new_password", &self.0.limits)?;
        let proven = self.prove_user(user, current).await?;
        let hash = self.0.hasher.hash(new).await?;
        let account = self
            .change(user, |account| {
                ensure_unchanged(account, &proven)?;
                account.password = hash.clone();
                account.credential_version += 1;
                account.particulars.drop_proofs(ProofPurpose::ResetPassword);
                Ok(Claims::default())
            })
            .await?;
        self.keep(session, account.credential_version).await?;
        let mut others = self.login_ids(user).await?;
        others.retain(|id| *id != session);
        self.end(&others).await?;
        self.post_quietly(Errand::PasswordChanged(user));
        Ok(())
    }

    /// Deletes the account: nobody can log in any more, every login ends, and [`Accounts::sweep`] does the rest. The
    /// username stays taken.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the password is wrong; limits as in [`Accounts::log_in`].
    pub async fn delete(&self, user: UserId, password: &Secret) -> Result<(), ChatError> {
        let proven = self.prove_user(user, password).await?;
        self.change(user, |account| {
            ensure_unchanged(account, &proven)?;
            account.state = AccountState::Deleting;
            account.credential_version += 1;
            Ok(Claims::default())
        })
        .await?;
        self.end_all(user).await
    }

    /// The account whose password this is, if it is; takes as long if there is no account.
    pub(super) async fn prove(
        &self,
        account: Option<Account>,
        shown: Shown,
    ) -> Result<Option<Account>, ChatError> {
        let stored = account.as_ref().map(|account| account.password.clone());
        let verdict = self.0.hasher.verify(shown.clone(), stored).await?;
        match (account, verdict) {
            (None, _) | (_, Verdict::Wrong) => Ok(None),
            (Some(account), Verdict::Right) => Ok(Some(account)),
            (Some(account), Verdict::Outdated) => Ok(Some(match shown.into_password() {
                Some(password) => self.hash_anew(account, password).await,
                None => account,
            })),
        }
    }

    /// Proves the password of somebody who is logged in.
    async fn prove_user(&self, user: UserId, password: &Secret) -> Result<Account, ChatError> {
        let password = Shown::new(password);
        self.counted(user.as_bytes(), async {
            let account = self.load(user).await?.filter(|account| account.state == AccountState::Active);
            Ok(self.prove(account, password).await?.ok_or(Refusal::Forbidden)?)
        })
        .await
    }

    /// Runs an attempt to prove a password, counted for this name if it is refused.
    pub(super) async fn counted<T>(
        &self,
        name: &[u8],
        attempt: impl Future<Output = Result<T, ChatError>> + Send,
    ) -> Result<T, ChatError> {
        let counted = self.0.failed_attempts.begin(name, self.monotonic())?;
        let outcome = attempt.await;
        if !matches!(outcome, Err(ChatError::Refused(_))) {
            counted.forgive();
        }
        outcome
    }

    /// Replaces a hash of another cost, or from elsewhere. When that fails the old one is as good as before.
    pub(super) async fn hash_anew(&self, account: Account, password: Password) -> Account {
        let renewed = async {
            let hash = self.0.hasher.hash(password).await?;
            self.change(account.user, |now| {
                ensure_unchanged(now, &account)?;
                now.password = hash.clone();
                Ok(Claims::default())
            })
            .await
        };
        match renewed.await {
            Ok(account) => account,
            Err(error) => {
                tracing::warn!(user = %account.user, code = error.code(), "a password hash was not renewed");
                account
            }
        }
    }

    /// Lets a login go on under new credentials. One that has ended meanwhile stays ended.
    async fn keep(&self, session: SessionId, credential_version: u64) -> Result<(), ChatError> {
        for _ in 0..ROUNDS {
            let Some(row) = self.logins().load(&[session]).await?.into_iter().next().flatten() else {
                return Ok(());
            };
            let refresh = RefreshState { generation: row.refresh.generation + 1, ..row.refresh };
            let rotate = Rotate { id: session, refresh, idle_until: row.idle_until, credential_version };
            match self.logins().rotate(&rotate).await {
                Err(StoreError::Conflict) => {}
                done => return Ok(done?),
            }
        }
        Err(Refusal::Conflict.into())
    }
}

/// Refuses when the credentials are no longer those that were proven.
fn ensure_unchanged(now: &Account, proven: &Account) -> Result<(), Refusal> {
    let same = now.password == proven.password && now.state == proven.state;
    if same { Ok(()) } else { Err(Refusal::Conflict) }
}
