//! Where files are, by name: a folder, a URL, or memory.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use url::Url;

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is a URL of something this build does not know.
    #[error("attachments are in a folder, at s3://BUCKET/PREFIX, or in memory:")]
    Unknown,
    /// The folder cannot be made.
    #[error("the folder for attachments cannot be made")]
    Folder(#[source] std::io::Error),
    /// The storage refuses what the URL says.
    #[error("the storage of attachments cannot be used")]
    Storage(#[source] object_store::Error),
}

/// What a storage is told beside its URL, as names and values (`aws_access_key_id`, `aws_endpoint`, …).
pub(crate) type Settings = Vec<(String, String)>;

/// The storage of this name.
pub(crate) fn open(place: &str, settings: Settings) -> Result<Arc<dyn ObjectStore>, OpenError> {
    if place == "memory:" {
        return Ok(Arc::new(InMemory::new()));
    }
    match Url::parse(place) {
        Ok(url) if place.contains("://") => remote(&url, settings),
        _ => folder(std::path::Path::new(place)),
    }
}

fn folder(path: &std::path::Path) -> Result<Arc<dyn ObjectStore>, OpenError> {
    std::fs::create_dir_all(path).map_err(OpenError::Folder)?;
    let folder = LocalFileSystem::new_with_prefix(path).map_err(OpenError::Storage)?;
    Ok(Arc::new(folder.with_fsync(true).with_automatic_cleanup(true)))
}

/// What the query of the URL says wins.
fn remote(url: &Url, mut settings: Settings) -> Result<Arc<dyn ObjectStore>, OpenError> {
    if !is_known(url.scheme()) {
        return Err(OpenError::Unknown);
    }
    settings.extend(url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())));
    let mut bare = url.clone();
    bare.set_query(None);
    let (store, prefix) = object_store::parse_url_opts(&bare, settings).map_err(OpenError::Storage)?;
    Ok(if prefix == Path::default() { Arc::from(store) } else { Arc::new(PrefixStore::new(store, prefix)) })
}

fn is_known(scheme: &str) -> bool {
    cfg!(feature = "s3") && scheme == "s3"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_folders_urls_or_memory() {
        assert_eq!(open("memory:", Vec::new()).unwrap().to_string(), "InMemory");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        assert!(open(path.to_str().unwrap(), Vec::new()).unwrap().to_string().starts_with("LocalFileSystem"));
        assert!(path.is_dir());
        for unknown in ["ftp://host/x", "https://host/x", "redis://host"] {
            assert!(matches!(open(unknown, Vec::new()), Err(OpenError::Unknown)), "{unknown}");
        }
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(open(file.join("x").to_str().unwrap(), Vec::new()), Err(OpenError::Folder(_))));
    }

    #[cfg(feature = "s3")]
    #[test]
    fn a_url_says_bucket_and_prefix() {
        let url = "s3://bucket/some/prefix?aws_region=eu-central-1&aws_endpoint=http://127.0.0.1:9000&aws_allow_http=true";
        let shown = open(url, Vec::new()).unwrap().to_string();
        assert!(shown.contains("some/prefix"), "{shown}");
    }
}
