//! The services as their clients see them: in one process on two files, and in four on MariaDB and MongoDB.

mod common;
mod realtime;
mod services;
