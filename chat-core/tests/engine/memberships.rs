//! What a person follows is compared with what he is a member of, while that moves: nobody is told anything twice, not at
//! all, or that he is gone from where he is.

use std::sync::Arc;

use crate::common::*;
use chat_core::command::{NewConversation, Sync};
use chat_core::conformance::Gates;
use chat_core::conversation::History;
use chat_core::{Chat, Command, ConversationId, Event, Limit, MemoryStore, Seq, Session};

/// Compares everybody with the store, on a task of its own.
fn compare(chat: &Chat) -> tokio::task::JoinHandle<()> {
    let chat = chat.clone();
    tokio::spawn(async move { chat.catch_up_now().await.unwrap() })
}

fn gone_of(events: &[Event], room: ConversationId) -> usize {
    events.iter().filter(|event| matches!(event, Event::Gone(id) if *id == room)).count()
}

fn summaries_of(events: &[Event], room: ConversationId) -> usize {
    let is_one = |event: &&Event| matches!(event, Event::Conversation(summary) if summary.id == room);
    events.iter().filter(is_one).count()
}

#[tokio::test]
async fn who_is_found_a_member_before_his_coming_is_passed_on_is_told_of_it_once() {
    let (chat, gates) = gated(256).await;
    let room = group(&chat, &[1, 2, 3]).await;
    chat.settled().await;
    let mut session = device(&chat, 4).await;
    // His coming is stored, and its writer does not know yet.
    let mut stored = gates.after("Log::append");
    let adding = tokio::spawn({
        let actor = chat.actor(user(1));
        async move { actor.add(room, vec![user(4)], None).await }
    });
    stored.reached().await;
    // A comparison finds him a member who is not served, reads what to tell him, and is late.
    let mut read = gates.after("Memberships::seats");
    let comparing = compare(&chat);
    read.reached().await;
    stored.open();
    adding.await.unwrap().unwrap();
    say(&chat, 1, room, "one").await;
    say(&chat, 1, room, "two").await;
    let before = told(&chat, &mut session).await;
    assert_eq!(seqs_in(&before, room), [2, 3, 4], "his coming and what came after");
    read.open();
    comparing.await.unwrap();
    say(&chat, 1, room, "three").await;
    let after = told(&chat, &mut session).await;
    assert_eq!((seqs_in(&after, room), summaries_of(&after, room)), (vec![5], 0), "nothing twice");
}

#[tokio::test]
async fn what_comes_between_reading_a_summary_and_following_is_not_left_out() {
    let (chat, gates) = gated(256).await;
    let room = group(&chat, &[1, 2, 3]).await;
    chat.settled().await;
    // Another member is connected, so that the conversation is passed on already.
    let (mut session, _other) = (device(&chat, 4).await, device(&chat, 3).await);
    let mut stored = gates.after("Log::append");
    let adding = tokio::spawn({
        let actor = chat.actor(user(1));
        async move { actor.add(room, vec![user(4)], None).await }
    });
    stored.reached().await;
    compare(&chat).await.unwrap();
    let before = told(&chat, &mut session).await;
    assert_eq!((seqs_in(&before, room), summaries_of(&before, room)), (vec![], 1), "by a summary up to 2");
    stored.open();
    adding.await.unwrap().unwrap();
    say(&chat, 1, room, "one").await;
    let after = told(&chat, &mut session).await;
    assert_eq!(
        (seqs_in(&after, room), summaries_of(&after, room)),
        (vec![3], 0),
        "what the summary has, not again"
    );
}

