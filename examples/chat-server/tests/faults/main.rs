//! Databases that fail, and lines to them, under the server as it is shipped: what a crowd was told stays, nothing is
//! lost or doubled, and the server is there again by itself within the time that is promised.
//!
//! Each test starts a database and a server of its own, with a line between them that can be cut, and lets a crowd talk
//! from the first moment to the last. Times are measured only where they are the promise. What is left out are failures
//! of single calls inside the process, which the suite of stores has.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

#[path = "../common/client.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod client;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/crowd/mod.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod crowd;
#[path = "../common/storage.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod storage;

mod backup;
mod database;
mod disk;
mod line;
mod process;
mod world;

/// A test of each fault, over a kind of database.
macro_rules! faults {
    ($store:ident, $recipe:expr, $($part:ident { $($fault:ident),+ $(,)? })+) => {
        mod $store {
            $(
                mod $part {
                    $(
                        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                        async fn $fault() {
                            $crate::world::World::survives(&$recipe, $crate::$part::$fault).await;
                        }
                    )+
                }
            )+
        }
    };
}

/// All faults, for a database that keeps what it has when it ends.
macro_rules! every_fault {
    ($store:ident, $recipe:expr) => {
        faults! { $store, $recipe,
            database {
                it_is_killed_while_everybody_talks,
                it_is_started_again,
                it_is_paused,
            }
            line {
                it_is_cut,
                it_is_refused,
                it_is_a_black_hole,
                it_is_forgotten,
                it_is_slow_and_everybody_asks,
                replies_are_lost,
                requests_come_late,
            }
            process {
                it_is_killed_at_any_request,
            }
        }
    };
}

every_fault!(postgres, testbed::services::Postgres);
every_fault!(mariadb, testbed::services::MariaDb);
every_fault!(secantusdb, testbed::services::Secantus);
