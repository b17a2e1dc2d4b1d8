//! How far a client has come, and whether what it is given follows on that.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::event::{Event, Fault};

/// How far a client has come: with it everything after can be asked for, on another connection or after a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The epoch the positions are from.
    pub(super) epoch: Option<String>,
    /// The place among the changes of one's friendships.
    pub(super) friends: Option<String>,
    /// The last position of each conversation.
    pub(super) conversations: BTreeMap<String, u64>,
}

impl Position {
    /// The last position that was given of a conversation.
    pub fn of(&self, conversation: &str) -> Option<u64> {
        self.conversations.get(conversation).copied()
    }

    /// What is wrong with getting `event` here, by the promise that each conversation comes dense and in order.
    pub(super) fn fault(&self, event: &Event) -> Option<Fault> {
        let Event::Entry(entry) = event else { return None };
        let last = self.of(&entry.conversation)?;
        let (conversation, seq) = (entry.conversation.clone(), entry.seq);
        if seq <= last {
            Some(Fault::Repeated { conversation, seq, last })
        } else if seq > last + 1 {
            Some(Fault::Hole { conversation, missing: last + 1..seq })
        } else {
            None
        }
    }

    /// Where the client is after `event`.
    pub(super) fn advance(&mut self, event: &Event) {
        match event {
            // Not at the hello: until every part is answered, some positions may be of an older one.
            Event::Synced { epoch } => self.epoch = Some(epoch.clone()),
            Event::Entry(entry) => self.raise(&entry.conversation, entry.seq),
            Event::New(conversation) => self.raise(&conversation.id, conversation.head),
            Event::Reset { conversation, head } => {
                self.conversations.insert(conversation.clone(), *head);
            }
            Event::Gone(conversation) => {
                self.conversations.remove(conversation);
            }
            Event::Friendships { cursor, .. } | Event::Friendship { cursor, .. } => {
                self.friends = Some(cursor.clone());
            }
            Event::Connected(_)
            | Event::Conversation(_)
            | Event::Receipt(_)
            | Event::Typing(_)
            | Event::Presence(_)
            | Event::Disconnected { .. }
            | Event::Fault(_)
            | Event::Over(_) => {}
        }
    }

    /// The parts of a `sync` from here, each naming at most `part` conversations.
    pub(super) fn syncs(&self, part: u64) -> Vec<Value> {
        let all: Vec<(&String, &u64)> = self.conversations.iter().collect();
        let mut parts: Vec<&[_]> = all.chunks(usize::try_from(part).unwrap_or(usize::MAX).max(1)).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        let last = parts.len() - 1;
        let request = |(nth, part): (usize, &&[(&String, &u64)])| {
            let mut request = json!({ "conversations": part.iter().copied().collect::<BTreeMap<_, _>>() });
            if let Some(epoch) = &self.epoch {
                request["epoch"] = json!(epoch);
            }
            if let Some(friends) = &self.friends {
                request["friends"] = json!(friends);
            }
            if nth < last {
                request["more"] = json!(true);
            }
            request
        };
        parts.iter().enumerate().map(request).collect()
    }

    fn raise(&mut self, conversation: &str, seq: u64) {
        match self.conversations.get_mut(conversation) {
            Some(last) => *last = (*last).max(seq),
            None => {
                self.conversations.insert(conversation.to_owned(), seq);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(seq: u64) -> Event {
        let entry = json!({"conversation": "c", "seq": seq, "at": "", "kind": "message"});
        Event::Entry(serde_json::from_value(entry).unwrap())
    }

    /// The faults that giving these in order shows.
    fn faults(seqs: &[u64]) -> Vec<Fault> {
        let (mut position, mut faults) = (Position::default(), Vec::new());
        for seq in seqs {
            faults.extend(position.fault(&entry(*seq)));
            position.advance(&entry(*seq));
        }
        faults
    }

    #[test]
    fn what_follows_is_right_and_everything_else_is_told() {
        assert_eq!(faults(&[5, 6, 7]), []);
        let conversation = || "c".to_owned();
        assert_eq!(faults(&[1, 2, 2]), [Fault::Repeated { conversation: conversation(), seq: 2, last: 2 }]);
        assert_eq!(faults(&[1, 4, 5]), [Fault::Hole { conversation: conversation(), missing: 2..4 }]);
        // After an old one the line goes on where it was.
        assert_eq!(faults(&[1, 2, 1, 3]).len(), 1);
    }

    #[test]
    fn a_reset_begins_anew_and_what_is_gone_is_forgotten() {
        let mut position = Position::default();
        position.advance(&entry(9));
        position.advance(&Event::Reset { conversation: "c".to_owned(), head: 3 });
        assert_eq!(position.fault(&entry(4)), None);
        position.advance(&Event::Gone("c".to_owned()));
        assert_eq!((position.of("c"), position.fault(&entry(1))), (None, None));
    }

    #[test]
    fn a_sync_names_everything_in_parts() {
        let mut position = Position::default();
        assert_eq!(position.syncs(2), [json!({"conversations": {}})]);
        for name in ["a", "b", "c"] {
            position.raise(name, 7);
        }
        position.advance(&Event::Synced { epoch: "e".to_owned() });
        let first = json!({"conversations": {"a": 7, "b": 7}, "epoch": "e", "more": true});
        assert_eq!(position.syncs(2), [first, json!({"conversations": {"c": 7}, "epoch": "e"})]);
    }

    #[test]
    fn it_survives_a_restart() {
        let mut position = Position::default();
        position.advance(&entry(9));
        let kept = serde_json::to_string(&position).unwrap();
        assert_eq!(serde_json::from_str::<Position>(&kept).unwrap(), position);
    }
}
