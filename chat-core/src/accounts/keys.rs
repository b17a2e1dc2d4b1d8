//! The keys that sign tokens, read from the text of a key file.
//!
//! A file holds one key a line, in base64url, if wanted after a name and a blank; empty lines and lines that begin
//! with `#` are passed over. The first key signs, all verify: a new key is put on top, the old one taken away when
//! no token of it can be alive any more. Access and refresh tokens use different keys, both derived from or equal to
//! the one in the file, so that neither can be taken for the other.

use std::collections::HashSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE_NO_PAD, URL_SAFE_PAD_INDIFFERENT};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::secret::Secret;
use crate::id::IdSource;

/// Shortest key, in bytes: HS256 is as strong as its key up to here.
const KEY_BYTES_MIN: usize = 32;

/// Longest name of a key, in bytes.
const KEY_ID_BYTES_MAX: usize = 64;

/// Why a key file cannot be used. Lines are counted from 1; no part of a key is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It holds no key.
    #[error("the key file holds no key")]
    Empty,
    /// The key is not base64url.
    #[error("line {line} of the key file: the key is not base64url")]
    NotBase64 {
        /// Where.
        line: usize,
    },
    /// The key has too few bits to be safe.
    #[error("line {line} of the key file: the key has {bits} bits, at least 256 are needed")]
    Short {
        /// Where.
        line: usize,
        /// How many it has.
        bits: usize,
    },
    /// The name is too long or has characters other than letters, digits, `.`, `_` and `-`.
    #[error("line {line} of the key file: a name is 1 to 64 of A-Z a-z 0-9 . _ -")]
    Name {
        /// Where.
        line: usize,
    },
    /// Name or key stand there already.
    #[error("line {line} of the key file: its name or key stands there already")]
    Duplicate {
        /// Where.
        line: usize,
    },
    /// There is more on the line than a name and a key.
    #[error("line {line} of the key file: a line is a key, or a name and a key")]
    Line {
        /// Where.
        line: usize,
    },
}

/// The keys of a node; all nodes of a cluster have the same. The first one signs.
pub struct Keys(Vec<Key>);

impl Keys {
    /// Reads the text of a key file.
    ///
    /// # Errors
    /// [`KeyError`], naming the line: an empty file, and a key that is short, doubled or not base64url.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        let mut seen = HashSet::new();
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, fingerprint) = Key::parse(line, line_number)?;
            let is_new = seen.insert(fingerprint) && keys.iter().all(|other: &Key| other.id != key.id);
            if !is_new {
                return Err(KeyError::Duplicate { line: line_number });
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(KeyError::Empty) } else { Ok(Self(keys)) }
    }

    /// The text of a key file with one new key of 256 bits.
    pub fn generate(ids: &dyn IdSource) -> Secret {
        let mut key = Zeroizing::new([0; KEY_BYTES_MIN]);
        ids.fill(&mut *key);
        let mut text = String::with_capacity(64);
        URL_SAFE_NO_PAD.encode_string(*key, &mut text);
        text.push('\n');
        Secret::from(text)
    }

    /// Another secret that all who have these keys share, for this purpose alone. It comes from the oldest key, which
    /// stays while a new one is put on top node by node.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let oldest = self.0.last().expect("a parsed key file has a key");
        mac(oldest.derivation.as_slice(), &[purpose.as_bytes()])
    }

    /// The one that signs.
    pub(super) fn signing(&self) -> &Key {
        self.0.first().expect("a parsed key file has a key")
    }

    /// The one of this name.
    pub(super) fn named(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }

    /// All of them, the signing one first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

/// One key and what is derived from it.
pub(super) struct Key {
    /// Its name (`kid`).
    pub(super) id: String,
    /// Signs access tokens.
    pub(super) encoding: EncodingKey,
    /// Verifies access tokens.
    pub(super) decoding: DecodingKey,
    /// Makes and verifies refresh tokens.
    refresh: Zeroizing<[u8; 32]>,
    /// Makes secrets for other purposes.
    derivation: Zeroizing<[u8; 32]>,
}

