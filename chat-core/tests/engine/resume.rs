//! Schedules around a resume, a lag, a going and a coming back: what is read meanwhile must not be passed on wrongly.

use crate::common::*;
use chat_core::command::{PolicyPatch, Sync, Update};
use chat_core::delivery::{Open, Resume};
use chat_core::{Chat, Command, ConversationId, Ended, Event, Read, Reply, Seq, What};

fn sync_from(chat: &Chat, has: &[(ConversationId, Seq)]) -> Command {
    Command::Sync(Sync { epoch: Some(chat.epoch()), conversations: has.to_vec(), ..Sync::default() })
}

#[tokio::test]
async fn who_is_removed_while_he_connects_follows_nothing() {
    let (chat, gates) = gated(256).await;
    let room = group(&chat, &[1, 2, 3]).await;
    let _other = device(&chat, 3).await;
    let mut gate = gates.after("Memberships::positions");
    let connecting = tokio::spawn({
        let chat = chat.clone();
        async move { device(&chat, 2).await }
    });
    gate.reached().await;
    chat.actor(user(1)).remove(room, user(2), None).await.unwrap();
    chat.settled().await;
    gate.open();
    let mut removed = connecting.await.unwrap();
    say(&chat, 1, room, "secret").await;
    assert_eq!(seqs_in(&told(&chat, &mut removed).await, room), [0_u64; 0]);
}

#[tokio::test]
async fn who_is_removed_while_he_resumes_follows_nothing() {
    let (chat, gates) = gated(256).await;
    let room = group(&chat, &[1, 2, 3]).await;
    let _other = device(&chat, 3).await;
    let mut removed = chat.open_with(Open::new(user(2)).resume(Resume::AwaitSync)).await.unwrap();
    let mut gate = gates.after("Memberships::seats");
    let sync = tokio::spawn(removed.handle(sync_from(&chat, &[(room, Seq::new(1))])));
    gate.reached().await;
    chat.actor(user(1)).remove(room, user(2), None).await.unwrap();
    chat.settled().await;
    gate.open();
    sync.await.unwrap().unwrap();
    say(&chat, 1, room, "secret").await;
    let told = seqs_in(&told(&chat, &mut removed).await, room);
    assert!(told.is_empty() || told == [2], "at most his own removal: {told:?}");
}

#[tokio::test]
async fn a_conversation_made_during_a_resume_is_told_from_its_beginning() {
    let (chat, gates) = gated(256).await;
    let mut bo = chat.open_with(Open::new(user(2)).resume(Resume::AwaitSync)).await.unwrap();
    let mut gate = gates.after("Memberships::seats");
    let sync = tokio::spawn(bo.handle(sync_from(&chat, &[])));
    gate.reached().await;
    let room = group(&chat, &[1, 2, 3]).await;
    chat.settled().await;
    gate.open();
    let Reply::Synced(synced) = sync.await.unwrap().unwrap() else { panic!("a sync is answered as one") };
    assert_eq!(synced.new.items.len(), 0, "it was read before");
    say(&chat, 1, room, "first").await;
    assert_eq!(seqs_in(&told(&chat, &mut bo).await, room), [1, 2]);
}

#[tokio::test]
async fn parts_of_a_resume_hold_back_what_is_not_named_yet() {
    let (chat, _gates) = gated(256).await;
    let (early, late) = (group(&chat, &[1, 2, 3]).await, group(&chat, &[3, 2, 1]).await);
    let mut bo = chat.open_with(Open::new(user(2)).resume(Resume::AwaitSync)).await.unwrap();
    let part = Sync {
        conversations: vec![(early, Seq::new(1))],
        more: chat_core::command::More::Yes,
        ..Sync::default()
    };
    bo.handle(Command::Sync(part)).await.unwrap();
    say(&chat, 1, late, "held back").await;
    say(&chat, 1, early, "passed on").await;
    chat.settled().await;
    assert_eq!(entry(&mut bo).await.conversation, early);
    assert!(bo.try_next().is_none(), "what is not named yet is held back");
    bo.handle(sync_from(&chat, &[(late, Seq::new(1))])).await.unwrap();
    say(&chat, 1, late, "live").await;
    let events = told(&chat, &mut bo).await;
    assert_eq!((seqs_in(&events, early), seqs_in(&events, late)), (vec![], vec![2, 3]));
}

