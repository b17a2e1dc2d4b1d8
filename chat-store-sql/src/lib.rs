//! Stores on SQL databases. Today SQLite ([`sqlite`]); what decides and what is said to the database is kept apart
//! from how it is said, so that others stand beside it.
//!
//! - `plan` decides an append from what was read: no I/O, no dialect.
//! - `statements` holds every statement by name, with the index it walks.
//! - `codec` turns values of the core into columns that every database has.

mod codec;
mod plan;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod statements;
