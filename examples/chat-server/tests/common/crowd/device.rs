//! One device: it sends, notes what it was told, and comes back when its line breaks.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Error;

use super::super::client::{Line, Login};
use super::progress::{Phase, Progress};
use super::random::Random;
use super::scene::Person;
use super::verdict::Pushed;

/// Messages that a device has on their way at a time.
const IN_FLIGHT_MAX: usize = 8;

/// How long a device leaves a server alone that has hung up, as every client of this protocol does.
const PAUSE: Duration = Duration::from_millis(50);

/// What a server may answer that cannot reach its database; everything else is a bug.
const EXCUSES: [&str; 2] = ["unavailable", "overloaded"];

/// Where a message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) conversation: String,
    pub(crate) seq: u64,
    pub(crate) id: String,
}

/// What a device did and was told.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Everything it sent, in order: `client_id` and conversation.
    pub(crate) sent: Vec<(String, String)>,
    /// What was acknowledged, by `client_id`.
    pub(crate) acked: HashMap<String, Place>,
    /// What was pushed, by conversation, in order.
    pub(crate) pushed: BTreeMap<String, Vec<Pushed>>,
    pub(crate) resumes: u64,
    pub(crate) repeats: u64,
    pub(crate) duplicates: u64,
    /// What was on its way when something was refused for want of a database, by `client_id`.
    pub(crate) excused: HashSet<String>,
}

/// A message on its way.
#[derive(Clone, Debug)]
struct Draft {
    client_id: String,
    conversation: String,
    text: String,
}

/// A device of somebody.
#[derive(Debug)]
pub(crate) struct Device {
    name: String,
    login: Login,
    talks: Vec<String>,
    progress: Progress,
    random: Random,
    unacked: VecDeque<Draft>,
    record: Record,
}

impl Device {
    /// The `nth` device of this person, which has seen nothing yet.
    pub(crate) fn new(nth: usize, person: &Person, progress: Progress, random: Random) -> Self {
        let name = format!("{}-{nth}", person.name);
        let (login, talks) = (person.logins[nth].clone(), person.talks.clone());
        let pushed = talks.iter().map(|talk| (talk.clone(), Vec::new())).collect();
        let record = Record { pushed, ..Record::default() };
        Self { name, login, talks, progress, random, unacked: VecDeque::new(), record }
    }

    /// Lives until it was told everything there is.
    pub(crate) async fn live(mut self, mut server: watch::Receiver<Option<SocketAddr>>) -> Record {
        loop {
            let address = server.wait_for(Option::is_some).await.unwrap().expect("it was waited for");
            // A broken line is what these tests are about: back to the start, with all that was noted.
            if self.connected(address).await.is_ok() {
                return self.record;
            }
            self.progress.one_broken();
            sleep(PAUSE).await;
        }
    }

    /// From one connection to its break, or to the end of all.
    async fn connected(&mut self, address: SocketAddr) -> Result<(), Error> {
        let mut line = Line::open(address, &self.login, "?resume=true").await?;
        self.resume(&mut line).await?;
        let mut on_their_way = HashMap::new();
        for draft in &self.unacked {
            on_their_way.insert(send(&mut line, draft).await?, draft.client_id.clone());
            self.record.repeats += 1;
        }
        let mut phase = self.progress.phase();
        loop {
            let now = phase.borrow_and_update().clone();
            match now {
                Phase::Talk => {
                    while self.unacked.len() < IN_FLIGHT_MAX {
                        let draft = self.draft();
                        on_their_way.insert(send(&mut line, &draft).await?, draft.client_id);
                    }
                }
                Phase::Settle if self.unacked.is_empty() => self.progress.is_quiet(&self.name),
                Phase::End(heads) if self.has_all(&heads) => return Ok(()),
                Phase::Settle | Phase::End(_) => {}
            }
            tokio::select! {
                frame = line.next() => self.take(&frame?, &mut on_their_way)?,
                changed = phase.changed() => changed.expect("the test outlives its devices"),
            }
        }
    }

