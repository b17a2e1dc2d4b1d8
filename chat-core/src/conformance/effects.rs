//! What entries do to messages and to the conversation: every effect, alone and after another.

use std::sync::Arc;

use super::scene::{
    Build, Scene, appended, assert_conflict, at, banned, deletion, edit, gone, member, message, note, seq,
    user,
};
use crate::conversation::{History, Join, Kind, Post, Read, Role, Settings};
use crate::id::{Seq, UserId};
use crate::message::{Patch, Payload};
use crate::store::{ClosedBy, ConversationPatch, DraftEntry, Effect, MessageRow, Store};

fn set_body(target: u64, rev: u64, text: Option<&str>, payload: Option<&'static [u8]>) -> DraftEntry {
    let text = text.map(str::to_owned);
    let payload = payload.map(Payload::from_static);
    note(user(1)).about(seq(target)).with(Effect::SetBody {
        target: seq(target),
        rev: seq(rev),
        text,
        payload,
    })
}

fn patch(patch: ConversationPatch) -> DraftEntry {
    note(user(1)).with(Effect::SetConversation(patch))
}

/// A message is kept as it was written, under its entry's id, with `rev` its own position.
pub async fn a_message_is_its_entry(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let payload = Some(Payload::from_static(b"{\"\0\xff"));
    let effect = Effect::PutMessage { text: Some("hi".to_owned()), payload: payload.clone() };
    let draft = note(user(1)).with(effect).on(at(5_000)).under("x");
    let place = scene.put(draft.clone()).await;
    let row = scene.message(place.seq).await.unwrap();
    assert_eq!(row, MessageRow::of(&draft, place, Some("hi".to_owned()), payload));
    assert_eq!(
        (row.rev, row.n, row.at, row.edited_at, row.deleted_at),
        (place.seq, 1, at(5_000), None, None)
    );
    let entry = scene.entries().await.pop().unwrap();
    assert_eq!((entry.seq, entry.message), (place.seq, Some(row)));
}

/// A message may have a text, a payload, both, or neither.
pub async fn parts_of_a_message_may_be_absent(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    for (text, payload) in [
        (None, None),
        (Some(""), None),
        (None, Some(&b""[..])),
        (None, Some(&b"x"[..])),
        (Some("a"), Some(&b"b"[..])),
    ] {
        let (text, payload) = (text.map(str::to_owned), payload.map(Payload::from_static));
        let draft =
            note(UserId::SYSTEM).with(Effect::PutMessage { text: text.clone(), payload: payload.clone() });
        let row = scene.message(scene.put(draft).await.seq).await.unwrap();
        assert_eq!((row.text, row.payload, row.sender), (text, payload, UserId::SYSTEM));
    }
}

/// Who writes has read: his receipt moves to his message, and nobody else's does.
pub async fn writing_moves_ones_own_receipt(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    scene.say(2, "one").await;
    let before = scene.row(2).await.unwrap();
    let said = scene.say(1, "two").await;
    let row = scene.row(1).await.unwrap();
    assert_eq!((row.read, row.delivered, row.read_n), (said, said, 2));
    assert_eq!(scene.row(2).await.unwrap(), before);
    assert_eq!((scene.unread(1).await, scene.unread(2).await), (0, 1));
    scene.put(note(user(2))).await;
    assert_eq!(scene.row(2).await.unwrap(), before, "only a message does that");
}

/// Who has no member's row may write, as the store judges no right, and gets none by it.
pub async fn writing_makes_no_member(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    scene.put(note(user(1)).with(banned(user(3)))).await;
    let before = scene.row(3).await.unwrap();
    scene.append(vec![message(user(2), "a"), message(user(3), "b"), message(UserId::SYSTEM, "c")]).await;
    assert_eq!(scene.row(2).await, None);
    assert_eq!(scene.row(3).await.unwrap(), before);
    assert_eq!(scene.unread(1).await, 3);
}

