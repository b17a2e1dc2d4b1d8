//! Files that hang on messages: what is known of them, and [`Files`], where their bytes are.
//!
//! A file is begun, its bytes come in as many pieces as the line allows, it is looked at, and then it waits for the
//! message that it will hang on. Until then it is its owner's alone; afterwards whoever may see the message may see it,
//! and with the message it goes. What a client says of a file but its name counts for nothing: type and size are found
//! out, and a picture is made anew from its pixels.
//!
//! This crate does no I/O: bytes are streams from a transport into a [`Files`] and back.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::error::{ChatError, Refusal};
use crate::id::AttachmentId;
use crate::store::{Source, StoreError};

/// Longest name of a file, in code points.
const NAME_CODEPOINTS_MAX: usize = 255;

/// What a file is called: 1–255 code points without control, direction-override and path characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FileName(String);

impl FileName {
    /// A name. What stands before the last slash or backslash is where it was on somebody's disk, and is left out.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for another form.
    pub fn new(text: &str) -> Result<Self, Refusal> {
        let name = text.rsplit(['/', '\\']).next().unwrap_or_default();
        let is_blank = name.chars().all(|c| c.is_whitespace() || c == '.');
        let is_hidden =
            |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if is_blank || name.chars().count() > NAME_CODEPOINTS_MAX || name.chars().any(is_hidden) {
            return Err(Refusal::invalid("/name", "not a name of a file"));
        }
        Ok(Self(name.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FileName {
    /// Names tell what people write about, and never reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileName({} bytes)", self.0.len())
    }
}

/// Width and height of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

/// One form in which a file is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// What it was found to be.
    pub content_type: String,
    /// How long it is.
    pub bytes: u64,
    /// How large, for a picture.
    pub size: Option<Size>,
}

/// A file that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Which.
    pub id: AttachmentId,
    /// What its owner called it.
    pub name: FileName,
    /// The file.
    pub file: Rendition,
    /// A small picture of it.
    pub thumbnail: Option<Rendition>,
}

impl Attachment {
    /// One of its forms.
    pub const fn rendition(&self, form: Form) -> Option<&Rendition> {
        match form {
            Form::File => Some(&self.file),
            Form::Thumbnail => self.thumbnail.as_ref(),
        }
    }
}

/// Which form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// The file itself.
    File,
    /// The small picture of it.
    Thumbnail,
}

/// A file that will come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUpload {
    /// What it is called.
    pub name: FileName,
    /// How long it will be, where that is known: then it may come in pieces.
    pub bytes: Option<u64>,
}

/// How far a file has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Which.
    pub id: AttachmentId,
    /// What it is called.
    pub name: FileName,
    /// How long it will be.
    pub bytes: Option<u64>,
    /// How much of it is there: where to go on.
    pub received: u64,
    /// The file, once it is whole.
    pub attachment: Option<Attachment>,
}

/// Bytes on their way.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// Why bytes were not taken or given.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There are more than may be.
    #[error("too large")]
    TooLarge,
    /// It is of a type that is not taken.
    #[error("of a type that is not taken")]
    Unsupported,
    /// It says to be a picture and is none, or one that is too large; says why.
    #[error("{0}")]
    Unreadable(&'static str),
    /// The stream broke off. What came before stays, as far as it is kept.
    #[error("the stream broke off")]
    Cut,
    /// There is no such file.
    #[error("not there")]
    Missing,
    /// Where the bytes are does not answer.
    #[error("the storage failed")]
    Storage(#[source] Source),
}

impl FileError {
    /// The storage failed.
    pub fn storage(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Storage(Arc::from(source.into()))
    }
}

impl From<FileError> for ChatError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::TooLarge => Refusal::TooLarge.into(),
            FileError::Unsupported => Refusal::UnsupportedType.into(),
            FileError::Unreadable(reason) => Refusal::invalid("", reason).into(),
            FileError::Cut => Refusal::Incomplete.into(),
            FileError::Missing => Refusal::NotFound.into(),
            FileError::Storage(source) => Self::Unavailable(Some(StoreError::Unavailable(source))),
        }
    }
}

/// Where the bytes of attachments are.
///
/// # Contract
/// - Nothing is ever wholly in memory but what is bounded by the number of its pixels, and little at a time.
/// - What was answered `Ok` is kept. Of a file that is coming whole pieces are kept, whose length is the
///   implementation's own: [`received`](Self::received) tells how many bytes they make.
/// - Rights, names and lifetimes are the engine's affair. It calls for one file one method at a time on this node.
#[async_trait]
pub trait Files: Send + Sync + 'static {
    /// How many bytes of a coming file are kept.
    ///
    /// # Errors
    /// [`FileError::Storage`].
    async fn received(&self, id: AttachmentId) -> Result<u64, FileError>;

    /// Takes more bytes of a coming file, of which `from` are there; answers how many there are then.
    ///
    /// # Errors
    /// [`FileError::TooLarge`] when the file would have more than `bytes_max`, [`FileError::Cut`] when the stream
    /// fails, [`FileError::Storage`].
    async fn receive(
        &self,
        id: AttachmentId,
        from: u64,
        bytes_max: u64,
        body: ByteStream,
    ) -> Result<u64, FileError>;

    /// Makes a file of what has come, so long: finds out what it is, makes a picture anew, and a small one of it.
    /// Done twice it is done once: what it was made of stays until [`clear`](Self::clear).
    ///
    /// # Errors
    /// [`FileError::Unsupported`] and [`FileError::Unreadable`] for what is not taken, [`FileError::Storage`].
    async fn finish(&self, id: AttachmentId, bytes: u64) -> Result<Finished, FileError>;

    /// Takes away what a file was made of, once it is known to be whole.
    ///
    /// # Errors
    /// [`FileError::Storage`].
    async fn clear(&self, id: AttachmentId) -> Result<(), FileError>;

    /// Reads a range of a whole file.
    ///
    /// # Errors
    /// [`FileError::Missing`], [`FileError::Storage`].
    async fn read(&self, id: AttachmentId, form: Form, range: Range<u64>) -> Result<ByteStream, FileError>;

    /// Takes all of a file away, whole or coming, if there is any.
    ///
    /// # Errors
    /// [`FileError::Storage`].
    async fn remove(&self, id: AttachmentId) -> Result<(), FileError>;
}

/// What a file was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The file.
    pub file: Rendition,
    /// The small picture, where there is one.
    pub thumbnail: Option<Rendition>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_stands_after_the_last_slash() {
        for (given, name) in
            [("a.txt", "a.txt"), ("C:\\fakepath\\b.png", "b.png"), ("../../etc/passwd", "passwd")]
        {
            assert_eq!(FileName::new(given).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_hide_nothing() {
        let long = "x".repeat(NAME_CODEPOINTS_MAX + 1);
        for given in ["", " ", "..", "a/", "a\nb", "a\0", "\u{202e}gpj.exe", &long] {
            let refusal = FileName::new(given).unwrap_err();
            assert_eq!((refusal.code(), refusal.field()), ("validation_failed", Some("/name")));
        }
        assert_eq!(format!("{:?}", FileName::new("secret.txt").unwrap()), "FileName(10 bytes)");
    }
}
