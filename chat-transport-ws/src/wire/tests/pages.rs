//! Pages that would be too large end earlier, on the side that was not asked about.

use chat_core::command::{EntriesPage, FriendsSince, HistoryPage, Summary, Synced};
use chat_core::store::Window;
use chat_core::{Command, Kind, Limit, Message, Page, Reply, What};
use serde_json::Value;

use super::samples::{self, conversation, seq};
use crate::wire::fit::PAGE_BYTES_MAX;
use crate::wire::{Asked, Incoming, parse, reply};

/// Messages 1 to 100 whose frames are 8 KiB each: 100 do not fit.
fn large() -> Vec<Message> {
    (1..=100).map(|number| samples::message(number, samples::content(&"x".repeat(8_192)))).collect()
}

fn frame(command: &Command, answer: &Reply) -> (Value, usize) {
    let bytes = reply(&Asked::new(1, samples::user(samples::ANA), command), answer);
    (serde_json::from_slice(&bytes).unwrap(), bytes.len())
}

fn history(window: Option<Window>) -> Value {
    let command = Command::History { conversation: conversation(1), window, limit: Limit::MAX };
    let page = HistoryPage { items: large(), has_before: false, has_after: false };
    let (frame, bytes) = frame(&command, &Reply::History(page));
    assert!(bytes < PAGE_BYTES_MAX, "{bytes}");
    assert!(bytes > PAGE_BYTES_MAX - 16 * 1024, "{bytes} could be more");
    frame
}

fn seqs(frame: &Value) -> Vec<u64> {
    frame["items"].as_array().unwrap().iter().map(|item| item["seq"].as_u64().unwrap()).collect()
}

#[test]
fn history_keeps_what_was_asked_about() {
    for window in [None, Some(Window::Before(seq(101)))] {
        let newest = history(window);
        assert_eq!(seqs(&newest).last(), Some(&100));
        assert_eq!((&newest["has_before"], &newest["has_after"]), (&true.into(), &false.into()));
    }

    let oldest = history(Some(Window::After(seq(0))));
    assert_eq!(seqs(&oldest).first(), Some(&1));
    assert_eq!((&oldest["has_before"], &oldest["has_after"]), (&false.into(), &true.into()));

    let middle = history(Some(Window::Around(seq(50))));
    let (first, last) = (seqs(&middle)[0], *seqs(&middle).last().unwrap());
    assert!((50 - first).abs_diff(last - 50) <= 1, "{first} to {last}");
    assert_eq!((&middle["has_before"], &middle["has_after"]), (&true.into(), &true.into()));
}

#[test]
fn entries_say_that_there_are_more() {
    let items = large().into_iter().map(|message| {
        let number = message.seq.get();
        samples::entry(number, What::Message(message))
    });
    let page = EntriesPage { items: items.collect(), head: seq(100) };
    let command = Command::Entries { conversation: conversation(1), after: seq(0), limit: Limit::MAX };
    let (cut, bytes) = frame(&command, &Reply::Entries(page));
    assert!(bytes < PAGE_BYTES_MAX);
    assert_eq!(seqs(&cut)[0], 1);
    assert_eq!(cut["has_after"], true);
    assert_eq!(cut["head"], 100);
}

fn large_summaries() -> Page<Summary, chat_core::ConversationId> {
    let items = large().into_iter().map(|message| {
        let mut summary =
            Summary::new(conversation(u128::from(message.seq.get())), Kind::Group, samples::at(0));
        summary.last_message = Some(message);
        summary
    });
    Page { items: items.collect(), next: None }
}

#[test]
fn a_list_goes_on_after_its_last_item() {
    let command = Command::Conversations { after: None, limit: Limit::MAX };
    let (cut, bytes) = frame(&command, &Reply::Conversations(large_summaries()));
    assert!(bytes < PAGE_BYTES_MAX);
    let shown = cut["items"].as_array().unwrap().len();
    assert!(shown < 100);

    let onwards = format!(r#"{{"id":2,"type":"conversation.list","cursor":{}}}"#, cut["next"]);
    let after = Some(conversation(shown as u128));
    let expected = Command::Conversations { after, limit: Limit::default() };
    let read = parse(&onwards, Some(samples::user(samples::ANA))).unwrap();
    assert_eq!(read.what, Ok(Incoming::Command(expected)));
}

#[test]
fn a_sync_leaves_room_for_what_it_must_say() {
    let friends = FriendsSince { cursor: 1, reset: false, items: Vec::new() };
    let synced = Synced { friends, conversations: Vec::new(), new: large_summaries() };
    let (cut, bytes) = frame(&Command::Sync(chat_core::command::Sync::default()), &Reply::Synced(synced));
    assert!(bytes < PAGE_BYTES_MAX);
    assert!(cut["new"]["next"].is_string());
}

#[test]
fn one_item_is_shown_however_large_it_is() {
    let message = samples::message(1, samples::content(&"x".repeat(PAGE_BYTES_MAX)));
    let page = HistoryPage { items: vec![message], has_before: false, has_after: false };
    let command = Command::History { conversation: conversation(1), window: None, limit: Limit::MAX };
    let (frame, _) = frame(&command, &Reply::History(page));
    assert_eq!(seqs(&frame), [1]);
    assert_eq!(frame["has_before"], false);
}
