//! Where the files of messages are: beside the database, unless it is said otherwise.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use chat_attachments::{ObjectFiles, Options};
use chat_core::Files;

/// The folder in the data folder.
const FOLDER: &str = "attachments";

/// Opens this place; a folder is made.
///
/// # Errors
/// When there is no such place.
pub fn open(place: &str, options: Options) -> anyhow::Result<Arc<dyn Files>> {
    // Keys of S3 are where every client of S3 looks for them.
    let known = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
    let known = known.map(|(name, value)| (name.to_ascii_lowercase(), value));
    Ok(Arc::new(ObjectFiles::open_with(place, known, options).context("--attachments")?))
}

/// The place that is meant: a store that forgets has files that are forgotten.
pub fn place(attachments: Option<&str>, is_forgetful: bool, data_dir: &Path) -> String {
    match attachments {
        Some(place) => place.to_owned(),
        None if is_forgetful => "memory:".to_owned(),
        None => data_dir.join(FOLDER).to_string_lossy().into_owned(),
    }
}

/// A place beside another one.
pub fn beside(place: &str, name: &str) -> String {
    if place == "memory:" { place.to_owned() } else { format!("{}-{name}", place.trim_end_matches('/')) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_beside_the_database() {
        assert_eq!(place(None, false, "d".as_ref()), "d/attachments");
        assert_eq!(place(None, true, "d".as_ref()), "memory:");
        assert_eq!(place(Some("s3://b/p"), true, "d".as_ref()), "s3://b/p");
        assert_eq!(beside("d/attachments", "pictures"), "d/attachments-pictures");
        assert_eq!(beside("s3://b/p/", "pictures"), "s3://b/p-pictures");
        assert_eq!(beside("memory:", "pictures"), "memory:");
    }
}
