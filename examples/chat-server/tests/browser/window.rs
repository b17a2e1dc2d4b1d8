//! One browser window and what a person does in it, in terms of the page's `data-test` names.

use anyhow::{Context as _, Result};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, Locator};
use serde_json::Value;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Nothing takes this long; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the page is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(25);

/// The page's state of the line, as it shows it.
#[derive(Clone, Copy)]
pub(crate) enum Phase {
    Waiting,
    Live,
}

/// A browser with one window. Clones are the same window.
#[derive(Clone)]
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
        let words = seen.as_ref().map(|seen| seen.as_str().unwrap_or_default());
        writeln!(std::io::stderr(), "--- a window shows:\n{words:?}").expect("stderr is open");
    }

    pub(crate) async fn sign_up(&self, address: &str, username: &str, full_name: &str) -> Result<()> {
        self.client.goto(&format!("{address}/")).await?;
        self.click("auth-signup").await?;
        self.type_into("username", username).await?;
        self.type_into("full-name", full_name).await?;
        self.type_into("password", "correct horse").await?;
        self.click("auth-submit").await?;
        self.wait_for(Phase::Live).await
    }

    pub(crate) async fn reload(&self) -> Result<()> {
        Ok(self.client.refresh().await?)
    }

    pub(crate) async fn wait_for(&self, phase: Phase) -> Result<()> {
        let name = match phase {
            Phase::Waiting => "waiting",
            Phase::Live => "live",
        };
        self.see(&format!(r#"[data-test="connection"][data-phase="{name}"]"#)).await
    }

    /// Whose window it is.
    pub(crate) async fn owner(&self) -> Result<String> {
        let element = self.client.find(Locator::Css(&named("me"))).await?;
        Ok(element.prop("textContent").await?.unwrap_or_default())
    }

    pub(crate) async fn see(&self, css: &str) -> Result<()> {
        self.find(Locator::Css(css)).await.map(drop)
    }

    /// An element of this name that says exactly this.
    pub(crate) async fn see_text(&self, test: &str, text: &str) -> Result<()> {
        let path = format!("//*[@data-test='{test}'][.={}]", literal(text));
        self.find(Locator::XPath(&path)).await.map(drop)
    }

    /// A message that is in the log.
    pub(crate) async fn see_message(&self, text: &str) -> Result<()> {
        let path = format!("{}[@data-seq]", message(text));
        self.find(Locator::XPath(&path)).await.map(drop)
    }

    /// A message of one's own and how far it has come.
    pub(crate) async fn see_state(&self, text: &str, state: &str) -> Result<()> {
        let path = format!("{}[@data-state='{state}']", message(text));
        self.find(Locator::XPath(&path)).await.map(drop)
    }

    /// A picture that came from the server and could be drawn.
    pub(crate) async fn see_picture(&self) -> Result<()> {
        let image = self.find(Locator::Css(&named("attachment-image"))).await?;
        let drawn = "const [image] = arguments; return image.decode().then(() => image.naturalWidth)";
        // Its address is set when it has been fetched.
        self.find(Locator::Css(&format!(r#"{}[src^="blob:"]"#, named("attachment-image")))).await?;
        let width = self.client.execute(drawn, vec![serde_json::to_value(&image)?]).await?;
        anyhow::ensure!(width == 1, "the picture is drawn, {width} wide");
        Ok(())
    }

    /// Every message shown is in the log.
    pub(crate) async fn see_none_on_its_way(&self) -> Result<()> {
        self.see(r#"[data-test="messages"]:not(:has([data-test="message"]:not([data-seq])))"#).await
    }

    pub(crate) async fn count(&self, css: &str) -> Result<usize> {
        Ok(self.client.find_all(Locator::Css(css)).await?.len())
    }

    /// The texts of the open conversation, as shown.
    pub(crate) async fn messages(&self) -> Result<Vec<String>> {
        let script = r#"return [...document.querySelectorAll('[data-test="message-text"]')].map((text) => text.textContent)"#;
        let texts = self.client.execute(script, Vec::new()).await?;
        let texts = texts.as_array().context("the script answers a list")?;
        Ok(texts.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    pub(crate) async fn click(&self, test: &str) -> Result<()> {
        Ok(self.find(Locator::Css(&named(test))).await?.click().await?)
    }

    /// The button of this name inside of something.
    pub(crate) async fn click_in(&self, css: &str, test: &str) -> Result<()> {
        Ok(self.find(Locator::Css(&format!("{css} {}", named(test)))).await?.click().await?)
    }

    pub(crate) async fn type_into(&self, test: &str, text: &str) -> Result<()> {
        Ok(self.find(Locator::Css(&named(test))).await?.send_keys(text).await?)
    }

    pub(crate) async fn press_enter(&self, test: &str) -> Result<()> {
        self.type_into(test, &char::from(Key::Enter).to_string()).await
    }

    /// Writes into the open conversation and sees it there.
    pub(crate) async fn write(&self, text: &str) -> Result<()> {
        self.type_into("text", text).await?;
        self.press_enter("text").await?;
        self.find(Locator::XPath(&message(text))).await.map(drop)
    }

    /// Edits the last message of one's own with the keyboard alone.
    pub(crate) async fn edit_last(&self, before: &str, after: &str) -> Result<()> {
        self.see_message(before).await?;
        self.type_into("text", &char::from(Key::Up).to_string()).await?;
        self.see(r#"[data-test="editing"]:not([hidden])"#).await?;
        self.find(Locator::Css(&named("text"))).await?.clear().await?;
        self.type_into("text", after).await?;
        self.press_enter("text").await?;
        self.see_message(after).await?;
        self.see(r#"[data-test="editing"][hidden]"#).await
    }

    pub(crate) async fn open_chat(&self, title: &str) -> Result<()> {
        self.click("tab-chats").await?;
        let path = format!("//*[@data-test='chat'][.//*[@data-test='chat-title'][.={}]]", literal(title));
        self.find(Locator::XPath(&path)).await?.click().await?;
        self.see_text("conversation-title", title).await
    }

    /// Back to the list, where the window is too narrow for both.
    pub(crate) async fn leave_chat(&self) -> Result<()> {
        let back = self.find(Locator::Css(&named("back"))).await?;
        if back.is_displayed().await? {
            back.click().await?;
        }
        Ok(())
    }

    pub(crate) async fn make_group(&self, name: &str, friends: &[&str]) -> Result<()> {
        self.click("tab-chats").await?;
        self.click("new-group").await?;
        self.type_into("group-name", name).await?;
        for friend in friends {
            self.find(Locator::Css(&format!(r#"{}[data-username="{friend}"]"#, named("group-friend"))))
                .await?
                .click()
                .await?;
        }
        self.click("group-create").await?;
        self.see_text("conversation-title", name).await
    }

    async fn find(&self, what: Locator<'_>) -> Result<Element> {
        let wait = self.client.wait().at_most(PATIENCE).every(GLANCE);
        wait.for_element(what).await.with_context(|| format!("looking for {what:?}"))
    }
}

fn named(test: &str) -> String {
    format!(r#"[data-test="{test}"]"#)
}

/// The `XPath` of a message with this text.
fn message(text: &str) -> String {
    format!("//*[@data-test='message'][.//*[@data-test='message-text'][.={}]]", literal(text))
}

/// An `XPath` string, which knows no escapes.
fn literal(text: &str) -> String {
    assert!(!text.contains('"'), "no test needs both kinds of quotes");
    format!("\"{text}\"")
}
