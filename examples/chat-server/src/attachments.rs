//! Where the files of messages are: beside the database, unless it is said otherwise.

use std::sync::Arc;

use anyhow::Context as _;
use chat_attachments::{ObjectFiles, Options, Types};
use chat_core::Files;

use crate::settings::Settings;

/// The folder in the data folder.
const FOLDER: &str = "attachments";

/// Opens the place of the settings; a folder is made.
///
/// # Errors
/// When there is no such place, or a type of files that is none.
pub(crate) fn open(settings: &Settings) -> anyhow::Result<Arc<dyn Files>> {
    let types = Types::new(&settings.attachment_type).context("--attachment-type")?;
    let options = Options::default().types(types).pixels_max(settings.limit.attachment_pixels_max);
    // Keys of S3 are where every client of S3 looks for them.
    let known = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
    let known = known.map(|(name, value)| (name.to_ascii_lowercase(), value));
    let files = ObjectFiles::open_with(&place(settings), known, options).context("--attachments")?;
    Ok(Arc::new(files))
}

/// A store that forgets has files that are forgotten.
fn place(settings: &Settings) -> String {
    match (&settings.attachments, settings.store.as_deref()) {
        (Some(place), _) => place.clone(),
        (None, Some("memory:")) => "memory:".to_owned(),
        (None, _) => settings.data_dir.join(FOLDER).to_string_lossy().into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_beside_the_database() {
        let settings = Settings { data_dir: "d".into(), ..Settings::default() };
        assert_eq!(place(&settings), "d/attachments");
        let forgetful = Settings { store: Some("memory:".to_owned()), ..settings.clone() };
        assert_eq!(place(&forgetful), "memory:");
        let elsewhere = Settings { attachments: Some("s3://b/p".to_owned()), ..settings };
        assert_eq!(place(&elsewhere), "s3://b/p");
    }
}