    /// Names what it has, and expects everything after that.
    async fn resume(&mut self, line: &mut Line) -> Result<(), Error> {
        let have: BTreeMap<_, _> = self.talks.iter().map(|talk| (talk, self.seen(talk))).collect();
        let epoch = line.hello()["epoch"].clone();
        let answer = line.answer("sync", json!({"epoch": epoch, "conversations": have})).await?;
        if answer["type"] == "error" {
            return self.excuse(&answer);
        }
        for (talk, seen) in have {
            let answer = &answer["conversations"][talk];
            assert_eq!(answer["state"], "complete", "{}: {answer}", self.name);
            assert!(answer["head"].as_u64().unwrap() >= seen, "{}: {talk} went back: {answer}", self.name);
        }
        self.record.resumes += 1;
        Ok(())
    }

    /// The next message, noted as sent.
    fn draft(&mut self) -> Draft {
        let conversation = self.random.pick(&self.talks).clone();
        let client_id = format!("{}-{}", self.name, self.record.sent.len());
        let text = format!("{client_id} {}", "x".repeat(usize::try_from(self.random.below(400)).unwrap()));
        self.record.sent.push((client_id.clone(), conversation.clone()));
        let draft = Draft { client_id, conversation, text };
        self.unacked.push_back(draft.clone());
        draft
    }

    fn take(&mut self, frame: &Value, on_their_way: &mut HashMap<u64, String>) -> Result<(), Error> {
        let mut answered = || on_their_way.remove(&frame["id"].as_u64().unwrap()).expect("one answer each");
        match frame["type"].as_str().unwrap() {
            "ok" => self.acked(answered(), frame),
            "entry" => self.pushed(frame),
            "error" => {
                answered();
                // Whatever is on its way has no answer yet, and what comes after the failure may be stored before it.
                self.record.excused.extend(self.unacked.iter().map(|draft| draft.client_id.clone()));
                self.excuse(frame)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Hangs up on a server that cannot reach its database: what it may have stored is repeated on the next line.
    fn excuse(&self, answer: &Value) -> Result<(), Error> {
        let code = answer["code"].as_str().unwrap_or_default();
        assert!(EXCUSES.contains(&code), "{}: {answer}", self.name);
        Err(Error::ConnectionClosed)
    }

    fn acked(&mut self, client_id: String, answer: &Value) {
        let message = &answer["message"];
        assert_eq!(message["client_id"], client_id, "{answer}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let place = Place {
            conversation: text(&message["conversation"]),
            seq: message["seq"].as_u64().unwrap(),
            id: text(&message["id"]),
        };
        self.unacked.retain(|draft| draft.client_id != client_id);
        self.record.duplicates += u64::from(answer["duplicate"] == true);
        let before = self.record.acked.insert(client_id, place);
        assert_eq!(before, None, "acknowledged twice: {answer}");
        self.progress.one_acked();
    }

    fn pushed(&mut self, entry: &Value) {
        let talk = entry["conversation"].as_str().unwrap();
        let seq = entry["seq"].as_u64().unwrap();
        assert_eq!(seq, self.seen(talk) + 1, "{}: a hole or a step back in {talk}: {entry}", self.name);
        self.record.pushed.get_mut(talk).expect("one of its own").push(Pushed::read(entry));
    }

    /// How far it was told of a conversation.
    fn seen(&self, talk: &str) -> u64 {
        self.record.pushed[talk].last().map_or(0, |entry| entry.seq)
    }

    fn has_all(&self, heads: &BTreeMap<String, u64>) -> bool {
        self.talks.iter().all(|talk| self.seen(talk) >= heads[talk])
    }
}

async fn send(line: &mut Line, draft: &Draft) -> Result<u64, Error> {
    let Draft { client_id, conversation, text } = draft;
    let fields = json!({"conversation": conversation, "client_id": client_id, "text": text});
    line.send("message.send", fields).await
}
