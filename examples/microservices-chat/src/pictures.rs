//! Pictures of people: taken as a form's `image`, drawn anew and made small, and shown to whoever is logged in.
//!
//! A picture is no attachment of a message, so no conversation says who may see it, it has a place of its own, and nobody
//! sweeps it: the one before goes when the next one comes. What has to be known to show one stands in its name, whose it
//! is included: so nobody takes another's away by calling it his own.

use std::ops::Range;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::multipart::MultipartError;
use axum::extract::{DefaultBodyLimit, Multipart, Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chat_core::accounts::ProfilePatch;
use chat_core::attachment::{FileError, Form};
use chat_core::message::Patch;
use chat_core::{AttachmentId, ChatError, Refusal, UserId};
use chat_host::answer::Refused;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::Desk;
use crate::caller::Caller;

/// Largest picture that is taken, in bytes.
const PICTURE_BYTES_MAX: usize = 5 * 1024 * 1024;

/// What a form may have around it, in bytes.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// Where they are, behind the gateway.
const PREFIX: &str = "/users/pictures/";

pub(crate) fn routes() -> Router<Arc<Desk>> {
    let upload = post(upload).layer(DefaultBodyLimit::max(PICTURE_BYTES_MAX + FORM_BYTES_MAX));
    Router::new().route("/crud/uploadProfilePicture", upload).route("/pictures/{name}", get(show))
}

async fn upload(
    State(desk): State<Arc<Desk>>,
    Caller(caller): Caller,
    mut form: Multipart,
) -> Result<Json<Value>, Refused> {
    let _easel = desk.easels.acquire().await.map_err(|_| ChatError::Internal("no easel"))?;
    let image = image(&mut form).await?;
    let nonce = desk.host.chat.ids().uuid(desk.host.chat.now());
    let place = Place { user: caller.user, nonce: AttachmentId::from(nonce) };
    let url = match hang(&desk, place, image).await {
        Ok(url) => url,
        Err(refused) => {
            let _ = desk.pictures.remove(place.id()).await;
            return Err(refused);
        }
    };
    Ok(Json(json!({ "message": "Profile picture uploaded.", "url": url })))
}

/// Keeps a picture as that of its owner; the one before goes.
async fn hang(desk: &Desk, place: Place, image: Vec<u8>) -> Result<String, Refused> {
    let name = keep(desk, place, image).await?;
    // Of two that come at once the one before is what the other takes down.
    let _nail = desk.nail.lock().await;
    let before = desk.host.accounts.me(place.user).await?.picture;
    let url = format!("{PREFIX}{name}");
    let patch = ProfilePatch { picture: Patch::Set(url.clone()), ..ProfilePatch::default() };
    desk.host.accounts.update(place.user, patch).await?;
    let before = before.as_deref().and_then(|url| url.strip_prefix(PREFIX)).and_then(Name::parse);
    if let Some(before) = before.filter(|before| before.place.user == place.user) {
        let _ = desk.pictures.remove(before.place.id()).await;
    }
    Ok(url)
}

/// The form's `image`, whole: it is small.
async fn image(form: &mut Multipart) -> Result<Vec<u8>, Refused> {
    let wrong = |error: MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refused::from(Refusal::TooLarge),
        _ => Refused::bad("the form cannot be read"),
    };
    while let Some(mut field) = form.next_field().await.map_err(wrong)? {
        if field.name() != Some("image") {
            continue;
        }
        let mut image = Vec::new();
        while let Some(bytes) = field.chunk().await.map_err(wrong)? {
            if image.len() + bytes.len() > PICTURE_BYTES_MAX {
                return Err(Refusal::TooLarge.into());
            }
            image.extend_from_slice(&bytes);
        }
        return Ok(image);
    }
    Err(Refused::bad("image: is needed"))
}

