//! The conformance suite on the store in memory, and on two of them that make one.

use std::path::Path;

mod memory {
    chat_core::conformance::suite!(chat_core::conformance::Memory);
}

mod split {
    use chat_core::conformance::{Memory, Split};

    chat_core::conformance::suite!(Split(Memory, Memory));
}

/// Every case that is written is in the list; one that is not would never run, and nobody would notice.
#[test]
fn every_case_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance");
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let listed = read(&folder.join("suite.rs"));
    let mut cases = 0;
    for file in std::fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let source = read(&path);
        for line in source.lines().filter(|line| line.starts_with("pub async fn ")) {
            let name = line.trim_start_matches("pub async fn ").split('(').next().unwrap();
            assert!(listed.contains(&format!(" {name},")), "{name} in {} is not listed", path.display());
            cases += 1;
        }
    }
    assert!(cases > 0, "there are no cases in {}", folder.display());
    let readme = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md"));
    assert!(readme.contains(&format!(" {cases} conformance cases")), "README.md does not say {cases}");
}
