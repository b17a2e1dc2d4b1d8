//! The suite that proves a store: every sentence of the contract as one named test, the same on every store.
//!
//! A store crate writes a [`Fixture`] and one line:
//!
//! ```
//! # #[cfg(test)] mod tests {
//! chat_core::conformance::suite!(Memory);
//! # }
//! # use chat_core::conformance::Memory;
//! ```
//!
//! Each case is a plain `async fn` over a fresh store ([`Subject`]), grouped by part of the contract, and becomes one
//! test of its own, so that one failure hides no other. There are no capability flags: a store keeps the whole
//! contract or it is none. What the suite leaves out is speed, and faults of the machine; for schedules and lost
//! calls there are [`Gates`] and [`Faults`], which make any store stop or fail where a test says.

#![expect(clippy::unwrap_used, reason = "a case that fails is a panic")]

pub mod accounts;
pub mod attachments;
pub mod changes;
pub mod conversations;
pub mod copies;
pub mod crowds;
pub mod durability;
pub mod effects;
pub mod friendships;
pub mod isolation;
pub mod log;
pub mod lost_calls;
pub mod marks;
pub mod members;
pub mod memberships;
pub mod numbers;
pub mod one_state;
pub mod order;
pub mod parity;
pub mod races;
pub mod receipt_log;
pub mod receipts;
pub mod repeats;
pub mod schedules;
pub mod sessions;
pub mod tenants;
pub mod text;
pub mod times;
pub mod transfer;
pub mod two_engines;
pub mod unicode;
pub mod unread;
pub mod walks;
pub mod windows;

mod evening;
mod failing;
mod fixture;
mod gated;
mod intercept;
mod node;
mod scene;
#[macro_use]
mod suite;
mod world;

pub use self::failing::{Faults, Loss};
pub use self::fixture::{Database, Fixture, Memory, Split, Subject, check};
pub use self::gated::{Gate, Gates};
pub use crate::conformance_parity as parity;
pub use crate::conformance_suite as suite;
