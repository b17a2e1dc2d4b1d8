//! What accounts and logins look like to their owner.

use chat_core::accounts::{SessionSummary, Ticket, Tokens};
use chat_core::store::{Account, Notifications, Notify};
use chat_core::{Profile, SessionId, Timestamp, UserId};

use crate::spec::ModelDoc;
use crate::wire::show::shown;

/// A login in a list.
pub(super) struct SessionView<'a> {
    /// The login.
    pub(super) login: &'a SessionSummary,
    /// The login that asks.
    pub(super) current: SessionId,
}

/// One's logins.
pub(super) struct Sessions<'a>(pub(super) Vec<SessionView<'a>>);

shown! {
    /// One's own account.
    "Account": Account as it {
        /// Who one is.
        id: UserId = it.user,
        /// The unique name.
        username: &str = &it.username,
        /// The name for people.
        full_name: Option<&str> = it.full_name.as_deref(),
        /// Something about oneself.
        bio: Option<&str> = it.bio.as_deref(),
        /// A URL or path of a picture.
        picture: Option<&str> = it.picture.as_deref(),
        /// Where mail goes.
        email: Option<&str> = it.email.as_deref(),
        /// Whether one has shown that one reads mail there.
        email_verified: bool = it.email_verified_at.is_some(),
        /// The language one reads (a BCP 47 tag).
        locale: Option<&str> = it.particulars.locale.as_deref(),
        /// When it was made.
        created_at: Timestamp = it.created_at,
    }

    /// What one wants to be notified of.
    "Notifications": Notifications as it {
        /// Of messages in direct conversations.
        direct: Notify = it.direct,
        /// Of messages in groups.
        groups: Notify = it.groups,
        /// Of messages in channels.
        channels: Notify = it.channels,
        /// Of friend requests.
        friend_requests: bool = it.friend_requests,
        /// Whether a notification shows what was written.
        previews: bool = it.previews,
        /// Whether it may be heard.
        sounds: bool = it.sounds,
    }

    /// What a login or a refresh gives.
    "Tokens": Tokens as it {
        /// Shown with every request.
        access_token: &str = it.access_token.expose(),
        /// Exchanged for the next tokens, once.
        refresh_token: &str = it.refresh_token.expose(),
        /// How long the access token lives, in seconds.
        expires_in: u64 = it.expires_in,
        /// Who one is.
        user: &Profile = &it.user,
    }

    /// A ticket that opens one socket.
    "Ticket": Ticket as it {
        /// Shown as `?ticket=`.
        ticket: &str = it.ticket.expose(),
        /// How long it is good, in seconds.
        expires_in: u64 = it.expires_in,
    }

    /// A login.
    "Session": SessionView<'_> as it {
        /// Which; `sid` in its access tokens.
        id: SessionId = it.login.id,
        /// What the device calls itself.
        device: &str = &it.login.device,
        /// When it began.
        created_at: Timestamp = it.login.created_at,
        /// When it was last used, coarsely.
        last_seen_at: Timestamp = it.login.last_seen_at,
        /// Whether it is the one that asks.
        current: bool = it.login.id == it.current,
    }

    /// One's logins.
    "Sessions": Sessions<'_> as it {
        /// Oldest first.
        items: &[SessionView<'_>] = &it.0,
    }
}

/// What is published about these.
pub(crate) fn all() -> Vec<ModelDoc> {
    vec![
        ModelDoc::of::<Account>(),
        ModelDoc::of::<Notifications>(),
        ModelDoc::of::<Tokens>(),
        ModelDoc::of::<Ticket>(),
        ModelDoc::of::<SessionView<'_>>(),
        ModelDoc::of::<Sessions<'_>>(),
    ]
}
