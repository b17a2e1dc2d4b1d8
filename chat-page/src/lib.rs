//! The web page, embedded in the binary: the files of `page/` as they are, without a build step.
//!
//! The page addresses everything relative to itself, so these routes work wherever they are nested. They are merged
//! with the API's by the server; there is no fallback here, so that an unknown address stays the API's to refuse.
//! Files carry no hashed names: the browser asks again each time and mostly hears 304, which keeps all files of one
//! version together.
//!
//! It speaks the protocol of `chat-transport-ws` and knows where it is served from by itself; a server merges it with
//! [`routes`].

use axum::Router;
use axum::body::Body;
use axum::extract::OriginalUri;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use axum::routing::get;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Only what comes from here, no inline script or style, and nobody may frame it. Sockets to the same host are
/// `'self'` too; pictures that people send are fetched with a token and shown as blobs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The file that is the page itself.
const INDEX: &str = "index.html";

macro_rules! embedded {
    ($($path:literal,)*) => {
        &[$(($path, include_bytes!(concat!("../page/", $path)))),*]
    };
}

/// Every file of the page under its path. A test compares this with the folder.
const FILES: &[(&str, &[u8])] = embedded![
    "icon.svg",
    "index.html",
    "main.js",
    "net/api.js",
    "net/backoff.js",
    "net/connection.js",
    "net/errors.js",
    "net/files.js",
    "net/protocol.js",
    "net/tokens.js",
    "net/uuid.js",
    "state/conversations.js",
    "state/outgoing.js",
    "state/people.js",
    "state/selectors.js",
    "state/state.js",
    "state/store.js",
    "state/talk.js",
    "style.css",
    "tasks/cache.js",
    "tasks/commands.js",
    "tasks/lookups.js",
    "tasks/presence.js",
    "tasks/receipts.js",
    "tasks/resume.js",
    "tasks/sending.js",
    "tasks/typing.js",
    "views/attachments.js",
    "views/auth.js",
    "views/avatar.js",
    "views/bubble.js",
    "views/chats.js",
    "views/composer.js",
    "views/confirm.js",
    "views/details.js",
    "views/dom.js",
    "views/messages.js",
    "views/newgroup.js",
    "views/notes.js",
    "views/notice.js",
    "views/people.js",
    "views/recovery.js",
    "views/side.js",
    "views/talk.js",
    "views/time.js",
    "views/waiting.js",
];

/// The page at `/` and its files beside it.
pub fn routes() -> Router {
    let files = FILES.iter().map(|&(path, body)| (path, File::new(path, body)));
    files.fold(Router::new().route("/", get(index)), |router, (path, file)| {
        router.route(&format!("/{path}"), get(move |headers: HeaderMap| async move { file.answer(&headers) }))
    })
}

/// The page, or the way to it: nested under `/chat` and asked for as `/chat`, its relative addresses would miss the
/// prefix, so the browser is sent to `/chat/index.html`.
async fn index(OriginalUri(asked): OriginalUri, headers: HeaderMap) -> Response<Body> {
    match missing_slash(&asked) {
        Some(location) => {
            answer(StatusCode::TEMPORARY_REDIRECT).header(LOCATION, location).body(Body::empty())
        }
        None => return index_file().answer(&headers),
    }
    .expect("a path that was parsed is a valid header")
}

fn index_file() -> File {
    let (path, body) = FILES.iter().find(|(path, _)| *path == INDEX).expect("the table names the index");
    File::new(path, body)
}

/// Where to go instead, relative to the address asked for, when that does not end in a slash.
fn missing_slash(asked: &Uri) -> Option<String> {
    let last = asked.path().rsplit('/').next().filter(|segment| !segment.is_empty())?;
    Some(format!("./{last}/{INDEX}"))
}

/// One embedded file, ready to be answered.
#[derive(Clone, Copy)]
struct File {
    content_type: &'static str,
    body: &'static [u8],
    /// Tells versions apart; nothing depends on it being hard to forge.
    digest: u64,
}

impl File {
    fn new(path: &str, body: &'static [u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        Self { content_type: content_type(path), body, digest: hasher.finish() }
    }

    fn answer(self, asked: &HeaderMap) -> Response<Body> {
        let tag = format!("\"{:016x}\"", self.digest);
        let (status, body) = if knows(asked, &tag) {
            (StatusCode::NOT_MODIFIED, Body::empty())
        } else {
            (StatusCode::OK, Body::from(self.body))
        };
        answer(status)
            .header(CONTENT_TYPE, self.content_type)
            .header(ETAG, tag)
            .body(body)
            .expect("constant headers and a hexadecimal tag are valid")
    }
}

