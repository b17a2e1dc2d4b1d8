//! An application that has its own users and its own login, and now a chat.
//!
//! - [`users`]: its users table, with integer ids, in its own SQLite file; older than the chat.
//! - [`pages`]: its routes.
//! - [`chat`]: what was added. The chat makes no user rows and asks for no second login: people are those of the
//!   users table, logged in is who has the application's cookie.
//!
//! What it leaves out is a page for the chat; that of `chat-server` brings its own accounts.

pub mod chat;
pub mod pages;
pub mod users;

use std::path::Path;

use anyhow::Context as _;
use axum::Router;
use chat_core::Chat;
use chat_transport_ws::{Options, router};

use users::Users;

/// What the application's handlers share.
#[derive(Clone)]
pub struct App {
    /// Its users.
    pub users: Users,
    /// Its chat.
    pub chat: Chat,
}

impl App {
    /// Opens both databases in this folder, which is made when it is not there.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let users = Users::open(&folder.join("app.db"))?;
        let chat = chat::open(&users, folder.join("chat.db")).await?;
        Ok(Self { users, chat })
    }

    /// Everything it answers.
    pub fn router(self) -> Router {
        pages::routes(self.clone()).nest("/chat", router(self.chat, Options::new(self.users)))
    }
}
