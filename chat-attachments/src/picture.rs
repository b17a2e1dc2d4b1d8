//! Pictures, drawn anew: decoded within bounds, turned upright, and written from their pixels alone.

use std::io::Cursor;

use bytes::Bytes;
use chat_core::attachment::{FileError, Rendition, Size};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageEncoder as _, ImageFormat, ImageReader, Limits};

/// How well pictures are kept, of 100.
const QUALITY: u8 = 85;

/// Memory a decoder may ask for beside that of the pixels, in bytes.
const SCRATCH_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes of the largest pixel there is: four floats.
const PIXEL_BYTES_MAX: u64 = 16;

/// A picture as it is kept.
pub(crate) struct Redrawn {
    pub(crate) file: Drawing,
    /// Where the picture is larger than a thumbnail.
    pub(crate) thumbnail: Option<Drawing>,
}

/// The bytes of a picture and what they are.
pub(crate) struct Drawing {
    pub(crate) bytes: Bytes,
    pub(crate) rendition: Rendition,
}

/// The format of a picture of this type, if it is one that is drawn anew.
pub(crate) fn format(content_type: &str) -> Option<ImageFormat> {
    match content_type {
        "image/png" => Some(ImageFormat::Png),
        "image/jpeg" => Some(ImageFormat::Jpeg),
        "image/gif" => Some(ImageFormat::Gif),
        "image/webp" => Some(ImageFormat::WebP),
        _ => None,
    }
}

/// Draws a picture anew, of at most so many pixels, and a small one of it.
///
/// # Errors
/// [`FileError::Unreadable`] for what is no picture or too large.
pub(crate) fn redraw(
    bytes: &[u8],
    format: ImageFormat,
    pixels_max: u64,
    thumbnail_edge: u32,
) -> Result<Redrawn, FileError> {
    let picture = decode(bytes, format, pixels_max)?;
    let as_photo = format == ImageFormat::Jpeg || format == ImageFormat::WebP;
    let is_large = picture.width() > thumbnail_edge || picture.height() > thumbnail_edge;
    let thumbnail = is_large.then(|| draw(&picture.thumbnail(thumbnail_edge, thumbnail_edge), true));
    Ok(Redrawn { file: draw(&picture, as_photo)?, thumbnail: thumbnail.transpose()? })
}

