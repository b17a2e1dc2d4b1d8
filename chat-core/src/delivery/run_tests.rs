//! A run of entries that is passed on in chunks: who has it, who has not, and who joins in between.

use std::sync::Arc;

use uuid::Uuid;

use super::hub::Hub;
use super::outbox::{Lag, Outbox};
use super::topic::{Begin, Fanned, Joined, Served, Step, Topic};
use crate::conversation::Kind;
use crate::event::Event;
use crate::id::{ConversationId, EntryId, Seq, UserId};
use crate::limits::Limits;
use crate::message::{Entry, What};
use crate::time::Timestamp;

fn entry(of: ConversationId, seq: u64) -> Entry {
    let id = EntryId::from_bytes([1; 16]);
    let (client_id, what) = (id.into(), What::Other { kind: 900, payload: None });
    let (seq, at) = (Seq::new(seq), Timestamp::default());
    Entry { id, conversation: of, seq, at, by: None, client_id, target: None, what }
}

fn seqs(outbox: &Outbox) -> Vec<u64> {
    let mut seqs = Vec::new();
    while let Some(event) = outbox.pop() {
        if let Event::Entry(entry) = event {
            seqs.push(entry.seq.get());
        }
    }
    seqs
}

#[tokio::test]
async fn who_joins_in_the_middle_of_a_run_gets_every_entry_once() {
    let hub = Arc::new(Hub::new(&Limits::default(), tokio::runtime::Handle::current()));
    let id = ConversationId::from_bytes([2; 16]);
    let topic = Topic::new(Served { id, kind: Kind::Channel, head: Seq::ZERO, member_count: 300 });
    let people: Vec<_> = (1..=300_u64).filter_map(|number| hub.hold(UserId::from(number), 1)).collect();
    for one in &people {
        assert!(topic.subscribe(&one.person, topic.head(), Seq::FIRST));
    }
    let _ = topic.add((1..=3).map(|seq| entry(id, seq)).collect(), 300);
    assert!(matches!(topic.step(), Step::Fan(_)));
    assert!(matches!(topic.fan(), Fanned::Partly), "300 people are more than one chunk");
    let session = |user: UserId| Arc::new(Outbox::new(user, None, Uuid::nil(), 256));
    let (early, late) = (session(UserId::from(1_u64)), session(UserId::from(300_u64)));
    assert_eq!(topic.passed_to(&early), Seq::new(3), "his turn in this run is over");
    assert_eq!(topic.passed_to(&late), Seq::ZERO, "his is still to come");
    for (outbox, person) in [(&early, &people[0]), (&late, &people[299])] {
        hub.connect(&person.person, outbox);
    }
    let lag = |next| Lag { next: Seq::new(next), visible_from: Seq::FIRST };
    assert_eq!(topic.join(&early, lag(2), Begin::Anew), Joined::NotYet, "2 and 3 are to be read");
    assert_eq!(topic.join(&late, lag(2), Begin::Anew), Joined::Live, "he has the first one already");
    assert!(matches!(topic.fan(), Fanned::Wholly { .. }));
    assert_eq!((seqs(&early), seqs(&late)), (vec![], vec![2, 3]));
}