#[tokio::test]
async fn who_goes_and_comes_again_while_his_memberships_are_read_is_not_taken_off() {
    let (chat, gates) = gated(256).await;
    let room = group(&chat, &[1, 2, 3]).await;
    let lobby = chat.system().ensure_channel("lobby").await.unwrap();
    chat.settled().await;
    let (mut session, _other) = (device(&chat, 2).await, device(&chat, 3).await);
    // Only his memberships are read, since only his have moved.
    let mut reads = gates.before("Memberships::positions");
    chat.actor(user(2)).join(lobby, None).await.unwrap();
    reads.reached().await;
    chat.actor(user(1)).remove(room, user(2), None).await.unwrap();
    assert_eq!(entry(&mut session).await.seq.get(), 2);
    let mut heads = gates.after("Log::heads");
    reads.open();
    // He is no member, and everything up to there is passed on.
    heads.reached().await;
    chat.actor(user(1)).add(room, vec![user(2)], None).await.unwrap();
    assert_eq!(entry(&mut session).await.seq.get(), 3);
    heads.open();
    chat.settled().await;
    say(&chat, 1, room, "welcome").await;
    let events = told(&chat, &mut session).await;
    assert_eq!((seqs_in(&events, room), gone_of(&events, room)), (vec![4], 0));
}

#[tokio::test]
async fn who_leaves_a_channel_on_one_device_and_joins_on_another_follows_it() {
    let (chat, gates) = gated(256).await;
    let room = chat.system().ensure_channel("lobby").await.unwrap();
    chat.system().add_to(room, user(1)).await.unwrap();
    chat.settled().await;
    let mut session = device(&chat, 2).await;
    chat.actor(user(2)).join(room, None).await.unwrap();
    told(&chat, &mut session).await;
    let mut left = gates.after("Memberships::exit");
    let leaving = tokio::spawn({
        let actor = chat.actor(user(2));
        async move { actor.leave(room, None).await }
    });
    left.reached().await;
    chat.actor(user(2)).join(room, None).await.unwrap();
    chat.settled().await;
    left.open();
    leaving.await.unwrap().unwrap();
    chat.settled().await;
    let seq = say(&chat, 1, room, "news").await;
    let events = told(&chat, &mut session).await;
    assert_eq!(seqs_in(&events, room), [seq.get()]);
    assert_eq!(chat.actor(user(2)).conversation(room).await.unwrap().role.map(|_| ()), Some(()));
}

async fn hears_the_first(chat: &Chat, gates: &Gates, session: &mut Session) -> Vec<u64> {
    // The conversation is there, and who made it does not know yet.
    let mut made = gates.after("Conversations::ensure");
    let making = tokio::spawn({
        let actor = chat.actor(user(1));
        async move { actor.direct(user(2)).await }
    });
    made.reached().await;
    say(chat, 2, direct(1, 2), "hello").await;
    let heard = seqs_in(&told(chat, session).await, direct(1, 2));
    made.open();
    making.await.unwrap().unwrap();
    heard
}

#[tokio::test]
async fn the_first_message_is_heard_whoever_made_the_conversation() {
    for listener in [1, 2] {
        let (chat, gates) = gated(256).await;
        chat.settled().await;
        let mut session = device(&chat, listener).await;
        assert_eq!(hears_the_first(&chat, &gates, &mut session).await, [1], "at once");
        say(&chat, 1, direct(1, 2), "hello too").await;
        assert_eq!(seqs_in(&told(&chat, &mut session).await, direct(1, 2)), [2], "and nothing twice");
    }
}

#[tokio::test]
async fn a_second_device_that_comes_back_does_not_keep_the_first_from_being_told() {
    let (chat, gates) = gated(256).await;
    let room = group(&chat, &[1, 2, 3]).await;
    chat.settled().await;
    let mut first = device(&chat, 4).await;
    let mut stored = gates.after("Log::append");
    let adding = tokio::spawn({
        let actor = chat.actor(user(1));
        async move { actor.add(room, vec![user(4)], None).await }
    });
    stored.reached().await;
    // It finds the conversation before the first one is told of it.
    let (mut second, synced) = resume(&chat, 4, &[]).await;
    assert_eq!(synced.new.items.len(), 1);
    stored.open();
    adding.await.unwrap().unwrap();
    say(&chat, 1, room, "one").await;
    let events = told(&chat, &mut first).await;
    assert_eq!((seqs_in(&events, room), summaries_of(&events, room)), (vec![3], 1));
    let events = told(&chat, &mut second).await;
    assert_eq!((seqs_in(&events, room), summaries_of(&events, room)), (vec![3], 0), "its sync has told it");
}

