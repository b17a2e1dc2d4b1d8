//! The page in a real browser: two people in two windows, a third by REST, and a server that dies in between.
//!
//! One story rather than many cases, since starting browsers is what takes the time. Every step waits for what a person
//! would see; the messages are compared as whole lists, so that one lost, doubled or out of order fails.
//!
//! Needs Chromium and chromedriver. Without them it says `SKIPPED`, or fails where `CHAT_REQUIRE_BACKENDS=1` or
//! `CI=true` demand them.

mod driver;
mod person;
mod server;
mod window;

use std::path::Path;

use anyhow::{Context as _, Result};
use driver::{Driver, WindowSize};
use person::Person;
use server::Server;
use window::{Phase, Window};

/// A PNG of one pixel.
const DOT: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

/// Text that would run if the page ever took what people write for HTML.
const MISCHIEF: &str = "<img src=x onerror=alert(1)> & <b>bold</b>";

#[tokio::test(flavor = "multi_thread")]
async fn two_windows_talk_and_nothing_is_lost_when_the_server_dies() {
    let Some(driver) = Driver::start().await.expect("chromedriver starts") else { return };
    let mut windows = Vec::new();
    for size in [WindowSize::Desktop, WindowSize::Phone] {
        windows.push(driver.open(size).await.expect("a window opens"));
    }
    let outcome = tokio::spawn(story(windows[0].clone(), windows[1].clone())).await;
    for window in windows {
        if !matches!(outcome, Ok(Ok(()))) {
            window.show_what_is_seen().await;
        }
        window.close().await;
    }
    outcome.expect("no assertion fails").expect("the story is told to its end");
}

async fn story(ana: Window, bob: Window) -> Result<()> {
    let data = tempfile::tempdir()?;
    let mut server = Server::start(data.path(), server::ANY_PORT).await?;
    let address = server.address().to_owned();
    ana.sign_up(&address, "ana", "Ana Alvarez").await?;
    bob.sign_up(&address, "bob", "Bob Berg").await?;
    let cyn = Person::sign_up(&address, "cyn", "Cyn Chan").await?;

    become_friends(&ana, &bob, &cyn).await.context("becoming friends")?;
    let mut direct = talk_both_ways(&ana, &bob).await.context("talking both ways")?;
    send_files(&ana, &bob, data.path(), &mut direct).await.context("sending files")?;
    let mut group = talk_in_a_group(&ana, &bob, &cyn).await.context("talking in a group")?;

    ana.open_chat("Bob Berg").await?;
    let burst = ["on the wire 1", "on the wire 2", "on the wire 3"];
    for text in burst {
        ana.write(text).await?;
    }
    server.kill().await?; // whether these were stored, acknowledged or never sent is left to chance
    write_while_the_server_is_away(&ana, &bob).await.context("writing without a server")?;

    let server = Server::start(data.path(), server.port()).await.context("starting again")?;
    direct.extend(burst.into_iter().chain(["queued 1", "queued 2"]).map(str::to_owned));
    group.push("queued by bob".to_owned());
    nothing_is_lost_or_doubled(&ana, &bob, &direct, &group).await.context("after the restart")?;

    for window in [&ana, &bob] {
        window.reload().await?;
        window.wait_for(Phase::Live).await?;
    }
    nothing_is_lost_or_doubled(&ana, &bob, &direct, &group).await.context("after a reload")?;
    log_out(&ana).await.context("logging out")?;
    drop(server);
    Ok(())
}

