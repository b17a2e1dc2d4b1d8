//! Every statement, by name, with the index it walks.
//!
//! `tenant` comes first in every key, so it is always the first condition. "Key" is the primary key of the table that
//! is read first; the tables are clustered on it. Parameters are `?`, in order, each once.
//!
//! Where a statement must not walk the key, the index is named with `INDEXED BY`: SQLite takes the key for cheaper
//! whenever it has no statistics, and then reads a whole conversation, or a whole tenant. Other databases leave the
//! words out.
//!
//! SQLite is asked key by key, a call away. Servers are asked for many keys at once ([`batched`]), each call being a
//! way there and back; how such a statement is written is told where it is rewritten.

/// Names statements.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: &str = $text;)*

        /// All of them, by name.
        #[cfg(any(test, feature = "postgres", feature = "mysql"))]
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

#[macro_use]
mod access;
pub(crate) mod attachments;
pub(crate) mod check;
#[macro_use]
mod people;
pub(crate) mod reads;
#[macro_use]
mod talk;
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) mod server;
pub(crate) mod transfer;

pub(crate) use self::access::sessions;
pub(crate) use self::people::{accounts, friendships};
pub(crate) use self::talk::{conversations, log, members};

/// What the file says about itself.
pub(crate) mod meta {
    statements! {
        READ = "SELECT epoch, digest_key FROM chat_meta WHERE id = 1";
        WRITE = "INSERT INTO chat_meta (id, epoch, digest_key) VALUES (1, ?, ?)";
        RENEW = "UPDATE chat_meta SET epoch = ? WHERE id = 1";
        REPLACE = "UPDATE chat_meta SET epoch = ?, digest_key = ? WHERE id = 1";
    }
}

/// The same for many keys at once.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) mod batched {
    pub(crate) use super::access::batched::sessions;
    pub(crate) use super::attachments::batched as attachments;
    pub(crate) use super::people::batched::{accounts, friendships};
    pub(crate) use super::talk::batched::{conversations, log, members};
}

/// Every statement a server may be sent, by name.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let groups = [
        friendships::ALL,
        accounts::ALL,
        sessions::ALL,
        attachments::ALL,
        conversations::ALL,
        members::ALL,
        log::ALL,
        meta::ALL,
        reads::ALL,
        reads::batched::ALL,
        check::ALL,
        transfer::ALL,
        batched::friendships::ALL,
        batched::accounts::ALL,
        batched::sessions::ALL,
        batched::attachments::ALL,
        batched::conversations::ALL,
        batched::members::ALL,
        batched::log::ALL,
        server::ALL,
        #[cfg(feature = "postgres")]
        server::postgres::ALL,
        #[cfg(feature = "mysql")]
        server::mysql::ALL,
    ];
    groups.into_iter().flatten().copied()
}
