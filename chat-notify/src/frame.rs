//! What goes over the wire: several notices under one version byte, and one signature where there is a key.
//!
//! ```text
//! unsigned  1 0 notices…
//! signed    1 1 sender(16) time(8) number(8) notices… mac(16)
//! ```
//!
//! `sender` is random for each process, `number` counts its frames, `time` is its clock in milliseconds, `mac` the first
//! 16 bytes of HMAC-SHA-256 over all before it. A frame is believed once: its number must not have been seen, within a
//! window of the last [`WINDOW`] of its sender, and it must not be older than [`AGE_MAX`], so that what was recorded is
//! worth nothing to a node that has just started. Clocks may differ by that much less what a line delays.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chat_core::Notice;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use crate::notice::{self, Read};

const VERSION: u8 = 1;
const UNSIGNED: u8 = 0;
const SIGNED: u8 = 1;
const MAC_BYTES: usize = 16;
/// How old a signed frame may be by the clock of who reads it, and how far ahead of it.
const AGE_MAX: Duration = Duration::from_mins(15);
/// How many frames of one sender may arrive out of order: as many as wait to be told, for lines with a queue for each
/// topic give them out in whatever order they like.
const WINDOW: u64 = 64 * WORDS as u64;
const WORDS: usize = 128;
/// Senders that are remembered; the one silent for longest makes room.
const SENDERS_MAX: usize = 1_024;

/// The secret that all nodes of a cluster share: at least 32 bytes; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterKey(Vec<u8>);

/// A key of less than 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cluster key has at least 32 bytes")]
pub struct WeakKey;

impl ClusterKey {
    /// The key of these bytes.
    ///
    /// # Errors
    /// [`WeakKey`] when they are fewer than 32.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, WeakKey> {
        let bytes = bytes.into();
        if bytes.len() < 32 { Err(WeakKey) } else { Ok(Self(bytes)) }
    }

    fn mac(&self, bytes: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key may have any length");
        mac.update(bytes);
        mac
    }
}

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterKey(…)")
    }
}

fn millis_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Makes the frames of one process.
#[derive(Debug)]
pub(crate) struct Sealer {
    key: Option<ClusterKey>,
    sender: Uuid,
    number: u64,
}

impl Sealer {
    /// A new sender.
    pub(crate) fn new(key: Option<ClusterKey>) -> Self {
        Self { key, sender: Uuid::now_v7(), number: 0 }
    }

    /// A frame of these notices.
    pub(crate) fn seal(&mut self, notices: &[Notice]) -> Vec<u8> {
        self.seal_at(notices, millis_now())
    }

    fn seal_at(&mut self, notices: &[Notice], now: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(50 + notices.len() * notice::BYTES_MAX);
        if self.key.is_some() {
            self.number += 1;
            bytes.extend([VERSION, SIGNED]);
            bytes.extend_from_slice(self.sender.as_bytes());
            bytes.extend_from_slice(&now.to_be_bytes());
            bytes.extend_from_slice(&self.number.to_be_bytes());
        } else {
            bytes.extend([VERSION, UNSIGNED]);
        }
        for notice in notices {
            notice::write(notice, &mut bytes);
        }
        if let Some(key) = &self.key {
            let mac = key.mac(&bytes).finalize().into_bytes();
            bytes.extend_from_slice(&mac[..MAC_BYTES]);
        }
        bytes
    }

    /// How many notices fit into a frame of so many bytes.
    #[cfg(any(feature = "postgres", test))]
    pub(crate) const fn notices_max(bytes: usize) -> usize {
        (bytes - 2 - 32 - MAC_BYTES) / notice::BYTES_MAX
    }
}

/// Why a frame is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is of another version.
    Version,
    /// It is no frame.
    Garbage,
    /// Its signature is wrong, or it has none.
    Signature,
    /// It was seen before, or is too old.
    Replay,
}

impl Refused {
    /// Its name in the metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Garbage => "garbage",
            Self::Signature => "signature",
            Self::Replay => "replay",
        }
    }
}

/// Reads the frames of all processes.
#[derive(Debug)]
pub(crate) struct Opener {
    key: Option<ClusterKey>,
    senders: HashMap<Uuid, Seen>,
}

/// Which frames of a sender were seen.
#[derive(Debug)]
struct Seen {
    highest: u64,
    /// Bit `number % WINDOW` stands for that frame, of the last [`WINDOW`].
    window: Box<[u64; WORDS]>,
    at: u64,
}