#[tokio::test]
async fn a_conversation_that_another_made_and_wrote_to_meanwhile_is_told_with_its_first_message() {
    let (store, gates) = (Arc::new(MemoryStore::new()), Gates::default());
    let chat = Chat::over(gates.over(store.clone())).policies(open_policies()).build().await.unwrap();
    let other = Chat::over(store).policies(open_policies()).build().await.unwrap();
    chat.settled().await;
    let mut session = device(&chat, 1).await;
    // He makes it, is late, and finds it made; the other wrote before he learns of it.
    let mut making = gates.before("Conversations::ensure");
    let made = tokio::spawn({
        let actor = chat.actor(user(1));
        async move { actor.direct(user(2)).await }
    });
    making.reached().await;
    say(&other, 2, user(1), "hello").await;
    making.open();
    made.await.unwrap().unwrap();
    let events = told(&chat, &mut session).await;
    assert_eq!((seqs_in(&events, direct(1, 2)), summaries_of(&events, direct(1, 2))), (vec![], 1));
    other.shutdown().await;
}

#[tokio::test]
async fn history_shows_what_one_may_see_now_and_not_what_the_node_has_heard_last() {
    let store = Arc::new(MemoryStore::new());
    let build = || Chat::over(store.clone()).policies(open_policies()).build();
    let (chat, other) = (build().await.unwrap(), build().await.unwrap());
    say(&chat, 1, user(2), "before").await;
    let room = group(&chat, &[1, 2, 3]).await;
    say(&chat, 1, room, "before").await;
    let _session = device(&chat, 2).await;
    chat.settled().await;
    let reader = chat.actor(user(2));
    for (id, items) in [(direct(1, 2), 1), (room, 1)] {
        assert_eq!(
            reader.history(id, None, Limit::MAX).await.unwrap().items.len(),
            items,
            "of who is served"
        );
    }
    // Nobody tells this node of it.
    other.actor(user(2)).leave(direct(1, 2), None).await.unwrap();
    other.actor(user(1)).remove(room, user(2), None).await.unwrap();
    say(&other, 1, user(2), "after").await;
    let page = reader.history(direct(1, 2), None, Limit::MAX).await.unwrap();
    let texts: Vec<_> = page.items.iter().map(|message| message.text()).collect();
    assert_eq!((texts, page.has_before), (vec![Some("after")], false));
    assert_eq!(code(reader.history(room, None, Limit::MAX).await), "not_found");
    other.shutdown().await;
}

#[tokio::test]
async fn a_channel_that_is_left_while_a_device_resumes_is_not_followed() {
    let (chat, gates) = gated(256).await;
    let lobby = chat.system().ensure_channel("lobby").await.unwrap();
    chat.system().add_to(lobby, user(1)).await.unwrap();
    chat.actor(user(2)).join(lobby, None).await.unwrap();
    chat.settled().await;
    // Read as a member's, and late.
    let mut read = gates.after("Memberships::positions");
    let opening = tokio::spawn({
        let chat = chat.clone();
        async move { device(&chat, 2).await }
    });
    read.reached().await;
    chat.actor(user(2)).leave(lobby, None).await.unwrap();
    read.open();
    let mut session = opening.await.unwrap();
    chat.settled().await;
    say(&chat, 1, lobby, "for members").await;
    let events = told(&chat, &mut session).await;
    assert_eq!(seqs_in(&events, lobby), Vec::<u64>::new());
}

