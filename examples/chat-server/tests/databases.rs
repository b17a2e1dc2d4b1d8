//! The server on databases that are servers of their own: it keeps its talk there, shares it with another server, moves
//! there and back, and says in one line why it does not start.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "common/client.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod client;
mod common;
#[path = "common/places.rs"]
mod places;

use std::path::Path;

use client::{Line, head, say, two_friends};
use common::{Ran, Server, program, run};
use places::{Kind, Place};

async fn operate(data: &Path, place: &Place, arguments: &[&str]) -> Ran {
    let mut command = program(data);
    command.env("CHAT_STORE", &place.url).args(arguments);
    run(command, "").await
}

/// What a command prints that does what it was asked.
async fn done(data: &Path, place: &Place, arguments: &[&str]) -> String {
    let ran = operate(data, place, arguments).await;
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    ran.out
}

async fn serve(data: &Path, place: &Place) -> Server {
    let mut command = program(data);
    command.env("CHAT_STORE", &place.url);
    Server::from(command).await
}

/// Waits until this is pushed.
async fn hears(line: &mut Line, text: &str) {
    while !line.next().await.unwrap().to_string().contains(text) {}
}

async fn what_is_said_is_kept(kind: Kind) {
    let Some(place) = kind.place().await else { return };
    let data = tempfile::tempdir().unwrap();
    let server = serve(data.path(), &place).await;
    let [ana, bogdan] = two_friends(server.address()).await;
    let mut line = Line::open(server.address(), &ana, "").await.unwrap();
    for nth in 0..20 {
        say(&mut line, &bogdan, nth).await;
    }
    // The commands open the database themselves, beside the server.
    assert_eq!(done(data.path(), &place, &["check"]).await, "nothing is wrong\n");
    assert_eq!(done(data.path(), &place, &["user", "sessions", "ana"]).await.lines().count(), 1);
    done(data.path(), &place, &["user", "revoke", "ana"]).await;
    while line.next().await.is_ok() {}
    let backup = operate(data.path(), &place, &["backup", "copy.db"]).await;
    assert!(backup.refusal().contains("dump"), "{backup:?}");
    server.kill().await;
    let server = serve(data.path(), &place).await;
    assert_eq!(head(server.address(), &bogdan).await, 20);
    server.stop().await;
}

async fn two_servers_share_it(kind: Kind) {
    let Some(place) = kind.place().await else { return };
    let data = tempfile::tempdir().unwrap();
    let (here, there) = (serve(data.path(), &place).await, serve(data.path(), &place).await);
    let [ana, bogdan] = two_friends(here.address()).await;
    let mut anas = Line::open(here.address(), &ana, "").await.unwrap();
    say(&mut anas, &bogdan, 1).await;
    let mut bogdans = Line::open(there.address(), &bogdan, "").await.unwrap();
    say(&mut anas, &bogdan, 2).await;
    hears(&mut bogdans, "text 2").await;
    say(&mut bogdans, &ana, 3).await;
    hears(&mut anas, "text 3").await;
    assert_eq!(head(here.address(), &ana).await, 3);
    here.stop().await;
    there.stop().await;
}

async fn it_is_moved_to_and_left(kind: Kind) {
    let Some(place) = kind.place().await else { return };
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let [ana, bogdan] = two_friends(server.address()).await;
    let mut line = Line::open(server.address(), &ana, "").await.unwrap();
    for nth in 0..20 {
        say(&mut line, &bogdan, nth).await;
    }
    let file = format!("sqlite:{}", data.path().join("chat.db").display());
    let to = ["copy", "--from", &file, "--to", &place.url];
    done(data.path(), &place, &to).await;
    say(&mut line, &bogdan, 20).await;
    server.stop().await;
    let out = done(data.path(), &place, &to).await;
    assert!(out.contains("21 entries"), "{out}");
    assert_eq!(done(data.path(), &place, &["check"]).await, "nothing is wrong\n");

    let server = serve(data.path(), &place).await;
    let mut line = Line::open(server.address(), &ana, "").await.unwrap();
    say(&mut line, &bogdan, 20).await;
    say(&mut line, &bogdan, 21).await;
    assert_eq!(head(server.address(), &bogdan).await, 22);
    server.stop().await;

    let back = format!("sqlite:{}", data.path().join("back.db").display());
    let out = done(data.path(), &place, &["copy", "--to", &back]).await;
    assert!(out.contains("22 entries") && out.contains("2 accounts, 2 logins"), "{out}");
    assert_eq!(done(data.path(), &place, &["check", "--store", &back]).await, "nothing is wrong\n");
}

async fn a_start_that_cannot_work_says_why(kind: Kind) {
    let Some(place) = kind.place().await else { return };
    let data = tempfile::tempdir().unwrap();
    let (scheme, _) = place.url.split_once("://").unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut urls = vec![format!("{scheme}://ana:secret@{nobody}/chat")];
    if kind != Kind::MongoDb {
        // What stands in for MongoDB lets everybody in, and makes any database.
        urls.push(place.with_login("stranger:secret"));
        urls.push(format!("{}_that_is_not_there", place.url));
    }
    for url in urls {
        let mut command = program(data.path());
        command.env("CHAT_STORE", &url);
        let ran = run(command, "").await;
        let line = ran.refusal();
        assert!(!line.contains("secret") && !line.contains(&url), "{line}");
        assert!(line.contains("SQL") || line.contains("MongoDB"), "{line}");
    }
}

/// Each of these as a test of each kind.
macro_rules! on_all {
    ($($case:ident),* $(,)?) => {
        on_all! { @ postgres = Postgres, [$($case),*] }
        on_all! { @ mysql = MySql, [$($case),*] }
        on_all! { @ mongodb = MongoDb, [$($case),*] }
    };
    (@ $module:ident = $kind:ident, [$($case:ident),*]) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(super::Kind::$kind).await;
                }
            )*
        }
    };
}

on_all! { what_is_said_is_kept, two_servers_share_it, it_is_moved_to_and_left, a_start_that_cannot_work_says_why }
