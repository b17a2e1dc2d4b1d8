//! Where the bytes of attachments are: a folder, storage that speaks S3, or memory. [`ObjectFiles`] is the
//! [`Files`](chat_core::attachment::Files) that a chat is built with.
//!
//! ```
//! use chat_attachments::{ObjectFiles, Options};
//! use chat_core::{Chat, MemoryStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let files = ObjectFiles::open("memory:", Options::default())?;
//! let chat = Chat::builder(MemoryStore::new()).files(std::sync::Arc::new(files)).build().await?;
//! # chat.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What becomes of a file
//! It comes in pieces of at most 1 MiB, each an object of its own named by where it begins: so a line may break, and a
//! file be gone on with, on any node and on any storage. When all of it is there it is looked at. What it is is read
//! off its first bytes; what the sender says of that counts for nothing. A picture (PNG, JPEG, GIF, WebP) is decoded
//! and drawn anew, turned as it says to be turned, without its metadata and whatever else was hidden in it; an animation
//! is its first frame. Everything else is copied through, a few MiB in memory at a time.
//!
//! # Bounds
//! Pictures are decoded off the async threads, a few at a time ([`Options::pictures_at_once`]), each of them at most
//! `attachment_bytes_max` bytes and [`Options::pixels_max`] pixels, which is judged from the head before anything is
//! unpacked. So a node needs at most, per picture, its bytes and about twelve bytes for each pixel.
//!
//! # Objects
//! `coming/ID/OFFSET` a piece; `files/ID` a file; `thumbnails/ID` a small picture of it. IDs are the attachments'. Nothing
//! else is written, and nothing else should be under the prefix. In a folder, files are synced before they count.
//!
//! What it leaves out: encryption at rest (the storage's), virus scanning (a host's, as another `Files` around this one).

mod objects;
mod picture;
mod place;
mod sniff;

pub use self::objects::ObjectFiles;
pub use self::place::OpenError;
pub use self::sniff::{Types, UnknownType};

/// How files are taken.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Which types are taken.
    pub types: Types,
    /// Most pixels of a picture.
    pub pixels_max: u64,
    /// Width and height that thumbnails have at most.
    pub thumbnail_edge: u32,
    /// How many pictures are decoded at the same moment; more wait their turn.
    pub pictures_at_once: usize,
    /// How many files come in at the same moment, each with up to 2 MiB in memory; more wait their turn.
    pub uploads_at_once: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            types: Types::default(),
            pixels_max: 40_000_000,
            thumbnail_edge: 320,
            pictures_at_once: 2,
            uploads_at_once: 256,
        }
    }
}

impl Options {
    /// These types only.
    #[must_use]
    pub fn types(self, types: Types) -> Self {
        Self { types, ..self }
    }

    /// Pictures of at most so many pixels.
    #[must_use]
    pub fn pixels_max(self, pixels_max: u64) -> Self {
        Self { pixels_max, ..self }
    }
}