fn decode(bytes: &[u8], format: ImageFormat, pixels_max: u64) -> Result<DynamicImage, FileError> {
    let broken = |_| FileError::Unreadable("not a picture that can be read");
    let mut limits = Limits::default();
    limits.max_alloc = Some(pixels_max.saturating_mul(PIXEL_BYTES_MAX).saturating_add(SCRATCH_BYTES));
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > pixels_max {
        return Err(FileError::Unreadable("a picture of too many pixels"));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(broken)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Writes the pixels and nothing else: as a photo where nothing shines through, else without loss.
fn draw(picture: &DynamicImage, as_photo: bool) -> Result<Drawing, FileError> {
    let mut bytes = Vec::new();
    let failed = |_| FileError::Unreadable("a picture that cannot be drawn");
    let (width, height) = (picture.width(), picture.height());
    let content_type = if picture.color().has_alpha() {
        let pixels = picture.to_rgba8();
        let encoder = PngEncoder::new(&mut bytes);
        encoder.write_image(&pixels, width, height, image::ExtendedColorType::Rgba8).map_err(failed)?;
        "image/png"
    } else if as_photo {
        let pixels = picture.to_rgb8();
        let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
        encoder.write_image(&pixels, width, height, image::ExtendedColorType::Rgb8).map_err(failed)?;
        "image/jpeg"
    } else {
        let pixels = picture.to_rgb8();
        let encoder = PngEncoder::new(&mut bytes);
        encoder.write_image(&pixels, width, height, image::ExtendedColorType::Rgb8).map_err(failed)?;
        "image/png"
    };
    let rendition = Rendition {
        content_type: content_type.to_owned(),
        bytes: bytes.len() as u64,
        size: Some(Size { width, height }),
    };
    Ok(Drawing { bytes: bytes.into(), rendition })
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    const MANY: u64 = 1_000_000;

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn stripes(width: u32, height: u32) -> DynamicImage {
        RgbImage::from_fn(
            width,
            height,
            |x, _| if x < width / 2 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) },
        )
        .into()
    }

    fn error(bytes: &[u8], format: ImageFormat, pixels_max: u64) -> String {
        redraw(bytes, format, pixels_max, 320).err().unwrap().to_string()
    }

    /// A JPEG with an Exif segment that says to turn it a quarter to the right, and where it was taken.
    fn photo_with_exif() -> Vec<u8> {
        let plain = encoded(&stripes(32, 16), ImageFormat::Jpeg);
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        exif.extend_from_slice(b"GPS 52.5200 13.4050");
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        [&plain[..2], &[0xff, 0xe1], &length, &exif, &plain[2..]].concat()
    }

    #[test]
    fn metadata_is_gone_and_the_picture_stands_upright() {
        let redrawn = redraw(&photo_with_exif(), ImageFormat::Jpeg, MANY, 320).unwrap();
        assert!(!redrawn.file.bytes.windows(3).any(|part| part == b"GPS"), "no metadata");
        assert!(!redrawn.file.bytes.windows(4).any(|part| part == b"Exif"), "no metadata");
        assert_eq!(redrawn.file.rendition.size, Some(Size { width: 16, height: 32 }), "turned");
        assert_eq!(redrawn.file.rendition.content_type, "image/jpeg");
        assert!(redrawn.thumbnail.is_none(), "small enough as it is");
    }

    #[test]
    fn large_pictures_have_a_small_one() {
        let redrawn =
            redraw(&encoded(&stripes(640, 64), ImageFormat::Png), ImageFormat::Png, MANY, 320).unwrap();
        assert_eq!(redrawn.file.rendition.content_type, "image/png");
        let thumbnail = redrawn.thumbnail.unwrap();
        assert_eq!(thumbnail.rendition.size, Some(Size { width: 320, height: 32 }));
        assert_eq!(thumbnail.rendition.content_type, "image/jpeg");
        assert_eq!(image::load_from_memory(&thumbnail.bytes).unwrap().width(), 320);
    }

    #[test]
    fn what_shines_through_still_does() {
        let glass: DynamicImage = RgbaImage::from_pixel(400, 2, Rgba([9, 8, 7, 100])).into();
        for format in [ImageFormat::Png, ImageFormat::WebP] {
            let redrawn = redraw(&encoded(&glass, format), format, MANY, 320).unwrap();
            assert_eq!(redrawn.file.rendition.content_type, "image/png");
            let again = image::load_from_memory(&redrawn.file.bytes).unwrap().to_rgba8();
            assert_eq!(again.get_pixel(0, 0), &Rgba([9, 8, 7, 100]));
            assert_eq!(redrawn.thumbnail.unwrap().rendition.content_type, "image/png");
        }
    }

    #[test]
    fn every_format_is_read() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
            let redrawn = redraw(&encoded(&stripes(8, 4), format), format, MANY, 320).unwrap();
            assert_eq!(redrawn.file.rendition.size, Some(Size { width: 8, height: 4 }), "{format:?}");
        }
    }

    #[test]
    fn a_bomb_is_told_by_its_head() {
        let small = encoded(&stripes(100, 100), ImageFormat::Png);
        assert_eq!(error(&small, ImageFormat::Png, 9_999), "a picture of too many pixels");
        assert!(redraw(&small, ImageFormat::Png, 10_000, 320).is_ok());
        // Says 60 000 × 60 000, and has the rows of 100 × 100: nothing of it is unpacked.
        let mut bomb = small;
        bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        let crc = crc32(&bomb[12..29]).to_be_bytes();
        bomb[29..33].copy_from_slice(&crc);
        assert_eq!(error(&bomb, ImageFormat::Png, 40_000_000), "a picture of too many pixels");
    }

    #[test]
    fn what_is_broken_is_no_picture() {
        let whole = encoded(&stripes(64, 64), ImageFormat::Png);
        for bytes in [&whole[..20], &whole[..whole.len() / 2], b"\x89PNG\r\n\x1a\n", b""] {
            assert_eq!(error(bytes, ImageFormat::Png, MANY), "not a picture that can be read");
        }
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let step = |crc: u32, byte: &u8| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
            })
        };
        !bytes.iter().fold(u32::MAX, step)
    }
}
