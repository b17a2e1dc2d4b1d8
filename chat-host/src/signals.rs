//! SIGTERM and SIGINT: the first asks to drain, a second one ends the process at once.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The exit code after a second signal: as if the shell had killed it.
const KILLED: i32 = 130;

/// Both signals, listened to from here on.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Ends with the first signal; from then on another one ends the process.
    pub async fn asked_to_drain(mut self) {
        self.next().await;
        tracing::info!("draining; another signal stops at once");
        tokio::spawn(async move {
            self.next().await;
            process::exit(KILLED);
        });
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
