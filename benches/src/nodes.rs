//! Two nodes on one PostgreSQL: how long a message takes from one to the other, what it costs a node to look for what it
//! was not told, and how two of them write to one conversation. Nothing is judged by it; it is a table of its own.
//!
//! One node stands beside the two in every round. Sockets are this process's, which shares the cores with the nodes and
//! the database: with fewer of either the times are shorter.

use crate::crowd::connect_all;
use crate::harness::client_runtime;
use crate::harness::process::Server;
use crate::harness::series::{median, quantile};
use crate::message;
use crate::role::{Population, Role};
use crate::socket::Socket;
use anyhow::Result;
use futures_util::future::try_join_all;
use sqlx::Connection as _;
use std::time::{Duration, Instant};
use testbed::services::{Nats, Postgres, Recipe, Redis, Service};

/// How long one side of one round is measured.
const MEASURED: Duration = Duration::from_millis(1_500);

/// How long a node is watched while nothing happens.
const IDLE: Duration = Duration::from_secs(20);

/// After this a node that was just asked by thousands, or has just lost its broker, does only what it does for ever.
const SETTLED: Duration = Duration::from_secs(10);

/// Conversations of a node that is idle, each with somebody of it connected.
const CONVERSATIONS: usize = 10_000;

/// Who write to one conversation.
const WRITERS: usize = 64;

/// The brokers, and how tables call them; none is the database itself.
const BROKERS: [(&str, Option<&dyn Recipe>); 3] =
    [("Redis", Some(&Redis)), ("NATS", Some(&Nats)), ("PostgreSQL", None)];

/// A database, a broker, and nodes on both.
struct Cluster {
    database: Service,
    broker: Option<Service>,
}

impl Cluster {
    fn start(broker: Option<&'static dyn Recipe>) -> Result<Self> {
        Ok(Self { database: Service::start(&Postgres)?, broker: broker.map(Service::start).transpose()? })
    }

    /// One more node; the first of them makes the population.
    fn node(&self, population: Population) -> Result<Server> {
        let notify = self.broker.as_ref().unwrap_or(&self.database).url();
        Server::start(&Role::Node { store: self.database.url(), notify: Some(notify), population })
    }

    /// Transactions of the database so far; reading them is one.
    async fn transactions(&self) -> Result<i64> {
        let mut connection = sqlx::PgConnection::connect(&self.database.url()).await?;
        let count =
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";
        Ok(sqlx::query_scalar(count).fetch_one(&mut connection).await?)
    }
}

/// Measures all of it and prints what came out.
///
/// # Errors
/// When something cannot be measured.
pub fn run(rounds: usize) -> Result<()> {
    client_runtime()?.block_on(async {
        println!("\nsent, durable, delivered: one node, and from one node to another\n");
        println!(
            "{:<12}{:>14}{:>14}{:>14}{:>14}",
            "broker", "one p50 ms", "one p99 ms", "two p50 ms", "two p99 ms"
        );
        for (name, broker) in BROKERS {
            latency(name, &Cluster::start(broker)?, rounds).await?;
        }
        println!("\na node with {CONVERSATIONS} conversations while nothing happens, Redis\n");
        println!("{:<12}{:>20}{:>26}", "broker", "processor, % of one", "transactions per second");
        idle(&mut Cluster::start(Some(&Redis))?).await?;
        println!("\n{WRITERS} writers, one conversation, Redis\n");
        println!("{:<12}{:>12}{:>24}{:>10}{:>10}", "nodes", "acked/s", "of each node", "p99 ms", "max ms");
        contention(&Cluster::start(Some(&Redis))?, rounds).await
    })
}

async fn latency(name: &str, cluster: &Cluster, rounds: usize) -> Result<()> {
    let here = cluster.node(Population::Pair)?;
    let there = cluster.node(Population::Nobody)?;
    let conversation = &here.ready.conversations[0];
    let mut sender = Socket::connect(here.ready.address, 0).await?;
    let mut peers =
        [Socket::connect(here.ready.address, 1).await?, Socket::connect(there.ready.address, 1).await?];
    let (mut millis, mut nth) = ([Vec::new(), Vec::new()], 0);
    for round in 0..=rounds {
        for which in [0, 1] {
            let start = Instant::now();
            while start.elapsed() < MEASURED {
                nth += 1;
                let took = once(&mut sender, &mut peers, which, conversation, nth).await?;
                // The first round warms up.
                if round > 0 {
                    millis[which].push(took.as_secs_f64() * 1e3);
                }
            }
        }
    }
    let [one, two] = millis.map(|millis| [quantile(&millis, 0.5), quantile(&millis, 0.99)]);
    println!("{name:<12}{:>14.2}{:>14.2}{:>14.2}{:>14.2}", one[0], one[1], two[0], two[1]);
    Ok(())
}