/// A request seen live and accepted; one made by REST and accepted; presence of a friend.
async fn become_friends(ana: &Window, bob: &Window, cyn: &Person) -> Result<()> {
    ana.click("tab-people").await?;
    ana.type_into("search", "bob").await?;
    ana.click_in(r#"[data-test="found"] [data-username="bob"]"#, "friend-request").await?;
    ana.see(r#"[data-test="requested"] [data-username="bob"]"#).await?;
    bob.see_text("people-badge", "1").await?;
    bob.click("tab-people").await?;
    bob.click_in(r#"[data-test="incoming"] [data-username="ana"]"#, "friend-accept").await?;
    ana.see(r#"[data-test="friends"] [data-username="bob"].online"#).await?;

    cyn.request_friend("ana").await?;
    ana.click_in(r#"[data-test="incoming"] [data-username="cyn"]"#, "friend-accept").await?;
    ana.see(r#"[data-test="friends"] [data-username="cyn"]"#).await
}

/// A picture and a text go up with a bar, and come down as a picture that is shown and a file to be saved.
async fn send_files(ana: &Window, bob: &Window, folder: &Path, said: &mut Vec<String>) -> Result<()> {
    let (picture, text) = (folder.join("dot.png"), folder.join("notes.txt"));
    std::fs::write(&picture, DOT)?;
    std::fs::write(&text, "milk, bread")?;
    for file in [&picture, &text] {
        ana.type_into("file-choice", file.to_str().context("a path is text")?).await?;
    }
    ana.see(r#"[data-test="waiting-file"] progress"#).await?;
    let whole = r#"[data-test="waiting-file"][data-state="whole"]"#;
    ana.see(&format!("{whole} + {whole}")).await?;
    ana.write("a picture and a list").await?;
    said.push("a picture and a list".to_owned());
    for window in [ana, bob] {
        window.see_picture().await?;
        window.see_text("attachment-file", "notes.txt (11 B)").await?;
    }
    anyhow::ensure!(ana.count(r#"[data-test="waiting-file"]"#).await? == 0, "what is sent waits no more");
    Ok(())
}

/// The first message makes the conversation; unread, typing and read are seen by the other side.
async fn talk_both_ways(ana: &Window, bob: &Window) -> Result<Vec<String>> {
    ana.click_in(r#"[data-test="friends"] [data-username="bob"]"#, "friend-message").await?;
    let mut said = Vec::new();
    for text in ["hello", MISCHIEF] {
        ana.write(text).await?;
        said.push(text.to_owned());
    }
    bob.click("tab-chats").await?;
    bob.see_text("chat-unread", "2").await?;
    bob.open_chat("Ana Alvarez").await?;
    ana.see_state(MISCHIEF, "read").await?;

    bob.type_into("text", "half a sentence").await?;
    ana.see_text("conversation-subtitle", "Bob Berg is typing…").await?;
    bob.press_enter("text").await?;
    said.push("half a sentence".to_owned());
    ana.write("hello yourself").await?;
    said.push("hello yourself".to_owned());
    both_show(ana, bob, &said).await?;
    for window in [ana, bob] {
        assert_eq!(window.count(r#"[data-test="messages"] :is(img, b)"#).await?, 0, "text stays text");
    }

    ana.edit_last("hello yourself", "hello to you").await?;
    said.pop();
    said.push("hello to you".to_owned());
    both_show(ana, bob, &said).await?;
    Ok(said)
}

/// Ana makes a group of three; the third speaks by REST.
async fn talk_in_a_group(ana: &Window, bob: &Window, cyn: &Person) -> Result<Vec<String>> {
    ana.make_group("Three", &["bob", "cyn"]).await?;
    ana.write("welcome").await?;
    bob.leave_chat().await?;
    bob.open_chat("Three").await?;
    bob.see_message("welcome").await?;
    bob.write("thank you").await?;
    ana.see_message("thank you").await?;
    cyn.say("Three", "by the other door").await?;
    let said = ["welcome", "thank you", "by the other door"].map(str::to_owned).to_vec();
    both_show(ana, bob, &said).await?;
    Ok(said)
}

/// Ana goes on writing to Bob, Bob in the group; both see that it waits.
async fn write_while_the_server_is_away(ana: &Window, bob: &Window) -> Result<()> {
    for window in [ana, bob] {
        window.wait_for(Phase::Waiting).await?;
    }
    for text in ["queued 1", "queued 2"] {
        ana.write(text).await?;
    }
    bob.write("queued by bob").await?;
    ana.see_state("queued 2", "sending").await?;
    bob.see_state("queued by bob", "sending").await
}

async fn nothing_is_lost_or_doubled(
    ana: &Window,
    bob: &Window,
    direct: &[String],
    group: &[String],
) -> Result<()> {
    for window in [ana, bob] {
        window.wait_for(Phase::Live).await?;
        window.leave_chat().await?;
        window.open_chat("Three").await?;
    }
    both_show(ana, bob, group).await?;
    for (window, other) in [(ana, "Bob Berg"), (bob, "Ana Alvarez")] {
        window.leave_chat().await?;
        window.open_chat(other).await?;
    }
    both_show(ana, bob, direct).await
}

/// Exactly these messages, in this order, all of them in the log.
async fn both_show(ana: &Window, bob: &Window, expected: &[String]) -> Result<()> {
    let last = expected.last().context("there is something to show")?;
    for window in [ana, bob] {
        window.see_message(last).await?;
        window.see_none_on_its_way().await?;
        assert_eq!(window.messages().await?, expected, "in the window of {}", window.owner().await?);
    }
    Ok(())
}

async fn log_out(ana: &Window) -> Result<()> {
    ana.click("log-out").await?;
    ana.see(r#"[data-test="auth"]:not([hidden])"#).await?;
    assert_eq!(ana.count(r#"[data-test="message"]"#).await?, 0, "nothing of the session is left in the page");
    Ok(())
}
