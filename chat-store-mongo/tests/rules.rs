//! What this crate asks of a server is little, and stays little: a rule that the sources are read for.
//!
//! Servers that speak the protocol of MongoDB differ in everything beyond this; and a deployment without a replica set
//! has no transactions.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// What must not be said, and what it would need.
const FORBIDDEN: [(&str, &str); 17] = [
    ("start_session", "sessions"),
    ("start_transaction", "transactions"),
    (".watch(", "change streams"),
    ("bulk_write", "the newest servers"),
    (".aggregate(", "the pipeline of one server"),
    ("$lookup", "the pipeline of one server"),
    ("$text", "a text index"),
    ("$where", "scripts"),
    ("$bit", "an operator that not all have"),
    ("collation", "collations"),
    ("partialFilterExpression", "partial indexes"),
    ("partial_filter_expression", "partial indexes"),
    ("sparse", "sparse indexes"),
    ("find_one_and", "the document an update returns, which not all return rightly"),
    ("return_document", "the document an update returns, which not all return rightly"),
    ("array_filters", "filters that not all have"),
    ("ObjectId", "ids that are not ours"),
];

/// The one place that talks to the driver: everything else has its deadline and its concerns from there.
const DRIVER: &str = "database.rs";
/// How a handle of the driver is got that could be talked to elsewhere.
const HANDLES: [&str; 4] =
    ["mongodb::Collection", "mongodb::Client", ".collection(", ".collection_with_options("];
/// How a command is made.
const COMMANDS: [&str; 5] =
    [".run_command(", ".insert_many(", ".update_one(", ".delete_many(", ".list_index_names("];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The lines of a file that are no comments.
fn code(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned).collect()
}

fn all() -> Vec<PathBuf> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 20, "the sources are somewhere else");
    found
}

#[test]
fn nothing_is_asked_that_not_every_server_has() {
    for path in all() {
        for line in code(&path) {
            for (word, needs) in FORBIDDEN {
                assert!(!line.contains(word), "{}: {word} needs {needs}: {line}", path.display());
            }
        }
    }
}

#[test]
fn every_command_has_a_deadline() {
    let (driver, others): (Vec<PathBuf>, Vec<PathBuf>) =
        all().into_iter().partition(|path| path.ends_with(DRIVER));
    for path in others {
        for line in code(&path) {
            let handle = HANDLES.iter().find(|handle| line.contains(**handle));
            assert_eq!(handle, None, "{}: the driver is spoken to in {DRIVER} alone: {line}", path.display());
        }
    }
    let mut commands = 0;
    for line in code(&driver[0]) {
        if COMMANDS.iter().any(|command| line.contains(command)) {
            commands += 1;
            assert!(line.contains("self.send("), "a command without a deadline: {line}");
        }
    }
    assert!(commands >= COMMANDS.len(), "the commands are made in another way");
}

#[test]
fn an_upsert_is_never_asked_what_it_made() {
    for path in all() {
        for line in code(&path) {
            assert!(!line.contains("upserted_id"), "{}: {line}", path.display());
        }
    }
}
