//! Files over an object store.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use chat_core::AttachmentId;
use chat_core::attachment::{ByteStream, FileError, Files, Finished, Form, Rendition};
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;

use crate::Options;
use crate::picture::{self, Drawing, Redrawn};
use crate::place::{self, OpenError};
use crate::sniff::{self, HEAD_BYTES};

/// Longest piece, in bytes: what of a file is in memory while it comes.
const PIECE_BYTES: usize = 1024 * 1024;

/// Smallest part that storage which speaks S3 takes, in bytes.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// Largest picture once it is drawn anew, in bytes: it is in memory whole.
const DRAWN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most pieces of one file, so that who sends single bytes does not make millions of objects.
const PIECES_MAX: usize = 4_096;

/// Files over an object store.
#[derive(Clone, Debug)]
pub struct ObjectFiles {
    store: Arc<dyn ObjectStore>,
    options: Options,
    /// Pictures that may be decoded at this moment.
    easels: Arc<Semaphore>,
    /// Files that may come in at this moment.
    gates: Arc<Semaphore>,
}

/// A part of a file that is coming.
struct Piece {
    at: Path,
    from: u64,
    bytes: u64,
}

impl ObjectFiles {
    /// Files in a store of the host's.
    pub fn new(store: Arc<dyn ObjectStore>, options: Options) -> Self {
        let places = |many: usize| Arc::new(Semaphore::new(many.clamp(1, Semaphore::MAX_PERMITS)));
        let (easels, gates) = (places(options.pictures_at_once), places(options.uploads_at_once));
        Self { store, options, easels, gates }
    }

    /// Files in a folder, which is made; at `s3://BUCKET/PREFIX`; or in `memory:`, which forgets.
    ///
    /// # Errors
    /// [`OpenError`] when there is no such place. Whether storage far away answers is not tried.
    pub fn open(place: &str, options: Options) -> Result<Self, OpenError> {
        Self::open_with(place, [], options)
    }

    /// The same with what storage far away is told beside its URL: `aws_access_key_id`, `aws_endpoint` and whatever
    /// else clients of S3 are told by such names. What the query of the URL says wins.
    ///
    /// # Errors
    /// As [`ObjectFiles::open`].
    pub fn open_with(
        place: &str,
        settings: impl IntoIterator<Item = (String, String)>,
        options: Options,
    ) -> Result<Self, OpenError> {
        Ok(Self::new(place::open(place, settings.into_iter().collect())?, options))
    }

    /// The pieces of a file from its beginning, as far as there is no gap.
    async fn pieces(&self, id: AttachmentId) -> Result<Vec<Piece>, FileError> {
        let mut found: Vec<Piece> = self.all_pieces(id).await?;
        found.sort_unstable_by_key(|piece| piece.from);
        let mut end = 0;
        found.retain(|piece| {
            let follows = piece.from == end;
            end += if follows { piece.bytes } else { 0 };
            follows
        });
        Ok(found)
    }

    async fn all_pieces(&self, id: AttachmentId) -> Result<Vec<Piece>, FileError> {
        let listed = self.store.list(Some(&coming(id)));
        let pieces = listed.try_filter_map(|object| std::future::ready(Ok(piece(object)))).try_collect();
        pieces.await.map_err(failed)
    }

    async fn put(&self, at: &Path, bytes: Bytes) -> Result<(), FileError> {
        self.store.put(at, bytes.into()).await.map(drop).map_err(failed)
    }

    async fn delete(&self, at: &Path) -> Result<(), FileError> {
        match self.store.delete(at).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            deleted => deleted.map_err(failed),
        }
    }

    /// The bytes of one piece.
    async fn read_piece(&self, piece: &Piece) -> Result<Bytes, FileError> {
        let found = self.store.get(&piece.at).await.map_err(failed)?;
        found.bytes().await.map_err(failed)
    }

    /// Copies a file together, a piece at a time.
    async fn copy(&self, id: AttachmentId, pieces: &[Piece]) -> Result<(), FileError> {
        let writer = BufWriter::with_capacity(Arc::clone(&self.store), file(id), PART_BYTES);
        let mut writer = writer.with_max_concurrency(1);
        for piece in pieces {
            let put = async { writer.put(self.read_piece(piece).await?).await.map_err(failed) };
            if let Err(error) = put.await {
                // Parts of what is not whole are not left where they cost.
                let _ = writer.abort().await;
                return Err(error);
            }
        }
        writer.shutdown().await.map_err(FileError::storage)
    }

    /// Draws a picture anew when it is its turn, on a thread that may take its time.
    async fn redraw(&self, pieces: &[Piece], format: image::ImageFormat) -> Result<Redrawn, FileError> {
        let easel = Arc::clone(&self.easels).acquire_owned().await.map_err(FileError::storage)?;
        let mut bytes = BytesMut::new();
        for piece in pieces {
            bytes.extend_from_slice(&self.read_piece(piece).await?);
        }
        let (pixels_max, edge) = (self.options.pixels_max, self.options.thumbnail_edge);
        // The thread goes on when nobody waits for it any more, and its easel with it.
        let drawn = tokio::task::spawn_blocking(move || {
            let _easel = easel;
            picture::redraw(&bytes, format, pixels_max, edge)
        });
        let drawn = drawn.await.map_err(FileError::storage)??;
        if drawn.file.bytes.len() > DRAWN_BYTES_MAX {
            return Err(FileError::Unreadable("too large once it is drawn"));
        }
        Ok(drawn)
    }

    async fn keep(&self, at: &Path, drawing: Drawing) -> Result<Rendition, FileError> {
        self.put(at, drawing.bytes).await?;
        Ok(drawing.rendition)
    }
}

