//! Logging in, and what one gets for it.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::names::claim_of_login;
use super::passwords::Shown;
use super::refresh_token::RefreshToken;
use super::{Accounts, Secret};
use crate::error::{ChatError, Refusal};
use crate::id::SessionId;
use crate::store::{Account, AccountState, Claim, NewSession, RefreshState, SessionRow};
use crate::user::{Device, Profile};

/// What somebody logs in with.
#[derive(Clone)]
pub struct Login {
    /// A username, or an e-mail address that is the account's own.
    pub name: String,
    /// The password.
    pub password: Secret,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// What a login or a refresh gives.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tokens {
    /// Shown with every request.
    pub access_token: Secret,
    /// Exchanged for the next tokens, once.
    pub refresh_token: Secret,
    /// How long the access token lives, in seconds.
    pub expires_in: u64,
    /// Who has logged in.
    pub user: Profile,
    /// The login.
    pub session: SessionId,
}

impl Accounts {
    /// Begins a login on a device. A user's oldest logins beyond `sessions_per_user_max` end.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`], always the same, when there is no such account, it is disabled or deleted, or the
    /// password is wrong; [`ChatError::RateLimited`] after too many such answers for one name, whether there is an
    /// account of it or not; [`ChatError::Overloaded`] when too many passwords wait to be hashed.
    pub async fn log_in(&self, login: Login, device: Device) -> Result<Tokens, ChatError> {
        let claim = claim_of_login(&login.name).ok_or(Refusal::Unauthenticated)?;
        let password = Shown::new(&login.password);
        let name = format!("{} {}", claim.kind.name(), claim.value);
        self.counted(name.as_bytes(), async {
            let account = self.claimant(claim).await?;
            let account = self
                .prove(account, password)
                .await?
                .filter(|account| account.state == AccountState::Active)
                .ok_or(Refusal::Unauthenticated)?;
            self.begin(&account, &device).await
        })
        .await
    }

    /// The account that owns a claim. Both questions are asked in any case, so that they take as long.
    async fn claimant(&self, claim: Claim) -> Result<Option<Account>, ChatError> {
        let owner = self.records().claimed(&[claim]).await?.into_iter().next().flatten();
        self.load(owner.unwrap_or(crate::id::UserId::SYSTEM)).await
    }

    /// Stores a new login of an account and makes its first tokens.
    async fn begin(&self, account: &Account, device: &Device) -> Result<Tokens, ChatError> {
        let now = self.now();
        let id = SessionId::from(self.0.ids.uuid(now));
        let key = self.0.keys.signing();
        let mut secret = Zeroizing::new([0; 32]);
        self.0.ids.fill(&mut *secret);
        let token = RefreshToken::first(key, id, &secret);
        let row = SessionRow::new(NewSession {
            id,
            user: account.user,
            device: device.as_str().to_owned(),
            created_at: now,
            idle_until: now.plus(Duration::from_secs(self.0.options.refresh_idle_seconds)),
            absolute_until: now.plus(Duration::from_secs(self.0.options.refresh_absolute_seconds)),
            credential_version: account.credential_version,
            refresh: RefreshState {
                generation: 1,
                current: token.hash(),
                previous: None,
                salt: [0; 16],
                key_id: key.id.clone(),
                rotated_at: now,
            },
        });
        let ended = self.logins().create(&row, self.0.limits.sessions_per_user_max.max(1)).await?;
        self.tell_ended(&ended);
        self.confirm_current(&row).await?;
        Ok(self.tokens(account, id, &token))
    }

    /// Ends a login that was begun while its account's credentials changed: either whoever changed them has seen the
    /// login, or this sees the change.
    async fn confirm_current(&self, row: &SessionRow) -> Result<(), ChatError> {
        if self.owner(row).await?.is_some() {
            return Ok(());
        }
        self.end(&[row.id]).await?;
        Err(Refusal::Unauthenticated.into())
    }

    /// The account of a login, if the login may go on: the account is active and its credentials are those that the
    /// login began with.
    pub(super) async fn owner(&self, row: &SessionRow) -> Result<Option<Account>, ChatError> {
        Ok(self.load(row.user).await?.filter(|account| {
            account.state == AccountState::Active && account.credential_version <= row.credential_version
        }))
    }

    /// A fresh access token beside this refresh token.
    pub(super) fn tokens(&self, account: &Account, session: SessionId, refresh: &RefreshToken) -> Tokens {
        let now = self.now();
        let id = self.0.ids.uuid(now);
        Tokens {
            access_token: self.0.access_tokens.issue(&self.0.keys, account.user, session, now, id),
            refresh_token: refresh.encode(),
            expires_in: self.0.options.access_token_seconds,
            user: super::directory::profile(account),
            session,
        }
    }
}
