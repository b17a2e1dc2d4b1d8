//! What went wrong, as clients are told: one list of codes for every door. Over HTTP it is a problem of RFC 9457.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::response::{IntoResponse, Response};
use chat_core::{ChatError, Refusal};

use crate::auth::AuthError;
use crate::wire::frames::{bare, millis};
use crate::wire::show::shown;

macro_rules! codes {
    ($($name:ident = $code:literal $status:ident $title:literal,)*) => {
        /// A stable code. Its HTTP status and title belong to it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Code { $($name),* }

        impl Code {
            /// Every code.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As on the wire.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// As an HTTP answer.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),* }
            }

            /// For people, the same for every occurrence.
            pub(crate) const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

codes! {
    ValidationFailed = "validation_failed" UNPROCESSABLE_ENTITY "A value is not of the form it must have",
    Malformed = "malformed" BAD_REQUEST "This cannot be parsed",
    Unauthenticated = "unauthenticated" UNAUTHORIZED "No valid credentials",
    TokenExpired = "token_expired" UNAUTHORIZED "The access token has expired",
    Forbidden = "forbidden" FORBIDDEN "Not allowed here",
    NotFound = "not_found" NOT_FOUND "Not found",
    AlreadyExists = "already_exists" CONFLICT "Already there",
    Conflict = "conflict" CONFLICT "Changed meanwhile, or not possible now",
    ClientIdReused = "client_id_reused" CONFLICT "This client_id was used for something else",
    LastOwner = "last_owner" CONFLICT "A group needs an owner",
    LimitReached = "limit_reached" CONFLICT "A limit was reached",
    MethodNotAllowed = "method_not_allowed" METHOD_NOT_ALLOWED "Not a method of this resource",
    NotAccepted = "not_accepted" FORBIDDEN "This user does not accept that from you",
    TooManyMembers = "too_many_members" CONFLICT "Too many members",
    PayloadTooLarge = "payload_too_large" PAYLOAD_TOO_LARGE "The body is too large",
    UnsupportedMediaType = "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "This type is not taken",
    RangeNotSatisfiable = "range_not_satisfiable" RANGE_NOT_SATISFIABLE "The file is not that long",
    RateLimited = "rate_limited" TOO_MANY_REQUESTS "Too many requests",
    Overloaded = "overloaded" SERVICE_UNAVAILABLE "Too much is waiting",
    Unavailable = "unavailable" SERVICE_UNAVAILABLE "The store cannot be reached",
    Internal = "internal" INTERNAL_SERVER_ERROR "Something failed here",
}

impl Code {
    /// The code of this name; one that this crate does not know is a fault of ours.
    fn named(code: &str) -> Self {
        Self::ALL.iter().copied().find(|known| known.as_str() == code).unwrap_or(Self::Internal)
    }
}

/// The answer to a request that was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What it is.
    pub(crate) code: Code,
    /// For people.
    pub(crate) message: Cow<'static, str>,
    /// What it is about: a JSON pointer (`/text`), or the name of a query parameter (`?limit`).
    pub(crate) field: Option<Cow<'static, str>>,
    /// When to try again.
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    /// A failure about nothing in particular.
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), field: None, retry_after: None }
    }

    /// A field that is not as it must be.
    pub(crate) fn invalid(field: impl Into<Cow<'static, str>>, why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::ValidationFailed, why).at(field)
    }

    /// The same about this field.
    #[must_use]
    pub(crate) fn at(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The same, worth another try after a while.
    #[must_use]
    pub(crate) const fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let failure = Self::new(Code::named(refusal.code()), refusal.to_string());
        match refusal.field() {
            Some(field) => failure.at(field),
            None => failure,
        }
    }
}

impl From<&ChatError> for Failure {
    fn from(error: &ChatError) -> Self {
        match error {
            ChatError::Refused(refusal) => (*refusal).into(),
            ChatError::Overloaded { retry_after } => {
                Self::new(Code::Overloaded, "overloaded").retry_after(*retry_after)
            }
            ChatError::Unavailable(_) => Self::new(
                Code::Unavailable,
                "the store cannot be reached; nothing was stored, or it is unknown: repeat with the same client_id",
            ),
            ChatError::RateLimited { retry_after } => {
                Self::new(Code::RateLimited, "too often; try again later").retry_after(*retry_after)
            }
            _ => Self::new(Code::Internal, "something failed here"),
        }
    }
}