/// An edit replaces text and payload, moves `rev` and `edited_at`, and leaves the rest.
pub async fn an_edit_replaces_the_body(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    let said = scene.say(2, "old").await;
    let old = scene.message(said).await.unwrap();
    let before = scene.record().await;
    let place = scene.put(set_body(2, 2, Some("new"), Some(b"payload")).on(at(9_000))).await;
    let edited = MessageRow {
        rev: place.seq,
        edited_at: Some(at(9_000)),
        text: Some("new".to_owned()),
        payload: Some(Payload::from_static(b"payload")),
        ..old
    };
    assert_eq!(scene.message(said).await, Some(edited.clone()));
    assert_eq!(scene.record().await.n, before.n, "an edit is no message");
    let entries = scene.entries().await;
    assert_eq!(entries[1].message, Some(edited.clone()), "the message at its position, as it is now");
    assert_eq!((entries[2].target, &entries[2].message), (Some(said), &Some(edited)), "and at the edit's");
    scene.put(set_body(2, 3, None, None)).await;
    let cleared = scene.message(said).await.unwrap();
    assert_eq!((cleared.text, cleared.payload), (None, None));
}

/// An edit of an older `rev`, of a later one, of no message and of what is no message are refused.
pub async fn an_edit_compares_the_rev(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    scene.say(1, "a").await;
    scene.put(edit(user(1), seq(2), seq(2), "b")).await;
    let before = scene.everything().await;
    for (target, rev) in [(2, 2), (2, 4), (2, 0), (1, 1), (3, 3), (4, 4), (99, 99), (0, 0)] {
        assert_conflict(scene.try_append(vec![edit(user(1), seq(target), seq(rev), "c")]).await);
        assert_conflict(scene.try_append(vec![deletion(user(1), seq(target), seq(rev))]).await);
    }
    assert_eq!(scene.everything().await, before);
    scene.put(edit(user(1), seq(2), seq(3), "c")).await;
}

/// Drafts of one lane see each other: write, edit, edit, delete at the right `rev`s goes through.
pub async fn drafts_see_those_before_them(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let drafts = vec![
        message(user(1), "a"),
        edit(user(1), seq(1), seq(1), "b"),
        edit(user(1), seq(1), seq(2), "c"),
        message(user(1), "z"),
    ];
    scene.append(drafts).await;
    let row = scene.message(seq(1)).await.unwrap();
    assert_eq!((row.text.as_deref(), row.rev), (Some("c"), seq(3)));
    scene.append(vec![edit(user(1), seq(1), seq(3), "d"), deletion(user(1), seq(1), seq(5))]).await;
    let row = scene.message(seq(1)).await.unwrap();
    assert_eq!((row.text, row.rev, row.deleted_at.is_some()), (None, seq(6), true));
    assert_eq!(scene.message(seq(4)).await.unwrap().text.as_deref(), Some("z"));
}

/// A second change from the same `rev` within one lane refuses the lane wholly.
pub async fn stale_inside_a_lane(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    scene.say(1, "a").await;
    let before = scene.everything().await;
    let first = || edit(user(1), seq(1), seq(1), "b");
    for second in [edit(user(1), seq(1), seq(1), "c"), deletion(user(1), seq(1), seq(1))] {
        assert_conflict(scene.try_append(vec![first(), second]).await);
    }
    let buried = || deletion(user(1), seq(1), seq(1));
    for second in [edit(user(1), seq(1), seq(2), "c"), deletion(user(1), seq(1), seq(2))] {
        assert_conflict(scene.try_append(vec![buried(), second]).await);
    }
    assert_eq!(scene.everything().await, before);
}

/// A deleted message keeps its place and nothing of its content, wherever one looks.
pub async fn a_tombstone_leaves_no_text(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1, 2]).await;
    let effect = Effect::PutMessage {
        text: Some("secret".to_owned()),
        payload: Some(Payload::from_static(b"secret")),
    };
    let draft = note(user(2)).with(effect).under("x");
    let said = scene.put(draft.clone()).await;
    scene.put(set_body(2, 2, Some("secret still"), Some(b"secret too"))).await;
    let edited_at = scene.message(said.seq).await.unwrap().edited_at;
    let place = scene.put(deletion(user(1), said.seq, seq(3)).on(at(8_000))).await;
    let buried = MessageRow {
        rev: place.seq,
        edited_at,
        deleted_at: Some(at(8_000)),
        ..MessageRow::of(&draft, said, None, None)
    };
    assert_eq!(scene.message(said.seq).await, Some(buried.clone()));
    assert_eq!(scene.log().last(&[scene.id]).await.unwrap(), [Some(buried)]);
    let everything = scene.everything().await;
    assert!(everything.entries[1..].iter().all(|row| row.message.as_ref().unwrap().deleted_at.is_some()));
    assert!(!format!("{everything:?}").contains("secret"));
    assert_eq!(everything.record.n, 1, "n counts what was ever written");
}

