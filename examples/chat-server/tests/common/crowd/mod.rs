//! A crowd that talks while something fails: nothing acknowledged is lost, nothing is doubled, and everybody sees the
//! same order.
//!
//! Four people with two devices each send into a group of all and into their direct conversations, several messages in
//! flight at a time. A device whose line breaks, or whose server says that it cannot for now, comes back, resumes where
//! it was and repeats what was not acknowledged under the same `client_id`. At the end the log is read again from the
//! server and compared with what every device was told.
//!
//! `CHAT_SEED` repeats the choices of a run; what the machine does in between is its own.

mod device;
mod progress;
mod random;
mod scene;
mod verdict;

use std::net::SocketAddr;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client::Login;
use device::{Device, Record};
use progress::{Phase, Progress};
pub(crate) use random::Random;
use scene::Scene;
pub(crate) use verdict::Counts;

/// Everybody, talking from the beginning.
#[derive(Debug)]
pub(crate) struct Crowd {
    scene: Scene,
    devices: JoinSet<Record>,
    progress: Progress,
    /// Where each device finds its server.
    servers: Vec<watch::Sender<Option<SocketAddr>>>,
}

impl Crowd {
    /// People who have just met on this server.
    pub(crate) async fn gather(server: SocketAddr, random: &mut Random) -> Self {
        let scene = Scene::set(server).await;
        let (progress, mut servers) = (Progress::default(), Vec::new());
        let mut devices = JoinSet::new();
        for person in &scene.people {
            for device in 0..person.logins.len() {
                let device = Device::new(device, person, progress.clone(), random.fork());
                let found = watch::Sender::new(Some(server));
                devices.spawn(device.live(found.subscribe()));
                servers.push(found);
            }
        }
        Self { scene, devices, progress, servers }
    }

    /// Tells them where the server is from now on, or that there is none.
    pub(crate) fn server_is(&self, server: Option<SocketAddr>) {
        for found in &self.servers {
            found.send_replace(server);
        }
    }

    /// From its next connection on each device is where `place` says.
    pub(crate) fn spread(&self, place: impl Fn(usize) -> SocketAddr) {
        for (device, found) in self.servers.iter().enumerate() {
            found.send_replace(Some(place(device)));
        }
    }

    /// Devices of one server find another from now on; which they are.
    pub(crate) fn move_from(&self, dead: SocketAddr, elsewhere: SocketAddr) -> Vec<usize> {
        let is_there = |device: &usize| *self.servers[*device].borrow() == Some(dead);
        let moved: Vec<usize> = (0..self.servers.len()).filter(is_there).collect();
        self.will_be_at(&moved, elsewhere);
        moved
    }

    /// From their next connection on these devices are there.
    pub(crate) fn will_be_at(&self, devices: &[usize], server: SocketAddr) {
        for device in devices {
            self.servers[*device].send_replace(Some(server));
        }
    }

    /// Waits until so many more messages were acknowledged.
    pub(crate) async fn more_acked(&mut self, more: u64) {
        let progress = self.progress.clone();
        self.unless_one_fails(progress.more_acked(more)).await;
    }

    /// Waits until a device has lost its line, or was told that the server cannot, for now.
    pub(crate) async fn more_broken(&mut self) {
        let progress = self.progress.clone();
        self.unless_one_fails(progress.more_broken()).await;
    }

    /// Somebody of them.
    pub(crate) fn anybody(&self) -> &Login {
        &self.scene.people[0].logins[0]
    }

    /// Lets them finish, compares what each was told with what is there, and counts.
    ///
    /// # Panics
    /// When something was lost, doubled or moved.
    pub(crate) async fn judged(mut self, server: SocketAddr) -> Counts {
        self.progress.enter(Phase::Settle);
        let (progress, devices) = (self.progress.clone(), self.devices.len());
        self.unless_one_fails(progress.all_quiet(devices)).await;
        let logs = self.scene.logs(server).await;
        let heads = logs.iter().map(|(talk, log)| (talk.clone(), log.len() as u64)).collect();
        self.progress.enter(Phase::End(heads));
        verdict::judge(&self.devices.join_all().await, &logs)
    }

    /// No device ends before it was told to, but by a failure.
    async fn unless_one_fails(&mut self, waiting: impl Future<Output = ()>) {
        tokio::select! {
            () = waiting => {}
            ended = self.devices.join_next() => match ended.expect("there are devices") {
                Ok(_) => panic!("a device ended too early"),
                Err(failure) => std::panic::resume_unwind(failure.into_panic()),
            }
        }
    }
}
