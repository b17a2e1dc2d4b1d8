//! Messages through the engine: repeats, changes, unread counts, rights at commit, and what is refused.

use std::collections::HashSet;
use std::sync::Arc;

use crate::common::*;
use chat_core::command::{Changed, NewConversation, Update};
use chat_core::store::Window;
use chat_core::{Edit, Limit, Patch, Role, Seq};

#[tokio::test]
async fn a_repeat_answers_the_first_one_as_it_is_now() {
    let chat = chat().await;
    befriend(&chat, 1, 2).await;
    let ana = chat.actor(user(1));
    let draft = || text("once").client_id(client_id("c1"));
    let first = ana.send_to(user(2), draft()).await.unwrap();
    assert!(!first.duplicate);
    let again = ana.send_to(user(2), draft()).await.unwrap();
    assert!(again.duplicate);
    assert_eq!(again.message, first.message);
    ana.edit(direct(1, 2), first.message.seq, Edit::text("changed").unwrap(), None).await.unwrap();
    let again = ana.send_to(user(2), draft()).await.unwrap();
    assert_eq!((again.duplicate, again.message.text()), (true, Some("changed")));
    assert_eq!(
        code(ana.send_to(user(2), text("other").client_id(client_id("c1"))).await),
        "client_id_reused"
    );
    ana.delete(direct(1, 2), first.message.seq, None).await.unwrap();
    let again = ana.send_to(user(2), draft()).await.unwrap();
    assert!(again.duplicate && again.message.deleted_at.is_some() && again.message.text().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_client_id_a_hundred_times_at_once_is_one_message() {
    let chat = chat().await;
    befriend(&chat, 1, 2).await;
    let barrier = Arc::new(tokio::sync::Barrier::new(100));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (chat, barrier) = (chat.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                let draft = text("once").client_id(client_id("same"));
                chat.actor(user(1)).send_to(user(2), draft).await.unwrap()
            })
        })
        .collect();
    let mut ids = HashSet::new();
    let mut first = 0;
    for task in tasks {
        let sent = task.await.unwrap();
        ids.insert((sent.message.id, sent.message.seq));
        first += usize::from(!sent.duplicate);
    }
    assert_eq!((ids.len(), first), (1, 1));
    let page = chat.actor(user(2)).history(direct(1, 2), None, Limit::MAX).await.unwrap();
    assert_eq!(page.items.len(), 1);
}

#[tokio::test]
async fn a_repeat_after_a_block_is_still_answered() {
    let chat = chat().await;
    befriend(&chat, 1, 2).await;
    let draft = || text("before the block").client_id(client_id("c"));
    let first = chat.actor(user(1)).send_to(user(2), draft()).await.unwrap();
    chat.actor(user(2)).block(user(1)).await.unwrap();
    let again = chat.actor(user(1)).send_to(user(2), draft()).await.unwrap();
    assert!(again.duplicate && again.message.id == first.message.id);
    assert_eq!(code(chat.actor(user(1)).send_to(user(2), text("after")).await), "not_accepted");
    assert_eq!(code(chat.actor(user(2)).send_to(user(1), text("after")).await), "not_accepted");
}

