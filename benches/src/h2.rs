//! H2: a page of 50 out of two hundred thousand messages on a database server, against the statement alone.

use crate::engine::server_store;
use crate::h1::{MEASURED, filled, places, read_ours};
use crate::harness::machine::Stopwatch;
use crate::harness::series::median;
use crate::harness::{Bound, Outcome, Pair, Sample, Spec, Unit, compare};
use crate::raw::servers::{Database, Raw, measure};
use anyhow::{Context as _, Result};
use chat_core::ConversationId;
use std::time::Instant;

const POSTGRES: Spec = Spec {
    id: "h2",
    what: "a page of 50 of 200 000 messages, p50, PostgreSQL",
    reference: "sqlx, one statement",
    unit: Unit::Micros,
    ship: Bound::AtMost(1.25),
    aim: Bound::AtMost(1.1),
};

const MARIADB: Spec =
    Spec { id: "h2-mariadb", what: "a page of 50 of 200 000 messages, p50, MariaDB", ..POSTGRES };

/// Messages in each of the conversations.
const MESSAGES: u64 = 10_000;

/// Measures it.
///
/// # Errors
/// When a side cannot be measured.
pub fn run(database: Database, rounds: usize) -> Result<Outcome> {
    measure(async {
        let raw = Raw::start(database).await?;
        let (reader, conversations) = filled(server_store(database, raw.url()).await?, MESSAGES).await?;
        let spec = match database {
            Database::Postgres => &POSTGRES,
            Database::MariaDb => &MARIADB,
        };
        let round = async || {
            let raw = read_raw(&raw, &conversations).await?;
            Ok(Pair { raw, ours: read_ours(&reader, &conversations, MESSAGES).await? })
        };
        compare(spec, rounds, round).await
    })
}

async fn read_raw(raw: &Raw, conversations: &[ConversationId]) -> Result<Sample> {
    let stopwatch = Stopwatch::start(std::process::id())?;
    let (mut places, mut micros) = (places(MESSAGES), Vec::new());
    while stopwatch.elapsed() < MEASURED {
        let (conversation, before) = places.next().context("there is always one more")?;
        let conversation = conversations[usize::try_from(conversation)?].as_bytes();
        let start = Instant::now();
        raw.page(conversation, i64::try_from(before)?).await?;
        micros.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(stopwatch.stop(micros.len() as u64)?.with(median(&micros)))
}
