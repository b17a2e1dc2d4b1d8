//! One message to a thousand sessions, and the next when everybody has it: what F1 and F2 measure.

use crate::crowd::{Crowd, connect_all};
use crate::harness::Sample;
use crate::harness::process::Server;
use crate::role::Role;
use crate::socket::{Socket, Target};
use anyhow::Result;
use std::time::Duration;

/// Sessions that receive; the sender is one more.
pub const SESSIONS: usize = 1_000;

/// How long one side of one round is measured.
const MEASURED: Duration = Duration::from_millis(1_500);

/// A pushed entry as its receivers see it, for the reference to write: of the same length as ours.
pub const PUSHED: &str = concat!(
    r#"{"type":"entry","conversation":"0199f1a2-5b7c-7d10-8e2f-3a4b5c6d7e8f","seq":123456,"#,
    r#""at":"2026-01-01T12:00:00.000Z","by":"1","client_id":"0000000000000001","kind":"message","#,
    r#""message":{"id":"0199f1a2-5b7c-7d10-8e2f-3a4b5c6d7e8f","conversation":"0199f1a2-5b7c-7d10-8e2f-3a4b5c6d7e8f","#,
    r#""seq":123456,"rev":123456,"sender":"1","client_id":"0000000000000001","text":"Shall we meet at the station?","#,
    r#""created_at":"2026-01-01T12:00:00.000Z"}}"#
);

/// What every pushed entry starts with.
const ENTRY: &str = r#"{"type":"entry""#;

/// A server with all its sessions connected, and a sender.
#[derive(Debug)]
pub struct Fanout {
    server: Server,
    sender: Socket,
    crowd: Crowd,
}

impl Fanout {
    /// Starts `role` and connects everybody.
    ///
    /// # Errors
    /// When the server does not start or refuses a session.
    pub async fn start(role: &Role, target: impl Fn(&Server, usize) -> Target) -> Result<Self> {
        let server = Server::start(role)?;
        let receivers: Vec<Target> = (1..=SESSIONS).map(|nth| target(&server, nth)).collect();
        let crowd = Crowd::new(connect_all(&receivers).await?, ENTRY);
        let sender = Socket::connect(&target(&server, 0), 0).await?;
        Ok(Self { server, sender, crowd })
    }

    /// Waves of `in_flight` messages for a while, and the deliveries a processor second of the server is good for.
    ///
    /// By processor time, since the client shares the machine: by the clock its sweat would be counted too.
    ///
    /// # Errors
    /// When a connection is lost.
    pub async fn round(&mut self, in_flight: u64, request: impl Fn(u64) -> Vec<u8>) -> Result<Sample> {
        let stopwatch = self.server.stopwatch()?;
        let mut messages = 0;
        while stopwatch.elapsed() < MEASURED {
            let frames: Vec<u8> = (messages..messages + in_flight).flat_map(&request).collect();
            self.crowd.wave(in_flight, self.sender.send_raw(&frames)).await?;
            messages += in_flight;
        }
        Ok(stopwatch.stop(messages * self.crowd.size())?.per_cpu_second())
    }
}