/// Draws it anew, and gives its name.
async fn keep(desk: &Desk, place: Place, image: Vec<u8>) -> Result<String, Refused> {
    let (files, id) = (&desk.pictures, place.id());
    let bytes_max = PICTURE_BYTES_MAX as u64;
    let body = stream::iter([Ok(Bytes::from(image))]).boxed();
    let bytes = files.receive(id, 0, bytes_max, body).await.map_err(failed)?;
    let finished = files.finish(id, bytes).await.map_err(failed)?;
    // What is small as it is has no smaller form.
    let (form, rendition) = match &finished.thumbnail {
        Some(thumbnail) => (Form::Thumbnail, thumbnail),
        None => (Form::File, &finished.file),
    };
    let kind = Kind::of(&rendition.content_type).filter(|_| rendition.size.is_some());
    let name = Name { place, form, bytes: rendition.bytes, kind: kind.ok_or(Refusal::UnsupportedType)? };
    files.clear(id).await.map_err(failed)?;
    Ok(name.to_string())
}

fn failed(error: FileError) -> Refused {
    match error {
        FileError::TooLarge => Refusal::TooLarge.into(),
        FileError::Unsupported | FileError::Unreadable(_) => Refusal::UnsupportedType.into(),
        FileError::Missing => Refusal::NotFound.into(),
        error => {
            tracing::error!(?error, "a picture failed");
            ChatError::Internal("a picture failed").into()
        }
    }
}

/// A type of pictures that are drawn here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Jpeg,
    Png,
}

impl Kind {
    const ALL: [(Self, &'static str, &'static str); 2] =
        [(Self::Jpeg, "image/jpeg", "jpg"), (Self::Png, "image/png", "png")];

    fn of(content_type: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == content_type).map(|(kind, ..)| *kind)
    }
}

/// Whose picture it is, and which of his.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    user: UserId,
    nonce: AttachmentId,
}

impl Place {
    /// Under which id the bytes are: another one for everybody.
    fn id(self) -> AttachmentId {
        let digest = Sha256::digest(format!("{}.{}", self.user, self.nonce));
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        AttachmentId::from_bytes(id)
    }
}

/// What is in the name of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name {
    place: Place,
    form: Form,
    bytes: u64,
    kind: Kind,
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let place = Place { user: parts.next()?.parse().ok()?, nonce: parts.next()?.parse().ok()? };
        let (form, bytes, suffix) = (parts.next()?, parts.next()?, parts.next()?);
        let form = match form {
            "t" => Form::Thumbnail,
            "f" => Form::File,
            _ => return None,
        };
        let (kind, ..) = Kind::ALL.into_iter().find(|(.., known)| *known == suffix)?;
        let bytes = bytes.parse().ok().filter(|bytes| *bytes <= PICTURE_BYTES_MAX as u64 * 4)?;
        parts.next().is_none().then_some(Self { place, form, bytes, kind })
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let form = if self.form == Form::Thumbnail { 't' } else { 'f' };
        let (.., suffix) = Kind::ALL[self.kind as usize];
        write!(f, "{}.{}.{form}.{}.{suffix}", self.place.user, self.place.nonce, self.bytes)
    }
}

async fn show(
    State(desk): State<Arc<Desk>>,
    Caller(_): Caller,
    Path(name): Path<String>,
) -> Result<Response, Refused> {
    let name = Name::parse(&name).ok_or(Refusal::NotFound)?;
    let range = Range { start: 0, end: name.bytes };
    let bytes = desk.pictures.read(name.place.id(), name.form, range).await.map_err(failed)?;
    let (_, content_type, _) = Kind::ALL[name.kind as usize];
    let headers = [
        (CONTENT_TYPE, content_type.to_owned()),
        (CONTENT_LENGTH, name.bytes.to_string()),
        // Another picture has another name.
        (CACHE_CONTROL, "private, max-age=31536000, immutable".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, Body::from_stream(bytes)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_it_stands_for_and_nothing_else_is_one() {
        let place = Place { user: UserId::from(7_u64), nonce: AttachmentId::from_bytes([7; 16]) };
        let id = format!("{}.{}", place.user, place.nonce);
        assert_ne!(place.id(), Place { user: UserId::from(8_u64), ..place }.id());
        for (form, kind) in [(Form::Thumbnail, Kind::Jpeg), (Form::File, Kind::Png)] {
            let name = Name { place, form, bytes: 12, kind };
            assert_eq!(Name::parse(&name.to_string()), Some(name));
        }
        for text in
            ["", "x", "..", "../../etc/passwd", &format!("{id}.t.12.exe"), &format!("{id}.t.12.png.x")]
        {
            assert_eq!(Name::parse(text), None, "{text}");
        }
    }
}
