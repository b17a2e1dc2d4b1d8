//! The page of one script in two windows of a real browser: register, write to each other, make a group and join it; and
//! what was written while the server was away is said once when it is back.

#[path = "../../../chat-server/tests/browser/driver.rs"]
mod driver;
mod window;

use anyhow::Result;
use driver::{Driver, WindowSize};
use testbed::system::System;
use window::Window;

#[tokio::test(flavor = "multi_thread")]
async fn two_windows_talk_in_private_and_in_a_group_and_lose_nothing_over_a_kill() {
    let Some(driver) = Driver::start().await.expect("chromedriver starts") else { return };
    let data = tempfile::tempdir().expect("a folder");
    let mut windows = Vec::new();
    for size in [WindowSize::Desktop, WindowSize::Phone] {
        windows.push(driver.open(size).await.expect("a window opens"));
    }
    let outcome = story(&data, &windows[0], &windows[1]).await;
    for window in windows {
        if outcome.is_err() {
            window.show_what_is_seen().await;
        }
        window.close().await;
    }
    outcome.expect("the story is told to its end");
}

/// A server at this address, or at a free one.
fn start(data: &tempfile::TempDir, listen: &str) -> Result<System> {
    let settings = [("CHAT_DATA_DIR", data.path().to_str().expect("text")), ("CHAT_LISTEN", listen)];
    System::start(env!("CARGO_BIN_EXE_relational-chat"), &settings)
}

async fn story(data: &tempfile::TempDir, ana: &Window, bob: &Window) -> Result<()> {
    let server = start(data, "127.0.0.1:0")?;
    ana.register(&server.url("/"), "ana").await?;
    bob.register(&server.url("/"), "bob").await?;
    ana.submit("open", "username", "bob").await?;
    ana.write("hello").await?;
    bob.choose("ana").await?;
    bob.see(&["ana: hello"]).await?;
    bob.write("and hello <b>to you</b>").await?;
    ana.see(&["you: hello", "bob: and hello <b>to you</b>"]).await?;

    ana.submit("create", "name", "tea").await?;
    let group = ana.id_of("tea").await?;
    bob.submit("join", "id", &group).await?;
    bob.write("is it ready?").await?;
    ana.see_last("is it ready?").await?;

    let address = server.address().to_string();
    server.kill()?;
    ana.see_no_line().await?;
    ana.write("it is").await?;
    let server = start(data, &address)?;
    ana.see_last("you: it is").await?;
    bob.see_last("it is").await?;
    ana.write("and there is cake").await?;
    bob.see_last("and there is cake").await?;
    bob.see_count("it is", 1).await?;
    assert!(server.stop()?.success());
    Ok(())
}
