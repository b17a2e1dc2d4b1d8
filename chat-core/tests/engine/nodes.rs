//! Two engines on one store, and a line between them that loses, repeats and forges.

use std::sync::{Arc, Mutex};

use crate::common::*;
use chat_core::delivery::{Inbound, Interest, Topic};
use chat_core::{Chat, MemoryStore, Notice, Notifier, Seq, Store, What};

/// A line to the other node that does what a test wants.
#[derive(Default)]
struct Line {
    other: Mutex<Option<Inbound>>,
    faults: Mutex<Faults>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Faults {
    #[default]
    None,
    Cut,
    Doubled,
}

/// One end of the line.
struct End {
    to: Arc<Line>,
    from: Arc<Line>,
}

impl Notifier for End {
    fn notify(&self, notice: &Notice) {
        let times = match *self.to.faults.lock().unwrap() {
            Faults::None => 1,
            Faults::Cut => 0,
            Faults::Doubled => 2,
        };
        if let Some(other) = &*self.to.other.lock().unwrap() {
            (0..times).for_each(|_| other.push(*notice));
        }
    }

    fn interest(&self, _topic: Topic, _interest: Interest) {}

    fn attach(&self, inbound: Inbound) {
        *self.from.other.lock().unwrap() = Some(inbound);
    }
}

/// Two nodes; the line carries what the first tells the second.
async fn nodes() -> (Chat, Chat, Arc<Line>) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (there, back) = (Arc::new(Line::default()), Arc::new(Line::default()));
    let one = End { to: Arc::clone(&there), from: Arc::clone(&back) };
    let two = End { to: back, from: Arc::clone(&there) };
    let policies = open_policies();
    let build = |end: End| Chat::over(Arc::clone(&store)).policies(policies).notifier(Arc::new(end)).build();
    (build(one).await.unwrap(), build(two).await.unwrap(), there)
}

