//! One browser window and what a person does in it.

use anyhow::{Result, bail};
use fantoccini::{Client, Locator};
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Nothing takes this long; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the page is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(25);

/// A browser with one window.
pub(crate) struct Window {
    client: Client,
    _profile: Arc<TempDir>,
}

impl Window {
    pub(crate) fn new(client: Client, profile: Arc<TempDir>) -> Self {
        Self { client, _profile: profile }
    }

    pub(crate) async fn close(self) {
        if let Err(error) = self.client.close().await {
            writeln!(std::io::stderr(), "a browser did not close: {error}").expect("stderr is open");
        }
    }

    /// For whoever has to find out why the test failed.
    pub(crate) async fn show_what_is_seen(&self) {
        let seen = self.client.execute("return document.body.innerText", Vec::new()).await;
        writeln!(std::io::stderr(), "--- a window shows:\n{seen:?}").expect("stderr is open");
    }

    pub(crate) async fn register(&self, address: &str, username: &str) -> Result<()> {
        self.client.goto(address).await?;
        self.fill("#login [name=username]", username).await?;
        self.fill("#login [name=password]", testbed::people::PASSWORD).await?;
        self.press("#login [value=register]").await?;
        self.until("it is connected", "return document.getElementById('connection').textContent != ''").await
    }

    /// Fills in a form of one field, and sends it.
    pub(crate) async fn submit(&self, form: &str, field: &str, text: &str) -> Result<()> {
        self.fill(&format!("#{form} [name={field}]"), text).await?;
        self.press(&format!("#{form} button")).await
    }

    /// Writes in the conversation that is open.
    pub(crate) async fn write(&self, text: &str) -> Result<()> {
        let is_open = "return document.getElementById('title').textContent != 'Choose a conversation'";
        self.until("a conversation is open", is_open).await?;
        self.submit("write", "text", text).await
    }

    /// Opens the conversation whose name begins so, once it is listed.
    pub(crate) async fn choose(&self, name: &str) -> Result<()> {
        let find = format!(
            "const row = [...document.querySelectorAll('#conversations button')]\
             .find((one) => one.textContent.startsWith('{name}')); row?.click(); return Boolean(row)"
        );
        self.until(&format!("{name} is listed"), &find).await
    }

    /// The id of a group, as the page shows it to be given to others.
    pub(crate) async fn id_of(&self, name: &str) -> Result<String> {
        self.choose(name).await?;
        let find = format!(
            "return [...document.querySelectorAll('#conversations button')]\
             .find((one) => one.textContent.startsWith('{name}')).textContent.match(/\\((.*)\\)/)[1]"
        );
        let id = self.client.execute(&find, Vec::new()).await?;
        id.as_str().map(str::to_owned).ok_or_else(|| anyhow::anyhow!("no id: {id}"))
    }

    /// Waits until exactly these messages are there.
    pub(crate) async fn see(&self, messages: &[&str]) -> Result<()> {
        let expected = serde_json::to_string(messages)?;
        self.until(&expected, &format!("return JSON.stringify({SHOWN}) === JSON.stringify({expected})")).await
    }

    /// Waits until the last message ends so.
    pub(crate) async fn see_last(&self, text: &str) -> Result<()> {
        let ends = format!("return ({SHOWN}.at(-1) ?? '').endsWith({})", serde_json::to_string(text)?);
        self.until(text, &ends).await
    }

    /// How many messages end so.
    pub(crate) async fn see_count(&self, text: &str, count: usize) -> Result<()> {
        let ends = serde_json::to_string(&format!(": {text}"))?;
        let counted = format!("return {SHOWN}.filter((one) => one.endsWith({ends})).length === {count}");
        self.until(&format!("{count} of {text}"), &counted).await
    }

    /// Waits until the page has noticed that the line is gone.
    pub(crate) async fn see_no_line(&self) -> Result<()> {
        self.until("the line is gone", "return document.getElementById('connection').textContent === ''")
            .await
    }

    async fn fill(&self, selector: &str, text: &str) -> Result<()> {
        let field = self.client.find(Locator::Css(selector)).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    async fn press(&self, selector: &str) -> Result<()> {
        Ok(self.client.find(Locator::Css(selector)).await?.click().await?)
    }

    /// Waits until a script of the page says so.
    async fn until(&self, what: &str, script: &str) -> Result<()> {
        let late = Instant::now() + PATIENCE;
        while self.client.execute(script, Vec::new()).await?.as_bool() != Some(true) {
            if Instant::now() > late {
                bail!("not seen: {what}");
            }
            tokio::time::sleep(GLANCE).await;
        }
        Ok(())
    }
}

/// The messages that are shown.
const SHOWN: &str = "[...document.querySelectorAll('#messages li')].map((one) => one.textContent)";
