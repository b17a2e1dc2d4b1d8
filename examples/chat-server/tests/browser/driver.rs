//! chromedriver and the browsers it opens, each with a profile of its own: separate storage, as on two machines.

use crate::window::Window;
use anyhow::{Context as _, Result, bail};
use fantoccini::ClientBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The browser under the names that distributions give it.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// What makes Chromium start in a container, without a screen and without calling home.
const FLAGS: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// What the driver prints before its port once it listens.
const STARTED: &str = "started successfully on port ";

/// Both layouts of the page are used: two columns, and one.
#[derive(Clone, Copy)]
pub(crate) enum WindowSize {
    Desktop,
    Phone,
}

/// A running chromedriver, killed when dropped. Browsers are closed through their windows.
pub(crate) struct Driver {
    _process: Child,
    /// Kept open, so that what the driver says later does not end it.
    _output: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Driver {
    /// `None` where there is no browser and none is demanded.
    pub(crate) async fn start() -> Result<Option<Self>> {
        if !BROWSERS.iter().any(|name| is_on_path(name)) || !is_on_path("chromedriver") {
            skip("chromium and chromedriver are not both on PATH (Debian: chromium, chromium-driver)");
            return Ok(None);
        }
        let mut command = Command::new("chromedriver");
        let mut process = command.arg("--port=0").stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let output = process.stdout.take().context("its output was piped")?;
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some((_, port)) = line.split_once(STARTED) {
                let port = port.trim_end_matches('.').parse()?;
                return Ok(Some(Self { _process: process, _output: lines, port }));
            }
        }
        bail!("chromedriver ended without saying its port")
    }

    /// A new browser with an empty profile.
    pub(crate) async fn open(&self, size: WindowSize) -> Result<Window> {
        let profile = tempfile::tempdir()?;
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(&profile, size))
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await?;
        Ok(Window::new(client, Arc::new(profile)))
    }
}

fn capabilities(profile: &TempDir, size: WindowSize) -> Map<String, Value> {
    let size = match size {
        WindowSize::Desktop => "--window-size=1200,900",
        WindowSize::Phone => "--window-size=500,900",
    };
    let own = [size.to_owned(), format!("--user-data-dir={}", profile.path().display())];
    let flags: Vec<String> = FLAGS.into_iter().map(str::to_owned).chain(own).collect();
    Map::from_iter([("goog:chromeOptions".to_owned(), json!({ "args": flags }))])
}

/// Says so where nobody overlooks it: past the capture of test output. Where backends are demanded it fails.
fn skip(missing: &str) {
    let demanded = |name, value| std::env::var(name).is_ok_and(|set| set == value);
    assert!(!demanded("CHAT_REQUIRE_BACKENDS", "1") && !demanded("CI", "true"), "{missing}");
    writeln!(std::io::stderr(), "SKIPPED: the page in a real browser: {missing}").expect("stderr is open");
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
