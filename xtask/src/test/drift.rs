//! The part `drift`: what is committed about the protocol is what the types say.

use super::outcome::{Outcome, Verdict};
use crate::counts::Counts;
use crate::spec;
use anyhow::Result;

/// Generates every document and compares; each counts as one test.
pub(super) fn run() -> Result<Outcome> {
    let mut counts = Counts::default();
    for (name, generated) in spec::generate()? {
        let path = spec::committed(name);
        if std::fs::read_to_string(&path).is_ok_and(|committed| committed == generated) {
            counts.passed += 1;
        } else {
            eprintln!("{} is not what the types say; `cargo xtask spec` writes it anew", path.display());
            counts.failed += 1;
        }
    }
    let verdict = if counts.failed == 0 { Verdict::Passed } else { Verdict::Failed };
    Ok(Outcome::new(verdict, counts))
}