impl Opener {
    pub(crate) fn new(key: Option<ClusterKey>) -> Self {
        Self { key, senders: HashMap::new() }
    }

    /// The notices of a frame.
    ///
    /// # Errors
    /// Why it is not believed: nothing of it is used then.
    pub(crate) fn open(&mut self, frame: &[u8]) -> Result<Vec<Notice>, Refused> {
        self.open_at(frame, millis_now())
    }

    fn open_at(&mut self, frame: &[u8], now: u64) -> Result<Vec<Notice>, Refused> {
        let (&[version, signing], body) = frame.split_first_chunk().ok_or(Refused::Garbage)?;
        let body = match (version, signing, &self.key) {
            (VERSION, UNSIGNED, None) => body,
            (VERSION, UNSIGNED, Some(_)) => return Err(Refused::Signature),
            // Without a key nothing can be told of the signature; what it holds is no worse than unsigned.
            (VERSION, SIGNED, None) => head(body)?.3,
            (VERSION, SIGNED, Some(key)) => {
                let (signed, mac) = frame.split_at(frame.len().saturating_sub(MAC_BYTES));
                let (sender, time, number, notices) = head(body)?;
                key.mac(signed).verify_truncated_left(mac).map_err(|_| Refused::Signature)?;
                self.take(sender, time, number, now)?;
                notices
            }
            (VERSION, _, _) => return Err(Refused::Garbage),
            (_, _, _) => return Err(Refused::Version),
        };
        read_all(body)
    }

    /// Notes a frame of a sender, once.
    fn take(&mut self, sender: Uuid, time: u64, number: u64, now: u64) -> Result<(), Refused> {
        if u128::from(time.abs_diff(now)) > AGE_MAX.as_millis() {
            return Err(Refused::Replay);
        }
        if !self.senders.contains_key(&sender) && self.senders.len() == SENDERS_MAX {
            let silent = self.senders.iter().min_by_key(|(_, seen)| seen.at).map(|(sender, _)| *sender);
            silent.map(|sender| self.senders.remove(&sender));
        }
        let seen =
            self.senders.entry(sender).or_insert(Seen { highest: 0, window: Box::new([0; WORDS]), at: now });
        seen.at = now;
        if seen.take(number) { Ok(()) } else { Err(Refused::Replay) }
    }
}

impl Seen {
    fn take(&mut self, number: u64) -> bool {
        if number > self.highest {
            let first = number.saturating_sub(WINDOW).max(self.highest) + 1;
            (first..number).for_each(|between| self.set(between, false));
            self.highest = number;
        } else if number == 0 || self.highest - number >= WINDOW || self.is_set(number) {
            return false;
        }
        self.set(number, true);
        true
    }

    fn is_set(&self, number: u64) -> bool {
        let (word, bit) = place(number);
        self.window[word] & bit != 0
    }

    fn set(&mut self, number: u64, seen: bool) {
        let (word, bit) = place(number);
        if seen {
            self.window[word] |= bit;
        } else {
            self.window[word] &= !bit;
        }
    }
}

/// Which word of a window, and which bit of it.
fn place(number: u64) -> (usize, u64) {
    let word = number / 64 % WORDS as u64;
    (usize::try_from(word).expect("there are few words"), 1 << (number % 64))
}

