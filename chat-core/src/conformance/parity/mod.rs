//! Model-based parity: random sequences on the store in memory and on another one, everything observable compared.
//!
//! There are two levels. [`engine`] lets people talk through an engine over each store, whose replies and views must
//! be equal to the letter: ids, positions, times, counts, refusals. [`calls`] calls the stores themselves, also as no
//! engine does, and compares every answer of every read. Steps come one after the other, and both stores get the same
//! clock and ids, so that nothing but the stores can differ.
//!
//! A sequence that shows a difference is cut down to the shortest that still does, and printed as it is written in the
//! files of `regressions/`: one step a line, in JSON. What was found once is kept there, and replayed first on every
//! store, also on one that is none of ours.

mod calls;
mod drafts;
mod looks;
mod operations;
mod people;
mod stores;

pub(super) use self::operations::operations;
pub(super) use self::people::One;

use std::fmt::{Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Database, Fixture};
use crate::id::{IdSource as _, SystemIds, Tenant};
use crate::memory::MemoryStore;
use crate::store::Store;

/// How much is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// A few thousand steps: for every run.
    Short,
    /// More than a hundred thousand.
    Long,
}

impl Effort {
    /// How many sequences of how many steps. Short ones meet young stores, long ones old ones.
    const fn sequences(self) -> (usize, usize) {
        match self {
            Self::Short => (12, 120),
            Self::Long => (300, 200),
        }
    }
}

/// How many sequences are tried while looking for the shortest one.
const TRIES_MAX: usize = 400;

/// What differed.
#[derive(Debug)]
struct Difference(String);

/// Whether a step was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    Yes,
    /// It was refused by both.
    No,
}

/// Two stores that are put through the same.
trait Twins: Sized {
    type Step: Clone + Debug + Serialize + DeserializeOwned;

    /// The file of sequences that showed a difference once, and what is in it.
    const REGRESSIONS: (&'static str, &'static str);

    /// Every step there is, as likely as it is useful.
    fn steps() -> BoxedStrategy<Self::Step>;

    async fn new(memory: Arc<dyn Store>, other: Arc<dyn Store>) -> Self;

    /// Does the same on both, and compares some of what can be seen of it; answers whether it was done at all.
    async fn step(&mut self, step: &Self::Step) -> Result<Done, Difference>;

    /// Compares everything, and takes both apart.
    async fn finish(self) -> Result<(), Difference>;
}

/// Compares a store with the one in memory by what people see through an engine.
///
/// # Panics
/// With the shortest sequence that shows a difference.
pub fn engine(fixture: &dyn Fixture, effort: Effort) {
    run::<people::Engines>(fixture, effort);
}

/// Compares a store with the one in memory call by call.
///
/// # Panics
/// With the shortest sequence that shows a difference.
pub fn calls(fixture: &dyn Fixture, effort: Effort) {
    run::<stores::Stores>(fixture, effort);
}

/// Two tests that compare a store with the one in memory: `parity!(name, fixture)` makes a module of this name. With
/// `CHAT_TEST_LONG` set they compare more than a hundred thousand steps.
#[macro_export]
macro_rules! conformance_parity {
    ($name:ident, $fixture:expr) => {
        mod $name {
            use super::*;
            use $crate::conformance::parity::{Effort, calls, engine};

            fn effort() -> Effort {
                if std::env::var_os("CHAT_TEST_LONG").is_some() { Effort::Long } else { Effort::Short }
            }

            #[test]
            fn what_people_see_is_equal() {
                engine(&$fixture, effort());
            }

            #[test]
            fn every_answer_is_equal() {
                calls(&$fixture, effort());
            }
        }
    };
}

fn run<T: Twins>(fixture: &dyn Fixture, effort: Effort) {
    let mut seed = [0; 32];
    SystemIds::default().fill(&mut seed);
    let (sequences, length) = effort.sequences();
    let kept = kept::<T>();
    let mut runner = TestRunner::new_with_rng(
        ProptestConfig { failure_persistence: None, ..ProptestConfig::default() },
        TestRng::from_seed(RngAlgorithm::ChaCha, &seed),
    );
    let one = proptest::collection::vec(T::steps(), length);
    let fresh = (0..sequences).map(|_| one.new_tree(&mut runner).expect("steps can be made").current());
    let (mut compared, mut done) = (0, 0);
    for steps in kept.into_iter().chain(fresh) {
        match attempt::<T>(fixture, &steps) {
            None => return,
            Some(Ok(of_these)) => (compared, done) = (compared + steps.len(), done + of_these),
            Some(Err(difference)) => fail::<T>(fixture, steps, difference),
        }
    }
    assert!(done * 4 >= compared, "steps that are all refused prove nothing: {done} of {compared} were done");
    println!("counted: store={} parity={compared}", fixture.name());
}

