//! Every statement, by name, with the index it walks.
//!
//! `tenant` comes first in every key, so it is always the first condition. "Key" is the primary key of the table that
//! is read first; the tables are clustered on it. Parameters are `?`, in order, each once.
//!
//! Where a statement must not walk the key, the index is named with `INDEXED BY`: SQLite takes the key for cheaper
//! whenever it has no statistics, and then reads a whole conversation, or a whole tenant. Other databases have
//! statistics, and leave the words out.

/// Names statements.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: &str = $text;)*

        /// All of them, by name.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

#[macro_use]
mod access;
pub(crate) mod check;
#[macro_use]
mod people;
#[macro_use]
mod talk;
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
