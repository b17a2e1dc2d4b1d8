//! Appending and reading: positions, lanes, what is expected of them, time.

use std::sync::Arc;

use futures_util::FutureExt;

use super::scene::{
    Build, Scene, append_lane, appended, assert_conflict, at, deletion, limit, member, message, note, seq,
    some_uuid, user,
};
use crate::conversation::{Kind, Role};
use crate::id::{ConversationId, Seq};
use crate::message::Payload;
use crate::store::{
    After, Appended, ClosedBy, ConversationPatch, DraftEntry, Effect, Expected, Head, Lane, MessageRow,
    Outcome, Store,
};

fn closing() -> DraftEntry {
    let closed = ConversationPatch { closed: ClosedBy::ThisEntry, ..ConversationPatch::default() };
    note(user(1)).with(Effect::SetConversation(closed)).taking_right()
}

/// Positions are 1, 2, 3, …; `n` counts the messages among them; the answer tells the conversation after it.
pub async fn positions_are_dense(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let drafts = vec![message(user(1), "a"), note(user(1)), message(user(2), "b")];
    let done = scene.try_append(drafts).await.unwrap();
    let place = |position, n| Outcome::Appended(Appended { seq: seq(position), at: at(1_000), n });
    assert_eq!(done.outcomes, [place(1, 1), place(2, 1), place(3, 2)]);
    assert_eq!((done.conversation.head, done.conversation.n), (seq(3), 2));
    assert_eq!(scene.record().await, done.conversation);
    let done = scene.try_append(vec![note(user(1)), message(user(1), "c")]).await.unwrap();
    assert_eq!(done.outcomes, [place(4, 2), place(5, 3)]);
    let entries = scene.entries().await;
    assert!(entries.iter().map(|row| row.seq.get()).eq(1..=5));
    assert!(entries.iter().map(|row| row.n).eq([1, 1, 2, 2, 3]));
}

/// An entry is kept as it was drafted: a kind and payload that no store knows included.
pub async fn entries_are_kept_as_drafted(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let plain = note(user(1)).kind(0);
    let strange =
        note(user(2)).kind(900).under("~!\"'%_\\-id").about(seq(1)).on(at(2_000)).holding(b"\0\xff\x80\x01");
    let highest = note(user(3)).kind(u16::MAX).about(Seq::MAX).holding(b"");
    let drafts = [plain, strange, highest];
    scene.append(drafts.to_vec()).await;
    let entries = scene.entries().await;
    assert_eq!(entries.len(), 3);
    for (entry, draft) in entries.iter().zip(&drafts) {
        assert_eq!((entry.id, entry.by, &entry.client_id), (draft.id, draft.by, &draft.client_id));
        assert_eq!((entry.kind, entry.target, &entry.payload), (draft.kind, draft.target, &draft.payload));
        assert_eq!(entry.message, None);
    }
    assert_eq!(entries[2].payload, Some(Payload::new()), "empty is not absent");
}

/// Entries are read after a position, a page at a time, with the head that was there.
pub async fn entries_are_read_after_a_position(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    scene.say_many(1, 10).await;
    for (after, items, expected) in
        [(0, 3, 1..4), (3, 3, 4..7), (8, 3, 9..11), (10, 3, 11..11), (11, 3, 11..11), (0, 200, 1..11)]
    {
        let wanted = [After { conversation: scene.id, after: seq(after) }];
        let mut answer = scene.log().entries(&wanted, limit(items)).await.unwrap();
        let answer = answer.remove(0);
        assert_eq!((answer.conversation, answer.head, answer.start), (scene.id, seq(10), seq(1)));
        assert!(answer.items.iter().map(|row| row.seq.get()).eq(expected), "after {after}");
    }
    let beyond = [After { conversation: scene.id, after: Seq::MAX }];
    assert_eq!(scene.log().entries(&beyond, limit(1)).await.unwrap()[0].items, []);
}

/// Entries of many conversations are one answer in the order asked; what is not there is left out; the limit counts
/// for each.
pub async fn entries_of_many_conversations(store: Arc<dyn Store>) {
    let mut scenes = Vec::new();
    for count in 0..5 {
        let scene = Scene::shell(&store, Kind::Group).await;
        if count > 0 {
            scene.say_many(1, count).await;
        }
        scenes.push(scene);
    }
    let absent = ConversationId::from(some_uuid());
    let mut wanted: Vec<After> =
        scenes.iter().rev().map(|scene| After { conversation: scene.id, after: seq(1) }).collect();
    wanted.insert(2, After { conversation: absent, after: Seq::ZERO });
    let answer = store.talk().log().entries(&wanted, limit(2)).await.unwrap();
    let told: Vec<(ConversationId, u64, usize)> =
        answer.iter().map(|one| (one.conversation, one.head.get(), one.items.len())).collect();
    let expected: Vec<_> = [(4, 2), (3, 2), (2, 1), (1, 0), (0, 0)]
        .into_iter()
        .map(|(count, items)| (scenes[count].id, count as u64, items))
        .collect();
    assert_eq!(told, expected);
    assert_eq!(store.talk().log().entries(&[], limit(2)).await.unwrap(), []);
}

