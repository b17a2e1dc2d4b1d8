//! What a server of its own puts around the engine: a store by its URL ([`store`]), the file of signing keys ([`key`]),
//! a line to other processes by its URL ([`notify`]), the mail ([`mail`]) and the files ([`files`]), signals
//! ([`signals`]), what was measured ([`mod@metrics`]), accounts that come from
//! elsewhere ([`accounts`]), and all of that put together ([`host`]). And what servers share that speak another protocol than ours:
//! answers ([`answer`]), sockets ([`mod@line`]), names ([`names`]), pages of history ([`pages`]), times
//! as text ([`dates`]).
//!
//! The engine and its adapters are for applications that have these already. What is here is for those that are a chat
//! server and nothing else: `chat-server`, and the systems under `examples/`. It reads no settings of its own but
//! [`Flags`], which a system flattens into its command line.
//!
//! What it leaves out: what is particular to one server. Operators' commands are `chat-server`'s.

pub mod accounts;
pub mod answer;
pub mod dates;
pub mod files;
pub mod host;
pub mod key;
pub mod line;
pub mod mail;
pub mod metrics;
pub mod names;
pub mod notify;
pub mod pages;
pub mod signals;
pub mod store;

pub use host::{Flags, Host, System, run};