/// Sender, time, number and notices of a signed frame behind its first two bytes.
fn head(body: &[u8]) -> Result<(Uuid, u64, u64, &[u8]), Refused> {
    let parts = || {
        let (sender, rest) = body.split_first_chunk()?;
        let (time, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (notices, _) = rest.split_at_checked(rest.len().checked_sub(MAC_BYTES)?)?;
        Some((Uuid::from_bytes(*sender), u64::from_be_bytes(*time), u64::from_be_bytes(*number), notices))
    };
    parts().ok_or(Refused::Garbage)
}

fn read_all(mut bytes: &[u8]) -> Result<Vec<Notice>, Refused> {
    let mut notices = Vec::new();
    while !bytes.is_empty() {
        match notice::read(&mut bytes).ok_or(Refused::Garbage)? {
            Read::Notice(notice) => notices.push(notice),
            Read::Unknown => metrics::counter!("chat_notices_refused", "why" => "kind").increment(1),
        }
    }
    Ok(notices)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::notice::tests::all;

    const NOW: u64 = 1_800_000_000_000;

    fn key(byte: u8) -> Option<ClusterKey> {
        ClusterKey::new([byte; 32]).ok()
    }

    #[test]
    fn frames_come_back_as_they_went() {
        for key in [None, key(1)] {
            let (mut sealer, mut opener) = (Sealer::new(key.clone()), Opener::new(key));
            for _ in 0..3 {
                assert_eq!(opener.open(&sealer.seal(&all())), Ok(all()));
            }
            assert_eq!(opener.open(&sealer.seal(&[])), Ok(Vec::new()));
        }
    }

    #[test]
    fn what_is_not_signed_with_the_key_is_refused() {
        let mut opener = Opener::new(key(1));
        assert_eq!(opener.open(&Sealer::new(None).seal(&all())), Err(Refused::Signature));
        assert_eq!(opener.open(&Sealer::new(key(2)).seal(&all())), Err(Refused::Signature));
        let frame = Sealer::new(key(1)).seal(&all());
        for at in 2..frame.len() {
            let mut forged = frame.clone();
            forged[at] ^= 1;
            assert_eq!(opener.open(&forged), Err(Refused::Signature), "byte {at}");
        }
        assert_eq!(opener.open(&frame), Ok(all()));
    }

    #[test]
    fn a_frame_is_believed_once() {
        let (mut sealer, mut opener) = (Sealer::new(key(1)), Opener::new(key(1)));
        let frames: Vec<_> = (0..200).map(|_| sealer.seal_at(&all(), NOW)).collect();
        for nth in [5, 3, 4, 150] {
            assert_eq!(opener.open_at(&frames[nth], NOW), Ok(all()), "{nth}");
            assert_eq!(opener.open_at(&frames[nth], NOW), Err(Refused::Replay), "{nth} again");
        }
    }

    #[test]
    fn a_window_of_frames_may_come_in_any_order() {
        let mut seen = Seen { highest: 0, window: Box::new([0; WORDS]), at: NOW };
        assert!(!seen.take(0) && seen.take(1) && seen.take(WINDOW - 1) && seen.take(2));
        assert!(seen.take(3 * WINDOW), "far ahead");
        assert!(!seen.take(2 * WINDOW), "behind the window, and never seen");
        for number in (2 * WINDOW + 1..3 * WINDOW).rev() {
            assert!(seen.take(number) && !seen.take(number), "{number}");
        }
        assert!(seen.take(3 * WINDOW + 2) && !seen.take(2 * WINDOW + 2) && seen.take(3 * WINDOW + 1));
    }

    #[test]
    fn what_was_recorded_long_ago_is_worth_nothing() {
        let frame = Sealer::new(key(1)).seal_at(&all(), NOW);
        for (now, expected) in [
            (NOW + 900_000, Ok(all())),
            (NOW + 900_001, Err(Refused::Replay)),
            (NOW - 900_000, Ok(all())),
            (NOW - 900_001, Err(Refused::Replay)),
        ] {
            assert_eq!(Opener::new(key(1)).open_at(&frame, now), expected, "{now}");
        }
    }

    #[test]
    fn senders_are_bounded() {
        let mut opener = Opener::new(key(1));
        for nth in 0..2_000 {
            opener.open_at(&Sealer::new(key(1)).seal_at(&[], NOW + nth), NOW + nth).unwrap();
        }
        assert_eq!(opener.senders.len(), SENDERS_MAX);
    }

    #[test]
    fn other_versions_are_told_from_garbage() {
        let mut opener = Opener::new(None);
        assert_eq!(opener.open(&[2, 0]), Err(Refused::Version));
        for garbage in [&[][..], &[1], &[1, 9], &[1, 0, 1], &[1, 1, 0, 0]] {
            assert_eq!(opener.open(garbage), Err(Refused::Garbage), "{garbage:?}");
        }
    }

    #[test]
    fn keys_are_long_and_never_shown() {
        assert_eq!(ClusterKey::new([7; 31]), Err(WeakKey));
        assert_eq!(format!("{:?}", ClusterKey::new([7; 32]).unwrap()), "ClusterKey(…)");
    }

    #[test]
    fn as_many_notices_fit_as_are_said_to() {
        let most = Sealer::notices_max(5_900);
        let largest = all()[7];
        assert!(Sealer::new(key(1)).seal(&vec![largest; most]).len() <= 5_900);
    }

    proptest! {
        #[test]
        fn anything_at_all_is_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Opener::new(None).open(&bytes);
            prop_assert!(Opener::new(key(1)).open(&bytes).is_err());
        }
    }
}