/// Heads and last messages come in the order asked, absent where there is none.
pub async fn heads_and_last_messages(store: Arc<dyn Store>) {
    let (empty, spoken) = (Scene::shell(&store, Kind::Group).await, Scene::shell(&store, Kind::Group).await);
    spoken.say_many(1, 2).await;
    spoken.put(note(user(1))).await;
    let absent = ConversationId::from(some_uuid());
    let asked = [spoken.id, absent, empty.id];
    let head = |head| Some(Head { head: seq(head), start: seq(1) });
    assert_eq!(store.talk().log().heads(&asked).await.unwrap(), [head(3), None, head(0)]);
    let last = |answer: Vec<Option<MessageRow>>| {
        answer.into_iter().map(|row| row.map(|row| row.seq)).collect::<Vec<_>>()
    };
    assert_eq!(last(store.talk().log().last(&asked).await.unwrap()), [Some(seq(2)), None, None]);
    spoken.delete(seq(2)).await;
    assert_eq!(
        last(store.talk().log().last(&[spoken.id]).await.unwrap()),
        [Some(seq(2))],
        "deleted, and still the last"
    );
}

/// Messages at positions come in the order asked, absent where there is none.
pub async fn messages_at_positions(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    scene.append(vec![note(user(1)), message(user(1), "a"), note(user(1)), message(user(2), "b")]).await;
    let asked = [4, 0, 3, 2, 5, 1, 4].map(seq);
    let found = scene.log().at(scene.id, &asked).await.unwrap();
    let texts: Vec<Option<String>> = found.into_iter().map(|row| row.and_then(|row| row.text)).collect();
    let [a, b] = ["a", "b"].map(|text| Some(text.to_owned()));
    assert_eq!(texts, [b.clone(), None, None, a, None, None, b]);
    assert_eq!(scene.log().at(ConversationId::from(some_uuid()), &[seq(1)]).await.unwrap(), [None]);
    assert_eq!(scene.log().at(scene.id, &[]).await.unwrap(), []);
}

/// A lane of which one draft is impossible leaves nothing behind: no entry, no counter, no row, no mark, no claim
/// on its `client_id`s.
pub async fn a_refused_lane_leaves_nothing(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    let said = scene.say(1, "hello").await;
    let before = scene.everything().await;
    let renamed = ConversationPatch {
        name: crate::message::Patch::Set("x".to_owned()),
        ..ConversationPatch::default()
    };
    let drafts = vec![
        message(user(1), "lost").under("lost"),
        note(user(1)).with(member(user(3), Role::Admin)).taking_right(),
        note(user(2)).with(Effect::PutMark { target: said, key: "+1".to_owned(), by: user(2) }),
        note(user(1)).with(Effect::SetConversation(renamed)),
        deletion(user(1), said, seq(99)),
    ];
    assert_conflict(scene.try_append(drafts).await);
    assert_eq!(scene.everything().await, before);
    assert_eq!(scene.row(3).await, None);
    assert_eq!(
        scene.log().find(scene.id, user(1), &message(user(1), "").under("lost").client_id).await.unwrap(),
        None
    );
    assert_eq!(scene.say(1, "after").await, before.record.head.next());
}

/// Lanes are independent: one that is refused takes no other with it, and the answers keep the order of the lanes.
pub async fn lanes_are_independent(store: Arc<dyn Store>) {
    let mut scenes = Vec::new();
    for _ in 0..4 {
        scenes.push(Scene::shell(&store, Kind::Group).await);
    }
    store.talk().conversations().fence(scenes[1].id).await.unwrap();
    let stale = Expected { acl: 0, roster: None };
    let lane =
        |id, text: &str| Lane { conversation: id, expected: stale, drafts: vec![message(user(1), text)] };
    let absent = ConversationId::from(some_uuid());
    let batch = [
        lane(scenes[3].id, "first"),
        lane(scenes[1].id, "refused"),
        lane(absent, "nowhere"),
        lane(scenes[0].id, "last"),
    ];
    let answers = store.talk().log().append(Arc::new(batch)).await;
    let heads: Vec<Option<(ConversationId, Seq)>> = answers
        .iter()
        .map(|answer| answer.as_ref().ok().map(|done| (done.conversation.id, done.conversation.head)))
        .collect();
    assert_eq!(heads, [Some((scenes[3].id, seq(1))), None, None, Some((scenes[0].id, seq(1)))]);
    for answer in answers.into_iter().skip(1).take(2) {
        assert_conflict(answer);
    }
    assert_eq!(scenes[1].entries().await, []);
    assert_eq!(scenes[0].message(seq(1)).await.unwrap().text.as_deref(), Some("last"));
    assert_eq!(scenes[3].message(seq(1)).await.unwrap().text.as_deref(), Some("first"));
}

