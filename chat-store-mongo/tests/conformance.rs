//! The contract of stores, on two servers that speak the protocol of MongoDB.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

mod common;

mod first {
    use super::common::FIRST;

    chat_core::conformance::suite!(FIRST);
}

mod second {
    use super::common::SECOND;

    chat_core::conformance::suite!(SECOND);
}

/// Compared with the store in memory over random operations through the engine, and call by call.
mod parity {
    use super::common::{FIRST, SECOND};

    chat_core::conformance::parity!(first, FIRST);
    chat_core::conformance::parity!(second, SECOND);
}