#[tokio::test]
async fn edits_and_deletions_are_judged_at_commit() {
    let chat = open_chat().await;
    let room = group(&chat, &[1, 2, 3]).await;
    let seq = say(&chat, 2, room, "mine").await;
    let (one, two, three) = (chat.actor(user(1)), chat.actor(user(2)), chat.actor(user(3)));
    let edit = || Edit::text("yours").unwrap();
    assert_eq!(code(three.edit(room, seq, edit(), None).await), "forbidden");
    assert_eq!(code(three.delete(room, seq, None).await), "forbidden");
    assert_eq!(code(two.edit(room, Seq::new(1), edit(), None).await), "not_found");
    assert_eq!(code(chat.actor(user(9)).edit(room, seq, edit(), None).await), "not_found");
    let edited = two.edit(room, seq, Edit::text("new").unwrap().only_at(seq), None).await.unwrap();
    assert!(edited.rev > seq && edited.edited_at.is_some());
    let stale = Edit::text("stale").unwrap().only_at(seq);
    assert_eq!(code(two.edit(room, seq, stale, None).await), "conflict");
    let same = two.edit(room, seq, Edit::text("new").unwrap(), None).await.unwrap();
    assert_eq!(same.rev, edited.rev, "nothing changed, nothing written");
    let deleted = one.delete(room, seq, None).await.unwrap();
    assert!(deleted.deleted_at.is_some() && deleted.text().is_none());
    assert_eq!(one.delete(room, seq, None).await.unwrap().rev, deleted.rev, "a repeat is nothing");
    assert_eq!(code(two.edit(room, seq, edit(), None).await), "conflict");
    let page = three.history(room, None, Limit::MAX).await.unwrap();
    assert!(page.items.iter().all(|message| message.text().is_none()));
}

#[tokio::test]
async fn unread_is_exact() {
    let chat = open_chat().await;
    let room = group(&chat, &[1, 2, 3]).await;
    let unread = async || {
        let page = chat.actor(user(2)).conversations(None, Limit::MAX).await.unwrap();
        page.items.iter().find(|summary| summary.id == room).unwrap().standpoint.unread
    };
    let mut seqs = Vec::new();
    for _ in 0..10 {
        seqs.push(say(&chat, 1, room, "x").await);
    }
    assert_eq!(unread().await, 10);
    let now = chat.actor(user(2)).report(room, Some(seqs[3]), None).await.unwrap();
    assert_eq!((now.unread, now.receipt.read, now.receipt.delivered), (6, seqs[3], seqs[3]));
    chat.actor(user(1)).delete(room, seqs[0], None).await.unwrap();
    chat.actor(user(1)).delete(room, seqs[9], None).await.unwrap();
    assert_eq!(unread().await, 5);
    let lower = chat.actor(user(2)).report(room, Some(seqs[1]), None).await.unwrap();
    assert_eq!(lower.receipt.read, seqs[3], "never back");
    say(&chat, 2, room, "mine").await;
    assert_eq!(unread().await, 0, "sending reads");
    assert_eq!(code(chat.actor(user(2)).report(room, Some(Seq::new(999)), None).await), "validation_failed");
    assert_eq!(code(chat.actor(user(2)).report(room, None, None).await), "validation_failed");
    assert_eq!(code(chat.actor(user(9)).report(room, Some(Seq::new(1)), None).await), "not_found");
}

#[tokio::test]
async fn a_group_is_made_once_and_only_of_friends() {
    let chat = chat().await;
    befriend(&chat, 1, 2).await;
    befriend(&chat, 1, 3).await;
    let ana = chat.actor(user(1));
    let new = |members: &[u64]| {
        let members: Vec<_> = members.iter().map(|number| user(*number)).collect();
        NewConversation::group(client_id("g1"), members).named("friends")
    };
    assert_eq!(code(ana.create(new(&[2])).await), "validation_failed");
    assert_eq!(code(ana.create(new(&[2, 4])).await), "not_accepted");
    let made = ana.create(new(&[2, 3, 3, 1])).await.unwrap();
    assert_eq!(
        (made.changed, made.value.member_count, made.value.role),
        (Changed::Yes, 3, Some(Role::Owner))
    );
    let again = ana.create(new(&[3, 2])).await.unwrap();
    assert_eq!((again.changed, again.value.id, again.value.head), (Changed::No, made.value.id, Seq::new(1)));
    assert_eq!(code(ana.create(new(&[2, 3]).named("other")).await), "client_id_reused");
    let renamed = Update { name: Patch::Set("new name".to_owned()), ..Update::default() };
    assert_eq!(ana.update(made.value.id, renamed.clone(), None).await.unwrap().changed, Changed::Yes);
    assert_eq!(ana.update(made.value.id, renamed, None).await.unwrap().changed, Changed::No);
    let bad = Update { name: Patch::Set("\u{202e}evil".to_owned()), ..Update::default() };
    assert_eq!(code(ana.update(made.value.id, bad, None).await), "validation_failed");
}