/// A second lane of a conversation in a batch is refused; the first goes through.
pub async fn a_conversation_has_one_lane_in_a_batch(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let (first, second) =
        (scene.lane(vec![message(user(1), "a")]).await, scene.lane(vec![message(user(1), "b")]).await);
    let mut answers = store.talk().log().append(Arc::new([first, second])).await;
    assert_conflict(answers.pop().unwrap());
    appended(&answers.pop().unwrap().unwrap().outcomes[0]);
    assert_eq!(scene.entries().await.len(), 1);
}

/// `acl` is compared inside the write: one behind and one ahead are both refused.
pub async fn acl_is_compared(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    for _ in 0..2 {
        store.talk().conversations().fence(scene.id).await.unwrap();
    }
    for (acl, fits) in [(1, false), (3, false), (0, false), (2, true)] {
        let expected = Expected { acl, roster: None };
        let lane = Lane { conversation: scene.id, expected, drafts: vec![message(user(1), "a")] };
        let answer = append_lane(&*store, lane).await;
        if fits { assert_eq!(answer.unwrap().conversation.head, seq(1)) } else { assert_conflict(answer) }
    }
}

/// `roster` is compared when it is given, and only then.
pub async fn roster_is_compared_when_given(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    let roster = scene.record().await.roster;
    for (given, fits) in
        [(Some(roster - 1), false), (Some(roster + 1), false), (Some(roster), true), (None, true)]
    {
        let lane = scene.lane(vec![note(user(1)).with(member(user(3), Role::Member))]).await;
        let lane = Lane { expected: Expected { roster: given, ..lane.expected }, ..lane };
        let answer = append_lane(&*store, lane).await;
        if fits { assert_eq!(answer.unwrap().outcomes.len(), 1) } else { assert_conflict(answer) }
    }
    assert_eq!(scene.record().await.roster, roster + 2);
}

/// The comparison is with the conversation before the lane: what the lane itself takes away does not stop it.
pub async fn a_lane_is_compared_once(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    let before = scene.record().await;
    let drafts = vec![
        note(user(1)).with(super::scene::gone(user(2))).taking_right(),
        message(user(1), "after"),
        note(user(1)).with(member(user(3), Role::Member)),
        note(user(1)).taking_right(),
    ];
    let lane = Lane {
        expected: Expected { acl: before.acl, roster: Some(before.roster) },
        ..scene.lane(drafts).await
    };
    let after = append_lane(&*store, lane).await.unwrap().conversation;
    assert_eq!((after.acl, after.roster), (before.acl + 2, before.roster + 2));
    assert_eq!(after.head.get(), before.head.get() + 4);
}

/// What takes a right away raises `acl` by one each; what does not, does not.
pub async fn only_taking_a_right_raises_acl(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let before = scene.record().await.acl;
    scene.append(vec![message(user(1), "a"), note(user(1)).with(member(user(2), Role::Admin))]).await;
    assert_eq!(scene.record().await.acl, before);
    scene.append(vec![note(user(1)).taking_right()]).await;
    assert_eq!(scene.record().await.acl, before + 1);
}

/// A closed conversation takes nothing any more, and keeps what it has.
pub async fn a_closed_conversation_takes_nothing(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    scene.say(1, "hello").await;
    scene.put(closing()).await;
    let before = scene.everything().await;
    assert!(before.record.closed);
    assert_conflict(scene.try_append(vec![message(user(1), "too late")]).await);
    assert_conflict(scene.try_append(vec![closing()]).await);
    assert_eq!(scene.everything().await, before);
    assert_eq!(before.entries.len(), 3);
}

