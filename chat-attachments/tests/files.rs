//! Files over every storage that is at hand: what comes in pieces, what is found out, what goes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{self, Cursor};
use std::sync::Arc;

use bytes::Bytes;
use chat_attachments::{ObjectFiles, Options, Types};
use chat_core::AttachmentId;
use chat_core::attachment::{ByteStream, FileError, Files, Form, Size};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use image::{ImageFormat, RgbImage};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _};

const MIB: usize = 1024 * 1024;
const MANY: u64 = 100 * MIB as u64;

fn id(nth: u8) -> AttachmentId {
    AttachmentId::from_bytes([nth; 16])
}

fn body(bytes: &[u8]) -> ByteStream {
    let chunks: Vec<io::Result<Bytes>> =
        bytes.chunks(10_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    stream::iter(chunks).boxed()
}

/// The same, and then the line breaks.
fn cut(bytes: &[u8]) -> ByteStream {
    body(bytes).chain(stream::iter([Err(io::Error::other("cut"))])).boxed()
}

fn noise(length: usize) -> Vec<u8> {
    let next = |seed: &mut u32| {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*seed >> 24) as u8 | 0x80)
    };
    std::iter::successors(Some(7_u32), |_| None)
        .flat_map(|mut seed| std::iter::from_fn(move || next(&mut seed)))
        .take(length)
        .collect()
}

fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(width, height, image::Rgb([1, 2, 3]))
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

async fn all(files: &ObjectFiles, id: AttachmentId, form: Form, length: u64) -> Vec<u8> {
    let stream = files.read(id, form, 0..length).await.unwrap();
    stream
        .try_fold(Vec::new(), async |mut all, bytes| {
            all.extend_from_slice(&bytes);
            Ok(all)
        })
        .await
        .unwrap()
}

/// In a folder and in memory.
fn storages() -> (Vec<ObjectFiles>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let places = [folder.path().join("files").to_str().unwrap().to_owned(), "memory:".to_owned()];
    (places.map(|place| ObjectFiles::open(&place, Options::default()).unwrap()).into(), folder)
}

#[tokio::test]
async fn a_file_comes_out_as_it_went_in() {
    let (storages, _folder) = storages();
    for files in storages {
        let bytes = noise(12 * MIB + 5);
        assert_eq!(files.receive(id(1), 0, MANY, body(&bytes)).await.unwrap(), bytes.len() as u64);
        let finished = files.finish(id(1), bytes.len() as u64).await.unwrap();
        assert_eq!(
            (finished.file.content_type.as_str(), finished.thumbnail),
            ("application/octet-stream", None)
        );
        assert!(all(&files, id(1), Form::File, bytes.len() as u64).await == bytes, "the same to the byte");
        let middle = files.read(id(1), Form::File, 2_999_999..3_000_001).await.unwrap();
        let middle: Vec<Bytes> = middle.try_collect().await.unwrap();
        assert_eq!(middle.concat(), bytes[2_999_999..3_000_001]);
    }
}

#[tokio::test]
async fn a_file_is_gone_on_with_after_a_cut() {
    let (storages, _folder) = storages();
    for files in storages {
        let bytes = noise(3 * MIB);
        assert!(matches!(files.receive(id(1), 0, MANY, cut(&bytes[..MIB + 10])).await, Err(FileError::Cut)));
        let kept = files.received(id(1)).await.unwrap();
        assert_eq!(kept, (MIB + 10) as u64, "what has come stays");
        let rest = &bytes[usize::try_from(kept).unwrap()..];
        assert_eq!(files.receive(id(1), kept, MANY, body(rest)).await.unwrap(), bytes.len() as u64);
        files.finish(id(1), bytes.len() as u64).await.unwrap();
        files.finish(id(1), bytes.len() as u64).await.unwrap();
        files.clear(id(1)).await.unwrap();
        assert!(all(&files, id(1), Form::File, bytes.len() as u64).await == bytes, "the same to the byte");
    }
}

