//! Files of messages: their bytes on the way in and out. Whose they are and who may see them is the engine's to say.
//!
//! A file comes whole, as the body or as the one part of a form; or its length is told first, and it comes in pieces
//! that go on where the last one ended. It goes out in ranges, and is asked for again each time: whoever may not see the
//! message any more does not get it from a cache. Nothing that comes out is run by a browser: only pictures that were
//! drawn here are shown in place, everything else is saved.

mod given;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, Query, RawPathParams, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, get, post};
use chat_core::attachment::{ByteStream, FileName, Form, NewUpload, Upload};
use chat_core::{ActingAs, AttachmentId, Refusal};
use futures_util::StreamExt as _;

use self::given::read;
use super::Desk;
use super::call::{json as answer, nothing, told};
use crate::limit::Act;
use crate::origin;
use crate::problem::{Code, Failure};
use crate::wire::frames::bare;

/// What a file is called of which nothing is said.
const UNNAMED: &str = "file";

/// Within how many bytes of a form its file begins; the first piece of a body may have much of the file already.
const HEAD_BYTES_MAX: u64 = 1024 * 1024;

/// What the form around a file may take beside it, in bytes.
const FORM_BYTES_MAX: u64 = 16 * 1024;

/// The routes.
pub(super) fn routes(desk: &Arc<Desk>) -> Router {
    let handle = |what: What| {
        let desk = Arc::clone(desk);
        move |request: Request| {
            let desk = Arc::clone(&desk);
            async move { carry_out(&desk, what, request).await.unwrap_or_else(Failure::into_response) }
        }
    };
    let one = get(handle(What::Read(Form::File)))
        .on(MethodFilter::PATCH, handle(What::GoOn))
        .on(MethodFilter::DELETE, handle(What::Discard));
    Router::new()
        .route("/v1/attachments", post(handle(What::Begin)))
        .route("/v1/attachments/{attachment}", one)
        .route("/v1/attachments/{attachment}/upload", get(handle(What::Progress)))
        .route("/v1/attachments/{attachment}/thumbnail", get(handle(What::Read(Form::Thumbnail))))
}

/// What is asked for.
#[derive(Clone, Copy)]
enum What {
    Begin,
    GoOn,
    Progress,
    Discard,
    Read(Form),
}

async fn carry_out(desk: &Desk, what: What, request: Request) -> Result<Response, Failure> {
    let (mut parts, body) = request.into_parts();
    let reads = parts.method == Method::GET || parts.method == Method::HEAD;
    if !reads && !origin::is_allowed(&parts, &desk.allowed_origins) {
        return Err(Failure::new(Code::Forbidden, "pages of this origin are not allowed"));
    }
    let asked = Asked::read(&parts, what)?;
    let id = attachment_id(&mut parts).await?;
    let user = desk.identify(&parts).await?.user;
    let actor = desk.chat.actor(user);
    // A text that cannot be an id is one that does not exist.
    let named = || id.ok_or_else(|| Failure::from(Refusal::NotFound));
    match what {
        What::Begin => {
            desk.allow(Act::Message(user))?;
            begin(desk, &actor, asked, &parts, body).await
        }
        What::GoOn => {
            desk.allow(Act::Message(user))?;
            go_on(&actor, named()?, asked.offset.unwrap_or_default(), body).await
        }
        What::Progress => {
            let upload = actor.upload(named()?).await.map_err(|error| told(&error))?;
            Ok(answer(StatusCode::OK, bare(&upload)))
        }
        What::Discard => {
            actor.discard(named()?).await.map_err(|error| told(&error))?;
            Ok(nothing())
        }
        What::Read(form) => read(&actor, named()?, form, &parts).await,
    }
}

/// The id in the path: absent where there is none, or where it is no id.
async fn attachment_id(parts: &mut Parts) -> Result<Option<AttachmentId>, Failure> {
    let params = RawPathParams::from_request_parts(parts, &()).await;
    let params = params.map_err(|_| Failure::from(Refusal::NotFound))?;
    Ok(params.iter().next().and_then(|(_, value)| value.parse().ok()))
}

/// The query.
#[derive(Default)]
struct Asked {
    name: Option<FileName>,
    bytes: Option<u64>,
    offset: Option<u64>,
}