impl From<&AuthError> for Failure {
    fn from(error: &AuthError) -> Self {
        match error {
            AuthError::Missing | AuthError::Refused => Refusal::Unauthenticated.into(),
            AuthError::Expired => Refusal::TokenExpired.into(),
            AuthError::CrossSite => Self::new(Code::Forbidden, "pages of this origin are not allowed"),
            AuthError::Unavailable(_) => Self::new(Code::Unavailable, "logins cannot be checked now"),
        }
    }
}

/// A failure as the body of an HTTP answer.
pub(crate) struct Problem<'a>(&'a Failure);

shown! {
    /// A request was not done (RFC 9457).
    "Problem": Problem<'_> as it {
        /// Always `about:blank`: `code` tells more.
        r#type: &str = "about:blank",
        /// What the code means, for people.
        title: &str = it.0.code.title(),
        /// The HTTP status.
        status: u64 = it.0.code.status().as_u16().into(),
        /// What it is, for programs.
        code: &str = it.0.code.as_str(),
        /// What it is this time, for people.
        detail: &str = &it.0.message,
        /// What it is about: a JSON pointer, or `?` and the name of a query parameter.
        field: Option<&str> = it.0.field.as_deref(),
        /// When to try again.
        retry_after_ms: Option<u64> = it.0.retry_after.map(millis),
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut answer = (self.code.status(), bare(&Problem(&self))).into_response();
        let mut header = |name: HeaderName, value: HeaderValue| answer.headers_mut().insert(name, value);
        header(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        header(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = self.retry_after {
            header(
                RETRY_AFTER,
                HeaderValue::from(after.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)),
            );
        }
        match self.code {
            Code::Unauthenticated => header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Code::TokenExpired => {
                header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""))
            }
            _ => None,
        };
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_code_and_field() {
        let field = "/x";
        for (refusal, code) in [
            (Refusal::Invalid { field, reason: "" }, Code::ValidationFailed),
            (Refusal::Forbidden, Code::Forbidden),
            (Refusal::NotFound, Code::NotFound),
            (Refusal::NotFoundAt { field }, Code::NotFound),
            (Refusal::NotAccepted { field }, Code::NotAccepted),
            (Refusal::AlreadyExists { field }, Code::AlreadyExists),
            (Refusal::Conflict, Code::Conflict),
            (Refusal::ClientIdReused, Code::ClientIdReused),
            (Refusal::LastOwner, Code::LastOwner),
            (Refusal::TooManyMembers, Code::TooManyMembers),
            (Refusal::LimitReached, Code::LimitReached),
            (Refusal::TooLarge, Code::PayloadTooLarge),
            (Refusal::UnsupportedType, Code::UnsupportedMediaType),
            (Refusal::Incomplete, Code::Malformed),
            (Refusal::Unauthenticated, Code::Unauthenticated),
            (Refusal::TokenExpired, Code::TokenExpired),
        ] {
            let failure = Failure::from(&ChatError::from(refusal));
            assert_eq!(failure.code, code);
            assert_eq!(failure.code.as_str(), refusal.code());
            assert_eq!(failure.field.as_deref(), refusal.field());
        }
    }

    #[test]
    fn what_failed_says_whether_to_come_back() {
        let retry_after = Duration::from_millis(1_500);
        for (error, code, after) in [
            (ChatError::Overloaded { retry_after }, Code::Overloaded, Some(retry_after)),
            (ChatError::RateLimited { retry_after }, Code::RateLimited, Some(retry_after)),
            (ChatError::Unavailable(None), Code::Unavailable, None),
            (ChatError::Internal("secret detail"), Code::Internal, None),
        ] {
            let failure = Failure::from(&error);
            assert_eq!((failure.code, failure.retry_after), (code, after));
            assert_eq!(failure.code.as_str(), error.code());
            assert!(!failure.message.contains("secret"));
            let answer = failure.into_response();
            assert_eq!(answer.status(), code.status());
            let header = answer.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap());
            assert_eq!(header, after.map(|_| "2"), "whole seconds, not too early");
        }
    }
}