impl Key {
    /// A line of a key file, and a fingerprint to tell doubles by.
    fn parse(line: &str, line_number: usize) -> Result<(Self, [u8; 32]), KeyError> {
        let mut words = line.split_whitespace();
        let (name, key) = match (words.next(), words.next(), words.next()) {
            (Some(key), None, _) => (None, key),
            (Some(name), Some(key), None) => (Some(name), key),
            _ => return Err(KeyError::Line { line: line_number }),
        };
        if name.is_some_and(|name| !is_key_id(name)) {
            return Err(KeyError::Name { line: line_number });
        }
        let bytes = URL_SAFE_PAD_INDIFFERENT
            .decode(key)
            .map(Zeroizing::new)
            .map_err(|_| KeyError::NotBase64 { line: line_number })?;
        if bytes.len() < KEY_BYTES_MIN {
            return Err(KeyError::Short { line: line_number, bits: bytes.len() * 8 });
        }
        let fingerprint: [u8; 32] =
            Sha256::new().chain_update(b"chat key id\0").chain_update(bytes.as_slice()).finalize().into();
        let id = name.map_or_else(|| URL_SAFE_NO_PAD.encode(&fingerprint[..6]), str::to_owned);
        Ok((Self::new(id, &bytes), fingerprint))
    }

    fn new(id: String, bytes: &[u8]) -> Self {
        Self {
            id,
            encoding: EncodingKey::from_secret(bytes),
            decoding: DecodingKey::from_secret(bytes),
            refresh: Zeroizing::new(mac(bytes, &[b"chat refresh tokens"])),
            derivation: Zeroizing::new(mac(bytes, &[b"chat derived keys"])),
        }
    }

    /// A code over these parts, in the realm of refresh tokens.
    pub(super) fn refresh_mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(self.refresh.as_slice(), parts)
    }
}

fn is_key_id(name: &str) -> bool {
    name.len() <= KEY_ID_BYTES_MAX
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// HMAC-SHA256 over the parts, one after the other: callers give parts of fixed length.
fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SystemIds;

    const A: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const B: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA";

    fn ids(text: &str) -> Vec<String> {
        Keys::parse(text).unwrap().iter().map(|key| key.id.clone()).collect()
    }

    #[test]
    fn names_are_kept_or_made_from_the_key() {
        let made = ids(A).remove(0);
        assert_eq!(made.len(), 8);
        assert_eq!(ids(&format!("# newest first\n\nnew {B}\n  {A}  \r\n")), ["new".to_owned(), made]);
    }

    #[test]
    fn derived_secrets_differ_by_purpose_and_stay_while_a_key_is_put_on_top() {
        let old = Keys::parse(A).unwrap();
        let both = Keys::parse(&format!("{B}\n{A}")).unwrap();
        assert_eq!(old.derive("one"), both.derive("one"));
        assert_ne!(old.derive("one"), old.derive("two"));
        assert_ne!(old.derive("one"), Keys::parse(B).unwrap().derive("one"));
    }

    #[test]
    fn padding_may_be_there() {
        assert_eq!(ids(&format!("{A}=")), ids(A));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_line() {
        let short = "A".repeat(42);
        for (text, error) in [
            (String::new(), KeyError::Empty),
            ("\n# nothing\n  \n".to_owned(), KeyError::Empty),
            (short.clone(), KeyError::Short { line: 1, bits: 248 }),
            (format!("{A}\nold {short}"), KeyError::Short { line: 2, bits: 248 }),
            (format!("{A}\n{A}"), KeyError::Duplicate { line: 2 }),
            (format!("one {A}\ntwo {A}"), KeyError::Duplicate { line: 2 }),
            (format!("one {A}\n\none {B}"), KeyError::Duplicate { line: 3 }),
            (format!("{}!", &A[1..]), KeyError::NotBase64 { line: 1 }),
            (format!("{}/", &A[1..]), KeyError::NotBase64 { line: 1 }),
            (format!("one two {A}"), KeyError::Line { line: 1 }),
            (format!("Schlüssel {A}"), KeyError::Name { line: 1 }),
            (format!("{} {A}", "n".repeat(65)), KeyError::Name { line: 1 }),
        ] {
            assert_eq!(Keys::parse(&text).unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn a_generated_file_can_be_read_and_is_never_the_same() {
        let [one, two] = [0, 1].map(|_| Keys::generate(&SystemIds::default()));
        assert_ne!(one.expose(), two.expose());
        assert_eq!(ids(&format!("{}{}", one.expose(), two.expose())).len(), 2);
    }

    #[test]
    fn nothing_of_a_key_is_shown() {
        let keys = Keys::parse(&format!("name {A}")).unwrap();
        assert_eq!(format!("{keys:?}"), r#"["name"]"#);
    }
}