/// An answer with the headers that every one of them has.
fn answer(status: StatusCode) -> axum::http::response::Builder {
    Response::builder()
        .status(status)
        .header(CACHE_CONTROL, "no-cache")
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(REFERRER_POLICY, "no-referrer")
}

/// Whether the browser has this version already (RFC 9110, weak comparison).
fn knows(asked: &HeaderMap, tag: &str) -> bool {
    let lists = asked.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use std::path::Path;
    use tower::ServiceExt as _;

    async fn ask(router: Router, path: &str, known: Option<&str>) -> Response<Body> {
        let request = Request::builder().uri(path);
        let request = known.into_iter().fold(request, |request, tag| request.header(IF_NONE_MATCH, tag));
        router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn body_of(response: Response<Body>) -> Vec<u8> {
        axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()
    }

    fn header(response: &Response<Body>, name: axum::http::HeaderName) -> &str {
        response.headers()[name].to_str().unwrap()
    }

    /// The files below `folder`, relative to `page`.
    fn files_in(page: &Path, folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                found.append(&mut files_in(page, &entry));
            } else {
                found.push(entry.strip_prefix(page).unwrap().to_string_lossy().replace('\\', "/"));
            }
        }
        found
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
        let mut found = files_in(&page, &page);
        found.sort();
        assert_eq!(found, FILES.iter().map(|(path, _)| *path).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn the_page_is_at_the_root_and_under_its_name() {
        for path in ["/", "/index.html"] {
            let response = ask(routes(), path, None).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(header(&response, CONTENT_TYPE), "text/html; charset=utf-8");
            assert_eq!(body_of(response).await, include_bytes!("../page/index.html"));
        }
    }

    #[tokio::test]
    async fn every_file_has_its_type_and_the_protecting_headers() {
        for (path, body) in FILES {
            let response = ask(routes(), &format!("/{path}"), None).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_ne!(header(&response, CONTENT_TYPE), "application/octet-stream", "{path}");
            assert_eq!(header(&response, CONTENT_SECURITY_POLICY), POLICY);
            assert_eq!(header(&response, X_CONTENT_TYPE_OPTIONS), "nosniff");
            assert_eq!(header(&response, REFERRER_POLICY), "no-referrer");
            assert_eq!(header(&response, CACHE_CONTROL), "no-cache");
            assert_eq!(body_of(response).await, *body, "{path}");
        }
    }

    #[tokio::test]
    async fn what_the_browser_has_is_not_sent_again() {
        let tag = header(&ask(routes(), "/main.js", None).await, ETAG).to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let response = ask(routes(), "/main.js", Some(&known)).await;
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(header(&response, ETAG), tag);
            assert!(body_of(response).await.is_empty());
        }
        assert_eq!(ask(routes(), "/style.css", Some(&tag)).await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn nested_it_is_found_with_and_without_a_slash() {
        for nested in
            [Router::new().nest("/a/chat", routes()), Router::new().nest_service("/a/chat", routes())]
        {
            let response = ask(nested.clone(), "/a/chat", None).await;
            assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
            assert_eq!(header(&response, LOCATION), "./chat/index.html");
            assert_eq!(ask(nested.clone(), "/a/chat/index.html", None).await.status(), StatusCode::OK);
            assert_eq!(ask(nested, "/a/chat/net/api.js", None).await.status(), StatusCode::OK);
        }
    }

    #[tokio::test]
    async fn nothing_else_is_here() {
        assert_eq!(ask(routes(), "/package.json", None).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(ask(routes(), "/../Cargo.toml", None).await.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn nothing_in_the_page_is_inline_or_foreign() {
        let index = include_str!("../page/index.html");
        for forbidden in
            ["<style", " style=", " onclick", "javascript:", "http://", "https://", "src=\"/", "href=\"/"]
        {
            assert!(!index.contains(forbidden), "{forbidden}");
        }
        for (path, body) in FILES.iter().filter(|(path, _)| content_type(path).starts_with("text/javascript"))
        {
            let text = std::str::from_utf8(body).unwrap();
            for forbidden in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
            {
                assert!(!text.contains(forbidden), "{path} uses {forbidden}");
            }
        }
    }
}