#[tokio::test]
async fn mentions_of_outsiders_are_left_out_and_replies_must_exist() {
    let chat = open_chat().await;
    let room = group(&chat, &[1, 2, 3]).await;
    let draft = text("@2 @9").mentions([user(2), user(9), user(2)]);
    let sent = chat.actor(user(1)).send(room, draft).await.unwrap();
    assert_eq!(sent.message.content.mentions, [user(2)]);
    let reply = chat.actor(user(2)).send(room, text("yes").reply_to(sent.message.seq)).await.unwrap();
    assert_eq!(reply.message.content.reply_to, Some(sent.message.seq));
    assert_eq!(code(chat.actor(user(2)).send(room, text("?").reply_to(Seq::new(1))).await), "not_found");
    assert_eq!(code(chat.actor(user(2)).send(room, text("?").reply_to(Seq::new(99))).await), "not_found");
}

#[tokio::test]
async fn history_walks_in_both_directions_without_a_gap() {
    let chat = open_chat().await;
    let room = group(&chat, &[1, 2, 3]).await;
    for number in 0..25 {
        say(&chat, 1, room, &format!("{number}")).await;
        if number % 5 == 0 {
            chat.actor(user(1))
                .set_role(room, user(2), if number % 2 == 0 { Role::Admin } else { Role::Member }, None)
                .await
                .unwrap();
        }
    }
    let ana = chat.actor(user(1));
    let limit = Limit::new(7).unwrap();
    let mut backwards = Vec::new();
    let mut before = Seq::MAX;
    loop {
        let page = ana.history(room, Some(Window::Before(before)), limit).await.unwrap();
        before = page.items[0].seq;
        backwards.splice(0..0, page.items);
        if !page.has_before {
            break;
        }
    }
    let mut forwards = Vec::new();
    let mut after = Seq::ZERO;
    loop {
        let page = ana.history(room, Some(Window::After(after)), limit).await.unwrap();
        after = page.items.last().unwrap().seq;
        forwards.extend(page.items);
        if !page.has_after {
            break;
        }
    }
    assert_eq!(forwards.len(), 25);
    assert_eq!(backwards, forwards);
}

