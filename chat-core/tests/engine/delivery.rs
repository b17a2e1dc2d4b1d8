//! Delivery on one node: order, holes, resume, slow consumers, removal, and who is told what.

use std::sync::Arc;

use crate::common::*;
use chat_core::command::{Changed, SyncState, Typing};
use chat_core::memory::MemoryStore;
use chat_core::{Chat, Command, Ended, Event, Limits, Relation, Reply, Role, Seq, What};

#[tokio::test]
async fn every_device_gets_every_entry_in_order_the_senders_own_included() {
    let chat = chat().await;
    befriend(&chat, 1, 2).await;
    let mut devices = [device(&chat, 1).await, device(&chat, 2).await, device(&chat, 2).await];
    for number in 0..100 {
        say(&chat, 1 + number % 2, user(2 - number % 2), "x").await;
    }
    for device in &mut devices {
        assert_eq!(seqs(device, 100).await, (1..=100).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_resume_gives_what_is_missing_and_goes_live() {
    let chat = chat().await;
    befriend(&chat, 1, 2).await;
    for _ in 0..5 {
        say(&chat, 1, user(2), "before").await;
    }
    let (mut session, synced) = resume(&chat, 2, &[(direct(1, 2), Seq::new(2))]).await;
    assert!(matches!(synced.conversations[0].1, SyncState::Complete(ref point) if point.head == Seq::new(5)));
    assert_eq!(synced.new.items.len(), 0, "what is named is not new");
    say(&chat, 1, user(2), "live").await;
    assert_eq!(seqs(&mut session, 4).await, [3, 4, 5, 6]);
}

#[tokio::test]
async fn what_is_not_named_comes_as_a_summary_and_goes_on_after_its_head() {
    let chat = chat().await;
    befriend(&chat, 1, 2).await;
    say(&chat, 1, user(2), "one").await;
    let (mut session, synced) = resume(&chat, 2, &[]).await;
    let summary = &synced.new.items[0];
    assert_eq!((summary.head, summary.standpoint.unread), (Seq::new(1), 1));
    assert_eq!(summary.last_message.as_ref().unwrap().text(), Some("one"));
    say(&chat, 1, user(2), "two").await;
    assert_eq!(seqs(&mut session, 1).await, [2]);
}

#[tokio::test]
async fn positions_that_mean_nothing_are_reset() {
    let chat = chat().await;
    befriend(&chat, 1, 2).await;
    say(&chat, 1, user(2), "one").await;
    let (_, above) = resume(&chat, 2, &[(direct(1, 2), Seq::new(9))]).await;
    assert!(matches!(above.conversations[0].1, SyncState::Reset(_)), "above head");
    let (_, foreign) = resume(&chat, 2, &[(direct(5, 6), Seq::new(1))]).await;
    assert_eq!(foreign.conversations[0].1, SyncState::Gone, "another's conversation");
    let session = chat
        .open_with(chat_core::delivery::Open::new(user(2)).resume(chat_core::delivery::Resume::AwaitSync))
        .await
        .unwrap();
    let other_life = chat_core::command::Sync {
        epoch: Some(chat.ids().uuid(chat.now())),
        conversations: vec![(direct(1, 2), Seq::new(1))],
        ..chat_core::command::Sync::default()
    };
    let Reply::Synced(synced) = session.handle(Command::Sync(other_life)).await.unwrap() else { panic!() };
    assert!(matches!(synced.conversations[0].1, SyncState::Reset(_)), "another epoch");
}

#[tokio::test]
async fn a_slow_session_loses_nothing_and_joins_live_again() {
    let mut limits = Limits::default();
    limits.set("session_events_max", 4).unwrap();
    let chat = chat_with(Arc::new(MemoryStore::new()), limits).await;
    befriend(&chat, 1, 2).await;
    befriend(&chat, 1, 3).await;
    befriend(&chat, 2, 3).await;
    let room = group(&chat, &[1, 2, 3]).await;
    let mut slow = device(&chat, 2).await;
    let mut quick = device(&chat, 3).await;
    for _ in 0..200 {
        say(&chat, 1, room, "x").await;
        say(&chat, 1, user(2), "y").await;
        entry(&mut quick).await;
    }
    let mut last = std::collections::HashMap::new();
    for _ in 0..400 {
        let entry = entry(&mut slow).await;
        let before: &mut u64 = last.entry(entry.conversation).or_insert(entry.seq.get() - 1);
        assert_eq!(entry.seq.get(), *before + 1, "dense and in order");
        *before += 1;
    }
    say(&chat, 1, room, "live").await;
    assert_eq!(entry(&mut slow).await.message().unwrap().text(), Some("live"));
}

#[tokio::test]
async fn who_is_too_far_behind_is_told_so() {
    let mut limits = Limits::default();
    limits.set("session_events_max", 2).unwrap();
    limits.set("catch_up_entries_max", 10).unwrap();
    let chat = chat_with(Arc::new(MemoryStore::new()), limits).await;
    befriend(&chat, 1, 2).await;
    let mut slow = device(&chat, 2).await;
    for _ in 0..50 {
        say(&chat, 1, user(2), "x").await;
    }
    chat.settled().await;
    assert_eq!(seqs(&mut slow, 2).await, [1, 2]);
    assert!(matches!(event(&mut slow).await, Event::Reset { head, .. } if head == Seq::new(50)));
    say(&chat, 1, user(2), "live").await;
    assert_eq!(seqs(&mut slow, 1).await, [51]);
}

#[tokio::test]
async fn a_removed_members_stream_ends_with_his_removal() {
    let chat = open_chat().await;
    let room = group(&chat, &[1, 2, 3]).await;
    let mut removed = device(&chat, 2).await;
    say(&chat, 1, room, "seen").await;
    chat.actor(user(1)).remove(room, user(2), None).await.unwrap();
    say(&chat, 1, room, "not for two").await;
    assert_eq!(entry(&mut removed).await.seq, Seq::new(2));
    let last = entry(&mut removed).await;
    assert_eq!(last.what, What::Removed { users: vec![user(2)] });
    // What comes next is of another conversation.
    say(&chat, 3, user(2), "elsewhere").await;
    assert_eq!(entry(&mut removed).await.conversation, direct(2, 3));
    assert_eq!(code(chat.actor(user(2)).history(room, None, chat_core::Limit::default()).await), "not_found");
}

#[tokio::test]
async fn a_removed_member_who_lags_gets_everything_up_to_his_removal_and_nothing_more() {
    let mut limits = Limits::default();
    limits.set("session_events_max", 2).unwrap();
    let mut policies = chat_core::Policies::default();
    policies.set("direct", "anyone").unwrap();
    policies.set("group", "anyone").unwrap();
    let chat = Chat::builder(MemoryStore::new()).limits(limits).policies(policies).build().await.unwrap();
    let room = group(&chat, &[1, 2, 3]).await;
    let mut slow = device(&chat, 2).await;
    for _ in 0..20 {
        say(&chat, 1, room, "x").await;
    }
    chat.actor(user(1)).remove(room, user(2), None).await.unwrap();
    for _ in 0..20 {
        say(&chat, 1, room, "secret").await;
    }
    say(&chat, 3, user(2), "elsewhere").await;
    let mut in_room = Vec::new();
    let mut elsewhere = 0;
    while in_room.len() + elsewhere < 22 {
        let entry = entry(&mut slow).await;
        if entry.conversation == room {
            in_room.push(entry.seq.get());
        } else {
            elsewhere += 1;
        }
    }
    assert_eq!(in_room, (2..=22).collect::<Vec<_>>());
    say(&chat, 3, user(2), "again").await;
    assert_eq!(
        entry(&mut slow).await.conversation,
        direct(2, 3),
        "nothing of the room came after his removal"
    );
}

#[tokio::test]
async fn who_is_added_sees_his_coming_first() {
    let chat = open_chat().await;
    let mut late = device(&chat, 4).await;
    let room = group(&chat, &[1, 2, 3]).await;
    say(&chat, 1, room, "before").await;
    chat.actor(user(1)).add(room, vec![user(4)], None).await.unwrap();
    say(&chat, 1, room, "after").await;
    let first = entry(&mut late).await;
    assert_eq!((first.seq, &first.what), (Seq::new(3), &What::Joined { users: vec![user(4)] }));
    assert_eq!(entry(&mut late).await.message().unwrap().text(), Some("after"));
}

#[tokio::test]
async fn a_change_of_an_old_message_reaches_a_late_joiner_bare() {
    use chat_core::command::NewConversation;
    let chat = open_chat().await;
    let mut new = NewConversation::group(client_id("g"), [user(2), user(3)]);
    new.history = Some(chat_core::History::FromJoin);
    let room = chat.actor(user(1)).create(new).await.unwrap().value.id;
    let old = say(&chat, 1, room, "old").await;
    let mut late = device(&chat, 4).await;
    let mut early = device(&chat, 2).await;
    chat.actor(user(1)).add(room, vec![user(4)], None).await.unwrap();
    chat.actor(user(1)).edit(room, old, chat_core::Edit::text("new").unwrap(), None).await.unwrap();
    entry(&mut late).await;
    let bare = entry(&mut late).await;
    assert_eq!(bare.what, What::Bare { kind: chat_core::message::kind::EDITED });
    entry(&mut early).await;
    assert_eq!(entry(&mut early).await.message().unwrap().text(), Some("new"));
    let page = chat.actor(user(4)).history(room, None, chat_core::Limit::default()).await.unwrap();
    assert_eq!(page.items.len(), 0, "history begins where his view begins");
}

#[tokio::test]
async fn friendships_reach_every_device_in_order() {
    let chat = chat().await;
    let mut bo = device(&chat, 2).await;
    chat.actor(user(1)).request_friend(user(2)).await.unwrap();
    chat.actor(user(2)).accept_friend(user(1)).await.unwrap();
    chat.actor(user(1)).remove_friend(user(2)).await.unwrap();
    let mut cursor = 0;
    let mut relations = Vec::new();
    while relations.last() != Some(&Relation::None) {
        if let Event::Friendship(step) = event(&mut bo).await {
            assert!(step.cursor > cursor);
            cursor = step.cursor;
            relations.push(step.friend.view.relation);
        }
    }
    assert!(cursor == 3 && !relations.is_empty());
}

#[tokio::test]
async fn a_block_is_never_told() {
    let chat = chat().await;
    chat.actor(user(1)).block(user(2)).await.unwrap();
    let mut blocker = device(&chat, 1).await;
    let mut blocked = device(&chat, 2).await;
    let asked = chat.actor(user(2)).request_friend(user(1)).await.unwrap();
    assert_eq!((asked.value.view.relation, asked.changed), (Relation::Requested, Changed::Yes));
    let Event::Friendship(step) = event(&mut blocked).await else { panic!("his own step") };
    assert_eq!(step.friend.view.relation, Relation::Requested);
    chat.actor(user(1)).unblock(user(2)).await.unwrap();
    let Event::Friendship(step) = event(&mut blocker).await else { panic!("his own step") };
    assert_eq!(
        (step.friend.view.relation, step.friend.view.blocked),
        (Relation::None, false),
        "the first thing the blocker hears of is his own unblocking"
    );
    let stranger = code(chat.actor(user(3)).send_to(user(1), text("hello")).await);
    chat.actor(user(1)).block(user(2)).await.unwrap();
    assert_eq!(code(chat.actor(user(2)).send_to(user(1), text("hello")).await), stranger);
}

#[tokio::test]
async fn receipts_and_typing_reach_the_others_but_not_across_a_block() {
    let chat = open_chat().await;
    let room = group(&chat, &[1, 2, 3]).await;
    say(&chat, 1, room, "x").await;
    chat.actor(user(3)).block(user(2)).await.unwrap();
    let mut one = device(&chat, 1).await;
    let mut three = device(&chat, 3).await;
    let two = device(&chat, 2).await;
    let typing = Command::Typing { conversation: room, typing: Typing::Active };
    two.handle(typing).await.unwrap();
    let read = Command::Receipt { conversation: room, read: Some(Seq::new(2)), delivered: None };
    two.handle(read).await.unwrap();
    assert!(matches!(event(&mut one).await, Event::Typing(typing) if typing.user == user(2)));
    assert!(matches!(event(&mut one).await, Event::Receipt(receipt) if receipt.receipt.read == Seq::new(2)));
    say(&chat, 1, room, "mark").await;
    assert!(matches!(event(&mut three).await, Event::Entry(_)), "nothing of the blocked one came before");
}

#[tokio::test]
async fn presence_is_told_to_friends_who_watch_and_to_nobody_else() {
    let store = Arc::new(MemoryStore::new());
    let clock = chat_core::testing::ManualClock::default();
    let chat = Chat::over(store).clock(Arc::new(clock.clone())).build().await.unwrap();
    befriend(&chat, 1, 2).await;
    let mut friend = device(&chat, 1).await;
    let stranger = device(&chat, 3).await;
    for session in [&friend, &stranger] {
        let Reply::Presence(now) = session.handle(Command::Watch { users: vec![user(2)] }).await.unwrap()
        else {
            panic!("presence is answered")
        };
        assert!(!now[0].online);
    }
    let come = device(&chat, 2).await;
    let told = async {
        loop {
            clock.advance(std::time::Duration::from_secs(1));
            tokio::select! {
                event = friend.next() => break event.unwrap(),
                () = tokio::task::yield_now() => {}
            }
        }
    };
    let told = tokio::time::timeout(LONG, told).await.unwrap();
    assert!(matches!(told, Event::Presence(presence) if presence.online));
    let Reply::Presence(now) = stranger.handle(Command::Watch { users: vec![user(2)] }).await.unwrap() else {
        panic!("presence is answered")
    };
    assert!(!now[0].online && now[0].last_seen.is_none(), "a stranger sees nobody");
    drop(come);
}

#[tokio::test]
async fn a_hidden_direct_conversation_comes_back_with_the_next_message() {
    let chat = chat().await;
    befriend(&chat, 1, 2).await;
    say(&chat, 1, user(2), "old").await;
    let mut bo = device(&chat, 2).await;
    chat.actor(user(2)).leave(direct(1, 2), None).await.unwrap();
    assert!(matches!(event(&mut bo).await, Event::Gone(id) if id == direct(1, 2)));
    let none = chat.actor(user(2)).conversations(None, chat_core::Limit::MAX).await.unwrap();
    assert!(none.items.is_empty());
    say(&chat, 1, user(2), "new").await;
    assert_eq!(entry(&mut bo).await.seq, Seq::new(2));
    let page = chat.actor(user(2)).history(direct(1, 2), None, chat_core::Limit::MAX).await.unwrap();
    assert_eq!(page.items.len(), 1, "the old one stays hidden");
}

#[tokio::test]
async fn a_channel_is_joined_by_a_row_and_left_with_gone() {
    let chat = chat().await;
    let channel = chat.system().ensure_channel("lobby").await.unwrap();
    assert_eq!(chat.system().ensure_channel("lobby").await.unwrap(), channel);
    let mut ana = device(&chat, 1).await;
    chat.actor(user(1)).join(channel, None).await.unwrap();
    assert!(matches!(event(&mut ana).await, Event::Conversation(summary) if summary.id == channel));
    say(&chat, 1, channel, "hello all").await;
    assert_eq!(entry(&mut ana).await.message().unwrap().text(), Some("hello all"));
    chat.actor(user(1)).leave(channel, None).await.unwrap();
    assert!(matches!(event(&mut ana).await, Event::Gone(id) if id == channel));
    assert_eq!(code(chat.actor(user(1)).send(channel, text("x")).await), "forbidden");
}

#[tokio::test]
async fn a_reader_follows_a_channel_from_where_he_says() {
    let chat = chat().await;
    let channel = chat.system().ensure_channel("news").await.unwrap();
    for _ in 0..3 {
        chat.system().send(channel, text("n")).await.unwrap();
    }
    let mut reader = device(&chat, 1).await;
    let subscribe = Command::Subscribe { conversation: channel, after: Some(Seq::new(2)) };
    assert_eq!(reader.handle(subscribe).await.unwrap(), Reply::Subscribed { head: Seq::new(4) });
    chat.system().send(channel, text("live")).await.unwrap();
    assert_eq!(seqs(&mut reader, 3).await, [3, 4, 5]);
    reader.handle(Command::Unsubscribe { conversation: channel }).await.unwrap();
    let policy =
        chat_core::command::PolicyPatch { read: Some(chat_core::Read::Members), ..Default::default() };
    let update = chat_core::command::Update { policy, ..Default::default() };
    chat.system().actor().update(channel, update, None).await.unwrap();
    let again = Command::Subscribe { conversation: channel, after: None };
    assert_eq!(code(reader.handle(again).await), "not_found");
}

#[tokio::test]
async fn a_revoked_session_ends_at_once() {
    let chat = chat().await;
    let login = chat_core::SessionId::from_bytes([7; 16]);
    let mut session = chat.open_with(chat_core::delivery::Open::new(user(1)).login(login)).await.unwrap();
    chat.end_session(login);
    assert_eq!(session.next().await.unwrap_err(), Ended::Revoked);
    assert_eq!(code(session.handle(Command::Ping).await), "unauthenticated");
}

#[tokio::test]
async fn roles_and_the_last_owner() {
    let chat = open_chat().await;
    let room = group(&chat, &[1, 2, 3]).await;
    let (one, two, three) = (chat.actor(user(1)), chat.actor(user(2)), chat.actor(user(3)));
    assert_eq!(code(two.remove(room, user(3), None).await), "forbidden");
    assert_eq!(code(one.set_role(room, user(1), Role::Member, None).await), "last_owner");
    assert_eq!(code(one.set_role(room, user(9), Role::Admin, None).await), "not_found");
    one.set_role(room, user(2), Role::Admin, None).await.unwrap();
    assert_eq!(one.set_role(room, user(2), Role::Admin, None).await.unwrap().changed, Changed::No);
    one.leave(room, None).await.unwrap();
    let members = two.members(room, None, chat_core::Limit::MAX).await.unwrap();
    let owner: Vec<_> = members.items.iter().filter(|member| member.role == Role::Owner).collect();
    assert_eq!(owner.iter().map(|member| member.user.id).collect::<Vec<_>>(), [user(2)]);
    two.leave(room, None).await.unwrap();
    three.leave(room, None).await.unwrap();
    assert_eq!(code(three.conversation(room).await), "not_found");
}

#[tokio::test]
async fn shutdown_ends_every_session_and_commits_what_waits() {
    let chat = chat().await;
    befriend(&chat, 1, 2).await;
    let mut session = device(&chat, 2).await;
    let waiting: Vec<_> = (0..50).map(|_| chat.actor(user(1)).send_to(user(2), text("x"))).collect();
    chat.shutdown().await;
    for sent in waiting {
        sent.await.unwrap();
    }
    while session.next().await.is_ok() {}
    assert_eq!(session.next().await.unwrap_err(), Ended::Shutdown);
    assert_eq!(code(chat.actor(user(1)).send_to(user(2), text("late")).await), "unavailable");
}