/// Runs one sequence on a fresh database, and counts what was done of it; `None` when there is no database.
fn attempt<T: Twins>(fixture: &dyn Fixture, steps: &[T::Step]) -> Option<Result<usize, Difference>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("threads can be started");
    let sequence = || {
        runtime.block_on(async {
            let database: Arc<dyn Database> = fixture.fresh().await?;
            let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
            let mut twins = T::new(memory, database.store(Tenant::default())).await;
            let mut done = 0;
            for step in steps {
                match twins.step(step).await {
                    Ok(step) => done += usize::from(step == Done::Yes),
                    Err(Difference(what)) => {
                        return Some(Err(Difference(format!("after {step:?}: {what}"))));
                    }
                }
            }
            Some(twins.finish().await.map(|()| done))
        })
    };
    // What panics is a difference too, and has a shortest sequence.
    catch_unwind(AssertUnwindSafe(sequence)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map_or("it panicked", String::as_str);
        Some(Err(Difference(said.to_owned())))
    })
}

fn fail<T: Twins>(fixture: &dyn Fixture, steps: Vec<T::Step>, difference: Difference) -> ! {
    let (steps, Difference(what)) = shortest(steps, difference, |fewer| attempt::<T>(fixture, fewer)?.err());
    let lines: Vec<String> = steps.iter().map(written).collect();
    let (file, _) = T::REGRESSIONS;
    panic!(
        "{} differs from the store in memory: {what}\n\nThe shortest sequence that shows it; keep it in {file}:\n\n{}\n",
        fixture.name(),
        lines.join("\n")
    );
}

/// Leaves out whatever does not matter, in ever smaller pieces.
fn shortest<S: Clone>(
    mut steps: Vec<S>,
    mut difference: Difference,
    attempt: impl Fn(&[S]) -> Option<Difference>,
) -> (Vec<S>, Difference) {
    let mut tries = 0;
    let mut piece = steps.len().div_ceil(2);
    while piece > 0 {
        let mut from = 0;
        while from < steps.len() && tries < TRIES_MAX {
            tries += 1;
            let until = (from + piece).min(steps.len());
            let fewer: Vec<S> = steps[..from].iter().chain(&steps[until..]).cloned().collect();
            match attempt(&fewer) {
                Some(still) => (steps, difference) = (fewer, still),
                None => from = until,
            }
        }
        piece = if piece == 1 { 0 } else { piece.div_ceil(2) };
    }
    (steps, difference)
}

/// The sequences that are kept: one step a line, a blank line between two of them, `#` before what is for people.
fn kept<T: Twins>() -> Vec<Vec<T::Step>> {
    let (file, text) = T::REGRESSIONS;
    let lines = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
    let sequences = lines.split(|line| line.trim().is_empty()).filter(|lines| !lines.is_empty());
    let step =
        |line: &&str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{file}: {error} in {line}"));
    sequences.map(|lines| lines.iter().map(step).collect()).collect()
}

fn written<S: Serialize>(step: &S) -> String {
    serde_json::to_string(step).expect("a step can be written")
}

/// Compares what the store in memory and the other one say.
fn equal<A: PartialEq + Debug>(what: impl Display, memory: &A, other: &A) -> Result<(), Difference> {
    if memory == other {
        return Ok(());
    }
    Err(Difference(format!("{what}\n  in memory: {memory:?}\n      other: {other:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_sequence_is_found() {
        let shows = |steps: &[u32]| {
            let shows = steps.contains(&7) && steps.iter().filter(|step| **step % 2 == 0).count() >= 2;
            shows.then(|| Difference("it differs".to_owned()))
        };
        let (found, _) = shortest((0..50).collect(), Difference(String::new()), shows);
        assert_eq!(found.len(), 3);
        assert!(shows(&found).is_some());
    }

    #[test]
    fn kept_sequences_can_be_read() {
        kept::<people::Engines>();
        kept::<stores::Stores>();
    }

    #[test]
    fn steps_are_read_as_they_are_written() {
        fn assert_read<T: Twins>() {
            let mut runner = TestRunner::deterministic();
            let steps = proptest::collection::vec(T::steps(), 500).new_tree(&mut runner).unwrap().current();
            for step in steps {
                let read: T::Step = serde_json::from_str(&written(&step)).unwrap();
                assert_eq!(format!("{read:?}"), format!("{step:?}"));
            }
        }
        assert_read::<people::Engines>();
        assert_read::<stores::Stores>();
    }
}