#[tokio::test]
async fn one_connections_messages_keep_their_order() {
    let chat = chat().await;
    befriend(&chat, 1, 2).await;
    let session = device(&chat, 1).await;
    let sends: Vec<_> = (0..200)
        .map(|number| {
            let draft = text(&number.to_string());
            session.handle(chat_core::Command::Send { to: user(2).into(), draft })
        })
        .collect();
    // Polled in the opposite order: the place in line is the call's.
    for send in sends.into_iter().rev() {
        send.await.unwrap();
    }
    let mut texts = Vec::new();
    let mut after = Seq::ZERO;
    while texts.len() < 200 {
        let page =
            chat.actor(user(2)).history(direct(1, 2), Some(Window::After(after)), Limit::MAX).await.unwrap();
        after = page.items.last().unwrap().seq;
        texts.extend(page.items.iter().map(|message| message.text().unwrap().to_owned()));
    }
    assert_eq!(texts, (0..200).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_user_has_waiting_is_bounded() {
    let mut limits = chat_core::Limits::default();
    limits.set("queued_drafts_per_user_max", 10).unwrap();
    let chat = chat_with(Arc::new(chat_core::MemoryStore::new()), limits).await;
    befriend(&chat, 1, 2).await;
    let sends: Vec<_> = (0..50).map(|_| chat.actor(user(1)).send_to(user(2), text("x"))).collect();
    let mut answers = Vec::new();
    for send in sends {
        answers.push(send.await.map(drop).map_err(|error| error.code()));
    }
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
    assert!(answers.iter().all(|answer| *answer == Ok(()) || *answer == Err("overloaded")));
}

#[tokio::test]
async fn strangers_and_nobody() {
    let chat = chat().await;
    assert_eq!(code(chat.actor(user(1)).send_to(user(2), text("x")).await), "not_accepted");
    assert_eq!(code(chat.actor(user(1)).send_to(user(1), text("x")).await), "validation_failed");
    assert_eq!(code(chat.actor(user(1)).send(direct(1, 2), text("x")).await), "not_found");
    assert_eq!(code(chat.actor(user(1)).history(direct(2, 3), None, Limit::MAX).await), "not_found");
    assert_eq!(code(chat.actor(user(1)).request_friend(user(1)).await), "validation_failed");
    assert_eq!(code(chat.actor(user(1)).accept_friend(user(2)).await), "conflict");
}

#[tokio::test]
async fn limits_of_content() {
    let mut limits = chat_core::Limits::default();
    limits.set("text_bytes_max", 8).unwrap();
    let chat = chat_with(Arc::new(chat_core::MemoryStore::new()), limits).await;
    befriend(&chat, 1, 2).await;
    assert_eq!(code(chat.actor(user(1)).send_to(user(2), text("123456789")).await), "validation_failed");
    for bad in ["", "  \n", "\u{0}", "a\u{7}b", "\u{1b}[0m"] {
        assert!(chat_core::Draft::text(bad).is_err(), "{bad:?}");
    }
    let kept = "\u{130}\u{df} e\u{301} \t\n";
    assert_eq!(chat_core::Draft::text(kept).unwrap().content.text.unwrap().as_str(), kept);
}

/// A directory that knows nobody any more.
struct Forgetful(std::sync::atomic::AtomicBool);

#[async_trait::async_trait]
impl chat_core::Directory for Forgetful {
    async fn profiles(
        &self,
        ids: &[chat_core::UserId],
    ) -> Result<Vec<chat_core::Profile>, chat_core::DirectoryError> {
        let gone = self.0.load(std::sync::atomic::Ordering::Relaxed);
        Ok(if gone { Vec::new() } else { ids.iter().copied().map(chat_core::Profile::new).collect() })
    }

    async fn find(&self, _: &[&str]) -> Result<Vec<chat_core::Profile>, chat_core::DirectoryError> {
        Ok(Vec::new())
    }

    async fn search(
        &self,
        _: &chat_core::Query,
        after: Option<chat_core::UserId>,
        limit: Limit,
    ) -> Result<Vec<chat_core::Profile>, chat_core::DirectoryError> {
        let first = after.and_then(chat_core::UserId::as_integer).unwrap_or(0);
        let ids = (first + 1..=5).take(limit.get() + 1);
        Ok(ids
            .map(|id| chat_core::Profile::new(chat_core::UserId::from(i64::try_from(id).unwrap())))
            .collect())
    }
}

async fn forgetful() -> (chat_core::Chat, Arc<Forgetful>) {
    let directory = Arc::new(Forgetful(std::sync::atomic::AtomicBool::new(false)));
    let builder = chat_core::Chat::builder(chat_core::MemoryStore::new());
    (builder.directory(Arc::clone(&directory) as _).build().await.unwrap(), directory)
}

#[tokio::test]
async fn a_friendship_with_somebody_who_is_gone_can_be_ended_but_not_begun() {
    let (chat, directory) = forgetful().await;
    befriend(&chat, 1, 2).await;
    directory.0.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(chat.actor(user(1)).remove_friend(user(2)).await.unwrap().changed, Changed::Yes);
    assert_eq!(code(chat.actor(user(1)).request_friend(user(2)).await), "not_found");
    assert_eq!(code(chat.actor(user(1)).remove_friend(user(3)).await), "not_found");
}

#[tokio::test]
async fn search_is_walked_to_its_end() {
    let (chat, _) = forgetful().await;
    let (query, limit) = (chat_core::Query::new("x").unwrap(), Limit::new(2).unwrap());
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = chat.actor(user(1)).search(&query, after, limit).await.unwrap();
        assert!(page.items.len() <= 2);
        found.extend(page.items.iter().filter_map(|profile| profile.id.as_integer()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, [1, 2, 3, 4, 5]);
}