/// One message to both peers; it is timed until this one of them has it.
async fn once(
    sender: &mut Socket,
    peers: &mut [Socket; 2],
    timed: usize,
    conversation: &str,
    nth: u64,
) -> Result<Duration> {
    let start = Instant::now();
    sender.send(&message::send(conversation, nth)).await?;
    peers[timed].next_with(message::ENTRY).await?;
    let took = start.elapsed();
    peers[1 - timed].next_with(message::ENTRY).await?;
    sender.next_with(message::OK).await?;
    Ok(took)
}

async fn idle(cluster: &mut Cluster) -> Result<()> {
    let node = cluster.node(Population::Groups { users: CONVERSATIONS as u64 * 3, members: 3 })?;
    let everyone = connect_all(node.ready.address, (0..CONVERSATIONS).map(|group| group * 3)).await?;
    for state in ["there", "gone"] {
        if state == "gone"
            && let Some(broker) = &mut cluster.broker
        {
            broker.kill()?;
        }
        tokio::time::sleep(SETTLED).await;
        let (stopwatch, before) = (node.stopwatch()?, cluster.transactions().await?);
        tokio::time::sleep(IDLE).await;
        let transactions = cluster.transactions().await? - before - 1;
        let effort = stopwatch.stop(u64::try_from(transactions)?)?;
        let percent = effort.cpu.as_secs_f64() / effort.wall.as_secs_f64() * 1e2;
        println!("{state:<12}{percent:>20.1}{:>26.1}", effort.per_second().value);
    }
    drop(everyone);
    Ok(())
}

async fn contention(cluster: &Cluster, rounds: usize) -> Result<()> {
    let here = cluster.node(Population::Groups { users: WRITERS as u64, members: WRITERS as u64 })?;
    let there = cluster.node(Population::Nobody)?;
    let conversation = &here.ready.conversations[0];
    for (name, nodes) in [("one", [&here, &here]), ("two", [&here, &there])] {
        let (mut rates, mut shares, mut millis) = (Vec::new(), [Vec::new(), Vec::new()], Vec::new());
        for round in 0..=rounds {
            let writers = (0..WRITERS).map(|nth| write(nodes[nth % 2], conversation, nth, name, round));
            let waited = try_join_all(writers).await?;
            let acked = |node: usize| waited.iter().skip(node).step_by(2).map(Vec::len).sum::<usize>();
            if round > 0 {
                let [first, second] = [0, 1].map(|node| per_second(acked(node)));
                rates.push(first + second);
                shares[0].push(first);
                shares[1].push(second);
                millis.extend(waited.into_iter().flatten());
            }
        }
        let each = format!("{:.0} + {:.0}", median(&shares[0]), median(&shares[1]));
        let (p99, max) = (quantile(&millis, 0.99), quantile(&millis, 1.0));
        println!("{name:<12}{:>12.0}{each:>24}{p99:>10.1}{max:>10.1}", median(&rates));
    }
    Ok(())
}

/// Writes, waits for the acknowledgement, and writes again; how many milliseconds each took.
async fn write(node: &Server, conversation: &str, nth: usize, run: &str, round: usize) -> Result<Vec<f64>> {
    let mut socket = Socket::connect(node.ready.address, nth).await?;
    let (start, mut millis) = (Instant::now(), Vec::new());
    while start.elapsed() < MEASURED {
        let sent = Instant::now();
        let client_id = format!("{run}-{round}-{}", millis.len());
        socket.send(&message::send_as(conversation, &client_id)).await?;
        socket.next_with(message::OK).await?;
        millis.push(sent.elapsed().as_secs_f64() * 1e3);
    }
    Ok(millis)
}

/// So many in the measured time.
fn per_second(count: usize) -> f64 {
    crate::harness::count(count as u64) / MEASURED.as_secs_f64()
}
