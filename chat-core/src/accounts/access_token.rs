//! Access tokens: JWTs (RFC 9068 in spirit) signed with HS256, short-lived, and never enough by themselves: the
//! login they name must be alive too.
//!
//! Only one algorithm, one type and exact claims are taken, whatever the token says about itself. Time is judged by
//! the caller, by our own clock and last of all, so that "expired" is said only of tokens that are right in every
//! other respect.

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keys::Keys;
use super::options::AccountOptions;
use super::secret::Secret;
use super::sessions::Identity;
use crate::id::{SessionId, UserId};
use crate::time::Timestamp;

/// The `typ` of the header: no other JWT of the same key passes for an access token.
const TYPE: &str = "at+jwt";

/// Longest lifetime, in seconds: far beyond what anybody waits for, and still a time in milliseconds.
const LIFETIME_SECONDS_MAX: u64 = 1 << 40;

/// Longest token that is looked at, in bytes; ours are a fraction of it.
const TOKEN_BYTES_MAX: usize = 4_096;

#[derive(Deserialize, Serialize)]
struct Claims {
    sub: String,
    sid: String,
    iat: i64,
    exp: i64,
    aud: String,
    iss: String,
    jti: String,
}

/// Makes and reads access tokens of one issuer and audience.
pub(super) struct AccessTokens {
    issuer: String,
    audience: String,
    lifetime_seconds: i64,
    validation: Validation,
}

impl AccessTokens {
    pub(super) fn new(options: &AccountOptions) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[&options.issuer]);
        validation.set_audience(&[&options.audience]);
        validation.set_required_spec_claims(&["aud", "exp", "iss", "sub"]);
        validation.validate_exp = false;
        Self {
            issuer: options.issuer.clone(),
            audience: options.audience.clone(),
            lifetime_seconds: options.access_token_seconds.min(LIFETIME_SECONDS_MAX).cast_signed(),
            validation,
        }
    }

    /// A token for a login, signed with the first key.
    pub(super) fn issue(
        &self,
        keys: &Keys,
        user: UserId,
        session: SessionId,
        now: Timestamp,
        id: Uuid,
    ) -> Secret {
        let issued = now.millis().div_euclid(1_000);
        let claims = Claims {
            sub: user.to_string(),
            sid: session.to_string(),
            iat: issued,
            exp: issued.saturating_add(self.lifetime_seconds),
            aud: self.audience.clone(),
            iss: self.issuer.clone(),
            jti: id.to_string(),
        };
        let key = keys.signing();
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(key.id.clone());
        encode(&header, &claims, &key.encoding).expect("strings and integers under an HMAC key").into()
    }

    /// Whom a token names; `None` for everything that is not one of ours for this issuer and audience.
    pub(super) fn verify(&self, keys: &Keys, token: &str) -> Option<Identity> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let header = decode_header(token).ok()?;
        let is_ours = header.typ.as_deref() == Some(TYPE) && header.crit.is_none();
        let key = keys.named(header.kid.as_deref().filter(|_| is_ours)?)?;
        let claims = decode::<Claims>(token, &key.decoding, &self.validation).ok()?.claims;
        Some(Identity {
            user: claims.sub.parse().ok()?,
            session: claims.sid.parse().ok()?,
            expires_at: Timestamp::from_millis(claims.exp.checked_mul(1_000)?),
        })
    }
}
