//! The parity test against a second store in memory: it shows that the comparison itself is deterministic.

use chat_core::conformance::Memory;

chat_core::conformance::parity!(parity, Memory);
