//! Reading the body of a request: bounded in size, and JSON or refused. How long it may take is the server's to say
//! ([`serve`](crate::serve) does).

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::problem::{Code, Failure};

/// All of a body, of at most `bytes_max`.
///
/// # Errors
/// `payload_too_large`; `malformed` when it does not arrive.
pub(super) async fn read(body: Body, bytes_max: u64) -> Result<Bytes, Failure> {
    let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Failure::new(Code::PayloadTooLarge, format!("the body is over {bytes_max} bytes")))
        }
        Err(_) => Err(Failure::new(Code::Malformed, "the body did not arrive")),
    }
}

/// The text of a body that must be JSON.
///
/// # Errors
/// `unsupported_media_type` when it says to be anything else, `malformed` when it is no UTF-8.
pub(super) fn json_text<'b>(bytes: &'b [u8], headers: &HeaderMap) -> Result<&'b str, Failure> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") || headers.contains_key(CONTENT_ENCODING) {
        return Err(Failure::new(
            Code::UnsupportedMediaType,
            "the body must be application/json, not encoded",
        ));
    }
    str::from_utf8(bytes).map_err(|_| Failure::new(Code::Malformed, "the body is not UTF-8"))
}
