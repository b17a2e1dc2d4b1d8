//! What every device was told, compared with the log as the server has it at the end.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde_json::Value;

use super::device::Record;
use super::scene::FIRST;

/// An entry as a device or a reader of the log was told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    pub(crate) seq: u64,
    /// Of the message, when it is one.
    pub(crate) id: Option<String>,
    pub(crate) client_id: Option<String>,
}

impl Pushed {
    /// From the wire.
    pub(crate) fn read(entry: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Self {
            seq: entry["seq"].as_u64().unwrap(),
            id: text(&entry["message"]["id"]),
            client_id: text(&entry["client_id"]),
        }
    }
}

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    messages: u64,
    acks: u64,
    resumes: u64,
    repeats: u64,
    duplicates: u64,
    pushed: u64,
    excused: u64,
}

impl Counts {
    /// How many messages were acknowledged.
    pub(crate) fn acks(&self) -> u64 {
        self.acks
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, acks, resumes, repeats, duplicates, pushed, excused } = self;
        write!(f, "messages {messages}, acks {acks}, resumes {resumes}, ")?;
        write!(f, "repeated sends {repeats} (stored the first time: {duplicates}), ")?;
        write!(f, "refused for want of a database {excused}, pushed entries {pushed}")
    }
}

/// Compares; panics with what is wrong.
pub(crate) fn judge(records: &[Record], logs: &BTreeMap<String, Vec<Pushed>>) -> Counts {
    let mut counts = Counts::default();
    for (conversation, log) in logs {
        assert!(log.iter().map(|entry| entry.seq).eq(1..=log.len() as u64), "{conversation} has holes");
    }
    let stored = stored(logs);
    for record in records {
        everything_sent_is_stored_where_it_was_acknowledged(record, &stored);
        the_order_of_sending_is_kept(record);
        for (conversation, pushed) in &record.pushed {
            assert_eq!(pushed, &logs[conversation], "somebody was told something else in {conversation}");
            counts.pushed += pushed.len() as u64;
        }
        counts.acks += record.acked.len() as u64;
        counts.resumes += record.resumes;
        counts.repeats += record.repeats;
        counts.duplicates += record.duplicates;
        counts.excused += record.excused.len() as u64;
    }
    let sent: usize = records.iter().map(|record| record.sent.len()).sum();
    assert_eq!(stored.len(), sent, "something is stored that nobody sent");
    counts.messages = sent as u64;
    counts
}

/// Every message by its `client_id`: conversation, seq and id.
fn stored(logs: &BTreeMap<String, Vec<Pushed>>) -> HashMap<&str, (&str, u64, &str)> {
    let mut stored = HashMap::new();
    for (conversation, log) in logs {
        for entry in log {
            let (Some(id), Some(client_id)) = (&entry.id, &entry.client_id) else { continue };
            if client_id == FIRST {
                continue;
            }
            let before = stored.insert(client_id.as_str(), (conversation.as_str(), entry.seq, id.as_str()));
            assert_eq!(before, None, "{client_id} is there twice");
        }
    }
    stored
}

fn everything_sent_is_stored_where_it_was_acknowledged(
    record: &Record,
    stored: &HashMap<&str, (&str, u64, &str)>,
) {
    for (client_id, conversation) in &record.sent {
        let acked =
            record.acked.get(client_id).unwrap_or_else(|| panic!("{client_id} was never acknowledged"));
        assert_eq!(&acked.conversation, conversation);
        let stored = stored.get(client_id.as_str()).unwrap_or_else(|| panic!("{client_id} is lost"));
        assert_eq!(*stored, (conversation.as_str(), acked.seq, acked.id.as_str()), "{client_id} moved");
    }
}

/// What one device sent into one conversation stands there in the order of sending, whatever was repeated; but for what
/// was on its way when something was refused, of which a part may be stored and the rest sent again.
fn the_order_of_sending_is_kept(record: &Record) {
    let mut last: HashMap<&str, u64> = HashMap::new();
    for (client_id, conversation) in &record.sent {
        if record.excused.contains(client_id) {
            continue;
        }
        let seq = record.acked[client_id].seq;
        let before = last.insert(conversation, seq).unwrap_or(0);
        assert!(before < seq, "{client_id} overtook what was sent before it");
    }
}
