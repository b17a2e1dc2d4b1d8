//! The chat, added to the application: who is logged in, and who there is.
//!
//! This file is nearly all of it; the rest is the lines of this crate that say `chat`.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use chat_core::{Chat, Directory, DirectoryError, Limit, Profile, Query, SessionId, UserId};
use chat_store_sql::sqlite::{SqliteOptions, SqliteStore};
use chat_transport_ws::{AuthError, Authenticator, Credentials, Identity};

use crate::users::{Login, User, Users};

/// The chat in a file of its own, among the people of the users table.
///
/// # Errors
/// When the file cannot be opened.
pub async fn open(users: &Users, file: PathBuf) -> anyhow::Result<Chat> {
    let store = SqliteStore::open(SqliteOptions::new(file)).await?;
    Ok(Chat::builder(store).directory(Arc::new(users.clone())).build().await?)
}

/// Whoever has the application's cookie is logged in.
#[async_trait]
impl Authenticator for Users {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError> {
        let login = self.login_of(&credentials.request()?.headers).await;
        let login = login.map_err(|error| AuthError::Unavailable(error.into()))?.ok_or(AuthError::Missing)?;
        Ok(Identity::new(login.user).session(session_of(login)))
    }
}

/// A login of the application is a session of the chat.
pub fn session_of(login: Login) -> SessionId {
    SessionId::from_bytes(i128::from(login.id).to_be_bytes())
}

type Found = Result<Vec<Profile>, DirectoryError>;

/// The users table is the directory.
#[async_trait]
impl Directory for Users {
    async fn profiles(&self, ids: &[UserId]) -> Found {
        found(self.by_ids(ids.iter().filter_map(|id| id.as_integer()?.try_into().ok()).collect()).await)
    }

    async fn find(&self, usernames: &[&str]) -> Found {
        found(self.by_names(usernames).await)
    }

    async fn search(&self, query: &Query, after: Option<UserId>, limit: Limit) -> Found {
        let after = after.and_then(|id| id.as_integer()?.try_into().ok());
        found(self.beginning(query.as_str(), after, limit.get()).await)
    }
}

fn found(users: anyhow::Result<Vec<User>>) -> Found {
    let profile = |user: User| Profile::new(user.id.into()).username(user.name);
    users.map(|users| users.into_iter().map(profile).collect()).map_err(|e| DirectoryError(e.into()))
}
