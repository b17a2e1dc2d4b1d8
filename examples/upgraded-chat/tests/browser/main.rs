//! The page of this server in two windows of a real browser: sign up, find each other, become friends, talk, reload.
//!
//! What the page does in all its corners is tested with `chat-server`, whose windows these are.

#[path = "../../../chat-server/tests/browser/driver.rs"]
mod driver;
#[path = "../../../chat-server/tests/browser/window.rs"]
#[expect(dead_code, reason = "the other story does more in a window")]
mod window;

use anyhow::Result;
use driver::{Driver, WindowSize};
use testbed::services::{MongoJava, Mongod, Service};
use testbed::system::System;
use window::{Phase, Window};

#[tokio::test(flavor = "multi_thread")]
async fn two_windows_become_friends_and_find_everything_after_a_reload() {
    let Some(driver) = Driver::start().await.expect("chromedriver starts") else { return };
    let Some(mongo) = Service::start(&Mongod).ok().or_else(|| Service::start_or_skip(&MongoJava)) else {
        return;
    };
    let data = tempfile::tempdir().expect("a folder");
    let settings = [("CHAT_DATA_DIR", data.path().to_str().expect("text")), ("CHAT_STORE", &mongo.url())];
    let server = System::start(env!("CARGO_BIN_EXE_upgraded-chat"), &settings).expect("it starts");
    let mut windows = Vec::new();
    for size in [WindowSize::Desktop, WindowSize::Phone] {
        windows.push(driver.open(size).await.expect("a window opens"));
    }
    let outcome = story(&server, &windows[0], &windows[1]).await;
    for window in windows {
        if outcome.is_err() {
            window.show_what_is_seen().await;
        }
        window.close().await;
    }
    outcome.expect("the story is told to its end");
}

async fn story(server: &System, ana: &Window, bob: &Window) -> Result<()> {
    let address = server.url("");
    ana.sign_up(&address, "ana", "Ana Alvarez").await?;
    bob.sign_up(&address, "bob", "Bob Berg").await?;
    ana.click("tab-people").await?;
    ana.type_into("search", "bob").await?;
    ana.click_in(r#"[data-test="found"] [data-username="bob"]"#, "friend-request").await?;
    bob.see_text("people-badge", "1").await?;
    bob.click("tab-people").await?;
    bob.click_in(r#"[data-test="incoming"] [data-username="ana"]"#, "friend-accept").await?;
    ana.see(r#"[data-test="friends"] [data-username="bob"].online"#).await?;
    ana.click_in(r#"[data-test="friends"] [data-username="bob"]"#, "friend-message").await?;
    ana.write("hello").await?;
    bob.click("tab-chats").await?;
    bob.open_chat("Ana Alvarez").await?;
    bob.write("and hello to you").await?;
    ana.see_message("and hello to you").await?;
    for window in [ana, bob] {
        window.reload().await?;
        window.wait_for(Phase::Live).await?;
    }
    ana.open_chat("Bob Berg").await?;
    bob.open_chat("Ana Alvarez").await?;
    for window in [ana, bob] {
        window.see_message("and hello to you").await?;
        anyhow::ensure!(window.messages().await? == ["hello", "and hello to you"], "all is there once");
    }
    Ok(())
}
