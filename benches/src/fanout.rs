//! One message to a thousand sessions, and the next when everybody has it: what F1 and F2 measure.

use crate::crowd::{Crowd, connect_all};
use crate::harness::Sample;
use crate::harness::process::Server;
use crate::message;
use crate::raw::fanout::Writes;
use crate::role::{Population, Role};
use crate::socket::Socket;
use anyhow::Result;
use std::time::Duration;

/// Sessions that receive; the sender is one more.
pub const SESSIONS: usize = 1_000;

/// How long one side of one round is measured.
const MEASURED: Duration = Duration::from_millis(1_500);

/// The reference: the same frames to the same sessions without an engine.
pub fn raw(writes: Writes) -> Role {
    Role::RawFanout { writes, pushed: message::PUSHED.to_owned() }
}

/// The engine, with everybody in one group.
pub fn ours() -> Role {
    let everybody = SESSIONS as u64 + 1;
    Role::Engine { database: None, population: Population::Groups { users: everybody, members: everybody } }
}

/// A server with all its sessions connected, and a sender.
#[derive(Debug)]
pub struct Fanout {
    server: Server,
    sender: Socket,
    crowd: Crowd,
    sent: u64,
}

impl Fanout {
    /// Starts `role` and connects everybody.
    ///
    /// # Errors
    /// When the server does not start or refuses a session.
    pub async fn start(role: &Role) -> Result<Self> {
        let server = Server::start(role)?;
        let crowd = Crowd::new(connect_all(server.ready.address, 1..=SESSIONS).await?, message::ENTRY);
        let sender = Socket::connect(server.ready.address, 0).await?;
        Ok(Self { server, sender, crowd, sent: 0 })
    }

    /// Waves of `in_flight` messages for a while, and the deliveries a processor second of the server is good for.
    ///
    /// By processor time, since the client shares the machine: by the clock its sweat would be counted too.
    ///
    /// # Errors
    /// When a connection is lost.
    pub async fn round(&mut self, in_flight: u64) -> Result<Sample> {
        let (stopwatch, before) = (self.server.stopwatch()?, self.sent);
        while stopwatch.elapsed() < MEASURED {
            self.wave(in_flight).await?;
        }
        Ok(stopwatch.stop((self.sent - before) * self.crowd.size())?.per_cpu_second())
    }

    /// All at once; done when everybody has everything and the sender every acknowledgement.
    async fn wave(&mut self, in_flight: u64) -> Result<()> {
        let conversation = &self.server.ready.conversations[0];
        let frames: Vec<u8> =
            (self.sent..self.sent + in_flight).flat_map(|nth| message::send(conversation, nth)).collect();
        let sender = &mut self.sender;
        let acknowledged = async {
            sender.send(&frames).await?;
            for _ in 0..in_flight {
                sender.next_with(message::OK).await?;
            }
            Ok(())
        };
        self.crowd.wave(in_flight, acknowledged).await?;
        self.sent += in_flight;
        Ok(())
    }
}
