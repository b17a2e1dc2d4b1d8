//! Randomness for epochs and keys.

use uuid::Uuid;

/// An epoch that never was.
pub(crate) fn random_epoch() -> Uuid {
    uuid::Builder::from_random_bytes(random()).into_uuid()
}

/// Bytes of the system's randomness.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("without the system's randomness no key can be made");
    bytes
}
