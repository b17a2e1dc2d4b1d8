//! Logins in cookies, and why no other page can use them.
//!
//! A browser sends cookies with whatever any page makes it send. So a login in a cookie counts only where the request is
//! known to come from a page of ours:
//!
//! - The cookies are `HttpOnly` (no script reads them), `SameSite=Strict` and, outside development, `Secure`.
//! - A request that changes something must say that it comes from our own origin, or from an allowed one:
//!   `Sec-Fetch-Site`, else `Origin`. One that says neither, as no browser of today sends it, must repeat the value of a
//!   third cookie in a header (double submit), which only a page of ours can read.
//! - A socket can be read by the page that opens it, so it must name its `Origin` in any case.
//! - A cookie that is there twice may be another site's, and is none.
//!
//! The `Authorization` header wins over cookies, and is not looked at here: no page can make a browser send it.
//!
//! [`CookieSessions`] is used in three places: where somebody logs in ([`CookieSessions::set`]), as an
//! [`Authenticator`] around another one ([`CookieSessions::authenticator`]), which makes cookies work for REST and
//! sockets alike, and around a host's own routes ([`CookieSessions::protect`]).

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, COOKIE, HeaderName, SET_COOKIE, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response, ResponseParts};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chat_core::accounts::{Accounts, Secret, Tokens};
use chat_core::{IdSource, SystemIds};
use cookie::time::Duration;
use cookie::{Cookie, SameSite};

use crate::auth::{AuthError, Authenticator, Credentials, Identity};
use crate::origin::{self, Site};
use crate::problem::Failure;

/// The header that repeats the third cookie.
pub const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// How long a forged value could be guessed at: 128 bits.
const CSRF_BYTES: usize = 16;

/// How cookies look. Names and lives can be those that clients know already.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CookieOptions {
    /// The cookie of the access token.
    pub access_name: String,
    /// The cookie of the refresh token.
    pub refresh_name: String,
    /// The cookie whose value is repeated in the header [`CSRF_HEADER`]; scripts of our pages read it.
    pub csrf_name: String,
    /// The path under which they are sent.
    pub path: String,
    /// How long the refresh token's cookie is kept, in seconds; the access token's is kept as long as it is good.
    pub refresh_seconds: u64,
    /// Whether they go over TLS only. Only a developer's own machine may say no.
    pub secure: bool,
    /// Origins beside our own whose pages may use them.
    pub allowed_origins: Vec<String>,
}

impl Default for CookieOptions {
    fn default() -> Self {
        Self {
            access_name: "accessToken".to_owned(),
            refresh_name: "refreshToken".to_owned(),
            csrf_name: "csrfToken".to_owned(),
            path: "/".to_owned(),
            refresh_seconds: 7 * 24 * 3_600,
            secure: true,
            allowed_origins: Vec::new(),
        }
    }
}

/// Logins in cookies. Cheap to clone.
#[derive(Clone)]
pub struct CookieSessions(Arc<Jar>);

struct Jar {
    options: CookieOptions,
    ids: Arc<dyn IdSource>,
}

impl std::fmt::Debug for CookieSessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CookieSessions").field(&self.0.options).finish()
    }
}

/// Cookies to be set by an answer: part of whatever a handler answers.
#[derive(Clone)]
#[must_use]
pub struct SetCookies(Vec<HeaderValue>);

impl std::fmt::Debug for SetCookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SetCookies(…)")
    }
}

impl axum::response::IntoResponseParts for SetCookies {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut answer: ResponseParts) -> Result<ResponseParts, Self::Error> {
        for cookie in self.0 {
            answer.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(answer)
    }
}

impl axum::response::IntoResponse for SetCookies {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

/// Why a request with cookies is not heard: it may come from another page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pages of this origin are not allowed")]
pub struct CrossSite;

impl CookieSessions {
    /// Cookies that look so.
    pub fn new(options: CookieOptions) -> Self {
        Self::with_ids(options, Arc::new(SystemIds::default()))
    }

    /// The same with another source of randomness.
    pub fn with_ids(options: CookieOptions, ids: Arc<dyn IdSource>) -> Self {
        Self(Arc::new(Jar { options, ids }))
    }

    /// The cookies of somebody who has logged in or refreshed his login.
    pub fn set(&self, tokens: &Tokens) -> SetCookies {
        let options = &self.0.options;
        let mut csrf = [0; CSRF_BYTES];
        self.0.ids.fill(&mut csrf);
        let csrf = URL_SAFE_NO_PAD.encode(csrf);
        SetCookies(vec![
            self.cookie(&options.access_name, tokens.access_token.expose(), tokens.expires_in, true),
            self.cookie(&options.refresh_name, tokens.refresh_token.expose(), options.refresh_seconds, true),
            self.cookie(&options.csrf_name, &csrf, options.refresh_seconds, false),
        ])
    }

    /// Takes all of them away.
    pub fn clear(&self) -> SetCookies {
        let Jar { options, .. } = &*self.0;
        let names =
            [(&options.access_name, true), (&options.refresh_name, true), (&options.csrf_name, false)];
        SetCookies(names.map(|(name, hidden)| self.cookie(name, "", 0, hidden)).to_vec())
    }

