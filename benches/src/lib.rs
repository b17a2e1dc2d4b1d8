//! Benchmarks: the engine beside the least program that could do the same, in one run on one machine.
//!
//! `cargo xtask bench [ID…]` builds and runs them. Each id is a file of its name; [`harness`] is what they share,
//! [`raw`] holds the references, [`role`] the servers that are measured in a process of their own. Nothing here is
//! used outside of benchmarks, and nothing asserts a time: the table says what came out, people judge it.

pub mod crowd;
pub mod fanout;
pub mod frame;
pub mod harness;
pub mod raw;
pub mod role;
pub mod socket;