#[async_trait]
impl Files for ObjectFiles {
    async fn received(&self, id: AttachmentId) -> Result<u64, FileError> {
        Ok(self.pieces(id).await?.iter().map(|piece| piece.bytes).sum())
    }

    async fn receive(
        &self,
        id: AttachmentId,
        from: u64,
        bytes_max: u64,
        mut body: ByteStream,
    ) -> Result<u64, FileError> {
        let _gate = self.gates.acquire().await.map_err(FileError::storage)?;
        let mut room = PIECES_MAX.saturating_sub(self.all_pieces(id).await?.len());
        let (mut end, mut waiting) = (from, BytesMut::new());
        loop {
            let next = body.next().await;
            let is_over = !matches!(next, Some(Ok(_)));
            if let Some(Ok(bytes)) = &next {
                waiting.extend_from_slice(bytes);
            }
            if end + waiting.len() as u64 > bytes_max {
                return Err(FileError::TooLarge);
            }
            while waiting.len() >= PIECE_BYTES || (is_over && !waiting.is_empty()) {
                room = room.checked_sub(1).ok_or(FileError::TooLarge)?;
                let piece = waiting.split_to(waiting.len().min(PIECE_BYTES)).freeze();
                let bytes = piece.len() as u64;
                self.put(&coming(id).join(format!("{end:020}")), piece).await?;
                end += bytes;
            }
            match next {
                None => return Ok(end),
                Some(Err(_)) => return Err(FileError::Cut),
                Some(Ok(_)) => {}
            }
        }
    }

    async fn finish(&self, id: AttachmentId, bytes: u64) -> Result<Finished, FileError> {
        let _gate = self.gates.acquire().await.map_err(FileError::storage)?;
        let pieces = self.pieces(id).await?;
        if pieces.iter().map(|piece| piece.bytes).sum::<u64>() != bytes {
            return Err(FileError::Missing);
        }
        let first = pieces.first().ok_or(FileError::Missing)?;
        let head = self.store.get_range(&first.at, 0..first.bytes.min(HEAD_BYTES as u64)).await;
        let content_type = sniff::content_type(&head.map_err(failed)?);
        if !self.options.types.take(content_type) {
            return Err(FileError::Unsupported);
        }
        let Some(format) = picture::format(content_type) else {
            self.copy(id, &pieces).await?;
            let file = Rendition { content_type: content_type.to_owned(), bytes, size: None };
            return Ok(Finished { file, thumbnail: None });
        };
        let Redrawn { file: drawing, thumbnail } = self.redraw(&pieces, format).await?;
        let thumbnail = match thumbnail {
            Some(drawing) => Some(self.keep(&self::thumbnail(id), drawing).await?),
            None => None,
        };
        Ok(Finished { file: self.keep(&file(id), drawing).await?, thumbnail })
    }

    async fn clear(&self, id: AttachmentId) -> Result<(), FileError> {
        for piece in self.all_pieces(id).await? {
            self.delete(&piece.at).await?;
        }
        Ok(())
    }

    async fn read(&self, id: AttachmentId, form: Form, range: Range<u64>) -> Result<ByteStream, FileError> {
        let at = match form {
            Form::File => file(id),
            Form::Thumbnail => thumbnail(id),
        };
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        match self.store.get_opts(&at, options).await {
            Ok(found) => Ok(found.into_stream().map_err(io::Error::other).boxed()),
            Err(object_store::Error::NotFound { .. }) => Err(FileError::Missing),
            Err(error) => Err(failed(error)),
        }
    }

    async fn remove(&self, id: AttachmentId) -> Result<(), FileError> {
        self.clear(id).await?;
        self.delete(&thumbnail(id)).await?;
        self.delete(&file(id)).await
    }
}

/// Where the pieces of a coming file are.
fn coming(id: AttachmentId) -> Path {
    Path::from_iter(["coming".to_owned(), id.to_string()])
}

fn file(id: AttachmentId) -> Path {
    Path::from_iter(["files".to_owned(), id.to_string()])
}

fn thumbnail(id: AttachmentId) -> Path {
    Path::from_iter(["thumbnails".to_owned(), id.to_string()])
}

/// What an object is a piece of; nothing that something else has left there.
fn piece(object: ObjectMeta) -> Option<Piece> {
    let from = object.location.filename()?.parse().ok()?;
    Some(Piece { at: object.location, from, bytes: object.size })
}

fn failed(error: object_store::Error) -> FileError {
    FileError::storage(error)
}