    fn cookie(&self, name: &str, value: &str, seconds: u64, hidden: bool) -> HeaderValue {
        let options = &self.0.options;
        let cookie = Cookie::build((name, value))
            .path(options.path.as_str())
            .http_only(hidden)
            .secure(options.secure)
            .same_site(SameSite::Strict)
            .max_age(Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX)));
        HeaderValue::from_str(&cookie.to_string()).expect("names are a host's own, and tokens are ASCII")
    }

    /// The access token in the cookies of a request.
    pub fn access_token(&self, headers: &HeaderMap) -> Option<Secret> {
        only(headers, &self.0.options.access_name).map(Secret::from)
    }

    /// The refresh token in the cookies of a request.
    pub fn refresh_token(&self, headers: &HeaderMap) -> Option<Secret> {
        only(headers, &self.0.options.refresh_name).map(Secret::from)
    }

    /// Whether the cookies of a request count: it has none of ours, changes nothing, or comes from a page of ours.
    ///
    /// # Errors
    /// [`CrossSite`] when it may come from another page.
    pub fn check(&self, parts: &Parts) -> Result<(), CrossSite> {
        self.check_as(parts, parts.headers.contains_key(UPGRADE))
    }

    /// The same for a socket in whatever form, which need not be an upgrade: what is polled can be read too.
    ///
    /// # Errors
    /// As [`CookieSessions::check`].
    pub fn check_socket(&self, parts: &Parts) -> Result<(), CrossSite> {
        self.check_as(parts, true)
    }

    fn check_as(&self, parts: &Parts, is_socket: bool) -> Result<(), CrossSite> {
        let Jar { options, .. } = &*self.0;
        let has_ours = has_any(&parts.headers, &[&options.access_name, &options.refresh_name]);
        if !has_ours || parts.headers.contains_key(AUTHORIZATION) {
            return Ok(());
        }
        // What only reads is answered to whoever asks: another page cannot read the answer, unless it is a socket.
        let is_harmless = is_safe(&parts.method) && !is_socket;
        let is_ours = match origin::site(parts, &options.allowed_origins) {
            Site::Ours => true,
            Site::Another => false,
            Site::Unsaid => !is_socket && self.is_submitted_twice(&parts.headers),
        };
        if is_harmless || is_ours { Ok(()) } else { Err(CrossSite) }
    }

    fn is_submitted_twice(&self, headers: &HeaderMap) -> bool {
        let cookie = only(headers, &self.0.options.csrf_name);
        let header = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
        matches!((cookie, header), (Some(cookie), Some(header)) if !cookie.is_empty() && cookie == header)
    }

    /// Exchanges the refresh token of a request's cookies for the next ones.
    ///
    /// # Errors
    /// [`AuthError::CrossSite`] when the request may come from another page, [`AuthError::Missing`] without a cookie,
    /// and as [`Accounts::refresh`]; the cookies should be [cleared](Self::clear) then.
    pub async fn renew(&self, accounts: &Accounts, parts: &Parts) -> Result<(Tokens, SetCookies), AuthError> {
        self.check(parts).map_err(|_| AuthError::CrossSite)?;
        let token = self.refresh_token(&parts.headers).ok_or(AuthError::Missing)?;
        let tokens = accounts.refresh(token.expose()).await.map_err(AuthError::from)?;
        let cookies = self.set(&tokens);
        Ok((tokens, cookies))
    }

    /// An authenticator that knows who somebody is by the cookie of the access token, and asks `tokens` about it; and
    /// about everything else.
    pub fn authenticator(&self, tokens: Arc<dyn Authenticator>) -> CookieAuthenticator {
        CookieAuthenticator { cookies: self.clone(), tokens }
    }

    /// The routes behind the [check](Self::check): what does not pass is answered as this crate answers.
    pub fn protect(&self, routes: Router) -> Router {
        let cookies = self.clone();
        routes.layer(middleware::from_fn(move |request: Request, next: Next| {
            let cookies = cookies.clone();
            async move { cookies.pass(request, next).await }
        }))
    }

    async fn pass(&self, request: Request, next: Next) -> Response {
        let (parts, body) = request.into_parts();
        match self.check(&parts) {
            Ok(()) => next.run(Request::from_parts(parts, body)).await,
            Err(CrossSite) => Failure::from(&AuthError::CrossSite).into_response(),
        }
    }
}

/// Knows people by their cookies; made by [`CookieSessions::authenticator`].
#[derive(Clone)]
pub struct CookieAuthenticator {
    cookies: CookieSessions,
    tokens: Arc<dyn Authenticator>,
}

impl std::fmt::Debug for CookieAuthenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CookieAuthenticator").field(&self.cookies).finish()
    }
}

#[async_trait]
impl Authenticator for CookieAuthenticator {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError> {
        if let Credentials::Request(parts) = credentials
            && !parts.headers.contains_key(AUTHORIZATION)
            && let Some(token) = self.cookies.access_token(&parts.headers)
        {
            self.cookies.check(parts).map_err(|_| AuthError::CrossSite)?;
            return self.tokens.authenticate(Credentials::Token(token.expose())).await;
        }
        self.tokens.authenticate(credentials).await
    }
}

/// All cookies of a request.
fn all(headers: &HeaderMap) -> impl Iterator<Item = Cookie<'_>> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(Cookie::split_parse).filter_map(Result::ok)
}

/// The value of the only cookie of this name.
fn only(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut found = all(headers).filter(|cookie| cookie.name() == name);
    let value = found.next()?.value().to_owned();
    found.next().is_none().then_some(value)
}

fn has_any(headers: &HeaderMap, names: &[&String]) -> bool {
    all(headers).any(|cookie| names.iter().any(|name| *name == cookie.name()))
}

/// What changes nothing by its method.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}
