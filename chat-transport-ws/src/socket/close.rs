//! Why a socket ends, and what its peer is told.

use std::time::Duration;

use super::frame::Fault;

/// Why the server closes a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// The server is shutting down.
    ShuttingDown,
    /// What came were not frames.
    Framing,
    /// Binary data came.
    Binary,
    /// What came was not UTF-8.
    NotUtf8,
    /// Too much came that cannot be parsed.
    Malformed,
    /// A message over the limit came.
    TooLarge,
    /// There is no room, or nothing answers.
    Overloaded,
    /// The token is refused, or the login has ended.
    Unauthenticated,
    /// Nobody has shown in time who he is.
    Silent,
    /// The peer takes too long.
    TooSlow,
    /// The peer sends or has too much.
    TooMuch,
}

impl Close {
    /// The code on the wire.
    pub(super) const fn code(self) -> u16 {
        match self {
            Self::ShuttingDown => 1001,
            Self::Framing => 1002,
            Self::Binary => 1003,
            Self::NotUtf8 => 1007,
            Self::Malformed => 1008,
            Self::TooLarge => 1009,
            Self::Overloaded => 1013,
            Self::Unauthenticated => 4401,
            Self::Silent => 4408,
            Self::TooSlow => 4409,
            Self::TooMuch => 4429,
        }
    }

    /// Whether a `closing` event comes before it: where browsers, or proxies between, may hide the code.
    pub(super) const fn is_announced(self) -> bool {
        match self {
            Self::ShuttingDown | Self::Overloaded | Self::Unauthenticated | Self::TooSlow | Self::TooMuch => {
                true
            }
            Self::Framing
            | Self::Binary
            | Self::NotUtf8
            | Self::Malformed
            | Self::TooLarge
            | Self::Silent => false,
        }
    }

    /// Whether the frames that still come make sense.
    pub(super) const fn still_decodes(self) -> bool {
        !matches!(self, Self::Framing | Self::Binary | Self::NotUtf8 | Self::TooLarge)
    }

    /// When the peer may come back, spread by `random` over a while: thousands are told the same at once.
    pub(super) fn retry_after(self, random: u16) -> Option<Duration> {
        let spread = |from: u64, to: u64| {
            Some(Duration::from_millis(from + (to - from) * u64::from(random) / u64::from(u16::MAX)))
        };
        match self {
            Self::ShuttingDown => spread(500, 5_000),
            Self::Overloaded => spread(2_000, 20_000),
            Self::TooMuch => spread(10_000, 20_000),
            _ => None,
        }
    }
}

impl From<Fault> for Close {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Framing => Self::Framing,
            Fault::Binary => Self::Binary,
            Fault::NotUtf8 => Self::NotUtf8,
            Fault::TooLarge => Self::TooLarge,
        }
    }
}

/// How a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The server closes it; requests under way are answered first.
    Answered(Close),
    /// The server closes it at once.
    Now(Close),
    /// The peer has closed it, with this code.
    ByPeer(Option<u16>),
    /// The connection has gone.
    Gone,
}

impl Ending {
    /// The code it ends with, if any.
    pub(super) const fn code(self) -> Option<u16> {
        match self {
            Self::Answered(close) | Self::Now(close) => Some(close.code()),
            Self::ByPeer(code) => code,
            Self::Gone => None,
        }
    }
}
