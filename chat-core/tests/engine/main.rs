//! The engine on the store in memory, from the outside: what a host and a transport see of it.

mod common;
mod delivery;
mod messages;
mod nodes;
