//! The engine on the store in memory, from the outside: what a host and a transport see of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod attachments;
mod cluster;
mod common;
mod deletion;
mod delivery;
mod faults;
mod memberships;
mod messages;
mod nodes;
mod presence;
mod reads;
mod resume;
mod rights;
mod split;
mod storm;