#[tokio::test]
async fn messages_cross_nodes_live() {
    let (one, two, line) = nodes().await;
    *line.faults.lock().unwrap() = Faults::Doubled;
    let mut bo = device(&two, 2).await;
    say(&one, 1, user(2), "first").await;
    one.actor(user(1)).send_to(user(2), text("second")).await.unwrap();
    two.catch_up_now().await.unwrap();
    say(&one, 1, user(2), "third").await;
    // The conversation is new to the second node: it begins with its summary.
    let mut last = 0;
    while last < 3 {
        match event(&mut bo).await {
            chat_core::Event::Conversation(summary) => last = summary.head.get(),
            chat_core::Event::Entry(entry) => {
                assert_eq!(entry.seq.get(), last + 1, "dense and in order");
                last += 1;
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn with_the_line_cut_everyone_converges_all_the_same() {
    let (one, two, line) = nodes().await;
    let room = group(&one, &[1, 2, 3]).await;
    let mut bo = device(&two, 2).await;
    *line.faults.lock().unwrap() = Faults::Cut;
    for _ in 0..10 {
        say(&one, 1, room, "x").await;
    }
    let late = group(&one, &[3, 1, 2]).await;
    one.actor(user(1)).remove(room, user(2), None).await.unwrap();
    two.catch_up_now().await.unwrap();
    let mut last = Seq::new(1);
    let mut told = false;
    while last < Seq::new(12) || !told {
        match event(&mut bo).await {
            chat_core::Event::Entry(entry) if entry.conversation == room => {
                assert_eq!(entry.seq, last.next());
                last = entry.seq;
                if last == Seq::new(12) {
                    assert_eq!(entry.what, What::Removed { users: vec![user(2)] });
                }
            }
            chat_core::Event::Conversation(summary) => told |= summary.id == late,
            _ => {}
        }
    }
}

#[tokio::test]
async fn forged_notices_are_harmless() {
    let (one, two, line) = nodes().await;
    let room = group(&one, &[1, 2, 3]).await;
    let mut bo = device(&two, 2).await;
    let forger = line.other.lock().unwrap().clone().unwrap();
    for seq in [2, 1 << 40] {
        forger.push(Notice::Head { conversation: room, seq: Seq::new(seq) });
    }
    forger.push(Notice::Memberships(user(2)));
    forger.push(Notice::Friendships(user(2)));
    forger.push(Notice::Session(chat_core::SessionId::from_bytes([1; 16])));
    forger.push(Notice::Receipt { conversation: room, user: user(9) });
    let typing = chat_core::event::TypingEvent {
        conversation: room,
        user: user(9),
        typing: chat_core::command::Typing::Active,
    };
    forger.push(Notice::Typing(typing));
    say(&one, 1, room, "true").await;
    let first = event(&mut bo).await;
    assert!(matches!(first, chat_core::Event::Entry(entry) if entry.seq == Seq::new(2)));
}

#[tokio::test]
async fn a_block_on_one_node_holds_on_the_other() {
    let (one, two, _line) = nodes().await;
    befriend(&one, 1, 2).await;
    say(&two, 1, user(2), "warm").await;
    one.actor(user(2)).block(user(1)).await.unwrap();
    // The second node has kept its view of the conversation; the store's `acl` has moved under it.
    assert_eq!(code(two.actor(user(1)).send_to(user(2), text("cold")).await), "not_accepted");
}

#[tokio::test]
async fn typing_crosses_nodes_from_members_only() {
    let (one, two, _line) = nodes().await;
    let room = group(&one, &[1, 2, 3]).await;
    let mut bo = device(&two, 2).await;
    one.actor(user(1)).typing(room, chat_core::command::Typing::Active).await.unwrap();
    let chat_core::Event::Typing(typing) = event(&mut bo).await else { panic!("somebody is typing") };
    assert_eq!((typing.conversation, typing.user), (room, user(1)));
}

#[tokio::test]
async fn a_direct_conversation_hidden_on_one_node_is_hidden_on_the_other() {
    let (one, two, _line) = nodes().await;
    say(&one, 1, user(2), "old").await;
    let mut bo = device(&two, 2).await;
    one.actor(user(2)).leave(direct(1, 2), None).await.unwrap();
    assert!(matches!(event(&mut bo).await, chat_core::Event::Gone(id) if id == direct(1, 2)));
    say(&one, 1, user(2), "new").await;
    assert_eq!(entry(&mut bo).await.seq, Seq::new(2));
}

#[tokio::test]
async fn a_client_that_knows_no_summaries_gets_what_others_wrote_elsewhere_entry_by_entry() {
    use chat_core::delivery::{News, Open};
    let (one, two, line) = nodes().await;
    *line.faults.lock().unwrap() = Faults::Doubled;
    let mut bo = two.open_with(Open::new(user(2)).news(News::Entries)).await.unwrap();
    let mut told = Vec::new();
    let mut texts = async |bo: &mut chat_core::Session, count: usize| {
        while told.len() < count {
            match event(bo).await {
                chat_core::Event::Entry(entry) => {
                    if let What::Message(message) = &entry.what {
                        told.push(message.text().unwrap().to_owned());
                    }
                }
                chat_core::Event::Conversation(summary) => panic!("a summary: {summary:?}"),
                _ => {}
            }
        }
        told.clone()
    };
    say(&one, 1, user(2), "between us").await;
    say(&one, 1, user(2), "at once").await;
    assert_eq!(texts(&mut bo, 2).await, ["between us", "at once"]);
    // A group that was there before: what was said before he came is not news to him.
    let room = group(&one, &[1, 3, 4]).await;
    say(&one, 1, room, "before").await;
    one.actor(user(1)).add(room, vec![user(2)], None).await.unwrap();
    say(&one, 1, room, "after").await;
    say(&one, 1, user(2), "the end").await;
    let mut all = texts(&mut bo, 4).await;
    all.sort();
    assert_eq!(all, ["after", "at once", "between us", "the end"]);
}
