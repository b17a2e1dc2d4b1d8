//! How far somebody has received and read: two positions, merged by maximum, never going back.

use crate::error::Refusal;
use crate::id::Seq;

/// How far one member has come. `read` ≤ `delivered` ≤ head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Everything up to here was read.
    pub read: Seq,
    /// Everything up to here has reached a device.
    pub delivered: Seq,
}

impl Receipt {
    /// The later of both, in each part; whoever has read has also received.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let read = self.read.max(other.read);
        Self { read, delivered: self.delivered.max(other.delivered).max(read) }
    }

    /// What a client reports, checked against the log's head.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when both are absent, or one is above `head`.
    pub fn reported(read: Option<Seq>, delivered: Option<Seq>, head: Seq) -> Result<Self, Refusal> {
        if read.is_none() && delivered.is_none() {
            return Err(Refusal::invalid("/read", "read or delivered is needed"));
        }
        if read.is_some_and(|seq| seq > head) {
            return Err(Refusal::invalid("/read", "above the last position"));
        }
        if delivered.is_some_and(|seq| seq > head) {
            return Err(Refusal::invalid("/delivered", "above the last position"));
        }
        let reported = Self { read: read.unwrap_or_default(), delivered: delivered.unwrap_or_default() };
        Ok(Self::default().merge(reported))
    }
}
