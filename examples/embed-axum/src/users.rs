//! The application's own users and logins: two tables in its own SQLite file, older than the chat and knowing
//! nothing of it. Ids are plain integers.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;

/// The name of the login cookie.
pub const COOKIE_NAME: &str = "login";

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, password TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS logins (id INTEGER PRIMARY KEY, token BLOB NOT NULL UNIQUE, user INTEGER NOT NULL);
";

/// A row of the users table, as others may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The key: an integer.
    pub id: i64,
    /// The unique name.
    pub name: String,
}

/// A browser in which somebody is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login {
    /// The key.
    pub id: i64,
    /// Who it is.
    pub user: i64,
}

/// The users table.
#[derive(Clone, Debug)]
pub struct Users(Arc<Mutex<Connection>>);

impl Users {
    /// Opens the application's database.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(file: &Path) -> anyhow::Result<Self> {
        let db = Connection::open(file).with_context(|| format!("cannot open {}", file.display()))?;
        db.execute_batch(TABLES)?;
        Ok(Self(Arc::new(Mutex::new(db))))
    }

    /// Adds somebody; `None` when the name is taken.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn register(&self, name: String, password: String) -> anyhow::Result<Option<i64>> {
        self.with(move |db| {
            let hash = Argon2::default().hash_password(password.as_bytes())?.to_string();
            let added =
                "INSERT INTO users (name, password) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id";
            Ok(db.query_row(added, [name, hash], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// The token of a new login; `None` when name or password are wrong.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_in(&self, name: String, password: String) -> anyhow::Result<Option<String>> {
        self.with(move |db| {
            let found = "SELECT id, password FROM users WHERE name = ?";
            let found = db.query_row(found, [name], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            let Some((user, hash)): Option<(i64, String)> = found else { return Ok(None) };
            if Argon2::default().verify_password(password.as_bytes(), &PasswordHash::new(&hash)?).is_err() {
                return Ok(None);
            }
            let mut token = [0; 32];
            getrandom::fill(&mut token)?;
            let token = BASE64.encode(token);
            db.execute("INSERT INTO logins (token, user) VALUES (?, ?)", params![stored(&token), user])?;
            Ok(Some(token))
        })
        .await
    }

    /// The login of this request, by its cookie.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn login_of(&self, headers: &HeaderMap) -> anyhow::Result<Option<Login>> {
        let Some(token) = cookie(headers).map(stored) else { return Ok(None) };
        self.with(move |db| {
            let login = |row: &Row<'_>| Ok(Login { id: row.get(0)?, user: row.get(1)? });
            Ok(db.query_row("SELECT id, user FROM logins WHERE token = ?", [token], login).optional()?)
        })
        .await
    }

    /// Ends a login.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_out(&self, login: Login) -> anyhow::Result<()> {
        self.with(move |db| Ok(db.execute("DELETE FROM logins WHERE id = ?", [login.id]).map(drop)?)).await
    }

    /// Those of these ids that there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn by_ids(&self, ids: Vec<i64>) -> anyhow::Result<Vec<User>> {
        let ids = serde_json::to_string(&ids)?;
        self.list("SELECT id, name FROM users WHERE id IN (SELECT value FROM json_each(?))", [ids]).await
    }

    /// Those of these names that there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn by_names(&self, names: &[&str]) -> anyhow::Result<Vec<User>> {
        let names = serde_json::to_string(names)?;
        self.list("SELECT id, name FROM users WHERE name IN (SELECT value FROM json_each(?))", [names]).await
    }

    /// The first `limit` by id, after this one, whose names begin so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn beginning(&self, with: &str, after: Option<i64>, limit: usize) -> anyhow::Result<Vec<User>> {
        let found = "SELECT id, name FROM users WHERE instr(lower(name), lower(?)) = 1 AND id > ? ORDER BY id LIMIT ?";
        self.list(found, (with.to_owned(), after.unwrap_or(i64::MIN), i64::try_from(limit)?)).await
    }

    /// The users that a query finds.
    async fn list(
        &self,
        sql: &'static str,
        values: impl Params + Send + 'static,
    ) -> anyhow::Result<Vec<User>> {
        self.with(move |db| {
            let user = |row: &Row<'_>| Ok(User { id: row.get(0)?, name: row.get(1)? });
            Ok(db.prepare_cached(sql)?.query_map(values, user)?.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Works with the database off the async threads.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let db = Arc::clone(&self.0);
        spawn_blocking(move || work(&db.lock().unwrap_or_else(PoisonError::into_inner))).await?
    }
}

/// The value of the login cookie.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split("; "))
        .find_map(|pair| pair.strip_prefix(COOKIE_NAME)?.strip_prefix('='))
}

/// A token as the table holds it, so that who reads the table cannot log in.
fn stored(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}
