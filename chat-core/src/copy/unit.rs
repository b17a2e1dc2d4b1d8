//! What is copied and compared by itself.

use async_trait::async_trait;

use super::print::Fingerprint;
use super::{CopyError, Job, Part};
use crate::store::{Store, StoreError};

/// What is copied and compared by itself.
#[async_trait]
pub(super) trait Unit: Send + Sync {
    /// What it is to others.
    fn part(&self) -> Part;

    /// Puts what differs, and answers whether anything did.
    async fn copy(&self, job: &Job<'_>) -> Result<bool, CopyError>;

    /// Puts everything that may differ, also where nothing shows that it does.
    async fn copy_anew(&self, job: &Job<'_>) -> Result<(), CopyError>;

    /// What one side has of it.
    async fn fingerprint(&self, of: &dyn Store) -> Result<Fingerprint, StoreError>;
}
