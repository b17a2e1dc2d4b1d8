//! What a file is, read off its first bytes, and which files are taken.

/// What is said of a file of which nothing is known.
const UNKNOWN: &str = "application/octet-stream";

/// How many of the first bytes are looked at.
pub(crate) const HEAD_BYTES: usize = 8_192;

/// The type of a file that begins so.
///
/// Whatever a browser might run is text to us: markup has a type here that no browser runs.
pub(crate) fn content_type(head: &[u8]) -> &'static str {
    match infer::get(head).map(|found| found.mime_type()) {
        Some(markup) if markup.starts_with("text/") => "text/plain",
        Some(known) => known,
        None if is_text(head) => "text/plain",
        None => UNKNOWN,
    }
}

/// Whether these are the first bytes of a text in UTF-8; the last character may be cut off.
fn is_text(head: &[u8]) -> bool {
    let text = match str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
}

/// Which types are taken: all, or those that are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Types(Vec<String>);

/// Something that names no type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a type of files: it is image/png, or image/*")]
pub struct UnknownType;

impl Types {
    /// These, each a type (`image/png`) or all of a kind (`image/*`); all types when there is none.
    ///
    /// # Errors
    /// [`UnknownType`] for another form.
    pub fn new<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Result<Self, UnknownType> {
        let name = |name: T| {
            let name = name.as_ref().to_ascii_lowercase();
            let is_part = |part: &str| {
                let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"*.+-_".contains(&byte);
                !part.is_empty() && part.bytes().all(allowed)
            };
            let both = name.split_once('/').ok_or(UnknownType)?;
            if is_part(both.0) && both.0 != "*" && is_part(both.1) { Ok(name) } else { Err(UnknownType) }
        };
        names.into_iter().map(name).collect::<Result<_, _>>().map(Self)
    }

    /// Whether files of this type are taken.
    pub(crate) fn take(&self, content_type: &str) -> bool {
        let kind = content_type.split('/').next().unwrap_or_default();
        let takes = |name: &String| name == content_type || name.strip_suffix("/*") == Some(kind);
        self.0.is_empty() || self.0.iter().any(takes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_off_the_first_bytes() {
        let png = b"\x89PNG\r\n\x1a\n0000";
        for (head, expected) in [
            (&png[..], "image/png"),
            (b"%PDF-1.7\n", "application/pdf"),
            (b"PK\x03\x04....", "application/zip"),
            (b"<!DOCTYPE html><script>alert(1)</script>", "text/plain"),
            (b"<?xml version=\"1.0\"?><svg onload=\"alert(1)\"/>", "text/plain"),
            ("gr\u{fc}\u{df}e\r\n\t".as_bytes(), "text/plain"),
            (&"\u{fc}".as_bytes()[..1], UNKNOWN),
            (b"a\xc3", "text/plain"),
            (b"a\xc3a", UNKNOWN),
            (b"a\0", UNKNOWN),
            (b"", UNKNOWN),
        ] {
            assert_eq!(content_type(head), expected, "{:?}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn types_are_taken_by_name_or_kind() {
        let some = Types::new(["Image/*", "application/pdf"]).unwrap();
        let taken = ["image/png", "application/pdf", "application/zip", "text/plain", "imagex/png"];
        assert_eq!(taken.map(|name| some.take(name)), [true, true, false, false, false]);
        assert!(Types::default().take(UNKNOWN));
        for wrong in ["", "image", "/png", "image/", "*/*", "image/p ng", "a/b/c"] {
            assert_eq!(Types::new([wrong]), Err(UnknownType), "{wrong}");
        }
    }
}