#[tokio::test]
async fn a_restarted_stream_forgets_what_was_on_its_way() {
    let (chat, gates) = gated(2).await;
    let room = group(&chat, &[1, 2, 3]).await;
    let mut slow = device(&chat, 2).await;
    for _ in 0..20 {
        say(&chat, 1, room, "old").await;
    }
    chat.settled().await;
    assert_eq!(seqs(&mut slow, 2).await, [2, 3]);
    let restart = slow.handle(sync_from(&chat, &[(room, Seq::new(21))]));
    let mut gate = gates.after("Log::entries");
    let next = tokio::spawn(async move { (entry(&mut slow).await, slow) });
    gate.reached().await;
    restart.await.unwrap();
    gate.open();
    say(&chat, 1, room, "live").await;
    assert_eq!(next.await.unwrap().0.seq, Seq::new(22));
}

#[tokio::test]
async fn a_reader_who_joins_is_told_everything_once() {
    let (chat, _gates) = gated(256).await;
    let channel = chat.system().ensure_channel("lobby").await.unwrap();
    let mut ana = device(&chat, 1).await;
    ana.handle(Command::Subscribe { conversation: channel, after: None }).await.unwrap();
    chat.actor(user(1)).join(channel, None).await.unwrap();
    told(&chat, &mut ana).await;
    for _ in 0..3 {
        chat.system().send(channel, text("x")).await.unwrap();
    }
    chat.settled().await;
    // He is a member: there is nothing to unsubscribe from, and nothing is lost by it.
    ana.handle(Command::Unsubscribe { conversation: channel }).await.unwrap();
    assert_eq!(seqs_in(&told(&chat, &mut ana).await, channel), [2, 3, 4]);
    chat.actor(user(1)).leave(channel, None).await.unwrap();
    chat.system().send(channel, text("later")).await.unwrap();
    let events = told(&chat, &mut ana).await;
    assert!(matches!(events[..], [Event::Gone(id)] if id == channel), "{events:?}");
}

#[tokio::test]
async fn a_reader_who_lags_reads_nothing_from_after_the_door_was_shut() {
    let (chat, gates) = gated(2).await;
    let channel = chat.system().ensure_channel("news").await.unwrap();
    let mut reader = device(&chat, 1).await;
    reader.handle(Command::Subscribe { conversation: channel, after: None }).await.unwrap();
    for _ in 0..5 {
        chat.system().send(channel, text("public")).await.unwrap();
    }
    chat.settled().await;
    assert_eq!(seqs(&mut reader, 2).await, [2, 3]);
    let mut gate = gates.before("Log::entries");
    let next = tokio::spawn(async move { (event(&mut reader).await, reader) });
    gate.reached().await;
    let policy = PolicyPatch { read: Some(Read::Members), ..PolicyPatch::default() };
    chat.system().actor().update(channel, Update { policy, ..Update::default() }, None).await.unwrap();
    chat.system().send(channel, text("for members")).await.unwrap();
    chat.settled().await;
    gate.open();
    let (first, mut reader) = next.await.unwrap();
    let mut events = vec![first];
    events.extend(told(&chat, &mut reader).await);
    assert!(seqs_in(&events, channel).iter().all(|seq| *seq <= 7), "{events:?}");
    assert!(matches!(events.last(), Some(Event::Gone(id)) if *id == channel));
}

#[tokio::test]
async fn a_message_that_follows_a_hiding_at_once_is_not_lost() {
    let (chat, gates) = gated(256).await;
    say(&chat, 1, user(2), "old").await;
    let mut bo = device(&chat, 2).await;
    let mut gate = gates.after("Memberships::hide");
    let hiding = tokio::spawn({
        let bo = chat.actor(user(2));
        async move { bo.leave(direct(1, 2), None).await }
    });
    gate.reached().await;
    say(&chat, 1, user(2), "new").await;
    chat.settled().await;
    gate.open();
    hiding.await.unwrap().unwrap();
    let events = told(&chat, &mut bo).await;
    let gone = events.iter().position(|event| matches!(event, Event::Gone(_))).unwrap();
    assert_eq!(seqs_in(&events[gone..], direct(1, 2)), [2], "what came after the hiding comes after it");
}

