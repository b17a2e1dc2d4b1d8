//! Starts that cannot work: each ends at once, not well, and says why on one line.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use common::{Server, program, run};

async fn refused(data: &Path, arguments: &[&str]) -> String {
    let mut command = program(data);
    command.args(arguments);
    run(command, "").await.refusal().to_owned()
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let data = tempfile::tempdir().unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let parent = data.path().join("never made");
    let line = refused(&parent, &["--listen", &address]).await;
    assert!(line.contains(&address) && line.contains("in use"), "{line}");
    assert!(!parent.exists(), "nothing is made by a start that cannot work");
}

#[tokio::test]
async fn a_database_that_another_server_holds() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let line = refused(data.path(), &[]).await;
    assert!(line.contains("chat.db") && line.contains("in use"), "{line}");
    assert_eq!(server.get("/readyz").await.0, 200, "the first one does not mind");
    server.stop().await;
}

#[tokio::test]
async fn a_file_that_is_no_database() {
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("chat.db"), "not a database, but long enough to look at".repeat(100)).unwrap();
    let line = refused(data.path(), &[]).await;
    assert!(line.contains("not a database"), "{line}");
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_made() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    fs::write(&file, "").unwrap();
    let line = refused(&file.join("data"), &[]).await;
    assert!(line.contains("data folder"), "{line}");
}

#[tokio::test]
async fn a_signing_key_that_is_empty_short_or_readable() {
    let good = "B".repeat(42) + "A";
    for (key, mode, reason) in
        [("", 0o600, "no key"), (&good[1..], 0o600, "248 bits"), (&*good, 0o644, "mode 0644")]
    {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("signing.key");
        fs::write(&file, key).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let line = refused(data.path(), &[]).await;
        assert!(line.contains("signing.key") && line.contains(reason), "{line}");
        assert!(key.is_empty() || !line.contains(key), "a key is never shown");
    }
}

#[tokio::test]
async fn settings_that_are_unknown_or_of_the_wrong_kind() {
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("chat.toml");
    let config = config.to_str().unwrap();
    for (arguments, reason) in [
        (&["--listen", "8080"][..], "--listen"),
        (&["--lissten", "127.0.0.1:1"], "--lissten"),
        (&["--limit", "members=1"], "--limit"),
        (&["--limit", "mentions_max=many"], "--limit"),
        (&["--policy", "direct=nobody"], "--policy"),
        (&["--trusted-proxy", "proxy"], "--trusted-proxy"),
        (&["--log", "xml"], "--log"),
        (&["--config", "/nowhere/chat.toml"], "/nowhere/chat.toml"),
        (&["--metrics-token", ""], "metrics token"),
        (&["--store", "secret"], "--store"),
        (&["--store", "redis://ana:secret@db"], "--store"),
        (&["--accounts-store", "secret"], "--accounts-store"),
        (&["--store", "sqlite:a.db", "--accounts-store", "sqlite:a.db"], "same file"),
        (&["copy"], "--to"),
        (&["copy", "--to", "secret"], "--to"),
        (&["copy", "--to", "memory:"], "--to"),
        (&["copy", "--from", "memory:", "--to", "sqlite:a.db"], "memory"),
        (&["copy", "--from", "sqlite:a.db", "--to", "sqlite:a.db"], "the same"),
        (&["backup", "copy.db", "--store", "postgres://ana:secret@db/chat"], "pg_dump"),
        (&["backup", "copy.db", "--accounts-store", "sqlite:a.db"], "two databases"),
        (&["--notify", "amqp://db"], "--notify: expected redis://"),
        (&["--notify", "postgres"], "--notify postgres: the store is not on PostgreSQL"),
        (&["--notify", "redis://127.0.0.1:1"], "--notify: the broker cannot be reached"),
        (&["backup"], "PATH"),
        (&["serv"], "serv"),
    ] {
        let line = refused(data.path(), arguments).await;
        assert!(line.contains(reason) && !line.contains("secret"), "{arguments:?}: {line}");
    }
    for (text, reason) in [
        ("lissten = '127.0.0.1:1'", "lissten"),
        ("listen = ", config),
        ("[limit]\nmembers = 1", "members"),
        ("[policy]\ndirect = 'nobody'", "direct"),
    ] {
        fs::write(config, text).unwrap();
        let line = refused(data.path(), &["--config", config]).await;
        assert!(line.contains(reason), "{text}: {line}");
    }
}

#[tokio::test]
async fn commands_on_a_database_that_is_not_there() {
    let data = tempfile::tempdir().unwrap();
    let copy = data.path().join("copy.db");
    let target = format!("sqlite:{}", copy.display());
    for arguments in [&["check"][..], &["backup", copy.to_str().unwrap()], &["copy", "--to", &target]] {
        let line = refused(data.path(), arguments).await;
        assert!(line.contains("there is no database"), "{line}");
    }
    let line = refused(data.path(), &["check", "--store", "memory:"]).await;
    assert!(line.contains("memory"), "{line}");
    assert!(fs::read_dir(data.path()).unwrap().next().is_none(), "nothing is made");
}
