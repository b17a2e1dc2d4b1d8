//! Looking people up.

use super::policies::By;
use super::{ActingAs, Core};
use crate::command::Who;
use crate::error::{ChatError, Refusal};
use crate::id::UserId;
use crate::page::{Limit, Page};
use crate::user::{Profile, Query};

impl ActingAs {
    /// Somebody's profile.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn user_profile(&self, who: &Who) -> Result<Profile, ChatError> {
        let user = self.named(who).await?;
        Ok(self.core.profiles(&[user]).await?.pop().ok_or(Refusal::NotFound)?)
    }

    /// The profiles of those that exist, in the order asked.
    ///
    /// # Errors
    /// Any failure of the directory.
    pub async fn profiles(&self, ids: &[UserId]) -> Result<Vec<Profile>, ChatError> {
        let found = self.core.profiles(ids).await?;
        Ok(ids.iter().filter_map(|id| found.iter().find(|profile| profile.id == *id).cloned()).collect())
    }

    /// People by name.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] where the policy keeps search for the system.
    pub async fn search(
        &self,
        query: &Query,
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Page<Profile, UserId>, ChatError> {
        if self.core.policies.search == By::System && !self.user.is_system() {
            return Err(Refusal::Forbidden.into());
        }
        let found = self.core.search(query, after, limit).await?;
        Ok(Page::cut(found, limit, |profile| profile.id))
    }
}

impl Core {
    async fn search(
        &self,
        query: &Query,
        after: Option<UserId>,
        limit: Limit,
    ) -> Result<Vec<Profile>, ChatError> {
        self.directory.search(query, after, limit).await.map_err(|error| {
            tracing::error!(error = ?error, "the directory failed");
            ChatError::Internal("the directory failed")
        })
    }
}
