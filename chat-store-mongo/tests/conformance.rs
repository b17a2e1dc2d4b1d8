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