#[tokio::test]
async fn who_is_removed_while_a_second_device_resumes_is_told_so_and_the_resume_is_answered() {
    let (chat, gates) = gated(256).await;
    let room = group(&chat, &[1, 2, 3]).await;
    chat.settled().await;
    let _first = device(&chat, 4).await;
    // Added where this node's pump is not yet, found by the resume, and removed before it is told of.
    let mut stored = gates.after("Log::append");
    let adding = tokio::spawn({
        let actor = chat.actor(user(1));
        async move { actor.add(room, vec![user(4)], None).await }
    });
    stored.reached().await;
    let mut seats = gates.after("Memberships::seats");
    let resuming = tokio::spawn({
        let chat = chat.clone();
        async move { resume(&chat, 4, &[]).await }
    });
    seats.reached().await;
    stored.open();
    adding.await.unwrap().unwrap();
    chat.actor(user(1)).remove(room, user(4), None).await.unwrap();
    seats.open();
    let (mut session, synced) = resuming.await.unwrap();
    let events = told(&chat, &mut session).await;
    let is_told = gone_of(&events, room) > 0 || seqs_in(&events, room).contains(&3);
    assert!(is_told || synced.new.items.is_empty(), "{events:?}");
    say(&chat, 1, room, "for members").await;
    assert_eq!(seqs_in(&told(&chat, &mut session).await, room), Vec::<u64>::new());
}

#[tokio::test]
async fn what_is_left_while_a_connected_device_syncs_is_told_as_gone_and_not_followed() {
    let (chat, gates) = gated(256).await;
    let lobby = chat.system().ensure_channel("lobby").await.unwrap();
    chat.system().add_to(lobby, user(1)).await.unwrap();
    chat.actor(user(2)).join(lobby, None).await.unwrap();
    let room = group(&chat, &[1, 2, 3]).await;
    chat.settled().await;
    let mut session = device(&chat, 2).await;
    let mut read = gates.after("Memberships::seats");
    let conversations = vec![(lobby, Seq::ZERO), (room, Seq::new(1))];
    let sync = Sync { epoch: Some(chat.epoch()), conversations, ..Sync::default() };
    let synced = tokio::spawn(session.handle(Command::Sync(sync)));
    read.reached().await;
    chat.actor(user(2)).leave(lobby, None).await.unwrap();
    chat.actor(user(1)).remove(room, user(2), None).await.unwrap();
    read.open();
    synced.await.unwrap().unwrap();
    let events = told(&chat, &mut session).await;
    assert!(gone_of(&events, lobby) > 0 && gone_of(&events, room) > 0, "{events:?}");
    say(&chat, 1, lobby, "for members").await;
    say(&chat, 1, room, "for members").await;
    let events = told(&chat, &mut session).await;
    assert_eq!((seqs_in(&events, lobby), seqs_in(&events, room)), (vec![], vec![]));
}

#[tokio::test]
async fn a_reader_who_joins_where_members_see_only_what_comes_misses_nothing() {
    let (chat, gates) = gated(256).await;
    let mut channel = NewConversation::channel(client_id("channel")).named("a channel");
    channel.history = Some(History::FromJoin);
    let lobby = chat.actor(user(1)).create(channel).await.unwrap().value.id;
    chat.settled().await;
    let mut session = device(&chat, 2).await;
    let follow = Command::Subscribe { conversation: lobby, after: None };
    session.handle(follow).await.unwrap();
    // What he may read is stored, and is still to be passed on.
    let mut stored = gates.after("Log::append");
    let saying = tokio::spawn({
        let chat = chat.clone();
        async move { say(&chat, 1, lobby, "one").await }
    });
    stored.reached().await;
    chat.actor(user(2)).join(lobby, None).await.unwrap();
    stored.open();
    let one = saying.await.unwrap();
    let two = say(&chat, 1, lobby, "two").await;
    let events = told(&chat, &mut session).await;
    assert_eq!(seqs_in(&events, lobby), [one.get(), two.get()], "{events:?}");
}
