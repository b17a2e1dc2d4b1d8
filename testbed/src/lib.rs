//! What tests need of the world: private databases, processes that end with their owner, and lines that can be cut.
//!
//! - [`services`]: databases on free ports with data of their own, which can be killed, paused and started again.
//! - [`process`]: a program that is never left running, however its owner ends.
//! - [`proxy`]: a line to a server that a test can cut, stall, delay, or let lose a reply.
//! - [`balancer`]: one address for several servers.
//! - [`mailbox`]: what a mail server received.
//! - [`system`]: a server of ours as a process.
//! - `people` (a feature): those who use it, over HTTP and sockets.
//! - [`programs`]: what is on this machine, and installing what is not.
//!
//! `cargo xtask test` starts what the tests share and passes the URLs on in the environment; a test that wants to hurt
//! a database starts its own. What this crate leaves out is every client of a database: it knows programs and bytes
//! only, so that no mistake can be shared with the stores under test.

pub mod balancer;
pub mod mailbox;
#[cfg(feature = "people")]
pub mod people;
pub mod process;
pub mod programs;
pub mod proxy;
pub mod services;
pub mod system;
