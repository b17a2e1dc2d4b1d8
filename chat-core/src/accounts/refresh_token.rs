//! Refresh tokens: what they look like, how one follows from another, and how a presented one is judged.
//!
//! A token is the login's id, 256 bits of secret and a code (MAC) over both, in base64url. The store keeps only the
//! SHA-256 of the current and the previous one. The code tells a token that we made but that is neither of the two
//! (used up long ago, so somebody has a copy: the family ends) from garbage that anybody can write around a known
//! login id (nothing happens).
//!
//! The secret of a successor is computed from the presented token and the salt in the row: whoever repeats a request
//! whose answer was lost gets the same successor, though only hashes are stored.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::keys::{Key, Keys};
use super::secret::Secret;
use crate::id::SessionId;
use crate::store::RefreshState;
use crate::time::Timestamp;

const ID_END: usize = 16;
const SECRET_END: usize = ID_END + 32;
const TOKEN_BYTES: usize = SECRET_END + 16;

/// Length of a token as text.
const TOKEN_TEXT_BYTES: usize = (TOKEN_BYTES * 8).div_ceil(6);

/// A refresh token that one of our keys has made.
pub(super) struct RefreshToken(Zeroizing<[u8; TOKEN_BYTES]>);

impl RefreshToken {
    /// The first token of a login.
    pub(super) fn first(key: &Key, session: SessionId, secret: &[u8; 32]) -> Self {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        bytes[..ID_END].copy_from_slice(session.as_bytes());
        bytes[ID_END..SECRET_END].copy_from_slice(secret);
        let code = code(key, &bytes[..SECRET_END]);
        bytes[SECRET_END..].copy_from_slice(&code);
        Self(bytes)
    }

    /// The token that follows this one: the same for the same key and salt.
    pub(super) fn successor(&self, key: &Key, salt: &[u8; 16]) -> Self {
        let secret = Zeroizing::new(key.refresh_mac(&[b"next", self.0.as_slice(), salt]));
        Self::first(key, self.session(), &secret)
    }

    /// Reads a token, if one of these keys has made it.
    pub(super) fn parse(text: &str, keys: &Keys) -> Option<Self> {
        if text.len() != TOKEN_TEXT_BYTES {
            return None;
        }
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        bytes.copy_from_slice(&decoded);
        let (signed, given) = bytes.split_at(SECRET_END);
        let is_ours = keys.iter().any(|key| code(key, signed).ct_eq(given).into());
        is_ours.then_some(Self(bytes))
    }

    /// The login it belongs to.
    pub(super) fn session(&self) -> SessionId {
        let id = self.0[..ID_END].try_into().expect("an id has 16 bytes");
        SessionId::from_bytes(id)
    }

    /// What the store keeps of it.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_slice()).into()
    }

    /// As text, for the client.
    pub(super) fn encode(&self) -> Secret {
        Secret::from(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }
}

/// The code at the end of a token.
fn code(key: &Key, signed: &[u8]) -> [u8; 16] {
    let mac = key.refresh_mac(&[b"code", signed]);
    mac[..16].try_into().expect("half of 32 bytes")
}

/// What a presented token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The current one: its successor is made.
    Current,
    /// The one before, shortly after, while its successor is unused: the same successor is given again.
    Retry,
    /// Used up: somebody has a copy.
    Reused,
}

/// Judges an authentic token by the row of its login.
pub(super) fn judge(
    presented: &[u8; 32],
    state: &RefreshState,
    now: Timestamp,
    grace: Duration,
) -> Judgement {
    let is = |hash: &[u8; 32]| bool::from(hash.ct_eq(presented));
    if is(&state.current) {
        Judgement::Current
    } else if state.previous.as_ref().is_some_and(is) && now.since(state.rotated_at) <= grace {
        Judgement::Retry
    } else {
        Judgement::Reused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const GRACE: Duration = Duration::from_secs(10);

    fn keys(text: &str) -> Keys {
        Keys::parse(text).unwrap()
    }

    fn two_keys() -> Keys {
        keys(&format!("new {}\nold {}", "A".repeat(43), "B".repeat(42) + "A"))
    }

    fn token(key: &Key) -> RefreshToken {
        RefreshToken::first(key, SessionId::from(Uuid::from_u128(7)), &[9; 32])
    }

    #[test]
    fn any_of_our_keys_makes_it_authentic_and_a_foreign_one_does_not() {
        let ours = two_keys();
        for key in ours.iter() {
            let text = token(key).encode();
            let read = RefreshToken::parse(text.expose(), &ours).unwrap();
            assert_eq!(read.session(), SessionId::from(Uuid::from_u128(7)));
            assert_eq!(read.hash(), token(key).hash());
        }
        let foreign = keys(&("C".repeat(42) + "A"));
        assert!(RefreshToken::parse(token(foreign.signing()).encode().expose(), &ours).is_none());
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let ours = two_keys();
        let text = token(ours.signing()).encode();
        for place in 0..TOKEN_TEXT_BYTES {
            let mut changed = text.expose().to_owned().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(RefreshToken::parse(&changed, &ours).is_none(), "place {place}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let ours = two_keys();
        let text = token(ours.signing()).encode();
        for garbage in
            ["", "A", "\0", &"A".repeat(TOKEN_TEXT_BYTES), &"ä".repeat(43), &format!("{}=", text.expose())]
        {
            assert!(RefreshToken::parse(garbage, &ours).is_none(), "{garbage:?}");
        }
    }

    #[test]
    fn a_successor_depends_on_token_salt_and_key_and_on_nothing_else() {
        let ours = two_keys();
        let (new, old) = (ours.named("new").unwrap(), ours.named("old").unwrap());
        let next = token(new).successor(new, &[1; 16]);
        assert_eq!(next.hash(), token(new).successor(new, &[1; 16]).hash());
        assert_eq!(next.session(), token(new).session());
        for other in [
            token(new),
            token(new).successor(new, &[2; 16]),
            token(new).successor(old, &[1; 16]),
            token(old).successor(new, &[1; 16]),
        ] {
            assert_ne!(next.hash(), other.hash());
        }
    }

    #[test]
    fn judgements() {
        let at = Timestamp::from_millis(1_000_000);
        let state = |previous| RefreshState {
            generation: 2,
            current: [2; 32],
            previous,
            salt: [0; 16],
            key_id: "new".to_owned(),
            rotated_at: at,
        };
        let (first, later) = (state(None), state(Some([1; 32])));
        let long_after = at.plus(Duration::from_hours(1));
        for (presented, state, now, expected) in [
            ([2; 32], &first, at, Judgement::Current),
            ([2; 32], &later, long_after, Judgement::Current),
            ([1; 32], &later, at, Judgement::Retry),
            ([1; 32], &later, at.plus(GRACE), Judgement::Retry),
            ([1; 32], &later, at.plus(GRACE + Duration::from_millis(1)), Judgement::Reused),
            ([1; 32], &later, Timestamp::from_millis(0), Judgement::Retry),
            ([1; 32], &first, at, Judgement::Reused),
            ([0; 32], &later, at, Judgement::Reused),
        ] {
            assert_eq!(judge(&presented, state, now, GRACE), expected);
        }
    }
}