/// Deletion is final: no edit, no second deletion, no mark, at any `rev`.
pub async fn deletion_is_final(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let said = scene.say(1, "a").await;
    let rev = scene.delete(said).await.seq;
    let before = scene.everything().await;
    for rev in [said, rev, Seq::ZERO] {
        assert_conflict(scene.try_append(vec![edit(user(1), said, rev, "b")]).await);
        assert_conflict(scene.try_append(vec![deletion(user(1), said, rev)]).await);
    }
    assert_eq!(scene.everything().await, before);
}

/// What happens to one message happens to no other, in this conversation and in others.
pub async fn changes_touch_one_message(store: Arc<dyn Store>) {
    let (scene, other) = (Scene::shell(&store, Kind::Group).await, Scene::shell(&store, Kind::Group).await);
    for scene in [&scene, &other] {
        scene.say_many(1, 3).await;
    }
    let (untouched, foreign) = ([1, 3].map(seq), other.everything().await);
    let before = scene.log().at(scene.id, &untouched).await.unwrap();
    scene.put(edit(user(1), seq(2), seq(2), "b")).await;
    scene.delete(seq(2)).await;
    assert_eq!(scene.log().at(scene.id, &untouched).await.unwrap(), before);
    assert_eq!(other.everything().await, foreign);
}

/// Name, picture and metadata are set, kept and cleared each for itself, to the letter.
pub async fn the_record_is_patched(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let set = |text: &str| Patch::Set(text.to_owned());
    let all = ConversationPatch {
        name: set(" Näme\u{301} "),
        picture: set(""),
        metadata: set("{\"a\":\"\u{1F600}\"}"),
        ..ConversationPatch::default()
    };
    scene.put(patch(all)).await;
    let record = scene.record().await;
    assert_eq!(record.name.as_deref(), Some(" Näme\u{301} "));
    assert_eq!(
        (record.picture.as_deref(), record.metadata.as_deref()),
        (Some(""), Some("{\"a\":\"\u{1F600}\"}"))
    );
    scene.put(patch(ConversationPatch { picture: Patch::Clear, ..ConversationPatch::default() })).await;
    scene.put(patch(ConversationPatch { name: set("b"), ..ConversationPatch::default() })).await;
    let record = scene.record().await;
    assert_eq!((record.name.as_deref(), record.picture), (Some("b"), None));
    assert!(record.metadata.is_some());
    assert_eq!(record.settings, Settings::of(Kind::Group));
}

/// Settings are replaced as a whole, and nothing else with them.
pub async fn settings_are_replaced(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    let settings =
        Settings { join: Join::Open, read: Read::Anyone, post: Post::Admins, history: History::FromJoin };
    let mut expected = scene.record().await;
    scene.put(patch(ConversationPatch { settings: Some(settings), ..ConversationPatch::default() })).await;
    expected.settings = settings;
    expected.head = expected.head.next();
    assert_eq!(scene.record().await, expected);
}

/// Closing is in the record, and takes the conversation out of every list; seats asked by name still tell it.
pub async fn closing_takes_it_out_of_lists(store: Arc<dyn Store>) {
    let scene = Scene::group(&store, &[1]).await;
    scene.put(patch(ConversationPatch { closed: ClosedBy::ThisEntry, ..ConversationPatch::default() })).await;
    assert!(scene.record().await.closed);
    let memberships = store.talk().memberships();
    assert_eq!(memberships.positions(user(1)).await.unwrap(), []);
    assert_eq!(memberships.counts(&[user(1)]).await.unwrap(), [0]);
    assert!(scene.seat(1).await.unwrap().conversation.closed);
}

/// The effects of one entry are applied in order, and the entry's message counts for all of them.
pub async fn effects_of_one_entry_are_applied_in_order(store: Arc<dyn Store>) {
    let scene = Scene::shell(&store, Kind::Group).await;
    let draft = message(user(1), "welcome")
        .with(member(user(2), Role::Member))
        .with(gone(user(2)))
        .with(member(user(2), Role::Admin))
        .with(member(user(3), Role::Member));
    let place = appended(&scene.append(vec![draft]).await[0]);
    let row = scene.row(2).await.unwrap();
    assert_eq!((row.role(), row.read, row.read_n), (Some(Role::Admin), place.seq, 1));
    let record = scene.record().await;
    assert_eq!((record.roster, record.member_count), (4, 2));
    assert_eq!((scene.unread(2).await, scene.unread(3).await), (0, 0));
}