impl Asked {
    /// # Errors
    /// `validation_failed` naming the parameter.
    fn read(parts: &Parts, what: What) -> Result<Self, Failure> {
        let mut asked = Self::default();
        let parsed = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = parsed.map_err(|_| Failure::new(Code::Malformed, "the query cannot be parsed"))?;
        for (name, value) in pairs {
            let refuse = |why: &'static str| Failure::invalid(format!("?{name}"), why);
            let number = || value.parse().map_err(|_| refuse("must be a number of bytes"));
            match (what, name.as_str()) {
                (What::Begin, "name") if asked.name.is_none() => {
                    asked.name = Some(FileName::new(&value).map_err(|_| refuse("is no name of a file"))?);
                }
                (What::Begin, "bytes") if asked.bytes.is_none() => asked.bytes = Some(number()?),
                (What::GoOn, "offset") if asked.offset.is_none() => asked.offset = Some(number()?),
                (What::Begin, "name" | "bytes") | (What::GoOn, "offset") => {
                    return Err(refuse("is given twice"));
                }
                _ => return Err(refuse("is not a parameter of this")),
            }
        }
        match (what, asked.offset) {
            (What::GoOn, None) => Err(Failure::invalid("?offset", "is needed")),
            _ => Ok(asked),
        }
    }
}

async fn begin(
    desk: &Desk,
    actor: &ActingAs,
    asked: Asked,
    parts: &Parts,
    body: Body,
) -> Result<Response, Failure> {
    let Asked { name, bytes, .. } = asked;
    let limit = desk.chat.limits().attachment_bytes_max;
    if said_length(&parts.headers).is_some_and(|length| length > limit.saturating_add(FORM_BYTES_MAX)) {
        return Err(Refusal::TooLarge.into());
    }
    let (named, body) = match boundary(&parts.headers)? {
        Some(boundary) => part(boundary, body, limit).await?,
        None => (None, stream(body)),
    };
    let unnamed = || FileName::new(UNNAMED).expect("it is a name");
    let name = name.or(named).unwrap_or_else(unnamed);
    let begun = actor.begin_upload(NewUpload { name, bytes }).await.map_err(|error| told(&error))?;
    if bytes.is_some() && said_length(&parts.headers) == Some(0) {
        return Ok(answer(StatusCode::CREATED, bare(&begun)));
    }
    let upload = match actor.receive(begun.id, 0, body).await {
        Ok(upload) => upload,
        Err(error) => {
            // What came in one go is not gone on with; where it is known how long it is, it may be.
            if bytes.is_none() {
                let _ = actor.discard(begun.id).await;
            }
            return Err(told(&error));
        }
    };
    Ok(shown(StatusCode::CREATED, &upload))
}

async fn go_on(actor: &ActingAs, id: AttachmentId, offset: u64, body: Body) -> Result<Response, Failure> {
    let upload = actor.receive(id, offset, stream(body)).await.map_err(|error| told(&error))?;
    Ok(answer(StatusCode::OK, bare(&upload)))
}

/// The file once it is whole, else how far it has come.
fn shown(status: StatusCode, upload: &Upload) -> Response {
    match &upload.attachment {
        Some(attachment) => answer(status, bare(attachment)),
        None => answer(status, bare(upload)),
    }
}

fn said_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn stream(body: Body) -> ByteStream {
    body.into_data_stream().map(|bytes| bytes.map_err(io::Error::other)).boxed()
}

/// The boundary of a form, if the body is one.
fn boundary(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media_type.trim_start().to_ascii_lowercase().starts_with("multipart/") {
        return Ok(None);
    }
    let boundary = multer::parse_boundary(media_type);
    boundary.map(Some).map_err(|_| Failure::new(Code::Malformed, "a form without a boundary"))
}

/// The file in a form: its first part, and the only one that is read.
async fn part(boundary: String, body: Body, limit: u64) -> Result<(Option<FileName>, ByteStream), Failure> {
    // What stands before the file is kept until it has come: so there is little of it.
    let (begun, mut before) = (Arc::new(AtomicBool::new(false)), 0);
    let has_begun = Arc::clone(&begun);
    let body = body.into_data_stream().map(move |bytes| {
        let bytes = bytes.map_err(io::Error::other)?;
        before += bytes.len() as u64;
        if before > HEAD_BYTES_MAX && !has_begun.load(Ordering::Relaxed) {
            return Err(io::Error::other("no file begins"));
        }
        Ok(bytes)
    });
    let size = multer::SizeLimit::new().whole_stream(limit.saturating_add(FORM_BYTES_MAX));
    let rules = multer::Constraints::new().size_limit(size);
    let mut form = multer::Multipart::with_constraints(body, boundary, rules);
    let field =
        form.next_field().await.map_err(|_| Failure::new(Code::Malformed, "the form cannot be parsed"))?;
    let field = field.ok_or_else(|| Failure::new(Code::Malformed, "a form without a file"))?;
    begun.store(true, Ordering::Relaxed);
    let name = field.file_name().map(FileName::new).transpose().map_err(Failure::from)?;
    Ok((name, field.map(|bytes| bytes.map_err(io::Error::other)).boxed()))
}
