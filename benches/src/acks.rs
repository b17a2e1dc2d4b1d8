//! Acknowledged sends a second on the database servers and how long they took, few and many in flight, with the raw
//! batch beside them. Nothing is judged by it: the ratios are P1 to P3.

use crate::engine::server_store;
use crate::harness::series::{median, quantile};
use crate::raw::servers::{Commits, Database, Raw, measure};
use crate::sends::{MEASURED, Senders};
use anyhow::Result;

/// Measures both servers and prints a line for each number in flight.
///
/// # Errors
/// When a side cannot be measured.
pub fn run(rounds: usize) -> Result<()> {
    println!(
        "\n{:<12}{:>10}{:>12}{:>10}{:>10}{:>14}",
        "server", "in flight", "acked/s", "p50 ms", "p99 ms", "raw 256/s"
    );
    for (name, database) in [("PostgreSQL", Database::Postgres), ("MariaDB", Database::MariaDb)] {
        measure(async {
            let raw = Raw::start(database).await?;
            let senders = Senders::over(server_store(database, raw.url()).await?).await?;
            senders.send(64).await?;
            for in_flight in [1, 64, 512] {
                let (mut rates, mut raws, mut millis) = (Vec::new(), Vec::new(), Vec::new());
                for _ in 0..rounds {
                    raws.push(raw.commit(Commits::Batches(256), MEASURED).await?.value);
                    let sent = senders.send(in_flight).await?;
                    rates.push(sent.effort.per_second().value);
                    millis.extend(sent.micros.iter().map(|micros| micros / 1e3));
                }
                println!(
                    "{name:<12}{in_flight:>10}{:>12.0}{:>10.2}{:>10.2}{:>14.0}",
                    median(&rates),
                    quantile(&millis, 0.5),
                    quantile(&millis, 0.99),
                    median(&raws),
                );
            }
            Ok(())
        })?;
    }
    Ok(())
}
