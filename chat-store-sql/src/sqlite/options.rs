//! How a file is opened.

use std::path::PathBuf;

use chat_core::id::Tenant;

/// Where the file is and how it is used.
///
/// ```
/// use chat_store_sql::sqlite::{Durability, SqliteOptions};
///
/// let options = SqliteOptions::new("chat.db").durability(Durability::Full).readers(2);
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SqliteOptions {
    pub(super) path: PathBuf,
    pub(super) tenant: Tenant,
    pub(super) durability: Durability,
    pub(super) readers: usize,
    pub(super) cache_bytes: u32,
}

/// What an acknowledgement is worth when the power fails. A killed process loses nothing in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// What was acknowledged is on disk.
    #[default]
    Full,
    /// What was acknowledged in the last moments before a power failure may be gone; the file stays whole.
    Normal,
}

impl SqliteOptions {
    /// The file at `path`, made when it is not there, fully durable, for the default tenant.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            path: path.into(),
            tenant: Tenant::default(),
            durability: Durability::default(),
            readers: processors.clamp(2, 4),
            cache_bytes: 64 << 20,
        }
    }

    /// Whose data the store serves.
    pub fn tenant(self, tenant: Tenant) -> Self {
        Self { tenant, ..self }
    }

    /// What an acknowledgement is worth.
    pub fn durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// How many threads read, at least one.
    pub fn readers(self, readers: usize) -> Self {
        Self { readers: readers.max(1), ..self }
    }

    /// Memory for pages: so much for the writer, and a quarter of it for each reader.
    pub fn cache_bytes(self, cache_bytes: u32) -> Self {
        Self { cache_bytes, ..self }
    }
}