/// A conversation's time never falls, within a lane and after it; it may be before 1970.
pub async fn time_never_falls(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let mut times = Vec::new();
    for drafted in [&[2_000, 1_500, 3_000][..], &[-5, 3_000], &[i64::MIN], &[3_001]] {
        let drafts = drafted.iter().map(|&millis| message(user(1), "a").on(at(millis))).collect();
        times.extend(scene.append(drafts).await.iter().map(|outcome| appended(outcome).at));
    }
    assert_eq!(times, [2_000, 2_000, 3_000, 3_000, 3_000, 3_000, 3_001].map(at));
    let kept = scene.entries().await;
    assert!(kept.iter().map(|row| row.at).eq(times.iter().copied()));
    assert!(kept.iter().map(|row| row.message.as_ref().unwrap().at).eq(times));
    assert_eq!(scene.record().await.last_at, at(3_001));
    scene.put(note(user(1)).on(at(i64::MAX))).await;
    assert_eq!(scene.put(note(user(1)).on(at(0))).await.at, at(i64::MAX));
}

/// An entry before the conversation's own making takes the time of that.
pub async fn time_begins_with_the_shell(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    assert_eq!(scene.put(note(user(1)).on(at(-7))).await.at, at(1_000));
}

/// Nothing asked is nothing done: an empty batch, and a lane without drafts.
pub async fn empty_batches_and_lanes(store: Arc<dyn Store>) {
    assert!(store.talk().log().append(Arc::new([])).await.is_empty());
    let scene = Scene::group(&store, &[1]).await;
    let before = scene.everything().await;
    let done = scene.try_append(Vec::new()).await.unwrap();
    assert_eq!((done.outcomes, done.conversation), (Vec::new(), before.record.clone()));
    assert_eq!(scene.everything().await, before);
}

/// A batch of 512 lanes, and one lane of 512 drafts, go through in order.
pub async fn large_batches(store: Arc<dyn Store>) {
    let mut scenes = Vec::new();
    for _ in 0..512 {
        scenes.push(Scene::shell(&store, Kind::Group).await);
    }
    let expected = Expected { acl: 0, roster: None };
    let lane = |scene: &Scene| Lane {
        conversation: scene.id,
        expected,
        drafts: vec![message(user(1), "a"), note(user(2))],
    };
    let batch: Arc<[Lane]> = scenes.iter().map(lane).collect();
    let answers = store.talk().log().append(batch).await;
    for (scene, answer) in scenes.iter().zip(answers) {
        let record = answer.unwrap().conversation;
        assert_eq!((record.id, record.head), (scene.id, seq(2)));
    }
    let positions = scenes[0].say_many(1, 512).await;
    assert!(positions.iter().map(|position| position.get()).eq(3..515));
    let entries = scenes[0].entries().await;
    assert!(entries.iter().map(|row| row.seq.get()).eq(1..=514));
    let texts = entries.iter().skip(2).map(|row| row.message.as_ref().unwrap().text.clone().unwrap());
    assert!(texts.eq((0..512).map(|number| format!("text {number}"))));
}

/// Whoever sees a position sees what was done at it: entries, messages, members and record never lag the head.
pub async fn effects_are_visible_with_their_position(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let rounds = 60;
    let writer = tokio::spawn({
        let scene = scene.clone();
        async move {
            for number in 0..rounds {
                let joins = note(user(1)).with(member(user(100 + number), Role::Member));
                scene.append(vec![joins, message(user(1), "a")]).await;
            }
        }
    });
    let mut head = 1;
    while head < 1 + 2 * rounds {
        let record = scene.record().await;
        head = record.head.get();
        let joined = (head - 1) / 2;
        assert!(head % 2 == 1, "a lane is visible wholly");
        assert_eq!((record.n, record.member_count, record.roster), (joined, joined + 1, joined + 1));
        let members = store.talk().memberships().list(scene.id, None, 1_000).await.unwrap();
        assert!(members.len() as u64 > joined, "{} rows, {joined} joined", members.len());
        if joined > 0 {
            assert!(scene.message(seq(head)).await.is_some());
        }
    }
    writer.await.unwrap();
}

/// An append whose future is dropped after one poll is done wholly or not at all.
pub async fn a_dropped_append_is_whole_or_nothing(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    for round in 0..20 {
        let drafts: Vec<DraftEntry> = ["a", "b", "c"]
            .iter()
            .map(|name| message(user(1), name).under(&format!("{round}-{name}")))
            .collect();
        let lane = scene.lane(drafts).await;
        let _ = store.talk().log().append(Arc::new([lane.clone()])).now_or_never();
        let outcomes = append_lane(&*store, lane).await.unwrap().outcomes;
        let repeats = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Repeat { .. })).count();
        assert!(repeats == 0 || repeats == 3, "half of a lane was written: {outcomes:?}");
    }
    let entries = scene.entries().await;
    assert!(entries.iter().map(|row| row.seq.get()).eq(1..=61), "each once, without holes");
}
