//! Giving a file, or a range of it.

use std::ops::Range;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, IF_RANGE,
    RANGE,
};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use chat_core::attachment::{Attachment, Form, Rendition};
use chat_core::{ActingAs, AttachmentId, Refusal};

use crate::problem::{Code, Failure};
use crate::rest::call::told;

/// The answer to who wants a file that he may see.
pub(super) async fn read(
    actor: &ActingAs,
    id: AttachmentId,
    form: Form,
    parts: &Parts,
) -> Result<Response, Failure> {
    let found = actor.attachment(id).await.map_err(|error| told(&error))?;
    let rendition = found.attachment.rendition(form).ok_or(Refusal::NotFound)?;
    let headers = described_by(&found.attachment, rendition, form);
    let tag = headers[ETAG].as_bytes();
    if parts.headers.get(IF_NONE_MATCH).is_some_and(|known| names(known, tag)) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let range = match range(&parts.headers, rendition.bytes, tag) {
        Wanted::All => None,
        Wanted::Part(range) => Some(range),
        Wanted::Nothing => return Ok(unsatisfiable(rendition.bytes)),
    };
    let (status, bytes) = match &range {
        Some(range) => (StatusCode::PARTIAL_CONTENT, range.clone()),
        None => (StatusCode::OK, 0..rendition.bytes),
    };
    let length = bytes.end - bytes.start;
    let body = if parts.method == Method::HEAD {
        Body::empty()
    } else {
        Body::from_stream(found.bytes(form, bytes).await.map_err(|error| told(&error))?)
    };
    let mut response = (status, headers, body).into_response();
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    if let Some(range) = range {
        let said = format!("bytes {}-{}/{}", range.start, range.end - 1, rendition.bytes);
        let said = HeaderValue::from_str(&said).expect("numbers are header text");
        response.headers_mut().insert(CONTENT_RANGE, said);
    }
    Ok(response)
}

/// What is said of a file, whether it goes with it or not.
fn described_by(attachment: &Attachment, rendition: &Rendition, form: Form) -> HeaderMap {
    let tag = match form {
        Form::File => format!("\"{}\"", attachment.id),
        Form::Thumbnail => format!("\"{}.thumbnail\"", attachment.id),
    };
    let text = |text: &str| HeaderValue::from_str(text).expect("it is header text");
    let content_type = match rendition.content_type.as_str() {
        "text/plain" => HeaderValue::from_static("text/plain; charset=utf-8"),
        other => text(other),
    };
    HeaderMap::from_iter([
        (CONTENT_TYPE, content_type),
        (CONTENT_DISPOSITION, text(&disposition(attachment.name.as_str(), rendition.size.is_some()))),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
        ),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (ETAG, text(&tag)),
    ])
}

/// How a browser handles it, with its name in both forms of RFC 6266.
fn disposition(name: &str, is_picture: bool) -> String {
    let how = if is_picture { "inline" } else { "attachment" };
    let plain =
        |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' };
    let simple: String = name.chars().map(plain).collect();
    let coded: String = name
        .bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("{how}; filename=\"{simple}\"; filename*=UTF-8''{coded}")
}

/// Whether a list of tags names this one.
fn names(list: &HeaderValue, tag: &[u8]) -> bool {
    let weak = |one: &[u8]| one.strip_prefix(b"W/").unwrap_or(one).trim_ascii() == tag;
    list.as_bytes().split(|byte| *byte == b',').any(|one| one.trim_ascii() == b"*" || weak(one.trim_ascii()))
}

/// Which bytes are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Part(Range<u64>),
    Nothing,
}

/// One range, as it is asked for; several, and what cannot be understood, are all of it.
fn range(headers: &HeaderMap, length: u64, tag: &[u8]) -> Wanted {
    let is_same = headers.get(IF_RANGE).is_none_or(|known| known.as_bytes() == tag);
    let said = headers.get(RANGE).filter(|_| is_same).and_then(|value| value.to_str().ok());
    let Some((first, last)) = said.and_then(|said| said.strip_prefix("bytes=")?.split_once('-')) else {
        return Wanted::All;
    };
    let number = |text: &str| text.parse::<u64>().ok();
    let range = match (first, last) {
        ("", last) => {
            number(last).map(|last| length.saturating_sub(last)..if last == 0 { 0 } else { length })
        }
        (first, "") => number(first).map(|first| first..length),
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Some(first..last.saturating_add(1).min(length)),
            _ => None,
        },
    };
    match range {
        None => Wanted::All,
        Some(range) if range.start < range.end => Wanted::Part(range),
        Some(_) => Wanted::Nothing,
    }
}

fn unsatisfiable(length: u64) -> Response {
    let mut response = Failure::new(Code::RangeNotSatisfiable, "the file ends before").into_response();
    let said = HeaderValue::from_str(&format!("bytes */{length}")).expect("numbers are header text");
    response.headers_mut().insert(CONTENT_RANGE, said);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_taken_as_asked_for() {
        let wanted = |said: &'static str| {
            let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(said))]);
            range(&headers, 10, b"\"a\"")
        };
        for (said, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=2-4", Wanted::Part(2..5)),
            ("bytes=2-", Wanted::Part(2..10)),
            ("bytes=2-99", Wanted::Part(2..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-99", Wanted::Part(0..10)),
            ("bytes=0-18446744073709551615", Wanted::Part(0..10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=10-12", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=4-2", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=a-b", Wanted::All),
            ("lines=0-1", Wanted::All),
        ] {
            assert_eq!(wanted(said), expected, "{said}");
        }
    }

    #[test]
    fn a_range_of_something_else_is_all_of_it() {
        let headers = |tag| {
            HeaderMap::from_iter([
                (RANGE, HeaderValue::from_static("bytes=0-1")),
                (IF_RANGE, HeaderValue::from_static(tag)),
            ])
        };
        assert_eq!(range(&headers("\"a\""), 10, b"\"a\""), Wanted::Part(0..2));
        assert_eq!(range(&headers("\"b\""), 10, b"\"a\""), Wanted::All);
    }

    #[test]
    fn names_survive_headers() {
        assert_eq!(
            disposition("gr\u{fc}n \"1\".txt", false),
            "attachment; filename=\"gr_n _1_.txt\"; filename*=UTF-8''gr%C3%BCn%20%221%22.txt"
        );
        assert!(disposition("a.png", true).starts_with("inline; "));
    }

    #[test]
    fn tags_are_found_in_lists() {
        for (list, is_named) in [("\"a\"", true), ("\"b\", W/\"a\"", true), ("*", true), ("\"b\"", false)] {
            assert_eq!(names(&HeaderValue::from_static(list), b"\"a\""), is_named, "{list}");
        }
    }
}