#[tokio::test]
async fn a_hiding_that_did_not_fit_is_told_as_one() {
    let (chat, _gates) = gated(2).await;
    let room = group(&chat, &[1, 2, 3]).await;
    say(&chat, 1, user(2), "old").await;
    let mut bo = device(&chat, 2).await;
    for _ in 0..2 {
        say(&chat, 1, room, "full").await;
    }
    chat.settled().await;
    chat.actor(user(2)).leave(direct(1, 2), None).await.unwrap();
    let events = told(&chat, &mut bo).await;
    assert!(events.iter().any(|event| matches!(event, Event::Gone(id) if *id == direct(1, 2))), "{events:?}");
}

#[tokio::test]
async fn a_next_that_is_dropped_loses_no_summary() {
    let (chat, gates) = gated(2).await;
    let room = group(&chat, &[1, 2, 3]).await;
    let channel = chat.system().ensure_channel("lobby").await.unwrap();
    let mut bo = device(&chat, 2).await;
    for _ in 0..2 {
        say(&chat, 1, room, "full").await;
    }
    chat.settled().await;
    chat.actor(user(2)).join(channel, None).await.unwrap();
    // The comparison of memberships is a task of its own: it has ended once a second one has.
    chat.catch_up_now().await.unwrap();
    seqs(&mut bo, 2).await;
    let mut gate = gates.before("Memberships::seats");
    tokio::select! {
        told = bo.next() => panic!("{told:?} stands behind a gate"),
        () = gate.reached() => {}
    }
    gate.open();
    let events = told(&chat, &mut bo).await;
    let told = |event: &Event| matches!(event, Event::Conversation(summary) if summary.id == channel);
    assert!(events.iter().any(told), "{events:?}");
}

#[tokio::test]
async fn who_comes_back_while_his_coming_is_passed_on_is_served() {
    let (chat, gates) = gated(256).await;
    let first = device(&chat, 2).await;
    let mut appended = gates.after("Log::append");
    let making = tokio::spawn({
        let chat = chat.clone();
        async move { group(&chat, &[1, 2, 3]).await }
    });
    appended.reached().await;
    let mut admitting = gates.before("Memberships::of");
    appended.open();
    admitting.reached().await;
    drop(first);
    let mut second = device(&chat, 2).await;
    admitting.open();
    let room = making.await.unwrap();
    chat.settled().await;
    say(&chat, 1, room, "for the second").await;
    let told = seqs_in(&told(&chat, &mut second).await, room);
    assert_eq!(told.last(), Some(&2), "{told:?}");
}

#[tokio::test]
async fn a_session_ends_though_the_store_hangs() {
    let (chat, gates) = gated(2).await;
    let room = group(&chat, &[1, 2, 3]).await;
    let login = chat_core::SessionId::from_bytes([7; 16]);
    let mut slow = chat.open_with(Open::new(user(2)).login(login)).await.unwrap();
    for _ in 0..5 {
        say(&chat, 1, room, "x").await;
    }
    chat.settled().await;
    seqs(&mut slow, 2).await;
    let mut gate = gates.before("Log::entries");
    let next = tokio::spawn(async move { slow.next().await });
    gate.reached().await;
    chat.end_session(login);
    let ended = tokio::time::timeout(LONG, next).await.expect("it waits for nothing").unwrap();
    assert_eq!(ended.unwrap_err(), Ended::Revoked);
}

#[tokio::test]
async fn a_shutdown_waits_for_no_read() {
    let (chat, gates) = gated(256).await;
    let _bo = device(&chat, 2).await;
    let mut gate = gates.before("Memberships::positions");
    let channel = chat.system().ensure_channel("lobby").await.unwrap();
    chat.actor(user(2)).join(channel, None).await.unwrap();
    gate.reached().await;
    tokio::time::timeout(LONG, chat.shutdown()).await.expect("only commits are waited for");
}

#[tokio::test]
async fn a_removed_members_stream_ends_on_both_sides_of_a_comparison() {
    let (chat, _gates) = gated(256).await;
    let room = group(&chat, &[1, 2, 3]).await;
    let mut removed = device(&chat, 2).await;
    chat.actor(user(1)).remove(room, user(2), None).await.unwrap();
    chat.catch_up_now().await.unwrap();
    let events = told(&chat, &mut removed).await;
    let entry = |event: &Event| match event {
        Event::Entry(entry) => Some(entry.what.clone()),
        _ => None,
    };
    assert_eq!(events.iter().filter_map(entry).collect::<Vec<_>>(), [What::Removed { users: vec![user(2)] }]);
}
