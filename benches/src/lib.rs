//! Benchmarks: the engine beside the least program that could do the same, in one run on one machine.
//!
//! `cargo xtask bench [ID…]` builds and runs them. Each id is a file of its name; [`harness`] is what they share,
//! [`raw`] holds the references, [`engine`] is ours, and [`role`] tells which of them a process of its own is to be.
//! Nothing here is used outside of benchmarks, and nothing asserts a time: the table says what came out, people judge.

pub mod acks;
pub mod crowd;
pub mod e1;
pub mod engine;
pub mod f1;
pub mod f2;
pub mod fanout;
pub mod frame;
pub mod h1;
pub mod h2;
pub mod harness;
pub mod m1;
pub mod message;
pub mod nodes;
pub mod p1;
pub mod p2;
pub mod p3;
pub mod raw;
pub mod role;
pub mod s1;
pub mod s2;
pub mod s3;
pub mod sends;
pub mod socket;