#[tokio::test]
async fn what_is_too_long_is_not_kept() {
    let files = ObjectFiles::open("memory:", Options::default()).unwrap();
    let refused = files.receive(id(1), 0, 20_000, body(&noise(20_001))).await;
    assert!(matches!(refused, Err(FileError::TooLarge)), "{refused:?}");
    assert_eq!(files.received(id(1)).await.unwrap(), 0);
    assert_eq!(files.receive(id(1), 0, 20_000, body(&noise(20_000))).await.unwrap(), 20_000);
    assert!(matches!(files.receive(id(1), 20_000, 20_000, body(b"x")).await, Err(FileError::TooLarge)));
}

#[tokio::test]
async fn a_picture_is_drawn_anew_whatever_it_was_called() {
    let (storages, _folder) = storages();
    for files in storages {
        let bytes = [picture(640, 480), b"<script>alert(1)</script>".to_vec()].concat();
        files.receive(id(1), 0, MANY, body(&bytes)).await.unwrap();
        let finished = files.finish(id(1), bytes.len() as u64).await.unwrap();
        assert_eq!(finished.file.content_type, "image/png");
        let drawn = all(&files, id(1), Form::File, finished.file.bytes).await;
        assert!(!drawn.windows(7).any(|part| part == b"<script"), "nothing is carried along");
        let thumbnail = finished.thumbnail.unwrap();
        assert_eq!(thumbnail.size, Some(Size { width: 320, height: 240 }));
        let small = all(&files, id(1), Form::Thumbnail, thumbnail.bytes).await;
        assert_eq!(image::load_from_memory(&small).unwrap().width(), 320);
    }
}

#[tokio::test]
async fn bombs_and_broken_pictures_are_refused() {
    let files = ObjectFiles::open("memory:", Options::default().pixels_max(1_000)).unwrap();
    for (nth, bytes) in [(1, picture(100, 100)), (2, picture(10, 10)[..50].to_vec())] {
        files.receive(id(nth), 0, MANY, body(&bytes)).await.unwrap();
        let refused = files.finish(id(nth), bytes.len() as u64).await;
        assert!(matches!(refused, Err(FileError::Unreadable(_))), "{refused:?}");
        assert!(matches!(files.read(id(nth), Form::File, 0..1).await, Err(FileError::Missing)));
    }
}

#[tokio::test]
async fn only_named_types_are_taken() {
    let files =
        ObjectFiles::open("memory:", Options::default().types(Types::new(["image/*"]).unwrap())).unwrap();
    for (nth, bytes, is_taken) in [(1, picture(2, 2), true), (2, b"%PDF-1.7\n".to_vec(), false)] {
        files.receive(id(nth), 0, MANY, body(&bytes)).await.unwrap();
        let finished = files.finish(id(nth), bytes.len() as u64).await;
        assert_eq!(finished.is_ok(), is_taken);
        assert!(is_taken || matches!(finished, Err(FileError::Unsupported)));
    }
}

#[tokio::test]
async fn nothing_is_left_of_what_was_removed() {
    let store = Arc::new(InMemory::new());
    let files = ObjectFiles::new(Arc::clone(&store) as Arc<dyn ObjectStore>, Options::default());
    let whole = picture(640, 480);
    files.receive(id(1), 0, MANY, body(&whole)).await.unwrap();
    files.finish(id(1), whole.len() as u64).await.unwrap();
    files.receive(id(2), 0, MANY, body(&noise(2 * MIB))).await.unwrap();
    let count = async || store.list(None).count().await;
    assert_eq!(count().await, 5, "a piece, a file, a thumbnail; two pieces");
    for nth in [1, 2, 3] {
        files.remove(id(nth)).await.unwrap();
    }
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn what_does_not_follow_is_no_part_of_it() {
    let store = Arc::new(InMemory::new());
    let files = ObjectFiles::new(Arc::clone(&store) as Arc<dyn ObjectStore>, Options::default());
    files.receive(id(1), 0, MANY, body(&noise(100))).await.unwrap();
    files.receive(id(1), 200, MANY, body(&noise(100))).await.unwrap();
    assert_eq!(files.received(id(1)).await.unwrap(), 100, "there is a gap");
    let stray = object_store::path::Path::from(format!("coming/{}/README", id(1)));
    store.put(&stray, Bytes::from_static(b"x").into()).await.unwrap();
    assert_eq!(files.received(id(1)).await.unwrap(), 100);
}
