//! The page at `/`: one HTML, one script, one style, as the original's. No build step, nothing from elsewhere.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::routing::get;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

/// Every file with its type.
const FILES: [(&str, &str, &str); 3] = [
    ("/", "text/html; charset=utf-8", include_str!("../page/index.html")),
    ("/chat.js", "text/javascript; charset=utf-8", include_str!("../page/chat.js")),
    ("/chat.css", "text/css; charset=utf-8", include_str!("../page/chat.css")),
];

/// The page and what it loads.
pub(crate) fn routes() -> Router {
    FILES.into_iter().fold(Router::new(), |router, (path, content_type, body)| {
        let headers = [
            (CONTENT_TYPE, content_type),
            (CONTENT_SECURITY_POLICY, POLICY),
            (REFERRER_POLICY, "no-referrer"),
            (CACHE_CONTROL, "no-cache"),
        ];
        router.route(path, get(move || async move { (headers, body) }))
    })
}
