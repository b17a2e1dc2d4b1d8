//! Exchanging a refresh token for the next one.

use std::time::Duration;

use super::refresh_token::{Judgement, RefreshToken, judge};
use super::{Accounts, ROUNDS, Tokens};
use crate::error::{ChatError, Refusal};
use crate::store::{Account, RefreshState, Rotate, SessionRow, StoreError};
use crate::time::Timestamp;

impl Accounts {
    /// The next tokens of a login. Asked again with the same token within the grace, because the answer was lost or
    /// two tabs asked at once, it gives the same refresh token beside a fresh access token, as long as that refresh
    /// token is unused.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`] when this is no refresh token of ours, the login has ended, or the token is used
    /// up: then somebody has a copy, and the login ends with everything that came of it.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Tokens, ChatError> {
        let token = RefreshToken::parse(refresh_token, &self.0.keys).ok_or(Refusal::Unauthenticated)?;
        for _ in 0..ROUNDS {
            if let Some(tokens) = self.refresh_once(&token).await? {
                return Ok(tokens);
            }
        }
        Err(Refusal::Conflict.into())
    }

    /// One round; `None` when somebody else changed the login meanwhile.
    async fn refresh_once(&self, token: &RefreshToken) -> Result<Option<Tokens>, ChatError> {
        let now = self.now();
        let found = self.logins().load(&[token.session()]).await?.into_iter().next().flatten();
        let row = found.ok_or(Refusal::Unauthenticated)?;
        let account = if row.is_expired(now) { None } else { self.owner(&row).await? };
        let Some(account) = account else {
            return self.end_family(&row).await;
        };
        let grace = Duration::from_secs(self.0.options.refresh_grace_seconds);
        match judge(&token.hash(), &row.refresh, now, grace) {
            Judgement::Current => self.rotate(&account, row, token, now).await,
            Judgement::Retry => self.repeat(&account, &row, token).map(Some),
            Judgement::Reused => {
                tracing::warn!(session = %row.id, user = %row.user, "a used refresh token was shown: the login ends");
                self.end_family(&row).await
            }
        }
    }

    /// Makes the successor of the current token.
    async fn rotate(
        &self,
        account: &Account,
        row: SessionRow,
        token: &RefreshToken,
        now: Timestamp,
    ) -> Result<Option<Tokens>, ChatError> {
        let key = self.0.keys.signing();
        let mut salt = [0; 16];
        self.0.ids.fill(&mut salt);
        let next = token.successor(key, &salt);
        let rotate = Rotate {
            id: row.id,
            refresh: RefreshState {
                generation: row.refresh.generation + 1,
                current: next.hash(),
                previous: Some(row.refresh.current),
                salt,
                key_id: key.id.clone(),
                rotated_at: now,
            },
            idle_until: now.plus(Duration::from_secs(self.0.options.refresh_idle_seconds)),
            credential_version: row.credential_version,
        };
        match self.logins().rotate(&rotate).await {
            Ok(()) => {
                self.0.liveness.note_use(row.id, now);
                Ok(Some(self.tokens(account, row.id, &next)))
            }
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the same successor again.
    fn repeat(&self, account: &Account, row: &SessionRow, token: &RefreshToken) -> Result<Tokens, ChatError> {
        let key = self.0.keys.named(&row.refresh.key_id).ok_or(Refusal::Unauthenticated)?;
        let next = token.successor(key, &row.refresh.salt);
        Ok(self.tokens(account, row.id, &next))
    }

    async fn end_family<T>(&self, row: &SessionRow) -> Result<T, ChatError> {
        self.end(&[row.id]).await?;
        Err(Refusal::Unauthenticated.into())
    }
}
