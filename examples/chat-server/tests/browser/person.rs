//! Somebody without a browser, speaking REST.

use anyhow::{Context as _, Result};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// A logged-in user.
pub(crate) struct Person {
    client: Client,
    address: String,
    /// None until logged in.
    token: Option<String>,
}

impl Person {
    pub(crate) async fn sign_up(address: &str, username: &str, full_name: &str) -> Result<Self> {
        let mut person = Self { client: Client::new(), address: address.to_owned(), token: None };
        let password = "correct horse";
        let account = json!({ "username": username, "full_name": full_name, "password": password });
        person.call(Method::POST, "accounts", Some(account)).await?;
        let login = json!({ "username": username, "password": password });
        let session = person.call(Method::POST, "sessions", Some(login)).await?;
        person.token = Some(text(&session["access_token"])?);
        Ok(person)
    }

    pub(crate) async fn request_friend(&self, username: &str) -> Result<()> {
        let other = self.call(Method::GET, &format!("users?username={username}"), None).await?;
        let user = text(&other["id"])?;
        self.call(Method::PUT, &format!("friends/{user}/request"), None).await?;
        Ok(())
    }

    /// Writes into the conversation of this name.
    pub(crate) async fn say(&self, conversation: &str, words: &str) -> Result<()> {
        let listed = self.call(Method::GET, "conversations", None).await?;
        let items = listed["items"].as_array().context("a page has items")?;
        let known =
            items.iter().find(|one| one["name"] == conversation).context("one is in the conversation")?;
        let path = format!("conversations/{}/messages", text(&known["id"])?);
        self.call(Method::POST, &path, Some(json!({ "client_id": "said-by-rest", "text": words }))).await?;
        Ok(())
    }

    /// The answer, `null` if it has no body.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let request = self.client.request(method, format!("{}/v1/{path}", self.address));
        let request = self.token.iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        let request = body.iter().fold(request, reqwest::RequestBuilder::json);
        let response = request.send().await?;
        let status = response.status();
        let answer = response.text().await?;
        anyhow::ensure!(status.is_success(), "{path} answered {status}: {answer}");
        Ok(serde_json::from_str(&answer).unwrap_or_default())
    }
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().with_context(|| format!("a text is expected, not {value}"))?.to_owned())
}
