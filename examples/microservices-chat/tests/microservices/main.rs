//! The services as their clients see them, every route of them: in one process on two files, and in four on MariaDB and
//! MongoDB. What each does, what it refuses, and each fault that the original had.

mod accounts;
mod common;
mod conversations;
mod friends;
mod kills;
mod pictures;
mod realtime;
mod start;
