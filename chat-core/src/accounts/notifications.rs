//! What somebody wants to be notified of.

use super::Accounts;
use super::profile::ensure_active;
use crate::error::ChatError;
use crate::id::UserId;
use crate::store::{Account, Claims, Notifications, Notify};

/// A change of what somebody wants to be notified of; what is absent stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotificationsPatch {
    /// Of messages in direct conversations.
    pub direct: Option<Notify>,
    /// Of messages in groups.
    pub groups: Option<Notify>,
    /// Of messages in channels.
    pub channels: Option<Notify>,
    /// Of friend requests.
    pub friend_requests: Option<bool>,
    /// Whether a notification shows what was written.
    pub previews: Option<bool>,
    /// Whether it may be heard.
    pub sounds: Option<bool>,
}

impl NotificationsPatch {
    fn apply(self, to: &mut Notifications) {
        let Self { direct, groups, channels, friend_requests, previews, sounds } = self;
        to.direct = direct.unwrap_or(to.direct);
        to.groups = groups.unwrap_or(to.groups);
        to.channels = channels.unwrap_or(to.channels);
        to.friend_requests = friend_requests.unwrap_or(to.friend_requests);
        to.previews = previews.unwrap_or(to.previews);
        to.sounds = sounds.unwrap_or(to.sounds);
    }
}

impl Accounts {
    /// Changes what the user wants to be notified of, on all of his devices.
    ///
    /// # Errors
    /// [`Refusal::NotFound`](crate::Refusal::NotFound) when there is no account in use.
    pub async fn update_notifications(
        &self,
        user: UserId,
        patch: NotificationsPatch,
    ) -> Result<Account, ChatError> {
        self.change(user, |account| {
            ensure_active(account)?;
            patch.apply(&mut account.particulars.notifications);
            Ok(Claims::default())
        })
        .await
    }
}
