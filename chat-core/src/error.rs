//! What can go wrong, in two kinds that never mix: the rules said no ([`Refusal`]), or something failed
//! ([`ChatError::Store`] and the others).

use std::time::Duration;

use crate::id::{InvalidId, NotAPair};
use crate::store::StoreError;

/// The rules said no. Each has one stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A value is not of the form it must have; names the field by JSON pointer.
    #[error("{reason}")]
    Invalid {
        /// The field, as a JSON pointer (`/text`), or empty for the whole.
        field: &'static str,
        /// Why, for people.
        reason: &'static str,
    },
    /// The right is missing inside a conversation one can see.
    #[error("not allowed here")]
    Forbidden,
    /// It does not exist, or not for this user.
    #[error("not found")]
    NotFound,
    /// As [`Refusal::NotFound`], naming which field it was.
    #[error("not found")]
    NotFoundAt {
        /// The field, as a JSON pointer.
        field: &'static str,
    },
    /// The other side takes this from friends only, or not from this user: the two are never told apart.
    #[error("this user does not accept that from you")]
    NotAccepted {
        /// The field, as a JSON pointer, or empty.
        field: &'static str,
    },
    /// Something of this name is there already.
    #[error("already there")]
    AlreadyExists {
        /// The field, as a JSON pointer.
        field: &'static str,
    },
    /// The state does not allow it, or somebody changed it meanwhile.
    #[error("changed meanwhile, or not possible now")]
    Conflict,
    /// The `client_id` was used for something else.
    #[error("this client_id was used for something else")]
    ClientIdReused,
    /// The last owner of a group cannot go.
    #[error("a group needs an owner")]
    LastOwner,
    /// The conversation is full.
    #[error("too many members")]
    TooManyMembers,
    /// Some other bound was reached.
    #[error("a limit was reached")]
    LimitReached,
    /// More bytes than may be.
    #[error("too large")]
    TooLarge,
    /// A file of a type that is not taken.
    #[error("files of this type are not taken")]
    UnsupportedType,
    /// What was to be read did not come to its end.
    #[error("the body did not arrive")]
    Incomplete,
    /// No valid credentials.
    #[error("not authenticated")]
    Unauthenticated,
    /// The access token was valid once.
    #[error("the token has expired")]
    TokenExpired,
}

impl Refusal {
    /// The stable code, as on the wire.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "validation_failed",
            Self::Forbidden => "forbidden",
            Self::NotFound | Self::NotFoundAt { .. } => "not_found",
            Self::NotAccepted { .. } => "not_accepted",
            Self::AlreadyExists { .. } => "already_exists",
            Self::Conflict => "conflict",
            Self::ClientIdReused => "client_id_reused",
            Self::LastOwner => "last_owner",
            Self::TooManyMembers => "too_many_members",
            Self::LimitReached => "limit_reached",
            Self::TooLarge => "payload_too_large",
            Self::UnsupportedType => "unsupported_media_type",
            Self::Incomplete => "malformed",
            Self::Unauthenticated => "unauthenticated",
            Self::TokenExpired => "token_expired",
        }
    }

    /// The field it is about, as a JSON pointer.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid { field, .. }
            | Self::NotFoundAt { field }
            | Self::NotAccepted { field }
            | Self::AlreadyExists { field }
                if !field.is_empty() =>
            {
                Some(*field)
            }
            _ => None,
        }
    }

    /// A value of the wrong form.
    pub(crate) const fn invalid(field: &'static str, reason: &'static str) -> Self {
        Self::Invalid { field, reason }
    }
}

impl From<NotAPair> for Refusal {
    fn from(_: NotAPair) -> Self {
        Self::invalid("/user", "that is yourself")
    }
}

impl From<InvalidId> for Refusal {
    fn from(_: InvalidId) -> Self {
        Self::NotFound
    }
}

/// Why an engine method did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// The rules said no; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too much is waiting; nothing was stored, try again after a while.
    #[error("overloaded")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// Tried too often; nothing was done, try again after a while.
    #[error("too many attempts")]
    RateLimited {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store could not be reached: nothing was stored, or it is unknown. Repeat with the same `client_id`.
    #[error("the store is unavailable")]
    Unavailable(#[source] Option<StoreError>),
    /// The store failed in another way.
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// The host's directory or another part outside failed.
    #[error("{0}")]
    Internal(&'static str),
}

impl ChatError {
    /// The stable code, as on the wire.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Overloaded { .. } => "overloaded",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable(_) => "unavailable",
            Self::Store(_) | Self::Internal(_) => "internal",
        }
    }

    /// The refusal, if it is one.
    pub const fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused(refusal) => Some(*refusal),
            _ => None,
        }
    }
}

impl From<StoreError> for ChatError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Unavailable(Some(error)),
            StoreError::Conflict => Self::Refused(Refusal::Conflict),
            StoreError::AlreadyExists(_) | StoreError::Corrupt(_) | StoreError::Backend(_) => {
                Self::Store(error)
            }
        }
    }
}

impl From<NotAPair> for ChatError {
    fn from(error: NotAPair) -> Self {
        Self::Refused(error.into())
    }
}
